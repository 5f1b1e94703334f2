"""Plasticity of the recurrent network (specification, section 3).

The voltage rule potentiates every synapse in every step in which its postsynaptic neuron is
depolarized. Here a weight is touched only when its presynaptic neuron fires and at each
normalization. Within a *window*, the steps between two normalizations, with k = 1, 2, ... its
steps and q = 1 - dt/tau_x:

    x_j(k)  = X_j q^k                                       X_j changes only when j fires
    G_i(k)  = sum of dt A q^k [V_i - V_theta]+ [v_i - E_L]+  one running sum per neuron
    w_ij(k) = base_ij + X_j G_i(k)

Only the base is stored. When j fires it takes up what the old X_j has brought and gives up, in
advance, what the new X_j would bring too much. Potentiation only grows a weight, so clipping once
after the sum equals clipping in each step.

A spike needs the synapses from a neuron, normalization those onto it. Bases are stored by
postsynaptic neuron: normalization passes over all of them, a spike only over a few.
"""

from typing import NamedTuple

import numpy as np

from simcore.kernels.compilation import kernel, summing_kernel
from simcore.kernels.synapses import outgoing

NEGLIGIBLE = 1e-25


class VoltageRule(NamedTuple):
    """State of the voltage rule and the normalization of E to E synapses (j to i).

    Attributes
    ----------
    X : float (pre,)
        Presynaptic trace x_j at the window's beginning, as if all spikes had been then.
    G : float (post,), pF
        Running sum of the window; zero at its beginning.
    base : float (synapses,), pF
        By postsynaptic neuron. Empty in a network that never learns.
    reference : float (post,), pF
        Sum of incoming weights to which normalization returns.
    """

    X: np.ndarray
    G: np.ndarray
    base: np.ndarray
    reference: np.ndarray


class Incoming(NamedTuple):
    """The synapses of a group, found from the postsynaptic side.

    Attributes
    ----------
    row_pointer : int64 (post + 1,)
        The synapses onto neuron i are ``row_pointer[i]`` to ``row_pointer[i + 1]``.
    pre : uint32 (synapses,)
        Presynaptic neuron.
    position : uint32 (synapses,)
        Where the synapse stands in arrays that are sorted by presynaptic neuron ...
    place : uint32 (synapses,)
        ... and the other way round: for each synapse of those arrays, where it stands here.
    """

    row_pointer: np.ndarray
    pre: np.ndarray
    position: np.ndarray
    place: np.ndarray


@kernel
def accumulate_potentiation(G, V, v, amplitude, V_theta, E_L):
    """G += amplitude [V - V_theta]+ [v - E_L]+ for a block of neurons; amplitude = dt A q^k."""
    real = G.dtype.type
    amplitude, V_theta, E_L, zero = real(amplitude), real(V_theta), real(E_L), real(0)
    for i in range(G.size):
        G[i] += amplitude * max(V[i] - V_theta, zero) * max(v[i] - E_L, zero)


@kernel
def transmit_plastic(synapses, incoming, rule, spikes, count, received):
    """Add the weights, base + X G, of the first ``count`` spikes to ``received`` (post,), pF."""
    base, G = rule.base, rule.G
    for spike in range(count):
        j = spikes[spike]
        X, row = rule.X[j], outgoing(synapses, j)
        column, place = synapses.column[row], incoming.place[row]
        for s in range(column.size):
            received[column[s]] += base[place[s]] + X * G[column[s]]


@kernel
def fire_excitatory(j, synapses, incoming, rule, u, jump, amplitude, E_L, w_min, w_max):
    """Everything that a spike of neuron j does to its outgoing synapses; then X_j += jump.

    w -= amplitude [u_post - E_L]+, after the potentiation up to and including this step.
    """
    base, G, row = rule.base, rule.G, outgoing(synapses, j)
    column, place = synapses.column[row], incoming.place[row]
    real = base.dtype.type
    amplitude, E_L, zero = real(amplitude), real(E_L), real(0)
    w_min, w_max = real(w_min), real(w_max)
    X = rule.X[j]
    X_after = real(X + jump)
    for s in range(column.size):
        i, n = column[s], place[s]
        gain, loss = X * G[i], amplitude * max(u[i] - E_L, zero)
        w = base[n] + gain
        w = min(max(w, w_min), w_max) if gain > zero else w
        w = min(max(w - loss, w_min), w_max) if loss > zero else w
        base[n] = w - X_after * G[i]
    rule.X[j] = X_after


@summing_kernel
def potentiated_sum(base, pre, X, G, w_min, w_max):
    """Let all potentiation reach the synapses onto one neuron, whose sum is G; return their sum."""
    total = G * base.dtype.type(0)
    if G > 0:
        for n in range(base.size):
            gain = X[pre[n]] * G
            w = base[n] + gain
            base[n] = min(max(w, w_min), w_max) if gain > 0 else w
    for n in range(base.size):
        total += base[n]
    return total


@kernel
def normalize(incoming, rule, w_min, w_max):
    """Subtract the same from each weight onto a neuron, so that their sum is the reference; clip.

    At the end of a window, before G begins anew: the bases are then the weights.
    """
    base, G, X = rule.base, rule.G, rule.X
    real = base.dtype.type
    w_min, w_max = real(w_min), real(w_max)
    for i in range(G.size):
        first, last = incoming.row_pointer[i], incoming.row_pointer[i + 1]
        if first == last:
            continue
        onto_i = base[first:last]
        total = potentiated_sum(onto_i, incoming.pre[first:last], X, G[i], w_min, w_max)
        excess = (total - rule.reference[i]) / real(last - first)
        for n in range(onto_i.size):
            onto_i[n] = min(max(onto_i[n] - excess, w_min), w_max)
    G[:] = real(0)


@kernel
def inhibitory_rule_post(i, weight, incoming, Y, decay, rate, w_min, w_max):
    """A spike of E neuron i: w += rate y_pre, with y_pre = Y decay of the I neuron."""
    real = weight.dtype.type
    rate, w_min, w_max = real(rate * decay), real(w_min), real(w_max)
    first, last = incoming.row_pointer[i], incoming.row_pointer[i + 1]
    position, pre = incoming.position[first:last], incoming.pre[first:last]
    for n in range(pre.size):
        s = position[n]
        weight[s] = min(max(weight[s] + rate * Y[pre[n]], w_min), w_max)


@kernel
def inhibitory_rule_pre(j, synapses, Y, decay, rate, offset, w_min, w_max):
    """A spike of I neuron j: w += rate (y_post - offset), offset = 2 r_0 tau_y."""
    row = outgoing(synapses, j)
    column, weight = synapses.column[row], synapses.weight[row]
    real = weight.dtype.type
    rate, decay, offset = real(rate), real(decay), real(offset)
    w_min, w_max = real(w_min), real(w_max)
    for s in range(column.size):
        changed = weight[s] + rate * (decay * Y[column[s]] - offset)
        weight[s] = min(max(changed, w_min), w_max)
