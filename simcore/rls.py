"""Networks trained by recursive least squares: their parts, and how they run and are tested.

A trial is a free run, a stimulus and the window in which the target is to be followed. A test
begins at random phases (training: `simcore.rls_training`).
Times are in ms here, in units of 10 ms in the kernels.
"""

from typing import NamedTuple

import numpy as np

from simcore import drives, rls_connectivity, tracking
from simcore.kernels import least_squares as rule_kernel
from simcore.kernels import rls_network as kernel
from simcore.numerics import MS_PER_UNIT, steps_of
from simcore.streams import stream

NEURONS = {
    "theta": rule_kernel.THETA,
    "leaky": rule_kernel.LEAKY,
    "izhikevich": rule_kernel.IZHIKEVICH,
    "rate": rule_kernel.RATE_UNIT,
}
MODES = {
    "untrained": rule_kernel.UNTRAINED,
    "drive": rule_kernel.DRIVE,
    "rate": rule_kernel.RATE,
}
DALE = {
    "none": rule_kernel.ALLOW,
    "clip": rule_kernel.CLIP,
    "skip": rule_kernel.SKIP,
    "freeze": rule_kernel.FREEZE,
}
# Types of the numbers in P, by their bits.
FLOATS = {64: np.float64, 32: np.float32}
# Izhikevich's five types (2003): a, b, c, d.
IZHIKEVICH_TYPES = {
    "regular spiking": (0.02, 0.2, -65.0, 8.0),
    "intrinsically bursting": (0.02, 0.2, -55.0, 4.0),
    "chattering": (0.02, 0.2, -50.0, 2.0),
    "fast spiking": (0.1, 0.2, -65.0, 2.0),
    "low-threshold spiking": (0.02, 0.25, -65.0, 2.0),
}


def seed_name(network):
    """Return the name from which the streams of one network of an experiment begin."""
    return f"rls network {network}"


# ------------------------------------------------------------------------------------ the network


def kernel_parameters(parameters, stale=True):
    """Return the kernel's parameters of neurons and synapses.

    Parameters
    ----------
    parameters : simcore.rls_parameters.RLSNetwork
    stale : bool
        Whether the step after an update integrates with the drive of the old weights.
    """
    n = parameters.neurons
    dt, b = parameters.dt / MS_PER_UNIT, MS_PER_UNIT / parameters.tau_s
    z = b * dt
    types = np.array(list(IZHIKEVICH_TYPES.values()))
    return kernel.Network(
        neuron=NEURONS[parameters.neuron],
        dt=dt,
        decay=1 - z + z**2 / 2 - z**3 / 6 + z**4 / 24,
        jump=b,
        constant_input=np.full(n, float(parameters.input)),
        current_scale=float(parameters.current_scale),
        kind=np.ascontiguousarray(types[np.arange(n) * len(types) // n].T),
        stale=stale,
    )


def initial_state(parameters, generator):
    """Return the state before the first step: random phases or potentials, no spikes before.

    Parameters
    ----------
    parameters : simcore.rls_parameters.RLSNetwork
    generator : numpy.random.Generator

    Returns
    -------
    simcore.kernels.rls_network.State
    """
    n = parameters.neurons
    low, high = {
        "theta": (0.0, 2 * np.pi),
        "leaky": (0.0, 1.0),
        "izhikevich": (-65.0, -50.0),
        "rate": (-1.0, 1.0),
    }[parameters.neuron]
    v = generator.uniform(low, high, n)
    return kernel.State(
        v=v,
        recovery=0.2 * v if parameters.neuron == "izhikevich" else np.zeros(n),
        r=np.tanh(v) if parameters.neuron == "rate" else np.zeros(n),
        u=np.zeros(n),
        held=np.zeros(n),
        silenced=np.zeros(n, np.bool_),
    )


def stimuli(experiment, seed, network):
    """Draw the stimulus of each pattern: float64 (pattern, neuron)."""
    generator = stream(seed, f"{seed_name(network)}: stimuli")
    amplitude = experiment.input.amplitude
    shape = experiment.target.patterns, experiment.network.neurons
    return amplitude * generator.uniform(-1, 1, shape)


def frozen_noise(experiment, seed, network):
    """Draw the external input of the window, equal in all trials: float64 (row, neuron)."""
    n = experiment.network.neurons
    if experiment.input.frozen_noise == 0:
        return np.zeros((1, n))
    return drives.noise(
        stream(seed, f"{seed_name(network)}: frozen noise"),
        n,
        experiment.target.duration,
        experiment.network.dt,
        tau_c=experiment.input.frozen_tau,
        sd=experiment.input.frozen_noise,
    )


def modes(experiment):
    """What each neuron learns: int8 (neuron,)."""
    n, target = experiment.network.neurons, experiment.target
    mode = np.full(n, MODES[experiment.training.what], np.int8)
    if experiment.trains_others:
        mode[target.followers :] = MODES[target.others.train]
    return mode


# -------------------------------------------------------------------------------------- the trials


class Trial(NamedTuple):
    """What happened in the window of a test and, if asked for, before and after it.

    Attributes
    ----------
    drive : float32 (time, neuron)
    spike_step : int64 (spike,)
        1 is the first step of the window.
    spike_neuron : int32 (spike,)
    """

    drive: np.ndarray
    spike_step: np.ndarray
    spike_neuron: np.ndarray


class Model:
    """One network of an experiment: its parts, and how it runs.

    Parameters
    ----------
    experiment : simcore.rls_parameters.Experiment
    seed : int
        Of the study.
    network : int
        Number of the network; each has streams of its own, the same in every experiment.
    threads : int
        That share the updates.
    """

    def __init__(self, experiment, seed, network, threads=1):
        self.experiment, self.seed, self.network, self.threads = experiment, seed, network, threads
        self.parameters = experiment.network
        generator, self.groups = self.stream("weights"), None
        if self.parameters.presynaptic != "independent":
            self.groups = rls_connectivity.groups_of(self.parameters, generator)
        self.synapses = rls_connectivity.build(self.parameters, generator, self.groups)
        self.initial_weight = self.synapses.weight.copy()
        stale = experiment.training.drive_after_learning == "stale"
        self.kernel = kernel_parameters(self.parameters, stale)
        self.stimuli = stimuli(experiment, seed, network)
        self.frozen = frozen_noise(experiment, seed, network)
        self.rule = rule_kernel.Rule(
            mode=modes(experiment),
            dale=DALE[experiment.training.dale],
            smoothing=experiment.training.smoothing,
            neuron=self.kernel.neuron,
            constant_input=self.kernel.constant_input,
        )
        n = self.parameters.neurons
        self._scratch = kernel.Scratch(np.zeros(n), np.zeros(n, np.bool_))
        self._idle = self._no_inverse()

    def stream(self, purpose):
        """The random stream of this network for one purpose."""
        return stream(self.seed, f"{seed_name(self.network)}: {purpose}")

    def _no_inverse(self):
        """Stand-ins with which the kernel runs without learning."""
        none, number = np.zeros(0, np.int64), FLOATS[self.experiment.bits]
        inverse = rule_kernel.Inverse(
            rule_kernel.PACKED,
            np.zeros(0, number),
            none,
            none,
            np.zeros((0, 1), number),
            np.zeros(0, np.int32),
            none,
            np.zeros(0, np.uint32),
            none,
        )
        return inverse, self.work(inverse, 1)

    def work(self, inverse, threads):
        """Room for the updates of an inverse by so many threads."""
        shape = threads, inverse.c.shape[1]
        rooms = (np.zeros(shape, inverse.P.dtype) for _ in range(4))
        return rule_kernel.Work(*rooms, np.full(threads, -1))

    def start(self, purpose, *, synapses=None, silenced=None):
        """Return a state of random phases, drawn from the stream of this purpose.

        Parameters
        ----------
        purpose : str
        synapses : IncomingSynapses, optional
            In place of the model's.
        silenced : bool (neuron,), optional
            Neurons that do not fire.
        """
        state = initial_state(self.parameters, self.stream(purpose))
        if silenced is not None:
            state.silenced[:] = silenced
            state.r[silenced] = 0.0
        if self.parameters.neuron == "rate":
            kernel.drive_of(self.synapses if synapses is None else synapses, state.r, state.u)
            state.held[:] = state.u
        return state

    def run(
        self, state, steps, external, *, synapses=None, record=False, position=0, learning=None
    ):
        """Advance a state by some steps of one part of a trial.

        Parameters
        ----------
        state : simcore.kernels.rls_network.State
            Changed in place.
        steps, position : int
            Steps to do, and those of this part that were done before.
        external : float64 (row, neuron)
            One row of input, or one for each step of the part.
        synapses : IncomingSynapses, optional
            Damaged ones in place of the model's.
        record : bool
            Whether the drive is recorded.
        learning : tuple, optional
            (steps between updates, target (time, neuron), Inverse, Work).

        Returns
        -------
        Trial
        int
            The neuron or group whose P is no longer positive definite, or -1.
        """
        n = self.parameters.neurons
        every, target, inverse, work = learning or (0, np.zeros((0, n)), *self._idle)
        drive = np.zeros((steps if record else 0, n))
        step, neuron = np.zeros(steps * n, np.int64), np.zeros(steps * n, np.int32)
        count, broken = kernel.run_rls(
            steps,
            position,
            self.kernel,
            self.synapses if synapses is None else synapses,
            state,
            external,
            every,
            target,
            inverse,
            self.rule,
            work,
            self._scratch,
            drive,
            step,
            neuron,
        )
        trial = Trial(drive.astype(np.float32), step[:count].copy(), neuron[:count].copy())
        return trial, broken

    def test(
        self,
        pattern,
        name,
        *,
        synapses=None,
        silenced=None,
        stimulus=None,
        before=0.0,
        after=0.0,
        delete=None,
    ):
        """Test with fixed weights from random phases.

        Parameters
        ----------
        pattern : int
            Whose stimulus is given.
        name : str
            Of the start: its phases and noise are streams of their own.
        synapses : IncomingSynapses, optional
            Damaged ones in place of the model's.
        silenced : bool (neuron,), optional
            Neurons that do not fire.
        stimulus : float64 (neuron,), optional
            In place of the pattern's own.
        before, after : float, ms
            Recorded before and after the window.
        delete : tuple of int, optional
            (step of the window, neuron): a spike that is suppressed.

        Returns
        -------
        Trial
        """
        experiment = self.experiment
        state = self.start(f"start {name}", synapses=synapses, silenced=silenced)
        noise = self._noise(name)
        none = np.zeros((1, self.parameters.neurons))
        stimulus = self.stimuli[pattern] if stimulus is None else stimulus

        def part(time, external, delete=None):
            steps = steps_of(time, self.parameters.dt)
            external = noise(steps, external)
            if delete is not None:
                return self._with_spike_deleted(state, steps, external, synapses, *delete)
            return self.run(state, steps, external, synapses=synapses, record=True)[0]

        parts = [
            part(experiment.test.free_run, none),
            part(experiment.input.duration, stimulus[None]),
            part(experiment.target.duration, self.frozen, delete),
            part(after, none),
        ]
        begin = len(parts[0].drive) + len(parts[1].drive)
        return _cut(_joined(*parts), begin, steps_of(before, self.parameters.dt))

    def _with_spike_deleted(self, state, steps, external, synapses, step, neuron):
        """A window in which one neuron does not fire in one step (counted from 1)."""
        options = {"synapses": synapses, "record": True}
        before, _ = self.run(state, step - 1, external, **options)
        silenced = state.silenced[neuron]
        state.silenced[neuron] = True
        during, _ = self.run(state, 1, external, position=step - 1, **options)
        state.silenced[neuron] = silenced
        rest, _ = self.run(state, steps - step, external, position=step, **options)
        return Trial(
            np.concatenate([part.drive for part in (before, during, rest)]),
            np.concatenate([part.spike_step for part in (before, during, rest)]),
            np.concatenate([part.spike_neuron for part in (before, during, rest)]),
        )

    @property
    def follows_rate(self):
        """Whether the followers of the target follow it with their rate."""
        return self.rule.mode[0] == rule_kernel.RATE

    @property
    def followers(self):
        """Number of neurons that follow the target itself, the first ones."""
        return self.experiment.target.followers or self.parameters.neurons

    def correlations(self, trials, target):
        """Correlate the followers with their target.

        Parameters
        ----------
        trials : list of Trial
            Tests of one pattern.
        target : float64 (time, neuron)

        Returns
        -------
        float64 (start, follower)
            Of rates, which are averaged over the trials, one row.
        """
        steps, n = len(target), self.followers
        if self.follows_rate:
            goal = self.smoothed_target_rate(target)
            return tracking.correlation(self.rates(trials), goal[:, :n])[None]
        return np.stack(
            [tracking.correlation(trial.drive[:steps, :n], target[:, :n]) for trial in trials]
        )

    def rates(self, trials):
        """Rate of the followers in the window, averaged over trials: Hz (time, neuron)."""
        dt, duration = self.parameters.dt, self.experiment.target.duration
        step = np.concatenate([trial.spike_step for trial in trials])
        neuron = np.concatenate([trial.spike_neuron for trial in trials])
        shown = (neuron < self.followers) & (step > 0) & (step <= steps_of(duration, dt))
        sd = self.experiment.test.psth_sd
        return tracking.psth(
            step[shown] * dt, neuron[shown], len(trials), self.followers, duration, dt, sd=sd
        )

    def smoothed_target_rate(self, target):
        """A target rate (time, neuron) in Hz, smoothed like the rates it is compared with."""
        sd = self.experiment.test.psth_sd
        return tracking.smoothed_inside(target * drives.HZ, sd, self.parameters.dt)

    def _noise(self, name):
        """Return a function that adds fresh white noise to so many steps of external input."""
        sd = self.experiment.test.noise
        generator = self.stream(f"noise {name}")

        def add(steps, external):
            if sd == 0:
                return external
            fresh = generator.standard_normal((steps, self.parameters.neurons))
            return external + sd / np.sqrt(self.kernel.dt) * fresh

        return add


def _joined(*parts):
    """One trial from parts that follow each other, whose spikes each count from their beginning."""
    begins = np.cumsum([0] + [len(part.drive) for part in parts[:-1]])
    return Trial(
        np.concatenate([part.drive for part in parts]),
        np.concatenate([p.spike_step + begin for p, begin in zip(parts, begins, strict=True)]),
        np.concatenate([part.spike_neuron for part in parts]),
    )


def _cut(trial, window, before):
    """A trial from so many steps before the window on, its spikes counted from the window."""
    before = min(before, window)
    shown = trial.spike_step > window - before
    return Trial(
        trial.drive[window - before :], trial.spike_step[shown] - window, trial.spike_neuron[shown]
    )
