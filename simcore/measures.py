"""What is measured on a clock and on its read-outs (specification of the clock network, section 6).

Spikes are two arrays, `spike_time` (ms) and `spike_neuron` (or `spike_channel`), in any order.
Clusters are numbered from 0; a cluster of -1 means that a neuron belongs to none, and neurons
beyond the end of `cluster` (the inhibitory ones) count nowhere. What is undefined is NaN.
"""

from dataclasses import dataclass

import numpy as np

from simcore.numerics import WINDOW, ratio, scaled, sorted_eigenvalues, sparse_matrix, steps_of

SKIPPED = 500.0  # ms: onsets before are left out of the periods
READOUT_DELAY = 35.0  # ms from the start of a pass to the beginning of its window
KERNEL_SQUARE = 250.0  # ms^2: rates are smoothed with exp(-t^2 / 250 ms^2)
KERNEL_RADIUS = 80.0  # ms: there the kernel has fallen below 1e-11 of its maximum
IRREGULAR = 0.3  # passes whose period differs more from the median are no good clocks
FEWEST_PASSES = 100  # with fewer the sd of a time is not known well enough to be fitted
BURST_HALF_WIDTH = 40.0  # ms: bursts of the authors' trained clocks last about 60 ms in all


# Which cluster is active


def cluster_counts(
    spike_time: np.ndarray,
    spike_neuron: np.ndarray,
    cluster: np.ndarray,
    n_clusters: int,
    duration: float,
    *,
    step: float = 1.0,
    window: float = WINDOW,
    start: float = 0.0,
    dt: float = 0.1,
) -> np.ndarray:
    """Count the spikes of each cluster in the last 10 ms, at regular moments.

    Parameters
    ----------
    spike_time, spike_neuron : array (spike,)
        Spikes; times in ms are multiples of `dt` up to rounding.
    cluster : int array (neuron,)
        Cluster of each neuron.
    n_clusters : int
    duration : float
        The moments are start, start + step, ... before start + duration, in ms.
    step, window, start, dt : float
        In ms, multiples of `dt`. At moment t the spikes in (t - window, t] count, those before
        `start` included.

    Returns
    -------
    int32 array (moment, cluster)

    Source: specification of the clock network, section 6, "Winner".
    """
    spike_step = steps_of(spike_time, dt) - steps_of(start, dt)
    moment_steps, window_steps = steps_of(step, dt), steps_of(window, dt)
    n_moments = steps_of(duration, dt) // moment_steps

    spike_cluster = _cluster_of(spike_neuron, cluster)
    known = spike_cluster >= 0
    spike_step, spike_cluster = spike_step[known], spike_cluster[known]
    # A spike is in the window of the moments from `first` to just before `after`.
    first = -(-spike_step // moment_steps)
    after = -(-(spike_step + window_steps) // moment_steps)
    seen = (after > 0) & (first < n_moments) & (after > first)
    change = np.zeros((n_moments + 1) * n_clusters, np.int32)
    for moment, sign in ((first, 1), (after, -1)):
        cell = np.clip(moment[seen], 0, n_moments) * n_clusters + spike_cluster[seen]
        change += sign * np.bincount(cell, minlength=len(change)).astype(np.int32)
    return np.cumsum(change.reshape(-1, n_clusters)[:-1], axis=0, dtype=np.int32)


def winners(counts: np.ndarray) -> np.ndarray:
    """Find the most active cluster at each moment: the lowest wins a tie, -1 where all are silent.

    Parameters
    ----------
    counts : int array (moment, cluster)
        As from `cluster_counts`.

    Returns
    -------
    int64 array (moment,)

    Source: specification of the clock network, section 6, "Winner".
    """
    return np.where(counts.any(axis=1), counts.argmax(axis=1), -1)


def onsets(
    winner: np.ndarray, n_clusters: int, *, step: float = 1.0, start: float = 0.0
) -> np.ndarray:
    """Find the times in ms at which a round of the clock begins.

    Cluster 0 becomes the winner; from then on only after cluster floor(n_clusters / 2) has been
    the winner does this count again (the next one that ever is, if that one is silenced). At the
    beginning it counts, too.

    Parameters
    ----------
    winner : int array (moment,)
        As from `winners`, every `step` ms from `start` on.

    Source: specification of the clock network, section 6, "Onset".
    """
    before = np.concatenate([[-1], winner[:-1]])
    becomes_first = np.flatnonzero((winner == 0) & (before != 0))
    far = winner[winner >= n_clusters // 2]
    armed = np.flatnonzero(winner == far.min(initial=n_clusters))
    # How often the clock was armed before tells the rounds apart: of each, the first one counts.
    _, first_of_round = np.unique(np.searchsorted(armed, becomes_first), return_index=True)
    return start + step * becomes_first[first_of_round]


def periods(onset: np.ndarray, *, skip: float = SKIPPED) -> np.ndarray:
    """Return the times in ms between onsets, those before `skip` ms left out.

    Empty if there are fewer than two onsets. Source: specification, section 6, "Period".
    """
    return np.diff(onset[onset >= skip])


def order(winner: np.ndarray, n_clusters: int) -> float:
    """Return the fraction of the changes of winner in which the next cluster follows.

    The last cluster is followed by the first; moments without a winner are passed over. NaN if the
    winner never changes. Source: specification of the clock network, section 6, "Order".
    """
    sequence = winner[winner >= 0]
    change = np.diff(sequence)
    change = change[change != 0]
    return float(np.mean(change % n_clusters == 1 % n_clusters)) if len(change) else np.nan


def dwell_time(winner: np.ndarray) -> float:
    """Return how long a cluster stays the winner, in ms, around a random moment.

    The mean over moments of the stay in which each lies: between assemblies many short stays are a
    matter of noise, and a mean over stays would tell little else. The first and the last stay, cut
    by the run's ends, and moments without a winner do not count; NaN if the winner never changes.

    Parameters
    ----------
    winner : int array (moment,)
        As from `winners`, every 1 ms.

    Source: ours, to tell assemblies that switch slowly from a clock that steps on.
    """
    change = np.flatnonzero(np.diff(winner)) + 1
    stay = np.diff(change)[winner[change[:-1]] >= 0]
    return float(np.average(stay, weights=stay)) if stay.size else np.nan


def broken_links(counts: np.ndarray) -> float:
    """Count the clusters that hand on to the next one in less than half of the times they are left.

    A winner hands on if the next cluster is as active as any when it ceases to be the winner. A
    cluster that never was the winner says nothing of its link; NaN if none ever was and was left.

    Parameters
    ----------
    counts : int array (moment, cluster)
        As from `cluster_counts`.

    Source: ours, to tell a chain that stops at one place from a clock that stumbles anywhere.
    """
    winner, n_clusters = winners(counts), counts.shape[1]
    active = np.flatnonzero(winner >= 0)
    left = active[:-1][np.diff(winner[active]) != 0]
    if not left.size:
        return np.nan
    # The next moment with a winner: a wave that ends and begins anew elsewhere was not handed on.
    after = active[np.searchsorted(active, left) + 1]
    following = (winner[left] + 1) % n_clusters
    handed = counts[after, following] == counts[after].max(axis=1)
    times = np.bincount(winner[left], minlength=n_clusters)
    times_handed = np.bincount(winner[left], weights=handed, minlength=n_clusters)
    return float(np.count_nonzero(times_handed < times / 2))


@dataclass(frozen=True, eq=False)
class Rhythm:
    """How a clock steps through its clusters.

    Attributes
    ----------
    winner : int64 array (moment,)
        Most active cluster every 1 ms, -1 for none.
    period : float64 array (period,)
        In ms; empty if the clock did not come round twice.
    order, dwell_time, broken_links : float
        See the functions of these names.
    """

    winner: np.ndarray
    period: np.ndarray
    order: float
    dwell_time: float
    broken_links: float


def rhythm(spike_time, spike_neuron, cluster, duration, *, since=0.0, dt=0.1):
    """Measure how a clock steps through its clusters.

    Parameters
    ----------
    spike_time, spike_neuron : array (spike,)
    cluster : int array (neuron,)
    duration, dt : float
        Of the run and of a time step, in ms.
    since : float, ms
        What came before counts for nothing but `Rhythm.winner`.

    Returns
    -------
    Rhythm

    Source: specification of the clock network, section 6.
    """
    n_clusters = int(cluster.max()) + 1
    counts = cluster_counts(spike_time, spike_neuron, cluster, n_clusters, duration, dt=dt)
    winner, first = winners(counts), int(np.ceil(since))
    period = periods(onsets(winner, n_clusters), skip=max(SKIPPED, since))
    later = winner[first:]
    return Rhythm(
        winner, period, order(later, n_clusters), dwell_time(later), broken_links(counts[first:])
    )


# How well the read-outs replay the target


def pass_starts(
    spike_time: np.ndarray,
    spike_neuron: np.ndarray,
    cluster: np.ndarray,
    n_clusters: int,
    duration: float,
    target_duration: float,
    *,
    burn_in: float,
    delay: float = READOUT_DELAY,
    window: float = WINDOW,
    dt: float = 0.1,
) -> np.ndarray:
    """Find the moments (ms) at which the target would start in learning.

    That is at time steps, from `burn_in` on, at which cluster 0 is the winner (spikes in
    (t - window, t]), the first of them and then the first at or after each pass's end. Kept are
    the passes whose window, `delay` after the start, ends within the run.

    Parameters
    ----------
    spike_time, spike_neuron, cluster, n_clusters, window, dt
        As in `cluster_counts`.
    duration, target_duration, burn_in, delay : float
        Of the run and of the target, before the first pass, and from the start of a pass to the
        beginning of its window, in ms.

    Returns
    -------
    float64 array (pass,)

    Source: specification of the clock network, section 5 (start) and section 6, "Passes".
    """
    chunk = 10_000.0  # ms: counts at every time step of a whole run would need gigabytes
    leading = []
    for start in np.arange(burn_in, duration, chunk):
        near = (spike_time > start - window - dt) & (spike_time < start + chunk + dt)
        counts = cluster_counts(
            spike_time[near],
            spike_neuron[near],
            cluster,
            n_clusters,
            min(chunk, duration - start),
            step=dt,
            window=window,
            start=start,
            dt=dt,
        )
        leading.append(steps_of(start, dt) + np.flatnonzero(winners(counts) == 0))
    leading = np.concatenate(leading) if leading else np.zeros(0, int)

    starts = []
    pass_steps = steps_of(target_duration, dt)
    last_start = steps_of(duration, dt) - steps_of(delay, dt) - pass_steps
    following = 0
    while following < len(leading) and leading[following] <= last_start:
        starts.append(leading[following])
        following = np.searchsorted(leading, leading[following] + pass_steps)
    return np.array(starts, float) * dt


def smoothed_rate(
    spike_time: np.ndarray,
    spike_channel: np.ndarray,
    n_channels: int,
    duration: float,
    *,
    dt: float,
    start: float = 0.0,
) -> np.ndarray:
    """Convolve spikes with exp(-t^2 / 250 ms^2) of unit area.

    Spikes around the interval count as those within; where the run itself ends, nothing is made up
    for what is missing beyond.

    Parameters
    ----------
    spike_time, spike_channel : array (spike,)
        Times in ms, multiples of `dt` up to rounding.
    duration, dt, start : float
        The rate is given at start, start + dt, ... before start + duration, in ms.

    Returns
    -------
    float64 array (time, channel)
        In Hz.

    Source: specification of the clock network, section 6, "Rate".
    """
    from scipy.signal import oaconvolve

    n_times = steps_of(duration, dt)
    radius = steps_of(KERNEL_RADIUS, dt)
    lag = np.arange(-radius, radius + 1) * dt
    kernel = np.exp(-(lag**2) / KERNEL_SQUARE)
    kernel /= kernel.sum() * dt / 1000  # ms to s: the rate is in Hz

    position = steps_of(spike_time, dt) - steps_of(start, dt) + radius
    n_positions = n_times + 2 * radius
    near = (position >= 0) & (position < n_positions)
    cell = position[near] * n_channels + np.asarray(spike_channel)[near]
    spikes = np.bincount(cell, minlength=n_positions * n_channels).astype(float)
    spikes = spikes.reshape(n_positions, n_channels)
    rate = oaconvolve(spikes, kernel[:, None], mode="valid", axes=0)
    return np.maximum(rate, 0)  # the Fourier transform leaves rounding errors around zero


def readout_error(rate: np.ndarray, target: np.ndarray) -> float:
    """Return the mean absolute difference of rate and target, each scaled to [0, 1].

    Both are arrays (time, channel) of one pass, in any unit, and are scaled with one minimum and
    one maximum over all channels. A constant one, such as a silent read-out, counts as 0.
    Source: specification of the clock network, section 6, "Error".
    """
    return float(np.mean(np.abs(scaled(rate) - scaled(target))))


def readout_correlation(rate: np.ndarray, target: np.ndarray) -> float:
    """Correlate rate and target (Pearson) over all values (time, channel) of one pass.

    NaN if one of them is constant. Source: specification, section 6, "Correlation".
    """
    if np.ptp(rate) == 0 or np.ptp(target) == 0:
        return np.nan
    return float(np.corrcoef(np.ravel(rate), np.ravel(target))[0, 1])


def correlation_in_time(rate: np.ndarray, target: np.ndarray) -> float:
    """Correlate courses in time: as `readout_correlation`, each channel's mean taken away.

    What channels have on the average, right for any pass that knows nothing of time, counts for
    nothing.
    """
    return readout_correlation(rate - rate.mean(axis=0), target - target.mean(axis=0))


def best_without_time(target: np.ndarray) -> tuple[float, float]:
    """Return the least error and the largest correlation of rates that never change.

    Parameters
    ----------
    target : array (time, channel)
        In any unit.

    Returns
    -------
    error : float
        As `readout_error`, of each channel's median.
    correlation : float
        As `readout_correlation`, of each channel's mean; 0 if all have the same.
    """
    goal = scaled(target)
    error = np.mean(np.abs(goal - np.median(goal, axis=0)))
    means = np.broadcast_to(goal.mean(axis=0), goal.shape)
    alike = np.ptp(means) <= np.finfo(float).eps
    return float(error), 0.0 if alike else readout_correlation(means, goal)


def evaluate_passes(
    spike_time: np.ndarray,
    spike_channel: np.ndarray,
    starts: np.ndarray,
    target: np.ndarray,
    *,
    dt: float,
    delay: float = READOUT_DELAY,
    measured=(readout_error, readout_correlation),
) -> np.ndarray:
    """Measure every pass of a replay.

    Parameters
    ----------
    spike_time, spike_channel : array (spike,)
        Spikes of the read-outs.
    starts : array (pass,)
        As from `pass_starts`; the window of a pass begins `delay` ms after.
    target : array (time, channel)
        One row every `dt` ms, in any unit.
    measured : sequence of callables
        Each makes a number of the rate (Hz) and the target of one pass.

    Returns
    -------
    float64 array (measure, pass)
        A pass without read-out spikes has the correlation NaN.

    Source: specification of the clock network, section 6.
    """
    n_times, n_channels = target.shape
    found = np.empty((len(measured), len(starts)))
    for index, start in enumerate(starts):
        rate = smoothed_rate(
            spike_time, spike_channel, n_channels, n_times * dt, dt=dt, start=start + delay
        )
        found[:, index] = [measure(rate, target) for measure in measured]
    return found


def evaluate_replay(
    spikes,
    readout_spikes,
    cluster,
    target,
    duration,
    *,
    dt,
    burn_in,
    measured=(readout_error, readout_correlation),
):
    """Find the passes of a replay and measure each.

    Parameters
    ----------
    spikes, readout_spikes : tuple of arrays (spike,)
        Time (ms) and neuron of the network's spikes; time and channel of the read-outs'.
    cluster : int array (neuron,)
        Cluster of each E neuron.
    target : array (time, channel)
        One row every `dt` ms, in any unit.
    duration, dt, burn_in : float
        Of the run, of a time step and before the first pass, in ms.
    measured : sequence of callables
        As of `evaluate_passes`.

    Returns
    -------
    start : float64 array (pass,)
    found : float64 array (measure, pass)
        A pass without read-out spikes has the correlation 0: nothing was replayed.
    """
    n_clusters = int(cluster.max()) + 1
    start = pass_starts(
        *spikes, cluster, n_clusters, duration, len(target) * dt, burn_in=burn_in, dt=dt
    )
    found = evaluate_passes(*readout_spikes, start, target, dt=dt, measured=measured)
    return start, np.nan_to_num(found)


def typical_pass(error: np.ndarray) -> int:
    """Place of the pass of median error (of two middle ones the better) among some passes."""
    return int(np.argsort(error, kind="stable")[(len(error) - 1) // 2])


def mean(values):
    """Mean of an array (n,), NaN if it is empty."""
    return float(np.mean(values)) if len(values) else np.nan


# The structure of the weights


def block_means(
    row_pointer: np.ndarray,
    column: np.ndarray,
    weight: np.ndarray,
    cluster: np.ndarray,
    n_clusters: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Average the weights between clusters over the existing synapses.

    Parameters
    ----------
    row_pointer, column, weight : arrays (neuron + 1,), (synapse,), (synapse,)
        Sparse weights; rows are presynaptic.
    cluster : int array (neuron,)
        Cluster of each neuron.

    Returns
    -------
    mean : float64 array (pre, post)
        NaN where there is no synapse.
    count : int64 array (pre, post)
        Synapses of each block.
    """
    cluster = np.asarray(cluster)
    pre = np.repeat(cluster, np.diff(row_pointer))
    post = cluster[column]
    known = (pre >= 0) & (post >= 0)
    block = pre[known] * n_clusters + post[known]
    shape = n_clusters, n_clusters
    count = np.bincount(block, minlength=n_clusters**2).reshape(shape)
    total = np.bincount(block, np.asarray(weight)[known], n_clusters**2).reshape(shape)
    return ratio(total, count), count


@dataclass(frozen=True)
class WeightSummary:
    """Mean weights over the existing synapses in pF, NaN where there are none.

    Within clusters, from each to the next one (forward), to the one before (backward), all others.
    """

    within: float
    forward: float
    backward: float
    rest: float


def weight_summary(mean: np.ndarray, count: np.ndarray) -> WeightSummary:
    """Sum up the block structure in four numbers, each a mean over synapses, not over blocks.

    Forward and backward include the step between the last and the first cluster; between two
    clusters every synapse is both.

    Parameters
    ----------
    mean, count : arrays (pre, post)
        As from `block_means`.
    """
    n_clusters = len(mean)
    index = np.arange(n_clusters)
    distance = (index - index[:, None]) % n_clusters  # from pre to post
    within = distance == 0
    forward = (distance == 1) & ~within
    backward = (distance == n_clusters - 1) & ~within
    rest = ~(within | forward | backward)
    return WeightSummary(
        *(_mean_over(mean, count, part) for part in (within, forward, backward, rest))
    )


def weight_course(
    row_pointer: np.ndarray, column: np.ndarray, cluster: np.ndarray, block_weight: np.ndarray
) -> list[WeightSummary]:
    """Sum up the block structure at every moment of a training.

    Parameters
    ----------
    row_pointer, column : arrays (neuron + 1,), (synapse,)
        The synapses; rows are presynaptic.
    cluster : int array (neuron,)
    block_weight : array (time, pre, post)
        Mean weight between clusters at each moment.
    """
    count = _block_counts(row_pointer, column, cluster, block_weight.shape[1])
    return [weight_summary(mean, count) for mean in block_weight]


def relative_strength_course(
    row_pointer: np.ndarray, column: np.ndarray, cluster: np.ndarray, block_weight: np.ndarray
) -> np.ndarray:
    """Take `relative_strength` at every moment of a training, arguments as for `weight_course`.

    Returns
    -------
    float64 array (time, cluster)
    """
    count = _block_counts(row_pointer, column, cluster, block_weight.shape[1])
    return np.array([relative_strength(mean, count) for mean in block_weight])


def _block_counts(row_pointer, column, cluster, n_clusters):
    """Count the synapses between clusters: int array (pre, post)."""
    return block_means(row_pointer, column, np.zeros(len(column)), cluster, n_clusters)[1]


def relative_strength(mean: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Divide each cluster's mean weight within by its mean weight to the other clusters.

    Parameters
    ----------
    mean, count : arrays (pre, post)
        As from `block_means`.

    Returns
    -------
    float64 array (cluster,)
        NaN where a cluster has no synapses of one of the two kinds.
    """
    total = np.where(count > 0, mean, 0) * count
    to_others = ratio(total.sum(axis=1) - np.diag(total), count.sum(axis=1) - np.diag(count))
    return np.diag(mean) / to_others


def disynaptic_inhibition(
    e_to_i: tuple, i_to_e: tuple, cluster: np.ndarray, n_clusters: int
) -> np.ndarray:
    """Measure how much each cluster inhibits each by way of the I neurons.

    The weights of all paths from an E neuron over an I neuron to an E neuron, multiplied along the
    path and added up for each pair of clusters: 1 is the mean of all pairs. If neither E to I nor
    I to E weights know of clusters, all pairs are 1 but for chance.

    Parameters
    ----------
    e_to_i, i_to_e : tuples (row_pointer, column, weight)
        Sparse weights in pF; rows are presynaptic, I neurons are counted from 0.
    cluster : int array (neuron_e,)
        Cluster of each E neuron, all of them 0 or more.

    Returns
    -------
    float64 array (pre, post)
        NaN if there is no such path.

    Source: ours (docs/clock.md).
    """
    member = _membership(cluster, n_clusters)
    drive = member.T @ sparse_matrix(*e_to_i, len(i_to_e[0]) - 1)
    received = sparse_matrix(*i_to_e, len(cluster)) @ member
    size = np.bincount(cluster, minlength=n_clusters)
    paths = (drive @ received).toarray() / np.outer(size, size)
    return ratio(paths, paths.mean())


def ring_profile(values: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Average over all pairs of clusters that are equally far apart in the ring.

    Parameters
    ----------
    values : array (pre, post)
    steps : int array (step,)
        How far the second cluster of a pair lies ahead of the first.

    Returns
    -------
    float64 array (step,)
    """
    pre = np.arange(len(values))
    return np.array([values[pre, (pre + step) % len(values)].mean() for step in steps])


def _membership(unit, n_units):
    """Return the matrix [neuron, unit] that is 1 where a neuron belongs to a unit."""
    return sparse_matrix(np.arange(len(unit) + 1), unit, np.ones(len(unit)), n_units)


def spectrum(
    e_to_e: tuple, e_to_i: tuple, i_to_e: tuple, i_to_i: tuple, cluster: np.ndarray, n_clusters: int
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the eigenvalues of the weight matrix, full and reduced to cluster means.

    In the full matrix the weights of inhibitory neurons are negative. In the reduced one the
    clusters and the whole inhibitory population are one unit each; its entry is the weight that a
    neuron of the postsynaptic unit receives in sum from the presynaptic unit, averaged over the
    former. Its eigenvalues are those of the full matrix in which each block is replaced by its mean
    (missing synapses being zeros), without that one's many zeros: the two spectra can be compared.

    Parameters
    ----------
    e_to_e, e_to_i, i_to_e, i_to_i : tuples (row_pointer, column, weight)
        Sparse weights in pF; rows are presynaptic, I neurons are counted from 0.
    cluster : int array (neuron_e,)
        Cluster of each E neuron, all of them 0 or more.

    Returns
    -------
    eigenvalue : complex128 array (eigenvalue,)
        N_E + N_I of them, by falling real part, then by falling imaginary part.
    cluster_eigenvalue : complex128 array (cluster_eigenvalue,)
        n_clusters + 1 of them, likewise.
    """
    from scipy.sparse import block_array

    n_e, n_i = len(e_to_e[0]) - 1, len(i_to_i[0]) - 1
    # As [post, pre], in which the input to the neurons is the matrix times their rates.
    signed = block_array(
        [
            [sparse_matrix(*e_to_e, n_e), sparse_matrix(*e_to_i, n_i)],
            [-sparse_matrix(*i_to_e, n_e), -sparse_matrix(*i_to_i, n_i)],
        ]
    ).T.tocsr()
    unit = np.concatenate([cluster, np.full(n_i, n_clusters)])
    member = _membership(unit, n_clusters + 1)
    summed = (member.T @ signed @ member).toarray()
    reduced = summed / np.bincount(unit)[:, None]
    return sorted_eigenvalues(signed.toarray()), sorted_eigenvalues(reduced)


def leading_pair(eigenvalue: np.ndarray) -> complex:
    """Return of the complex eigenvalues the one of largest real part, with its imaginary part >= 0.

    NaN if all are real but for rounding.
    """
    turning = eigenvalue[eigenvalue.imag > 1e-9 * np.abs(eigenvalue).max()]
    return complex(turning[np.argmax(turning.real)]) if turning.size else complex(np.nan, np.nan)


def linear_model(delta: float, epsilon: float, inhibition: float = 2.0) -> np.ndarray:
    """Compute the eigenvalues of three excitatory rate units in a ring and an inhibitory one.

    Each excitatory unit couples to itself with ``delta``, to the next one with ``epsilon`` and to
    the one before with 1; the inhibitory unit couples to all with ``-inhibition`` and they to it
    with 1. The complex pair of the ring is (2 delta - epsilon - 1 +- i sqrt(3) (epsilon - 1)) / 2,
    whatever the inhibition.

    Source: Maes, Barahona & Clopath 2020, linear model (specification, section 7).

    Returns
    -------
    complex128 array (4,)
        By falling real part, then by falling imaginary part.
    """
    matrix = np.full((4, 4), -inhibition)
    for pre in range(3):
        for steps, weight in enumerate((delta, epsilon, 1.0)):
            matrix[(pre + steps) % 3, pre] = weight
    matrix[3] = 1.0, 1.0, 1.0, -inhibition
    return sorted_eigenvalues(matrix)


def ring_eigenvalues(weights: WeightSummary, synapses: float, n_clusters: int) -> np.ndarray:
    """Compute the eigenvalues that a ring of equal clusters would have, but for the uniform mode.

    The same argument as for `linear_model`, for any number of clusters: mode m of the ring has
    synapses ((within - rest) + (forward - rest) z + (backward - rest) / z), z = exp(-2 pi i m / K).

    Parameters
    ----------
    weights : WeightSummary
        In pF.
    synapses : float
        That a neuron receives from a cluster.

    Returns
    -------
    complex128 array (n_clusters - 1,)
        In pF, for m = 1 to K - 1; comparable with the `cluster_eigenvalue` of `spectrum`.
    """
    z = np.exp(-2j * np.pi * np.arange(1, n_clusters) / n_clusters)
    within, forward, backward = (
        weight - weights.rest for weight in (weights.within, weights.forward, weights.backward)
    )
    return synapses * (within + forward * z + backward / z)


# How precisely the clock runs


@dataclass(frozen=True, eq=False)
class Timing:
    """When each cluster was active in each regular pass.

    Attributes
    ----------
    onset : float64 array (pass,)
        When the pass began in the run: the burst of cluster 0, in ms.
    time : float64 array (pass, cluster)
        In ms, since the onset of that pass; NaN where a cluster kept silent.
    period : float64 array (pass,)
        From this onset to the next, in ms.
    left_out : int
        Passes left out because their period differs from the median by more than 30 %.
    """

    onset: np.ndarray
    time: np.ndarray
    period: np.ndarray
    left_out: int

    @property
    def mean(self) -> np.ndarray:
        """Mean time of each cluster over passes, in ms; NaN where it never was active."""
        seen = ~np.isnan(self.time)
        return ratio(np.where(seen, self.time, 0).sum(axis=0), seen.sum(axis=0))

    @property
    def sd(self) -> np.ndarray:
        """Population standard deviation of the time of each cluster over passes, in ms."""
        seen = ~np.isnan(self.time)
        square = np.where(seen, (self.time - self.mean) ** 2, 0)
        return np.sqrt(ratio(square.sum(axis=0), seen.sum(axis=0)))


def timing(
    spike_time: np.ndarray,
    spike_neuron: np.ndarray,
    cluster: np.ndarray,
    n_clusters: int,
    duration: float,
    *,
    skip: float = SKIPPED,
    half_width: float = BURST_HALF_WIDTH,
) -> Timing:
    """Measure the time of each cluster since the onset, in every pass.

    A burst is found at the maximum of its cluster's 10 ms count, near where it is expected. From
    there on its time is the mean time of the spikes within `half_width`, taken again around that
    mean until it stays: its error is that of a mean of all spikes of the burst.
    The onset of a pass is the burst of cluster 0 in the half period after it became the winner
    (a moment that a single stray spike can bring forward). The other clusters are first expected
    where an even clock would have them, within half a period; then at the median of the times found
    so, stretched with the pass, within a quarter of a period.

    Parameters
    ----------
    spike_time, spike_neuron, cluster, n_clusters
        As in `cluster_counts`.
    duration, skip : float
        Of the run, and of its beginning that is left out, in ms.
    half_width : float
        In ms.

    Source: specification of the clock network, section 6, "Timing variability".
    """
    counts = cluster_counts(spike_time, spike_neuron, cluster, n_clusters, duration)
    spike_cluster = _cluster_of(spike_neuron, cluster)

    def burst(index, expected, reach):
        own_time = np.sort(spike_time[spike_cluster == index])
        return _burst_centre(
            own_time, _count_maximum(counts[:, index], expected, reach), half_width
        )

    won = onsets(winners(counts), n_clusters)
    won = won[won >= skip]
    quarter = np.median(np.diff(won)) / 4 if len(won) > 1 else np.inf
    won = won[won + 2 * quarter <= duration]
    if len(won) < 2:
        return Timing(np.zeros(0), np.zeros((0, n_clusters)), np.zeros(0), 0)
    onset = burst(0, won + quarter, quarter)
    period = np.diff(onset)
    median = np.median(period)
    regular = np.abs(period - median) <= IRREGULAR * median
    onset, period = onset[:-1][regular], period[regular]

    time = np.zeros((len(onset), n_clusters))
    for index in range(1, n_clusters):
        even = burst(index, onset + index / n_clusters * period, median / 2) - onset
        if np.all(np.isnan(even)):
            time[:, index] = np.nan
            continue
        expected = onset + np.nanmedian(even / period) * period
        time[:, index] = burst(index, expected, median / 4) - onset
    return Timing(onset, time, period, int(np.sum(~regular)))


def fit_sqrt(mean: np.ndarray, sd: np.ndarray) -> tuple[float, float]:
    """Fit sd = c sqrt(mean) by least squares: c (ms^0.5) and the root mean square error (ms).

    Leave out cluster 0, whose time is zero by definition. Specification, section 6.
    """
    return _fit_through_origin(np.sqrt(mean), sd)


def fit_line(mean: np.ndarray, sd: np.ndarray) -> tuple[float, float]:
    """Fit sd = c mean likewise: c (1) and the root mean square error (ms); see `fit_sqrt`."""
    return _fit_through_origin(mean, sd)


def _cluster_of(spike_neuron, cluster):
    """Return the cluster of each spike, -1 for neurons beyond the end of `cluster`."""
    known = np.append(cluster, -1)
    return known[np.minimum(spike_neuron, len(known) - 1)]


def _mean_over(mean, count, part):
    exists = part & (count > 0)
    if not exists.any():
        return np.nan
    return float(np.average(mean[exists], weights=count[exists]))


def _count_maximum(count, near, reach):
    """Find when (ms) a count, taken every 1 ms, is largest within `reach` of each time."""
    offset = np.arange(-int(reach), int(reach) + 1)
    moment = np.clip(np.rint(near).astype(int)[:, None] + offset, 0, len(count) - 1)
    largest = count[moment].argmax(axis=1)
    # The count looks back: its window lies around the moment half its length before.
    return moment[np.arange(len(near)), largest] - WINDOW / 2


def _burst_centre(spike_time, centre, half_width):
    """Average the times of the spikes around each given time until it stays; NaN without any."""
    total = np.concatenate([[0.0], np.cumsum(spike_time)])
    for _ in range(50):
        first = np.searchsorted(spike_time, centre - half_width, side="left")
        after = np.searchsorted(spike_time, centre + half_width, side="right")
        moved = ratio(total[after] - total[first], after - first)
        if np.array_equal(moved, centre, equal_nan=True):
            break
        centre = moved
    return centre


def _fit_through_origin(x, y):
    slope = float(np.sum(x * y) / np.sum(x * x))
    return slope, float(np.sqrt(np.mean((y - slope * x) ** 2)))
