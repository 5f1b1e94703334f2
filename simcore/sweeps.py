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

import numpy as np

from simcore import stage_parameters
from simcore.errors import UserError
from simcore.parameters import read_study
from simcore.stores import file_digest


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

    @cached_property
    def key(self):
        """Digest of all that the result depends on."""
        files = {role: file_digest(path) for role, path in self.files.items()}
        inputs = {role: step.key for role, step in self.inputs.items()}
        parts = [self.stage, self.name, self.given, self.seed, self.code, inputs, files]
        return _digest(parts)


@dataclass(frozen=True)
class Point:
    """One place of a sweep's grid with one seed.

    Attributes
    ----------
    index : tuple of int
        On each axis, and among the replicates.
    replays : dict of str to Step
        What is measured: ``clock``, each target by name, and ``weights``: the trained network.
    measures : tuple of str
    burn_in : float, ms
        Of a replay, before its first pass.
    code : str
        Digest of the code that measures.
    """

    index: tuple
    replays: dict
    measures: tuple
    burn_in: float
    code: str

    @cached_property
    def steps(self):
        """All steps by key, each behind those that it needs."""
        steps = {}
        for replay in self.replays.values():
            _collect(replay, steps)
        return steps

    @cached_property
    def key(self):
        """Digest of all that its numbers depend on."""
        replays = {name: step.key for name, step in self.replays.items()}
        return _digest([replays, self.measures, self.burn_in, self.code])


def points(sweep, study, codes, where="the sweep", only=None):
    """Return the points of a sweep, in the order of its grid.

    Parameters
    ----------
    sweep : simcore.sweep_parameters.Sweep
    study : dict
        The study that is varied, as read from YAML.
    codes : dict of str to str
        Digest of the code of each stage of :mod:`simcore.stages`, and of what measures.
    where : str
        For messages.
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
            changed = _with(changed, key.split("."), value)
        seed = read_study(changed, at).seed + index[-1]
        varied = read_study(changed | {"seed": seed}, at)
        replays = _replays(varied, sweep.measures, codes, at)
        burn_in, measuring = varied.readout.burn_in, codes["measure"]
        found.append(Point(index, replays, sweep.measures, burn_in, measuring))
    return found


def _changes(sweep, index, where):
    """What a point changes of the study, by key, and how to call its place."""
    moved = {}
    for axis, place in zip(sweep.axes.values(), index, strict=False):
        moved |= zip(axis.keys, axis.places[place], strict=True)
    at = ", ".join(f"{key} = {value}" for key, value in moved.items())
    return dict(sweep.base) | moved, f"{where}, at {at}"


def shared(of_points):
    """Return the steps that two or more points need, by key, each behind those that it needs.

    A point that two sweeps have counts once.
    """
    needed, steps = Counter(), {}
    for point in {point.key: point for point in of_points}.values():
        needed.update(point.steps.keys())
        steps = point.steps | steps
    return {key: step for key, step in steps.items() if needed[key] > 1}


def batches(of_sweeps, size):
    """Divide the points of some sweeps into jobs: each point into one, also if two sweeps have it.

    Parameters
    ----------
    of_sweeps : dict of str to list of Point
        By the name of the sweep.
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
        for number, point in enumerate(of_points):
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


def _replays(study, measures, codes, where):
    """The last steps of a point's chains."""
    unknown = [name for name in measures if name not in study.clock_summary_ids()]
    if unknown:
        raise UserError(f"{where}: there is no measure {unknown[0]} in this study.")
    seed, weights = study.seed, study.clock.weights

    def step(stage, name, given, **rest):
        return Step(stage, name, given, seed, codes[stage], **rest)

    files = {"weights": weights} if weights else {}
    network = step("network", "network", stage_parameters.network(study), files=files)
    if study.clock.learns:
        for name in ("embedding", "consolidation"):
            given = getattr(stage_parameters, name)(study)
            network = step("training", name, given, inputs={"before": network})
    given = stage_parameters.clock_replay(study)
    clock = step("replay", "replay_clock", given, inputs={"network": network})
    replays = {}
    if any(name.startswith("clock.") for name in measures):
        replays["clock"] = clock
    if any(name.startswith("clock.weights.") for name in measures):
        replays["weights"] = network
    for name, target in study.targets.items():
        if not any(measure.startswith(f"readout.{name}.") for measure in measures):
            continue
        file = {"song": study.song, "file": getattr(target, "file", None)}.get(target.kind)
        if target.kind == "song" and file is None:
            raise UserError(f"{where}: targets.{name} needs a recording in a sweep: set song.")
        made = step(
            "target",
            name,
            stage_parameters.target(study, name),
            inputs={"clock_replay": clock},
            files={target.kind: file} if file else {},
        )
        both = {"network": network, "target": made}
        learned = step("learn", f"readout {name}", stage_parameters.learn(study), inputs=both)
        replays[name] = step(
            "replay",
            f"replay {name}",
            stage_parameters.replay(study),
            inputs=both | {"learned": learned},
        )
    return replays


def _with(study, path, value):
    """A study with one value changed, its groups copied."""
    name, *rest = path
    if not rest:
        return study | {name: value}
    group = study.get(name, {})
    return study | {name: _with(group if isinstance(group, dict) else {}, rest, value)}


def _canonical(data):
    return json.dumps(data, sort_keys=True, allow_nan=False)


def _digest(data):
    return hashlib.sha256(_canonical(data).encode()).hexdigest()
