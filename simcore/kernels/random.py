"""Random numbers: one xoshiro128++ stream per neuron, and Poisson numbers of events from them.

n = neurons of a block.
"""

import numpy as np

from simcore.kernels.compilation import kernel

U, I = np.uint32, np.int32
TOP_BIT = U(2**31)
LOWEST, HIGHEST = I(-(2**31)), I(2**31 - 1)


# Thresholds that are compared in the loop that draws; the rest, rarely reached, follows.
AT_ONCE = 4


@kernel
def next_number(s0, s1, s2, s3, i):
    """Next number of generator i, less 2^31: uniform over all of int32.

    Blackman & Vigna's xoshiro128++. Comparing signed numbers takes fewer instructions.
    """
    # Every operation names its type: numba widens numbers to 64 bits.
    a, b, c, d = s0[i], s1[i], s2[i], s3[i]
    total = U(a + d)
    number = I(U(U(U(total << U(7)) | U(total >> U(25))) + a) ^ TOP_BIT)
    c, d = U(c ^ a), U(d ^ b)
    s0[i] = U(a ^ d)
    s1[i] = U(b ^ c)
    s2[i] = U(c ^ U(b << U(9)))
    s3[i] = U(U(d << U(11)) | U(d >> U(21)))
    return number


@kernel
def draw(random, uniform):
    """Draw one number for each neuron.

    Parameters
    ----------
    random : uint32 (4, n)
        The state of each neuron's generator; advanced by one.
    uniform : int32 (n,)
        Receives the numbers, uniform over all of int32.
    """
    s0, s1, s2, s3 = random[0], random[1], random[2], random[3]
    for i in range(uniform.size):
        uniform[i] = next_number(s0, s1, s2, s3, i)


@kernel
def external_events(random, uniform, thresholds, weight, received, first, last):
    """Draw Poisson numbers of external events, by inversion, and add their weight.

    Parameters
    ----------
    random : uint32 (4, n)
        The state of each neuron's generator; advanced by one.
    uniform : int32 (n,)
        Room for the numbers drawn.
    thresholds : int32 (m,)
        From :func:`poisson_thresholds`.
    weight : float, pF
    received : float (n,), pF
    first, last : int
        Of these neurons, ``last`` not included.
    """
    s0, s1 = random[0, first:last], random[1, first:last]
    s2, s3 = random[2, first:last], random[3, first:last]
    uniform, received = uniform[first:last], received[first:last]
    real = received.dtype.type
    weight, zero = real(weight), real(0)
    one, two, three, four = thresholds[0], thresholds[1], thresholds[2], thresholds[3]
    highest = LOWEST
    for i in range(uniform.size):
        number = next_number(s0, s1, s2, s3, i)
        uniform[i] = number
        low = I(I(number > one) + I(number > two))
        high = I(I(number > three) + I(number > four))
        received[i] += real(I(low + high)) * weight
        highest = max(highest, number)
    for k in range(AT_ONCE, thresholds.size):
        threshold = thresholds[k]
        if highest <= threshold:
            break
        for i in range(uniform.size):
            received[i] += weight if uniform[i] > threshold else zero


@kernel
def poisson_count(number, mean, none):
    """One Poisson number by inversion, for a mean that changes from step to step.

    Parameters
    ----------
    number : int32
        From :func:`draw`.
    mean, none : float
        Expected number of events, and the probability exp(-mean) that there is none.

    Returns
    -------
    int
    """
    target = (np.float64(number) + (2.0**31 + 0.5)) * 2.0**-32
    count, probability, cumulative = 0, none, none
    while target > cumulative and probability > 0.0:
        count += 1
        probability *= mean / count
        cumulative += probability
    return count


def poisson_thresholds(mean):
    """Numbers above which a Poisson number of events rises by one.

    Parameters
    ----------
    mean : float
        Expected number of events in one step.

    Returns
    -------
    int32 (m,)
        P(count <= k) 2^32 - 2^31 - 1 for k = 0, 1, ..., as far as 32 bits can tell that
        probability from one, but at least ``AT_ONCE``, the last of which no number exceeds.
    """
    thresholds = []
    probability = np.exp(-mean)
    cumulative, k = probability, 0
    while (threshold := round(cumulative * 2.0**32)) < 2**32 and (k <= mean or probability > 0):
        thresholds.append(max(threshold - 2**31 - 1, LOWEST))
        k += 1
        probability *= mean / k
        cumulative += probability
    thresholds += [HIGHEST] * (AT_ONCE - len(thresholds))
    return np.array(thresholds, dtype=I)
