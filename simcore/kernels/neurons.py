"""Neurons: synaptic filters, membranes, thresholds, adaptation (specification, sections 1 and 2).

Every kernel works in the precision of its arrays, float32 or float64; n = neurons of a population.
A population is one loop, so that each variable is read and written once in a step. It becomes
vector instructions as long as no integer in it is wider than the reals: hence the casts.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.extending import intrinsic, overload

from simcore.kernels.compilation import kernel

# Added to what decays, in each step, so that nothing ever becomes so small (denormal) that a
# processor is slow with it. No number that matters feels it.
TINY = 1e-30

# Neurons that are looked at together in the search for spikes.
BLOCK = 64

LOG2_E = 1.4426950408889634


@intrinsic
def bits_of(typingctx, value):
    """Reinterpret a real number as an integer of its width."""
    integer = {types.float32: types.int32, types.float64: types.int64}[value]

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.IntType(integer.bitwidth))

    return integer(value), codegen


@intrinsic
def real_of(typingctx, value):
    """Reinterpret an integer as a real number of its width."""
    real, kind = {
        types.int32: (types.float32, ir.FloatType()),
        types.int64: (types.float64, ir.DoubleType()),
    }[value]

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], kind)

    return real(value), codegen


def exponential(x):
    """e^x to about two units in the last place, in operations that vectorize on any machine.

    Beyond +-700 (float64) or +-80 (float32) the argument is cut. Not-a-number stays so.

    x = n ln 2 + r with an integer n: a polynomial of r, whose exponent n raises.
    """
    raise NotImplementedError("only compiled code calls this")


@overload(exponential, inline="always")
def _exponential(x):
    if x == types.float64:
        return _exponential_64
    if x == types.float32:
        return _exponential_32
    raise TypingError(f"exponential() takes a real number, not {x}")


# Adding 1.5 * 2^52 leaves the nearest integer in the low bits of the sum's mantissa.
ROUND_64, SHIFT_64 = 6755399441055744.0, np.int64(52)
LN2_HIGH_64, LN2_LOW_64 = 6.93147180369123816490e-01, 1.90821492927058770002e-10


def _exponential_64(x):
    x = 700.0 if x > 700.0 else x
    x = -700.0 if x < -700.0 else x
    shifted = x * LOG2_E + ROUND_64
    n = shifted - ROUND_64
    r = (x - n * LN2_HIGH_64) - n * LN2_LOW_64
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
    return real_of(bits_of(p) + (bits_of(shifted) << SHIFT_64))


F = np.float32
ROUND_32, SHIFT_32 = F(12582912.0), np.int32(23)
LOG2_E_32 = F(LOG2_E)
# The first has so few digits that its product with n is exact.
LN2_HIGH_32, LN2_LOW_32 = F(0.693145751953125), F(1.428606820309417e-06)
LIMIT_32 = F(80.0)
ONE, HALF = F(1.0), F(0.5)
C3, C4, C5, C6, C7 = F(1 / 6), F(1 / 24), F(1 / 120), F(1 / 720), F(1 / 5040)


def _exponential_32(x):
    x = LIMIT_32 if x > LIMIT_32 else x
    x = -LIMIT_32 if x < -LIMIT_32 else x
    shifted = x * LOG2_E_32 + ROUND_32
    n = shifted - ROUND_32
    r = (x - n * LN2_HIGH_32) - n * LN2_LOW_32
    p = C7 * r + C6
    p = p * r + C5
    p = p * r + C4
    p = p * r + C3
    p = p * r + HALF
    p = p * r + ONE
    p = p * r + ONE
    return real_of(np.int32(bits_of(p) + np.int32(bits_of(shifted) << SHIFT_32)))


@kernel
def filter_factors(tau_rise, tau_decay, dt, like):
    """1 - dt/tau of both filters of a kind of synapse and 1 / (tau_decay - tau_rise), 1/ms.

    In the precision of the array ``like``.
    """
    real = like.dtype.type
    return real(1.0 - dt / tau_rise), real(1.0 - dt / tau_decay), real(1.0 / (tau_decay - tau_rise))


@kernel
def conductance(x_rise, x_decay, received, i, factors):
    """Advance both filters of neuron i, take up and empty what it received; returns g, nS."""
    keep_rise, keep_decay, scale = factors
    rise = x_rise[i] * keep_rise + received[i]
    decay = x_decay[i] * keep_decay + received[i]
    x_rise[i], x_decay[i] = rise, decay
    received[i] = received.dtype.type(TINY)
    return (decay - rise) * scale


@kernel
def advance_or_reset(V, refractory, i, advanced, V_reset, V_spike, hold):
    """Let V of neuron i advance, or hold or reset it; returns whether it spikes, as 0 or 1."""
    held = refractory[i] > 0
    spike = (not held) & (advanced > V_spike)
    V[i] = V_reset if (held | spike) else advanced
    refractory[i] = hold if spike else np.int32(refractory[i] - np.int32(held))
    return np.int32(spike)


@kernel
def advance_exponential(cell, received_E, received_I, p, filters, dt):
    """Advance adaptive exponential integrate-and-fire neurons by one step.

    With what was received (pF) in the filters, g = (x_decay - x_rise) / (tau_decay - tau_rise), and

    dV_T/dt = (V_T0 - V_T) / tau_T,   dw/dt = -w / tau_w,
    dV/dt = (E_L - V + D_T exp((V - V_T)/D_T)) / tau_m + (g_E (E_E - V) + g_I (E_I - V) - w) / C

    Parameters
    ----------
    cell : with arrays (n,): V, V_T (mV), w (pA), x_rise_E and so on (pF), refractory (int32)
        Advanced. ``refractory`` counts the steps for which V is still held; a spike sets it to
        ``p.refractory_steps``, which no other neuron can have after this step: that marks it.
    received_E, received_I : (n,), pF
        Sum of the weights of this step's events; emptied.
    p : simcore.kernels.network.Neuron
    filters : simcore.kernels.network.Filters
    dt : float, ms

    Returns
    -------
    int
        Number of spikes.
    """
    V, V_T, w, refractory = cell.V, cell.V_T, cell.w, cell.refractory
    x_rise_E, x_decay_E = cell.x_rise_E, cell.x_decay_E
    x_rise_I, x_decay_I = cell.x_rise_I, cell.x_decay_I
    real = V.dtype.type
    tiny = real(TINY)
    factors_E = filter_factors(filters.tau_rise_E, filters.tau_decay_E, dt, V)
    factors_I = filter_factors(filters.tau_rise_I, filters.tau_decay_I, dt, V)
    keep_T, keep_w = real(1.0 - dt / p.tau_T), real(1.0 - dt / p.tau_w)
    leak, per_C, per_D_T = real(dt / p.tau_m), real(dt / p.C), real(1.0 / p.D_T)
    E_L, E_E, E_I = real(p.E_L), real(p.E_E), real(p.E_I)
    V_T0, D_T, V_reset, V_spike = real(p.V_T0), real(p.D_T), real(p.V_reset), real(p.V_spike)
    hold, spikes = np.int32(p.refractory_steps), np.int32(0)
    for i in range(V.size):
        g_E = conductance(x_rise_E, x_decay_E, received_E, i, factors_E)
        g_I = conductance(x_rise_I, x_decay_I, received_I, i, factors_I)
        threshold = V_T0 + (V_T[i] - V_T0) * keep_T
        adaptation = w[i] * keep_w + tiny
        V_T[i], w[i] = threshold, adaptation
        v = V[i]
        current = g_E * (E_E - v) + g_I * (E_I - v)
        upstroke = D_T * exponential((v - threshold) * per_D_T)
        advanced = v + leak * (E_L - v + upstroke) + per_C * (current - adaptation)
        spike = advance_or_reset(V, refractory, i, advanced, V_reset, V_spike, hold)
        spikes = np.int32(spikes + spike)
    return spikes


@kernel
def advance_leaky(cell, received_E, received_I, p, filters, dt):
    """Advance leaky integrate-and-fire neurons: as above without exponential, V_T and w."""
    V, refractory = cell.V, cell.refractory
    x_rise_E, x_decay_E = cell.x_rise_E, cell.x_decay_E
    x_rise_I, x_decay_I = cell.x_rise_I, cell.x_decay_I
    real = V.dtype.type
    factors_E = filter_factors(filters.tau_rise_E, filters.tau_decay_E, dt, V)
    factors_I = filter_factors(filters.tau_rise_I, filters.tau_decay_I, dt, V)
    leak, per_C = real(dt / p.tau_m), real(dt / p.C)
    E_L, E_E, E_I = real(p.E_L), real(p.E_E), real(p.E_I)
    V_reset, V_spike = real(p.V_reset), real(p.V_spike)
    hold, spikes = np.int32(p.refractory_steps), np.int32(0)
    for i in range(V.size):
        g_E = conductance(x_rise_E, x_decay_E, received_E, i, factors_E)
        g_I = conductance(x_rise_I, x_decay_I, received_I, i, factors_I)
        v = V[i]
        current = g_E * (E_E - v) + g_I * (E_I - v)
        advanced = v + leak * (E_L - v) + per_C * current
        spike = advance_or_reset(V, refractory, i, advanced, V_reset, V_spike, hold)
        spikes = np.int32(spikes + spike)
    return spikes


@kernel
def low_pass(trace, V, rate):
    """dtrace/dt = (V - trace) / tau by one step; rate = dt / tau."""
    rate = trace.dtype.type(rate)
    for i in range(trace.size):
        trace[i] += rate * (V[i] - trace[i])


@kernel
def collect_spikes(refractory, refractory_steps, spikes):
    """List in ``spikes`` the neurons that have just fired, in ascending order."""
    hold, count = np.int32(refractory_steps), 0
    for first in range(0, refractory.size, BLOCK):
        block, longest = refractory[first : first + BLOCK], np.int32(0)
        for i in range(block.size):
            longest = max(longest, block[i])
        if longest >= hold:
            for i in range(block.size):
                if block[i] == hold:
                    spikes[count] = first + i
                    count += 1


@kernel
def jump_threshold(V_T, w, spikes, p, adds):
    """V_T is set to V_T0 + A_T (or raised by A_T) and w raised by b where a spike occurred."""
    for n in range(spikes.size):
        j = spikes[n]
        V_T[j] = (V_T[j] if adds else p.V_T0) + p.A_T
        w[j] += p.b
