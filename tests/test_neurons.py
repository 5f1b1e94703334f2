"""Single neurons: exponential, filters, membranes, refractory periods."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from oracle.network import Population

from simcore import clock
from simcore.connectivity import Connectivity, random_synapses
from simcore.kernels.network import run_network
from simcore.kernels.neurons import TINY, advance_leaky, collect_spikes, exponential
from simcore.parameters import Clock, NeuronE, NeuronI

DT = 0.1


@njit
def exponentials(x):
    result = np.empty_like(x)
    for i in range(x.size):
        result[i] = exponential(x[i])
    return result


@pytest.mark.parametrize(("real", "limit"), [(np.float32, 80), (np.float64, 700)])
def test_exponential_is_exact_to_two_units_in_the_last_place(real, limit):
    x = np.concatenate([np.linspace(-limit, limit, 200_001), np.linspace(-1, 1, 10_001)])
    x = x.astype(real)
    expected = np.exp(x.astype(np.longdouble))
    errors = np.abs(exponentials(x) - expected) / np.spacing(expected.astype(real))
    assert exponentials(x).dtype == real and np.max(errors) <= 2


@pytest.mark.parametrize(("real", "limit"), [(np.float32, 80.0), (np.float64, 700.0)])
def test_exponential_beyond_its_range(real, limit):
    most = np.finfo(real).max
    x = np.array([limit + 1, most, np.inf, -limit - 1, -most, -np.inf], real)
    expected = [np.exp(limit)] * 3 + [np.exp(-limit)] * 3
    np.testing.assert_allclose(exponentials(x), expected, rtol=10 * np.finfo(real).eps)
    assert np.isnan(exponentials(np.array([np.nan, -np.nan, np.inf - np.inf], real))).all()


def without_synapses():
    """Two E and one I neuron whose synapses weigh nothing."""
    generator = np.random.default_rng(0)
    groups = [
        random_synapses(generator, pre, post, 1, 0.0)
        for pre, post in ((2, 2), (2, 1), (1, 2), (1, 1))
    ]
    return Connectivity(*groups, np.arange(2, dtype=np.int32))


def isolated(neuron_e=None, neuron_i=None, external=0.0):
    """Parameters and state of neurons without any input but the external one."""
    parameters = Clock(
        clusters=2,
        cluster_size=1,
        neurons_i=1,
        external={"weight_e": external, "weight_i": external},
        neuron_e=neuron_e or {},
        neuron_i=neuron_i or {},
    )
    state = clock.initial_state(without_synapses(), parameters, 1, "run", precision="64-bit")
    return parameters, state


@pytest.mark.parametrize("kind", ["E", "I"])
def test_one_event_brings_its_weight_as_conductance(kind):
    """The conductance of an event of weight w integrates to w: pF = nS ms (section 2)."""
    parameters, state = isolated()
    network, weight, cell = clock.kernel_parameters(state, parameters, DT), 7.5, state.i
    rise = getattr(network.filters, f"tau_rise_{kind}")
    decay = getattr(network.filters, f"tau_decay_{kind}")
    received, course = {"E": np.zeros(1), "I": np.zeros(1)}, []
    received[kind][:] = weight
    for _ in range(3000):
        advance_leaky(cell, *received.values(), network.neuron_I, network.filters, DT)
        assert received[kind][0] == TINY
        x_rise, x_decay = (getattr(cell, f"x_{phase}_{kind}") for phase in ("rise", "decay"))
        course.append((x_decay - x_rise)[0] / (decay - rise))
    assert course[0] == 0.0 and min(course) >= 0.0
    assert math.fsum(course) * DT == pytest.approx(weight, rel=1e-12)
    # The peak of a difference of exponentials.
    peak = math.log(decay / rise) * rise * decay / (decay - rise)
    assert np.argmax(course) * DT == pytest.approx(peak, abs=2 * DT)


def potentials(parameters, state, steps):
    """V of the first E and of the I neuron, and how many E neurons fired, after each step."""
    network, room = clock.kernel_parameters(state, parameters, DT), clock.scratch(state)
    spikes = np.zeros(10, np.int64), np.zeros(10, np.int32)
    rows = []
    for _ in range(steps):
        count = run_network(1, state, network, room, *spikes)
        fired = spikes[1][:count].tolist()
        rows.append((state.e.V[0], state.i.V[0], 0 in fired, 2 in fired))
    return np.array(rows)


@pytest.mark.parametrize("tau_ref", [5.0, 1.0, 0.1])
def test_refractory_neuron_is_held_for_exactly_its_period(tau_ref):
    """V stays at V_reset for tau_ref / dt steps after the step of the spike (section 1)."""
    parameters, state = isolated(
        {"E_L": -20, "tau_ref": tau_ref, "b": 0}, {"E_L": -20, "tau_ref": tau_ref}
    )
    rows = potentials(parameters, state, 3000)
    hold = round(tau_ref / DT)
    for V, fired in ((rows[:, 0], rows[:, 2]), (rows[:, 1], rows[:, 3])):
        moments = np.flatnonzero(fired)
        assert moments.size > 5
        for step in moments[moments + hold + 1 < len(V)]:
            assert (V[step : step + hold + 1] == -60.0).all()
            assert V[step + hold + 1] != -60.0


def rates(E_L):
    """Spikes of an isolated E and I neuron in 500 ms, whose resting potential drives them."""
    parameters, state = isolated({"E_L": E_L}, {"E_L": E_L})
    literal_E = Population(parameters.neuron_e, state.e.V[:1], DT)
    literal_I = Population(parameters.neuron_i, state.i.V, DT)
    expected = np.zeros(2, int)
    for _ in range(5000):
        for k, population in enumerate((literal_E, literal_I)):
            population.step(np.zeros(1), np.zeros(1))
            expected[k] += population.spikes[0]
    rows = potentials(parameters, state, 5000)
    assert rows[:, 2:].sum(axis=0).astype(int).tolist() == expected.tolist()
    return expected


def test_firing_rate_rises_with_the_drive_and_equals_oracle():
    counts = np.array([rates(E_L) for E_L in (-70.0, -55.0, -45.0, -30.0, 0.0)])
    assert (counts[0] == 0).all()
    assert (np.diff(counts, axis=0) >= 0).all() and (counts[-1] > counts[2]).all()


def test_leaky_rate_is_that_of_theory():
    """The interval is tau_ref plus tau_m ln((E_L - V_reset) / (E_L - V_spike))."""
    parameters, state = isolated(neuron_i={"E_L": -40})
    moments = np.flatnonzero(potentials(parameters, state, 5000)[:, 3]) * DT
    expected = 5 + 20 * math.log(20 / 12)
    assert np.diff(moments).mean() == pytest.approx(expected, abs=2 * DT)


@pytest.mark.parametrize(("rule", "peak"), [("set", -42.0), ("add", -38.0)])
def test_threshold_after_a_spike(rule, peak):
    neuron = NeuronE()
    parameters, state = isolated({"E_L": 0})
    parameters = parameters.model_copy(update={"threshold_after_spike": rule})
    state.e.V[:] = 19.0
    state.e.V_T[:] = -48.0
    potentials(parameters, state, 1)
    expected = peak if rule == "set" else neuron.V_T0 + 4 * (1 - DT / neuron.tau_T) + 10
    np.testing.assert_allclose(state.e.V_T, expected)
    assert (state.e.w == neuron.b).all()


@given(st.sampled_from([NeuronE(), NeuronI()]), st.floats(0.05, 1.0))
def test_refractory_period_is_at_least_a_step(neuron, dt):
    assert clock.neuron(neuron, dt).refractory_steps == max(round(neuron.tau_ref / dt), 1)


@given(st.integers(1, 300), st.sets(st.integers(0, 299)), st.sets(st.integers(0, 299)))
def test_spikes_are_found_in_ascending_order(neurons, fired, silenced):
    fired = sorted(n for n in fired if n < neurons)
    refractory = np.random.default_rng(neurons).integers(0, 50, neurons).astype(np.int32)
    refractory[[n for n in silenced if n < neurons]] = np.iinfo(np.int32).max - 1
    refractory[fired] = 50
    spikes = np.full(neurons, -1, np.int32)
    collect_spikes(refractory, 50, spikes)
    assert spikes[: len(fired)].tolist() == fired and (spikes[len(fired) :] == -1).all()


@pytest.mark.parametrize("precision", ["32-bit", "64-bit"])
def test_nothing_becomes_denormal_in_a_network_that_stays_silent(precision):
    """Denormal numbers make a processor a hundred times slower."""
    parameters, state = isolated()
    state = clock.initial_state(without_synapses(), parameters, 1, "run", precision=precision)
    state.e.w[:] = 1.0
    state.e.x_rise_E[:], state.i.x_decay_I[:] = 1.0, 1.0
    clock.run(state, clock.kernel_parameters(state, parameters, DT, traces=True), 20_000.0)
    for name, values in clock.flatten(state).items():
        if values.dtype.kind == "f":
            small = np.abs(values[values != 0])
            assert (small >= np.finfo(values.dtype).tiny).all(), name
