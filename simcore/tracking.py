"""How well a trained network follows its targets.

Specification of networks trained by recursive least squares, section 3.

Tables are arrays (..., time, neuron); row s, counted from 0, is the value at the time (s + 1) dt
after the window begins. Times are in ms, drives are dimensionless. Spikes are two arrays, their
times (ms) since the window began and their neurons, in any order. What is undefined is NaN, but a
correlation with something constant is 0.
"""

import numpy as np

from simcore.errors import UserError
from simcore.numerics import decaying_sum, ratio, sorted_eigenvalues, sparse_matrix, steps_of

CONSTANT = 1e-12  # relative to the largest value: smaller changes are rounding errors
ROUNDING = 1e-3  # ms: error of a time that is stored as a 32-bit number


# Drives and their targets


def correlation(drive: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Correlate drive and target over time (Pearson), for each neuron.

    Parameters
    ----------
    drive, target : arrays (..., time, neuron)
        In any unit; leading dimensions are broadcast.

    Returns
    -------
    float64 array (..., neuron)
        0 where one of the two is constant, as the rate of a silent neuron is.

    Source: specification section 3, corr.
    """
    columns = _standardised(drive), _standardised(target)
    return np.clip(np.einsum("...tn,...tn->...n", *columns), -1, 1)


def relative_error(drive: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the root mean square difference over the target's standard deviation, per neuron.

    Parameters
    ----------
    drive, target : arrays (..., time, neuron)
        In one unit; leading dimensions are broadcast.

    Returns
    -------
    float64 array (..., neuron)
        1 for a drive that stays at the target's mean; NaN where the target is constant.

    Source: specification section 3, nrmse.
    """
    return _over_sd(np.subtract(drive, target, dtype=float), target)


def bias_and_variability(drives: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split the error in what all starts have in common and what differs between them.

    At each time bias^2 = (mean - target)^2 - variance / M, the mean and the unbiased variance over
    M starts. Both bias^2 and the variance are averaged over time for each neuron and divided by
    the target's variance; only then come the square roots. Their squares add up to the mean over
    starts of the squared relative error, where no bias^2 was negative.

    Parameters
    ----------
    drives : array (start, time, neuron)
        Of at least two starts.
    target : array (time, neuron)

    Returns
    -------
    bias, variability : float64 arrays (neuron,)
        In standard deviations of the target. A negative bias^2, which chance can give, counts as
        0; NaN where the target is constant. The specification's figures are medians over neurons.

    Raises
    ------
    UserError
        If there are fewer than two starts.

    Source: specification section 3, bias and var.
    """
    starts = _number_of_starts(drives)
    variance = np.var(drives, axis=0, ddof=1, dtype=float)
    distance = np.mean(drives, axis=0, dtype=float) - target
    bias_square = np.mean(distance**2 - variance / starts, axis=0)
    sd = _sd(target)
    bias = ratio(np.sqrt(np.maximum(bias_square, 0)), sd)
    return bias, ratio(np.sqrt(np.mean(variance, axis=0)), sd)


def trial_agreement(drives: np.ndarray) -> np.ndarray:
    """Average the correlations of all pairs of starts, for each neuron.

    Parameters
    ----------
    drives : array (start, time, neuron)
        Of at least two starts.

    Returns
    -------
    float64 array (neuron,)
        Pairs in which one is constant count as 0.

    Raises
    ------
    UserError
        If there are fewer than two starts.

    Source: the paper's figure 4.
    """
    starts = _number_of_starts(drives)
    deviation = _standardised(drives)
    # The square of a sum holds every pair twice, besides the squares of its terms.
    twice = np.sum(deviation.sum(axis=0) ** 2 - (deviation**2).sum(axis=0), axis=0)
    return np.clip(twice / (starts * (starts - 1)), -1, 1)


def sliding_agreement(
    drives: np.ndarray, dt: float, *, window: float = 200.0, step: float = 50.0
) -> tuple[np.ndarray, np.ndarray]:
    """Measure how well starts agree in windows that slide along time.

    Parameters
    ----------
    drives : array (start, time, neuron)
        Of at least two starts.
    dt : float
        Time step in ms.
    window, step : float
        Length of a window and the way to the next one in ms, rounded to time steps.

    Returns
    -------
    time : float64 array (window,)
        Centres of the windows in ms; only whole windows within the table.
    agreement : float64 array (window,)
        `trial_agreement` in each, averaged over neurons.

    Raises
    ------
    UserError
        If there are fewer than two starts.

    Source: the paper's figure 4.
    """
    rows = max(steps_of(window, dt), 2)
    stride = max(steps_of(step, dt), 1)
    first = np.arange(0, np.shape(drives)[1] - rows + 1, stride)
    agreement = [np.mean(trial_agreement(drives[:, row : row + rows])) for row in first]
    return (first + rows / 2) * dt, np.array(agreement, dtype=float)


def separation(drive: np.ndarray, disturbed: np.ndarray) -> np.ndarray:
    """Follow how far two runs have come apart, for example after one spike was deleted.

    The root mean square over neurons of their difference, over the standard deviation of the
    undisturbed drive over neurons and time together. Of two unrelated runs it is the square root
    of 2, or less where the neurons' means differ: these differences are part of that deviation.

    Parameters
    ----------
    drive, disturbed : arrays (time, neuron)

    Returns
    -------
    float64 array (time,)
        NaN if the drive is the same for all neurons and times.

    Source: the paper's figure 4.
    """
    difference = np.subtract(drive, disturbed, dtype=float)
    sd = np.std(drive, dtype=float)
    distance = np.sqrt(np.mean(difference**2, axis=1))
    return ratio(distance, np.full(len(distance), sd))


# The quasi-static split: what a network of rates with the same weights would do


def filtered_by_synapse(rate: np.ndarray, tau_s: float, dt: float) -> np.ndarray:
    """Pass rates through the synapses' filter: what r would be if spikes were a rate.

    r <- c r + (1 - c) rate with c = exp(-dt / tau_s), so that a steady rate is its own r; the first
    row counts as the rate for ever before. The spiking network's mean r is larger by about
    dt / (2 tau_s) of it, because a spike is not decayed in its own time step.

    Parameters
    ----------
    rate : array (time, neuron)
        In spikes per unit of 10 ms.
    tau_s, dt : float
        Time constant of the synapses and time step in ms.

    Returns
    -------
    float64 array (time, neuron)
        In the unit of the rate, which is that of r.

    Source: specification sections 1.3 and 3, tracking error.
    """
    decay = np.exp(-dt / tau_s)
    rate = np.asarray(rate, dtype=float)
    return decaying_sum((1 - decay) * rate, decay, rate[0])


def quasi_static_drive(synapses, rate: np.ndarray) -> np.ndarray:
    """Return the drive U = W rate.

    Parameters
    ----------
    synapses : tuple (row_pointer, column, weight, ...)
        Rows are postsynaptic, as in the kernels' `least_squares.IncomingSynapses`.
    rate : array (time, pre)
        In spikes per unit of 10 ms, filtered by the synapses or not.

    Returns
    -------
    float64 array (time, post)

    Source: specification section 3; the paper's figure 3.
    """
    weights = sparse_matrix(*synapses[:3], np.shape(rate)[1])
    drive = weights @ np.asarray(rate, dtype=float).T
    return np.ascontiguousarray(drive.T)


def tracking_error(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the root mean square of W R - target over the target's standard deviation.

    What even a network of rates misses. This error and `sampling_error` may cancel: their squares
    do not add up to that of the relative error.

    Parameters
    ----------
    predicted : array (time, neuron)
        W R, what a network of rates would be driven by (`simcore.rls_replay.prediction`).
    target : array (time, neuron)

    Returns
    -------
    float64 array (neuron,)
        NaN where the target is constant.

    Source: specification section 3, quasi-static split.
    """
    return relative_error(predicted, target)


def sampling_error(drive: np.ndarray, predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the root mean square of drive - W R over the target's standard deviation.

    What spikes make of the rates.

    Parameters
    ----------
    drive : array (..., time, neuron)
        Of the spiking network, in one or several starts.
    predicted : array (time, neuron)
        W R, what a network of rates would be driven by (`simcore.rls_replay.prediction`).
    target : array (time, neuron)

    Returns
    -------
    float64 array (..., neuron)
        NaN where the target is constant.

    Source: specification section 3, quasi-static split.
    """
    return _over_sd(np.subtract(drive, predicted, dtype=float), target)


# Spikes


def psth(
    spike_time: np.ndarray,
    spike_neuron: np.ndarray,
    trials: int,
    neurons: int,
    duration: float,
    dt: float,
    *,
    sd: float = 30.0,
) -> np.ndarray:
    """Average the rates of all trials and smooth them, as `smoothed_inside` does.

    Parameters
    ----------
    spike_time, spike_neuron : arrays (spike,)
        Spikes of all trials together. Those of step s, counted from 1, belong to row s - 1; those
        outside (0, duration] do not count.
    trials, neurons : int
    duration, dt : float
        Length of the window and time step in ms.
    sd : float
        Standard deviation of the Gaussian in ms; 0 does not smooth.

    Returns
    -------
    float64 array (time, neuron)
        In Hz.

    Source: specification section 3, PSTH corr.
    """
    count = _counts(spike_time, spike_neuron, neurons, steps_of(duration, dt), dt)
    return smoothed_inside(count / (trials * dt / 1000), sd, dt)


def smoothed_inside(table: np.ndarray, sd: float, dt: float) -> np.ndarray:
    """Smooth every column along time with a Gaussian, from what is inside the window only.

    Nothing is made up beyond the ends: there each value is divided by the part of the Gaussian
    that lies inside, so that a constant stays constant (but the sum over time changes a little
    where there is something near the ends). What is compared with a `psth` is to be smoothed so.

    Parameters
    ----------
    table : array (time, neuron)
        In any unit.
    sd, dt : float
        Standard deviation of the Gaussian, cut off at 4 of them, and time step in ms; with an sd of
        0 the table stays as it is.

    Returns
    -------
    float64 array (time, neuron)
        In the unit of the table.

    Source: specification section 3, PSTH corr; the correction at the ends is ours.
    """
    table = np.asarray(table, dtype=float)
    if sd == 0:
        return table
    from scipy.ndimage import gaussian_filter1d

    inside = gaussian_filter1d(np.ones(len(table)), sd / dt, mode="constant")
    return gaussian_filter1d(table, sd / dt, axis=0, mode="constant") / inside[:, np.newaxis]


def binned_rate(
    spike_time: np.ndarray,
    spike_neuron: np.ndarray,
    trials: int,
    neurons: int,
    duration: float,
    *,
    bin: float = 50.0,
) -> np.ndarray:
    """Average the rates of all trials in bins of time.

    Parameters
    ----------
    spike_time, spike_neuron : arrays (spike,)
        Spikes of all trials together; bin k has those in (k bin, (k + 1) bin].
    trials, neurons : int
    duration, bin : float
        Length of the window and of a bin in ms; a last bin that is not whole is left out.

    Returns
    -------
    float64 array (bin, neuron)
        In Hz.

    Source: the paper's figure 3.
    """
    count = _counts(spike_time, spike_neuron, neurons, int((duration + ROUNDING) // bin), bin)
    return count / (trials * bin / 1000)


# Weights


def weight_change(weight: np.ndarray, initial: np.ndarray) -> tuple[float, bool]:
    """Return the norm of the weights' change, relative to the norm of the initial weights.

    Parameters
    ----------
    weight, initial : arrays (synapse,)

    Returns
    -------
    change : float
    is_relative : bool
        False if all initial weights are 0: then the change is the norm itself.

    Source: the paper's figure 1.
    """
    change = np.linalg.norm(np.subtract(weight, initial, dtype=float))
    start = np.linalg.norm(np.asarray(initial, dtype=float))
    return (float(change / start), True) if start > 0 else (float(change), False)


def spectrum(
    row_pointer: np.ndarray, column: np.ndarray, weight: np.ndarray, neurons: int
) -> np.ndarray:
    """Compute the eigenvalues of the weight matrix W [post, pre].

    Parameters
    ----------
    row_pointer, column, weight : arrays (neuron + 1,), (synapse,), (synapse,)
        Sparse weights; rows are postsynaptic.
    neurons : int

    Returns
    -------
    complex128 array (neuron,)
        By falling real part, then by falling imaginary part.

    Source: the paper's figure 4.
    """
    return sorted_eigenvalues(sparse_matrix(row_pointer, column, weight, neurons).toarray())


def balanced_radius(
    strength: float, inhibition: float, excitatory_fraction: float, p: float
) -> float:
    """Return the radius of the spectrum of a random network of E and I neurons.

    sqrt(((1 - f) J^2 + f (g J)^2) (1 - p)), f being the fraction of the inhibitory neurons: for
    weights of J / sqrt(N p) from E and -g J / sqrt(N p) from I neurons.

    Parameters
    ----------
    strength, inhibition : float
        J and g.
    excitatory_fraction : float
        1 - f: 0.8 in the paper.
    p : float
        Probability of a connection.

    Source: the paper's figure 4.
    """
    square = excitatory_fraction + (1 - excitatory_fraction) * inhibition**2
    return float(abs(strength) * np.sqrt(square * (1 - p)))


# Errors of networks of several sizes


def fit_error_floor(neurons: np.ndarray, relative_error: np.ndarray) -> tuple[float, float]:
    """Fit error^2 = floor^2 + A / N by least squares; neither term may be negative.

    Parameters
    ----------
    neurons : array (network,)
        N of each network, of at least two sizes.
    relative_error : array (network,)
        Its error, for example the median of `relative_error` over neurons.

    Returns
    -------
    floor : float
        What remains of the error in a large network.
    A : float

    Raises
    ------
    UserError
        If all networks have the same size.

    Source: specification section 4, F5.
    """
    from scipy.optimize import nnls

    neurons = np.asarray(neurons, dtype=float)
    smallest = neurons.min()
    if smallest == neurons.max():
        raise UserError(
            f"All networks have {smallest:g} neurons, from which no dependence on the size can be "
            "fitted: give networks of several sizes."
        )
    terms = np.stack([np.ones(len(neurons)), smallest / neurons], axis=1)
    floor_square, at_smallest = nnls(terms, np.asarray(relative_error, dtype=float) ** 2)[0]
    return float(np.sqrt(floor_square)), float(at_smallest * smallest)


def _range(table):
    """Return the smallest and largest of each column, and whether it does not change over time."""
    low, high = np.min(table, axis=-2), np.max(table, axis=-2)
    # But for rounding errors.
    return low, high, high - low <= CONSTANT * np.maximum(np.abs(low), np.abs(high))


def _sd(table):
    """Return the standard deviation over time of each column, 0 where it is constant."""
    *_, constant = _range(table)
    return np.where(constant, 0, np.std(table, axis=-2, dtype=float))


def _over_sd(error, target):
    """Return the root mean square of an error over time, in standard deviations of the target."""
    size = np.sqrt(np.mean(error**2, axis=-2))
    sd = np.broadcast_to(_sd(target), size.shape)
    return ratio(size, sd)


def _standardised(table):
    """Return the columns' deviations from their means, with a sum of squares of 1 or all 0."""
    low, high, constant = _range(table)
    mean = np.mean(table, axis=-2, dtype=float)
    # Scaled before they are squared, for squares of very small deviations are 0.
    largest = np.where(constant, np.inf, np.maximum(high - mean, mean - low))
    deviation = table - mean[..., np.newaxis, :]
    deviation /= largest[..., np.newaxis, :]
    norm = np.sqrt(np.einsum("...tn,...tn->...n", deviation, deviation))
    deviation /= np.where(constant, 1, norm)[..., np.newaxis, :]
    return deviation


def _number_of_starts(drives):
    starts = len(drives)
    if starts < 2:
        raise UserError(
            f"Starts are compared, but the number of starts is {starts}: run at least 2 of them."
        )
    return starts


def _counts(spike_time, spike_neuron, neurons, n_intervals, length):
    """Count spikes (interval, neuron) in the intervals (0, length], (length, 2 length], ..."""
    # A spike at an interval's very end must not fall into the next one by rounding.
    interval = np.ceil((np.asarray(spike_time, dtype=float) - ROUNDING) / length).astype(int) - 1
    seen = (interval >= 0) & (interval < n_intervals)
    cell = interval[seen] * neurons + np.asarray(spike_neuron, dtype=int)[seen]
    count = np.bincount(cell, minlength=n_intervals * neurons)
    return count.reshape(n_intervals, neurons)
