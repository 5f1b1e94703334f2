"""The recurrent network, step by step (specification, sections 1 to 4)."""

import math
from functools import lru_cache

import numpy as np

WORD = 0xFFFFFFFF


class Xoshiro128PlusPlus:
    """Blackman & Vigna's generator in Python integers."""

    def __init__(self, state):
        self.s = [int(word) for word in state]

    def next(self):
        s = self.s
        result = (rotate_left((s[0] + s[3]) & WORD, 7) + s[0]) & WORD
        t = (s[1] << 9) & WORD
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate_left(s[3], 11)
        return result


def rotate_left(word, bits):
    return ((word << bits) & WORD) | (word >> (32 - bits))


@lru_cache
def poisson_thresholds(mean):
    """round(P(count <= k) 2^32) for k = 0, 1, ..., as long as it is below 2^32."""
    thresholds, terms = [], []
    while True:
        k = len(terms)
        terms.append(math.exp(-mean) * mean**k / math.factorial(k))
        threshold = round(math.fsum(terms) * 2**32)
        if threshold >= 2**32:
            return thresholds
        thresholds.append(threshold)


def poisson_count(uniform, thresholds):
    """How many thresholds a 32-bit number reaches."""
    return sum(uniform >= threshold for threshold in thresholds)


def positive(values):
    return np.maximum(values, 0.0)


def dense(synapses, post):
    """W[post, pre] in pF and whether a synapse is there."""
    pre = len(synapses.row_pointer) - 1
    W, exists = np.zeros((post, pre)), np.zeros((post, pre), bool)
    for j in range(pre):
        for s in range(synapses.row_pointer[j], synapses.row_pointer[j + 1]):
            W[synapses.column[s], j] = synapses.weight[s]
            exists[synapses.column[s], j] = True
    return W, exists


def steps_of(time, dt):
    return round(time / dt)


class Filter:
    """Both filters of one kind of synapse onto one population (section 2)."""

    def __init__(self, neurons, tau_rise, tau_decay, dt):
        self.tau_rise, self.tau_decay, self.dt = tau_rise, tau_decay, dt
        self.rise, self.decay = np.zeros(neurons), np.zeros(neurons)

    def step(self, received):
        """Decay, take up what was received (pF), return the conductance (nS)."""
        self.rise = self.rise - self.dt * self.rise / self.tau_rise + received
        self.decay = self.decay - self.dt * self.decay / self.tau_decay + received
        return (self.decay - self.rise) / (self.tau_decay - self.tau_rise)


class Population:
    """Neurons of one kind (section 1). ``p`` has a D_T if they are exponential."""

    def __init__(self, p, V, dt, threshold_adds=False):
        self.p, self.dt, self.threshold_adds = p, dt, threshold_adds
        self.V = np.array(V, float)
        self.exponential = hasattr(p, "D_T")
        self.V_T = np.full(V.size, p.V_T0) if self.exponential else None
        self.w = np.zeros(V.size)
        self.held = np.zeros(V.size, int)
        self.spikes = np.zeros(V.size, bool)

    def step(self, g_E, g_I):
        """V_T and w advance, then V with the new ones; threshold test, reset and jumps."""
        p, dt, V = self.p, self.dt, self.V
        change = (p.E_L - V) / p.tau_m
        if self.exponential:
            self.V_T = self.V_T + dt * (p.V_T0 - self.V_T) / p.tau_T
            self.w = self.w - dt * self.w / p.tau_w
            change = change + p.D_T * np.exp((V - self.V_T) / p.D_T) / p.tau_m
        change = change + (g_E * (p.E_E - V) + g_I * (p.E_I - V) - self.w) / p.C
        for i in range(V.size):
            self.spikes[i] = False
            if self.held[i] > 0:
                self.held[i] -= 1
                V[i] = p.V_reset
                continue
            V[i] += dt * change[i]
            if V[i] > p.V_spike:
                self.spikes[i] = True
                V[i] = p.V_reset
                self.held[i] = steps_of(p.tau_ref, dt)
                if self.exponential:
                    self.V_T[i] = (self.V_T[i] if self.threshold_adds else p.V_T0) + p.A_T
                    self.w[i] += p.b


class Network:
    """The clock network.

    Parameters
    ----------
    connectivity : simcore.connectivity.Connectivity
    p : simcore.parameters.Clock
    dt : float, ms
    V_E, V_I : initial potentials, mV
    random_E, random_I : uint32 (4, neurons), initial states of the generators
    """

    def __init__(self, connectivity, p, dt, V_E, V_I, random_E, random_I):
        self.p, self.dt = p, dt
        n_E, n_I = V_E.size, V_I.size
        self.cluster = connectivity.cluster
        self.W_EE, self.exists_EE = dense(connectivity.e_to_e, n_E)
        self.W_EI, self.exists_EI = dense(connectivity.i_to_e, n_E)  # onto E, from I
        self.W_IE, _ = dense(connectivity.e_to_i, n_I)
        self.W_II, _ = dense(connectivity.i_to_i, n_I)
        self.reference = self.W_EE.sum(axis=1)
        self.E = Population(p.neuron_e, V_E, dt, p.threshold_after_spike == "add")
        self.I = Population(p.neuron_i, V_I, dt)
        f = p.filters
        self.filter_EE = Filter(n_E, f.tau_rise_E, f.tau_decay_E, dt)
        self.filter_EI = Filter(n_E, f.tau_rise_I, f.tau_decay_I, dt)
        self.filter_IE = Filter(n_I, f.tau_rise_E, f.tau_decay_E, dt)
        self.filter_II = Filter(n_I, f.tau_rise_I, f.tau_decay_I, dt)
        self.u, self.v = np.full(n_E, -60.0), np.full(n_E, -60.0)
        self.x, self.y_E, self.y_I = np.zeros(n_E), np.zeros(n_E), np.zeros(n_I)
        self.random_E = [Xoshiro128PlusPlus(random_E[:, i]) for i in range(n_E)]
        self.random_I = [Xoshiro128PlusPlus(random_I[:, i]) for i in range(n_I)]
        external, stimulation = p.external, p.stimulation
        self.thresholds_E = poisson_thresholds(external.rate_e * dt)
        self.thresholds_I = poisson_thresholds(external.rate_i * dt)
        self.thresholds_stimulated = poisson_thresholds((external.rate_e + stimulation.rate) * dt)
        self.steps, self.trace_steps = 0, 0
        self.clipped = {"e_to_e": np.zeros(2, int), "i_to_e": np.zeros(2, int)}  # below, above

    def run(self, steps, **options):
        """Advance; returns the spikes as (step, neuron), I neurons counted behind E."""
        spikes = []
        for _ in range(steps):
            self.step(**options)
            spikes += self.last_spikes()
        return spikes

    def last_spikes(self):
        both = np.concatenate([self.E.spikes, self.I.spikes])
        return [(self.steps, int(neuron)) for neuron in np.flatnonzero(both)]

    def step(self, *, plastic=False, traces=None, order=(), driver=None):
        """One step, in the order of the specification (end of section 2).

        With a driver, another network, the spikes travel through its synapses (section 7).
        """
        sending = self if driver is None else driver
        traces = plastic if traces is None else traces
        # 1. Stimulus on or off.
        stimulated = self.stimulated_cluster(order)
        # 2. Normalization, if due.
        due = self.trace_steps > 0 and self.trace_steps % self.window() == 0
        if traces and plastic and due:
            self.normalize()
        # 3. Every neuron.
        received_EE, received_EI = self.external_input_E(stimulated, bool(len(order)))
        received_IE = self.external_input_I()
        received_EE = received_EE + sending.W_EE @ self.E.spikes
        received_EI = received_EI + sending.W_EI @ self.I.spikes
        received_IE = received_IE + sending.W_IE @ self.E.spikes
        received_II = sending.W_II @ self.I.spikes
        if traces:
            self.decay_traces()
        self.E.step(self.filter_EE.step(received_EE), self.filter_EI.step(received_EI))
        self.I.step(self.filter_IE.step(received_IE), self.filter_II.step(received_II))
        # 4. Plasticity.
        if plastic:
            self.inhibitory_rule_E_spikes()
        if traces:
            self.y_E[self.E.spikes] += 1.0
        if plastic:
            self.inhibitory_rule_I_spikes()
            self.potentiate()
            self.depress()
        if traces:
            self.y_I[self.I.spikes] += 1.0
            self.x[self.E.spikes] += 1.0
            self.trace_steps += 1
        self.steps += 1

    def window(self):
        return steps_of(self.p.voltage_rule.normalization, self.dt)

    def stimulated_cluster(self, order):
        """The cluster that is stimulated in this step, or None."""
        stimulation = self.p.stimulation
        on = steps_of(stimulation.on, self.dt)
        whole = steps_of(stimulation.on + stimulation.gap, self.dt)
        if not len(order) or self.steps % whole >= on:
            return None
        return order[(self.steps // whole) % len(order)]

    def external_input_E(self, stimulated, embedding):
        """What the external events of this step bring to the excitatory, inhibitory filters."""
        external, stimulation = self.p.external, self.p.stimulation
        excitatory, inhibitory = np.zeros(self.E.V.size), np.zeros(self.E.V.size)
        for i, random in enumerate(self.random_E):
            uniform = random.next()
            if not embedding:
                excitatory[i] = external.weight_e * poisson_count(uniform, self.thresholds_E)
            elif self.cluster[i] == stimulated:
                count = poisson_count(uniform, self.thresholds_stimulated)
                excitatory[i] = external.weight_e * count
            else:
                count = poisson_count(uniform, self.thresholds_E)
                if stimulation.unstimulated == "excitatory":
                    excitatory[i] = -stimulation.unstimulated_weight * count
                else:
                    inhibitory[i] = stimulation.unstimulated_weight * count
        return excitatory, inhibitory

    def external_input_I(self):
        counts = [poisson_count(random.next(), self.thresholds_I) for random in self.random_I]
        return self.p.external.weight_i * np.array(counts, float)

    def decay_traces(self):
        """y and x decay, u and v follow the old V."""
        voltage, inhibitory, dt = self.p.voltage_rule, self.p.inhibitory_rule, self.dt
        self.y_E = self.y_E - dt * self.y_E / inhibitory.tau_y
        self.y_I = self.y_I - dt * self.y_I / inhibitory.tau_y
        self.u = self.u + dt * (self.E.V - self.u) / voltage.tau_u
        self.v = self.v + dt * (self.E.V - self.v) / voltage.tau_v
        self.x = self.x - dt * self.x / voltage.tau_x

    def clip(self, w, group):
        """Changed weights within their bounds; counts how many had left them."""
        rule = self.p.voltage_rule if group == "e_to_e" else self.p.inhibitory_rule
        self.clipped[group] += np.count_nonzero(w < rule.w_min), np.count_nonzero(w > rule.w_max)
        return np.clip(w, rule.w_min, rule.w_max)

    def normalize(self):
        """Subtract the same from each incoming weight so that their sum is the reference; clip."""
        for i in range(self.E.V.size):
            incoming = self.exists_EE[i]
            if incoming.any():
                w = self.W_EE[i, incoming]
                excess = (w.sum() - self.reference[i]) / w.size
                self.W_EE[i, incoming] = self.clip(w - excess, "e_to_e")

    def inhibitory_rule_E_spikes(self):
        rule = self.p.inhibitory_rule
        for i in np.flatnonzero(self.E.spikes):
            for j in np.flatnonzero(self.exists_EI[i]):
                w = self.W_EI[i, j] + rule.eta * self.y_I[j]
                self.W_EI[i, j] = self.clip(w, "i_to_e")

    def inhibitory_rule_I_spikes(self):
        rule = self.p.inhibitory_rule
        for j in np.flatnonzero(self.I.spikes):
            for i in np.flatnonzero(self.exists_EI[:, j]):
                w = self.W_EI[i, j] + rule.eta * (self.y_E[i] - 2 * rule.r_0 * rule.tau_y)
                self.W_EI[i, j] = self.clip(w, "i_to_e")

    def potentiate(self):
        """dw/dt = A x_pre [V_post - V_theta]+ [v_post - E_L]+ with this step's V, v and x."""
        rule = self.p.voltage_rule
        depolarized = positive(self.E.V - rule.V_theta) * positive(self.v - rule.E_L)
        for i in np.flatnonzero(depolarized):
            w = self.W_EE[i]
            raised = w + self.dt * rule.A_potentiation * self.x * depolarized[i]
            changed = self.exists_EE[i] & (raised != w)
            w[changed] = self.clip(raised[changed], "e_to_e")

    def depress(self):
        """At a presynaptic spike: w -= dt A [u_post - E_L]+."""
        rule = self.p.voltage_rule
        loss = self.dt * rule.A_depression * positive(self.u - rule.E_L)
        for j in np.flatnonzero(self.E.spikes):
            w = self.W_EE[:, j]
            changed = self.exists_EE[:, j] & (loss > 0)
            w[changed] = self.clip((w - loss)[changed], "e_to_e")
