"""Neurons: synaptic filters, membranes, thresholds, adaptation (specification, sections 1 and 2).

Each function is one equation for a block of n neurons, one short loop that vectorizes: with more
arrays in a loop the compiler gives up proving that they do not overlap.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from simcore.kernels.compilation import kernel

LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
# Adding this leaves the nearest integer in the low bits of the sum's mantissa.
ROUND = 6755399441055744.0
EXPONENT_SHIFT = np.int64(52)


@intrinsic
def float_bits(typingctx, value):
    """Reinterpret a float64 as int64."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), codegen


@intrinsic
def bits_float(typingctx, value):
    """Reinterpret an int64 as float64."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), codegen


@kernel
def exponential(x):
    """e^x to about one unit in the last place, in operations that vectorize on any machine.

    Arguments beyond +-700 are cut there. Not-a-number stays so.
    """
    x = 700.0 if x > 700.0 else x
    x = -700.0 if x < -700.0 else x
    shifted = x * LOG2_E + ROUND
    n = shifted - ROUND
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    return bits_float(float_bits(p) + (float_bits(shifted) << EXPONENT_SHIFT))


@kernel
def add_events(received, counts, weight):
    """Add ``weight`` for each external event: received (n,) pF, counts (n,) int32."""
    for i in range(received.size):
        received[i] += counts[i] * weight


@kernel
def filter_synapses(x_rise, x_decay, received, g, keep_rise, keep_decay, scale):
    """Advance both filters of one kind of synapse by a step and take up what was received.

    g = (x_decay - x_rise) / (tau_decay - tau_rise)   (specification, section 2)

    Parameters
    ----------
    x_rise, x_decay : float64 (n,), pF
        Advanced in place.
    received : float64 (n,), pF
        Sum of the weights of this step's events; set back to zero.
    g : float64 (n,), nS
        Receives the conductance.
    keep_rise, keep_decay : float
        1 - dt / tau.
    scale : float
        1 / (tau_decay - tau_rise), 1/ms.
    """
    for i in range(g.size):
        x_rise[i] = x_rise[i] * keep_rise + received[i]
        x_decay[i] = x_decay[i] * keep_decay + received[i]
        g[i] = (x_decay[i] - x_rise[i]) * scale
    received[:] = 0.0


@kernel
def decay_threshold(V_T, w, V_T0, keep_T, keep_w):
    """dV_T/dt = (V_T0 - V_T) / tau_T and dw/dt = -w / tau_w, by one step."""
    for i in range(V_T.size):
        V_T[i] = V_T0 + (V_T[i] - V_T0) * keep_T
        w[i] *= keep_w


@kernel
def low_pass(u, V, rate):
    """du/dt = (V - u) / tau by one step; rate = dt / tau."""
    for i in range(u.size):
        u[i] += rate * (V[i] - u[i])


@kernel
def synaptic_current(g_E, g_I, V, E_E, E_I):
    """g_E (E_E - V) + g_I (E_I - V), in pA, written over g_E."""
    for i in range(V.size):
        g_E[i] = g_E[i] * (E_E - V[i]) + g_I[i] * (E_I - V[i])


@kernel
def membrane_exponential(V, V_T, w, current, refractory, p, dt):
    """Advance the adaptive exponential integrate-and-fire membrane by one step.

    dV/dt = (E_L - V + D_T exp((V - V_T)/D_T)) / tau_m + (current - w) / C  (section 1)

    Parameters
    ----------
    V : float64 (n,), mV
        Advanced; set to V_reset where a spike occurs.
    V_T, w, current : float64 (n,), mV, pA, pA
    refractory : int32 (n,)
        Steps for which V is still held. A spike sets it to ``p.refractory_steps``, a value that
        no other neuron can have after this step: it marks the spikes.
    p : Excitatory neuron's parameters

    Returns
    -------
    int
        Number of spikes.
    """
    V_reset, V_spike, E_L, D_T = p.V_reset, p.V_spike, p.E_L, p.D_T
    leak, inverse_C, inverse_D_T = dt / p.tau_m, dt / p.C, 1.0 / p.D_T
    hold = np.int32(p.refractory_steps)
    spikes = 0
    for i in range(V.size):
        rise = D_T * exponential((V[i] - V_T[i]) * inverse_D_T)
        advanced = V[i] + leak * (E_L - V[i] + rise) + inverse_C * (current[i] - w[i])
        held = refractory[i] > 0
        spike = (not held) & (advanced > V_spike)
        V[i] = V_reset if (held | spike) else advanced
        refractory[i] = hold if spike else max(refractory[i] - np.int32(1), np.int32(0))
        spikes += spike
    return spikes


@kernel
def membrane_leaky(V, current, refractory, p, dt):
    """Advance the leaky integrate-and-fire membrane: as above without exponential and w."""
    V_reset, V_spike, E_L = p.V_reset, p.V_spike, p.E_L
    leak, inverse_C = dt / p.tau_m, dt / p.C
    hold = np.int32(p.refractory_steps)
    spikes = 0
    for i in range(V.size):
        advanced = V[i] + leak * (E_L - V[i]) + inverse_C * current[i]
        held = refractory[i] > 0
        spike = (not held) & (advanced > V_spike)
        V[i] = V_reset if (held | spike) else advanced
        refractory[i] = hold if spike else max(refractory[i] - np.int32(1), np.int32(0))
        spikes += spike
    return spikes


@kernel
def collect_spikes(refractory, refractory_steps, spikes):
    """List in ``spikes`` the neurons that have just fired, in ascending order."""
    count = 0
    for i in range(refractory.size):
        if refractory[i] == refractory_steps:
            spikes[count] = i
            count += 1


@kernel
def jump_threshold(V_T, w, spikes, p, adds):
    """V_T is set to V_T0 + A_T (or raised by A_T) and w raised by b where a spike occurred."""
    for n in range(spikes.size):
        j = spikes[n]
        V_T[j] = (V_T[j] if adds else p.V_T0) + p.A_T
        w[j] += p.b
