"""Random streams against a literal generator, Poisson counts against their distribution."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import network as oracle
from scipy import stats

from simcore.kernels.random import draw, poisson_count, poisson_counts, poisson_thresholds
from simcore.streams import neuron_streams, stream

# Expected events in a step: 0, 1 kHz, 2.25, 4.5, 10 and 22.5 kHz, and a lot.
MEANS = [0.0, 0.1, 0.225, 0.45, 1.0, 2.25, 30.0]


def drawn(states, times):
    states, uniform = states.copy(), np.empty(states.shape[1], np.uint32)
    rows = []
    for _ in range(times):
        draw(*states, uniform)
        rows.append(uniform.copy())
    return np.array(rows)


def test_generator_is_xoshiro128_plus_plus():
    # The first numbers of the reference code of its authors for the state 1, 2, 3, 4.
    literal = oracle.Xoshiro128PlusPlus([1, 2, 3, 4])
    assert [literal.next() for _ in range(4)] == [641, 1573767, 3222811527, 3517856514]


@settings(deadline=None)  # compiles
@given(st.lists(st.tuples(*[st.integers(0, 2**32 - 1)] * 4), min_size=1, max_size=9))
def test_draw_equals_literal_generator(states):
    generators = [oracle.Xoshiro128PlusPlus(state) for state in states]
    expected = [[generator.next() for generator in generators] for _ in range(20)]
    np.testing.assert_array_equal(drawn(np.array(states, np.uint32).T.copy(), 20), expected)


@pytest.mark.parametrize("mean", MEANS)
def test_thresholds_are_the_rounded_distribution(mean):
    thresholds = poisson_thresholds(mean)
    assert thresholds.dtype == np.uint32
    assert thresholds.tolist() == oracle.poisson_thresholds(mean)


@pytest.mark.parametrize("mean", MEANS)
def test_thresholds_keep_the_mean(mean):
    """The mean count is the sum of P(count > k)."""
    thresholds = poisson_thresholds(mean).tolist()
    assert math.fsum(1 - threshold / 2**32 for threshold in thresholds) == pytest.approx(
        mean, abs=1e-6
    )


@settings(deadline=None)
@given(st.sampled_from(MEANS), st.lists(st.integers(0, 2**32 - 1), min_size=1))
def test_both_ways_to_count_agree_with_the_thresholds(mean, numbers):
    thresholds = poisson_thresholds(mean)
    edges = [int(threshold) + shift for threshold in thresholds for shift in (-1, 0)]
    uniform = np.array(numbers + [n for n in edges if n >= 0] + [0, 2**32 - 1], np.uint32)
    counts = np.empty(uniform.size, np.int32)
    poisson_counts(uniform, thresholds, counts)
    literal = [oracle.poisson_count(int(n), thresholds.tolist()) for n in uniform]
    assert counts.tolist() == literal
    assert [poisson_count(n, mean) for n in uniform] == literal


@pytest.mark.parametrize("mean", [0.225, 0.45, 2.25])
def test_counts_are_poisson(mean):
    uniform = drawn(neuron_streams(1, "test", 1000), 200)
    counts = np.empty_like(uniform, np.int32)
    for row, count in zip(uniform, counts, strict=True):
        poisson_counts(row, poisson_thresholds(mean), count)
    most = int(stats.poisson.ppf(1 - 1e-4, mean))
    observed = np.bincount(np.minimum(counts, most).ravel(), minlength=most + 1)
    share = stats.poisson.pmf(np.arange(most + 1), mean)
    share[most] = stats.poisson.sf(most - 1, mean)
    assert stats.chisquare(observed, share * counts.size).pvalue > 1e-3


def test_streams_are_named_and_independent():
    a, again = neuron_streams(1, "a", 50), neuron_streams(1, "a", 50)
    np.testing.assert_array_equal(a, again)
    assert a.shape == (4, 50) and a.dtype == np.uint32
    columns = np.concatenate([a, neuron_streams(1, "b", 50), neuron_streams(2, "a", 50)], axis=1)
    assert len(np.unique(columns, axis=1).T) == 150
    # A larger network keeps the streams of the neurons that were there before.
    np.testing.assert_array_equal(neuron_streams(1, "a", 80)[:, :50], a)
    assert stream(1, "a").random() == stream(1, "a").random() != stream(1, "b").random()


def test_neurons_draw_uncorrelated_numbers():
    numbers = drawn(neuron_streams(3, "test", 40), 2000) / 2**32
    correlation = np.corrcoef(numbers.T)[np.triu_indices(40, 1)]
    assert np.abs(correlation).max() < 6 / math.sqrt(2000)
    assert stats.kstest(numbers.ravel(), "uniform").pvalue > 1e-3
