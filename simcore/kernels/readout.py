"""Read-outs, their supervisors and interneurons (specification, sections 5 and 6).

c = channels: as many read-out neurons A, supervisors S and interneurons H.
"""

from typing import NamedTuple

import numpy as np

from simcore.kernels.compilation import kernel, time_loop
from simcore.kernels.network import SPIKES_E, STEP, Neuron, record, step_network
from simcore.kernels.neurons import (
    TINY,
    advance_exponential,
    advance_leaky,
    collect_spikes,
    jump_threshold,
    low_pass,
)
from simcore.kernels.random import draw, external_events, poisson_count

# Places in ``ReadoutState.counters``; POSITION is the step within the running target or -1.
POSITION, PATTERN, PASSES, SPIKES_A, SPIKES_S, SPIKES_H = 0, 1, 2, 3, 4, 5


class ReadoutNeurons(NamedTuple):
    """State of the read-out neurons A; arrays (c,), random uint32 (4, c)."""

    V: np.ndarray
    V_T: np.ndarray
    w: np.ndarray
    u: np.ndarray
    v: np.ndarray
    x_rise_E: np.ndarray
    x_decay_E: np.ndarray
    x_rise_I: np.ndarray
    x_decay_I: np.ndarray
    refractory: np.ndarray
    random: np.ndarray


class Supervisors(NamedTuple):
    """State of the supervisors S; arrays (c,), random uint32 (4, c). Nothing inhibits them."""

    V: np.ndarray
    V_T: np.ndarray
    w: np.ndarray
    x_rise_E: np.ndarray
    x_decay_E: np.ndarray
    x_rise_I: np.ndarray
    x_decay_I: np.ndarray
    refractory: np.ndarray
    random: np.ndarray


class Interneurons(NamedTuple):
    """State of the interneurons H; arrays (c,), random uint32 (4, c). Nothing inhibits them."""

    V: np.ndarray
    x_rise_E: np.ndarray
    x_decay_E: np.ndarray
    x_rise_I: np.ndarray
    x_decay_I: np.ndarray
    refractory: np.ndarray
    random: np.ndarray


class ReadoutState(NamedTuple):
    """Everything of the read-outs that changes while they run.

    Attributes
    ----------
    weight : float (c, neurons_e), pF
        In the clock's precision, as x.
    x : float (neurons_e,)
        Presynaptic trace of the E neurons.
    recent : int32 (window steps, clusters)
        Spikes of each cluster in each of the last steps, a ring.
    active : int32 (clusters,)
        Their sums: who is the most active cluster.
    spikes_A, spikes_S, spikes_H : int32 (c,)
        Spikes in transit; their numbers stand in ``counters``.
    """

    a: ReadoutNeurons
    s: Supervisors
    h: Interneurons
    weight: np.ndarray
    x: np.ndarray
    recent: np.ndarray
    active: np.ndarray
    spikes_A: np.ndarray
    spikes_S: np.ndarray
    spikes_H: np.ndarray
    counters: np.ndarray


class ReadoutRule(NamedTuple):
    """Parameters of the plasticity of E to read-out synapses."""

    A_depression: float
    A_potentiation: float
    V_theta: float
    E_L: float
    tau_u: float
    tau_v: float
    tau_x: float
    w_max: float


class Readout(NamedTuple):
    """Parameters of the read-outs during a run.

    Attributes
    ----------
    target_events, target_none : float64 (patterns, target steps, c)
        Expected external events of each supervisor in one step, and the probability of none.
    baseline_events, baseline_none : float
        The same without a target.
    inhibited_events, inhibited_none : float64 (c,)
        The same for the inhibitory events of each read-out neuron.
    """

    neuron: Neuron
    interneuron: Neuron
    rule: ReadoutRule
    threshold_adds: bool
    learning: bool
    interneurons: bool
    weight_S_A: float
    weight_H_A: float
    weight_A_H: float
    weight_external: float
    weight_inhibition: float
    baseline_events: float
    baseline_none: float
    baseline_thresholds: np.ndarray
    target_events: np.ndarray
    target_none: np.ndarray
    alternation_steps: int
    burn_in_steps: int
    inhibited_events: np.ndarray
    inhibited_none: np.ndarray
    cluster: np.ndarray


class ReadoutScratch(NamedTuple):
    """Room for a step's intermediate values; holds nothing between steps."""

    received_A_E: np.ndarray
    received_A_I: np.ndarray
    received_S: np.ndarray
    received_H: np.ndarray
    not_received: np.ndarray
    uniform: np.ndarray


@kernel
def transmit_readout(state, readout_state, readout, scratch):
    """Let the last step's spikes of E, S, H and A reach their targets."""
    weight, counters = readout_state.weight, readout_state.counters
    for n in range(state.counters[SPIKES_E]):
        j = state.spikes_E[n]
        for c in range(weight.shape[0]):
            scratch.received_A_E[c] += weight[c, j]
    for n in range(counters[SPIKES_S]):
        scratch.received_A_E[readout_state.spikes_S[n]] += readout.weight_S_A
    for n in range(counters[SPIKES_H]):
        scratch.received_A_I[readout_state.spikes_H[n]] += readout.weight_H_A
    if readout.interneurons:
        for n in range(counters[SPIKES_A]):
            scratch.received_H[readout_state.spikes_A[n]] += readout.weight_A_H


@kernel
def most_active(active):
    """Index of the cluster with most spikes, the lowest in a tie; -1 if there is no spike."""
    winner, most = -1, 0
    for k in range(active.size):
        if active[k] > most:
            winner, most = k, active[k]
    return winner


@kernel
def count_clusters(state, readout_state, cluster):
    """Take this step's E spikes into the counts of the last steps."""
    recent, active = readout_state.recent, readout_state.active
    row = recent[state.counters[STEP] % recent.shape[0]]
    for k in range(active.size):
        active[k] -= row[k]
        row[k] = 0
    for n in range(state.counters[SPIKES_E]):
        k = cluster[state.spikes_E[n]]
        row[k] += 1
        active[k] += 1


@kernel
def advance_target(step, readout_state, readout):
    """Go on in the running target, or start one if cluster 0 is the most active."""
    counters = readout_state.counters
    patterns, steps, _ = readout.target_events.shape
    if counters[POSITION] >= 0:
        counters[POSITION] += 1
        if counters[POSITION] == steps:
            counters[POSITION] = -1
    if (
        counters[POSITION] < 0
        and step >= readout.burn_in_steps
        and most_active(readout_state.active) == 0
    ):
        counters[POSITION] = 0
        counters[PATTERN] = (step // readout.alternation_steps) % patterns
        counters[PASSES] += 1


@kernel
def advance_supervisors(readout_state, readout, scratch, filters, dt):
    """Advance S by one step; each gets Poisson input with its channel's rate."""
    s, p, counters = readout_state.s, readout.neuron, readout_state.counters
    pattern, position = counters[PATTERN], counters[POSITION]
    draw(s.random, scratch.uniform)
    for c in range(s.V.size):
        events, none = readout.baseline_events, readout.baseline_none
        if position >= 0:
            events = readout.target_events[pattern, position, c]
            none = readout.target_none[pattern, position, c]
        count = poisson_count(scratch.uniform[c], events, none)
        scratch.received_S[c] += count * readout.weight_external
    spikes = advance_exponential(s, scratch.received_S, scratch.not_received, p, filters, dt)
    if spikes > 0:
        collect_spikes(s.refractory, p.refractory_steps, readout_state.spikes_S)
        jump_threshold(s.V_T, s.w, readout_state.spikes_S[:spikes], p, readout.threshold_adds)
    return spikes


@kernel
def advance_interneurons(readout_state, readout, scratch, filters, dt):
    """Advance H by one step."""
    h, p = readout_state.h, readout.interneuron
    external_events(
        h.random,
        scratch.uniform,
        readout.baseline_thresholds,
        readout.weight_external,
        scratch.received_H,
        0,
        h.V.size,
    )
    spikes = advance_leaky(h, scratch.received_H, scratch.not_received, p, filters, dt)
    if spikes > 0:
        collect_spikes(h.refractory, p.refractory_steps, readout_state.spikes_H)
    return spikes


@kernel
def advance_readout_neurons(readout_state, readout, scratch, filters, dt):
    """Advance A by one step."""
    a, p, rule = readout_state.a, readout.neuron, readout.rule
    draw(a.random, scratch.uniform)
    for c in range(a.V.size):
        count = poisson_count(
            scratch.uniform[c], readout.inhibited_events[c], readout.inhibited_none[c]
        )
        scratch.received_A_I[c] += count * readout.weight_inhibition
    low_pass(a.u, a.V, dt / rule.tau_u)
    low_pass(a.v, a.V, dt / rule.tau_v)
    spikes = advance_exponential(a, scratch.received_A_E, scratch.received_A_I, p, filters, dt)
    if spikes > 0:
        collect_spikes(a.refractory, p.refractory_steps, readout_state.spikes_A)
        jump_threshold(a.V_T, a.w, readout_state.spikes_A[:spikes], p, readout.threshold_adds)
    return spikes


@kernel
def potentiate(weight, x, gain, w_max):
    """W += gain x_j (1 - w / w_max) for one read-out neuron; weight, x: (neurons_e,)."""
    real = weight.dtype.type
    gain, inverse, one = real(gain), real(1.0 / w_max), real(1)
    for j in range(x.size):
        weight[j] += gain * x[j] * (one - weight[j] * inverse)


@kernel
def learn(state, readout_state, rule, dt):
    """Change the E to read-out weights (section 5), then let the trace of firing neurons jump."""
    a, weight, x = readout_state.a, readout_state.weight, readout_state.x
    real = x.dtype.type
    keep, tiny = real(1.0 - dt / rule.tau_x), real(TINY)
    for j in range(x.size):
        x[j] = x[j] * keep + tiny
    for c in range(weight.shape[0]):
        gain = dt * rule.A_potentiation
        gain *= max(a.V[c] - rule.V_theta, 0.0) * max(a.v[c] - rule.E_L, 0.0)
        if gain > 0.0:
            potentiate(weight[c], x, gain, rule.w_max)
    for n in range(state.counters[SPIKES_E]):
        j = state.spikes_E[n]
        for c in range(weight.shape[0]):
            loss = dt * rule.A_depression * max(a.u[c] - rule.E_L, 0.0)
            weight[c, j] = max(weight[c, j] - loss, 0.0)
        x[j] += real(1)


@kernel
def step_readout(state, network, scratch, readout_state, readout, readout_scratch):
    """Advance the network and its read-outs by one step."""
    counters, filters, dt = readout_state.counters, network.filters, network.dt
    transmit_readout(state, readout_state, readout, readout_scratch)
    advance_target(state.counters[STEP], readout_state, readout)
    step_network(state, network, scratch)
    count_clusters(state, readout_state, readout.cluster)
    spikes_S = spikes_H = 0
    if readout.learning:
        spikes_S = advance_supervisors(readout_state, readout, readout_scratch, filters, dt)
    if readout.interneurons:
        spikes_H = advance_interneurons(readout_state, readout, readout_scratch, filters, dt)
    counters[SPIKES_S], counters[SPIKES_H] = spikes_S, spikes_H
    counters[SPIKES_A] = advance_readout_neurons(
        readout_state, readout, readout_scratch, filters, dt
    )
    if readout.learning:
        learn(state, readout_state, readout.rule, dt)


@time_loop
def run_readout(
    steps,
    state,
    network,
    scratch,
    readout_state,
    readout,
    readout_scratch,
    recorded_step,
    recorded_neuron,
    readout_step,
    readout_channel,
):
    """Advance the network and its read-outs by ``steps``.

    The recordings are as in :func:`simcore.kernels.network.run_network`, one for the network and
    one for the read-out neurons.

    Returns
    -------
    tuple of int
        Numbers of recorded spikes of the network and of the read-out neurons.
    """
    count, readout_count = 0, 0
    for _ in range(steps):
        step_readout(state, network, scratch, readout_state, readout, readout_scratch)
        count = record(state, recorded_step, recorded_neuron, count)
        for n in range(readout_state.counters[SPIKES_A]):
            readout_step[readout_count] = state.counters[STEP]
            readout_channel[readout_count] = readout_state.spikes_A[n]
            readout_count += 1
    return count, readout_count
