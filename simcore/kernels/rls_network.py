"""One time step of a network trained by recursive least squares (specification, section 1.4)."""

from typing import NamedTuple

import numpy as np

from simcore.kernels.compilation import kernel, time_loop
from simcore.kernels.least_squares import (
    IZHIKEVICH,
    LEAKY,
    RATE_UNIT,
    THETA,
    first_broken,
    update_in_parallel,
    update_part,
)
from simcore.kernels.rls_neurons import (
    advance_izhikevich,
    advance_leaky,
    advance_rate_units,
    advance_theta,
)


class Network(NamedTuple):
    """Parameters of the neurons and their synapses; time in units of 10 ms.

    Attributes
    ----------
    neuron : int
        THETA, LEAKY, IZHIKEVICH or RATE_UNIT.
    dt : float
    decay : float
        c: what remains of r after a step.
    jump : float
        b: what a spike adds to r.
    constant_input : float64 (n,)
    current_scale : float
        Izhikevich: current per unit of input.
    kind : float64 (4, n)
        Izhikevich: a, b, c, d of each neuron.
    stale : bool
        Whether the step after an update still integrates with the drive of the old weights.
    """

    neuron: int
    dt: float
    decay: float
    jump: float
    constant_input: np.ndarray
    current_scale: float
    kind: np.ndarray
    stale: bool


class State(NamedTuple):
    """Everything that changes while the network runs, weights and P apart; arrays (n,).

    Attributes
    ----------
    v : phase, potential or x
    recovery : w of Izhikevich neurons
    r : filtered spikes
    u : synaptic drive W r
    held : the drive with which the next step integrates
    silenced : bool, neurons that never fire
    """

    v: np.ndarray
    recovery: np.ndarray
    r: np.ndarray
    u: np.ndarray
    held: np.ndarray
    silenced: np.ndarray


class Scratch(NamedTuple):
    """Room for a step's intermediate values."""

    current: np.ndarray
    fired: np.ndarray


@kernel
def advance_neurons(network, state, external, scratch):
    """Advance the neurons by one step under drive, constant and external input."""
    current, fired = scratch.current, scratch.fired
    for i in range(current.size):
        current[i] = state.held[i] + network.constant_input[i] + external[i]
    if network.neuron == THETA:
        advance_theta(state.v, current, network.dt, fired)
    elif network.neuron == LEAKY:
        advance_leaky(state.v, current, network.dt, fired)
    elif network.neuron == IZHIKEVICH:
        for i in range(current.size):
            current[i] *= network.current_scale
        advance_izhikevich(state.v, state.recovery, network.kind, current, network.dt, fired)
    else:
        advance_rate_units(state.v, current, network.dt, state.r)
        for i in range(current.size):
            if state.silenced[i]:
                state.r[i] = 0.0


@kernel
def drive_of(synapses, r, u):
    """u = W r, from scratch."""
    for i in range(u.size):
        total = 0.0
        for s in range(synapses.row_pointer[i], synapses.row_pointer[i + 1]):
            total += synapses.weight[s] * r[synapses.column[s]]
        u[i] = total


@kernel
def decay(r, u, c):
    """What remains of r and u after a step."""
    for i in range(r.size):
        r[i] *= c
        u[i] *= c


@kernel
def hold(state):
    """Let the next step integrate with the present drive."""
    for i in range(state.u.size):
        state.held[i] = state.u[i]


@kernel
def transmit_spike(j, synapses, jump, u):
    """A spike of neuron j: u_i += jump w_ij."""
    for s in range(synapses.outgoing_pointer[j], synapses.outgoing_pointer[j + 1]):
        u[synapses.outgoing_post[s]] += jump * synapses.weight[synapses.outgoing_place[s]]


@kernel
def collect_spikes(state, scratch, spikes):
    """List the neurons that have fired; returns their number."""
    count = 0
    for i in range(scratch.fired.size):
        if scratch.fired[i] and not state.silenced[i]:
            spikes[count] = i
            count += 1
    return count


@kernel
def step(network, synapses, state, external, scratch, spikes):
    """Steps 1 to 5 of section 1.4; returns the number of spikes, listed in ``spikes``.

    The drive follows u <- c u + b sum of the columns of the spikes, which is W r but for rounding
    that decays like u itself.
    """
    advance_neurons(network, state, external, scratch)
    count = 0
    if network.neuron == RATE_UNIT:
        drive_of(synapses, state.r, state.u)
    else:
        count = collect_spikes(state, scratch, spikes)
        decay(state.r, state.u, network.decay)
        for n in range(count):
            state.r[spikes[n]] += network.jump
            transmit_spike(spikes[n], synapses, network.jump, state.u)
    hold(state)
    return count


@kernel
def learns(position, every):
    """Whether the step at this position (1, 2, ... since the window began) is a learning step."""
    return every > 0 and position > 1 and position % every == 0


@time_loop
def run_rls(
    steps,
    position,
    network,
    synapses,
    state,
    external,
    every,
    target,
    inverse,
    rule,
    work,
    scratch,
    recorded_drive,
    spike_step,
    spike_neuron,
):
    """Advance the network by some steps of one part of a trial.

    Parameters
    ----------
    steps : int
    position : int
        Steps of this part that were done before.
    network, state : Network, State
    synapses : simcore.kernels.least_squares.IncomingSynapses
    external : float64 (rows, n)
        External input: row ``position`` and those after, round and round; one row is constant.
    every : int
        Steps between two updates; 0: no learning.
    target : float64 (steps of the part, n)
        Row s is what neurons are to follow after step s + 1.
    inverse, rule, work
        Of simcore.kernels.least_squares.
    scratch : Scratch
    recorded_drive : float64 (steps or 0, n)
        Receives the drive after each step.
    spike_step, spike_neuron : int64, int32 (steps n,)
        Receive the spikes; steps count from 1 at the beginning of the part.

    Returns
    -------
    count : int
        Number of recorded spikes.
    broken : int
        The first neuron or group whose P is no longer positive definite, or -1.
    """
    count = 0
    threads = work.q.shape[0]
    for n in range(steps):
        row = external[(position + n) % external.shape[0]]
        fired = step(network, synapses, state, row, scratch, spike_neuron[count:])
        for _ in range(fired):
            spike_step[count] = position + n + 1
            count += 1
        if learns(position + n + 1, every):
            goal = target[position + n]
            if threads > 1:
                update_in_parallel(synapses, inverse, rule, work, state.r, state.u, goal)
            else:
                update_part(0, 1, synapses, inverse, rule, work, state.r, state.u, goal)
            broken = first_broken(work)
            if broken >= 0:
                return count, broken
            if not network.stale:
                hold(state)
        if recorded_drive.shape[0] > 0:
            recorded_drive[n, :] = state.u
    return count, -1
