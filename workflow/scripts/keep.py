"""What took long in a study, compact, in its folder kept/: the trained clock, points of sweeps."""

import json
from pathlib import Path

from planned import planned_points
from stage import Stage

from simcore import kept, stores, sweeps


def keep_training(stage, identity):
    """Keep a stage of the clock's training, if it has run."""
    path, made = folder / f"{stage}.zarr.zip", kept.training_path(folder / "kept", stage)
    if path.exists():
        kept.keep_training(stores.read(path, stage=stage), made, identity)
        this.say(f"{made}: {made.stat().st_size / 1e6:.1f} MB")


def cpu_seconds():
    """CPU seconds of all steps on record, by key."""
    records = [json.loads(path.read_text()) for path in (folder / "sweeps/costs").glob("*.json")]
    return {key: cost["cpu_seconds"] for record in records for key, cost in record.items()}


def keep_points(sweep, files):
    """Keep the points of a sweep that are there or were kept before, and what their steps took."""
    before, costs = {}, {}
    for path in files:
        before |= kept.points(path)
        costs |= kept.costs(path)
    numbers, planned = [], planned_points(snakemake.config, sweep)
    for point in planned:
        path = sweeps.point_path(folder / "sweeps", point.key)
        if path.exists():
            numbers.append((point, stores.read(path, stage=f"sweep point {point.key}")))
            steps = point.steps.items()
            costs |= {step.identity: seconds[key] for key, step in steps if key in seconds}
        elif point.identity in before:
            numbers.append((point, before[point.identity]))
    if numbers:
        made = kept.points_path(folder / "kept", sweep)
        kept.keep_points(numbers, costs, made, name=sweep, seed=this.params["seed"])
        this.say(f"{made}: {len(numbers)} of {len(planned)} points")


with Stage(snakemake) as this:
    folder = Path(this.params["folder"])
    for stage, identity in this.params["training"].items():
        keep_training(stage, identity)
    seconds = cpu_seconds()
    for sweep, files in this.params["kept"].items():
        keep_points(sweep, files)
