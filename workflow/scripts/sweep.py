"""All points of a sweep in one dataset, with the grid as its dimensions."""

from pathlib import Path

from stage import Stage

from simcore import sweep_runs, sweeps
from simcore.sweep_parameters import Sweep

with Stage(snakemake) as this:
    name, sweep = snakemake.wildcards.sweep, Sweep.model_validate(this.params["sweep"])
    points = sweeps.points(sweep, this.params["study"], this.params["codes"])
    options = {"name": name, "seed": this.params["seed"], "code": this.params["code"]}
    folder = Path(this.output[0]).parent
    failed = sweep_runs.gather(sweep, points, folder, this.output[0], **options)
    if failed:
        this.say(
            f"sweep {name}: {failed} of {len(points)} points lack a number (failure says why)."
        )
