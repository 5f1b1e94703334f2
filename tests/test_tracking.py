"""Measures of tracking: known errors, known rates, known matrices, and invariants."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.signal import lfilter
from scipy.sparse import csr_array
from scipy.stats import pearsonr

from simcore import drives, tracking
from simcore.errors import UserError


def random(seed=0):
    return np.random.default_rng(seed)


def smooth_targets(seed, neurons=6, duration=2000):
    return drives.noise(random(seed), neurons, duration, 1.0, tau_c=50, sd=0.7)


def test_correlation_is_pearsons_and_0_for_what_is_constant():
    target = smooth_targets(1)
    drive = target + random(2).standard_normal((3, *target.shape))
    drive[1, :, 4] = 0.1
    found = tracking.correlation(drive, target)
    assert found.shape == (3, 6) and found[1, 4] == 0
    for start, neuron in {(s, n) for s in range(3) for n in range(6)} - {(1, 4)}:
        expected = pearsonr(drive[start, :, neuron], target[:, neuron]).statistic
        assert found[start, neuron] == pytest.approx(expected, abs=1e-12)
    # Nor has what is constant but for rounding.
    rounded = np.where(random(3).random(2000) < 0.5, 0.3, 0.1 + 0.2)[:, None]
    assert np.ptp(rounded) > 0 and tracking.correlation(rounded, rounded) == 0


tables = arrays(np.float64, (5, 2), elements=st.integers(-1000, 1000).map(float))


@settings(deadline=None)
@given(tables, tables, st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_invariants_of_the_correlation(a, b, factor, shift):
    found = tracking.correlation(a, b)
    assert np.all(np.abs(found) <= 1)
    np.testing.assert_array_equal(found, tracking.correlation(b, a))
    np.testing.assert_allclose(tracking.correlation(factor * a + shift, b), found, atol=1e-6)
    np.testing.assert_allclose(tracking.correlation(-a, b), -found, atol=1e-12)
    itself = tracking.correlation(a, a)
    np.testing.assert_allclose(itself, np.ptp(a, axis=0) > 0, atol=1e-12)
    tiny = tracking.correlation(1e-250 * a, b)  # its squares are 0
    np.testing.assert_allclose(tiny, found, atol=1e-6)


def test_relative_error_of_hand_made_tables():
    target = np.array([[1.0, -1, 5], [-1, 1, 5], [1, -1, 5], [-1, 1, 5]])
    found = tracking.relative_error(np.stack([target + 0.5, 0 * target]), target)
    np.testing.assert_allclose(found, [[0.5, 0.5, np.nan], [1, 1, np.nan]])


def test_bias_and_variability_recover_known_ones():
    target = smooth_targets(3, neurons=4)
    target[:, 3] = 2
    sd = target.std(axis=0)
    offset = sd * np.array([0.8, 0.1, 0, 1])
    noise = np.array([0.3, 0.6, 1, 1]) * np.where(sd > 0, sd, 1)
    starts = target + offset + noise * random(4).standard_normal((5, *target.shape))
    bias, variability = tracking.bias_and_variability(starts, target)
    np.testing.assert_allclose(variability, [0.3, 0.6, 1, np.nan], rtol=0.05)
    # Without the correction the second would be 0.29 and the third 0.45.
    assert np.all(np.abs(bias[:3] - [0.8, 0.1, 0]) < [0.02, 0.05, 0.13]) and np.isnan(bias[3])
    total = np.mean(tracking.relative_error(starts, target) ** 2, axis=0)
    np.testing.assert_allclose((bias**2 + variability**2)[:2], total[:2], rtol=1e-9)
    # Deviations that cancel exactly: the estimate is negative.
    both = np.stack([target + 0.1, target - 0.1])
    np.testing.assert_array_equal(tracking.bias_and_variability(both, target)[0][:3], 0)
    with pytest.raises(UserError, match="is 1"):
        tracking.bias_and_variability(starts[:1], target)


def test_trial_agreement_is_the_mean_over_pairs():
    starts = smooth_targets(5) + random(6).standard_normal((4, 2000, 6))
    starts[2, :, 1] = 0
    pairs = [tracking.correlation(a, b) for a, b in combinations(starts, 2)]
    np.testing.assert_allclose(tracking.trial_agreement(starts), np.mean(pairs, axis=0), atol=1e-12)
    with pytest.raises(UserError):
        tracking.trial_agreement(starts[:1])


def test_sliding_agreement_finds_where_two_copies_diverge():
    common = smooth_targets(7, neurons=40, duration=1000)
    starts = np.stack([common, common])
    starts[1, 600:] = smooth_targets(8, neurons=40, duration=400)  # row 600: after 1200 ms
    starts += 0.1 * random(9).standard_normal(starts.shape)
    time, agreement = tracking.sliding_agreement(starts, 2.0)
    np.testing.assert_array_equal(time, np.arange(100, 1901, 50))
    assert agreement[time <= 1100].min() > 0.9  # windows that end by 1200 ms
    assert np.abs(agreement[time >= 1300]).max() < 0.25
    assert time[agreement < 0.5][0] == pytest.approx(1200, abs=50)
    assert agreement[3] == pytest.approx(tracking.trial_agreement(starts[:, 75:175]).mean())
    assert len(tracking.sliding_agreement(starts, 2.0, window=2002)[0]) == 0


def test_separation():
    drive = random(10).standard_normal((400, 500)) * 3 + 2
    assert not tracking.separation(drive, drive).any()
    other = drive.copy()
    other[100] += 3 * drive.std()
    other[200:] = random(11).standard_normal((200, 500)) * 3 + 2
    found = tracking.separation(drive, other)
    assert not found[:100].any() and found[100] == pytest.approx(3) and not found[101:200].any()
    np.testing.assert_allclose(found[200:], np.sqrt(2), rtol=0.15)


@settings(deadline=None)
@given(st.floats(1, 500), st.sampled_from([0.1, 1.0]), st.floats(0, 10))
def test_a_constant_rate_passes_the_synapse(tau_s, dt, value):
    filtered = tracking.filtered_by_synapse(np.full((50, 2), value), tau_s, dt)
    np.testing.assert_allclose(filtered, value, rtol=1e-12)


def test_filtered_by_synapse_equals_the_filter_of_scipy():
    rate = random(12).random((300, 3))
    c = np.exp(-1 / 20)
    expected, _ = lfilter([1 - c], [1, -c], rate, axis=0, zi=c * rate[:1])
    np.testing.assert_allclose(tracking.filtered_by_synapse(rate, 20, 1.0), expected, rtol=1e-12)


def test_the_split_of_a_network_that_is_its_own_rate_model():
    target = 0.5 + smooth_targets(13, neurons=30)
    dense = random(14).standard_normal((30, 30)) * (random(15).random((30, 30)) < 0.3)
    dense[4] = 0  # a neuron that hears nobody
    sparse = csr_array(dense)
    synapses = sparse.indptr.astype(int), sparse.indices.astype(np.uint32), sparse.data
    rate = drives.phi(target + 0.2)
    np.testing.assert_allclose(tracking.quasi_static_drive(synapses, rate), rate @ dense.T)
    predicted = tracking.quasi_static_drive(synapses, tracking.filtered_by_synapse(rate, 20, 1.0))
    expected = np.sqrt(np.mean((predicted - target) ** 2, axis=0)) / target.std(axis=0)
    np.testing.assert_allclose(tracking.tracking_error(predicted, target), expected)
    drive = np.stack([predicted, predicted + 0.4 * target.std(axis=0)])
    found = tracking.sampling_error(drive, predicted, target)
    np.testing.assert_allclose(found, [[0] * 30, [0.4] * 30], atol=1e-12)


def test_psth_recovers_a_rate_also_at_the_ends():
    count = random(16).poisson(0.01 * 40, (800, 300))  # 20 Hz, 40 trials, steps of 0.5 ms
    step, neuron = np.repeat(np.argwhere(count), count[count > 0], axis=0).T
    spikes = (step + 1) * 0.5, neuron, 40, 300, 400
    rate = tracking.psth(*spikes, 0.5)
    assert rate.shape == (800, 300)
    np.testing.assert_allclose(rate.mean(axis=1), 20, rtol=0.04)
    raw = tracking.psth(*spikes, 0.5, sd=0)
    np.testing.assert_allclose(raw, count / (40 * 0.5e-3))
    np.testing.assert_allclose(tracking.smoothed_inside(np.full((800, 2), 7.0), 30, 0.5), 7)


def test_psth_of_single_spikes():
    # Steps 1 and 300 (the last) of neuron 0, 150 of neuron 2; 0 and 301 are outside.
    step, neuron = np.array([1, 300, 0, 301, 150]), np.array([0, 0, 0, 0, 2])
    time = (step * 0.1).astype(np.float32)
    raw = tracking.psth(time, neuron, 2, 3, 30, 0.1, sd=0)
    np.testing.assert_array_equal(np.argwhere(raw), [[0, 0], [149, 2], [299, 0]])
    rate = tracking.psth(time, neuron, 2, 3, 30, 0.1, sd=2.0)
    assert rate[:, 2].sum() * 0.1e-3 == pytest.approx(0.5)  # spikes per trial
    lag = (np.arange(300) - 149) * 0.1
    gauss = np.exp(-(lag**2) / 8) / np.sqrt(8 * np.pi) * 500
    np.testing.assert_allclose(rate[:, 2], gauss, atol=0.05)
    assert not rate[:, 1].any() and tracking.correlation(rate, rate)[1] == 0


def test_binned_rate():
    time, neuron = [0.0, 0.1, 50.0, 50.1, 99.9, 100.0, 110.0], [0, 0, 0, 0, 0, 2, 2]
    found = tracking.binned_rate(time, neuron, 2, 4, 125.0)
    np.testing.assert_allclose(found, [[20, 0, 0, 0], [20, 0, 10, 0]])
    step = np.arange(1, 1001)
    even = tracking.binned_rate(step * 0.1, 0 * step, 1, 1, 100.0, bin=0.3)
    np.testing.assert_allclose(even, 1e4)
    assert tracking.binned_rate([], [], 1, 1, 0.7, bin=0.1).shape == (7, 1)


def test_weight_change_is_absolute_from_zero_weights():
    assert tracking.weight_change([3.0, 8], [3.0, 4]) == (pytest.approx(0.8), True)
    assert tracking.weight_change([3.0, 4], [0.0, 0]) == (pytest.approx(5), False)


def test_spectrum_of_a_known_matrix():
    # 0 hears 1 with -2, 1 hears 0 with 2: i 2 and -i 2; 2 hears itself with 1, and 0 hears 2.
    row_pointer, column = np.array([0, 2, 3, 4]), np.array([2, 1, 0, 2])
    weight = np.array([9, -2, 2, 1], np.float32)
    found = tracking.spectrum(row_pointer, column, weight, 3)
    assert found.dtype == complex
    np.testing.assert_allclose(found, [1, 2j, -2j], atol=1e-12)


def test_balanced_radius_is_that_of_random_networks():
    assert tracking.balanced_radius(6, 5, 0.8, 0.1) == pytest.approx(6 * np.sqrt(5.8 * 0.9))
    n, p, J, g = 400, 0.1, 2.0, 4.0  # E and I cancel in each row
    dense = np.zeros((n, n))
    generator = random(17)
    for row in dense:
        row[generator.choice(320, 32, replace=False)] = J / np.sqrt(n * p)
        row[320 + generator.choice(80, 8, replace=False)] = -g * J / np.sqrt(n * p)
    sparse = csr_array(dense)
    size = np.abs(tracking.spectrum(sparse.indptr, sparse.indices, sparse.data, n))
    assert size.max() == pytest.approx(tracking.balanced_radius(J, g, 0.8, p), rel=0.08)


def test_fit_error_floor_recovers_its_own_law_and_keeps_to_its_bounds():
    neurons = np.array([50, 100, 100, 200, 400, 800])
    found = tracking.fit_error_floor(neurons, np.sqrt(0.4**2 + 25 / neurons))
    assert found == pytest.approx((0.4, 25))
    assert tracking.fit_error_floor(neurons, 5 / neurons**0.7)[0] == 0  # steeper: no floor
    flat = tracking.fit_error_floor(neurons, 0.3 + neurons / 1e4)  # growing: a floor only
    assert flat[1] == 0 and flat[0] > 0.3
    # The specification's table F5 at 20 ms: a positive floor and a larger A than at 100 ms.
    fast = tracking.fit_error_floor([50, 100, 200, 400, 800], [0.82, 0.67, 0.54, 0.42, 0.42])
    slow = tracking.fit_error_floor([50, 100, 200, 400, 800], [0.63, 0.56, 0.49, 0.46, 0.46])
    assert fast[0] > 0.3 and slow[0] > 0.4 and fast[1] > 2 * slow[1]
    with pytest.raises(UserError, match="200 neurons"):
        tracking.fit_error_floor([200, 200], [0.5, 0.6])
