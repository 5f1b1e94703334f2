"""Transmission along sparse synapses (specification, section 2)."""

from typing import NamedTuple

import numpy as np

from simcore.kernels.compilation import kernel


class Synapses(NamedTuple):
    """Synapses from one population to another, row by row of presynaptic neurons.

    Attributes
    ----------
    row_pointer : int64 (pre + 1,)
        The synapses of presynaptic neuron j are ``row_pointer[j]`` to ``row_pointer[j + 1]``.
    column : uint32 (synapses,)
        Postsynaptic neuron; unsigned, so that indexing need not look out for negative numbers.
    weight : float (synapses,), pF
    """

    row_pointer: np.ndarray
    column: np.ndarray
    weight: np.ndarray


@kernel
def outgoing(synapses, j):
    """Where the synapses of presynaptic neuron j stand.

    Loops run over such a part from its beginning: numba would ask of any other index whether it is
    negative, and the loop would not become vector instructions.
    """
    return slice(synapses.row_pointer[j], synapses.row_pointer[j + 1])


@kernel
def transmit(synapses, spikes, count, received):
    """Add the weights of the first ``count`` presynaptic ``spikes`` to ``received`` (post,), pF."""
    for spike in range(count):
        row = outgoing(synapses, spikes[spike])
        column, weight = synapses.column[row], synapses.weight[row]
        for s in range(column.size):
            received[column[s]] += weight[s]
