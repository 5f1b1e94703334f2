"""Networks before training by recursive least squares, and damage done to them after.

Rows of synapses are postsynaptic: ``weight[s]`` for s from ``row_pointer[i]`` to
``row_pointer[i + 1]`` are the weights onto neuron i, from the neurons ``column[s]``.
"""

import numpy as np

from simcore.errors import NoResult
from simcore.kernels.least_squares import IncomingSynapses


def build(parameters, generator, groups=None):
    """Build a network before training.

    Parameters
    ----------
    parameters : simcore.rls_parameters.RLSNetwork
    generator : numpy.random.Generator
        The stream of the weights.
    groups : list of int arrays, optional
        As from :func:`groups_of`, for neurons that are not independent; default: drawn here.

    Returns
    -------
    simcore.kernels.least_squares.IncomingSynapses

    Raises
    ------
    NoResult
        If a neuron has no presynaptic neuron.
    """
    n = parameters.neurons
    sign = np.ones(n, np.int8)
    if parameters.initial == "balanced":
        sign[round(parameters.excitatory * n) :] = -1
        rows = _fixed_in_degree(parameters, generator)
    else:
        rows = _presynaptic(parameters, generator, groups)
    empty = [i for i, row in enumerate(rows) if not row.size]
    if empty:
        raise NoResult(
            f"With p {parameters.p:g} neuron {empty[0]} of {n} has no presynaptic neuron and can "
            "learn nothing: make network.p or network.neurons larger."
        )
    weights = _initial_weights(parameters, rows, sign, generator)
    return from_rows(rows, weights, sign)


def from_rows(rows, weights, sign):
    """Make synapses from the presynaptic neurons of each neuron.

    Parameters
    ----------
    rows : list of int arrays, ascending
    weights : list of float arrays
        Likewise.
    sign : int8 (neuron,)
        +1 or -1 of each presynaptic neuron.

    Returns
    -------
    simcore.kernels.least_squares.IncomingSynapses
    """
    counts = [row.size for row in rows]
    row_pointer = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    column = np.concatenate(rows).astype(np.uint32)
    weight = np.concatenate(weights).astype(np.float64)
    order = np.argsort(column, kind="stable")
    post = np.repeat(np.arange(len(rows)), counts)
    outgoing = np.bincount(column, minlength=len(rows))
    return IncomingSynapses(
        row_pointer,
        column,
        weight,
        np.concatenate(([0], np.cumsum(outgoing))).astype(np.int64),
        post[order].astype(np.uint32),
        order.astype(np.uint32),
        sign.astype(np.int8),
        np.zeros(weight.size, np.bool_),
    )


def groups_of(parameters, generator):
    """Draw the presynaptic neurons that the neurons of each group have in common.

    Parameters
    ----------
    parameters : simcore.rls_parameters.RLSNetwork
    generator : numpy.random.Generator

    Returns
    -------
    list of int arrays
        Ascending; of one group, all neurons, if all project to all.
    """
    n = parameters.neurons
    if parameters.presynaptic == "all":
        return [np.arange(n)]
    size = max(round(parameters.p * n), 1)
    return [np.sort(generator.choice(n, size, replace=False)) for _ in range(parameters.groups)]


def group_of_each(parameters):
    """Return the group of each neuron: neighbours share one.

    Parameters
    ----------
    parameters : simcore.rls_parameters.RLSNetwork

    Returns
    -------
    int32 (neuron,)
    """
    n = parameters.neurons
    return (np.arange(n) // (n // parameters.shared_sets)).astype(np.int32)


def _presynaptic(parameters, generator, groups):
    """The presynaptic neurons of each neuron, never itself."""
    n = parameters.neurons
    if parameters.presynaptic != "independent":
        groups = groups_of(parameters, generator) if groups is None else groups
        group = group_of_each(parameters)
        return [groups[group[i]][groups[group[i]] != i] for i in range(n)]
    rows = []
    for i in range(n):
        connected = generator.random(n) < parameters.p
        connected[i] = False
        rows.append(np.flatnonzero(connected))
    return rows


def _fixed_in_degree(parameters, generator):
    """p N_E excitatory and p N_I inhibitory presynaptic neurons for each (figure 4)."""
    n, p = parameters.neurons, parameters.p
    excitatory = round(parameters.excitatory * n)
    rows = []
    for i in range(n):
        parts = []
        for low, high in ((0, excitatory), (excitatory, n)):
            candidates = np.setdiff1d(np.arange(low, high), [i])
            size = min(round(p * (high - low)), candidates.size)
            parts.append(np.sort(generator.choice(candidates, size, replace=False)))
        rows.append(np.concatenate(parts))
    return rows


def _initial_weights(parameters, rows, sign, generator):
    if parameters.initial == "zero":
        return [np.zeros(row.size) for row in rows]
    scale = parameters.strength / np.sqrt(parameters.neurons * parameters.probability)
    if parameters.initial == "balanced":
        gain = np.where(sign > 0, 1.0, -parameters.inhibition)
        spread = parameters.weight_spread
        return [
            scale * gain[row] * np.abs(1 + spread * generator.standard_normal(row.size))
            for row in rows
        ]
    weights = [scale * generator.standard_normal(row.size) for row in rows]
    if parameters.zero_sum:
        weights = [weight - weight.mean() for weight in weights]
    return weights


def delete_synapses(synapses, part, generator):
    """Delete a part of the synapses, chosen at random.

    Parameters
    ----------
    synapses : simcore.kernels.least_squares.IncomingSynapses
    part : float
        0 to 1.
    generator : numpy.random.Generator

    Returns
    -------
    simcore.kernels.least_squares.IncomingSynapses
        A copy in which they have weight zero.
    """
    weight = synapses.weight.copy()
    weight[generator.choice(weight.size, round(part * weight.size), replace=False)] = 0.0
    return synapses._replace(weight=weight)


def noisy_weights(synapses, sd, generator):
    """Multiply each weight by 1 + sd times a standard normal number.

    Parameters
    ----------
    synapses : simcore.kernels.least_squares.IncomingSynapses
    sd : float
        Relative.
    generator : numpy.random.Generator

    Returns
    -------
    simcore.kernels.least_squares.IncomingSynapses
        A copy; signs may turn.
    """
    noise = 1 + sd * generator.standard_normal(synapses.weight.size)
    return synapses._replace(weight=synapses.weight * noise)


def chosen_neurons(neurons, part, generator):
    """Choose a part of the neurons at random.

    Parameters
    ----------
    neurons : int
    part : float
        0 to 1; their number is rounded.
    generator : numpy.random.Generator

    Returns
    -------
    bool (neuron,)
    """
    chosen = np.zeros(neurons, np.bool_)
    chosen[generator.choice(neurons, round(part * neurons), replace=False)] = True
    return chosen


def shuffled(synapses, neurons, part, generator):
    """Let a part of the weights among the first neurons change places.

    Parameters
    ----------
    synapses : simcore.kernels.least_squares.IncomingSynapses
    neurons : int
        How many are the first ones.
    part : float
        0 to 1, of the synapses among them.
    generator : numpy.random.Generator

    Returns
    -------
    simcore.kernels.least_squares.IncomingSynapses
        A copy.

    Source: the paper's figure 5 (connections among the cortical neurons).
    """
    post = np.repeat(np.arange(len(synapses.row_pointer) - 1), np.diff(synapses.row_pointer))
    among = np.flatnonzero((post < neurons) & (synapses.column < neurons))
    chosen = generator.choice(among, round(part * among.size), replace=False)
    weight = synapses.weight.copy()
    weight[chosen] = weight[generator.permutation(chosen)]
    return synapses._replace(weight=weight)
