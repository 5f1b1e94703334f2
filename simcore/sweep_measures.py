"""Headline numbers of sweeps, with intervals from the replicates.

A headline sums up how the mean of a measure over the replicates changes along one axis of the grid,
at each place of the others. For its 95 % interval the number is taken again without each replicate
in turn (:mod:`simcore.intervals`), which keeps its whole grid, for its seed is the same everywhere.
"""

import functools
import itertools
import json
import operator
import warnings
from dataclasses import dataclass

import numpy as np
import xarray as xr

from simcore import intervals
from simcore.sweep_parameters import Sweep, place_label
from simcore.tracking import fit_error_floor

PLACES = ("crossing", "best")  # headlines that are places on their axis
# Headlines that pick one place: the jackknife is not valid for them.
WITHOUT_INTERVAL = ("best", "largest", "smallest")


@dataclass(frozen=True)
class Number:
    """One headline number.

    Attributes
    ----------
    name : str
        Of the headline.
    at : dict of str to float or str
        Place on the axes that are left.
    value, low, high : float
        The number, and the ends of its interval: NaN with fewer than three replicates, of a
        bound, of the kinds `WITHOUT_INTERVAL`, and where it is undefined or a bound without one
        of the replicates.
    unit : str
    bound : bool
        Whether the value is only a lower bound: the axis ends before the level is crossed.
    """

    name: str
    at: dict
    value: float
    low: float
    high: float
    unit: str
    bound: bool = False

    @property
    def label(self):
        """Name and place, as in the ids of summary.json."""
        return self.name + place_label(self.at)


def sweep_of(dataset):
    """The sweep that a gathered dataset holds, its axes in their order."""
    given = json.loads(dataset.attrs["parameters"])
    dims = dataset[given["measures"][0]].dims[:-1]
    # A headline that names no axis is along the first.
    return Sweep.model_validate(given | {"axes": {dim: given["axes"][dim] for dim in dims}})


def headlines(dataset, sweep):
    """Sum up a gathered sweep.

    Parameters
    ----------
    dataset : xarray.Dataset
        With the axes of the sweep and ``replicate`` as dimensions.
    sweep : simcore.sweep_parameters.Sweep

    Returns
    -------
    list of Number
    """
    numbers = []
    for name, headline in sweep.headlines.items():
        numbers += _numbers(name, headline, dataset, sweep.summed(headline))
    return numbers


def _numbers(name, headline, dataset, gone):
    """One headline at each place of the axes that it leaves."""
    measure = chosen(dataset[headline.measure], headline)
    per, changing = ([one] * (one is not None) for one in (headline.per, headline.change_along))
    kept = [dim for dim in measure.dims if dim not in (*gone, *per, *changing, "replicate")]
    # At one place on each axis there is nothing to go along.
    alone = xr.DataArray(np.zeros(1), attrs={"units": "1"}, dims="place")
    abscissa = combined(measure, headline.over or dict.fromkeys(gone, 1)) if gone else alone
    x = abscissa.values.ravel()
    table = measure.transpose(*kept, *changing, *per, *gone, "replicate").values
    shape = [measure.sizes[dim] for dim in (*kept, *changing, *per)]
    order = np.argsort(x, kind="stable")
    table = table.reshape(*shape, x.size, measure.sizes["replicate"])[..., order, :]
    per_values = measure[headline.per].values if per else None
    unit = _unit(headline.kind, measure.attrs["units"], abscissa.attrs["units"])
    if per:
        unit = _ratio(unit, measure[headline.per].attrs["units"])
    found = []
    for place in itertools.product(*(range(measure.sizes[dim]) for dim in kept)):
        statistic = functools.partial(_statistic, headline, x[order], per_values)
        if changing:
            statistic = functools.partial(_change_of, statistic)
        value, bound = statistic(_mean(table[place]))
        has_interval = not bound and headline.kind not in WITHOUT_INTERVAL
        low, high = _interval(statistic, table[place], value) if has_interval else (np.nan, np.nan)
        at = {dim: measure[dim].values[n] for dim, n in zip(kept, place, strict=True)}
        found.append(Number(name, at, float(value), float(low), float(high), unit, bool(bound)))
    return found


def chosen(measure, headline):
    """What a headline takes of its measure: some places of some axes, and one of others."""
    return inside(measure, headline.within).isel(
        {axis: nearest(measure[axis].values, value) for axis, value in headline.at.items()}
    )


def inside(measure, within):
    """The places between a lowest and a highest one, both included, on some axes."""
    for axis, (low, high) in within.items():
        places = measure[axis].values
        measure = measure.isel({axis: np.flatnonzero((low <= places) & (places <= high))})
    return measure


def nearest(places, value):
    """Index of the place that a value means."""
    return int(np.argmin(np.abs(places - value)))


def combined(measure, powers):
    """Multiply powers of some axes.

    Parameters
    ----------
    measure : xarray.DataArray
        With these axes. The places of one of texts are counted from 0.
    powers : dict of str to float
        By axis.

    Returns
    -------
    xarray.DataArray
        Over these axes, in their order here; its attribute ``units`` is 1 unless it is one axis.
    """
    factors = [
        xr.DataArray(_places(measure[axis].values) ** power, dims=axis)
        for axis, power in powers.items()
    ]
    alone = list(powers.values()) == [1]
    units = measure[next(iter(powers))].attrs["units"] if alone else "1"
    return functools.reduce(operator.mul, factors).assign_attrs(units=units)


def _places(values):
    return values.astype(float) if values.dtype.kind in "if" else np.arange(float(values.size))


def _mean(values):
    """Mean over the replicates (last axis) that have a number."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
        return np.nanmean(values, axis=-1)


def _interval(statistic, values, value):
    """95 % interval of a statistic of means over the replicates (last axis)."""
    known = ~np.all(np.isnan(values), axis=tuple(range(values.ndim - 1)))
    without = [
        statistic(_mean(np.delete(values[..., known], n, axis=-1))) for n in range(known.sum())
    ]
    if any(bound for _, bound in without):
        return np.nan, np.nan
    return intervals.of_jackknife(value, [number for number, _ in without])


def _statistic(headline, x, per, y):
    """A headline of one table of means, (axis,) or (per, axis), and whether it is a bound."""
    function = STATISTICS[headline.kind]
    if headline.kind == "crossing":
        function = functools.partial(function, level=headline.level, log=headline.log)
    if per is None:
        value = function(x, y)
        return (_last(x, y), True) if value == np.inf else (value, False)
    of_places = np.array([function(x, row) for row in y])
    if headline.kind == "crossing":
        # A curve that never reaches the level has crossed it before its first place.
        never = np.isnan(of_places) & ~np.all(np.isnan(y), axis=1)
        of_places[never] = x[0]
    censored = of_places == np.inf
    value = through_origin(per, np.where(censored, np.nan, of_places))
    # A line that would have crossed where it did not is too low.
    ends = np.array([_last(x, row) for row in y])[censored]
    if np.isnan(value) and ends.size:
        return through_origin(per[censored], ends), True
    return value, bool(np.any(value * per[censored] < ends))


def _change_of(statistic, y):
    """Last minus first of a statistic along the first axis, and whether that is a bound."""
    (first, first_bound), (last, last_bound) = statistic(y[0]), statistic(y[-1])
    return (np.nan if first_bound else last - first), last_bound


def _last(x, y):
    """The last place that has a number, NaN without any."""
    known = np.flatnonzero(~np.isnan(y))
    return x[known[-1]] if known.size else np.nan


def _unit(kind, y, x):
    if kind in PLACES:
        return x
    return {"slope": _ratio(y, x), "power": "1"}.get(kind, y)


def _ratio(above, below):
    if above == below:
        return "1"
    return above if below == "1" else f"{above}/{below}"


def crossing(x, y, *, level, log=False):
    """Find where y falls below a level after its maximum.

    From there on y is taken as the curve nearest to it that nowhere rises (isotonic regression), so
    that one low place between two high ones, which chance can give, is no fall. Between two places
    it is a straight line, over log x if asked.

    Parameters
    ----------
    x, y : float (place,)
        x ascending; places where y is NaN are passed over.
    level : float
        In the unit of y.
    log : bool

    Returns
    -------
    float
        In the unit of x; NaN if y nowhere reaches the level, infinite if it does not fall below it
        any more.
    """
    from scipy.optimize import isotonic_regression

    known = ~np.isnan(y)
    x, y = np.asarray(x, float)[known], y[known]
    if not x.size or y.max() < level:
        return np.nan
    top = np.argmax(y)
    x, y = x[top:], isotonic_regression(y[top:], increasing=False).x
    below = np.flatnonzero(y < level)
    if not below.size:
        return np.inf
    n = below[0]
    part = (y[n - 1] - level) / (y[n - 1] - y[n])
    if log:
        return float(x[n - 1] * (x[n] / x[n - 1]) ** part)
    return float(x[n - 1] + part * (x[n] - x[n - 1]))


def slope(x, y):
    """Fit a straight line by least squares and return its slope.

    Parameters
    ----------
    x, y : float (place,)
        Places where y is NaN are passed over.

    Returns
    -------
    float
        In the unit of y over that of x; NaN of fewer than two points.
    """
    known = ~np.isnan(y)
    if known.sum() < 2:
        return np.nan
    return float(np.polyfit(np.asarray(x, float)[known], y[known], 1)[0])


def power(x, y):
    """Fit y ~ x^a by least squares of the logarithms and return the exponent a.

    Parameters
    ----------
    x, y : float (place,)
        x positive; places where y is not are passed over.

    Returns
    -------
    float
        NaN of fewer than two points.
    """
    known = np.nan_to_num(y) > 0
    return slope(np.log(np.asarray(x, float)[known]), np.log(y[known]))


def through_origin(x, y):
    """Fit a straight line through the origin by least squares and return its slope.

    Parameters
    ----------
    x, y : float (place,)
        Places where y is NaN are passed over.

    Returns
    -------
    float
        In the unit of y over that of x; NaN without any point.
    """
    known = ~np.isnan(y)
    x, y = np.asarray(x, float)[known], y[known]
    return float(np.sum(x * y) / np.sum(x * x)) if x.size else np.nan


def best(x, y):
    """Find the place of the largest y.

    Parameters
    ----------
    x, y : float (place,)
        Places where y is NaN are passed over.

    Returns
    -------
    float
        In the unit of x; NaN without any y.
    """
    return float(x[np.nanargmax(y)]) if not np.all(np.isnan(y)) else np.nan


def change(x, y):
    """Return the difference of y between the last and the first place.

    Parameters
    ----------
    x, y : float (place,)
        x ascending.

    Returns
    -------
    float
        In the unit of y; NaN if one of the two is.
    """
    return float(y[-1] - y[0])


def largest(x, y):
    """Return the largest y.

    Parameters
    ----------
    x, y : float (place,)
        Places where y is NaN are passed over.

    Returns
    -------
    float
        In the unit of y; NaN without any y.
    """
    return float(np.nanmax(y)) if not np.all(np.isnan(y)) else np.nan


def smallest(x, y):
    """Return the smallest y; as :func:`largest`."""
    return -largest(x, -y)


def average(x, y):
    """Return the mean of y over the places.

    Parameters
    ----------
    x, y : float (place,)
        Places where y is NaN are passed over.

    Returns
    -------
    float
        In the unit of y; NaN without any y.
    """
    return float(np.nanmean(y)) if not np.all(np.isnan(y)) else np.nan


def error_floor(x, y):
    """Return the floor of the fit y^2 = floor^2 + A / x (:func:`simcore.tracking.fit_error_floor`).

    Parameters
    ----------
    x, y : float (place,)
        x positive, such as numbers of neurons. Places where y is NaN are passed over.

    Returns
    -------
    float
        In the unit of y; NaN of fewer than two points.

    Source: specification of networks trained by recursive least squares, section 4, F5.
    """
    return _error_fit(x, y)[0]


def error_amplitude(x, y):
    """Return A of the fit y^2 = floor^2 + A / x; as :func:`error_floor`."""
    return _error_fit(x, y)[1]


def _error_fit(x, y):
    known = ~np.isnan(y)
    return fit_error_floor(x[known], y[known]) if known.sum() > 1 else (np.nan, np.nan)


STATISTICS = {
    "crossing": crossing,
    "slope": slope,
    "power": power,
    "best": best,
    "change": change,
    "largest": largest,
    "smallest": smallest,
    "average": average,
    "error_floor": error_floor,
    "error_amplitude": error_amplitude,
}
