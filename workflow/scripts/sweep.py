"""All points of a sweep in one dataset, with the grid as its dimensions."""

from pathlib import Path

from stage import Stage

from simcore import kept, sweep_runs
from simcore.dask_schedulers import scheduler
from simcore.sweep_parameters import Sweep


def kept_numbers(this):
    """Numbers of the points that are taken from what earlier runs kept, by key."""
    found = {}
    for name, path in this.params["kept_files"].items():
        found |= kept.points(path, name)
    return {key: found[identity] for key, identity in this.params["kept"].items()}


def gather(this, name):
    sweep, keys = Sweep.model_validate(this.params["sweep"]), this.params["points"]
    options = {"name": name, "seed": this.params["seed"], "code": this.params["code"]}
    folder, logs = Path(this.output[0]).parent, Path(snakemake.log[0]).parent
    options["kept"] = kept_numbers(this)
    with scheduler(this.run["dask"], this.run["dask_workers"], logs):
        failed = sweep_runs.gather(sweep, keys, folder, this.output[0], **options)
    if failed:
        this.say(f"sweep {name}: {failed} of {len(keys)} points lack a number (failure says why).")


if __name__ == "__main__":  # dask's workers import this file
    with Stage(snakemake) as this:
        gather(this, snakemake.wildcards.sweep)
