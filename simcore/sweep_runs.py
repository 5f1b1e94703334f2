"""The points of a sweep made, stored, and gathered into one dataset.

In the sweeps' folder, ``steps/`` holds what several points share and ``points/`` the numbers of
each point, both under their keys: what lies there is never made again. A store that is damaged or
not what its name says ends the reading with a sentence; it is never averaged.
"""

import time

import dask
import dask.array
import numpy as np
import xarray as xr

from simcore import datasets, rls_stages, stages, stores, sweep_measures
from simcore.datasets import variable
from simcore.errors import NoResult, UserError
from simcore.parameters import unit_of
from simcore.point_measures import measured
from simcore.sweeps import point_path, shared_inputs, step_path

# Points read by one task of dask.
CHUNK = 500

NOT_COMPUTED = "not computed"


# Before the names of those of simcore.rls_stages.
RLS_STAGES = "rls_"


def make_step(step, inputs, costs, watch=stages.unwatched):
    """Run a step on the datasets of its inputs, by role; returns a dataset.

    What it cost is added to the dict ``costs`` under the step's key.
    """
    begun = time.process_time()
    made = _run(step, inputs, watch)
    costs[step.key] = {
        "stage": step.stage,
        "name": step.name,
        "cpu_seconds": time.process_time() - begun,
        "simulated_ms": made.attrs["simulated_ms"],
    }
    return made


def _run(step, inputs, watch):
    if step.stage == "target":
        return stages.target(step.given, name=step.name, **inputs, **step.files)
    if step.stage in ("rls_targets", "rls_replay"):
        function = getattr(rls_stages, step.stage.removeprefix(RLS_STAGES))
        return function(step.given, step.seed, **inputs, **step.files)
    if step.stage == "rls_training":
        return rls_stages.training(step.given, step.seed, **inputs, watch=watch)
    options = {"watch": watch}
    if step.stage == "network":
        options["weights"] = step.files.get("weights")
    else:
        options["name"] = step.name
    return getattr(stages, step.stage)(step.given, step.seed, **inputs, **options)


def make_shared(step, folder, shared, watch=stages.unwatched, own=None):
    """Make the store of a step that several points share, from those of others if they are shared.

    ``own`` is the store of the same stage in the study itself, if it runs it: then a copy of that.

    If its network cannot give it, the store says why, and no point that needs it has its number.
    Returns what it cost, as :func:`make_point`. A UserError says if ``own`` was not trained here.
    """
    costs, files = (
        {},
        {key: step_path(folder, key) for key in shared_inputs(step.inputs.values(), shared)},
    )
    try:
        if own is None:
            made = _make(step, folder, shared, {}, costs, watch)
        else:
            made, files = _own(own, step.name), {step.name: own}
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
    return costs


def _own(path, stage):
    """Read the store of a stage of the study itself, whose weights must not be rounded."""
    dataset = stores.read(path, stage=stage)
    if "trained_by" in dataset.attrs:
        raise UserError(
            f"{path} was taken from what an earlier run kept, with rounded weights, from which no "
            "sweep begins: delete it and what was made from it, or run with kept again."
        )
    return dataset


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
    dict
        Of each step that was made, by its key: ``stage``, ``name``, ``cpu_seconds`` and
        ``simulated_ms``; nothing if the store was there.
    """
    path = point_path(folder, point.key)
    if path.exists():
        return {}
    made, costs, failures, numbers = {}, {}, [], {}
    for name, roles in point.results.items():
        try:
            results = {
                role: _result(step, folder, shared, made, costs, watch)
                for role, step in roles.items()
            }
            dt = next(iter(roles.values())).given.get("dt")
            numbers |= measured(name, results, dt, point.burn_in)
        except NoResult as error:
            failures.append(str(error))
    failures += _unexplained(point, numbers, failures)
    simulated = sum(dataset.attrs["simulated_ms"] for dataset in made.values())
    variables = {}
    for name in point.measures:
        value, unit = numbers.get(name, (np.nan, "1"))
        variables[name] = variable((), float(value), unit, name)
    steps = [step for roles in point.results.values() for step in roles.values()]
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
    return costs


def _unexplained(point, numbers, failures):
    """A sentence on numbers that are none although nothing failed: of a silent clock's period."""
    if failures:
        return []
    lacking = [name for name in point.measures if np.isnan(numbers[name][0])]
    return [f"{', '.join(lacking)}: not a number for this network."] if lacking else []


def _result(step, folder, shared, made, costs, watch):
    """The dataset of a step: from its store, or made now, once for the whole point."""
    if step.key not in made:
        if step.key in shared:
            return read_step(step, folder)
        made[step.key] = _make(step, folder, shared, made, costs, watch)
    return made[step.key]


def _make(step, folder, shared, made, costs, watch):
    """Run a step on its inputs' datasets, from their stores or made now."""
    inputs = {
        role: _result(before, folder, shared, made, costs, watch)
        for role, before in step.inputs.items()
    }
    return make_step(step, inputs, costs, watch)


def gather(sweep, keys, folder, path, *, name, seed, code, kept=None):
    """Gather all points into one dataset and write it.

    Dimensions are the sweep's axes and ``replicate``. What a point's network could not give is NaN,
    and ``failure`` says why; a point without store is NaN and listed in the attribute ``missing``.

    Parameters
    ----------
    sweep : simcore.sweep_parameters.Sweep
    keys : list of str
        Of its points, in the order of the grid.
    folder, path : path-like
        Of the sweeps, and what to write.
    name : str
        Of the sweep.
    seed : int
    code : str
        Digest of the code that gathers.
    kept : dict of str to xarray.Dataset, optional
        By key, the numbers of points that stand for missing stores (:func:`simcore.kept.points`).

    Returns
    -------
    int
        Number of points that lack a number.

    Raises
    ------
    UserError
        A point's store is damaged or another point's: its path, and how to mend it.
    """
    kept = {
        key: numbers
        for key, numbers in (kept or {}).items()
        if not point_path(folder, key).exists()
    }
    table = _table(keys, folder, sweep.measures, kept)
    units = _units(keys, folder, sweep.measures, kept)
    dataset = _grid(sweep, table, units, seed).assign_attrs(kept=len(kept))
    numbers = sweep_measures.headlines(dataset, sweep)
    stores.write(
        dataset.assign(datasets.headlines(name, numbers)),
        path,
        stage=f"sweep {name}",
        parameters=sweep.model_dump(),
        seed=seed,
        code_digest=code,
        inputs={},
        simulated_ms=0.0,
    )
    return int(np.count_nonzero(table[:, -1]))


def _table(keys, folder, measures, kept):
    """One row for each point, as of :func:`_row`, read in parallel."""
    read = dask.delayed(_numbers)
    rows = {key: _row(numbers, measures) for key, numbers in kept.items()}
    parts = []
    for first in range(0, len(keys), CHUNK):
        some = keys[first : first + CHUNK]
        known = {key: rows[key] for key in some if key in rows}
        parts.append(
            dask.array.from_delayed(
                read(some, folder, measures, known), (len(some), len(measures) + 1), dtype=object
            )
        )
    return dask.array.concatenate(parts).compute()


def _grid(sweep, table, units, seed):
    """The dataset of a sweep from one row for each of its points, as of :func:`_row`."""
    dims = (*sweep.axes, "replicate")
    failure = table[:, -1].reshape(sweep.shape)
    missing = np.argwhere(failure == NOT_COMPUTED).tolist()
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
    for name, axis in sweep.axes.items():
        variables[name] = _coordinate(name, axis)
    return xr.Dataset(variables, attrs={"about": sweep.about, "missing": str(missing)})


def _coordinate(name, axis):
    """The variable of an axis."""
    values = np.array(axis.coordinates)
    if values.dtype.kind == "U":
        values = values.astype(object)
    unit = "1" if axis.labels else unit_of(axis.keys[0])
    keys = ", ".join(axis.keys)
    return variable(name, values, unit, axis.label or axis.keys[0].split(".")[-1], keys=keys)


def _numbers(keys, folder, measures, known):
    """One row for each point, from its store if it is not known."""
    rows = np.full((len(keys), len(measures) + 1), np.nan, dtype=object)
    rows[:, -1] = NOT_COMPUTED
    for place, key in enumerate(keys):
        if key in known:
            rows[place] = known[key]
        elif (path := point_path(folder, key)).exists():
            rows[place] = _row(stores.read(path, stage=f"sweep point {key}"), measures)
    return rows


def _row(dataset, measures):
    """A point's numbers, then why there are none, or nothing if there are."""
    return [*(float(dataset[name]) for name in measures), dataset.attrs["failure"]]


def _units(keys, folder, measures, kept):
    """Units of the measures, from the first points that have them; what failed has unit 1."""
    found = {}
    for key in keys:
        path = point_path(folder, key)
        if key in kept or path.exists():
            dataset = kept[key] if key in kept else stores.read(path)
            units = {name: dataset[name].attrs["units"] for name in measures}
            found |= {name: unit for name, unit in units.items() if unit != "1"}
            if not dataset.attrs["failure"]:
                break
    return found
