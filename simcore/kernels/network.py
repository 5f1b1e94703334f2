"""One time step of the recurrent network, in the order of the specification (end of section 2)."""

from typing import NamedTuple

import numpy as np

from simcore.kernels.compilation import kernel, time_loop
from simcore.kernels.neurons import (
    advance_exponential,
    advance_leaky,
    collect_spikes,
    jump_threshold,
    low_pass,
)
from simcore.kernels.plasticity import (
    NEGLIGIBLE,
    Incoming,
    VoltageRule,
    accumulate_potentiation,
    fire_excitatory,
    inhibitory_rule_post,
    inhibitory_rule_pre,
    normalize,
    transmit_plastic,
)
from simcore.kernels.random import external_events
from simcore.kernels.synapses import Synapses, transmit

# Places in ``State.counters``.
STEP, WINDOW_STEP, SPIKES_E, SPIKES_I = 0, 1, 2, 3


class Neuron(NamedTuple):
    """Parameters of one kind of neuron (section 1)."""

    tau_m: float
    C: float
    E_L: float
    D_T: float
    V_spike: float
    V_T0: float
    A_T: float
    tau_T: float
    V_reset: float
    refractory_steps: int
    b: float
    tau_w: float
    E_E: float
    E_I: float


class Filters(NamedTuple):
    """Time constants of the synapses (section 2), ms."""

    tau_rise_E: float
    tau_decay_E: float
    tau_rise_I: float
    tau_decay_I: float


class External(NamedTuple):
    """External input of a run: weights in pF, Poisson thresholds of one step."""

    weight_E: float
    weight_I: float
    weight_unstimulated: float
    unstimulated_inhibitory: bool
    thresholds_E: np.ndarray
    thresholds_I: np.ndarray
    thresholds_stimulated: np.ndarray


class Stimulation(NamedTuple):
    """Clusters stimulated in turn: steps on and off, and the order of the clusters (int64).

    An empty order means that there is no stimulation.
    """

    on_steps: int
    period_steps: int
    cluster_size: int
    order: np.ndarray


class Plasticity(NamedTuple):
    """Parameters of both rules (section 3). ``active`` switches all changes of weights.

    ``decay_x`` and ``decay_y`` hold (1 - dt/tau)^k for k = 0 to ``window_steps``: how far a trace
    has decayed in a step of the window.
    """

    active: bool
    traces: bool
    A_depression: float
    A_potentiation: float
    V_theta: float
    E_L: float
    tau_u: float
    tau_v: float
    decay_x: np.ndarray
    w_E_min: float
    w_E_max: float
    window_steps: int
    eta: float
    decay_y: np.ndarray
    offset: float
    w_I_min: float
    w_I_max: float


class Excitatory(NamedTuple):
    """State of the E neurons; arrays (n,), random uint32 (4, n)."""

    V: np.ndarray
    V_T: np.ndarray
    w: np.ndarray
    u: np.ndarray
    v: np.ndarray
    x_rise_E: np.ndarray
    x_decay_E: np.ndarray
    x_rise_I: np.ndarray
    x_decay_I: np.ndarray
    Y: np.ndarray
    refractory: np.ndarray
    random: np.ndarray


class Inhibitory(NamedTuple):
    """State of the I neurons; arrays (n,), random uint32 (4, n)."""

    V: np.ndarray
    x_rise_E: np.ndarray
    x_decay_E: np.ndarray
    x_rise_I: np.ndarray
    x_decay_I: np.ndarray
    Y: np.ndarray
    refractory: np.ndarray
    random: np.ndarray


class State(NamedTuple):
    """Everything that changes while the network runs.

    ``counters`` holds the number of steps done, the steps since the window's beginning, and the
    number of spikes in transit, whose neurons stand in ``spikes_E`` and ``spikes_I``.
    """

    e: Excitatory
    i: Inhibitory
    e_to_e: Synapses
    e_to_i: Synapses
    i_to_e: Synapses
    i_to_i: Synapses
    rule: VoltageRule
    spikes_E: np.ndarray
    spikes_I: np.ndarray
    counters: np.ndarray


class Scratch(NamedTuple):
    """Room for a step's intermediate values; holds nothing between steps.

    The first index of what is received (pF) is the receiving population, the second the kind of
    synapse.
    """

    received_E_E: np.ndarray
    received_E_I: np.ndarray
    received_I_E: np.ndarray
    received_I_I: np.ndarray
    uniform_E: np.ndarray
    uniform_I: np.ndarray


class Network(NamedTuple):
    """Parameters of the network during a run, and what follows from its connectivity."""

    dt: float
    neuron_E: Neuron
    neuron_I: Neuron
    filters: Filters
    external: External
    stimulation: Stimulation
    plasticity: Plasticity
    threshold_adds: bool
    e_to_e: Incoming
    i_to_e: Incoming


class Driver(NamedTuple):
    """The synapses of another network, which send the spikes while those under study only learn."""

    e_to_e: Synapses
    e_to_i: Synapses
    i_to_e: Synapses
    i_to_i: Synapses


@kernel
def stimulated_cluster(stimulation, step):
    """Index of the cluster stimulated in ``step`` (0, 1, ... since the beginning), or -1."""
    if stimulation.order.size == 0 or step % stimulation.period_steps >= stimulation.on_steps:
        return -1
    return stimulation.order[(step // stimulation.period_steps) % stimulation.order.size]


@kernel
def external_excitatory(cluster, state, network, scratch):
    """External events of this step enter what the E neurons receive (section 4)."""
    external, size = network.external, network.stimulation.cluster_size
    random, uniform, received = state.e.random, scratch.uniform_E, scratch.received_E_E
    low, high = 0, 0
    if cluster >= 0:
        low, high = cluster * size, (cluster + 1) * size
        stimulated = external.thresholds_stimulated
        external_events(random, uniform, stimulated, external.weight_E, received, low, high)
    weight = external.weight_E
    if network.stimulation.order.size > 0:
        weight = external.weight_unstimulated
        if external.unstimulated_inhibitory:
            received = scratch.received_E_I
    for first, last in ((0, low), (high, uniform.size)):
        external_events(random, uniform, external.thresholds_E, weight, received, first, last)


@kernel
def advance_excitatory(amplitude, state, network, scratch):
    """Advance the E neurons by one step; returns the number of spikes."""
    e, p, rule, dt = state.e, network.neuron_E, network.plasticity, network.dt
    if rule.traces:
        low_pass(e.u, e.V, dt / rule.tau_u)
        low_pass(e.v, e.V, dt / rule.tau_v)
    spikes = advance_exponential(
        e, scratch.received_E_E, scratch.received_E_I, p, network.filters, dt
    )
    if rule.active:
        accumulate_potentiation(state.rule.G, e.V, e.v, amplitude, rule.V_theta, rule.E_L)
    if spikes > 0:
        collect_spikes(e.refractory, p.refractory_steps, state.spikes_E)
        jump_threshold(e.V_T, e.w, state.spikes_E[:spikes], p, network.threshold_adds)
    return spikes


@kernel
def advance_inhibitory(state, network, scratch):
    """Advance the I neurons by one step; returns the number of spikes."""
    i, p, external = state.i, network.neuron_I, network.external
    received_E, received_I = scratch.received_I_E, scratch.received_I_I
    external_events(
        i.random,
        scratch.uniform_I,
        external.thresholds_I,
        external.weight_I,
        received_E,
        0,
        i.V.size,
    )
    spikes = advance_leaky(i, received_E, received_I, p, network.filters, network.dt)
    if spikes > 0:
        collect_spikes(i.refractory, p.refractory_steps, state.spikes_I)
    return spikes


@kernel
def begin_window(state, network):
    """Normalize (if plastic) and refer the traces to the beginning of the next window."""
    rule, steps = network.plasticity, state.counters[WINDOW_STEP]
    if rule.active:
        normalize(network.e_to_e, state.rule, rule.w_E_min, rule.w_E_max)
    decay_x, decay_y = rule.decay_x[steps], rule.decay_y[steps]
    for traces, decay in ((state.rule.X, decay_x), (state.e.Y, decay_y), (state.i.Y, decay_y)):
        for n in range(traces.size):
            traces[n] = traces[n] * decay if traces[n] * decay > NEGLIGIBLE else 0.0
    state.counters[WINDOW_STEP] = 0


@kernel
def transmit_recurrent(state, network, scratch):
    """Let the spikes of the step before reach their targets."""
    spikes_E = state.counters[SPIKES_E]
    if state.rule.base.size > 0:
        transmit_plastic(
            state.e_to_e,
            network.e_to_e,
            state.rule,
            state.spikes_E,
            spikes_E,
            scratch.received_E_E,
        )
    else:
        transmit(state.e_to_e, state.spikes_E, spikes_E, scratch.received_E_E)
    transmit_with_inhibition(state, state, scratch)


@kernel
def transmit_with_inhibition(synapses, state, scratch):
    """The same for all but E to E, through the synapses of a state or a driver."""
    spikes_E, spikes_I = state.counters[SPIKES_E], state.counters[SPIKES_I]
    transmit(synapses.e_to_i, state.spikes_E, spikes_E, scratch.received_I_E)
    transmit(synapses.i_to_e, state.spikes_I, spikes_I, scratch.received_E_I)
    transmit(synapses.i_to_i, state.spikes_I, spikes_I, scratch.received_I_I)


@kernel
def transmit_driver(driver, state, scratch):
    """Let the spikes of the step before reach their targets through the synapses of a driver."""
    spikes_E = state.counters[SPIKES_E]
    transmit(driver.e_to_e, state.spikes_E, spikes_E, scratch.received_E_E)
    transmit_with_inhibition(driver, state, scratch)


@kernel
def change_weights(state, network):
    """Both rules at this step's spikes. Traces jump here too, E before I (section 2)."""
    rule, k = network.plasticity, state.counters[WINDOW_STEP]
    e, i = state.e, state.i
    decay_x, decay_y = rule.decay_x[k], rule.decay_y[k]
    for n in range(state.counters[SPIKES_E]):
        j = state.spikes_E[n]
        if rule.active:
            inhibitory_rule_post(
                j,
                state.i_to_e.weight,
                network.i_to_e,
                i.Y,
                decay_y,
                rule.eta,
                rule.w_I_min,
                rule.w_I_max,
            )
            fire_excitatory(
                j,
                state.e_to_e,
                network.e_to_e,
                state.rule,
                e.u,
                1.0 / decay_x,
                network.dt * rule.A_depression,
                rule.E_L,
                rule.w_E_min,
                rule.w_E_max,
            )
        else:
            state.rule.X[j] += 1.0 / decay_x
        e.Y[j] += 1.0 / decay_y
    for n in range(state.counters[SPIKES_I]):
        j = state.spikes_I[n]
        if rule.active:
            inhibitory_rule_pre(
                j, state.i_to_e, e.Y, decay_y, rule.eta, rule.offset, rule.w_I_min, rule.w_I_max
            )
        i.Y[j] += 1.0 / decay_y


@kernel
def step_network(state, network, scratch):
    """Advance the whole recurrent network by one step."""
    advance_window(state, network)
    transmit_recurrent(state, network, scratch)
    finish_step(state, network, scratch)


@kernel
def step_driven(state, network, driver, scratch):
    """Advance a driver's neurons by one step, and let their spikes change the network's weights."""
    advance_window(state, network)
    transmit_driver(driver, state, scratch)
    finish_step(state, network, scratch)


@kernel
def advance_window(state, network):
    """Count the steps between two normalizations; normalize, if one is due."""
    rule, counters = network.plasticity, state.counters
    if rule.traces:
        if counters[WINDOW_STEP] == rule.window_steps:
            begin_window(state, network)
        counters[WINDOW_STEP] += 1


@kernel
def finish_step(state, network, scratch):
    """What a step does once the spikes of the step before have arrived."""
    rule, counters = network.plasticity, state.counters
    amplitude = network.dt * rule.A_potentiation * rule.decay_x[counters[WINDOW_STEP]]
    cluster = stimulated_cluster(network.stimulation, counters[STEP])
    external_excitatory(cluster, state, network, scratch)
    counters[SPIKES_E] = advance_excitatory(amplitude, state, network, scratch)
    counters[SPIKES_I] = advance_inhibitory(state, network, scratch)
    if rule.traces:
        change_weights(state, network)
    counters[STEP] += 1


@kernel
def record(state, recorded_step, recorded_neuron, count):
    """Append this step's spikes (I neurons counted behind E) to a recording."""
    for n in range(state.counters[SPIKES_E]):
        recorded_step[count] = state.counters[STEP]
        recorded_neuron[count] = state.spikes_E[n]
        count += 1
    for n in range(state.counters[SPIKES_I]):
        recorded_step[count] = state.counters[STEP]
        recorded_neuron[count] = state.e.V.size + state.spikes_I[n]
        count += 1
    return count


@time_loop
def run_network(steps, state, network, scratch, recorded_step, recorded_neuron):
    """Advance the network by ``steps``.

    Parameters
    ----------
    steps : int
    state : State
        Changed in place.
    network : Network
    scratch : Scratch
    recorded_step, recorded_neuron : int64 (m,), int32 (m,)
        Receive the spikes; a spike of step n (n = 1, 2, ...) happens at n dt.

    Returns
    -------
    int
        Number of recorded spikes.
    """
    count = 0
    for _ in range(steps):
        step_network(state, network, scratch)
        count = record(state, recorded_step, recorded_neuron, count)
    return count


@time_loop
def run_driven(steps, state, network, driver, scratch, recorded_step, recorded_neuron):
    """Advance as ``run_network`` does, but the spikes travel through the synapses of a driver.

    The network's own weights learn from these spikes and are felt by nobody (specification,
    section 7, stability).

    Parameters
    ----------
    steps, state, network, scratch, recorded_step, recorded_neuron
        As in ``run_network``.
    driver : Driver
        Of as many neurons.

    Returns
    -------
    int
        Number of recorded spikes.
    """
    count = 0
    for _ in range(steps):
        step_driven(state, network, driver, scratch)
        count = record(state, recorded_step, recorded_neuron, count)
    return count
