"""Sweeps: a grid of studies, and the work that its points have in common.

A sweep varies values of a study along axes. Each *point* is a whole study with a seed; what it
needs is a chain of *steps*, each a stage of :mod:`simcore.stages`. A step's key is a digest of all
that its result depends on, so that points with the same step share it, and nothing with a known key
is computed again: not when an axis grows, nor when replicates are added.
"""

import hashlib
import json
import math
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from simcore import stage_parameters
from simcore.errors import UserError
from simcore.parameters import read_study, target_files
from simcore.stores import SUFFIX, file_digest


@dataclass(frozen=True)
class Step:
    """One stage of one or more points.

    Attributes
    ----------
    stage : str
        Name of a function of :mod:`simcore.stages`.
    name : str
        Of the run, as in a study.
    given : dict
        Parameters that the stage uses.
    seed : int
    code : str
        Digest of the stage's code.
    inputs : dict of str to Step
        By the role that they play.
    files : dict of str to path
    """

    stage: str
    name: str
    given: dict
    seed: int
    code: str
    inputs: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)

    @property
    def is_cheap(self):
        """Whether it simulates nothing: made anew wherever it is needed, never stored."""
        if self.stage == "network":
            clock = self.given["clock"]
            return clock["connectivity"] != "trained" or clock["weights"] is not None
        if self.stage == "rls_targets":
            return self.given["experiment"]["target"]["kind"] != "innate"
        return self.stage == "target"

    @property
    def is_long(self):
        """Whether it trains a clock: a job of its own, with checkpoints, also for one point."""
        return self.stage in ("network", "training") and not self.is_cheap

    @cached_property
    def key(self):
        """Digest of all that the result depends on."""
        inputs = {role: step.key for role, step in self.inputs.items()}
        return self._digest(self.code, inputs)

    @cached_property
    def identity(self):
        """Digest of all but the code (:mod:`simcore.kept`)."""
        inputs = {role: step.identity for role, step in self.inputs.items()}
        return self._digest("", inputs)

    def _digest(self, code, inputs):
        files = {role: file_digest(path) for role, path in self.files.items()}
        return _digest([self.stage, self.name, self.given, self.seed, code, inputs, files])


@dataclass(frozen=True)
class Point:
    """One place of a sweep's grid with one seed.

    Attributes
    ----------
    index : tuple of int
        On each axis, and among the replicates.
    results : dict of str to dict of str to Step
        What is measured, by the beginning of its measures' ids (``clock.weights``, ``clock``,
        ``readout.<target>``, ``rls.<experiment>``): the steps by the role that they play.
    measures : tuple of str
    burn_in : float, ms
        Of a replay, before its first pass.
    code : str
        Digest of the code that measures.
    """

    index: tuple
    results: dict
    measures: tuple
    burn_in: float
    code: str

    @cached_property
    def steps(self):
        """All steps by key, each behind those that it needs."""
        steps = {}
        for roles in self.results.values():
            for step in roles.values():
                _collect(step, steps)
        return steps

    @cached_property
    def key(self):
        """Digest of all that its numbers depend on."""
        return self._digest(self.code, "key")

    @cached_property
    def identity(self):
        """Digest of all but the code (:mod:`simcore.kept`)."""
        return self._digest("", "identity")

    def _digest(self, code, of_step):
        results = {
            name: {role: getattr(step, of_step) for role, step in roles.items()}
            for name, roles in self.results.items()
        }
        return _digest([results, self.measures, self.burn_in, code])


def step_path(folder, key):
    """Path of a shared step's store in the folder of a study's sweeps."""
    return Path(folder) / "steps" / f"{key}{SUFFIX}"


def point_path(folder, key):
    """Path of a point's store in the folder of a study's sweeps."""
    return Path(folder) / "points" / f"{key}{SUFFIX}"


def cost_path(folder, job):
    """Path of what the steps of a job cost, in the folder of a study's sweeps."""
    return Path(folder) / "costs" / f"{job}.json"


def cpu_seconds(folder):
    """CPU seconds of all steps on record in the folder of a study's sweeps, by key."""
    records = [json.loads(path.read_text()) for path in sorted(Path(folder).glob("costs/*.json"))]
    return {key: cost["cpu_seconds"] for record in records for key, cost in record.items()}


def learning(point, group):
    """The steps of one group of a point's results that come before its replays: key to identity."""
    steps = {}
    for role, step in point.results[group].items():
        for one in [step] if role != "replay" else step.inputs.values():
            _collect(one, steps)
    return {key: step.identity for key, step in steps.items()}


def training(study, codes):
    """The steps by which a study trains its own clock, by name.

    Parameters
    ----------
    study : simcore.parameters.Study
    codes : dict
        As in :func:`points`.
    """
    steps = {}
    _collect(_Chains(study, codes, study.study, 0, "network").network, steps)
    return {step.name: step for step in steps.values()}


def points(sweep, study, codes, where="the sweep", *, experiments=None, only=None):
    """Return the points of a sweep, in the order of its grid.

    Parameters
    ----------
    sweep : simcore.sweep_parameters.Sweep
    study : dict
        The study that is varied, as read from YAML.
    codes : dict of str to str
        Digest of the code of each stage, ``rls_`` before the names of those of
        :mod:`simcore.rls_stages`, and of what measures: ``measure``.
    where : str
        For messages.
    experiments : dict, optional
        As :func:`simcore.parameters.read_study` takes them.
    only : collection of int, optional
        Places of the wanted points in that order; default: all.

    Raises
    ------
    UserError
        A key or value makes no study, or a measure is not one of it.
    """
    found = []
    for number in range(math.prod(sweep.shape)) if only is None else sorted(only):
        index = tuple(map(int, np.unravel_index(number, sweep.shape)))
        changes, at = _changes(sweep, index, where)
        changed = study
        for key, value in changes.items():
            changed = _with(changed, key.split("."), value, at)
        varied = read_study(changed, at, experiments)
        chains = _Chains(varied, codes, at, index[-1], sweep.redraw)
        results = {}
        for measure in sweep.measures:
            if measure not in varied.measures():
                raise UserError(f"{at}: there is no measure {measure} (docs/sweeps.md lists them).")
            group = group_of(measure)
            if group not in results:
                results[group] = chains.result(group)
        burn_in = varied.readout.burn_in
        found.append(Point(index, results, sweep.measures, burn_in, codes["measure"]))
    return found


def _changes(sweep, index, where):
    """What a point changes of the study, by key, and how to call its place."""
    moved = {}
    for axis, place in zip(sweep.axes.values(), index, strict=False):
        moved |= zip(axis.keys, axis.places[place], strict=True)
    at = ", ".join(f"{key} = {value}" for key, value in moved.items())
    return dict(sweep.base) | moved, f"{where}, at {at}"


def shared(of_points):
    """Return the steps that are worth sharing, by key, each behind those that it needs.

    Two or more points need each, and it takes time to make; or it takes very long. A point that two
    sweeps have counts once.
    """
    needed, steps = Counter(), {}
    for point in {point.key: point for point in of_points}.values():
        needed.update(point.steps.keys())
        steps = point.steps | steps
    return {
        key: step
        for key, step in steps.items()
        if (needed[key] > 1 and not step.is_cheap) or step.is_long
    }


def shared_inputs(steps, shared):
    """Keys of the shared steps from which some steps are made; a shared one is its own.

    Parameters
    ----------
    steps : iterable of Step
    shared : collection of str
        Keys.

    Returns
    -------
    list of str
    """
    found = {}
    for step in steps:
        if step.key in shared:
            found[step.key] = None
        else:
            found |= dict.fromkeys(shared_inputs(step.inputs.values(), shared))
    return list(found)


def unshared(steps, shared):
    """Some steps by key, and those that they need without a shared one between."""
    found = {}
    for step in steps:
        before = (one for one in step.inputs.values() if one.key not in shared)
        found |= unshared(before, shared) | {step.key: step}
    return found


def batches(of_sweeps, size):
    """Divide the points of some sweeps into jobs: each point into one, also if two sweeps have it.

    Parameters
    ----------
    of_sweeps : dict of str to dict of int to Point
        By the name of the sweep and the place in its grid.
    size : int
        Points of one job.

    Returns
    -------
    dict of (str, str) to list of int
        Name of a sweep and a digest of a batch to the places of its points in that sweep.
    """
    found, taken = {}, set()
    for name, of_points in of_sweeps.items():
        new = {}
        for number, point in of_points.items():
            if point.key not in taken:
                new.setdefault(point.key, number)
        taken |= new.keys()
        new = list(new.values())
        for first in range(0, len(new), size):
            numbers = new[first : first + size]
            found[name, _digest([of_points[number].key for number in numbers])] = numbers
    return found


def _collect(step, into):
    for before in step.inputs.values():
        _collect(before, into)
    into.setdefault(step.key, step)


def group_of(measure):
    """What a measure is measured at: the beginning of its id."""
    parts = measure.split(".")
    if parts[0] == "clock":
        return "clock.weights" if parts[1] == "weights" else "clock"
    return ".".join(parts[:2])


class _Chains:
    """The chains of steps of one point.

    Parameters
    ----------
    study : simcore.parameters.Study
    codes : dict
    where : str
    replicate : int
        Added to the study's seed.
    redraw : {"network", "replay"}
        The first stage for which it is added.
    """

    def __init__(self, study, codes, where, replicate, redraw):
        self.study, self.codes, self.where = study, codes, where
        self.replay_seed = study.seed + replicate
        self.seed = self.replay_seed if redraw == "network" else study.seed

    def result(self, group):
        """The steps that a group of measures needs, by role."""
        kind, _, name = group.partition(".")
        if kind == "rls":
            return self._rls(name)
        if kind == "readout":
            return self._readout(name)
        if name == "weights":
            return {"network": self.network}
        return {"replay": self._clock_replay(self.replay_seed, damaged=True)}

    def _step(self, stage, name, given, *, seed=None, **rest):
        seed = self.seed if seed is None else seed
        for file in rest.get("files", {}).values():
            if not Path(file).exists():
                raise UserError(
                    f"{self.where}: there is no file {file}: run the study "
                    "that makes it first (a sweep is planned with it), or mend the path."
                )
        return Step(stage, name, given, seed, self.codes[stage], **rest)

    @cached_property
    def network(self):
        """The last step of the clock."""
        study = self.study
        files = {"weights": study.clock.weights} if study.clock.weights else {}
        given = stage_parameters.network(study)
        network = self._step("network", "network", given, files=files)
        if study.clock.learns:
            for name in ("embedding", "consolidation"):
                given = getattr(stage_parameters, name)(study)
                network = self._step("training", name, given, inputs={"before": network})
        return network

    def _clock_replay(self, seed, damaged):
        given = stage_parameters.clock_replay(self.study, damaged)
        inputs = {"network": self.network}
        return self._step("replay", "replay_clock", given, seed=seed, inputs=inputs)

    def _readout(self, name):
        study, target = self.study, self.study.targets[name]
        self._require_song(target.kind, f"targets.{name}")
        made = self._step(
            "target",
            name,
            stage_parameters.target(study, name),
            inputs={"clock_replay": self._clock_replay(self.seed, damaged=False)},
            files=target_files(target, study.song),
        )
        both = {"network": self.network, "target": made}
        if (other := study.readouts_of(name)) != name:
            learned = self._readout(other)["learned"]
        else:
            given = stage_parameters.learn(study)
            learned = self._step("learn", f"readout {name}", given, inputs=both)
        replay = self._step(
            "replay",
            f"replay {name}",
            stage_parameters.replay(study),
            seed=self.replay_seed,
            inputs=both | {"learned": learned},
        )
        trained = {"network": self.network} if study.clock.learns else {}
        return {"replay": replay, "learned": learned} | trained

    def _rls(self, name):
        study, target = self.study, self.study.rls.define[name].target
        self._require_song(target.kind, f"rls.define.{name}.target")
        if self.seed != self.replay_seed:
            raise UserError(
                f"{self.where}: of networks trained by recursive least squares a replay alone "
                "cannot be redrawn: set redraw to network."
            )
        targets = self._step(
            "rls_targets",
            name,
            stage_parameters.rls_targets(study, name),
            files=target_files(target, study.song),
        )
        given = stage_parameters.rls_training(study, name)
        training = self._step("rls_training", name, given, inputs={"targets": targets})
        both = {"targets": targets, "training": training}
        given = stage_parameters.rls_replay(study, name)
        replay = self._step("rls_replay", name, given, inputs=both)
        return {"replay": replay, "training": training}

    def _require_song(self, kind, key):
        if kind == "song" and self.study.song is None:
            raise UserError(f"{self.where}: {key} needs a recording in a sweep: set song.")


def _with(group, path, value, where):
    """A study or a group of it with one value changed; what lies on the way is copied."""
    name, *rest = path
    if isinstance(group, list | tuple):
        if not (name.isdigit() and int(name) < len(group)):
            raise UserError(f"{where}: there is no entry {name} in a list of {len(group)}.")
        place = int(name)
        inner = _with(group[place], rest, value, where) if rest else value
        return [*group[:place], inner, *group[place + 1 :]]
    group = group if isinstance(group, dict) else {}
    return group | {name: _with(group.get(name, {}), rest, value, where) if rest else value}


def _canonical(data):
    return json.dumps(data, sort_keys=True, allow_nan=False)


def _digest(data):
    return hashlib.sha256(_canonical(data).encode()).hexdigest()
