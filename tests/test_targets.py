"""Targets: the paper's layouts, the authors' own target, and every mistake a user can make."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import loadmat, wavfile

from simcore import targets
from simcore.errors import UserError
from simcore.parameters import read_study
from simcore.stores import file_digest
from simcore.study_files import read_yaml

DT = 0.1


def reference(name):
    """Return the path of a reference file, or skip the test."""
    root = Path(__file__).resolve().parents[1]
    path = Path(os.environ.get("REFERENCE_DATA", root / "../shared/reference")) / name
    if not path.exists():
        pytest.skip(f"{name} is not here")
    return path


@pytest.fixture
def song_file(tmp_path):
    path = tmp_path / "song.wav"
    targets.write_wav(path, targets.synthesize_song(700, seed=1), 44100)
    return path


@pytest.mark.parametrize("part", ["song", "song_embedded", "hard_wired_song"])
def test_ranges_of_the_song_are_those_of_the_authors_recording(part):
    file = Path(__file__).resolve().parents[1] / f"config/paper/{part}.yaml"
    study = read_study(read_yaml(file, "config"), file)
    of_song = {"readout.song.error", "readout.song.correlation"}
    assert of_song <= set(study.ranges(file_digest(reference("meadowlark.wav"))))
    assert not of_song & set(study.ranges())


def one_sentence(error):
    """Return the message, which must be one sentence."""
    text = str(error.value)
    assert text.endswith(".") and "\n" not in text and ". " not in text
    return text


# Symbol sequences


def test_abcba_is_the_papers_layout():
    target = targets.symbol_sequence("ABCBA", 400, DT)
    assert target.labels == ("A", "B", "C") and target.length == pytest.approx(400)
    expected = np.full((4000, 3), 1.0)
    for channel, begin, end in (
        (0, 25, 100),
        (1, 100, 175),
        (2, 175, 250),
        (1, 250, 325),
        (0, 325, 400),
    ):
        expected[begin * 10 : end * 10, channel] = 10
    np.testing.assert_array_equal(target.rate, expected)


@given(
    sequence=st.text("ABCDEF", min_size=1, max_size=9),
    length=st.integers(100, 900),
    dt=st.sampled_from([0.1, 0.25, 0.5]),
)
def test_one_symbol_at_a_time_equally_long(sequence, length, dt):
    target = targets.symbol_sequence(sequence, length, dt)
    assert target.rate.shape == (round(length / dt), len(set(sequence)))
    on = target.rate == 10
    lead = np.flatnonzero(on.any(axis=1))[0]
    assert abs(lead * dt - length / 16) <= dt
    assert np.all(on.sum(axis=1)[lead:] == 1)
    share = on.sum(axis=0) * dt
    for channel, symbol in enumerate(target.labels):
        expected = sequence.count(symbol) * length * 15 / 16 / len(sequence)
        assert abs(share[channel] - expected) <= dt * (sequence.count(symbol) + 1)


@given(length=st.integers(100, 900))
def test_a_shorter_target_shrinks_in_proportion(length):
    full = targets.symbol_sequence("ABCBA", 2 * length, 0.2)
    np.testing.assert_array_equal(full.rate, targets.symbol_sequence("ABCBA", length, 0.1).rate)


def test_parallel_is_the_authors_two_sequences():
    authors = loadmat(reference("supervisor_parallel.mat"))["supervisor"].T
    both = [targets.symbol_sequence(s, 400, DT) for s in ("ABCBA", "DEDED")]
    rate = targets.parallel(both)
    assert rate.shape == (2, 4000, 5)
    together = np.concatenate([rate[0, :, :3], rate[1, :, 3:]], axis=1)
    # Theirs switches up to two steps earlier.
    different = together != authors[:4000]
    assert different.sum(axis=0).max() <= 2 * 6
    np.testing.assert_array_equal(together[100::250], authors[100:4000:250])


def test_parallel_keeps_the_other_sequence_at_baseline():
    both = [targets.symbol_sequence(s, 100, DT) for s in ("AB", "CCD")]
    rate = targets.parallel(both)
    np.testing.assert_array_equal(rate[0, :, :2], both[0].rate)
    np.testing.assert_array_equal(rate[1, :, 2:], both[1].rate)
    assert np.all(rate[0, :, 2:] == 1) and np.all(rate[1, :, :2] == 1)


@pytest.mark.parametrize("sequence", ["", "A B"])
def test_a_sequence_needs_symbols(sequence):
    with pytest.raises(UserError) as error:
        targets.symbol_sequence(sequence, 400, DT)
    assert "blank" in one_sentence(error)


@pytest.mark.parametrize("length", [0.02, 0.3])
def test_a_sequence_needs_time(length):
    with pytest.raises(UserError) as error:
        targets.symbol_sequence("ABCBA", length, DT)
    one_sentence(error)


def test_parallel_needs_equal_lengths():
    with pytest.raises(UserError) as error:
        targets.parallel([targets.symbol_sequence("AB", n, DT) for n in (100, 200)])
    assert "100 ms" in one_sentence(error) and "200 ms" in str(error.value)


# Songs


def test_song_is_the_authors_target():
    authors = loadmat(reference("supervisor_600.mat"))["supervisor"][::-1].T * 10

    def correlation(**piece):
        target = targets.song(reference("meadowlark.wav"), 600, DT, **piece)
        assert target.rate.shape == (6000, 45)
        return np.corrcoef(target.rate.ravel(), authors[:6000].ravel())[0, 1]

    # Theirs are frames 2300 to 5601, spread over 600 ms although they last 598.8 ms.
    frame_interval = 8 / 44.1
    stretched = correlation(
        start=2300 * frame_interval, duration=3301 * frame_interval, fit="stretch"
    )
    assert stretched >= 0.998
    # In true time, as a user gets it, theirs drifts by up to 5 frames of 0.18 ms.
    assert correlation() >= 0.95


def test_song_of_one_tone_lies_in_its_channel(tmp_path):
    # Oracle: bin 20 of a 256-point transform at 44.1 kHz, second half of the piece.
    frequency = 20 * 44100 / 256
    time = np.arange(44100) / 44100
    samples = 1e-3 * np.random.default_rng(0).standard_normal(44100)
    samples += np.where(time > 0.3, np.sin(2 * np.pi * frequency * time), 0)
    targets.write_wav(tmp_path / "tone.wav", 0.5 * samples, 44100)
    target = targets.song(tmp_path / "tone.wav", 400, DT, start=100)
    assert target.labels[15] == pytest.approx(frequency)
    assert np.all(target.rate[2050:].argmax(axis=1) == 15)
    # The first window that holds a bit of the tone begins 2.9 ms before it.
    loud = np.flatnonzero(target.rate[:, 15] > 9)[0] * DT
    assert 197 < loud < 200
    assert target.rate.min() == 0 and target.rate.max() == 10


def test_song_equals_a_slow_spectrogram(song_file):
    _, samples = wavfile.read(song_file)
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(128) / 127)
    target = targets.song(song_file, 50, 0.5, start=100)
    magnitude = np.empty((100, 45))
    for row in range(100):
        first = 8 * round((100 + 0.5 * row) * 44.1 / 8)
        frame = samples[first : first + 128] * window
        for channel in range(45):
            wave = np.exp(-2j * np.pi * (channel + 5) * np.arange(128) / 256)
            magnitude[row, channel] = abs(np.sum(frame * wave))
    log_magnitude = np.log(np.maximum(magnitude, 1e-6 * magnitude.max()))
    expected = 10 * (log_magnitude - log_magnitude.min()) / np.ptp(log_magnitude)
    np.testing.assert_allclose(target.rate, expected, atol=1e-9)


@pytest.mark.parametrize("sample_type", ["uint8", "int16", "int24", "int32", "float32", "float64"])
def test_all_sample_types_give_the_same_song(tmp_path, song_file, sample_type):
    expected = targets.song(song_file, 300, DT, start=50)
    _, samples = wavfile.read(song_file)
    path = tmp_path / "other.wav"
    if sample_type == "int24":
        _write_int24(path, samples)
    else:
        wavfile.write(path, 44100, _as_type(samples, sample_type))
    target = targets.song(path, 300, DT, start=50)
    # 8 bits leave little of the quiet parts.
    least = 0.9 if sample_type == "uint8" else 0.999999
    assert np.corrcoef(target.rate.ravel(), expected.rate.ravel())[0, 1] > least


def _as_type(samples, sample_type):
    if sample_type == "uint8":
        return (samples / 256 + 128).astype("uint8")
    if sample_type == "int32":
        return samples.astype("int32") * 65536
    return samples if sample_type == "int16" else (samples / 32768).astype(sample_type)


def _write_int24(path, samples):
    data = (samples.astype("<i4") * 256).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    header = struct.pack("<HHIIHH", 1, 1, 44100, 44100 * 3, 3, 24)
    body = b"WAVEfmt " + struct.pack("<I", 16) + header + b"data" + struct.pack("<I", len(data))
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body) + len(data)) + body + data)


@pytest.mark.parametrize("sampling_rate", [22050, 32000, 48000, 96000])
def test_other_sampling_rates_are_resampled(tmp_path, sampling_rate):
    # A sweep from 1 to 7 kHz: in each moment the loudest channel tells its frequency.
    time = np.arange(sampling_rate // 2) / sampling_rate
    sweep = 0.9 * np.sin(2 * np.pi * (1000 * time + 6000 * time**2))
    targets.write_wav(tmp_path / "sweep.wav", sweep, sampling_rate)
    target = targets.song(tmp_path / "sweep.wav", 480, 1.0, start=10)
    loudest = np.array(target.labels)[target.rate.argmax(axis=1)]
    expected = 1000 + 12 * (10 + np.arange(480) + 1.5)
    # Within two bins: besides the grid, a short window smears a sweep.
    assert np.abs(loudest - expected).max() < 350


def test_of_several_channels_the_first_is_used_with_a_note(tmp_path, song_file):
    _, samples = wavfile.read(song_file)
    wavfile.write(tmp_path / "stereo.wav", 44100, np.stack([samples, samples[::-1]], axis=1))
    stereo = targets.song(tmp_path / "stereo.wav", 300, DT, start=0)
    np.testing.assert_array_equal(stereo.rate, targets.song(song_file, 300, DT, start=0).rate)
    assert len(stereo.notes) == 1 and "2 channels" in stereo.notes[0]


def test_a_longer_piece_is_cut_with_a_note(song_file):
    target = targets.song(song_file, 300, DT, start=0, duration=600)
    np.testing.assert_array_equal(target.rate, targets.song(song_file, 300, DT, start=0).rate)
    assert "600 ms" in target.notes[0] and "300 ms" in target.notes[0]


def test_a_stretched_piece_has_all_of_it(song_file):
    whole = targets.song(song_file, 600, DT, start=50)
    squeezed = targets.song(song_file, 300, DT, start=50, duration=600, fit="stretch")
    assert squeezed.rate.shape == (3000, 45)
    assert np.corrcoef(squeezed.rate.ravel(), whole.rate[::2].ravel())[0, 1] > 0.999999


def test_a_piece_may_reach_to_the_end(song_file):
    target = targets.song(song_file, 700, DT, start=0)
    assert target.rate.shape == (7000, 45) and np.isfinite(target.rate).all()


def test_digital_silence_within_a_piece_is_finite(tmp_path):
    samples = targets.synthesize_song(400, seed=2)
    samples[5000:9000] = 0
    targets.write_wav(tmp_path / "gap.wav", samples, 44100)
    rate = targets.song(tmp_path / "gap.wav", 400, DT, start=0).rate
    assert rate.min() == 0 and rate.max() == 10
    assert np.all(rate[1200:2000] == 0)


def mistake_in_song(tmp_path, samples, sampling_rate=44100, **piece):
    path = tmp_path / "song.wav"
    wavfile.write(path, sampling_rate, samples)
    with pytest.raises(UserError) as error:
        targets.song(path, piece.pop("length", 300), DT, **{"start": 0, **piece})
    text = one_sentence(error)
    assert str(path) in text
    return text


def test_mistakes_in_songs(tmp_path):
    song = targets.synthesize_song(500, seed=3).astype(np.float32)
    assert "silent" in mistake_in_song(tmp_path, np.zeros(44100, np.int16))
    assert "silent" in mistake_in_song(tmp_path, np.full(44100, 7, np.int16))
    late = np.concatenate([np.zeros(22050, np.float32), song])
    assert "silent from 100 to 400 ms" in mistake_in_song(tmp_path, late, start=100)
    # Of a longer piece, too, what becomes the target.
    assert "silent from 100 to 400 ms" in mistake_in_song(tmp_path, late, start=100, duration=600)
    short = mistake_in_song(tmp_path, song, start=417)
    assert "500 ms" in short and "300 ms from 417 ms" in short
    assert "lasts 0 ms" in mistake_in_song(tmp_path, np.zeros(0, np.int16))
    assert "from -10 ms" in mistake_in_song(tmp_path, song, start=-10)
    assert "shorter than the target" in mistake_in_song(tmp_path, song, duration=200)
    low = mistake_in_song(tmp_path, song, 16000)
    assert "16000 Hz" in low and "8441 Hz" in low
    with_nan = song.copy()
    with_nan[3] = np.nan
    assert "not finite" in mistake_in_song(tmp_path, with_nan)
    assert "cut or stretch" in str(
        pytest.raises(UserError, targets.song, tmp_path / "song.wav", 300, DT, fit="bend").value
    )


def test_files_that_are_no_songs(tmp_path, song_file):
    whole = song_file.read_bytes()
    broken = tmp_path / "broken.wav"
    for content in (b"", b"hello", b"RIFF", *(whole[:n] for n in range(8, 44, 3)), whole[:20000]):
        broken.write_bytes(content)
        with pytest.raises(UserError) as error:
            targets.song(broken, 300, DT, start=0)
        assert str(broken) in str(error.value) and "\n" not in str(error.value)
    for missing in (tmp_path / "missing.wav", tmp_path):
        with pytest.raises(UserError) as error:
            targets.song(missing, 300, DT)
        assert "no song at" in one_sentence(error)


def test_synthesized_song_is_determined_by_its_seed(tmp_path):
    paths = [tmp_path / name for name in ("a.wav", "b.wav", "c.wav")]
    for path, seed in zip(paths, (1, 1, 2), strict=True):
        targets.write_wav(path, targets.synthesize_song(1500, seed), 44100)
    a, b, c = (path.read_bytes() for path in paths)
    assert a == b != c


def test_a_synthesized_song_lasts_as_long_as_asked(tmp_path):
    """Also if that is no whole number of samples."""
    path = tmp_path / "song.wav"
    targets.write_wav(path, targets.synthesize_song(2417, 1), 44100)
    assert targets.song(path, 2000, DT, start=417).length == 2000


@pytest.mark.parametrize("seed", range(5))
def test_synthesized_song_is_birdlike(seed):
    samples = targets.synthesize_song(1500, seed)
    assert len(samples) == 66150 and np.abs(samples).max() <= 1
    power = np.abs(np.fft.rfft(samples)) ** 2
    frequency = np.fft.rfftfreq(len(samples), 1 / 44100)
    in_band = (frequency >= 1000) & (frequency <= 8000)
    assert power[in_band].sum() > 0.99 * power.sum()
    # Loud most of the time, but with gaps in every third of a second.
    loudness = np.array([np.ptp(part) for part in np.array_split(samples, 500)])
    assert np.mean(loudness > 0.1) > 0.5
    assert all((part < 0.02).any() for part in np.array_split(loudness, 4))


# Targets from files


def stored(tmp_path, table, kind):
    """Return the path of a table, stored in one of the ways that users have."""
    path = tmp_path / f"target.{kind}"
    if kind == "npy":
        np.save(path, table)
    elif kind == "csv":
        np.savetxt(path, table, delimiter=",", fmt="%.18g")
    elif kind == "zarr":
        zarr.save_array(path, table)
    else:
        with zarr.storage.ZipStore(path, mode="w") as store:
            group = zarr.create_group(store)
            group.create_array("rates", data=table)
            group.create_array("time", data=np.arange(len(table)))
    return path


@pytest.mark.parametrize("kind", ["npy", "csv", "zarr", "zarr.zip"])
def test_file_is_sampled_at_the_nearest_row(tmp_path, kind):
    table = np.random.default_rng(0).random((50, 3))
    target = targets.from_file(stored(tmp_path, table, kind), None, DT, 2.0)
    assert target.length == pytest.approx(100) and target.labels is None
    for step in (0, 4, 9, 11, 29, 31, 500, 999):
        row = min(round(step * DT / 2.0), 49)
        np.testing.assert_allclose(target.rate[step], 10 * table[row])


def test_file_of_rates_is_taken_as_it_is(tmp_path):
    table = np.array([[0, 3.5], [12, 1]])
    target = targets.from_file(stored(tmp_path, table, "npy"), None, 1.0, 1.0, unit="kHz")
    np.testing.assert_array_equal(target.rate, table)


def test_longer_file_is_cut_with_a_note(tmp_path):
    path = stored(tmp_path, np.eye(20), "npy")
    target = targets.from_file(path, 15, 1.0, 1.0)
    np.testing.assert_array_equal(target.rate, 10 * np.eye(20)[:15])
    assert "20 ms" in target.notes[0] and "15 ms" in target.notes[0]
    assert targets.from_file(path, 20, 1.0, 1.0).notes == ()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (np.zeros(5), "shape (5,)"),
        (np.zeros((5, 2, 2)), "shape (5, 2, 2)"),
        (np.zeros((0, 2)), "shape (0, 2)"),
        (np.array([[0, 1], [0.5, np.nan]]), "row 1, column 1"),
        (np.array([[0, np.inf]]), "not a finite number"),
        (np.array([[0, -0.25]]), "-0.25 in row 0, column 1 (counted from 0) is negative"),
        (np.array([[0, 1.5]]), "amplitude above 1"),
        (np.array([[0, 1j]]), "complex128"),
        (np.array([["a", "b"]]), "real numbers"),
        (np.array([[None, 1]]), "could not be read"),
    ],
)
def test_mistakes_in_files(tmp_path, table, words):
    path = stored(tmp_path, table, "npy")
    with pytest.raises(UserError) as error:
        targets.from_file(path, None, DT, 1.0)
    assert words in str(error.value) and str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_files_that_are_no_targets(tmp_path):
    for name, content in {
        "words.csv": b"a,b\n1,2\n",
        "ragged.csv": b"1,2\n3\n",
        "empty.csv": b"",
        "broken.npy": b"\x93NUMPY",
        "broken.zarr.zip": b"PK",
        "target.txt": b"1",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError) as error:
            targets.from_file(tmp_path / name, None, DT, 1.0)
        assert name in str(error.value) and "\n" not in str(error.value)
    (tmp_path / "folder.zarr").mkdir()
    for name in ("missing.npy", "folder.zarr"):
        with pytest.raises(UserError):
            targets.from_file(tmp_path / name, None, DT, 1.0)
    two = zarr.create_group(tmp_path / "two.zarr")
    two.create_array("a", data=np.zeros((2, 2)))
    two.create_array("b", data=np.zeros((2, 2)))
    with pytest.raises(UserError) as error:
        targets.from_file(tmp_path / "two.zarr", None, DT, 1.0)
    assert "2 arrays" in one_sentence(error)


def test_shorter_file_and_unknown_unit(tmp_path):
    path = stored(tmp_path, np.eye(20), "npy")
    with pytest.raises(UserError) as error:
        targets.from_file(path, 30, DT, 1.0)
    assert "20 ms" in str(error.value) and "30 ms" in str(error.value)
    with pytest.raises(UserError):
        targets.from_file(path, None, DT, 1.0, unit="Hz")


# The target and the clock


@given(period=st.floats(50, 2000))
def test_default_length_fits(period):
    length = targets.default_length(period)
    assert length == int(length) and abs(length - 0.95 * period) <= 0.5
    assert targets.check_length(length, period) is None


def test_a_target_longer_than_a_period_is_warned_of():
    warning = targets.check_length(400, 345.2)
    assert "400 ms" in warning and "345.2 ms" in warning and "328 ms" in warning
    assert targets.check_length(345.2, 345.2) is None


def test_a_clock_without_a_period_is_noted():
    assert "no period" in targets.check_length(400, float("nan"))
