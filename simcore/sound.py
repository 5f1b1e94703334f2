"""A song's spectrogram turned back into sound, and how like two such sounds are.

A song's target keeps the logarithm of the magnitude in 45 channels and no phase
(:func:`simcore.targets.song`). The phase is found by the algorithm of Griffin & Lim (1984), in its
fast version (Perraudin, Balazs & Sondergaard 2013), as librosa has it.
"""

import numpy as np
import xarray as xr

from simcore import datasets, measures
from simcore.datasets import variable
from simcore.numerics import scaled
from simcore.targets import (
    SONG_FFT,
    SONG_HOP,
    SONG_SAMPLING_RATE,
    SONG_WINDOW,
    song_magnitude,
    song_window,
)

ITERATIONS = 100
KINDS = ("target", "replay")


def from_amplitude(amplitude, frequency, dt, log_range, *, seed=0):
    """Turn amplitudes, as a song's target has them, into a sound.

    Parameters
    ----------
    amplitude : array (time, channel)
        0 to 1: the logarithm of the magnitude over its range; one row every dt.
    frequency : array (channel,), Hz
    dt : float, ms
    log_range : float
        Natural logarithm of the largest magnitude over the smallest.
    seed : int
        Of the phases to begin with.

    Returns
    -------
    float64 array (sample,)
        At 44.1 kHz, between -1 and 1, as long as the amplitudes; silence if all are 0.
    """
    import librosa

    samples = round(len(amplitude) * dt / 1000 * SONG_SAMPLING_RATE)
    if not amplitude.any():
        return np.zeros(samples)
    frame = np.arange(samples // SONG_HOP + 1) * SONG_HOP / SONG_SAMPLING_RATE * 1000
    step = np.minimum(np.rint(frame / dt).astype(int), len(amplitude) - 1)
    bins = np.rint(np.asarray(frequency) * SONG_FFT / SONG_SAMPLING_RATE).astype(int)
    magnitude = np.zeros((SONG_FFT // 2 + 1, len(frame)))
    magnitude[bins] = np.exp(log_range * (amplitude[step] - 1)).T
    sound = librosa.griffinlim(
        magnitude,
        n_iter=ITERATIONS,
        hop_length=SONG_HOP,
        win_length=SONG_WINDOW,
        n_fft=SONG_FFT,
        window=song_window(),
        length=samples,
        random_state=seed,
    )
    return 0.9 * sound / np.abs(sound).max()


def amplitude_of(sound, frequency, log_range):
    """Analyse a sound as a song's target is made: the inverse of :func:`from_amplitude`.

    Parameters
    ----------
    sound : array (sample,)
        At 44.1 kHz.
    frequency : array (channel,), Hz
    log_range : float
        Magnitudes that lie farther below the largest count as that.

    Returns
    -------
    float64 array (frame, channel)
        0 to 1; frame k is centred at sample 8 k.
    """
    bins = np.rint(np.asarray(frequency) * SONG_FFT / SONG_SAMPLING_RATE).astype(int)
    padded = np.pad(sound, SONG_WINDOW // 2)
    magnitude = song_magnitude(padded, range(bins[0], bins[-1] + 1))[:, bins - bins[0]]
    relative = magnitude / (magnitude.max() or 1)
    log_magnitude = np.log(np.maximum(relative, np.exp(-log_range)))
    return 1 + log_magnitude / log_range


def sounds(target, replayed, start, error, *, name):
    """Let a song be heard: as the target has it, and as it was replayed in the typical pass.

    Parameters
    ----------
    target : xarray.Dataset
        Of :func:`simcore.stages.target`, a song.
    replayed : xarray.Dataset
        Of :func:`simcore.stages.replay`.
    start, error : arrays (pass,)
        When each pass began (ms), and its error: the typical one has the median.
    name : str
        Of the target.

    Returns
    -------
    xarray.Dataset
        ``sound`` (kind, sample), ``sound_amplitude`` (kind, frame, channel), and the headline
        numbers: correlation of the two sounds' spectrograms, and of the target with the
        spectrogram of its own sound, which tells what the way to sound and back costs. NaN where
        nothing was replayed.
    """
    dt, log_range = float(np.diff(target["time"].values[:2])[0]), target.attrs["log_range"]
    frequency = target["frequency"].values
    goal = scaled(datasets.selected_target(target)[0]["target_rate"].values)
    amplitudes = {"target": goal, "replay": np.zeros_like(goal)}
    if len(start):
        typical = start[measures.typical_pass(error)]
        amplitudes["replay"] = scaled(
            measures.smoothed_rate(
                replayed["readout_spike_time"].values,
                replayed["readout_spike_channel"].values,
                len(frequency),
                len(goal) * dt,
                dt=dt,
                start=typical + measures.READOUT_DELAY,
            )
        )
    sound = np.array([from_amplitude(amplitudes[kind], frequency, dt, log_range) for kind in KINDS])
    heard = np.array([amplitude_of(one, frequency, log_range) for one in sound])
    frame = np.arange(heard.shape[1]) * SONG_HOP / SONG_SAMPLING_RATE * 1000
    step = np.minimum(np.rint(frame / dt).astype(int), len(goal) - 1)
    silent = not amplitudes["replay"].any()
    similarity = np.nan if silent else measures.readout_correlation(heard[1], heard[0])
    inversion = measures.readout_correlation(heard[0], goal[step])
    numbers = {
        f"readout.{name}.sound_correlation": (similarity, "1"),
        f"readout.{name}.sound_of_target": (inversion, "1"),
    }
    return xr.Dataset(
        {
            "sound": variable(("kind", "sample"), sound.astype(np.float32), "1", "sound"),
            "sound_amplitude": variable(
                ("kind", "frame", "channel"),
                heard.astype(np.float32),
                "1",
                "logarithm of the sound's magnitude, scaled to 0..1",
            ),
            "kind": variable("kind", np.array(KINDS, object), "1", "whose sound it is"),
            "frame": variable("frame", frame, "ms", "time in the target"),
            "frequency": target["frequency"],
        }
        | datasets.summary(numbers),
        attrs={"sampling_rate": SONG_SAMPLING_RATE, "simulated_ms": 0.0},
    )
