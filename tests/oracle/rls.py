"""A network trained by recursive least squares, statement by statement.

Dense ``W[post, pre]``, one dense P per neuron, no statement fused or deferred. It shares nothing
with simcore. Time is in the dimensionless unit of the specification (10 ms).
"""

import numpy as np

TWO_PI = 2 * np.pi


def learning_step(s, every):
    """Whether step s learns; s counts from 1 after the stimulus ended."""
    return s > 1 and s % every == 0


def ridge_solution(R, targets, w_initial, lam):
    """What RLS reaches after all rows of R (time, presynaptic neuron), in one go.

    Minimises sum_t (w . r_t - target_t)^2 + lam |w - w_initial|^2.
    """
    A = R.T @ R + lam * np.eye(R.shape[1])
    return w_initial + np.linalg.solve(A, R.T @ (targets - R @ w_initial))


def softplus(x, c):
    """c ln(1 + exp(x / c)) and its derivative, for any x without overflow."""
    return c * np.logaddexp(0.0, x / c), np.exp(-np.logaddexp(0.0, -x / c))


def theta_transfer(x, c):
    """Smoothed rate of a theta neuron at the constant current x, and its derivative."""
    s, ds = softplus(x, c)
    if s == 0.0:  # the derivative is 0/0 there
        return 0.0, 0.0
    return np.sqrt(s) / np.pi, ds / (2 * np.pi * np.sqrt(s))


def lif_transfer(x, c):
    """As theta_transfer, of a leaky integrate-and-fire neuron."""
    s, ds = softplus(x - 1.0, c)
    if s == 0.0:
        return 0.0, 0.0
    current = 1.0 + s
    # ln(1 + s) - ln(s) is ln(I / (I - 1)) without the cancellation in I - 1 at a small s.
    f = 1.0 / (np.log1p(s) - np.log(s))
    return f, f**2 * ds / (current * s)


TRANSFER = {"theta": theta_transfer, "lif": lif_transfer}


class LiteralNetwork:
    """N recurrently connected neurons.

    Parameters
    ----------
    W : float (N, N), post by pre
    connected : bool (N, N), where a synapse is
    neuron : "theta", "lif", "izhikevich" or "rate"
    dt : time step
    b : decay rate of the synapses
    lam : P starts as identity / lam
    I0 : constant current, one or one per neuron
    mode : int (N,), 0 untrained, 1 drive, 2 rate; default: all 1
    c : smoothing of the transfer function in rate training
    dale : None, "freeze", "clip" or "skip"
    sign : (N,), +1 or -1 of each presynaptic neuron, needed with dale
    stale : whether the step after learning integrates with the drive of the old weights
    state : float (N,), initial theta, v or x
    r : float (N,), initial filtered spikes; default: 0, of rate neurons tanh(x)
    recovery : float (N,), initial w of Izhikevich neurons
    izhikevich : arrays a, b, c, d of Izhikevich neurons
    current_scale : their current per unit of drive
    """

    def __init__(
        self,
        W,
        connected,
        *,
        neuron="theta",
        dt=0.1,
        b=0.5,
        lam=0.5,
        I0=0.0,
        mode=None,
        c=0.1,
        dale=None,
        sign=None,
        stale=True,
        state,
        r=None,
        recovery=None,
        izhikevich=None,
        current_scale=1.0,
    ):
        N = len(W)
        self.connected = np.array(connected, bool)
        self.W = np.where(self.connected, np.array(W, float), 0.0)
        self.neuron, self.dt, self.b, self.c = neuron, dt, b, c
        self.I0 = np.broadcast_to(np.array(I0, float), N)
        self.mode = np.ones(N, int) if mode is None else np.array(mode, int)
        if neuron not in TRANSFER and np.any(self.mode == 2):
            raise ValueError(f"no transfer function is specified for the rate of {neuron} neurons")
        self.dale, self.sign = dale, None if sign is None else np.array(sign)
        self.stale = stale
        self.state = np.array(state, float)
        self.recovery = None if recovery is None else np.array(recovery, float)
        self.izhikevich, self.current_scale = izhikevich, current_scale
        if r is not None:
            self.r = np.array(r, float)
        else:
            self.r = np.tanh(self.state) if neuron == "rate" else np.zeros(N)
        self.u = self.W @ self.r
        self.presynaptic = [np.flatnonzero(row) for row in self.connected]
        self.P = [np.eye(J.size) / lam for J in self.presynaptic]
        self.spiked = np.zeros(N, bool)
        self.frozen = np.zeros((N, N), bool)

    def step(self, external, target=None):
        """One time step, in the order of the specification; it learns if there is a target."""
        drive = self.u + self.I0 + external
        if self.neuron == "rate":
            self.state = self.state + self.dt * (-self.state + drive)
            self.r = np.tanh(self.state)
        else:
            advance = {
                "theta": self.step_theta,
                "lif": self.step_lif,
                "izhikevich": self.step_izhikevich,
            }
            self.spiked = advance[self.neuron](drive)
            z = self.b * self.dt
            decay = 1 - z + z**2 / 2 - z**3 / 6 + z**4 / 24
            # A spike does not decay in its own step.
            self.r = decay * self.r + self.b * self.spiked
        self.u = self.W @ self.r
        if target is not None:
            self.learn(target)
            if not self.stale:
                self.u = self.W @ self.r

    def step_theta(self, current):
        """Advance theta, which is never wrapped; which neurons passed pi (mod 2 pi)."""

        def slope(theta):
            return 1 - np.cos(theta) + current * (1 + np.cos(theta))

        old, dt = self.state, self.dt
        k1 = slope(old)
        k2 = slope(old + dt / 2 * k1)
        k3 = slope(old + dt / 2 * k2)
        k4 = slope(old + dt * k3)
        self.state = old + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        d = self.state - old
        return (d > 0) & (d > np.mod(np.pi - np.mod(old, TWO_PI), TWO_PI))

    def step_lif(self, current):
        self.state = current + (self.state - current) * np.exp(-self.dt)
        spiked = self.state >= 1.0
        self.state[spiked] = 0.0
        return spiked

    def step_izhikevich(self, drive):
        p, v, w = self.izhikevich, self.state, self.recovery
        h = 10 * self.dt  # ms, the unit of Izhikevich's equations
        current = self.current_scale * drive
        self.state = v + h * (0.04 * v**2 + 5 * v + 140 - w + current)
        self.recovery = w + h * p["a"] * (p["b"] * v - w)
        spiked = self.state >= 30.0
        self.state[spiked] = p["c"][spiked]
        self.recovery[spiked] += p["d"][spiked]
        return spiked

    def learn(self, target):
        """One update by recursive least squares of every neuron that is trained."""
        for i, J in enumerate(self.presynaptic):
            if self.mode[i] == 0:
                continue
            w = self.W[i, J]
            if self.mode[i] == 1:
                q = self.r[J]
                e = w @ q - target[i]
            else:
                phi, slope = TRANSFER[self.neuron](self.u[i] + self.I0[i], self.c)
                q = slope * self.r[J]
                e = phi - target[i]
            k = self.P[i] @ q
            den = 1 / (1 + q @ k)
            self.P[i] = self.P[i] - den * np.outer(k, k)
            self.W[i, J] = self.obey_dale(i, J, w, w - e * den * k)

    def obey_dale(self, i, J, old, proposed):
        """The weights that neuron i gets instead of the proposed ones."""
        if self.dale is None:
            return proposed
        wrong = proposed * self.sign[J] < 0
        if self.dale == "clip":
            return np.where(wrong, 0.0, proposed)
        if self.dale == "skip":
            return np.where(wrong, old, proposed)
        if self.dale == "freeze":
            self.frozen[i, J[wrong]] = True
            return np.where(self.frozen[i, J], old, proposed)
        raise ValueError(f"no such rule: {self.dale}")
