"""32 bits, the default, against 64: the same within what seeds differ by."""

import numpy as np
import pytest
from oracle.cases import run_clock, same_bits, small_clock, start

from simcore import clock, measures, readout
from simcore.connectivity import balanced, build
from simcore.parameters import Clock, Readout
from simcore.streams import stream

PRECISIONS = ("32-bit", "64-bit")


def assert_agree(samples):
    """Means over seeds differ by less than four standard errors: samples[precision][seed]."""
    a, b = (np.array(samples[precision], float) for precision in PRECISIONS)
    error = np.sqrt((a.var(axis=0, ddof=1) + b.var(axis=0, ddof=1)) / len(a))
    difference = np.abs(a.mean(axis=0) - b.mean(axis=0))
    assert (difference <= 4 * error).all(), f"{difference} beyond 4 times {error}"


def rates_and_period(parameters, connectivity, precision, seed, duration=4000.0):
    """Of a hard-wired clock after its first second: E and I rate (Hz), mean period (ms)."""
    state = clock.initial_state(connectivity, parameters, seed, "run", precision=precision)
    _, spikes = run_clock(state, parameters, 1000.0 + duration)
    time, neuron = np.array(spikes).T * [[0.1], [1]]
    neuron = neuron.astype(int)[time > 1000]
    n_e = connectivity.neurons_e
    counts = measures.cluster_counts(
        time[time > 1000],
        neuron,
        connectivity.cluster,
        connectivity.clusters,
        duration,
        start=1000.0,
    )
    winner = measures.winners(counts)
    periods = measures.periods(measures.onsets(winner, connectivity.clusters))
    rate_e = np.count_nonzero(neuron < n_e) / n_e
    rate_i = np.count_nonzero(neuron >= n_e) / connectivity.neurons_i
    return rate_e / duration * 1e3, rate_i / duration * 1e3, periods.mean()


def test_rates_and_period_of_a_clock_agree():
    parameters = Clock(clusters=20, connectivity="hard-wired")
    connectivity = build(parameters, stream(1, "weights"))
    assert_agree(
        {
            precision: [
                rates_and_period(parameters, connectivity, precision, seed) for seed in range(4)
            ]
            for precision in PRECISIONS
        }
    )


def embedded_structure(parameters, precision, seed, duration):
    """Mean weights within, forward, elsewhere; mean inhibition; after an embedding, pF."""
    connectivity = balanced(parameters, stream(seed, "weights"))
    clusters = connectivity.clusters
    state = clock.initial_state(
        connectivity, parameters, seed, "run", plastic=True, precision=precision
    )
    network, _ = run_clock(
        state, parameters, duration, plastic=True, stimulation_order=np.arange(clusters)
    )
    weight = clock.settled_weights(state, network)
    pre = np.repeat(connectivity.cluster, np.diff(connectivity.e_to_e.row_pointer))
    distance = (connectivity.cluster[connectivity.e_to_e.column] - pre) % clusters
    means = [weight[distance == d].mean() for d in (0, 1)]
    return [*means, weight[distance > 1].mean(), state.i_to_e.weight.mean()]


def compare_structure(parameters, duration, seeds):
    samples = {
        precision: [embedded_structure(parameters, precision, seed, duration) for seed in seeds]
        for precision in PRECISIONS
    }
    assert_agree(samples)
    within, _, rest, _ = np.mean(samples["32-bit"], axis=0)
    assert within > 1.2 * rest


def test_structure_of_a_small_embedded_network_agrees():
    rule = {"A_potentiation": 0.008}
    compare_structure(
        Clock(clusters=6, cluster_size=40, p_e_to_e=0.3, voltage_rule=rule), 20e3, range(4)
    )


@pytest.mark.slow
def test_structure_of_an_embedded_network_agrees():
    """1200 + 300 neurons after 3 min of embedding: about 3 min of one core."""
    compare_structure(Clock(clusters=15), 180e3, range(3))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_everything_has_the_precision_that_was_asked_for(precision):
    parameters = small_clock(precision=precision)
    connectivity, _ = start(parameters)
    state = clock.initial_state(connectivity, parameters, 1, "run", plastic=True)
    readouts = readout.initial_state(state, 8, 3, Readout(), 0.1, 1, "run")
    for values in (clock.flatten(state) | clock.flatten(readouts)).values():
        assert values.dtype.kind != "f" or values.dtype == clock.REALS[precision]
    network, _ = run_clock(state, parameters, 30.0, plastic=True)
    assert clock.settled_weights(state, network).dtype == clock.REALS[precision]


def test_split_run_in_32_bits_equals_unsplit_bit_by_bit():
    parameters, states = small_clock(), []
    for ends in ((130.0,), (33.3, 60.0, 60.1, 130.0)):
        connectivity, _ = start(parameters)
        state = clock.initial_state(connectivity, parameters, 1, "run", plastic=True)
        for end in ends:
            run_clock(state, parameters, end, plastic=True, stimulation_order=[1, 5])
        states.append(state)
    same_bits(*states)
