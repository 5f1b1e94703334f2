"""Transmission along sparse synapses stored by presynaptic neuron (specification, section 2)."""

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
    weight : float64 (synapses,), pF
    """

    row_pointer: np.ndarray
    column: np.ndarray
    weight: np.ndarray


@kernel
def transmit(synapses, spikes, count, received):
    """Add the weights of the first ``count`` presynaptic ``spikes`` to ``received`` (post,), pF."""
    column, weight = synapses.column, synapses.weight
    for spike in range(count):
        j = spikes[spike]
        for s in range(synapses.row_pointer[j], synapses.row_pointer[j + 1]):
            received[column[s]] += weight[s]
