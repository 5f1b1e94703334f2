"""Read-outs, supervisors and interneurons, step by step (specification, sections 5 and 6)."""

import numpy as np

from oracle.network import (
    Filter,
    Population,
    Xoshiro128PlusPlus,
    poisson_count,
    poisson_thresholds,
    positive,
    steps_of,
)


class Readouts:
    """Read-outs of an oracle network.

    Parameters
    ----------
    network : oracle.network.Network
    p : simcore.parameters.Readout
    replay : simcore.parameters.Replay
    target_rate : (patterns, time, channel), kHz
    V_A, V_S, V_H : initial potentials, mV
    random_A, random_S, random_H : uint32 (4, channels), initial states of the generators
    learning : bool
    inhibited : bool (channels,), which get the inhibitory input of a replay; default: none
    """

    def __init__(
        self,
        network,
        p,
        replay,
        target_rate,
        V_A,
        V_S,
        V_H,
        random_A,
        random_S,
        random_H,
        *,
        learning,
        inhibited=None,
        weight=None,
    ):
        self.network, self.p, self.replay, self.target_rate = network, p, replay, target_rate
        self.learning, self.inhibited = learning, inhibited
        self.has_interneurons = learning or replay.interneurons == "connected"
        n, dt, f = V_A.size, network.dt, network.p.filters
        adds = p.threshold_after_spike == "add"
        self.A = Population(p.neuron, V_A, dt, adds)
        self.S = Population(p.neuron, V_S, dt, adds)
        self.H = Population(p.interneuron, V_H, dt)
        self.filter_A_E = Filter(n, f.tau_rise_E, f.tau_decay_E, dt)
        self.filter_A_I = Filter(n, f.tau_rise_I, f.tau_decay_I, dt)
        self.filter_S = Filter(n, f.tau_rise_E, f.tau_decay_E, dt)
        self.filter_H = Filter(n, f.tau_rise_E, f.tau_decay_E, dt)
        self.random = {
            kind: [Xoshiro128PlusPlus(states[:, c]) for c in range(n)]
            for kind, states in (("A", random_A), ("S", random_S), ("H", random_H))
        }
        self.u, self.v = np.full(n, -60.0), np.full(n, -60.0)
        self.x = np.zeros(network.E.V.size)
        self.weight = np.zeros((n, network.E.V.size)) if weight is None else weight.copy()
        self.history = []  # clusters of the E spikes of each of the last steps
        self.position, self.pattern, self.passes = None, 0, 0
        self.clipped = 0  # how many weights depression would have made negative

    def run(self, steps):
        """Advance; returns the spikes of the network and those of A, S, H, as (step, neuron)."""
        network_spikes, spikes = [], {"A": [], "S": [], "H": []}
        for _ in range(steps):
            self.step()
            network_spikes += self.network.last_spikes()
            for kind, population in (("A", self.A), ("S", self.S), ("H", self.H)):
                fired = np.flatnonzero(population.spikes)
                spikes[kind] += [(self.network.steps, int(c)) for c in fired]
        return network_spikes, spikes

    def step(self):
        network, p = self.network, self.p
        self.advance_target()
        # Spikes of the step before, not of this one, act now.
        before = {"E": network.E.spikes.copy(), "A": self.A.spikes.copy()}
        before |= {"S": self.S.spikes.copy(), "H": self.H.spikes.copy()}
        weight = self.weight.copy()
        network.step()
        none = np.zeros(self.A.V.size)
        if self.learning:
            received = p.external_weight * self.events("S", self.supervisor_rates())
            self.S.step(self.filter_S.step(received), none)
        if self.has_interneurons:
            received = p.external_weight * self.events("H", none + p.baseline_rate)
            received = received + p.readout_to_interneuron * before["A"]
            self.H.step(self.filter_H.step(received), none)
        self.step_A(weight, before)
        if self.learning:
            self.learn()
        self.remember()

    def step_A(self, weight, before):
        p, rule, dt = self.p, self.p.rule, self.network.dt
        rates = np.zeros(self.A.V.size)
        if self.inhibited is not None:
            rates[self.inhibited] = self.replay.inhibition_rate
        excitatory = weight @ before["E"] + p.supervisor_to_readout * before["S"]
        inhibitory = p.interneuron_to_readout * before["H"]
        inhibitory = inhibitory + self.replay.inhibition_weight * self.events("A", rates)
        self.u = self.u + dt * (self.A.V - self.u) / rule.tau_u
        self.v = self.v + dt * (self.A.V - self.v) / rule.tau_v
        self.A.step(self.filter_A_E.step(excitatory), self.filter_A_I.step(inhibitory))

    def events(self, kind, rates):
        """Poisson counts of this step at these rates (kHz)."""
        dt = self.network.dt
        return np.array(
            [
                poisson_count(random.next(), poisson_thresholds(rate * dt))
                for random, rate in zip(self.random[kind], rates, strict=True)
            ],
            float,
        )

    def supervisor_rates(self):
        if self.position is None:
            return np.full(self.A.V.size, self.p.baseline_rate)
        return self.target_rate[self.pattern, self.position]

    def advance_target(self):
        """A target runs to its end, then starts again as soon as cluster 0 leads."""
        dt = self.network.dt
        if self.position is not None:
            self.position += 1
            if self.position == self.target_rate.shape[1]:
                self.position = None
        done = self.network.steps
        if self.position is None and done >= steps_of(self.p.burn_in, dt) and self.leader() == 0:
            self.position = 0
            block = done // steps_of(self.p.alternation, dt)
            self.pattern = block % self.target_rate.shape[0]
            self.passes += 1

    def leader(self):
        """The cluster with most spikes in the last 10 ms, the lowest in a tie, or None."""
        counts = np.zeros(self.network.cluster.max() + 1, int)
        for clusters in self.history:
            np.add.at(counts, clusters, 1)
        return int(np.argmax(counts)) if counts.any() else None

    def remember(self):
        self.history.append(self.network.cluster[self.network.E.spikes])
        del self.history[: -steps_of(10.0, self.network.dt)]

    def learn(self):
        """Potentiation with x before its jump, then depression at this step's E spikes."""
        rule, dt, fired = self.p.rule, self.network.dt, self.network.E.spikes
        self.x = self.x - dt * self.x / rule.tau_x
        depolarized = positive(self.A.V - rule.V_theta) * positive(self.v - rule.E_L)
        soft = 1.0 - self.weight / rule.w_max
        self.weight += dt * rule.A_potentiation * soft * np.outer(depolarized, self.x)
        loss = dt * rule.A_depression * positive(self.u - rule.E_L)
        depressed = self.weight[:, fired] - loss[:, None]
        self.clipped += np.count_nonzero(depressed < 0)
        self.weight[:, fired] = positive(depressed)
        self.x[fired] += 1.0
