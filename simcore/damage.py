"""What a trained clock has lost when it is replayed: synapses, neurons, clusters, weights' places.

Each kind of loss draws from a stream of its own; a larger loss of one seed contains a smaller one.
"""

from dataclasses import replace

import numpy as np

from simcore.streams import stream


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


def shuffled(weight, part, generator):
    """Return weights of which a part, chosen at random, have changed places among themselves.

    Parameters
    ----------
    weight : float (synapse,), pF
    part : float
    generator : numpy.random.Generator

    Returns
    -------
    float (synapse,), pF
        The same weights.
    """
    weight = weight.copy()
    moved = np.flatnonzero(generator.random(weight.size) < part)
    weight[moved] = weight[generator.permutation(moved)]
    return weight


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
