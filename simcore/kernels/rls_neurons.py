"""Neurons of networks trained by recursive least squares (specification, sections 1.2 and 2).

Time is in units of 10 ms. In each function ``current`` (n,) is the whole input of each neuron in
one step, drive and external, and ``fired`` bool (n,) receives who spikes.
"""

import numpy as np

from simcore.kernels.compilation import kernel
from simcore.numerics import MS_PER_UNIT

TWO_PI = 2.0 * np.pi
INVERSE_TWO_PI = 1.0 / TWO_PI
# 2 pi in two parts, the first with so few digits that its first 2^26 multiples are exact.
TWO_PI_HIGH, TWO_PI_LOW = 6.283185303211212, 3.968374318722162e-09


@kernel
def cosine(x):
    """cos x to 2e-15 for |x| < 1e6, in operations that vectorize: a phase is never wrapped.

    cos x = 1 - 2 sin^2(x/2), with x brought to (-pi, pi), and Taylor's series of the sine.
    """
    n = np.floor(x * INVERSE_TWO_PI + 0.5)
    h = 0.5 * ((x - n * TWO_PI_HIGH) - n * TWO_PI_LOW)
    y = h * h
    s = 1.0 / 51090942171709440000.0
    s = s * y - 1.0 / 121645100408832000.0
    s = s * y + 1.0 / 355687428096000.0
    s = s * y - 1.0 / 1307674368000.0
    s = s * y + 1.0 / 6227020800.0
    s = s * y - 1.0 / 39916800.0
    s = s * y + 1.0 / 362880.0
    s = s * y - 1.0 / 5040.0
    s = s * y + 1.0 / 120.0
    s = s * y - 1.0 / 6.0
    s = h + h * (y * s)
    return 1.0 - 2.0 * s * s


@kernel
def theta_slope(theta, current):
    """1 - cos(theta) + current (1 + cos(theta))."""
    c = cosine(theta)
    return 1.0 - c + current * (1.0 + c)


@kernel
def advance_theta(theta, current, dt, fired):
    """One Runge-Kutta step of d(theta)/dt; a spike is the passage through pi (mod 2 pi)."""
    for i in range(theta.size):
        x, I = theta[i], current[i]
        k1 = theta_slope(x, I)
        k2 = theta_slope(x + 0.5 * dt * k1, I)
        k3 = theta_slope(x + 0.5 * dt * k2, I)
        k4 = theta_slope(x + dt * k3, I)
        new = x + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        advance = new - x
        ahead = np.pi - x
        ahead -= np.floor(ahead * INVERSE_TWO_PI) * TWO_PI
        theta[i] = new
        fired[i] = (advance > 0.0) & (advance > ahead)


@kernel
def advance_leaky(v, current, dt, fired):
    """dv/dt = -v + current by exponential Euler; spike and reset to 0 at v >= 1."""
    keep = np.exp(-dt)
    for i in range(v.size):
        new = current[i] + (v[i] - current[i]) * keep
        spike = new >= 1.0
        v[i] = 0.0 if spike else new
        fired[i] = spike


@kernel
def advance_izhikevich(v, w, kind, current, dt, fired):
    """Izhikevich's neuron, Euler's step; ``kind`` float (4, n) holds its a, b, c, d.

    dv/dt = 0.04 v^2 + 5 v + 140 - w + current,  dw/dt = a (b v - w)   (per ms)
    A spike at v >= 30 sets v to c and adds d to w.
    """
    h = MS_PER_UNIT * dt
    a, b, c, d = kind[0], kind[1], kind[2], kind[3]
    for i in range(v.size):
        x, y = v[i], w[i]
        new = x + h * (0.04 * x * x + 5.0 * x + 140.0 - y + current[i])
        spike = new >= 30.0
        v[i] = c[i] if spike else new
        w[i] = y + h * a[i] * (b[i] * x - y) + (d[i] if spike else 0.0)
        fired[i] = spike


@kernel
def advance_rate_units(x, current, dt, r):
    """dx/dt = -x + current by Euler's step, and r = tanh(x)."""
    for i in range(x.size):
        x[i] += dt * (current[i] - x[i])
        r[i] = np.tanh(x[i])


@kernel
def softplus(x, c):
    """c ln(1 + exp(x/c)) and its slope, for any x."""
    z = x / c
    e = np.exp(-abs(z))
    value = c * (max(z, 0.0) + np.log1p(e))
    slope = 1.0 / (1.0 + e) if z >= 0.0 else e / (1.0 + e)
    return value, slope


@kernel
def theta_rate(x, c):
    """Smoothed rate of a theta neuron at the constant input x, spikes per unit, and its slope.

    phi(x) = sqrt(c ln(1 + exp(x/c))) / pi   (section 2.1)
    """
    s, ds = softplus(x, c)
    if s <= 0.0:
        return 0.0, 0.0
    root = np.sqrt(s)
    return root / np.pi, ds / (2.0 * np.pi * root)


@kernel
def leaky_rate(x, c):
    """As :func:`theta_rate`, of a leaky integrate-and-fire neuron.

    phi = 1 / ln(I / (I - 1)) at I = 1 + c ln(1 + exp((x - 1)/c))   (section 2.2)
    """
    s, ds = softplus(x - 1.0, c)
    if s <= 0.0:
        return 0.0, 0.0
    f = 1.0 / (np.log1p(s) - np.log(s))
    return f, f * f * ds / ((1.0 + s) * s)
