"""Training by recursive least squares: the inverses, one network, all networks of an experiment.

In training one trial follows the other without a break: state and P are carried over.
"""

import numpy as np
import psutil

from simcore import rls_connectivity, tracking
from simcore.errors import BlewUp, UserError
from simcore.kernels import least_squares as rule_kernel
from simcore.kernels.packed import diagonal_places, packed_size, padded
from simcore.numerics import steps_of
from simcore.rls import FLOATS, MODES, Model, modes

# Steps between two looks at the outside: requests to end, checkpoints.
CHUNK_STEPS = 50
# No drive comes near this unless the weights grow without bounds.
IMPOSSIBLE_DRIVE = 1e6


def inverses(experiment, synapses, groups=None):
    """Return P = identity / lambda of each neuron or group, in the experiment's layout.

    Parameters
    ----------
    experiment : simcore.rls_parameters.Experiment
    synapses : simcore.kernels.least_squares.IncomingSynapses
    groups : list of int arrays, optional
        Presynaptic neurons of each group, where they share an inverse.

    Returns
    -------
    simcore.kernels.least_squares.Inverse

    Raises
    ------
    UserError
        If the machine has too little memory: how much it takes.
    """
    require_memory(experiment)
    n, training = experiment.network.neurons, experiment.training
    number = FLOATS[experiment.bits]
    group = np.zeros(0, np.int32)
    columns, own_row = [np.zeros(0, np.int64)], np.zeros(0, np.int64)
    if groups is not None:
        layout, rows = rule_kernel.SHARED, np.array([columns.size for columns in groups])
        group, columns = rls_connectivity.group_of_each(experiment.network), groups
        found = [np.flatnonzero(groups[group[i]] == i) for i in range(n)]
        own_row = np.array([place[0] if place.size else -1 for place in found])
    else:
        full = training.inverse == "full 64-bit"
        layout = rule_kernel.FULL if full else rule_kernel.PACKED
        rows = np.where(modes(experiment) == MODES["untrained"], 0, np.diff(synapses.row_pointer))
    size = rows if layout == rule_kernel.FULL else padded(rows)
    start = np.concatenate(([0], np.cumsum(_numbers(rows, layout)))).astype(np.int64)
    P = np.zeros(start[-1], number)
    for begin, count in zip(start, rows, strict=False):
        if layout == rule_kernel.FULL:
            diagonal = np.arange(count) * (count + 1)
        else:
            diagonal = diagonal_places(count)
        P[begin + diagonal] = 1 / training.lambda_
    return rule_kernel.Inverse(
        layout=layout,
        P=P,
        start=start,
        size=size.astype(np.int64),
        c=np.zeros((size.size, max(int(size.max()), 1)), number),
        group=group,
        column_pointer=np.concatenate(([0], np.cumsum([c.size for c in columns]))).astype(np.int64),
        column=np.concatenate(columns).astype(np.uint32),
        own_row=own_row,
    )


def _numbers(rows, layout):
    """Numbers that P of so many rows takes."""
    return rows * rows if layout == rule_kernel.FULL else packed_size(rows)


def require_memory(experiment):
    """Raise UserError if the inverses of an experiment do not fit into this machine's memory."""
    needed, free = experiment.memory_needed, psutil.virtual_memory().available
    if needed > free:
        raise UserError(
            f"The inverses P of {experiment.network.neurons} neurons take {needed / 1e9:.1f} GB, "
            f"but {free / 1e9:.1f} GB are free: set training.inverse to packed 32-bit, "
            "network.presynaptic to grouped, or make network.neurons or network.p smaller."
        )


class Training:
    """The training of one network; it can be interrupted and resumed anywhere.

    Parameters
    ----------
    model : Model
        Its weights are trained in place.
    target : float64 (pattern, time, neuron)
        Drives, or rates in spikes per 10 ms, as each neuron is to learn.
    record : bool
        Whether ``first_loop`` receives the drives, float32 (time, neuron), while the weights are
        learned for the first time.
    """

    def __init__(self, model, target, record=False):
        check_target(model.experiment, target)
        self.first_loop = np.zeros(target.shape[1:] if record else (0, 0), np.float32)
        self.model, self.target = model, target
        self.state = model.start("training")
        self.inverse = inverses(model.experiment, model.synapses, model.groups)
        self.work = model.work(self.inverse, model.threads)
        self.trial, self.position = 0, 0
        self.curve = []

    @property
    def trials(self):
        """Number of trials of the whole training."""
        return self.model.experiment.training.loops * self.model.experiment.target.patterns

    def arrays(self):
        """Everything that is needed to go on, as arrays."""
        synapses = self.model.synapses
        return (
            {f"state.{name}": values for name, values in self.state._asdict().items()}
            | {"weight": synapses.weight, "frozen": synapses.frozen}
            | {"P": self.inverse.P, "c": self.inverse.c}
            | {"progress": np.array([self.trial, self.position])}
            | {"curve": self.curve_array(), "first_loop": self.first_loop}
        )

    def restore(self, arrays):
        """Go on from what :meth:`arrays` gave."""
        for name, values in self.state._asdict().items():
            values[...] = arrays[f"state.{name}"]
        self.model.synapses.weight[...] = arrays["weight"]
        self.model.synapses.frozen[...] = arrays["frozen"]
        self.inverse.P[...], self.inverse.c[...] = arrays["P"], arrays["c"]
        self.trial, self.position = (int(value) for value in arrays["progress"])
        self.curve = list(arrays["curve"])
        self.first_loop[...] = arrays["first_loop"]

    def curve_array(self):
        """The learning curve so far: float64 (test, 5).

        Loops; correlation, mean over starts and patterns; its standard deviation over starts (of
        rates, which are averaged over starts, not a number); change of the weights relative to the
        start; whether it is relative, as it cannot be for weights that were zero.
        """
        return np.array(self.curve, dtype=float).reshape(-1, 5)

    def run(self, tick=None):
        """Train to the end.

        ``tick`` is called with the simulated ms after each chunk and may raise to interrupt.

        Raises
        ------
        BlewUp
            If a P is no longer positive definite, or a drive grows without bounds: which, when.
        """
        experiment, dt = self.model.experiment, self.model.parameters.dt
        parts = self._parts()
        length = sum(steps for steps, _, _ in parts[0])
        while self.trial < self.trials:
            self._run_trial(
                parts[self.trial % experiment.target.patterns],
                lambda: tick and tick((self.trial * length + self.position) * dt),
            )
            self._refuse_growth()
            self.trial, self.position = self.trial + 1, 0
            loop, rest = divmod(self.trial, experiment.target.patterns)
            if not rest and loop in experiment.training.tests:
                self._test(loop)
            # Only now: a checkpoint between a loop and its test would lose the test.
            if tick:
                tick(self.trial * length * dt)

    def _parts(self):
        """Of the trial of each pattern: (steps, external input, learning) of each part."""
        model, experiment = self.model, self.model.experiment
        dt = model.parameters.dt
        free, on, window, every = (
            steps_of(time, dt)
            for time in (
                experiment.training.free_run,
                experiment.input.duration,
                experiment.target.duration,
                experiment.training.update_every,
            )
        )
        none = np.zeros((1, model.parameters.neurons))
        return [
            [
                (free, none, None),
                (on, stimulus[None], None),
                (window, model.frozen, (every, target, self.inverse, self.work)),
            ]
            for stimulus, target in zip(model.stimuli, self.target, strict=True)
        ]

    def _run_trial(self, parts, tick):
        begin = 0
        for steps, external, learning in parts:
            while self.position < begin + steps:
                position = self.position - begin
                chunk = min(CHUNK_STEPS, steps - position)
                record = learning is not None and self.trial == 0 and self.first_loop.size > 0
                made, broken = self.model.run(
                    self.state,
                    chunk,
                    external,
                    record=record,
                    position=position,
                    learning=learning,
                )
                if record:
                    self.first_loop[position : position + chunk] = made.drive
                self.position += chunk
                if broken >= 0:
                    self._refuse(broken)
                if self.position < sum(part[0] for part in parts):
                    tick()
            begin += steps

    def _refuse(self, broken):
        patterns = self.model.experiment.target.patterns
        who = "neuron" if self.model.groups is None else "group"
        bits = self.model.experiment.bits
        raise BlewUp(
            f"P of {who} {broken} of network {self.model.network} is no longer positive definite "
            f"in loop {self.trial // patterns + 1}: make training.lambda larger"
            + (", or set training.inverse to packed 64-bit." if bits == 32 else ".")
        )

    def _refuse_growth(self):
        """End a training whose weights grow without bounds, as they may under Dale's law."""
        sound = np.abs(self.state.u) < IMPOSSIBLE_DRIVE
        if not sound.all():
            neuron = int(np.argmin(sound))
            patterns = self.model.experiment.target.patterns
            raise BlewUp(
                f"The drive of neuron {neuron} of network {self.model.network} has grown to "
                f"{self.state.u[neuron]:.1e} in loop {self.trial // patterns + 1}: make "
                "training.lambda larger, or choose another training.dale."
            )

    def _test(self, loop):
        """Take up one point of the learning curve."""
        starts = range(self.model.experiment.test.starts)
        correlations = [
            self.model.correlations(
                [self.model.test(pattern, f"curve {start}") for start in starts], target
            ).mean(axis=1)
            for pattern, target in enumerate(self.target)
        ]
        of_starts = np.mean(correlations, axis=0)
        spread = np.std(of_starts, ddof=1) if of_starts.size > 1 else np.nan
        change = tracking.weight_change(self.model.synapses.weight, self.model.initial_weight)
        self.curve.append(np.array([loop, of_starts.mean(), spread, *change]))


def check_target(experiment, target):
    """Raise UserError if a target (pattern, time, neuron) does not fit its experiment."""
    steps = steps_of(experiment.target.duration, experiment.network.dt)
    expected = experiment.target.patterns, steps, experiment.network.neurons
    if target.shape != expected:
        raise UserError(
            f"The target has the shape {target.shape}, but {expected} (patterns, steps of "
            f"{experiment.network.dt:g} ms, neurons) are needed: mend its length, sampling or "
            "number of neurons."
        )
    if not np.isfinite(target).all():
        pattern, step, neuron = np.argwhere(~np.isfinite(target))[0]
        raise UserError(
            f"The target of neuron {neuron} is not finite at step {step} of pattern {pattern} "
            "(counted from 0): mend it."
        )


class Networks:
    """All networks of an experiment, trained one after the other; resumable anywhere.

    Parameters
    ----------
    experiment : simcore.rls_parameters.Experiment
    seed : int
    targets : float (run, pattern, time, neuron)
        A run is one network at one value of the experiment's series.
    threads : int
    """

    def __init__(self, experiment, seed, targets, threads=1):
        self.seed, self.targets, self.threads = seed, targets, threads
        self.runs, self.example = experiment.runs, experiment.example
        self.done = []
        self.current = None

    def arrays(self):
        """Everything that is needed to go on, as arrays."""
        arrays = {
            f"done.{run}.{name}": values
            for run, result in enumerate(self.done)
            for name, values in result.items()
        }
        if self.current is not None:
            arrays |= {f"current.{name}": v for name, v in self.current.arrays().items()}
        return arrays | {"runs": np.array(len(self.done))}

    def restore(self, arrays):
        """Go on from what :meth:`arrays` gave."""
        for run in range(int(arrays["runs"])):
            prefix = f"done.{run}."
            self.done.append(
                {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
            )
        prefix = "current."
        current = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
        if current:
            self.current = self._training(len(self.done))
            self.current.restore(current)

    @property
    def simulated(self):
        """Simulated ms of all runs that are done."""
        return sum(experiment.training_ms for _, experiment, _ in self.runs[: len(self.done)])

    def _training(self, run):
        _, experiment, network = self.runs[run]
        model = Model(experiment, self.seed, network, self.threads)
        return Training(model, self.targets[run].astype(float), record=run == self.example)

    def run(self, tick):
        """Train all networks; ``tick`` as in :meth:`Training.run`, with the ms of all runs."""
        for run in range(len(self.done), len(self.runs)):
            if self.current is None:
                self.current = self._training(run)
            before = self.simulated
            self.current.run(lambda ms, before=before: tick(before + ms))
            synapses = self.current.model.synapses
            self.done.append(
                {
                    "row_pointer": synapses.row_pointer,
                    "column": synapses.column,
                    "sign": synapses.sign,
                    "frozen": synapses.frozen,
                    "initial_weight": self.current.model.initial_weight,
                    "weight": synapses.weight,
                    "curve": self.current.curve_array(),
                    "first_loop": self.current.first_loop,
                }
            )
            self.current = None
