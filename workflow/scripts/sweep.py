"""All points of a sweep in one dataset, with the grid as its dimensions."""

from pathlib import Path

from stage import Stage

from simcore import sweep_runs
from simcore.sweep_parameters import Sweep

with Stage(snakemake) as this:
    name, sweep = snakemake.wildcards.sweep, Sweep.model_validate(this.params["sweep"])
    keys, folder = this.params["points"], Path(this.output[0]).parent
    options = {"name": name, "seed": this.params["seed"], "code": this.params["code"]}
    failed = sweep_runs.gather(sweep, keys, folder, this.output[0], **options)
    if failed:
        this.say(f"sweep {name}: {failed} of {len(keys)} points lack a number (failure says why).")
