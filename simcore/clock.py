"""The clock network in motion: its state, its time loop, its recording."""

import numpy as np

from simcore.connectivity import Connectivity, by_postsynaptic
from simcore.errors import BlewUp
from simcore.kernels import network as kernel
from simcore.kernels.neurons import TINY
from simcore.kernels.plasticity import Incoming, VoltageRule
from simcore.kernels.random import poisson_thresholds
from simcore.kernels.synapses import Synapses
from simcore.numerics import steps_of
from simcore.streams import neuron_streams, stream

# Simulated time between two looks at the outside: progress, checkpoints, numbers that blow up.
CHUNK_MS = 100.0

# No membrane comes near this potential unless the time step is too long for its conductances.
IMPOSSIBLE_MV = 1000.0


def initial_state(connectivity, parameters, seed, name, *, plastic=False, precision=None):
    """Return the state before the first step (specification, end of section 1).

    Parameters
    ----------
    connectivity : Connectivity
        Its weights are copied.
    parameters : simcore.parameters.Clock
    seed : int
    name : str
        Of the run: its initial potentials and external input are streams of their own.
    plastic : bool
        Whether the weights may ever change: then those of E to E are kept in ``rule.base``, by
        postsynaptic neuron, and ``e_to_e.weight`` is empty. See :func:`settled_weights`.
    precision : {"32-bit", "64-bit"}, optional
        Of all real variables; default: that of the parameters.

    Returns
    -------
    kernel.State
    """
    real = REALS[precision or parameters.precision]
    n_e, n_i = connectivity.neurons_e, connectivity.neurons_i
    generator = stream(seed, f"{name}: initial state")
    e = kernel.Excitatory(
        V=generator.uniform(-60.0, -52.0, n_e).astype(real),
        V_T=np.full(n_e, parameters.neuron_e.V_T0, real),
        w=np.zeros(n_e, real),
        u=np.full(n_e, -60.0, real),
        v=np.full(n_e, -60.0, real),
        **silent_filters(n_e, real),
        Y=np.zeros(n_e, real),
        refractory=np.zeros(n_e, np.int32),
        random=neuron_streams(seed, f"{name}: external input to E", n_e),
    )
    i = kernel.Inhibitory(
        V=generator.uniform(-60.0, -52.0, n_i).astype(real),
        **silent_filters(n_i, real),
        Y=np.zeros(n_i, real),
        refractory=np.zeros(n_i, np.int32),
        random=neuron_streams(seed, f"{name}: external input to I", n_i),
    )
    e_to_e, *others = _synapses(connectivity, real)
    rule = _voltage_rule_state(e_to_e, n_e, plastic)
    if plastic:
        e_to_e = e_to_e._replace(weight=np.zeros(0, real))
    spikes = np.zeros(n_e, np.int32), np.zeros(n_i, np.int32)
    return kernel.State(e, i, e_to_e, *others, rule, *spikes, np.zeros(4, np.int64))


GROUPS = ("e_to_e", "e_to_i", "i_to_e", "i_to_i")
REALS = {"32-bit": np.float32, "64-bit": np.float64}


def silent_filters(neurons, real):
    """Return the synaptic filters of neurons that have received nothing yet."""
    names = ("x_rise_E", "x_decay_E", "x_rise_I", "x_decay_I")
    return {name: np.zeros(neurons, real) for name in names}


def _voltage_rule_state(e_to_e, n_e, plastic):
    """Nothing learned yet; normalization keeps the present sums of incoming weights."""
    real = e_to_e.weight.dtype
    reference = np.bincount(e_to_e.column, e_to_e.weight, minlength=n_e)
    base = e_to_e.weight[by_postsynaptic(e_to_e, n_e).position] if plastic else np.zeros(0, real)
    return VoltageRule(np.zeros(n_e, real), np.zeros(n_e, real), base, reference.astype(real))


NOT_NEEDED = Incoming(np.zeros(0, np.int64), *(np.zeros(0, np.uint32) for _ in range(3)))


def kernel_parameters(state, parameters, dt, *, plastic=False, traces=None, stimulation_order=None):
    """Return the kernel's parameters for a run.

    Parameters
    ----------
    state : kernel.State
    parameters : simcore.parameters.Clock
    dt : float, ms
    plastic : bool
        Whether weights change.
    traces : bool, optional
        Whether the traces of plasticity are kept up although nothing is plastic; default: as
        ``plastic``. They cost time and are needed only if plasticity follows.
    stimulation_order : sequence of int, optional
        Clusters to stimulate in turn, again and again; default: no stimulation.

    Returns
    -------
    kernel.Network
    """
    if plastic and not state.rule.base.size:
        raise ValueError("a state whose weights are to change is made with plastic=True")
    if not plastic and state.rule.G.any():
        raise ValueError("this state is about to learn: go on with its settled_connectivity()")
    neurons_e = state.e.V.size
    order = np.array([] if stimulation_order is None else stimulation_order, dtype=np.int64)
    return kernel.Network(
        dt=dt,
        neuron_E=neuron(parameters.neuron_e, dt),
        neuron_I=neuron(parameters.neuron_i, dt),
        filters=kernel.Filters(**parameters.filters.model_dump()),
        external=_external(parameters, dt),
        stimulation=kernel.Stimulation(
            on_steps=steps_of(parameters.stimulation.on, dt),
            period_steps=steps_of(parameters.stimulation.on + parameters.stimulation.gap, dt),
            cluster_size=parameters.cluster_size,
            order=order,
        ),
        plasticity=_plasticity(parameters, dt, plastic, plastic if traces is None else traces),
        threshold_adds=parameters.threshold_after_spike == "add",
        e_to_e=by_postsynaptic(state.e_to_e, neurons_e) if state.rule.base.size else NOT_NEEDED,
        i_to_e=by_postsynaptic(state.i_to_e, neurons_e) if plastic else NOT_NEEDED,
    )


def stimulation_order(parameters, dt, duration, clusters, generator):
    """Return the clusters to stimulate in turn during an embedding.

    Parameters
    ----------
    parameters : simcore.parameters.Clock
    dt, duration : float, ms
    clusters : int
    generator : numpy.random.Generator
        For the random order: a cluster is drawn anew for each stimulation.
    """
    if parameters.stimulation.order == "sequential":
        return np.arange(clusters)
    period = steps_of(parameters.stimulation.on + parameters.stimulation.gap, dt)
    return generator.integers(clusters, size=steps_of(duration, dt) // period + 1)


def neuron(parameters, dt):
    """Return the kernel's parameters of a neuron; those that an I neuron lacks do nothing."""
    given = parameters.model_dump()
    absent = {"D_T": 1.0, "V_T0": 0.0, "A_T": 0.0, "tau_T": 1.0, "b": 0.0, "tau_w": 1.0}
    steps = max(steps_of(given.pop("tau_ref"), dt), 1)
    return kernel.Neuron(**(absent | given), refractory_steps=steps)


def _external(parameters, dt):
    external, stimulation = parameters.external, parameters.stimulation
    inhibitory = stimulation.unstimulated == "inhibitory"
    weight = stimulation.unstimulated_weight
    return kernel.External(
        weight_E=external.weight_e,
        weight_I=external.weight_i,
        weight_unstimulated=weight if inhibitory else -weight,
        unstimulated_inhibitory=inhibitory,
        thresholds_E=poisson_thresholds(external.rate_e * dt),
        thresholds_I=poisson_thresholds(external.rate_i * dt),
        thresholds_stimulated=poisson_thresholds((external.rate_e + stimulation.rate) * dt),
    )


def _plasticity(parameters, dt, active, traces):
    e, i = parameters.voltage_rule, parameters.inhibitory_rule
    window_steps = max(steps_of(e.normalization, dt), 1)
    k = np.arange(window_steps + 1)
    return kernel.Plasticity(
        active=active,
        traces=traces,
        A_depression=e.A_depression,
        A_potentiation=e.A_potentiation,
        V_theta=e.V_theta,
        E_L=e.E_L,
        tau_u=e.tau_u,
        tau_v=e.tau_v,
        decay_x=(1.0 - dt / e.tau_x) ** k,
        w_E_min=e.w_min,
        w_E_max=e.w_max,
        window_steps=window_steps,
        eta=i.eta,
        decay_y=(1.0 - dt / i.tau_y) ** k,
        offset=2.0 * i.r_0 * i.tau_y,
        w_I_min=i.w_min,
        w_I_max=i.w_max,
    )


def scratch(state):
    """Return room for the intermediate values of a step."""
    e, i = state.e.V, state.i.V
    received = (np.full_like(V, TINY) for V in (e, e, i, i))
    return kernel.Scratch(*received, np.zeros(e.size, np.int32), np.zeros(i.size, np.int32))


def spike_room(neurons, steps, refractory_steps):
    """Return room for the most spikes that can occur.

    Parameters
    ----------
    neurons, steps : int
    refractory_steps : int
        After each spike of a neuron.

    Returns
    -------
    step : int64 (spike,)
    neuron : int32 (spike,)
    """
    most = neurons * (steps // (refractory_steps + 1) + 1)
    return np.zeros(most, np.int64), np.zeros(most, np.int32)


def room_of_network(state, network):
    """Return :func:`spike_room` for a chunk of the network's spikes."""
    refractory = min(network.neuron_E.refractory_steps, network.neuron_I.refractory_steps)
    neurons = state.e.V.size + state.i.V.size
    return spike_room(neurons, steps_of(CHUNK_MS, network.dt), refractory)


def driver(connectivity, precision):
    """Return the synapses of a network that drives another one's plasticity.

    Parameters
    ----------
    connectivity : simcore.connectivity.Connectivity
        Of as many neurons.
    precision : {"32-bit", "64-bit"}

    Returns
    -------
    kernel.Driver
    """
    return kernel.Driver(*_synapses(connectivity, REALS[precision]))


def _synapses(connectivity, real):
    """Copies of the groups of synapses, with weights of that type."""
    groups = (getattr(connectivity, name) for name in GROUPS)
    return [
        Synapses(group.row_pointer, group.column, group.weight.astype(real)) for group in groups
    ]


def run(state, network, duration, *, driver=None, record=None, tick=None):
    """Run the network until ``duration`` has passed since its step counter was zero.

    Parameters
    ----------
    state : kernel.State
        Changed in place. Splitting a run anywhere changes nothing.
    network : kernel.Network
    duration : float, ms
    driver : kernel.Driver, optional
        The spikes travel through its synapses; those of the state learn from them, no more.
    record : callable, optional
        Called with (time in ms, neuron) of the spikes of each chunk, I neurons behind E.
    tick : callable, optional
        Called with the simulated ms after each chunk; may raise to end the run.

    Raises
    ------
    UserError
        If a variable is no longer finite: which one, of which neuron, when.
    """
    step, neuron_index = room_of_network(state, network)
    room = scratch(state)
    for steps in chunks(state, network.dt, duration, tick):
        if driver is None:
            count = kernel.run_network(steps, state, network, room, step, neuron_index)
        else:
            count = kernel.run_driven(steps, state, network, driver, room, step, neuron_index)
        if record is not None:
            record(step[:count] * network.dt, neuron_index[:count].copy())


def chunks(state, dt, duration, tick=None, more=()):
    """Yield how many steps to run next until ``duration`` has passed; look after each chunk.

    Chunks end at multiples of :data:`CHUNK_MS`, wherever a run begins.

    Parameters
    ----------
    state : kernel.State
        Its step counter says how far the run is.
    dt, duration : float, ms
    tick : callable, optional
        As in :func:`run`.
    more : sequence of states
        To be sound, too.

    Raises
    ------
    BlewUp
        Of :func:`check_sound`.
    """
    counters = state.counters
    total, chunk = steps_of(duration, dt), steps_of(CHUNK_MS, dt)
    while (done := counters[kernel.STEP]) < total:
        yield min(chunk - done % chunk, total - done)
        now = counters[kernel.STEP]
        for part in (state, *more):
            check_sound(part, now * dt, weights=now == total)
        if tick is not None:
            tick(now * dt)


def check_sound(state, time, *, weights=False):
    """Refuse a state of which a variable has blown up.

    Parameters
    ----------
    state : simcore.kernels.network.State or simcore.kernels.readout.ReadoutState
    time : float, ms
        For the message.
    weights : bool
        Whether to look at all synapses, too. They take much longer, and one that has blown up is
        soon felt by its neuron.

    Raises
    ------
    BlewUp
        A number is not finite, or a potential impossible: which, of which neuron or synapse.
    """
    for name, values in flatten(state).items():
        of_synapses = name.endswith(("weight", "base"))
        if values.dtype.kind != "f" or (of_synapses and not weights):
            continue
        sound = np.isfinite(values)
        if name.endswith(".V"):
            sound &= np.abs(values) < IMPOSSIBLE_MV
        if not sound.all():
            where = np.argwhere(~sound)[0]
            kind = "synapse" if of_synapses else "neuron"
            raise BlewUp(
                f"{name} of {kind} {', '.join(map(str, where))} was {values[tuple(where)]:g} after "
                f"{time:g} ms of this run: a parameter or weight is too extreme for the time step; "
                "mend it, or make dt smaller."
            )


def settled_weights(state, network):
    """Return the state's E to E weights, with nothing pending.

    w_ij = base_ij + X_j G_i, clipped where G has changed it (simcore.kernels.plasticity).

    Parameters
    ----------
    state : simcore.kernels.network.State
    network : simcore.kernels.network.Network

    Returns
    -------
    float (synapses,), pF
        By presynaptic neuron, in the precision of the state.

    Source: specification, section 3.
    """
    rule, synapses = state.rule, state.e_to_e
    if not rule.base.size:
        return synapses.weight.copy()
    pre = np.repeat(np.arange(rule.X.size), np.diff(synapses.row_pointer))
    gain = rule.X[pre] * rule.G[synapses.column]
    weight = rule.base[network.e_to_e.place] + gain
    limits = network.plasticity.w_E_min, network.plasticity.w_E_max
    return np.where(gain > 0, np.clip(weight, *limits), weight).astype(rule.base.dtype)


def settled_connectivity(state, network, cluster):
    """Return the network as it is now, for runs without plasticity."""
    e_to_e = Synapses(*state.e_to_e[:2], settled_weights(state, network))
    return Connectivity(e_to_e, *(getattr(state, group) for group in GROUPS[1:]), cluster)


def flatten(state, prefix=""):
    """Return all arrays of a state under dotted names."""
    arrays = {}
    for name, value in zip(state._fields, state, strict=True):
        if isinstance(value, tuple):
            arrays |= flatten(value, f"{prefix}{name}.")
        else:
            arrays[prefix + name] = value
    return arrays


def restore(state, arrays):
    """Fill a state of the same network with saved arrays, in place."""
    for name, values in flatten(state).items():
        values[...] = arrays[name]
