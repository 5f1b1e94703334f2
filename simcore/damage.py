"""What a trained clock has lost when it is replayed: synapses, neurons, clusters, weights' places.

Each kind of loss draws from a stream of its own; a larger loss of one seed contains a smaller one.
"""

from dataclasses import replace

import numpy as np

from simcore.streams import stream

# Steps of a refractory period that outlasts every run: of neurons that do not fire.
FOR_EVER = np.iinfo(np.int32).max


def connectivity(network, damage, seed):
    """Return the network with its E to E synapses damaged and its I to E weights out of place.

    Parameters
    ----------
    network : simcore.connectivity.Connectivity
    damage : simcore.parameters.Damage
    seed : int

    Returns
    -------
    simcore.connectivity.Connectivity
        Deleted synapses have the weight zero.
    """
    e_to_e = network.e_to_e
    weight = noisy(e_to_e.weight, damage.recurrent_noise, stream(seed, "damage: recurrent noise"))
    lost = stream(seed, "damage: recurrent synapses").random(weight.size)
    weight[lost < damage.recurrent_synapses] = 0.0
    pre = np.repeat(network.cluster, np.diff(e_to_e.row_pointer))
    links = np.flatnonzero((pre + 1) % network.clusters == network.cluster[e_to_e.column])
    weight[stream(seed, "damage: links").permutation(links)[: damage.links]] = 0.0
    inhibition = shuffled(
        network.i_to_e.weight, damage.shuffled_inhibition, stream(seed, "damage: inhibition")
    )
    inhibition = shuffled(
        inhibition,
        damage.shuffled_inhibition_onto_each,
        stream(seed, "damage: inhibition onto each"),
        network.i_to_e.column,
    )
    return replace(
        network,
        e_to_e=e_to_e._replace(weight=weight),
        i_to_e=network.i_to_e._replace(weight=inhibition),
    )


def silenced(cluster, damage, seed):
    """Choose the E neurons that do not fire.

    Parameters
    ----------
    cluster : int (neurons_e,)
        Cluster of each E neuron.
    damage : simcore.parameters.Damage
    seed : int

    Returns
    -------
    bool (neurons_e,)
    """
    alone = stream(seed, "damage: neurons").random(cluster.size) < damage.neurons
    others = stream(seed, "damage: clusters").permutation(np.arange(1, cluster.max() + 1))
    return alone | np.isin(cluster, others[: damage.clusters])


def readout_weight(weight, damage, seed):
    """Return the weights onto read-outs with synapses lost or noisy.

    Parameters
    ----------
    weight : float (channel, neurons_e), pF
    damage : simcore.parameters.Damage
    seed : int

    Returns
    -------
    float (channel, neurons_e), pF
    """
    weight = noisy(weight, damage.readout_noise, stream(seed, "damage: readout noise"))
    lost = stream(seed, "damage: readout synapses").random(weight.shape)
    weight[lost < damage.readout_synapses] = 0.0
    return weight


def shuffled(weight, part, generator, group=None):
    """Return weights of which a part, chosen at random, have changed places among themselves.

    Parameters
    ----------
    weight : float (synapse,), pF
    part : float
    generator : numpy.random.Generator
    group : int (synapse,), optional
        Only places of one group are exchanged; default: any.

    Returns
    -------
    float (synapse,), pF
        The same weights.
    """
    weight = weight.copy()
    moved = np.flatnonzero(generator.random(weight.size) < part)
    from_where = generator.permutation(moved)
    if group is not None:
        moved, from_where = (
            one[np.argsort(group[one], kind="stable")] for one in (moved, from_where)
        )
    weight[moved] = weight[from_where]
    return weight


def happen(damage, network, seed, state, readout_state=None, weight=None):
    """Do the damage to a running clock, and to its read-outs if there are any, in place.

    Done again it changes nothing more.

    Parameters
    ----------
    damage : simcore.parameters.Damage
    network : simcore.connectivity.Connectivity
        The whole one.
    seed : int
    state : simcore.kernels.network.State
    readout_state : simcore.kernels.readout.ReadoutState, optional
    weight : float (channel, neurons_e), pF
        The whole weights onto read-outs.
    """
    lost = connectivity(network, damage, seed)
    state.e_to_e.weight[...] = lost.e_to_e.weight
    state.i_to_e.weight[...] = lost.i_to_e.weight
    state.e.refractory[silenced(network.cluster, damage, seed)] = FOR_EVER
    if readout_state is not None:
        readout_state.weight[...] = readout_weight(weight, damage, seed)


def noisy(weight, sd, generator):
    """Return weights times 1 + sd times a standard normal number, at least zero.

    Parameters
    ----------
    weight : float array, any shape
    sd : float
        Relative.
    generator : numpy.random.Generator

    Returns
    -------
    float array of that shape, in the unit of `weight`
    """
    return np.maximum(weight * (1 + sd * generator.standard_normal(weight.shape)), 0.0)
