"""Measures: literal, slow oracles of every definition, and synthetic passes with known times."""

from itertools import groupby, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from simcore import measures

DT = 0.1


def random_spikes(seed, n_spikes=300, n_neurons=12, duration=200.0):
    """Return spikes at multiples of 0.1 ms (as floating point gives them), in any order."""
    random = np.random.default_rng(seed)
    spike_time = random.integers(0, round(duration / DT), n_spikes) * DT
    return spike_time, random.integers(0, n_neurons, n_spikes)


# Clusters 0, 1, 2 of three neurons each, one neuron in none, two I neurons behind the end.
CLUSTER = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, -1])
N_CLUSTERS = 3


def count_literally(spike_time, spike_neuron, moments):
    """Return the spikes of each cluster in (t - 10 ms, t], one by one, in whole steps."""
    counts = np.zeros((len(moments), N_CLUSTERS), int)
    for row, moment in enumerate(moments):
        now = round(moment / DT)
        for when, neuron in zip(spike_time, spike_neuron, strict=True):
            cluster = CLUSTER[neuron] if neuron < len(CLUSTER) else -1
            if cluster >= 0 and now - 100 < round(when / DT) <= now:
                counts[row, cluster] += 1
    return counts


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    start=st.sampled_from([0.0, 0.3, 50.0, 120.0]),
    step=st.sampled_from([1.0, 0.7, 13.0]),
)
def test_cluster_counts_equal_the_literal_ones(seed, start, step):
    spike_time, spike_neuron = random_spikes(seed)
    duration = 200 - start
    counts = measures.cluster_counts(
        spike_time, spike_neuron, CLUSTER, N_CLUSTERS, duration, step=step, start=start
    )
    moments = start + step * np.arange(int(round(duration / DT) // round(step / DT)))
    np.testing.assert_array_equal(counts, count_literally(spike_time, spike_neuron, moments))


def test_cluster_counts_at_every_step_of_rounded_times():
    # 0.1 * 3 is not 0.3: each spike must be seen from its own step on, for exactly 100 steps.
    spike_time = np.arange(0, 500, 7) * 0.1
    counts = measures.cluster_counts(
        spike_time, np.zeros(len(spike_time), int), np.array([0]), 1, 100.0, step=DT
    )
    expected = np.zeros(1000, int)
    for step in range(0, 500, 7):
        expected[step : step + 100] += 1
    np.testing.assert_array_equal(counts[:, 0], expected)


def test_winner_is_the_lowest_of_the_best_and_none_without_spikes():
    counts = np.array([[0, 0, 0], [1, 1, 0], [0, 2, 2], [0, 1, 3], [0, 0, 0]])
    np.testing.assert_array_equal(measures.winners(counts), [-1, 0, 1, 2, -1])


def onsets_literally(winner, n_clusters):
    arming = [n for n in range(n_clusters // 2, n_clusters) if n in winner][:1]
    found, armed = [], True
    for moment in range(len(winner)):
        becomes = winner[moment] == 0 and (moment == 0 or winner[moment - 1] != 0)
        if becomes and armed:
            found.append(moment)
            armed = False
        if winner[moment] in arming:
            armed = True
    return found


@given(n_clusters=st.integers(2, 6), data=st.data())
def test_onsets_equal_the_literal_ones(n_clusters, data):
    winner = np.array(data.draw(st.lists(st.integers(-1, n_clusters - 1), max_size=60)), int)
    np.testing.assert_array_equal(
        measures.onsets(winner, n_clusters), onsets_literally(winner, n_clusters)
    )


def test_onset_needs_rearming():
    # K = 5: cluster index 2, the paper's number 3, arms.
    winner = np.array([0, 1, 0, 3, 4, 0, 1, 2, 3, 0, -1, 0, 2, 0])
    np.testing.assert_array_equal(measures.onsets(winner, 5), [0, 9, 13])
    np.testing.assert_allclose(measures.onsets(winner, 5, step=2.0, start=7), [7, 25, 33])


def test_a_silenced_cluster_stops_no_onset():
    winner = np.array([0, 1, 3, 4, 0, 1, 3, 4, 0])
    np.testing.assert_array_equal(measures.onsets(winner, 5), [0, 4, 8])


def test_periods_leave_out_the_beginning():
    np.testing.assert_allclose(
        measures.periods(np.array([100.0, 480.0, 500.0, 850.0, 1300.0])), [350, 450]
    )
    assert len(measures.periods(np.array([100.0, 600.0]))) == 0
    assert len(measures.periods(np.zeros(0))) == 0


def order_literally(winner, n_clusters):
    seen = [a for a in winner if a >= 0]
    changes = [(a, b) for a, b in zip(seen[:-1], seen[1:], strict=True) if a != b]
    return [b == (a + 1) % n_clusters for a, b in changes]


@given(n_clusters=st.integers(2, 6), data=st.data())
def test_order_equals_the_literal_one(n_clusters, data):
    winner = np.array(data.draw(st.lists(st.integers(-1, n_clusters - 1), max_size=60)), int)
    follows = order_literally(winner, n_clusters)
    expected = np.mean(follows) if follows else np.nan
    np.testing.assert_equal(measures.order(winner, n_clusters), expected)


def test_order_of_known_sequences():
    assert measures.order(np.tile(np.repeat(np.arange(7), 3), 4), 7) == 1
    assert measures.order(np.tile(np.arange(7)[::-1], 4), 7) == 0
    assert measures.order(np.array([0, -1, -1, 1, -1, 1, 2, 0]), 3) == 1
    assert measures.order(np.array([0, 1, 3, 0]), 4) == pytest.approx(2 / 3)
    assert np.isnan(measures.order(np.array([-1, 2, 2, -1]), 4))


@given(st.lists(st.integers(-1, 3), max_size=60))
def test_dwell_time_equals_the_literal_one(winner):
    stays = [(key, len(list(moments))) for key, moments in groupby(winner)]
    inner = [length for key, length in stays[1:-1] if key >= 0]
    of_moments = [length for length in inner for _ in range(length)]
    expected = np.mean(of_moments) if inner else np.nan
    np.testing.assert_allclose(measures.dwell_time(np.array(winner, int)), expected)


@given(n_clusters=st.integers(2, 6), data=st.data())
def test_broken_links_equal_the_literal_ones(n_clusters, data):
    moment = st.lists(st.integers(0, 2), min_size=n_clusters, max_size=n_clusters)
    counts = np.array(data.draw(st.lists(moment, min_size=1, max_size=40)), int)
    seen = [moment for moment in counts if moment.any()]
    handed = [[] for _ in range(n_clusters)]
    for before, after in pairwise(seen):
        if before.argmax() != after.argmax():
            following = (before.argmax() + 1) % n_clusters
            handed[before.argmax()].append(after[following] == after.max())
    broken = sum(2 * sum(times) < len(times) for times in handed)
    expected = broken if any(handed) else np.nan
    np.testing.assert_equal(measures.broken_links(counts), expected)


def one_by_one(*clusters, n_clusters):
    """Counts in which one cluster at a time is active."""
    return np.eye(n_clusters, dtype=int)[list(clusters)]


def test_broken_links_of_known_sequences():
    assert measures.broken_links(one_by_one(*range(7), *range(7), n_clusters=7)) == 0
    # From 3 on the chain stops, and begins anew at 0 or 5.
    stops = one_by_one(0, 1, 2, 3, 0, 1, 2, 3, 5, 6, 0, n_clusters=7)
    assert measures.broken_links(stops) == 1
    assert np.isnan(measures.broken_links(np.zeros((5, 7), int)))


def test_waves_of_single_neurons_break_no_link_where_the_ring_closes():
    neuron = np.tile(np.arange(40), 5)
    time = 2.5 * np.arange(1, neuron.size + 1)
    counts = measures.cluster_counts(time, neuron, np.arange(40), 40, time[-1])
    assert measures.broken_links(counts) == 0


# Passes and read-outs


def pass_starts_literally(spike_time, spike_neuron, duration, target_duration):
    """Go through the run step by step, as the learning does."""
    n_steps = round(duration / DT)
    counts = count_literally(spike_time, spike_neuron, np.arange(n_steps) * DT)
    starts, free_from = [], round(50 / DT)
    for step in range(n_steps):
        most = counts[step].max()
        if step >= free_from and most > 0 and counts[step, 0] == most:
            starts.append(step)
            free_from = step + round(target_duration / DT)
    last = round((duration - 35 - target_duration) / DT)
    return np.array([s for s in starts if s <= last]) * DT


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_spikes=st.sampled_from([0, 20, 60]),
    target_duration=st.sampled_from([5.0, 20.3, 60.0]),
)
def test_pass_starts_equal_those_of_a_step_by_step_run(seed, n_spikes, target_duration):
    spike_time, spike_neuron = random_spikes(seed, n_spikes)
    starts = measures.pass_starts(
        spike_time, spike_neuron, CLUSTER, N_CLUSTERS, 200.0, target_duration, burn_in=50
    )
    expected = pass_starts_literally(spike_time, spike_neuron, 200.0, target_duration)
    np.testing.assert_allclose(starts, expected, atol=1e-9)


def test_passes_of_a_long_run_do_not_depend_on_its_cutting():
    # A spike of cluster 0 every 500 ms, one of them seen only across the cut at 10050 ms.
    spike_time = np.append(np.arange(100.0, 25000.0, 500.0), 10049.9)
    starts = measures.pass_starts(
        spike_time, np.zeros(len(spike_time), int), np.array([0]), 1, 25000.0, 400.0, burn_in=50
    )
    expected = np.sort(np.append(np.arange(100.0, 24500.0, 500.0), 10049.9))
    expected = [t for t in expected if not 10049.9 < t < 10449.9]
    np.testing.assert_allclose(starts[:25], expected[:25])
    assert np.all(np.diff(starts) >= 400 - 1e-6) and starts[-1] <= 25000 - 435


def test_target_longer_than_the_period_uses_every_second_pass():
    spike_time = np.arange(100.0, 10000.0, 350.0)
    for target_duration, interval in ((340.0, 350.0), (400.0, 700.0)):
        spikes = spike_time, np.zeros(len(spike_time), int)
        starts = measures.pass_starts(
            *spikes, np.array([0]), 1, 10000.0, target_duration, burn_in=50
        )
        np.testing.assert_allclose(np.diff(starts), interval)


def smooth_literally(spike_time, spike_channel, n_channels, moments):
    rate = np.zeros((len(moments), n_channels))
    for when, channel in zip(spike_time, spike_channel, strict=True):
        rate[:, channel] += np.exp(-((moments - when) ** 2) / 250)
    return rate / np.sqrt(250 * np.pi) * 1000


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), start=st.sampled_from([0.0, 35.0, 81.3]))
def test_smoothed_rate_equals_the_literal_one(seed, start):
    spike_time, spike_channel = random_spikes(seed, 40, 3)
    rate = measures.smoothed_rate(spike_time, spike_channel, 3, 100.0, dt=DT, start=start)
    expected = smooth_literally(spike_time, spike_channel, 3, start + np.arange(1000) * DT)
    np.testing.assert_allclose(rate, expected, rtol=1e-6, atol=1e-6)
    assert rate.min() >= 0


def test_smoothed_rate_has_one_spike_under_its_curve():
    rate = measures.smoothed_rate(np.array([200.0]), np.array([0]), 1, 400.0, dt=DT)
    assert rate.sum() * DT / 1000 == pytest.approx(1)
    deviation = np.sqrt(np.sum(rate[:, 0] * (np.arange(4000) * DT - 200) ** 2) / rate.sum())
    assert deviation == pytest.approx(np.sqrt(125), rel=1e-6)
    nothing = measures.smoothed_rate(np.zeros(0), np.zeros(0, int), 2, 50.0, dt=DT)
    assert nothing.shape == (500, 2) and not nothing.any()


def test_error_and_correlation_literally():
    random = np.random.default_rng(0)
    rate, target = random.random((2, 30, 4)) * [[[40]], [[9]]] + 1
    scaled_rate = (rate - rate.min()) / (rate.max() - rate.min())
    scaled_target = (target - target.min()) / (target.max() - target.min())
    total = sum(abs(scaled_rate[i, j] - scaled_target[i, j]) for i in range(30) for j in range(4))
    assert measures.readout_error(rate, target) == pytest.approx(total / 120)
    x, y = rate.ravel() - rate.mean(), target.ravel() - target.mean()
    expected = np.sum(x * y) / np.sqrt(np.sum(x * x) * np.sum(y * y))
    assert measures.readout_correlation(rate, target) == pytest.approx(expected)


@given(seed=st.integers(0, 2**32 - 1), factor=st.floats(0.1, 100), shift=st.floats(-5, 5))
def test_error_and_correlation_do_not_see_scale(seed, factor, shift):
    rate, target = np.random.default_rng(seed).random((2, 20, 3))
    assert measures.readout_error(factor * rate + shift, rate) == pytest.approx(0, abs=1e-9)
    assert measures.readout_correlation(factor * rate + shift, rate) == pytest.approx(1)
    error = measures.readout_error(rate, target)
    assert 0 <= error <= 1
    assert error == pytest.approx(measures.readout_error(target, rate))


def test_silent_readout_has_an_error_but_no_correlation():
    target = np.repeat([[1.0], [10.0]], 50, axis=0)
    assert measures.readout_error(np.zeros((100, 1)), target) == pytest.approx(0.5)
    assert np.isnan(measures.readout_correlation(np.zeros((100, 1)), target))
    assert np.isnan(measures.readout_correlation(target, np.ones((100, 1))))
    error, correlation = measures.evaluate_passes(
        np.zeros(0), np.zeros(0, int), np.array([50.0, 400.0]), target, dt=1.0
    )
    np.testing.assert_allclose(error, 0.5)
    assert np.isnan(correlation).all()


def test_passes_are_evaluated_in_their_windows():
    random = np.random.default_rng(0)
    target = np.ones((2000, 2))
    target[:1000, 0] = target[1000:, 1] = 10
    starts = np.array([100.0, 400.0])
    # In the window of the first pass the read-outs follow the target, in the second they swap.
    spike_time, spike_channel = [], []
    for start, channels in zip(starts + 35, ((0, 1), (1, 0)), strict=True):
        for half, channel in enumerate(channels):
            spike_time.append(start + half * 100 + random.integers(0, 1000, 200) * DT)
            spike_channel.append(np.full(200, channel))
    spike_time, spike_channel = np.concatenate(spike_time), np.concatenate(spike_channel)
    error, correlation = measures.evaluate_passes(spike_time, spike_channel, starts, target, dt=DT)
    assert error[0] < 0.2 and correlation[0] > 0.8
    assert error[1] > 0.6 and correlation[1] < -0.8
    # The same from the smoothed rate of the whole run, cut afterwards.
    whole = measures.smoothed_rate(spike_time, spike_channel, 2, 700.0, dt=DT)
    for index, start in enumerate((1350, 4350)):
        part = whole[start : start + 2000]
        assert error[index] == pytest.approx(measures.readout_error(part, target))
        assert correlation[index] == pytest.approx(measures.readout_correlation(part, target))


def evaluate_literally(spikes, readout_spikes, target, duration):
    """Beginning, error and correlation of each pass from the formulas of section 6."""
    starts = pass_starts_literally(*spikes, duration, len(target) * DT)
    errors, correlations = [], []
    for start in starts:
        moments = start + 35 + np.arange(len(target)) * DT
        # Spikes farther away than 80 ms are as good as none.
        near = (readout_spikes[0] > moments[0] - 80) & (readout_spikes[0] < moments[-1] + 80)
        rate = smooth_literally(*(part[near] for part in readout_spikes), 2, moments)
        span = rate.max() - rate.min()
        scaled = (rate - rate.min()) / span if span else rate
        errors.append(np.mean(np.abs(scaled - (target - target.min()) / np.ptp(target))))
        correlations.append(np.corrcoef(rate.ravel(), target.ravel())[0, 1] if span else 0)
    return starts, errors, correlations


def test_a_replay_is_evaluated_as_the_formulas_say():
    """From its burn-in on; a pass without read-out spikes counts as no correlation."""
    random = np.random.default_rng(3)
    # Cluster 0 leads from the start, and in time for four passes.
    leading = np.concatenate([np.arange(0, 60, 5), [180], np.arange(250, 450, 30)])
    spikes = leading.astype(float), np.zeros(leading.size, int)
    readout_spikes = 230 + random.integers(0, 2200, 60) * DT, random.integers(0, 2, 60)
    target = np.repeat(random.choice([1.0, 10.0], (5, 2)), 120, axis=0)
    starts, found = measures.evaluate_replay(
        spikes, readout_spikes, CLUSTER, target, 450.0, dt=DT, burn_in=50
    )
    found = starts, *found
    expected = evaluate_literally(spikes, readout_spikes, target, 450.0)
    start, _, correlation = expected
    np.testing.assert_allclose(start, [50, 180, 250, 310])
    assert correlation[0] == 0 and np.abs(correlation[1:]).min() > 0.05
    for part, expected_part in zip(found, expected, strict=True):
        np.testing.assert_allclose(part, expected_part, rtol=1e-6, atol=1e-6)


# Weights


def random_weights(seed, n_pre, n_post, probability=0.3):
    """Return sparse weights (rows are presynaptic) and the same as a dense matrix [pre, post]."""
    random = np.random.default_rng(seed)
    exists = random.random((n_pre, n_post)) < probability
    weight = random.uniform(1, 30, (n_pre, n_post)).astype(np.float32)
    row_pointer = np.concatenate([[0], np.cumsum(exists.sum(axis=1))])
    return (row_pointer, np.nonzero(exists)[1], weight[exists]), np.where(exists, weight, np.nan)


@given(seed=st.integers(0, 2**32 - 1), probability=st.sampled_from([0.02, 0.3, 1]))
def test_block_means_equal_the_literal_ones(seed, probability):
    sparse, dense = random_weights(seed, 10, 10, probability)
    mean, count = measures.block_means(*sparse, CLUSTER, N_CLUSTERS)
    for pre in range(N_CLUSTERS):
        for post in range(N_CLUSTERS):
            block = dense[np.ix_(pre == CLUSTER, post == CLUSTER)]
            existing = block[~np.isnan(block)]
            assert count[pre, post] == len(existing)
            expected = existing.astype(float).mean() if len(existing) else np.nan
            np.testing.assert_allclose(mean[pre, post], expected)


@given(seed=st.integers(0, 2**32 - 1), n_clusters=st.integers(1, 5))
def test_weight_summary_equals_the_literal_one(seed, n_clusters):
    sparse, dense = random_weights(seed, 15, 15)
    cluster = np.random.default_rng(seed).integers(0, n_clusters, 15)
    summary = measures.weight_summary(*measures.block_means(*sparse, cluster, n_clusters))
    parts = {"within": [], "forward": [], "backward": [], "rest": []}
    for pre in range(15):
        for post in range(15):
            a, b = cluster[pre], cluster[post]
            if np.isnan(dense[pre, post]):
                continue
            if a == b:
                parts["within"].append(dense[pre, post])
                continue
            if b == (a + 1) % n_clusters:
                parts["forward"].append(dense[pre, post])
            if a == (b + 1) % n_clusters:
                parts["backward"].append(dense[pre, post])
            if b != (a + 1) % n_clusters and a != (b + 1) % n_clusters:
                parts["rest"].append(dense[pre, post])
    for name, values in parts.items():
        expected = np.mean(values, dtype=float) if values else np.nan
        np.testing.assert_allclose(getattr(summary, name), expected)


def test_relative_strength_literally():
    sparse, dense = random_weights(1, 10, 10, 0.6)
    strength = measures.relative_strength(*measures.block_means(*sparse, CLUSTER, N_CLUSTERS))
    for cluster in range(N_CLUSTERS):
        inside = dense[np.ix_(cluster == CLUSTER, cluster == CLUSTER)]
        outside = dense[np.ix_(cluster == CLUSTER, (cluster != CLUSTER) & (CLUSTER >= 0))]
        assert strength[cluster] == pytest.approx(np.nanmean(inside) / np.nanmean(outside))
    block, _ = measures.block_means(*sparse, CLUSTER, N_CLUSTERS)
    course = measures.relative_strength_course(*sparse[:2], CLUSTER, np.array([block, 2 * block]))
    np.testing.assert_allclose(course, [strength, strength])
    alone = measures.relative_strength(np.array([[3.0]]), np.array([[4]]))
    assert np.isnan(alone).all()


@given(seed=st.integers(0, 2**32 - 1), probability=st.sampled_from([0.2, 0.6, 1]))
def test_disynaptic_inhibition_equals_the_literal_one(seed, probability):
    to_i, dense_to_i = random_weights(seed, 9, 6, probability)
    to_e, dense_to_e = random_weights(seed + 1, 6, 9, probability)
    cluster = np.array([0, 0, 1, 1, 1, 2, 2, 2, 2])
    paths = np.zeros((3, 3))
    for pre in range(9):
        for i in range(6):
            for post in range(9):
                along = float(dense_to_i[pre, i]) * float(dense_to_e[i, post])
                if not np.isnan(along):
                    sizes = (cluster == cluster[pre]).sum() * (cluster == cluster[post]).sum()
                    paths[cluster[pre], cluster[post]] += along / sizes
    found = measures.disynaptic_inhibition(to_i, to_e, cluster, 3)
    np.testing.assert_allclose(found, paths / paths.mean() if paths.any() else np.nan)


def test_inhibition_that_knows_of_no_clusters_is_the_same_everywhere():
    cluster, nothing = (
        np.repeat(np.arange(4), 5),
        (np.zeros(21, int), np.zeros(0, int), np.zeros(0)),
    )
    to_i = (np.arange(0, 61, 3), np.tile([0, 1, 2], 20), np.full(60, 1.5))
    to_e = (np.arange(0, 61, 20), np.tile(np.arange(20), 3), np.repeat([10.0, 20.0, 70.0], 20))
    np.testing.assert_allclose(measures.disynaptic_inhibition(to_i, to_e, cluster, 4), 1)
    assert np.isnan(measures.disynaptic_inhibition(nothing, to_e, cluster, 4)).all()


def test_profile_around_a_ring():
    values = np.arange(16.0).reshape(4, 4)
    expected = [(0 + 5 + 10 + 15) / 4, (1 + 6 + 11 + 12) / 4, (3 + 4 + 9 + 14) / 4]
    np.testing.assert_allclose(measures.ring_profile(values, np.array([0, 1, -1])), expected)


def test_spectrum_of_a_known_matrix():
    blocks = [
        random_weights(seed, *shape) for seed, shape in enumerate([(9, 9), (9, 4), (4, 9), (4, 4)])
    ]
    cluster = np.repeat(np.arange(3), 3)
    full, reduced = measures.spectrum(*(sparse for sparse, _ in blocks), cluster, 3)
    (ee, ei), (ie, ii) = np.reshape(
        np.array([np.nan_to_num(dense) for _, dense in blocks], dtype=object), (2, 2)
    )
    post_pre = np.block([[ee, ei], [-ie, -ii]]).T.astype(float)
    assert len(full) == 13 and len(reduced) == 4
    # Both as characteristic polynomials, which do not depend on any order.
    np.testing.assert_allclose(np.poly(full), np.poly(post_pre), rtol=1e-6)
    unit = np.append(cluster, [3] * 4)
    small = np.array(
        [
            [post_pre[np.ix_(unit == a, unit == b)].sum(axis=1).mean() for b in range(4)]
            for a in range(4)
        ]
    )
    np.testing.assert_allclose(np.poly(reduced), np.poly(small), rtol=1e-6)
    for eigenvalue in (full, reduced):
        key = list(zip(-eigenvalue.real, -eigenvalue.imag, strict=True))
        assert key == sorted(key)


def test_spectrum_of_a_matrix_of_means_is_that_of_the_full_one():
    def constant(value):
        n_pre, n_post = value.shape
        return (
            np.arange(0, value.size + 1, n_post),
            np.tile(np.arange(n_post), n_pre),
            value.ravel(),
        )

    ring = np.kron(0.2 * np.eye(4) + 1.5 * np.roll(np.eye(4), 1, axis=1) + 0.5, np.ones((5, 5)))
    blocks = [constant(value) for value in (ring, np.ones((20, 6)), 3 * np.ones((6, 20)))]
    full, reduced = measures.spectrum(
        *blocks, constant(2 * np.ones((6, 6))), np.repeat(np.arange(4), 5), 4
    )
    nonzero = full[np.abs(full) > 1e-6]
    np.testing.assert_allclose(np.poly(nonzero), np.poly(reduced), rtol=1e-8)
    # Rotating pairs, of the ring and of E with I: positive imaginary part first.
    first, second = reduced[np.abs(reduced.imag) > 1e-6].reshape(-1, 2).T
    assert len(first) == 2 and np.all(first == np.conj(second)) and np.all(first.imag > 0)


COUPLING = st.floats(0.1, 10)


@given(delta=COUPLING, epsilon=COUPLING, inhibition=COUPLING)
def test_pair_of_the_linear_model_is_the_derived_one(delta, epsilon, inhibition):
    """The specification's formula, section 7; the inhibition touches the uniform mode only."""
    found = measures.linear_model(delta, epsilon, inhibition)
    for sign in (1, -1):
        pair = (2 * delta - epsilon - 1 + sign * 1j * np.sqrt(3) * (epsilon - 1)) / 2
        assert np.min(np.abs(found - pair)) < 1e-6 * (1 + np.abs(found).max())


@given(weights=st.tuples(*[st.floats(1, 30)] * 4), clusters=st.integers(3, 12))
def test_ring_eigenvalues_are_those_of_a_ring_of_equal_clusters(weights, clusters):
    weights, synapses = measures.WeightSummary(*weights), 16.0
    matrix = np.full((clusters, clusters), weights.rest)
    for pre in range(clusters):
        matrix[pre, pre] = weights.within
        matrix[(pre + 1) % clusters, pre] = weights.forward
        matrix[(pre - 1) % clusters, pre] = weights.backward
    expected = np.linalg.eigvals(synapses * matrix)
    for eigenvalue in measures.ring_eigenvalues(weights, synapses, clusters):
        assert np.min(np.abs(expected - eigenvalue)) < 1e-6 * np.abs(expected).max()


def test_leading_pair_is_the_complex_one_of_largest_real_part():
    eigenvalue = np.array([9, 3 + 1j, 3 - 1j, 2 + 5j, 2 - 5j, -4 + 90j, -4 - 90j])
    assert measures.leading_pair(eigenvalue) == 3 + 1j
    assert np.isnan(measures.leading_pair(np.array([3.0 + 0j, 1 + 1e-12j])))


# Timing


def synthetic_passes(burst_time, seed, *, spikes_per_neuron=1.5, jitter=4.0, noise=0.5):
    """Return spikes of clusters of 80 whose bursts are centred at known times (pass, cluster).

    Each burst has a Poisson number of spikes, scattered around its time; `noise` (Hz) is a rate of
    every neuron at all times.
    """
    random = np.random.default_rng(seed)
    n_clusters = burst_time.shape[1]
    duration = burst_time.max() + 50
    count = random.poisson(80 * spikes_per_neuron, burst_time.shape)
    spike_time = np.repeat(burst_time.ravel(), count.ravel())
    spike_time = spike_time + jitter * random.standard_normal(len(spike_time))
    spike_cluster = np.repeat(np.tile(np.arange(n_clusters), len(burst_time)), count.ravel())
    n_noise = random.poisson(noise / 1000 * 80 * n_clusters * duration)
    spike_time = np.append(spike_time, random.uniform(0, duration, n_noise))
    spike_cluster = np.append(spike_cluster, random.integers(0, n_clusters, n_noise))
    spike_neuron = spike_cluster * 80 + random.integers(0, 80, len(spike_time))
    return (
        np.rint(spike_time / DT) * DT,
        spike_neuron,
        np.repeat(np.arange(n_clusters), 80),
        duration,
    )


def noisy_clock(n_passes, n_clusters, seed, *, interval=20.0, interval_sd=2.0):
    """Return the burst times (pass, cluster) of a clock whose intervals vary independently."""
    random = np.random.default_rng(seed)
    intervals = interval + interval_sd * random.standard_normal(n_passes * n_clusters)
    return 20 + np.cumsum(intervals).reshape(n_passes, n_clusters)


def measured(burst_time, seed, **kind):
    spike_time, spike_neuron, cluster, duration = synthetic_passes(burst_time, seed, **kind)
    return measures.timing(spike_time, spike_neuron, cluster, burst_time.shape[1], duration)


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"spikes_per_neuron": 1.0, "jitter": 3.0, "noise": 0.2},
        {"spikes_per_neuron": 2.0, "jitter": 6.0, "noise": 0.5},
    ],
)
def test_timing_recovers_known_times(kind):
    burst_time = noisy_clock(40, 15, seed=1)
    timing = measured(burst_time, seed=2, **kind)
    assert timing.left_out == 0
    # Passes are found by their onsets, from 500 ms on; the last has no end.
    passes = np.searchsorted(burst_time[:, 0], timing.onset - 10)
    np.testing.assert_array_equal(passes, np.arange(passes[0], 39))
    assert burst_time[passes[0], 0] < 500 + 2 * 300
    np.testing.assert_allclose(timing.onset, burst_time[passes, 0], atol=3)
    known = (burst_time - burst_time[:, :1])[passes]
    difference = timing.time - known
    # A single burst: the error of two means (this one's and cluster 0's), and the stray spikes.
    assert np.sqrt(np.mean(difference**2, axis=0)).max() < 1.2
    assert np.abs(timing.mean - known.mean(axis=0)).max() < 0.5
    assert np.abs(timing.sd - known.std(axis=0)).max() < 0.5
    np.testing.assert_allclose(timing.period, np.diff(burst_time[:, 0])[passes], atol=4)


def test_timing_of_even_passes_has_no_spread():
    burst_time = noisy_clock(60, 12, seed=0, interval_sd=0.0)
    timing = measured(burst_time, seed=3)
    np.testing.assert_allclose(timing.mean, 20.0 * np.arange(12), atol=0.5)
    assert timing.sd.max() < 0.8  # what 120 spikes of 4 ms leave: 0.37 ms, twice


def test_timing_leaves_out_irregular_passes_and_counts_them():
    burst_time = noisy_clock(30, 10, seed=4)
    burst_time[12:] += 150  # pass 11 lasts 350 instead of 200 ms
    burst_time[20:] += 40  # pass 19 lasts 240 ms, within 30 %
    timing = measured(burst_time, seed=5, noise=0)
    assert timing.left_out == 1
    assert 235 < timing.period.max() < 245


def test_a_pass_is_irregular_that_differs_from_the_median_by_more_than_30_per_cent():
    length = np.full(15, 200.0)
    length[[3, 6, 9, 12]] *= 1.29, 0.71, 1.31, 0.69
    burst_time = 620 + np.append(0, np.cumsum(length))[:, None] + np.zeros((16, 10))
    burst_time[:-1] += length[:, None] * np.arange(10) / 10
    burst_time[-1] += 20 * np.arange(10)
    timing = measured(burst_time, seed=5, noise=0, jitter=1.0)
    assert timing.left_out == 2
    np.testing.assert_allclose(timing.period, np.delete(length, [9, 12]), atol=1)


def test_timing_begins_with_the_first_onset_from_500_ms_on():
    burst_time = 90 + 200.0 * np.arange(20)[:, None] + 20 * np.arange(10)
    timing = measured(burst_time, seed=5, noise=0)
    np.testing.assert_allclose(timing.onset, burst_time[3:-1, 0], atol=3)
    assert timing.onset[0] >= 500


def test_timing_of_a_silent_cluster_is_missing():
    burst_time = noisy_clock(20, 10, seed=6)
    spike_time, spike_neuron, cluster, duration = synthetic_passes(burst_time, 7, noise=0)
    spoken = spike_neuron // 80 != 7
    timing = measures.timing(spike_time[spoken], spike_neuron[spoken], cluster, 10, duration)
    assert np.isnan(timing.time[:, 7]).all() and np.isnan(timing.mean[7])
    assert not np.isnan(np.delete(timing.time, 7, axis=1)).any()


@pytest.mark.parametrize("bursts", [(), (600,), (600, 700, 800), (600, 700, 800, 900, 980)])
def test_timing_needs_two_whole_onsets(bursts):
    # Clusters 0 and 1 in turn; the run ends at 1000 ms.
    neuron = np.resize([0, 5], len(bursts))
    timing = measures.timing(np.array(bursts, float), neuron, np.repeat([0, 1], 5), 2, 1000.0)
    if len(bursts) >= 3:  # a fifth burst, the third onset, has less than half a period left
        np.testing.assert_allclose(timing.time, [[0, 100]])
        return
    assert timing.time.shape == (0, 2) and timing.left_out == 0
    assert np.isnan(timing.mean).all()


def test_fits_recover_their_own_laws():
    mean = np.linspace(5, 600, 50)
    coefficient, error = measures.fit_sqrt(mean, 0.2131 * np.sqrt(mean))
    assert coefficient == pytest.approx(0.2131) and error == pytest.approx(0, abs=1e-12)
    coefficient, error = measures.fit_line(mean, 0.01 * mean)
    assert coefficient == pytest.approx(0.01) and error == pytest.approx(0, abs=1e-12)


@given(seed=st.integers(0, 2**32 - 1))
def test_fits_are_least_squares(seed):
    random = np.random.default_rng(seed)
    mean, sd = random.uniform(1, 600, 20), random.uniform(0, 6, 20)
    for fit, x in ((measures.fit_sqrt, np.sqrt(mean)), (measures.fit_line, mean)):
        coefficient, error = fit(mean, sd)
        for other in (coefficient, coefficient * 1.01, coefficient * 0.99):
            assert error <= np.sqrt(np.mean((sd - other * x) ** 2)) + 1e-12


def test_a_random_walk_of_bursts_follows_the_square_root():
    timing = measured(noisy_clock(150, 15, seed=8), seed=9)
    _, error_sqrt = measures.fit_sqrt(timing.mean[1:], timing.sd[1:])
    _, error_line = measures.fit_line(timing.mean[1:], timing.sd[1:])
    assert error_sqrt < error_line


# The whole, on a synthetic clock


def test_synthetic_clock_has_its_period_and_order():
    burst_time = noisy_clock(40, 15, seed=10, interval=23.0, interval_sd=1.0)
    spike_time, spike_neuron, cluster, duration = synthetic_passes(burst_time, 11, noise=0)
    winner = measures.winners(
        measures.cluster_counts(spike_time, spike_neuron, cluster, 15, duration)
    )
    period = measures.periods(measures.onsets(winner, 15))
    assert period.mean() == pytest.approx(345, abs=2)
    assert len(period) in (37, 38)
    assert measures.order(winner, 15) == 1


# What a replay must beat


@given(arrays_of.arrays(float, (20, 3), elements=st.floats(0, 9, width=16)), st.integers(0, 10**6))
def test_no_rates_that_never_change_beat_the_best(target, seed):
    error, correlation = measures.best_without_time(target)
    span = np.ptp(target)
    for means in np.random.default_rng(seed).random((5, 3)):
        constant = np.broadcast_to(means, target.shape)
        scaled = (target - target.min()) / span if span else np.zeros_like(target)
        assert np.mean(np.abs(constant - scaled)) >= error - 1e-12
        found = measures.readout_correlation(constant, target)
        assert np.isnan(found) or found <= correlation + 1e-9


def test_the_best_rates_that_never_change_are_medians_and_means():
    target = np.array([[0.0, 4.0], [1.0, 8.0], [5.0, 8.0]])
    error, correlation = measures.best_without_time(target)
    assert error == pytest.approx((1 + 0 + 4 + 4 + 0 + 0) / 8 / 6)
    means = np.tile(target.mean(axis=0), (3, 1))
    assert correlation == pytest.approx(np.corrcoef(means.ravel(), target.ravel())[0, 1])
    assert measures.best_without_time(np.array([[0.0, 1.0], [1.0, 0.0]])) == (0.5, 0.0)


def test_correlation_in_time_knows_nothing_of_means():
    generator = np.random.default_rng(1)
    course = generator.standard_normal((50, 3))
    loudness = np.array([0.0, 10.0, 30.0])
    assert measures.readout_correlation(loudness + course, loudness - course) > 0.9
    assert measures.correlation_in_time(loudness + course, loudness - course) == pytest.approx(-1)
    assert measures.correlation_in_time(loudness + course, course) == pytest.approx(1)
    assert np.isnan(measures.correlation_in_time(np.tile(loudness, (50, 1)), course))
