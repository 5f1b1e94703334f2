"""Runs that record and can be interrupted and resumed anywhere: training, learning, replay.

Each gives all it needs to go on as named arrays (``arrays``) and takes them back (``restore``).
"""

import numpy as np

from simcore import clock, measures, readout
from simcore.kernels.network import STEP
from simcore.numerics import steps_of

KEPT_SPIKES = 5e3  # ms of a training, at its end


class SpikeRecording:
    """All spikes of a run, or those of its last part.

    Parameters
    ----------
    first : float, ms
        Earlier spikes are not kept.
    """

    def __init__(self, first=0.0):
        self.first = first
        self.times, self.neurons = [], []

    def __call__(self, time, neuron):
        """Take up the spikes of a chunk: time (spike,) in ms, neuron (spike,)."""
        if time.size and time[-1] > self.first:
            keep = time > self.first
            self.times.append(time[keep])
            self.neurons.append(neuron[keep])

    def arrays(self):
        """Return ``time`` (ms) and ``neuron`` of all spikes."""
        return {
            "time": np.concatenate([np.zeros(0), *self.times]),
            "neuron": np.concatenate([np.zeros(0, np.int32), *self.neurons]),
        }

    def restore(self, arrays):
        """Go on from what :meth:`arrays` gave."""
        self.times, self.neurons = [arrays["time"]], [arrays["neuron"]]


class Course:
    """The course of a training: block weights, mean inhibition and rates at regular moments.

    Parameters
    ----------
    cluster : int (neurons_e,)
        Cluster of each E neuron.
    """

    def __init__(self, cluster):
        self.cluster, self.clusters = cluster, int(cluster.max()) + 1
        self.samples = []
        self.spikes_e = self.spikes_i = 0

    def count(self, neuron, neurons_e):
        """Take up the spikes of a chunk."""
        excitatory = int(np.count_nonzero(neuron < neurons_e))
        self.spikes_e += excitatory
        self.spikes_i += neuron.size - excitatory

    def sample(self, state, network):
        """Add the present moment."""
        time = state.counters[STEP] * network.dt
        since = (time - self.samples[-1]["time"]) / 1e3 if self.samples else 0.0
        weight = clock.settled_weights(state, network)
        e_to_e = (*state.e_to_e[:2], weight)
        blocks, _ = measures.block_means(*e_to_e, self.cluster, self.clusters)
        self.samples.append(
            {
                "time": time,
                "block_weight": blocks,
                "i_to_e_mean": state.i_to_e.weight.mean(),
                "rate_e": self.spikes_e / state.e.V.size / since if since else np.nan,
                "rate_i": self.spikes_i / state.i.V.size / since if since else np.nan,
            }
        )
        self.spikes_e = self.spikes_i = 0

    def arrays(self):
        """Return every quantity as an array over the moments, and the counts since the last."""
        shapes = {"block_weight": (self.clusters, self.clusters)}
        arrays = {
            name: np.array([sample[name] for sample in self.samples]).reshape(
                len(self.samples), *shapes.get(name, ())
            )
            for name in ("time", "block_weight", "i_to_e_mean", "rate_e", "rate_i")
        }
        return arrays | {"spikes": np.array([self.spikes_e, self.spikes_i])}

    def restore(self, arrays):
        """Go on from what :meth:`arrays` gave."""
        self.spikes_e, self.spikes_i = (int(count) for count in arrays["spikes"])
        names = [name for name in arrays if name != "spikes"]
        self.samples = [
            {name: arrays[name][n] for name in names} for n in range(arrays["time"].size)
        ]


class TrainingRun:
    """A plastic run that records its course and can be interrupted and resumed anywhere.

    Parameters
    ----------
    state : simcore.kernels.network.State
    duration : float, ms
    course : Course
    sample_every : float, ms
        Between two moments of the course.
    driver : simcore.kernels.network.Driver, optional
        Of which the spikes are, for :func:`simcore.clock.run`.
    """

    def __init__(self, state, duration, course, *, sample_every=120e3, driver=None):
        self.state, self.duration, self.course, self.driver = state, duration, course, driver
        self.sample_every = sample_every
        self.spikes = SpikeRecording(max(duration - KEPT_SPIKES, 0.0))

    def arrays(self):
        """Everything that is needed to go on, as arrays."""
        return (
            _named("state.", clock.flatten(self.state))
            | _named("course.", self.course.arrays())
            | _named("spikes.", self.spikes.arrays())
        )

    def restore(self, arrays):
        """Go on from what :meth:`arrays` gave."""
        clock.restore(self.state, _part(arrays, "state."))
        self.course.restore(_part(arrays, "course."))
        self.spikes.restore(_part(arrays, "spikes."))

    def run(self, network, until, tick):
        """Run with one set of the kernel's parameters until ``until`` (ms) has passed.

        ``tick`` is called with the simulated ms after each chunk and may raise to interrupt.
        """
        state, neurons_e = self.state, self.state.e.V.size

        def record(time, neuron):
            self.spikes(time, neuron)
            self.course.count(neuron, neurons_e)

        every = steps_of(self.sample_every, network.dt)
        end, last = (steps_of(time, network.dt) for time in (until, self.duration))
        while True:
            now = state.counters[STEP]
            # Here and not after the run: who was interrupted at such a moment goes on from it.
            if self._is_due(now, every, last, network.dt):
                self.course.sample(state, network)
            if now >= end:
                return
            moment = min((now // every + 1) * every, end) * network.dt
            clock.run(state, network, moment, driver=self.driver, record=record, tick=tick)

    def _is_due(self, now, every, last, dt):
        samples = self.course.samples
        if not samples:
            return True
        return (now % every == 0 or now == last) and samples[-1]["time"] < (now - 0.5) * dt


class ReplayRun:
    """Spontaneous activity with fixed weights, recorded from its beginning.

    Parameters
    ----------
    state : simcore.kernels.network.State
    readout_state : simcore.kernels.readout.ReadoutState, optional
        Of read-outs that take part.
    """

    def __init__(self, state, readout_state=None):
        self.state, self.readout_state = state, readout_state
        self.spikes, self.readout_spikes = SpikeRecording(), SpikeRecording()

    def arrays(self):
        """Everything that is needed to go on, as arrays."""
        arrays = _named("state.", clock.flatten(self.state))
        arrays |= _named("spikes.", self.spikes.arrays())
        if self.readout_state is not None:
            arrays |= _named("readout.", clock.flatten(self.readout_state))
            arrays |= _named("readout_spikes.", self.readout_spikes.arrays())
        return arrays

    def restore(self, arrays):
        """Go on from what :meth:`arrays` gave."""
        clock.restore(self.state, _part(arrays, "state."))
        self.spikes.restore(_part(arrays, "spikes."))
        if self.readout_state is not None:
            clock.restore(self.readout_state, _part(arrays, "readout."))
            self.readout_spikes.restore(_part(arrays, "readout_spikes."))

    def run(self, network, duration, tick, readout_kernel=None):
        """Run until ``duration`` (ms) has passed, with the kernel's parameters."""
        if readout_kernel is None:
            clock.run(self.state, network, duration, record=self.spikes, tick=tick)
        else:
            readout.run(
                self.state,
                network,
                self.readout_state,
                readout_kernel,
                duration,
                record=self.spikes,
                record_readout=self.readout_spikes,
                tick=tick,
            )


class LearningRun:
    """Read-outs that learn in blocks, each followed by a test, until its correlation levels off.

    The weights of the best test are kept: with more learning the read-outs, which learn from their
    own spikes too, fire more and more. Correlation, not error, tells which that is: where much of
    a target is silent, or has a mean of its own in each channel, the error of read-outs that keep
    no time at all is small. Of tests whose correlations are as good as the best (nearer to it than
    the tolerance by which learning has levelled off) it is the one with the least error: while a
    correlation stays, rates may still come closer to the target.

    Parameters
    ----------
    state : simcore.kernels.network.State
    readout_state : simcore.kernels.readout.ReadoutState
    parameters : simcore.parameters.Readout
    test : callable
        (weight, tick) to (error, correlation) of a replay with these weights; not-a-number without
        any pass.
    """

    def __init__(self, state, readout_state, parameters, test):
        self.state, self.readout_state = state, readout_state
        self.parameters, self.test = parameters, test
        self.curve = []
        # The tests that are as good as the best, by their places in the curve.
        self.good_weights = {}

    @property
    def best_weight(self):
        """The weights of the best test; what was learned last, if none saw a pass."""
        return self.good_weights.get(self.best_test, self.readout_state.weight)

    @property
    def best_test(self):
        """The place of the best test in the curve; None if none saw a pass."""
        return min(self.good_weights, key=self._error_then_correlation, default=None)

    def _error_then_correlation(self, test):
        _, error, correlation = self.curve[test]
        return error, -correlation

    def arrays(self):
        """Everything that is needed to go on, as arrays."""
        return (
            _named("state.", clock.flatten(self.state))
            | _named("readout.", clock.flatten(self.readout_state))
            | {"curve": np.array(self.curve, dtype=float).reshape(-1, 3)}
            | {"good_tests": np.array(list(self.good_weights), dtype=np.int64)}
            | {"good_weights": np.array(list(self.good_weights.values()))}
        )

    def restore(self, arrays):
        """Go on from what :meth:`arrays` gave."""
        clock.restore(self.state, _part(arrays, "state."))
        clock.restore(self.readout_state, _part(arrays, "readout."))
        self.curve = [tuple(row) for row in arrays["curve"]]
        weights = dict(zip(arrays["good_tests"], arrays["good_weights"], strict=True))
        self.good_weights = {int(test): weight for test, weight in weights.items()}

    def run(self, network, readout_kernel, tick):
        """Learn until the correlation levels off, or for the longest time allowed.

        Returns
        -------
        bool
            Whether it levelled off.
        """
        p = self.parameters
        while not self.levelled_off():
            learned = len(self.curve) * p.learning_block
            if learned >= p.learning_max:
                return False
            end = min(learned + p.learning_block, p.learning_max)
            readout.run(self.state, network, self.readout_state, readout_kernel, end, tick=tick)
            error, correlation = self.test(self.readout_state.weight, lambda _, end=end: tick(end))
            self.curve.append((end, error, correlation))
            self.good_weights[len(self.curve) - 1] = self.readout_state.weight.copy()
            self._forget_what_is_worse()
        return True

    def _forget_what_is_worse(self):
        """Forget the weights of tests that are not as good as the best."""
        of_tests = {test: self.curve[test][2] for test in self.good_weights}
        best = max((c for c in of_tests.values() if not np.isnan(c)), default=np.nan)
        for test, correlation in of_tests.items():
            near = best - correlation < self.parameters.levelled_off or correlation == best
            if not near:
                del self.good_weights[test]

    def levelled_off(self):
        """Whether the best correlation has stopped rising, once the shortest learning is over."""
        if not self.curve or self.curve[-1][0] < self.parameters.learning_min:
            return False
        # Silent read-outs, of correlation 0, have not begun to learn.
        found = [correlation for *_, correlation in self.curve if correlation != 0]
        return readout.has_levelled_off(found, self.parameters.levelled_off)


def _named(prefix, arrays):
    return {prefix + name: values for name, values in arrays.items()}


def _part(arrays, prefix):
    return {
        name.removeprefix(prefix): values
        for name, values in arrays.items()
        if name.startswith(prefix)
    }
