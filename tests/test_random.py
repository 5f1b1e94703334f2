"""Random streams against a literal generator, Poisson counts against their distribution."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import network as oracle
from scipy import stats

from simcore.kernels.random import (
    AT_ONCE,
    HIGHEST,
    draw,
    external_events,
    poisson_count,
    poisson_thresholds,
)
from simcore.streams import neuron_streams, stream

# Expected events in a step: 0, 1 kHz, 2.25, 4.5, 10 and 22.5 kHz, and a lot.
MEANS = [0.0, 0.1, 0.225, 0.45, 1.0, 2.25, 30.0]


def drawn(states, times):
    """Numbers of the generators, as the unsigned ones that their authors mean."""
    states, uniform = states.copy(), np.empty(states.shape[1], np.int32)
    rows = []
    for _ in range(times):
        draw(states, uniform)
        rows.append(unsigned(uniform))
    return np.array(rows)


def unsigned(numbers):
    return (numbers.astype(np.int64) + 2**31).astype(np.uint32)


def counted(states, mean, times, real=np.float32):
    """Numbers of external events of the generators' neurons."""
    states, uniform = states.copy(), np.empty(states.shape[1], np.int32)
    rows = []
    for _ in range(times):
        received = np.zeros(states.shape[1], real)
        external_events(states, uniform, poisson_thresholds(mean), 1.0, received, 0, uniform.size)
        rows.append(received)
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
    thresholds, literal = poisson_thresholds(mean), oracle.poisson_thresholds(mean)
    assert thresholds.dtype == np.int32 and thresholds.size == max(len(literal), AT_ONCE)
    # A number above a threshold reaches the next; the lowest number reaches nothing.
    reached = unsigned(thresholds).astype(int) + 1
    assert reached[: len(literal)].tolist() == [max(threshold, 1) for threshold in literal]
    assert (thresholds[len(literal) :] == HIGHEST).all()


@pytest.mark.parametrize("mean", MEANS)
def test_thresholds_keep_the_mean(mean):
    """The mean count is the sum of P(count > k)."""
    thresholds = unsigned(poisson_thresholds(mean)).astype(int) + 1
    assert math.fsum(1 - threshold / 2**32 for threshold in thresholds) == pytest.approx(
        mean, abs=1e-6
    )


@settings(deadline=None)
@given(st.sampled_from(MEANS), st.integers(0, 2**32 - 1), st.sampled_from([np.float32, np.float64]))
def test_events_are_those_of_literal_inversion(mean, seed, real):
    states = neuron_streams(seed, "test", 70)
    numbers, thresholds = drawn(states, 30), oracle.poisson_thresholds(mean)
    literal = [[oracle.poisson_count(int(n), thresholds) for n in row] for row in numbers]
    assert counted(states, mean, 30, real).tolist() == literal


@given(st.sampled_from(MEANS), st.lists(st.integers(1, 2**32 - 1), min_size=1))
def test_one_count_agrees_with_the_thresholds(mean, numbers):
    thresholds = oracle.poisson_thresholds(mean)
    edges = [threshold + shift for threshold in thresholds for shift in (-1, 0)]
    numbers = numbers + [n for n in edges if n > 0] + [1, 2**32 - 1]
    literal = [oracle.poisson_count(n, thresholds) for n in numbers]
    signed = (np.array(numbers) - 2**31).astype(np.int32)
    assert [poisson_count(n, mean, math.exp(-mean)) for n in signed] == literal


@pytest.mark.parametrize("mean", [0.225, 0.45, 2.25])
def test_counts_are_poisson(mean):
    counts = counted(neuron_streams(1, "test", 1000), mean, 200).astype(int)
    most = int(stats.poisson.ppf(1 - 1e-4, mean))
    observed = np.bincount(np.minimum(counts, most).ravel(), minlength=most + 1)
    share = stats.poisson.pmf(np.arange(most + 1), mean)
    share[most] = stats.poisson.sf(most - 1, mean)
    assert stats.chisquare(observed, share * counts.size).pvalue > 1e-3
    assert counts.mean() == pytest.approx(mean, abs=4 * math.sqrt(mean / counts.size))
    assert counts.var() == pytest.approx(mean, rel=0.03)
    # Neither neighbours in time nor neighbours in the network know of each other.
    centred = counts - counts.mean()
    bound = 4 * counts.var() / math.sqrt(counts.size)
    assert abs((centred[1:] * centred[:-1]).mean()) < bound
    assert abs((centred[:, 1:] * centred[:, :-1]).mean()) < bound


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
