"""What is to be learned: symbol sequences, songs and targets from files.

Every target is a table of supervisor rates in kHz, one row per time step and one column per channel
(specification of the clock network, section 5). Durations are in ms.
"""

import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from math import ceil, gcd
from pathlib import Path

import numpy as np

from simcore.errors import UserError
from simcore.numerics import scaled, steps_of

# The defaults of a study, too (simcore/parameters.py).
ON_RATE = 10.0  # kHz: a symbol that is on, or a song's full amplitude
BASELINE = 1.0  # kHz: a supervisor without a target
LEAD_FRACTION = 1 / 16  # of a target, before its first symbol
SONG_START = 417.0  # ms: where the paper's piece of the recording begins

SONG_SAMPLING_RATE = 44100  # Hz: the recordings of the paper; others are resampled to it
SONG_WINDOW = 128  # samples of the Hamming window
SONG_HOP = 8  # samples from one window to the next: an overlap of 120
SONG_FFT = 256  # points of the Fourier transform
SONG_CHANNELS = range(5, 50)  # its bins, 861 to 8441 Hz

HIGHEST_RATE = 1000.0  # kHz: with more, a Poisson count of one step cannot be drawn
# Magnitudes below this part of the largest (-120 dB, beyond the range of a 16-bit recording) count
# as this much: digital silence has magnitude zero, and no logarithm.
SONG_FLOOR = 1e-6


@dataclass(frozen=True, eq=False)
class Target:
    """The rates that the supervisors take while a target runs.

    Attributes
    ----------
    rate : float64 array (time, channel)
        Rate of the Poisson input of each supervisor in kHz, one row per time step.
    dt : float
        Time step in ms.
    labels : tuple or None
        Of each channel its symbol (str), or its frequency in Hz (float); None for a file.
    notes : tuple of str
        Sentences that the user should read.
    log_range : float or None
        Of a song: the natural logarithm of its largest magnitude over its smallest. The rate,
        scaled to 0..1, is the logarithm of the magnitude over this range.
    """

    rate: np.ndarray
    dt: float
    labels: tuple | None
    notes: tuple[str, ...] = ()
    log_range: float | None = None

    @property
    def length(self) -> float:
        """Length of the target in ms."""
        return len(self.rate) * self.dt


def symbol_sequence(
    sequence: str,
    length: float,
    dt: float,
    *,
    lead_fraction: float = LEAD_FRACTION,
    on_rate: float = ON_RATE,
    baseline: float = BASELINE,
) -> Target:
    """Show symbols one after the other, one channel for each, in the order of the alphabet.

    After a lead at the baseline, all symbols of the sequence last equally long, to the end.
    "ABCBA" in 400 ms is the paper's target: A 25-100, B 100-175, C 175-250, B 250-325, A 325-400.

    Parameters
    ----------
    sequence : str
        Any characters but blanks, for example "ABCBA" or "DEDED".
    length, dt : float
        Length of the target and time step in ms.
    lead_fraction : float
        Part of the length before the first symbol.
    on_rate, baseline : float
        Rates in kHz of a channel whose symbol is on, and of the others.

    Raises
    ------
    UserError
        If there is no symbol, a blank among them, or less than a time step for each.

    Source: specification of the clock network, section 5.
    """
    if not sequence or any(symbol.isspace() for symbol in sequence):
        raise UserError(
            f"The symbol sequence {sequence!r} is empty or has a blank in it: "
            "write its symbols without blanks, such as ABCBA."
        )
    n_steps = target_steps(length, dt)
    edge_time = np.linspace(lead_fraction * length, length, len(sequence) + 1)
    edge = np.rint(edge_time / dt).astype(int)
    if np.any(np.diff(edge) < 1):
        raise UserError(
            f"The {len(sequence)} symbols of the sequence {sequence} do not fit into {length:g} ms "
            f"with a time step of {dt:g} ms: make the target longer."
        )
    symbols = tuple(sorted(set(sequence)))
    rate = np.full((n_steps, len(symbols)), float(baseline))
    for begin, end, symbol in zip(edge[:-1], edge[1:], sequence, strict=True):
        rate[begin:end, symbols.index(symbol)] = on_rate
    return Target(rate, dt, symbols)


def parallel(targets: list[Target], *, baseline: float = BASELINE) -> np.ndarray:
    """Lay several targets side by side, each on channels of its own.

    Parameters
    ----------
    targets : list of Target
        Of equal length and time step. Their channels are laid side by side in this order.
    baseline : float
        Rate in kHz of all the channels of the other targets.

    Returns
    -------
    float64 array (pattern, time, channel)
        Pattern p holds the rates while target p is shown, in kHz.

    Raises
    ------
    UserError
        If lengths or time steps differ.

    Source: specification of the clock network, section 5.
    """
    if len({(len(target.rate), target.dt) for target in targets}) != 1:
        raise UserError(
            "Targets side by side must have the same length and time step, but these last "
            + ", ".join(f"{target.length:g} ms (step {target.dt:g} ms)" for target in targets)
            + ": give them one length."
        )
    first_channel = np.cumsum([0] + [target.rate.shape[1] for target in targets])
    rate = np.full((len(targets), len(targets[0].rate), first_channel[-1]), float(baseline))
    for pattern, target in enumerate(targets):
        rate[pattern, :, first_channel[pattern] : first_channel[pattern + 1]] = target.rate
    return rate


def song(
    path: str | Path,
    length: float,
    dt: float,
    *,
    start: float = SONG_START,
    duration: float | None = None,
    fit: str = "cut",
    channels: range = SONG_CHANNELS,
    on_rate: float = ON_RATE,
) -> Target:
    """Take the log spectrogram of a recorded song, channel 0 the lowest frequency.

    Hamming window of 128 samples, overlap 120, 256-point Fourier transform at 44.1 kHz, natural
    logarithm of the magnitude, the frame nearest in time at each step, all values together scaled
    to 0..1. A frame's time is that of its first sample. Recordings of another sampling rate are
    resampled. Magnitudes below 1e-6 of the largest count as that.

    Parameters
    ----------
    path : path
        A wav file: integers of 8 to 32 bit, or floating point.
    length, dt : float
        Length of the target on the clock, and time step, in ms.
    start : float
        Where the piece begins in the recording, in ms.
    duration : float, optional
        How long the piece is, in ms; by default as long as the target.
    fit : "cut" or "stretch"
        What to do with a piece of another duration than the target: take its first `length` ms,
        or spread all of it over the target evenly.
    channels : range
        Bins of the Fourier transform, 172.27 Hz apart.
    on_rate : float
        Rate in kHz of the largest amplitude.

    Returns
    -------
    Target
        With the frequency of each channel in Hz as labels.

    Raises
    ------
    UserError
        If the file is not a readable wav, too short for the piece, silent or not finite there, or
        sampled too slowly for the channels; if the piece is too short for the target.

    Source: specification of the clock network, section 5. The authors' own target (600 ms) is the
    frames 2300 to 5601 of the recording, that is 598.8 ms from 417.2 ms on, stretched to 600 ms.
    """
    if fit not in ("cut", "stretch"):
        raise UserError(f"A song's fit is cut or stretch, not {fit!r}.")
    duration = length if duration is None else duration
    n_steps = target_steps(length, dt)
    used = min(duration, length) if fit == "cut" else duration
    samples, notes = _read_song(path, start, duration, used, channels)
    speed = 1.0
    if fit == "stretch":
        speed = duration / length
    elif duration < length:
        raise UserError(
            f"The piece of {duration:g} ms asked for from the song {path} is shorter than the "
            f"target of {length:g} ms: ask for a longer piece or a shorter target."
        )
    elif duration > length:
        notes += (
            f"Of the piece of {duration:g} ms of the song {path} the first {length:g} ms are the "
            "target, for it must not be longer than that.",
        )

    magnitude = song_magnitude(samples, channels)
    frame_interval = SONG_HOP / SONG_SAMPLING_RATE * 1000
    frame = np.rint((start + np.arange(n_steps) * dt * speed) / frame_interval).astype(int)
    # The last window ends with the recording: later moments have no frame of their own.
    magnitude = magnitude[np.minimum(frame, len(magnitude) - 1)]
    log_magnitude = np.log(np.maximum(magnitude, SONG_FLOOR * magnitude.max()))
    rate = on_rate * scaled(log_magnitude)
    frequency = tuple(float(bin_ * SONG_SAMPLING_RATE / SONG_FFT) for bin_ in channels)
    return Target(rate, dt, frequency, notes, float(np.ptp(log_magnitude)))


def check_recording(path, start=SONG_START, duration=None):
    """Refuse a recording of which no target can be made, before anything that takes long.

    Parameters
    ----------
    path, start, duration
        As of `song`; the duration may be unknown.

    Raises
    ------
    UserError
        As `song` does.
    """
    rest = 1e9  # ms
    _read_song(path, start, duration or 1.0, duration or rest, SONG_CHANNELS)


def synthesize_song(
    duration: float, seed: int, sampling_rate: int = SONG_SAMPLING_RATE
) -> np.ndarray:
    """Make up a birdsong: whistles, trills and warbles with short gaps, over soft noise.

    As slow as a meadowlark's, so that a clock that steps every 25 ms can follow.

    Parameters
    ----------
    duration : float
        In ms.
    seed : int
        Equal seeds give equal songs.
    sampling_rate : int
        In Hz.

    Returns
    -------
    float64 array (sample,)
        Between -1 and 1.
    """
    random = np.random.default_rng(seed)
    samples = np.zeros(ceil(duration * sampling_rate / 1000))
    syllables = (_whistle, _trill, _warble)
    begin = int(random.uniform(5, 15) * sampling_rate / 1000)
    previous = None
    while begin < len(samples):
        # Never the same kind twice in a row: any half second is then rich enough to learn.
        kind = random.choice([n for n in range(len(syllables)) if n != previous])
        syllable = random.uniform(0.4, 0.9) * syllables[kind](random, sampling_rate)
        end = min(begin + len(syllable), len(samples))
        samples[begin:end] += syllable[: end - begin]
        begin = end + int(random.uniform(8, 25) * sampling_rate / 1000)
        previous = kind
    return np.clip(samples + 2e-3 * random.standard_normal(len(samples)), -1, 1)


def write_wav(path: str | Path, samples: np.ndarray, sampling_rate: int) -> None:
    """Write samples between -1 and 1 as a 16-bit wav file; equal samples give equal bytes."""
    from scipy.io import wavfile

    wavfile.write(path, sampling_rate, np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int16))


def from_file(
    path: str | Path,
    length: float | None,
    dt: float,
    file_dt: float,
    *,
    unit: str = "amplitude",
    on_rate: float = ON_RATE,
) -> Target:
    """Read a target from a table of numbers, time by channel.

    Parameters
    ----------
    path : path
        `.npy`, `.csv` (comma-separated numbers, no header), `.zarr` or `.zarr.zip` (an array, or a
        group that holds one array of two dimensions).
    length : float or None
        Length of the target in ms; a longer file is cut. None: the file's own length.
    dt, file_dt : float
        Time steps of the target and of the file in ms; the file's nearest row is taken.
    unit : "amplitude" or "kHz"
        What the numbers mean: parts (0 to 1) of `on_rate`, or rates.
    on_rate : float
        Rate in kHz of amplitude 1.

    Raises
    ------
    UserError
        If the file is missing or unreadable, has another shape, values that are not finite, are
        negative or (amplitudes) above 1, or is shorter than `length`.
    """
    if unit not in ("amplitude", "kHz"):
        raise UserError(f"The unit of a target file is amplitude or kHz, not {unit!r}.")
    table = _checked_table(path, unit)
    file_length = len(table) * file_dt
    notes = ()
    if length is None:
        length = file_length
    elif length > file_length + dt / 2:
        raise UserError(
            f"The target file {path} lasts {file_length:g} ms ({len(table)} rows of {file_dt:g} "
            f"ms), shorter than the {length:g} ms asked for: give a longer file or a shorter "
            "length."
        )
    elif length < file_length - dt / 2:
        notes = (
            f"Of the {file_length:g} ms of the target file {path} the first {length:g} ms are "
            "the target.",
        )
    row = np.rint(np.arange(target_steps(length, dt)) * dt / file_dt).astype(int)
    rate = table[np.minimum(row, len(table) - 1)]
    return Target(rate * on_rate if unit == "amplitude" else rate, dt, None, notes)


def read_numbers(path: str | Path) -> np.ndarray:
    """Read a table of finite numbers from a file.

    Parameters
    ----------
    path : path
        `.npy`, `.csv` (comma-separated numbers, no header), `.zarr` or `.zarr.zip` (an array, or a
        group that holds one array of two dimensions).

    Returns
    -------
    float64 array (time, column)

    Raises
    ------
    UserError
        If the file is missing or unreadable, has another shape, or values that are not finite.
    """
    if not Path(path).exists():
        raise UserError(f"There is no target file at {path}: give an existing one.")
    try:
        table = np.asarray(_read_table(path))
    except UserError:
        raise
    except Exception as error:  # numpy and zarr stumble over broken files in many ways
        raise UserError(
            f"The target file {path} could not be read as a table of numbers "
            f"({str(error).splitlines()[0] if str(error) else type(error).__name__}): "
            "save it again as .npy, .csv or .zarr."
        ) from None
    if table.dtype.kind not in "biuf":
        raise UserError(
            f"The target file {path} holds {table.dtype}, not real numbers: convert it."
        )
    if table.ndim != 2 or table.size == 0:
        raise UserError(
            f"The target file {path} has the shape {table.shape}, but a target is time by channel: "
            "give it two dimensions, with at least one row and one column."
        )
    table = table.astype(float)
    refuse_values(path, table, ~np.isfinite(table), "not a finite number")
    return table


def refuse_values(path: str | Path, table: np.ndarray, wrong: np.ndarray, reason: str) -> None:
    """Raise a UserError that names the first value of a file that is `wrong` (bool array)."""
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise UserError(
            f"In the target file {path} the value {table[row, column]:g} in row {row}, column "
            f"{column} (counted from 0) is {reason}: mend the file."
        )


def default_length(period: float, periods: float = 0.95) -> float:
    """Return the length in ms of a target of so many of a clock's periods (ms), rounded."""
    return float(round(periods * period))


def check_length(length: float, period: float) -> str | None:
    """Warn if a target of `length` ms does not fit into one period (ms, or NaN) of the clock."""
    if np.isnan(period):
        return f"The clock has no period, so that nothing times the target of {length:g} ms."
    if length <= period:
        return None
    return (
        f"The target lasts {length:g} ms, longer than the clock's period of {period:.1f} ms: it "
        f"can use only every second pass; a length of {default_length(period):g} ms would fit."
    )


def target_steps(length: float, dt: float) -> int:
    """Return how many time steps a target of `length` ms has.

    Raises
    ------
    UserError
        If it is shorter than one time step.
    """
    n_steps = steps_of(length, dt)
    if n_steps < 1:
        raise UserError(
            f"A target of {length:g} ms is shorter than one time step of {dt:g} ms: make it longer."
        )
    return n_steps


def _read_song(path, start, duration, used, channels):
    """Read a recording's first channel at 44.1 kHz, fit for the piece asked for; and notes.

    Of the piece what is `used` must not be silent.
    """
    samples, sampling_rate = _read_wav(path)
    notes = ()
    if samples.ndim == 2:
        notes = (f"Of the {samples.shape[1]} channels of {Path(path).name} the first is used.",)
        samples = samples[:, 0]

    recorded = len(samples) / sampling_rate * 1000
    if start < 0 or duration <= 0 or start + duration > recorded:
        raise UserError(
            f"The song {path} lasts {recorded:g} ms, but {duration:g} ms from {start:g} ms on are "
            "asked for: give a longer recording, or another start or duration."
        )
    highest = channels[-1] * SONG_SAMPLING_RATE / SONG_FFT
    if sampling_rate / 2 < highest:
        raise UserError(
            f"The song {path} is sampled at {sampling_rate} Hz, too slowly for channels up to "
            f"{highest:.0f} Hz: give a recording of at least {2 * highest:.0f} Hz."
        )
    begin = int(start * sampling_rate / 1000)
    piece = samples[begin : begin + int(np.ceil(used * sampling_rate / 1000))]
    if not np.all(np.isfinite(samples)):
        raise UserError(
            f"The song {path} has samples that are not finite numbers: give an intact recording."
        )
    if np.all(piece == piece[0]):
        raise UserError(
            f"The song {path} is silent from {start:g} to {start + used:g} ms: "
            "give another recording or another start."
        )
    if sampling_rate != SONG_SAMPLING_RATE:
        from scipy.signal import resample_poly

        common = gcd(sampling_rate, SONG_SAMPLING_RATE)
        samples = resample_poly(samples, SONG_SAMPLING_RATE // common, sampling_rate // common)
    return samples, notes


def _read_wav(path) -> tuple[np.ndarray, int]:
    from scipy.io import wavfile

    if not Path(path).is_file():
        raise UserError(f"There is no song at {path}: give the path of a wav file.")
    try:
        with warnings.catch_warnings():
            # Unknown chunks (tags, cue points) are harmless.
            warnings.simplefilter("ignore", wavfile.WavFileWarning)
            sampling_rate, samples = wavfile.read(path)
    except PermissionError:
        raise UserError(f"The song {path} may not be read: change its permissions.") from None
    except Exception as error:  # scipy stumbles over broken files in many ways
        raise UserError(
            f"The song {path} is not a readable wav file ({error}): save it as an uncompressed wav."
        ) from None
    if sampling_rate < 1:
        raise UserError(f"The song {path} gives no sampling rate: save it as a wav file again.")
    if samples.dtype == np.uint8:  # the only unsigned format, around 128
        return samples.astype(float) - 128, sampling_rate
    return samples.astype(float), sampling_rate


def song_window():
    """Return the window of a song's spectrogram, symmetric as that of the authors' MATLAB."""
    from scipy.signal import get_window

    return get_window("hamming", SONG_WINDOW, fftbins=False)


def song_magnitude(samples: np.ndarray, channels: range) -> np.ndarray:
    """Return the short-time Fourier magnitude of a song (frame, channel).

    Frame k starts at sample 8 k; the channels are bins of the transform.
    Source: specification of the clock network, section 5, "Song".
    """
    from scipy.signal import ShortTimeFFT

    transform = ShortTimeFFT(
        song_window(),
        SONG_HOP,
        SONG_SAMPLING_RATE,
        mfft=SONG_FFT,
        phase_shift=None,
    )
    # Slice p is centred at sample 8 p; the first whole window is centred at 64.
    first = SONG_WINDOW // 2 // SONG_HOP
    n_frames = (len(samples) - SONG_WINDOW) // SONG_HOP + 1
    spectrum = transform.stft(samples, p0=first, p1=first + n_frames)
    return np.abs(spectrum[channels.start : channels.stop : channels.step]).T


def _checked_table(path, unit) -> np.ndarray:
    """Read the numbers of a target file (time, channel), fit to be rates."""
    table = read_numbers(path)
    refuse_values(path, table, table < 0, "negative")
    if unit == "amplitude":
        reason = "an amplitude above 1 (rates need file_unit: kHz)"
        refuse_values(path, table, table > 1, reason)
    refuse_values(path, table, table > HIGHEST_RATE, f"above {HIGHEST_RATE:g} kHz")
    return table


def _read_table(path):
    name = Path(path).name
    if name.endswith(".npy"):
        return np.load(path, allow_pickle=False)
    if name.endswith(".csv"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # an empty file: its shape tells
            return np.loadtxt(path, delimiter=",", ndmin=2)
    if name.endswith((".zarr", ".zarr.zip")):
        return _read_zarr(path)
    raise UserError(f"The target file {path} is of an unknown kind: give a .npy, .csv or .zarr.")


def _read_zarr(path):
    import zarr

    packed = Path(path).is_file()
    with zarr.storage.ZipStore(path, mode="r") if packed else nullcontext(str(path)) as store:
        node = zarr.open(store, mode="r")
        if isinstance(node, zarr.Group):
            tables = [array for _, array in node.arrays() if array.ndim == 2]
            if len(tables) != 1:
                raise UserError(
                    f"The target file {path} holds {len(tables)} arrays of two dimensions: "
                    "give one that holds just one."
                )
            node = tables[0]
        return node[:]


def _glide(random, milliseconds, sampling_rate, low, high):
    """Let a frequency (Hz, one value per sample) glide from one random value to another."""
    n_samples = int(milliseconds * sampling_rate / 1000)
    begin, end = random.uniform(low, high, size=2)
    bend = random.uniform(0.5, 2)
    return begin * (end / begin) ** (np.linspace(0, 1, n_samples) ** bend)


def _tone(frequency, sampling_rate):
    """Sound a smoothly rising and falling tone of a given frequency (Hz), with weak harmonics."""
    phase = 2 * np.pi * np.cumsum(frequency) / sampling_rate
    tone = np.sin(phase)
    for harmonic, strength in ((2, 0.15), (3, 0.04)):
        audible = np.clip((8000 - harmonic * frequency) / 500, 0, 1)  # fades out towards 8 kHz
        tone += strength * audible * np.sin(harmonic * phase)
    rise = min(int(0.008 * sampling_rate), len(frequency) // 2)
    envelope = np.ones(len(frequency))
    slope = np.sin(np.linspace(0, np.pi / 2, rise, endpoint=False)) ** 2
    envelope[:rise] = slope
    envelope[len(envelope) - rise :] = slope[::-1]
    return envelope * tone / 1.19


def _whistle(random, sampling_rate):
    """Sing one long sweep."""
    return _tone(_glide(random, random.uniform(90, 160), sampling_rate, 2000, 6000), sampling_rate)


def _trill(random, sampling_rate):
    """Sing one short sweep several times over."""
    note = _tone(_glide(random, random.uniform(30, 50), sampling_rate, 3000, 7000), sampling_rate)
    gap = np.zeros(int(random.uniform(8, 14) * sampling_rate / 1000))
    return np.tile(np.concatenate([note, gap]), random.integers(3, 5))


def _warble(random, sampling_rate):
    """Sing a low sweep whose frequency swings up and down."""
    frequency = _glide(random, random.uniform(90, 160), sampling_rate, 1500, 4000)
    swing = random.uniform(0.08, 0.2)
    swings_per_ms = random.uniform(0.01, 0.025)
    time = np.arange(len(frequency)) / sampling_rate * 1000
    return _tone(frequency * (1 + swing * np.sin(2 * np.pi * swings_per_ms * time)), sampling_rate)
