"""What networks trained by recursive least squares are to follow: target drives and target rates.

Every target is a float64 table (time, neuron). Row s, counted from 0, is the value at the time
(s + 1) dt after the window begins, for a target row belongs to the drive after a step. Times are in
ms; drives are dimensionless, in the units of the synaptic drive. The specification
counts time in units of 10 ms, the membrane's time constant.
"""

from pathlib import Path

import numpy as np

from simcore import targets
from simcore.errors import UserError
from simcore.numerics import MS_PER_UNIT, decaying_sum, steps_of

HZ = 1000 / MS_PER_UNIT  # Hz: one spike per unit of time

# The synthetic cortical rates, specification section 2.5; what it leaves open is ours.
CORTICAL_MEDIAN = 6.0  # Hz
CORTICAL_LOG_SD = 0.7
CORTICAL_RANGE = (0.2, 50.0)  # Hz
CORTICAL_BUMP_WIDTH = 0.15  # of the window: sd of a bump
CORTICAL_ROUNDS = 1000  # of drawing neurons anew, before giving up


def periodic(
    generator: np.random.Generator,
    neurons: int,
    duration: float,
    dt: float,
    *,
    amplitude: tuple[float, float] = (0.5, 1.5),
    period: tuple[float, float] = (500, 1000),
    second_period: tuple[float, float] | None = (100, 500),
) -> np.ndarray:
    """Draw for each neuron a product of two sines, or one sine.

    A sin(2 pi (t - t1) / T1) sin(2 pi (t - t2) / T2), with t1 uniform in 0..T1 and t2 in 0..T2.

    Parameters
    ----------
    generator : numpy Generator
        Source of all that is drawn.
    neurons : int
        Number of columns.
    duration, dt : float
        Length of the window and time step in ms.
    amplitude : (low, high)
        Range of A, drawn uniformly; equal ends give all neurons one amplitude.
    period, second_period : (low, high)
        Ranges of T1 and T2 in ms, drawn uniformly. Without a second period there is one sine only.

    Returns
    -------
    float64 array (time, neuron)
        Drive, dimensionless.

    Raises
    ------
    UserError
        If the duration is shorter than one time step.

    Source: specification section 1.6, periodic; the paper's figure 3, and with one sine of 300 to
    1000 ms its figure 1.
    """
    time = _times(duration, dt)
    drive = generator.uniform(*amplitude, neurons) * _random_sines(generator, time, neurons, period)
    if second_period is not None:
        drive *= _random_sines(generator, time, neurons, second_period)
    return drive


def rate_model(
    generator: np.random.Generator,
    neurons: int,
    duration: float,
    dt: float,
    *,
    tau: float = 40.0,
    gain: float = 5.0,
    p: float = 0.3,
    run_in: float = 300.0,
) -> np.ndarray:
    """Record the inputs x of a chaotic network of rate units with random connections of its own.

    tau dx/dt = -x + G phi(x), by Euler's method. The present entries of G are normal, divided by
    sqrt(neurons p); each row's are shifted to zero mean, and all are multiplied by the gain.

    Parameters
    ----------
    generator : numpy Generator
        Source of all that is drawn: connections and the beginning, x uniform in 0..0.2.
    neurons : int
        Number of rate units, one for each column.
    duration, dt : float
        Length of the window and time step in ms.
    tau : float
        Time constant of the rate units in ms.
    gain : float
        Strength of the connections.
    p : float
        Probability of a connection from one unit to another; none connects to itself.
    run_in : float
        Time before the window in ms, discarded.

    Returns
    -------
    float64 array (time, neuron)
        Drive, dimensionless.

    Raises
    ------
    UserError
        If the duration is shorter than one time step.

    Source: specification section 1.6, ratemodel; the paper's figure 3.
    """
    n_steps, skipped = targets.target_steps(duration, dt), steps_of(run_in, dt)
    weights = gain * _zero_mean_weights(generator, neurons, p)
    x = generator.uniform(0, 0.2, neurons)
    drive = np.empty((n_steps, neurons))
    for step in range(-skipped, n_steps):
        x = x + dt / tau * (weights @ phi(x) - x)
        if step >= 0:
            drive[step] = x
    return drive


def noise(
    generator: np.random.Generator,
    neurons: int,
    duration: float,
    dt: float,
    *,
    tau_c: float = 200.0,
    s: float = 0.3,
    sd: float | None = None,
    run_in: float = 1100.0,
) -> np.ndarray:
    """Draw for each neuron slow noise of its own (an Ornstein-Uhlenbeck process).

    Without `sd`: dx = -x / tau_c dt + s sqrt(dt) xi with time in units of 10 ms, by the method of
    Euler and Maruyama, from 0 at the beginning of the run-in. Its standard deviation tends to
    s sqrt(tau_c / 20 ms), 0.95 by default.

    With `sd`: stationary from the first row on, advanced exactly; `s` and `run_in` are not used.

    Parameters
    ----------
    generator : numpy Generator
        Source of all that is drawn.
    neurons : int
        Number of columns.
    duration, dt : float
        Length of the window and time step in ms.
    tau_c : float
        Correlation time in ms.
    s : float
        Strength of the noise, per square root of 10 ms.
    sd : float, optional
        Standard deviation to have, in the units of the drive.
    run_in : float
        Time before the window in ms, discarded.

    Returns
    -------
    float64 array (time, neuron)
        Drive, dimensionless.

    Raises
    ------
    UserError
        If the duration is shorter than one time step.

    Source: specification section 1.6, ou and ou(tau_c, sd); the paper's figures 3, 6 and 7.
    """
    n_steps, skipped = targets.target_steps(duration, dt), steps_of(run_in, dt)
    if sd is not None:
        decay = np.exp(-dt / tau_c)
        start = sd * generator.standard_normal(neurons)
        steps = sd * np.sqrt(1 - decay**2) * generator.standard_normal((n_steps, neurons))
        return decaying_sum(steps, decay, start)
    steps = s * np.sqrt(dt / MS_PER_UNIT) * generator.standard_normal((skipped + n_steps, neurons))
    return decaying_sum(steps, 1 - dt / tau_c, np.zeros(neurons))[skipped:].copy()


def mixtures(
    generator: np.random.Generator,
    neurons: int,
    duration: float,
    dt: float,
    sources: int,
    *,
    tau_c: float,
    sd: float = 0.5,
) -> np.ndarray:
    """Mix a few sources of slow noise, for each neuron with random weights of its own.

    The weights of a neuron are normal, scaled to a sum of squares of 1. With one source all neurons
    have the same target or its negative.

    Parameters
    ----------
    generator : numpy Generator
        Source of all that is drawn.
    neurons : int
        Number of columns.
    duration, dt : float
        Length of the window and time step in ms.
    sources : int
        Number of independent stationary sources.
    tau_c : float
        Their correlation time in ms.
    sd : float
        Standard deviation of each source, and of each neuron's drive.

    Returns
    -------
    float64 array (time, neuron)
        Drive, dimensionless.

    Raises
    ------
    UserError
        If the duration is shorter than one time step.

    Source: specification section 4, F5c.
    """
    weights = generator.standard_normal((sources, neurons))
    weights /= np.linalg.norm(weights, axis=0)
    return noise(generator, sources, duration, dt, tau_c=tau_c, sd=sd) @ weights


def with_repeats(
    generator: np.random.Generator, drive: np.ndarray, random_fraction: float
) -> tuple[np.ndarray, np.ndarray]:
    """Give a random choice of the neurons one target: that of one of them.

    With the same generator and number of neurons, a neuron that keeps its own target also does so
    at every larger fraction, and the repeated target is always the same one.

    Parameters
    ----------
    generator : numpy Generator
        Source of the choice.
    drive : float64 array (time, neuron)
        A target for each neuron.
    random_fraction : float
        Part of the neurons, 0 to 1, that keep their own; their number is rounded.

    Returns
    -------
    drive : float64 array (time, neuron)
        A new table.
    repeated : bool array (neuron,)
        Which neurons have the repeated target.

    Raises
    ------
    UserError
        If the fraction is not within 0 and 1.

    Source: the paper's figure 3c.
    """
    if not 0 <= random_fraction <= 1:
        raise UserError(
            f"The part of the neurons that keep their own target is {random_fraction:g}, but must "
            "be 0 to 1: change random_fraction."
        )
    neurons = drive.shape[1]
    order = generator.permutation(neurons)
    repeated = np.zeros(neurons, dtype=bool)
    repeated[order[round(random_fraction * neurons) :]] = True
    drive = drive.astype(float)
    drive[:, repeated] = drive[:, order[-1:]]
    return drive, repeated


def from_channels(
    amplitude: np.ndarray, neurons: int, dt: float, *, tau_s: float, low: float, high: float
) -> tuple[np.ndarray, np.ndarray]:
    """Turn a target of the clock into synaptic drives, as if a synapse listened to each channel.

    Each channel is low-passed by the exponential filter of the synapses, which has unit area,
    and before the first row is taken to have had that row's value for ever.

    Parameters
    ----------
    amplitude : float64 array (time, channel)
        0 to 1; row s holds from s dt to (s + 1) dt.
    neurons : int
        Neuron i follows channel i modulo the number of channels.
    dt, tau_s : float
        Time step, and time constant of the synapses, in ms.
    low, high : float
        Drives for a steady amplitude of 0 and of 1, dimensionless.

    Returns
    -------
    drive : float64 array (time, neuron)
        Dimensionless.
    channel_of_neuron : int array (neuron,)
        Which channel each neuron follows.

    Raises
    ------
    UserError
        If there are fewer neurons than channels.

    Source: ours; the filter is that of specification section 1.3.
    """
    channels = amplitude.shape[1]
    if neurons < channels:
        raise UserError(
            f"A network of {neurons} neurons cannot follow a target of {channels} channels, for "
            "each needs a neuron: use more neurons or fewer channels."
        )
    decay = np.exp(-dt / tau_s)
    heard = decaying_sum((1 - decay) * amplitude, decay, amplitude[0])
    channel_of_neuron = np.arange(neurons) % channels
    return low + (high - low) * heard[:, channel_of_neuron], channel_of_neuron


def smoothed(table: np.ndarray, sd: float, dt: float) -> np.ndarray:
    """Smooth every column along time with a Gaussian.

    Parameters
    ----------
    table : float64 array (time, neuron)
        Drives or rates, in any unit. Beyond its ends the first and the last row go on.
    sd : float
        Standard deviation of the Gaussian in ms; 0 leaves the table as it is.
    dt : float
        Time step in ms.

    Returns
    -------
    float64 array (time, neuron)
        In the unit of the table.

    Source: specification section 2.3, innate target.
    """
    if sd == 0:
        return table
    from scipy.ndimage import gaussian_filter1d

    return gaussian_filter1d(table, sd / dt, axis=0, mode="nearest")


def cortical_rates(
    generator: np.random.Generator,
    neurons: int,
    duration: float,
    dt: float,
    *,
    lowest_mean: float = 0.0,
) -> np.ndarray:
    """Make up firing rates such as cortical neurons have. They are synthetic, no recordings.

    A stand-in for the recordings of the paper, which are not ours to give: say so wherever they
    are shown. Each neuron has a baseline B, lognormal with the median 6 Hz and a standard deviation
    of the logarithm of 0.7, and one of three shapes, equally often:

    - ramp: B (1 + h z), z running evenly from -1 to 1 over the window, up or down;
    - bump: B (0.5 + h g), g a Gaussian of height 1 and a standard deviation of 15 % of the window
      at a random time;
    - slow sine: B (1 + h sin), 0.5 to 2 cycles over the window, at a random phase;

    with h uniform in 0.5..1 (for the bump 1..3). The rates are clipped to 0.2..50 Hz.

    Parameters
    ----------
    generator : numpy Generator
        Source of all that is drawn.
    neurons : int
        Number of columns.
    duration, dt : float
        Length of the window and time step in ms.
    lowest_mean : float
        Neurons whose mean rate in Hz is not above this are drawn anew; the paper's are above 5 Hz.

    Returns
    -------
    float64 array (time, neuron)
        Rates in Hz.

    Raises
    ------
    UserError
        If the duration is shorter than one time step, or `lowest_mean` is too high to be reached.

    Source: specification section 2.5 and the paper's figure 5; heights and cycles are ours.
    """
    time = _times(duration, dt)
    rate = np.empty((len(time), neurons))
    missing = np.arange(neurons)
    for _ in range(CORTICAL_ROUNDS):
        rate[:, missing] = _draw_cortical(generator, time, len(missing))
        missing = missing[rate[:, missing].mean(axis=0) <= lowest_mean]
        if len(missing) == 0:
            return rate
    raise UserError(
        f"Synthetic cortical rates with means above {lowest_mean:g} Hz are too rare to be drawn: "
        "choose a lowest mean of 20 Hz or less."
    )


def read_table(
    path: str | Path, duration: float, dt: float, file_dt: float, *, what: str
) -> np.ndarray:
    """Read a user's own target drives or rates.

    Row k of the file, counted from 0, is the value at the time (k + 1) file_dt, as in all tables
    here; each step takes the nearest row, and of two equally near ones the later.

    Parameters
    ----------
    path : path
        `.npy`, `.csv` (comma-separated numbers, no header), `.zarr` or `.zarr.zip` (an array, or a
        group that holds one array of two dimensions); rows are times, columns are neurons.
    duration, dt : float
        Length of the window and time step in ms; a longer file is cut.
    file_dt : float
        Time from one row of the file to the next in ms.
    what : "drive" or "rate"
        What the numbers mean: drives, dimensionless, or rates in Hz, which are not negative.

    Returns
    -------
    float64 array (time, neuron)
        With as many columns as the file has, see `check_neurons`.

    Raises
    ------
    UserError
        If the file is missing or unreadable, has another shape, values that are not finite or (for
        rates) negative, or is shorter than the window; if `file_dt` is not positive; if the
        duration is shorter than one time step.
    """
    if what not in ("drive", "rate"):
        raise UserError(f"A target file for networks holds drive or rate, not {what!r}.")
    if not 0 < file_dt < np.inf:
        raise UserError(
            f"The rows of the {what} file {path} are said to be {file_dt:g} ms apart: "
            "give a time above 0."
        )
    table = targets.read_numbers(path)
    if what == "rate":
        targets.refuse_values(path, table, table < 0, "a negative rate")
    file_length = len(table) * file_dt
    if file_length < duration - dt / 2:
        raise UserError(
            f"The {what} file {path} lasts {file_length:g} ms ({len(table)} rows of {file_dt:g} "
            f"ms), shorter than the window of {duration:g} ms: give a longer file or a shorter "
            "window."
        )
    # Rounding must not decide between rows that are equally near.
    row = np.floor(_times(duration, dt) / file_dt + 0.5 + 1e-9).astype(int) - 1
    return table[np.clip(row, 0, len(table) - 1)]


def check_neurons(table: np.ndarray, neurons: int, where: str) -> None:
    """Refuse a table (time, neuron) that has not one column for each of the neurons.

    Parameters
    ----------
    table : array (time, neuron)
        Drives or rates.
    neurons : int
        How many columns it must have.
    where : str
        What the user knows the table by, for example "the drive file targets.csv".

    Raises
    ------
    UserError
        If the number of columns differs.
    """
    if table.shape[1] != neurons:
        raise UserError(
            f"The number of columns in {where} is {table.shape[1]}, but {neurons} neurons are to "
            "follow it: give one column for each neuron."
        )


def phi(x: np.ndarray) -> np.ndarray:
    """Return the rate of a theta neuron with a steady input x, sqrt(x) / pi, and 0 below 0.

    In spikes per unit of 10 ms; times `HZ` in Hz. Source: specification section 1.2.
    """
    return np.sqrt(np.maximum(x, 0)) / np.pi


def lif(x: np.ndarray) -> np.ndarray:
    """Return the rate of a leaky integrate-and-fire neuron with a steady input x (I0 included).

    1 / log(x / (x - 1)) above the threshold of 1, and 0 up to it; in spikes per unit of 10 ms.
    Source: specification section 2.2.
    """
    x = np.asarray(x, dtype=float)
    excess = np.where(x > 1, x - 1, 1.0)
    return np.where(x > 1, 1 / np.log1p(1 / excess), 0.0)


def _times(duration, dt) -> np.ndarray:
    """Return the times of all rows in ms."""
    return np.arange(1, targets.target_steps(duration, dt) + 1) * dt


def _random_sines(generator, time, neurons, period) -> np.ndarray:
    """Draw sines (time, neuron) with periods from a range and any phase."""
    period = generator.uniform(*period, neurons)
    shift = generator.uniform(0, period)
    return np.sin(2 * np.pi * (time[:, np.newaxis] - shift) / period)


def _zero_mean_weights(generator, neurons, p):
    """Draw sparse normal weights / sqrt(neurons p), rows shifted to zero mean, none to itself."""
    from scipy.sparse import csr_array

    weights = generator.standard_normal((neurons, neurons)) / np.sqrt(neurons * p)
    present = generator.random((neurons, neurons)) < p
    np.fill_diagonal(present, False)
    weights *= present
    n_present = np.maximum(present.sum(axis=1, keepdims=True), 1)
    weights -= present * (weights.sum(axis=1, keepdims=True) / n_present)
    # Its products are the same on any machine and with any number of threads: the model is chaotic.
    return csr_array(weights)


def _draw_cortical(generator, time, neurons) -> np.ndarray:
    """Draw synthetic rates (time, neuron) in Hz, see `cortical_rates`."""
    part = time[:, np.newaxis] / time[-1]  # of the window, 0 to 1
    baseline = CORTICAL_MEDIAN * np.exp(CORTICAL_LOG_SD * generator.standard_normal(neurons))
    shape = generator.integers(3, size=neurons)
    height = generator.uniform(0.5, 1, neurons)
    sign = generator.choice([-1.0, 1.0], neurons)
    bump_height = generator.uniform(1, 3, neurons)
    bump_part = generator.uniform(0, 1, neurons)
    cycles = generator.uniform(0.5, 2, neurons)
    phase = generator.uniform(0, 2 * np.pi, neurons)

    ramp = 1 + height * sign * (2 * part - 1)
    bump = 0.5 + bump_height * np.exp(-(((part - bump_part) / CORTICAL_BUMP_WIDTH) ** 2) / 2)
    sine = 1 + height * np.sin(2 * np.pi * cycles * part + phase)
    return np.clip(baseline * np.choose(shape, [ramp, bump, sine]), *CORTICAL_RANGE)
