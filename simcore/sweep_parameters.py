"""Parameters of sweeps: axes, replicates and what to keep of each point."""

import itertools
import json
from collections import Counter
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from simcore.parameter_types import Finite, Name, Parameters, parameter, parse_time

HeadlineName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


class Axis(Parameters):
    """The values of one axis: listed, or a range."""

    keys: Annotated[tuple[str, ...], Field(min_length=1)] = parameter(
        ...,
        "1",
        "what is varied, such as clock.clusters, a number for an entry of a list; several "
        "keys vary together",
    )
    values: tuple[Any, ...] | None = parameter(
        None, "of the key", "the values; with several keys a list of as many for each place"
    )
    first: float | str | None = parameter(None, "of the key", "of a range")
    last: float | str | None = parameter(None, "of the key", "of a range, included")
    count: int | None = parameter(None, "1", "number of values of a range", ge=2)
    scale: Literal["linear", "log"] = parameter("linear", "1", "spacing of a range")
    labels: tuple[float | str, ...] | None = parameter(
        None, "1", "coordinates of the values, one each; default: the first key's values"
    )
    label: str = parameter("", "1", "name of the axis for people; default: the first key")

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
            if not np.all(np.isfinite([parse_time(end) for end in of_range[:2]])):
                raise ValueError("a range begins and ends with finite numbers")
            if self.scale == "log" and min(map(parse_time, of_range[:2])) <= 0:
                raise ValueError("a range with scale: log lies above zero")
        elif not self.values:
            raise ValueError("values is empty: an axis has at least one")
        elif len(self.keys) > 1:
            for value in self.values:
                if not isinstance(value, list | tuple) or len(value) != len(self.keys):
                    raise ValueError(f"each of the values lists {len(self.keys)}, one for each key")
        try:
            written = {json.dumps(value) for value in self.places}
        except TypeError:
            raise ValueError("a value is neither number, text nor list: put it in quotes") from None
        if len(written) < len(self.places):
            raise ValueError("a value is there twice")
        if self.labels is not None and len(self.labels) != len(self.places):
            raise ValueError(f"there are {len(self.places)} values but {len(self.labels)} labels")
        if len(set(self.coordinates)) < len(self.coordinates):
            raise ValueError("two places have the same first value: give labels, one for each")
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

    @cached_property
    def coordinates(self):
        """Labels or values of the first key: numbers, times in ms; text if they are neither."""
        values = self.labels or [place[0] for place in self.places]
        try:
            return [float(parse_time(value)) for value in values]
        except (TypeError, ValueError):
            return list(map(str, values))

    def has(self, value):
        """Whether a number is one of the coordinates, to 1 %."""
        return _numbers(self.coordinates) and np.isclose(value, self.coordinates, rtol=0.01).any()


def _numbers(coordinates):
    return not isinstance(coordinates[0], str)


def _above_zero(coordinates):
    return _numbers(coordinates) and min(coordinates) > 0


def place_label(at):
    """Write a place on some axes: ``[n=500,tau=20]``, nothing without axes."""
    parts = (f"{axis}={place_text(value)}" for axis, value in at.items())
    return f"[{','.join(parts)}]" if at else ""


def place_text(value):
    """Write one place of an axis."""
    return value if isinstance(value, str) else f"{value:g}"


# Headlines that make sense along places that are only named.
NEEDS_NO_NUMBERS = ("change", "largest", "smallest", "average")
# Headlines of an axis whose places are above zero.
NEEDS_POSITIVE = ("power", "error_floor", "error_amplitude")
# What a gathered sweep has besides its axes and measures.
TAKEN = {"replicate", "failure", "summary"}
# Keys of a study that no sweep can vary.
NO_AXIS = {
    *("study", "results", "kept", "seed", "run", "methods"),
    *("expected", "expected_of", "sweeps"),
}


class Headline(Parameters):
    """One number that sums up how a measure changes along an axis, at each place of the others."""

    kind: Literal[
        "crossing",
        "slope",
        "power",
        "best",
        "change",
        "largest",
        "smallest",
        "average",
        "error_floor",
        "error_amplitude",
    ] = Field(
        description="place where the measure falls below a level, after its largest value; slope "
        "of a straight line; exponent of a power law; place of the largest value; last minus "
        "first; largest, smallest, mean value; floor and A of measure^2 = floor^2 + A / axis",
        json_schema_extra={"unit": "1"},
    )
    measure: str = parameter(..., "1", "of the sweep's")
    axis: str | None = parameter(None, "1", "along which; default: the first that at does not name")
    over: dict[str, Finite] = parameter(
        {}, "1", "instead: axes whose powers are multiplied, such as {tau_s: 1, tau_c: -1}"
    )
    per: str | None = parameter(
        None,
        "1",
        "an axis; the numbers at its places become one, the slope of a line through the origin",
    )
    change_along: str | None = parameter(
        None, "1", "an axis; the number is how much it changes from its first to its last place"
    )
    at: dict[str, Finite] = parameter({}, "of the key", "places on other axes, one each")
    within: dict[str, tuple[Finite, Finite]] = parameter(
        {}, "of the key", "lowest and highest place that counts, of axis, over or per"
    )
    level: Finite = parameter(0.7, "of the measure", "of a crossing")
    log: bool = parameter(False, "1", "whether a crossing is interpolated over a logarithmic axis")
    theory: Finite | None = parameter(
        None, "1", "exponent that a theory gives to a power, drawn beside what was found"
    )


class View(Parameters):
    """One more look at a measure: a row of panels for the figure."""

    measure: str = parameter(..., "1", "of the sweep's")
    over: dict[str, Finite] = parameter(
        ...,
        "1",
        "axes whose powers are multiplied to the abscissa, such as {duration: 1, tau_c: -1}; "
        "{tau_s: 1} draws lines along one",
        min_length=1,
    )
    each: dict[str, tuple[Finite, ...]] = parameter(
        {}, "of the key", "other axes: a panel for each of these places"
    )
    color: str | None = parameter(
        None, "1", "axis whose places have colours; default: the first left, or the first of over"
    )

    @property
    def along(self):
        """The axis that it is drawn along, if not over a product."""
        return next(iter(self.over)) if list(self.over.values()) == [1] else None


class Sweep(Parameters):
    """One sweep."""

    about: str = parameter(..., "1", "what it asks, in a few words")
    known: str = parameter(
        "", "1", "what a paper or others found, and what differs here: for the caption"
    )
    base: dict[str, Any] = parameter(
        {},
        "1",
        "what differs from the study at all points: a key such as clock.clusters, its value",
    )
    axes: dict[Name, Axis] = parameter(..., "1", "dimensions of the result, by name", min_length=1)
    replicates: int = parameter(
        3, "1", "seeds at each place: the study's, and those above it", ge=1
    )
    redraw: Literal["network", "replay"] = parameter(
        "network",
        "1",
        "the first stage that a replicate's seed draws anew: all from the network on, or only the "
        "replays, their damage and noise, of one clock",
    )
    measures: tuple[str, ...] = parameter(
        ..., "1", "what to keep: ids of summary.json; they tell which stages run", min_length=1
    )
    headlines: dict[HeadlineName, Headline] = parameter(
        {}, "1", "numbers for summary.json, by name"
    )
    told: tuple[HeadlineName, ...] = parameter(
        (),
        "1",
        "headlines that the caption quotes; default: all, if they are eight numbers at most",
    )
    figure: Literal["lines", "map"] = parameter(
        "lines",
        "1",
        "each measure against the first axis, a colour for each place of the second, or as a map "
        "over both; a panel for each place of further axes",
    )
    views: dict[HeadlineName, View] = parameter(
        {}, "1", "further rows of panels for the figure, by name"
    )

    @model_validator(mode="after")
    def _headlines_and_views_are_possible(self):
        checked = {"headlines": self._problem_of, "views": self._problem_of_view}
        for group, problem_of in checked.items():
            for name, one in getattr(self, group).items():
                problem = (
                    problem_of(one)
                    if one.measure in self.measures
                    else f"{one.measure} is none of the sweep's measures"
                )
                if problem:
                    raise ValueError(f"{group}.{name}: {problem}")
        for name in self.told:
            if name not in self.headlines:
                raise ValueError(f"told: there is no headline {name}")
        return self

    def _problem_of_view(self, view):
        """What is wrong with the axes of a view, if anything."""
        for axis in [*view.over, *view.each, *filter(None, [view.color])]:
            if axis not in self.axes:
                return f"there is no axis {axis}, but {', '.join(self.axes)}"
        if twice := {*view.over, *filter(None, [view.color])} & {*view.each}:
            return f"{min(twice)} is used twice: in each, and in over or color"
        if view.along and view.color == view.along:
            return f"{view.color} is used twice: in over, and in color"
        for axis in view.over if not view.along else ():
            if not _above_zero(self.axes[axis].coordinates):
                return f"the places of {axis} must be numbers above zero for this"
        for axis, values in view.each.items():
            for value in values:
                if not self.axes[axis].has(value):
                    return f"{value:g} is no place of {axis}"
        return None

    def _problem_of(self, headline):
        """What is wrong with the axes of a headline, if anything."""
        along = self.summed(headline)
        used = [*along, *filter(None, [headline.per, headline.change_along]), *headline.at]
        unknown = [axis for axis in [*used, *headline.within] if axis not in self.axes]
        if unknown:
            return f"there is no axis {unknown[0]}, but {', '.join(self.axes)}"
        if headline.axis and headline.over:
            return "give axis or over, not both"
        if not along and headline.kind != "average":
            return f"at names all axes, and one place has no {headline.kind}: choose kind: average"
        twice = [axis for axis, count in Counter(used).items() if count > 1]
        if twice:
            return f"{twice[0]} is used twice: an axis is axis, over, per, change_along or at"
        named = [
            axis for axis in [*used, *headline.within] if not _numbers(self.axes[axis].coordinates)
        ]
        if named and (
            headline.kind not in NEEDS_NO_NUMBERS
            or named[0] not in along
            or named[0] in headline.within
        ):
            return f"the places of {named[0]} are no numbers: choose another axis, or give labels"
        for axis, (low, high) in headline.within.items():
            inside = [low <= value <= high for value in self.axes[axis].coordinates]
            if axis not in [*along, headline.per] or sum(inside) < 2:
                return f"within keeps fewer than two places of {axis}, or that is no axis of it"
        if headline.theory is not None and headline.kind != "power":
            return "theory is the exponent of a power: leave it out, or choose kind: power"
        for axis, value in headline.at.items():
            if not self.axes[axis].has(value):
                return f"{value:g} is no place of {axis}"
        logarithmic = headline.log or headline.kind in NEEDS_POSITIVE or headline.over
        for axis in along if logarithmic else ():
            if not _above_zero(self.axes[axis].coordinates):
                return f"the places of {axis} must be numbers above zero for this"
        return None

    @model_validator(mode="after")
    def _axes_are_apart(self):
        keys = [key for axis in self.axes.values() for key in axis.keys]
        twice = [key for key, count in Counter(keys).items() if count > 1]
        if twice:
            raise ValueError(f"{twice[0]} is varied by two axes: name it in one")
        for one, other in itertools.permutations([*keys, *set(self.base) - set(keys)], 2):
            if one.startswith(f"{other}.") and other in keys:
                raise ValueError(f"{other} is varied as a whole, so {one} cannot be set beside it")
        for key in [*keys, *self.base]:
            if key.split(".")[0] in NO_AXIS:
                raise ValueError(f"{key} changes no result, or is what replicates are for")
        for axis in self.axes:
            if axis.split("_")[0] in TAKEN:
                raise ValueError(f"an axis cannot be named {axis}: choose another name")
        return self

    def summed(self, headline):
        """The axes that a headline sums up: none if it is the mean at one place on each."""
        if headline.over or headline.axis:
            return list(headline.over) or [headline.axis]
        return [axis for axis in self.axes if axis not in headline.at][:1]

    def left(self, headline):
        """The axes that a headline leaves: it is a number at each of their places."""
        gone = {*self.summed(headline), *headline.at, headline.per, headline.change_along}
        return [axis for axis in self.axes if axis not in gone]

    def summary_ids(self, name):
        """The ids of its headlines in summary.json, under the name of the sweep."""
        ids = []
        for headline_name, headline in self.headlines.items():
            kept = {axis: self.axes[axis].coordinates for axis in self.left(headline)}
            for place in itertools.product(*kept.values()):
                at = place_label(dict(zip(kept, place, strict=True)))
                ids.append(f"sweep.{name}.{headline_name}{at}")
        return ids

    def place(self, index, seed):
        """Write where a point lies on the axes, and the seed of its replicate in a study of a seed.

        Another study's sweep may have the same point as another replicate.
        """
        on_axes = [
            f"{name}={place_text(axis.coordinates[place])}"
            for (name, axis), place in zip(self.axes.items(), index[:-1], strict=True)
        ]
        return ", ".join([*on_axes, f"seed={seed + index[-1]}"])

    @property
    def shape(self):
        """Number of places on each axis, and of replicates."""
        return (*(len(axis.places) for axis in self.axes.values()), self.replicates)


class Comparison(Parameters):
    """Two methods side by side: one measure of each along the first axis of some sweeps."""

    about: str = parameter(..., "1", "what it asks, in a few words")
    sweeps: tuple[str, ...] = parameter(..., "1", "names of the sweeps", min_length=1)
    methods: dict[str, tuple[str, ...]] = parameter(
        ...,
        "1",
        "name of a method: its measure, or several, of which each sweep has one",
        min_length=1,
    )


class Sweeps(Parameters):
    """Sweeps: how the numbers of a study change with its parameters."""

    run: tuple[str, ...] = parameter((), "1", "the sweeps that run, by name")
    define: dict[Name, Sweep] = parameter({}, "1", "sweeps by name")
    compare: dict[HeadlineName, Comparison] = parameter(
        {}, "1", "methods side by side, if all their sweeps run; a figure each, by name"
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

    @model_validator(mode="after")
    def _comparisons_are_possible(self):
        for name, comparison in self.compare.items():
            for sweep in comparison.sweeps:
                if sweep not in self.define:
                    raise ValueError(f"compare.{name}: there is no sweep {sweep}")
                if len(self.define[sweep].axes) > 1:
                    raise ValueError(f"compare.{name}: the sweep {sweep} has more than one axis")
                for method, measures in comparison.methods.items():
                    if not set(measures) & set(self.define[sweep].measures):
                        raise ValueError(
                            f"compare.{name}: the sweep {sweep} has no measure of {method}"
                        )
        return self

    @property
    def compared(self):
        """The comparisons whose sweeps all run, by name."""
        return {
            name: comparison
            for name, comparison in self.compare.items()
            if set(comparison.sweeps) <= set(self.run)
        }

    @property
    def chosen(self):
        """The sweeps that run, by name."""
        return {name: self.define[name] for name in self.run}

    def summary_ids(self):
        """The ids of summary.json, in their order."""
        return [one for name, sweep in self.chosen.items() for one in sweep.summary_ids(name)]
