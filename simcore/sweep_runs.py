"""The points of a sweep made, stored, and gathered into one dataset.

In the sweeps' folder, ``steps/`` holds what several points share and ``points/`` the numbers of
each point, both under their keys: what lies there is never made again. A store that is damaged or
not what its name says ends the reading with a sentence; it is never averaged.
"""

import time
from pathlib import Path

import dask
import dask.array
import numpy as np
import xarray as xr

from simcore import datasets, stages, stores
from simcore.datasets import variable
from simcore.errors import NoResult
from simcore.parameter_types import parse_time
from simcore.parameters import unit_of

# Points read by one task of dask.
CHUNK = 500

NOT_COMPUTED = "not computed"


def step_path(folder, key):
    """Path of a shared step's store."""
    return Path(folder) / "steps" / f"{key}.zarr.zip"


def point_path(folder, key):
    """Path of a point's store."""
    return Path(folder) / "points" / f"{key}.zarr.zip"


def make_step(step, inputs, watch=stages.unwatched):
    """Run a step on the datasets of its inputs, by role; returns a dataset."""
    options = {"watch": watch}
    if step.stage == "target":
        return stages.target(step.given, name=step.name, **inputs, **step.files)
    if step.stage == "network":
        options["weights"] = step.files.get("weights")
    else:
        options["name"] = step.name
    return getattr(stages, step.stage)(step.given, step.seed, **inputs, **options)


def make_shared(step, folder, watch=stages.unwatched):
    """Make the store of a step that several points share, from those of its inputs.

    If its network cannot give it, the store says why, and no point that needs it has its number.
    """
    files = {role: step_path(folder, before.key) for role, before in step.inputs.items()}
    try:
        inputs = {role: read_step(before, folder) for role, before in step.inputs.items()}
        made = make_step(step, inputs, watch)
    except NoResult as error:
        made = xr.Dataset(attrs={"failure": str(error), "simulated_ms": 0.0})
    stores.write(
        made,
        step_path(folder, step.key),
        stage=_stage_of(step),
        parameters=step.given,
        seed=step.seed,
        code_digest=step.code,
        inputs=files | step.files,
        simulated_ms=made.attrs["simulated_ms"],
    )


def _stage_of(step):
    """What a shared step's store says that it is: that of another seed or network says another."""
    return f"{step.name} {step.key}"


def read_step(step, folder):
    """Read a shared step's store."""
    dataset = stores.read(step_path(folder, step.key), stage=_stage_of(step))
    if failure := dataset.attrs.get("failure"):
        raise NoResult(failure)
    return dataset


def make_point(point, folder, shared, watch=stages.unwatched):
    """Run what a point needs, measure it and write its store, unless it is there.

    Parameters
    ----------
    point : simcore.sweeps.Point
    folder : path-like
        Of the sweeps of a study.
    shared : set of str
        Keys of the steps whose stores have been made.

    Returns
    -------
    float
        CPU seconds; 0 if the store was there.
    """
    path = point_path(folder, point.key)
    if path.exists():
        return 0.0
    begun, made, failures, numbers = time.process_time(), {}, [], {}
    for name, step in point.replays.items():
        try:
            numbers |= _measured(name, _result(step, folder, shared, made, watch), point)
        except NoResult as error:
            failures.append(str(error))
    simulated = sum(dataset.attrs["simulated_ms"] for dataset in made.values())
    variables = {}
    for name in point.measures:
        value, unit = numbers.get(name, (np.nan, "1"))
        variables[name] = variable((), float(value), unit, name)
    steps = list(point.replays.values())
    stores.write(
        xr.Dataset(variables, attrs={"failure": " ".join(dict.fromkeys(failures))}),
        path,
        stage=f"sweep point {point.key}",
        parameters={step.name: step.given for step in steps},
        seed=steps[0].seed,
        code_digest=point.code,
        inputs={},
        simulated_ms=simulated,
    )
    return time.process_time() - begun


def _result(step, folder, shared, made, watch):
    """The dataset of a step: from its store, or made now, once for the whole point."""
    if step.key not in made:
        if step.key in shared:
            return read_step(step, folder)
        inputs = {
            role: _result(before, folder, shared, made, watch)
            for role, before in step.inputs.items()
        }
        made[step.key] = make_step(step, inputs, watch)
    return made[step.key]


def _measured(name, result, point):
    """Id to (value, unit) of one of a point's results."""
    if name == "weights":
        return stages.block_weights(datasets.read_connectivity(result))
    dt = next(iter(point.replays.values())).given["dt"]
    if name == "clock":
        return stages.rhythm(result, dt)[0]
    return stages.passes(result, dt, point.burn_in, name=name)[0]


def gather(sweep, points, folder, path, *, name, seed, code):
    """Gather all points into one dataset and write it.

    Dimensions are the sweep's axes and ``replicate``. What a point's network could not give is NaN,
    and ``failure`` says why; a point without store is NaN and listed in the attribute ``missing``.

    Parameters
    ----------
    sweep : simcore.sweep_parameters.Sweep
    points : list of simcore.sweeps.Point
        In the order of the grid.
    folder, path : path-like
        Of the sweeps, and what to write.
    name : str
        Of the sweep.
    seed : int
    code : str
        Digest of the code that gathers.

    Returns
    -------
    int
        Number of points that lack a number.

    Raises
    ------
    UserError
        A point's store is damaged or another point's: its path, and how to mend it.
    """
    keys = [point.key for point in points]
    read = dask.delayed(_numbers)
    width = len(sweep.measures) + 1
    parts = [
        dask.array.from_delayed(
            read(keys[first : first + CHUNK], folder, sweep.measures),
            (len(keys[first : first + CHUNK]), width),
            dtype=object,
        )
        for first in range(0, len(keys), CHUNK)
    ]
    table = dask.array.concatenate(parts).compute()
    dims = (*sweep.axes, "replicate")
    failure = np.array([row[-1] for row in table], dtype=object).reshape(sweep.shape)
    missing = [
        list(point.index)
        for point, row in zip(points, table, strict=True)
        if row[-1] == NOT_COMPUTED
    ]
    units = _units(keys, folder, sweep.measures)
    variables = {
        measure: variable(
            dims, table[:, n].astype(float).reshape(sweep.shape), units.get(measure, "1"), measure
        )
        for n, measure in enumerate(sweep.measures)
    }
    variables["failure"] = variable(dims, failure, "1", "why there is no number, if so")
    variables["replicate"] = variable(
        "replicate", seed + np.arange(sweep.replicates), "1", "seed of the replicate"
    )
    for axis_name, axis in sweep.axes.items():
        coordinate = _coordinate([place[0] for place in axis.places])
        variables[axis_name] = variable(
            axis_name, coordinate, unit_of(axis.keys[0]), ", ".join(axis.keys)
        )
    stores.write(
        xr.Dataset(variables, attrs={"about": sweep.about, "missing": str(missing)}),
        path,
        stage=f"sweep {name}",
        parameters=sweep.model_dump(),
        seed=seed,
        code_digest=code,
        inputs={},
        simulated_ms=0.0,
    )
    return int(np.count_nonzero(failure))


def _coordinate(values):
    """Values of an axis as numbers, times in ms; as text if they are neither."""
    try:
        return np.array([float(parse_time(value)) for value in values])
    except (TypeError, ValueError):
        return np.array(list(map(str, values)), dtype=object)


def _numbers(keys, folder, measures):
    """One row for each point: its numbers, then why there are none, or nothing if there are."""
    rows = np.full((len(keys), len(measures) + 1), np.nan, dtype=object)
    rows[:, -1] = NOT_COMPUTED
    for row, key in zip(rows, keys, strict=True):
        path = point_path(folder, key)
        if path.exists():
            dataset = stores.read(path, stage=f"sweep point {key}")
            row[:-1] = [float(dataset[name]) for name in measures]
            row[-1] = dataset.attrs["failure"]
    return rows


def _units(keys, folder, measures):
    """Units of the measures, from the first points that have them; what failed has unit 1."""
    found = {}
    for key in keys:
        path = point_path(folder, key)
        if path.exists():
            dataset = stores.read(path)
            units = {name: dataset[name].attrs["units"] for name in measures}
            found |= {name: unit for name, unit in units.items() if unit != "1"}
            if not dataset.attrs["failure"]:
                break
    return found
