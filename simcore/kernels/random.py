"""Random numbers: one xoshiro128++ stream per neuron, and Poisson counts from them.

n = neurons of a block.
"""

import numpy as np

from simcore.kernels.compilation import kernel

U = np.uint32


@kernel
def draw(s0, s1, s2, s3, uniform):
    """Draw one 32-bit number for each neuron.

    Blackman & Vigna's xoshiro128++ in two loops: each has few enough arrays for the compiler to
    prove at run time that they do not overlap, and so to vectorize.

    Parameters
    ----------
    s0, s1, s2, s3 : uint32 (n,)
        The state of each neuron's generator; advanced by one.
    uniform : uint32 (n,)
        Receives the numbers, uniform on [0, 2**32).
    """
    # Every operation names its type: numba widens a shifted 32-bit number to 64 bits.
    for i in range(uniform.size):
        a, total = s0[i], U(s0[i] + s3[i])
        uniform[i] = U(U(U(total << U(7)) | U(total >> U(25))) + a)
    for i in range(uniform.size):
        a, b = s0[i], s1[i]
        c, d = U(s2[i] ^ a), U(s3[i] ^ b)
        s0[i] = U(a ^ d)
        s1[i] = U(b ^ c)
        s2[i] = U(c ^ U(b << U(9)))
        s3[i] = U(U(d << U(11)) | U(d >> U(21)))


@kernel
def poisson_counts(uniform, thresholds, counts):
    """Turn uniform numbers into Poisson counts by inversion.

    Parameters
    ----------
    uniform : uint32 (n,)
    thresholds : uint32 (m,)
        From :func:`poisson_thresholds`, ascending.
    counts : int32 (n,)
        Receives how many thresholds each number reaches.
    """
    counts[:] = 0
    for k in range(thresholds.size):
        threshold = thresholds[k]
        reached = 0
        for i in range(uniform.size):
            hit = np.int32(uniform[i] >= threshold)
            counts[i] += hit
            reached += hit
        if reached == 0:
            break


@kernel
def poisson_count(uniform, mean):
    """One Poisson count by inversion, for a mean that changes from step to step.

    Parameters
    ----------
    uniform : uint32
    mean : float
        Expected number of events.

    Returns
    -------
    int
    """
    target = (np.float64(uniform) + 0.5) * 2.0**-32
    count = 0
    probability = np.exp(-mean)
    cumulative = probability
    while target > cumulative and probability > 0.0:
        count += 1
        probability *= mean / count
        cumulative += probability
    return count


def poisson_thresholds(mean):
    """Thresholds of 32-bit numbers at which a Poisson count rises by one.

    Parameters
    ----------
    mean : float
        Expected number of events in one step.

    Returns
    -------
    uint32 (m,)
        P(count <= k) * 2**32 for k = 0, 1, ..., as far as 32 bits can tell it from one.
    """
    thresholds = []
    probability = np.exp(-mean)
    cumulative, k = probability, 0
    while (threshold := round(cumulative * 2.0**32)) < 2**32 and (k <= mean or probability > 0):
        thresholds.append(threshold)
        k += 1
        probability *= mean / k
        cumulative += probability
    return np.array(thresholds, dtype=np.uint32)
