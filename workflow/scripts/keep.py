"""What took long in a study, compact, in its folder kept/: the trained clock, points of sweeps."""

import json
from pathlib import Path

from planned import planned_points, planned_sweep
from stage import Stage

from simcore import kept, stores, sweeps
from simcore.errors import UserError


def keep_training():
    """Keep the clock's training, if it has run: all of it as the study now has it."""
    stages = this.params["training"]
    paths = {stage: folder / f"{stage}{stores.SUFFIX}" for stage in stages}
    if not (stages and all(path.exists() for path in paths.values())):
        return
    before = None
    for stage, step in stages.items():
        dataset = stores.read(paths[stage], stage=stage, parameters=step["parameters"])
        require_same_run(dataset, paths[stage], before)
        before = paths[stage]
        if stage != "network":
            made = kept.training_path(folder / "kept", stage)
            kept.keep_training(dataset, made, step["identity"])
            say(f"{made}: {made.stat().st_size / 1e6:.1f} MB")


def require_same_run(dataset, path, before):
    """Refuse a store of another seed, or made from another one than lies there."""
    inputs = json.loads(dataset.attrs["inputs"])
    same = before is None or inputs["network"] == stores.file_digest(before)
    if dataset.attrs["seed"] != this.params["seed"] or not same:
        raise UserError(f"{path} is not of the study as it is now: run the study first.")


def keep_points(sweep, files):
    """Keep the points of a sweep that are there or were kept before, and what their steps took."""
    made, numbers, costs = kept.points_path(folder / "kept", sweep), {}, {}
    for name, path in [*files.items(), (sweep, made)]:
        numbers |= kept.points(path, name)
        costs |= kept.costs(path, name)
    axes, planned = planned_sweep(snakemake.config, sweep), planned_points(snakemake.config, sweep)
    for point in planned:
        path = sweeps.point_path(folder / "sweeps", point.key)
        if path.exists():
            numbers[point.identity] = stores.read(path, stage=f"sweep point {point.key}")
            steps = point.steps.items()
            costs |= {step.identity: seconds[key] for key, step in steps if key in seconds}
        if point.identity in numbers:
            place = axes.place(point.index, this.params["seed"])
            numbers[point.identity] = numbers[point.identity].assign_attrs(place=place)
    if numbers:
        kept.keep_points(numbers, costs, made, name=sweep, seed=this.params["seed"])
        there = sum(point.identity in numbers for point in planned)
        say(f"{made}: {there} of {len(planned)} points")


def say(sentence):
    """Say what has been kept."""
    done.append(sentence)
    this.say(sentence)


with Stage(snakemake) as this:
    folder, done = Path(this.params["folder"]), []
    seconds = sweeps.cpu_seconds(folder / "sweeps")
    for sweep, files in this.params["kept"].items():
        keep_points(sweep, files)
    keep_training()
    if not done:
        this.say("nothing of this study can be kept yet: run it first.")
