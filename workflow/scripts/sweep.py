"""All points of a sweep in one dataset, with the grid as its dimensions."""

from pathlib import Path

from stage import Stage

from simcore import sweep_runs, sweeps
from simcore.dask_schedulers import scheduler
from simcore.sweep_parameters import Sweep


def gather(this, name):
    sweep = Sweep.model_validate(this.params["sweep"])
    points = sweeps.points(sweep, this.params["study"], this.params["codes"])
    options = {"name": name, "seed": this.params["seed"], "code": this.params["code"]}
    folder, logs = Path(this.output[0]).parent, Path(snakemake.log[0]).parent
    with scheduler(this.run["dask"], this.run["dask_workers"], logs):
        failed = sweep_runs.gather(sweep, points, folder, this.output[0], **options)
    if failed:
        this.say(
            f"sweep {name}: {failed} of {len(points)} points have no number (failure says why)."
        )


if __name__ == "__main__":  # dask's workers import this file
    with Stage(snakemake) as this:
        gather(this, snakemake.wildcards.sweep)
