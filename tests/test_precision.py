"""32 bits, the default, against 64: the same within what seeds differ by."""

from collections import namedtuple

import numpy as np
import pytest
from numba import njit
from oracle.cases import Recorder, run_clock, same_bits, small_clock, start

from simcore import clock, measures, readout
from simcore.connectivity import balanced, build, by_postsynaptic, random_synapses
from simcore.kernels.plasticity import (
    VoltageRule,
    accumulate_potentiation,
    fire_excitatory,
    normalize,
)
from simcore.parameters import Clock, Readout, Replay
from simcore.streams import stream

PRECISIONS = ("32-bit", "64-bit")


def assert_agree(measure, seeds, tolerance):
    """Means over seeds of what measure(precision, seed) gives differ by no more than this part.

    The tolerances are five standard errors of the mean difference of a seed's two runs, as measured
    once: those of the few seeds here are too uncertain. Returns the means of 32 bits.
    """
    a, b = ([measure(precision, seed) for seed in seeds] for precision in PRECISIONS)
    difference = np.mean(np.subtract(a, b), axis=0) / np.mean(b, axis=0)
    assert (np.abs(difference) <= tolerance).all(), f"{difference} beyond {tolerance}"
    return np.mean(a, axis=0)


def distance(a, b):
    """Of two arrays, relative to the second."""
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def assert_equal_but_for_rounding(learned, tolerance):
    """What learned(precision, seed) gives, arrays, differs by no more than this part in most seeds.

    Start and noise are the same: the two runs part only where rounding decides on a spike, in a few
    seeds this early.
    """
    pairs = [[learned(precision, seed) for precision in PRECISIONS] for seed in range(8)]
    distances = [[distance(*parts) for parts in zip(*pair, strict=True)] for pair in pairs]
    assert (np.median(distances, axis=0) < tolerance).all(), distances


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
    # Within a second the spikes have nothing more in common.
    assert_agree(
        lambda precision, seed: rates_and_period(parameters, connectivity, precision, seed),
        range(4),
        tolerance=[0.02, 0.0075, 0.025],
    )


def embed(parameters, precision, seed, duration):
    """The network at first, its state and its E to E weights after an embedding."""
    connectivity = balanced(parameters, stream(seed, "weights"))
    state = clock.initial_state(
        connectivity, parameters, seed, "run", plastic=True, precision=precision
    )
    order = np.arange(connectivity.clusters)
    network, _ = run_clock(state, parameters, duration, plastic=True, stimulation_order=order)
    return connectivity, state, clock.settled_weights(state, network)


def embedded_structure(parameters, precision, seed, duration):
    """Mean weights within, forward, elsewhere; mean inhibition; after an embedding, pF."""
    connectivity, state, weight = embed(parameters, precision, seed, duration)
    pre = np.repeat(connectivity.cluster, np.diff(connectivity.e_to_e.row_pointer))
    distance = (connectivity.cluster[connectivity.e_to_e.column] - pre) % connectivity.clusters
    means = [weight[distance == d].mean() for d in (0, 1)]
    return [*means, weight[distance > 1].mean(), state.i_to_e.weight.mean()]


def compare_structure(parameters, duration, seeds):
    within, _, rest, _ = assert_agree(
        lambda precision, seed: embedded_structure(parameters, precision, seed, duration),
        seeds,
        tolerance=[0.015, 0.007, 0.007, 0.0025],
    )
    assert within > 1.2 * rest


FAST = Clock(clusters=6, cluster_size=40, p_e_to_e=0.3, voltage_rule={"A_potentiation": 0.008})


def test_structure_of_a_small_embedded_network_agrees():
    compare_structure(FAST, 20e3, range(4))


@pytest.mark.slow
def test_structure_of_an_embedded_network_agrees():
    """1200 + 300 neurons after 3 min of embedding: about 3 min of one core."""
    compare_structure(Clock(clusters=15), 180e3, range(3))


def test_synapses_learn_the_same_until_rounding_decides_on_a_spike():
    def learned(precision, seed):
        connectivity, state, weight = embed(FAST, precision, seed, 300.0)
        inhibition = state.i_to_e.weight
        return weight - connectivity.e_to_e.weight, inhibition - connectivity.i_to_e.weight

    assert_equal_but_for_rounding(learned, tolerance=[2e-3, 2e-4])


def test_read_outs_learn_the_same_until_rounding_decides_on_a_spike():
    """With the parameters of the papers; three channels, one after the other."""
    rate = np.ones((1, 900, 3))
    for channel in range(3):
        rate[:, 300 * channel : 300 * (channel + 1), channel] = 10
    parameters, learning = small_clock(), Readout()

    def learned(precision, seed):
        connectivity = balanced(parameters, stream(seed, "weights"))
        state = clock.initial_state(connectivity, parameters, seed, "run", precision=precision)
        readouts = readout.initial_state(state, 8, 3, learning, 0.1, seed, "run")
        common = learning, Replay(), 0.1, connectivity.cluster
        readouts.weight[...] = 1  # that depression, too, has something to change
        teaching = readout.kernel_parameters(*common, rate, learning=True)
        network, spikes = clock.kernel_parameters(state, parameters, 0.1), Recorder()
        readout.run(state, network, readouts, teaching, 200.0, record_readout=spikes)
        assert set(np.array(spikes.spikes())[:, 1]) == {0, 1, 2}
        return (readouts.weight - 1,)

    assert_equal_but_for_rounding(learned, tolerance=[5e-4])


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


# The shipped rule at the longest window that 32 bits allow, with bounds that no weight meets.
LONGEST = Clock(voltage_rule={"tau_x": 2.5, "normalization": 20, "w_min": 0, "w_max": 1000})
Rule = namedtuple("Rule", LONGEST.voltage_rule.model_dump())
RULE = Rule(**LONGEST.voltage_rule.model_dump())
WINDOW = 200  # steps of 0.1 ms
DECAY = (1 - 0.1 / RULE.tau_x) ** np.arange(WINDOW + 1)


@njit
def learn(synapses, incoming, state, V, v, u, fired, rule):
    """Let weights learn from given potentials and spikes (step, neuron), window by window."""
    depression, bounds = 0.1 * rule.A_depression, (rule.w_min, rule.w_max)
    for step in range(len(V)):
        k = step % WINDOW + 1
        potentiation = 0.1 * rule.A_potentiation * DECAY[k]
        accumulate_potentiation(state.G, V[step], v[step], potentiation, rule.V_theta, rule.E_L)
        for j in np.flatnonzero(fired[step]):
            jump = 1 / DECAY[k]
            fire_excitatory(
                j, synapses, incoming, state, u[step], jump, depression, rule.E_L, *bounds
            )
        if k == WINDOW:
            normalize(incoming, state, *bounds)
            state.X[:] *= DECAY[WINDOW]


def learn_literally(W, V, v, u, fired, rule):
    """The same from the equations (specification, section 3), W[pre, post]; and largest X G."""
    exists, reference, largest = W > 0, W.sum(axis=0), 0.0
    x, G = np.zeros((2, len(W)))
    for step in range(len(V)):
        k = step % WINDOW + 1
        depolarized = np.maximum(V[step] - rule.V_theta, 0) * np.maximum(v[step] - rule.E_L, 0)
        x *= 1 - 0.1 / rule.tau_x
        W += exists * np.outer(x, 0.1 * rule.A_potentiation * depolarized)
        W[fired[step]] -= exists[fired[step]] * (
            0.1 * rule.A_depression * np.maximum(u[step] - rule.E_L, 0)
        )
        x[fired[step]] += 1
        G += 0.1 * rule.A_potentiation * DECAY[k] * depolarized
        largest = max(largest, x.max() / DECAY[k] * G.max())
        if k == WINDOW:
            W -= exists * ((W.sum(axis=0) - reference) / exists.sum(axis=0))
            G[:] = 0
    return largest


def test_32_bits_suffice_in_the_longest_window():
    """Of X G, which a base gives up in advance, each of a window's terms was rounded once."""
    generator, neurons, steps = np.random.default_rng(1), 20, 3 * WINDOW
    V, v, u = (
        generator.uniform(low, high, (steps, neurons)).astype(np.float32)
        for low, high in ((-70, -35), (-65, -50), (-65, -50))
    )
    fired = generator.random((steps, neurons)) < 0.005
    synapses = random_synapses(generator, neurons, neurons, 0.5, 20.0, to_itself=False)
    incoming = by_postsynaptic(synapses, neurons)
    pre = np.repeat(np.arange(neurons), np.diff(synapses.row_pointer))
    W = np.zeros((neurons, neurons))
    W[pre, synapses.column] = synapses.weight
    X, G, base, reference = np.zeros(neurons), np.zeros(neurons), synapses.weight, W.sum(axis=0)
    state = VoltageRule(*(values.astype(np.float32) for values in (X, G, base, reference)))
    learn(synapses, incoming, state, V, v, u, fired, RULE)
    largest = learn_literally(W, *(values.astype(float) for values in (V, v, u)), fired, RULE)
    expected = W[pre, synapses.column]
    tolerance = 4 * np.sqrt(WINDOW / 12) * np.finfo(np.float32).eps * largest
    found = np.empty_like(expected)
    found[incoming.position] = state.base
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
    assert tolerance < 0.01 * np.ptp(expected)
