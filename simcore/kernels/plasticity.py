"""Plasticity of the recurrent network (specification, section 3).

The voltage rule potentiates every synapse in every step in which its postsynaptic neuron is
depolarized. Here a weight is touched only when its presynaptic neuron fires and at each
normalization. Within a *window*, the steps between two normalizations, with k = 1, 2, ... its
steps and q = 1 - dt/tau_x:

    x_j(k)  = X_j q^k                                       X_j changes only when j fires
    G_i(k)  = sum of dt A q^k [V_i - V_theta]+ [v_i - E_L]+  one running sum per neuron
    w_ij   += X_j (G_i(now) - G_i(when w_ij was last touched))

Potentiation only grows a weight, so clipping once after the sum equals clipping in each step. The
subtraction of a normalization waits until its synapse is next touched.
"""

from typing import NamedTuple

import numpy as np

from simcore.kernels.compilation import kernel, time_loop

NEGLIGIBLE = 1e-25


class VoltageRule(NamedTuple):
    """State of the voltage rule and the normalization of E to E synapses (j to i).

    Attributes
    ----------
    X : float64 (pre,)
        Presynaptic trace x_j at the window's beginning, as if all spikes had been then.
    G : float64 (post,), pF
        Running sum of the window; zero at its beginning.
    G_touched : float64 (synapses,), pF
        G_i when the synapse was last touched; valid where ``fired``.
    fired : bool (pre,)
        Whether j has fired under plasticity in this window.
    subtracted : bool (pre,)
        Whether the subtraction of the last normalization has reached the synapses of j.
    subtraction : float64 (post,), pF
        To subtract from each incoming weight.
    reference : float64 (post,), pF
        Sum of incoming weights to which normalization returns.
    total, incoming : float64 (post,)
        Sum (pF) and number of incoming weights; ``total`` is only used within a normalization.
    """

    X: np.ndarray
    G: np.ndarray
    G_touched: np.ndarray
    fired: np.ndarray
    subtracted: np.ndarray
    subtraction: np.ndarray
    reference: np.ndarray
    total: np.ndarray
    incoming: np.ndarray


@kernel
def accumulate_potentiation(G, V, v, amplitude, V_theta, E_L):
    """G += amplitude [V - V_theta]+ [v - E_L]+ for a block of neurons; amplitude = dt A q^k."""
    for i in range(G.size):
        G[i] += amplitude * max(V[i] - V_theta, 0.0) * max(v[i] - E_L, 0.0)


@kernel
def subtract_pending(j, synapses, rule, w_min, w_max):
    """Let the subtraction of the last normalization reach the synapses of neuron j."""
    if rule.subtracted[j]:
        return
    column, weight, subtraction = synapses.column, synapses.weight, rule.subtraction
    for s in range(synapses.row_pointer[j], synapses.row_pointer[j + 1]):
        weight[s] = min(max(weight[s] - subtraction[column[s]], w_min), w_max)
    rule.subtracted[j] = True


@kernel
def potentiate_pending(j, synapses, rule, w_min, w_max):
    """Bring the potentiation of the synapses of neuron j up to date."""
    column, weight, G, G_touched = synapses.column, synapses.weight, rule.G, rule.G_touched
    X = rule.X[j]
    if X < NEGLIGIBLE:
        return
    first, last = synapses.row_pointer[j], synapses.row_pointer[j + 1]
    if rule.fired[j]:
        for s in range(first, last):
            gain = X * (G[column[s]] - G_touched[s])
            if gain > 0.0:
                weight[s] = min(max(weight[s], w_min) + gain, w_max)
    else:
        for s in range(first, last):
            gain = X * G[column[s]]
            if gain > 0.0:
                weight[s] = min(max(weight[s], w_min) + gain, w_max)


@kernel
def fire_excitatory(j, synapses, rule, u, amplitude, E_L, w_min, w_max):
    """Everything that a spike of neuron j does to its outgoing synapses, but for the trace.

    w -= amplitude [u_post - E_L]+, after the potentiation up to and including this step.
    """
    subtract_pending(j, synapses, rule, w_min, w_max)
    potentiate_pending(j, synapses, rule, w_min, w_max)
    column, weight, G, G_touched = synapses.column, synapses.weight, rule.G, rule.G_touched
    for s in range(synapses.row_pointer[j], synapses.row_pointer[j + 1]):
        i = column[s]
        loss = amplitude * max(u[i] - E_L, 0.0)
        if loss > 0.0:
            weight[s] = min(max(weight[s] - loss, w_min), w_max)
        G_touched[s] = G[i]
    rule.fired[j] = True


@kernel
def normalize(synapses, rule, w_min, w_max):
    """Bring all synapses up to date and work out what normalization subtracts from them.

    That is the excess of each neuron's sum over its reference, divided by its synapses. It reaches
    a synapse when that is next touched.
    """
    total, weight, column = rule.total, synapses.weight, synapses.column
    total[:] = 0.0
    for j in range(rule.X.size):
        first, last = synapses.row_pointer[j], synapses.row_pointer[j + 1]
        subtract_pending(j, synapses, rule, w_min, w_max)
        potentiate_pending(j, synapses, rule, w_min, w_max)
        for s in range(first, last):
            total[column[s]] += weight[s]
    for i in range(total.size):
        if rule.incoming[i] > 0.0:
            rule.subtraction[i] = (total[i] - rule.reference[i]) / rule.incoming[i]
    rule.subtracted[:] = False
    rule.fired[:] = False
    rule.G[:] = 0.0


@time_loop
def settle(synapses, rule, w_min, w_max):
    """Bring all weights up to date, so that nothing is pending."""
    for j in range(rule.X.size):
        subtract_pending(j, synapses, rule, w_min, w_max)
        potentiate_pending(j, synapses, rule, w_min, w_max)
    rule.fired[:] = False
    rule.G[:] = 0.0


class Incoming(NamedTuple):
    """The same I to E synapses, found from the postsynaptic side.

    Attributes
    ----------
    row_pointer : int64 (post + 1,)
    pre : uint32 (synapses,)
    position : uint32 (synapses,)
        Where the synapse stands in the arrays that are sorted by presynaptic neuron.
    """

    row_pointer: np.ndarray
    pre: np.ndarray
    position: np.ndarray


@kernel
def inhibitory_rule_post(i, weight, incoming, Y, decay, rate, w_min, w_max):
    """A spike of E neuron i: w += rate y_pre, with y_pre = Y decay of the I neuron."""
    for n in range(incoming.row_pointer[i], incoming.row_pointer[i + 1]):
        s = incoming.position[n]
        changed = weight[s] + rate * decay * Y[incoming.pre[n]]
        weight[s] = min(max(changed, w_min), w_max)


@kernel
def inhibitory_rule_pre(j, synapses, Y, decay, rate, offset, w_min, w_max):
    """A spike of I neuron j: w += rate (y_post - offset), offset = 2 r_0 tau_y."""
    column, weight = synapses.column, synapses.weight
    for s in range(synapses.row_pointer[j], synapses.row_pointer[j + 1]):
        changed = weight[s] + rate * (decay * Y[column[s]] - offset)
        weight[s] = min(max(changed, w_min), w_max)
