"""Parameters of sweeps: axes, replicates and what to keep of each point."""

import json
from collections import Counter
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from simcore.parameter_types import Parameters, parameter, parse_time


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
        if len({json.dumps(value) for value in self.places}) < len(self.places):
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


class Sweeps(Parameters):
    """Sweeps of the clock: how its numbers change with its parameters."""

    run: tuple[str, ...] = parameter((), "1", "the sweeps that run, by name")
    define: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Sweep] = parameter(
        {}, "1", "sweeps by name"
    )
    batch: int = parameter(
        8, "1", "points of one job: half a minute of work, or minutes on a cluster", ge=1
    )

    @model_validator(mode="after")
    def _are_defined(self):
        for name in self.run:
            if name not in self.define:
                known = ", ".join(self.define) or "none"
                raise ValueError(f"run: there is no sweep {name}; defined are {known}")
        return self

    @property
    def chosen(self):
        """The sweeps that run, by name."""
        return {name: self.define[name] for name in self.run}
