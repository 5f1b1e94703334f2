"""Read-outs of the clock: learning a target and replaying it."""

import numpy as np

from simcore import clock
from simcore.kernels import readout as kernel
from simcore.kernels.neurons import TINY
from simcore.kernels.random import poisson_thresholds
from simcore.numerics import WINDOW, steps_of
from simcore.streams import neuron_streams, stream


def initial_state(state, clusters, channels, parameters, dt, seed, name):
    """Return the state of the read-outs before the first step, all learned weights zero.

    Parameters
    ----------
    state : simcore.kernels.network.State
        Of the network that they read: of the same precision.
    clusters, channels : int
    parameters : simcore.parameters.Readout
    dt : float, ms
    seed : int
    name : str
        Of the run: its initial potentials and external input are streams of their own.

    Returns
    -------
    kernel.ReadoutState
    """
    neurons_e, real = state.e.V.size, state.e.V.dtype
    generator = stream(seed, f"{name}: initial state of read-outs")
    potentials = generator.uniform(-60.0, -52.0, (3, channels)).astype(real)

    def filled(value):
        return np.full(channels, value, real)

    def common(kind, potential):
        return {
            "V": potential.copy(),
            **clock.silent_filters(channels, real),
            "refractory": np.zeros(channels, np.int32),
            "random": neuron_streams(seed, f"{name}: external input to {kind}", channels),
        }

    a = kernel.ReadoutNeurons(
        **common("read-outs", potentials[0]),
        V_T=filled(parameters.neuron.V_T0),
        w=filled(0),
        u=filled(-60),
        v=filled(-60),
    )
    s = kernel.Supervisors(
        **common("supervisors", potentials[1]), V_T=filled(parameters.neuron.V_T0), w=filled(0)
    )
    h = kernel.Interneurons(**common("interneurons", potentials[2]))
    return kernel.ReadoutState(
        a,
        s,
        h,
        weight=np.zeros((channels, neurons_e), real),
        x=np.zeros(neurons_e, real),
        recent=np.zeros((steps_of(WINDOW, dt), clusters), np.int32),
        active=np.zeros(clusters, np.int32),
        spikes_A=np.zeros(channels, np.int32),
        spikes_S=np.zeros(channels, np.int32),
        spikes_H=np.zeros(channels, np.int32),
        counters=np.array([-1, 0, 0, 0, 0, 0], np.int64),
    )


def kernel_parameters(parameters, replay, dt, cluster, target_rate, *, learning, inhibited=None):
    """Return the kernel's parameters of the read-outs for a run.

    Parameters
    ----------
    parameters : simcore.parameters.Readout
    replay : simcore.parameters.Replay
    dt : float, ms
    cluster : int32 (neurons_e,)
    target_rate : float64 (patterns, time, channel), kHz
        Rate of each supervisor in each step of the target.
    learning : bool
        Whether supervisors are there and weights change; else this is a replay.
    inhibited : bool (channel,), optional
        Whose read-out neurons get the inhibitory input of a replay; default: none.

    Returns
    -------
    kernel.Readout
    """
    inhibited_events = np.zeros(target_rate.shape[2])
    if inhibited is not None:
        inhibited_events[inhibited] = replay.inhibition_rate * dt
    baseline = parameters.baseline_rate * dt
    target_events = np.ascontiguousarray(target_rate * dt)
    return kernel.Readout(
        neuron=clock.neuron(parameters.neuron, dt),
        interneuron=clock.neuron(parameters.interneuron, dt),
        rule=kernel.ReadoutRule(**parameters.rule.model_dump()),
        threshold_adds=parameters.threshold_after_spike == "add",
        learning=learning,
        interneurons=learning or replay.interneurons == "connected",
        weight_S_A=parameters.supervisor_to_readout,
        weight_H_A=parameters.interneuron_to_readout,
        weight_A_H=parameters.readout_to_interneuron,
        weight_external=parameters.external_weight,
        weight_inhibition=replay.inhibition_weight,
        baseline_events=baseline,
        baseline_none=np.exp(-baseline),
        baseline_thresholds=poisson_thresholds(baseline),
        target_events=target_events,
        target_none=np.exp(-target_events),
        alternation_steps=steps_of(parameters.alternation, dt),
        burn_in_steps=steps_of(parameters.burn_in, dt),
        inhibited_events=inhibited_events,
        inhibited_none=np.exp(-inhibited_events),
        cluster=cluster,
    )


def run(
    state, network, readout_state, readout, duration, *, record=None, record_readout=None, tick=None
):
    """Run network and read-outs until ``duration`` (ms) has passed since step zero.

    As :func:`simcore.clock.run`; ``record_readout`` is called with (time in ms, channel) of the
    read-out neurons' spikes.
    """
    dt = network.dt
    spikes = clock.room_of_network(state, network)
    readout_spikes = clock.spike_room(
        readout_state.a.V.size, steps_of(clock.CHUNK_MS, dt), readout.neuron.refractory_steps
    )
    room, readout_room = clock.scratch(state), scratch(readout_state)
    for steps in clock.chunks(state, dt, duration, tick, more=[readout_state]):
        count, readout_count = kernel.run_readout(
            steps,
            state,
            network,
            room,
            readout_state,
            readout,
            readout_room,
            *spikes,
            *readout_spikes,
        )
        if record is not None:
            record(spikes[0][:count] * dt, spikes[1][:count].copy())
        if record_readout is not None:
            record_readout(
                readout_spikes[0][:readout_count] * dt, readout_spikes[1][:readout_count].copy()
            )


def scratch(readout_state):
    """Return room for the intermediate values of a step."""
    V = readout_state.a.V
    received = (np.full_like(V, TINY) for _ in range(5))
    return kernel.ReadoutScratch(*received, np.zeros(V.size, np.int32))


def has_levelled_off(correlations, tolerance, blocks=3):
    """Whether the best correlation has risen by less than a tolerance over the last tests.

    Parameters
    ----------
    correlations : sequence of float
        Of each test, in order; not-a-number where a test saw no pass.
    tolerance : float
    blocks : int
        How many tests count as the last ones.
    """
    if len(correlations) <= blocks or np.isnan(correlations[:-blocks]).all():
        return False
    before, now = np.nanmax(correlations[:-blocks]), np.nanmax(correlations)
    return bool(now - before < tolerance)
