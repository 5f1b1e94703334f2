"""Recursive least squares (specification, sections 1.5, 2 and 6).

    k = P q,  den = 1 / (1 + q.k),  e = w.q - target,  P -= den k k',  w -= e den k

In every layout P is read and written once per update: the change den k k' = c c' of one update is
kept as the vector c and subtracted in the pass that forms the next k.
"""

from typing import NamedTuple

import numpy as np
from numba import get_num_threads, prange

from simcore.kernels.compilation import (
    inlined_kernel,
    kernel,
    parallel_kernel,
    summing_kernel,
)
from simcore.kernels.packed import advance_packed, read_row
from simcore.kernels.rls_neurons import leaky_rate, theta_rate

# How the inverses are stored: of each neuron its own, full or packed, or a packed one for a group.
FULL, PACKED, SHARED = 0, 1, 2
# What a neuron learns.
UNTRAINED, DRIVE, RATE = 0, 1, 2
# What becomes of a change that would turn the sign of a weight (Dale's law, section 2.3).
ALLOW, CLIP, SKIP, FREEZE = 0, 1, 2, 3
THETA, LEAKY, IZHIKEVICH, RATE_UNIT = 0, 1, 2, 3


class IncomingSynapses(NamedTuple):
    """Recurrent synapses by postsynaptic neuron, and the same ones by presynaptic neuron.

    Attributes
    ----------
    row_pointer : int64 (n + 1,)
        The synapses onto neuron i are ``row_pointer[i]`` to ``row_pointer[i + 1]``.
    column : uint32 (synapses,)
        Presynaptic neuron, ascending within a row.
    weight : float64 (synapses,)
    outgoing_pointer : int64 (n + 1,)
        Likewise, of the synapses from neuron j in the two arrays that follow.
    outgoing_post, outgoing_place : uint32 (synapses,)
        Postsynaptic neuron, and where the synapse stands in ``weight``.
    sign : int8 (n,)
        +1 or -1 of each presynaptic neuron under Dale's law.
    frozen : bool (synapses,)
        Synapses that keep their weight for ever.
    """

    row_pointer: np.ndarray
    column: np.ndarray
    weight: np.ndarray
    outgoing_pointer: np.ndarray
    outgoing_post: np.ndarray
    outgoing_place: np.ndarray
    sign: np.ndarray
    frozen: np.ndarray


class Inverse(NamedTuple):
    """The inverse correlations P, of each neuron or of each group of neurons: the units.

    Attributes
    ----------
    layout : int
        FULL, PACKED or SHARED.
    P : float64 or float32
        One unit after the other.
    start : int64 (units + 1,)
        Where the P of each unit begins.
    size : int64 (units,)
        Its number of rows, with the padding of packed ones.
    c : as P (units, width)
        What is still to be subtracted; width is the largest number of rows, padded.
    group : int32 (n,)
        SHARED: unit of each neuron.
    column_pointer, column : int64 (units + 1,), uint32
        SHARED: the presynaptic neurons of each unit, ascending.
    own_row : int64 (n,)
        SHARED: the row of the neuron itself among them, or -1.
    """

    layout: int
    P: np.ndarray
    start: np.ndarray
    size: np.ndarray
    c: np.ndarray
    group: np.ndarray
    column_pointer: np.ndarray
    column: np.ndarray
    own_row: np.ndarray


class Rule(NamedTuple):
    """How a network learns.

    Attributes
    ----------
    mode : int8 (n,)
        UNTRAINED, DRIVE or RATE.
    dale : int
        ALLOW, CLIP, SKIP or FREEZE.
    smoothing : float
        c of the transfer function in rate training.
    neuron : int
        THETA or LEAKY: whose transfer function.
    constant_input : float64 (n,)
    """

    mode: np.ndarray
    dale: int
    smoothing: float
    neuron: int
    constant_input: np.ndarray


class Work(NamedTuple):
    """Room for intermediate values, a row for each thread; holds nothing between updates.

    ``q``, ``k``, ``row``, ``own_k`` as P (threads, width); ``broken`` int64 (threads,) receives the
    first neuron or group whose P is no longer positive definite, else -1.
    """

    q: np.ndarray
    k: np.ndarray
    row: np.ndarray
    own_k: np.ndarray
    broken: np.ndarray


@summing_kernel
def advance_full(P, c, q, k):
    """P -= c c', then k = P q, for P (n, n) row by row; c, q, k (n,)."""
    n = k.size
    for a in range(n):
        row = P[a * n : (a + 1) * n]
        c_a = c[a]
        total = q[0] * 0
        for b in range(n):
            row[b] -= c_a * c[b]
            total += row[b] * q[b]
        k[a] = total


@summing_kernel
def dot(a, b):
    """Sum of the products of two vectors."""
    total = a[0] * 0
    for n in range(a.size):
        total += a[n] * b[n]
    return total


@kernel
def gather(r, column, gain, q):
    """q = gain r_J, its padding zero."""
    for n in range(column.size):
        q[n] = gain * r[column[n]]
    q[column.size :] = 0


@kernel
def defer(k, v, c):
    """Keep what P is to lose: c c' = k k' / (1 + v)."""
    scale = np.sqrt(1.0 / (1.0 + v))
    for n in range(k.size):
        c[n] = scale * k[n]


@kernel
def change_freely(weight, k, amount):
    """W -= amount k."""
    for n in range(weight.size):
        weight[n] -= amount * k[n]


@kernel
def change_with_sign(weight, k, amount, dale, column, sign, frozen, r):
    """W -= amount k where Dale's law allows it; returns the new drive w.r (section 2.3)."""
    drive = 0.0
    for n in range(weight.size):
        proposed = weight[n] - amount * k[n]
        turned = proposed * sign[column[n]] < 0.0
        if dale == FREEZE:
            frozen[n] |= turned
            turned = frozen[n]
        if not turned:
            weight[n] = proposed
        elif dale == CLIP:
            weight[n] = 0.0
        drive += weight[n] * r[column[n]]
    return drive


@kernel
def error_and_gain(i, u, target, rule):
    """The error of neuron i, and the slope that links its weights to what it learns."""
    if rule.mode[i] == DRIVE:
        return u - target, 1.0
    x = u + rule.constant_input[i]
    if rule.neuron == THETA:
        rate, slope = theta_rate(x, rule.smoothing)
    else:
        rate, slope = leaky_rate(x, rule.smoothing)
    return rate - target, slope


@kernel
def change_weights(i, synapses, k, error, gain, v, rule, r, u):
    """Change the weights onto neuron i and its drive u_i with them."""
    low, high = synapses.row_pointer[i], synapses.row_pointer[i + 1]
    weight, amount = synapses.weight[low:high], error / (1.0 + v)
    if rule.dale == ALLOW:
        change_freely(weight, k[: weight.size], amount)
        if gain > 0.0:
            u[i] -= amount * v / gain
    else:
        u[i] = change_with_sign(
            weight,
            k,
            amount,
            rule.dale,
            synapses.column[low:high],
            synapses.sign,
            synapses.frozen[low:high],
            r,
        )


@inlined_kernel
def update_neurons(first, last, thread, synapses, inverse, rule, work, r, u, target):
    """Update a range of neurons, each with an inverse of its own."""
    for i in range(first, last):
        if rule.mode[i] == UNTRAINED:
            continue
        rows = inverse.size[i]
        P = inverse.P[inverse.start[i] : inverse.start[i + 1]]
        q, k, c = work.q[thread, :rows], work.k[thread, :rows], inverse.c[i, :rows]
        error, gain = error_and_gain(i, u[i], target[i], rule)
        gather(r, synapses.column[synapses.row_pointer[i] : synapses.row_pointer[i + 1]], gain, q)
        if inverse.layout == PACKED:
            advance_packed(P, c, q, k)
        else:
            advance_full(P, c, q, k)
        v = dot(q, k)
        if not v >= 0.0:
            work.broken[thread] = i
            return
        defer(k, v, c)
        change_weights(i, synapses, k, error, gain, v, rule, r, u)


@kernel
def without_own_row(own, k, row, own_k):
    """k of a neuron that is itself among the presynaptic neurons of its group, but not its own.

    k_i = (P r)_J - P_Ji (P r)_i / P_ii   (section 6: exact, by the Schur complement), where
    ``row`` is P_i; returns (P r)_i^2 / P_ii.
    """
    ratio = k[own] / row[own]
    for n in range(own):
        own_k[n] = k[n] - row[n] * ratio
    for n in range(own + 1, k.size):
        own_k[n - 1] = k[n] - row[n] * ratio
    return k[own] * ratio


@inlined_kernel
def update_groups(first, last, thread, synapses, inverse, rule, work, r, u, target):
    """Update a range of groups, each neuron with the inverse of its group."""
    for unit in range(first, last):
        columns = slice(inverse.column_pointer[unit], inverse.column_pointer[unit + 1])
        rows = inverse.size[unit]
        P = inverse.P[inverse.start[unit] : inverse.start[unit + 1]]
        q, k, c = work.q[thread, :rows], work.k[thread, :rows], inverse.c[unit, :rows]
        row, own_k = work.row[thread, :rows], work.own_k[thread, :rows]
        gather(r, inverse.column[columns], 1.0, q)
        advance_packed(P, c, q, k)
        v = dot(q, k)
        if not v >= 0.0:
            work.broken[thread] = unit
            return
        defer(k, v, c)
        for i in range(inverse.group.size):
            if inverse.group[i] != unit or rule.mode[i] == UNTRAINED:
                continue
            error, own = u[i] - target[i], inverse.own_row[i]
            if own < 0:
                change_weights(i, synapses, k, error, 1.0, v, rule, r, u)
            else:
                read_row(P, own, row)
                lost = without_own_row(own, k, row, own_k)
                change_weights(i, synapses, own_k, error, 1.0, max(v - lost, 0.0), rule, r, u)


@kernel
def update_part(thread, threads, synapses, inverse, rule, work, r, u, target):
    """The part of one thread in an update of all units."""
    units = inverse.size.size
    first, last = units * thread // threads, units * (thread + 1) // threads
    if inverse.layout == SHARED:
        update_groups(first, last, thread, synapses, inverse, rule, work, r, u, target)
    else:
        update_neurons(first, last, thread, synapses, inverse, rule, work, r, u, target)


# Starts numba's threads: a time loop that comes from the cache would not, and crash.
get_num_threads()


@parallel_kernel
def update_in_parallel(synapses, inverse, rule, work, r, u, target):
    """Let several threads share an update: units never depend on each other within one."""
    threads = work.q.shape[0]
    for thread in prange(threads):
        update_part(thread, threads, synapses, inverse, rule, work, r, u, target)


@kernel
def first_broken(work):
    """The first neuron or unit whose P is no longer positive definite, or -1."""
    for thread in range(work.broken.size):
        if work.broken[thread] >= 0:
            return work.broken[thread]
    return -1
