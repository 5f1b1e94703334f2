"""Songs turned back into sound: known tones, and the way to sound and back."""

import numpy as np
import pytest
import xarray as xr

from simcore import datasets, sound, targets

DT, LOG_RANGE = 0.1, 8.0
FREQUENCY = np.array(targets.SONG_CHANNELS) * targets.SONG_SAMPLING_RATE / targets.SONG_FFT


def tones(duration=200.0):
    """Two tones one after the other, amplitudes (time, channel): channel 10, then channel 30."""
    time = np.arange(0, duration, DT)
    amplitude = np.zeros((len(time), len(FREQUENCY)))
    amplitude[time < duration / 2, 10] = 1
    amplitude[time >= duration / 2, 30] = 0.9
    return amplitude


def dominant_frequency(samples):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return np.argmax(spectrum) * targets.SONG_SAMPLING_RATE / len(samples)


def test_a_tone_sounds_at_its_frequency_and_time():
    samples = sound.from_amplitude(tones(), FREQUENCY, DT, LOG_RANGE)
    assert len(samples) == round(0.2 * targets.SONG_SAMPLING_RATE)
    assert 0.5 < np.abs(samples).max() <= 1
    middle = len(samples) // 2
    # The channels are 172 Hz apart.
    for half, channel in ((samples[: middle - 200], 10), (samples[middle + 200 :], 30)):
        assert dominant_frequency(half) == pytest.approx(FREQUENCY[channel], abs=90)


def test_the_way_to_sound_and_back_keeps_a_song(tmp_path):
    samples = targets.synthesize_song(800, seed=3)
    targets.write_wav(tmp_path / "song.wav", samples, targets.SONG_SAMPLING_RATE)
    song = targets.song(tmp_path / "song.wav", 300, DT, start=200)
    amplitude = song.rate / song.rate.max()
    heard = sound.amplitude_of(
        sound.from_amplitude(amplitude, song.labels, DT, song.log_range),
        song.labels,
        song.log_range,
    )
    assert heard.min() >= 0 and heard.max() == pytest.approx(1)
    frame = np.arange(len(heard)) * targets.SONG_HOP / targets.SONG_SAMPLING_RATE * 1000
    step = np.minimum(np.rint(frame / DT).astype(int), len(amplitude) - 1)
    assert np.corrcoef(heard.ravel(), amplitude[step].ravel())[0, 1] > 0.9


def test_equal_amplitudes_give_equal_sounds():
    first, second = (sound.from_amplitude(tones(50), FREQUENCY, DT, LOG_RANGE) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def song_and_replay(spiking):
    """A target of two tones, and read-outs that spike densely wherever it is on."""
    amplitude = tones()
    target = datasets.target(
        10 * amplitude[None], FREQUENCY, "song", DT, np.zeros(len(FREQUENCY), int), 0
    ).assign_attrs(log_range=LOG_RANGE)
    step, channel = np.nonzero(amplitude[::20] > 0) if spiking else (np.zeros(0, int),) * 2
    replay = xr.Dataset(
        {
            "readout_spike_time": ("readout_spike", step * 2.0 + 1000 + 35),
            "readout_spike_channel": ("readout_spike", channel),
        }
    )
    return target, replay


def test_a_replay_like_its_target_sounds_like_it():
    made = sound.sounds(*song_and_replay(True), np.array([1000.0]), np.array([0.1]), name="bird")
    numbers = dict(zip(made["summary_id"].values, made["summary_value"].values, strict=True))
    assert numbers["readout.bird.sound_correlation"] > 0.8
    assert made["sound"].sizes["sample"] == round(0.2 * targets.SONG_SAMPLING_RATE)


@pytest.mark.parametrize("start", [[], [1000.0]])
def test_a_replay_of_nothing_is_silent_and_like_nothing(start):
    start = np.array(start)
    made = sound.sounds(*song_and_replay(False), start, 0.3 + 0 * start, name="bird")
    assert not made["sound"].sel(kind="replay").values.any()
    assert np.isnan(made["summary_value"].values[0])
