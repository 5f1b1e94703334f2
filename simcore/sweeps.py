"""Sweeps: a grid of studies, and the work that its points have in common.

A sweep varies values of a study along axes. Each *point* is a whole study with a seed; what it
needs is a chain of *steps*, each a stage of :mod:`simcore.stages`. A step's key is a digest of all
that its result depends on, so that points with the same step share it, and nothing with a known key
is computed again: not when an axis grows, nor when replicates are added.
"""

import hashlib
import itertools
import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from simcore import stage_parameters
from simcore.errors import UserError
from simcore.parameter_types import Parameters, parameter, parse_time
from simcore.parameters import read_study
from simcore.stores import file_digest


class Axis(Parameters):
    """The values of one axis: listed, or a range."""

    keys: Annotated[tuple[str, ...], Field(min_length=1)] = parameter(
        ..., "1", "what is varied, such as clock.clusters; several keys vary together"
    )
    values: tuple[Any, ...] | None = parameter(
        None, "of the key", "the values; with several keys a list of as many for each place"
    )
    first: float | str | None = parameter(None, "of the key", "of a range")
    last: float | str | None = parameter(None, "of the key", "of a range, included")
    count: int | None = parameter(None, "1", "number of values of a range", ge=2)
    scale: Literal["linear", "log"] = parameter("linear", "1", "spacing of a range")

    @model_validator(mode="after")
    def _list_or_range(self):
        of_range = [self.first, self.last, self.count]
        if (self.values is None) == (None in of_range) or (
            self.values is not None and of_range != [None] * 3
        ):
            raise ValueError("give either values, or first, last and count")
        if self.values is None:
            if len(self.keys) > 1:
                raise ValueError("a range varies one key; list the values of several")
            if self.scale == "log" and min(map(parse_time, of_range[:2])) <= 0:
                raise ValueError("a range with scale: log lies above zero")
        elif not self.values:
            raise ValueError("values is empty: an axis has at least one")
        elif len(self.keys) > 1:
            for value in self.values:
                if not isinstance(value, list | tuple) or len(value) != len(self.keys):
                    raise ValueError(f"each of the values lists {len(self.keys)}, one for each key")
        if len({_canonical(value) for value in self.places}) < len(self.places):
            raise ValueError("a value is there twice")
        return self

    @cached_property
    def places(self):
        """One tuple, a value for each key, for each place on the axis."""
        if self.values is not None:
            values = self.values
        else:
            space = {"linear": np.linspace, "log": np.geomspace}[self.scale]
            values = space(parse_time(self.first), parse_time(self.last), self.count).tolist()
            values = [int(value) if value == int(value) else value for value in values]
        return [tuple(value) if len(self.keys) > 1 else (value,) for value in values]


class Sweep(Parameters):
    """One sweep."""

    about: str = parameter(..., "1", "what it asks, in a few words")
    base: dict[str, Any] = parameter(
        {},
        "1",
        "what differs from the study at all points: a key such as clock.clusters, its value",
    )
    axes: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Axis] = parameter(
        ..., "1", "dimensions of the result, by name", min_length=1
    )
    replicates: int = parameter(
        3, "1", "seeds at each place: the study's, and those above it", ge=1
    )
    measures: tuple[str, ...] = parameter(
        ..., "1", "what to keep: ids of summary.json; they tell which stages run", min_length=1
    )

    @model_validator(mode="after")
    def _axes_are_apart(self):
        keys = [key for axis in self.axes.values() for key in axis.keys]
        twice = [key for key, count in Counter(keys).items() if count > 1]
        if twice:
            raise ValueError(f"{twice[0]} is varied by two axes: name it in one")
        if "replicate" in self.axes:
            raise ValueError("an axis cannot be named replicate: that is the axis of seeds")
        return self

    @property
    def shape(self):
        """Number of places on each axis, and of replicates."""
        return (*(len(axis.places) for axis in self.axes.values()), self.replicates)


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
    def key(self):
        """Digest of all that its numbers depend on."""
        replays = {name: step.key for name, step in self.replays.items()}
        return _digest([replays, self.measures, self.burn_in, self.code])


def points(sweep, study, codes, where="the sweep"):
    """Return all points of a sweep, in the order of its grid.

    Parameters
    ----------
    sweep : Sweep
    study : dict
        The study that is varied, as read from YAML.
    codes : dict of str to str
        Digest of the code of each stage of :mod:`simcore.stages`, and of what measures.
    where : str
        For messages.

    Raises
    ------
    UserError
        A key or value makes no study, or a measure is not one of it.
    """
    axes = list(sweep.axes.values())
    found = []
    for places in itertools.product(*(enumerate(axis.places) for axis in axes)):
        index = tuple(n for n, _ in places)
        changes = dict(sweep.base)
        for axis, (_, values) in zip(axes, places, strict=True):
            changes |= zip(axis.keys, values, strict=True)
        changed = study
        for key, value in changes.items():
            changed = _with(changed, key.split("."), value)
        at = f"{where}, at " + ", ".join(
            f"{key} = {value}" for key, value in changes.items() if key not in sweep.base
        )
        first_seed = read_study(changed, at).seed
        for replicate in range(sweep.replicates):
            varied = read_study(changed | {"seed": first_seed + replicate}, at)
            replays = _replays(varied, sweep.measures, codes, at)
            burn_in = varied.readout.burn_in
            point = Point((*index, replicate), replays, sweep.measures, burn_in, codes["measure"])
            found.append(point)
    return found


def shared(of_points):
    """Return the steps that two or more points need, by key, each behind those that it needs."""
    needed, steps = Counter(), {}
    for point in of_points:
        of_point = {}
        for replay in point.replays.values():
            _collect(replay, of_point)
        needed.update(of_point.keys())
        steps |= {key: step for key, step in of_point.items() if key not in steps}
    return {key: step for key, step in steps.items() if needed[key] > 1}


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
