"""A stage that several points of sweeps share."""

from pathlib import Path

from kernels import compile_kernels
from stage import Stage

from simcore import sweep_runs, sweeps
from simcore.sweep_parameters import Sweep

with Stage(snakemake) as this:
    compile_kernels(this)
    key, plan = snakemake.wildcards.key, snakemake.config["sweep_plan"]
    name, number = plan["needed_by"][key]
    sweep = Sweep.model_validate(snakemake.config["sweeps"]["define"][name])
    (point,) = sweeps.points(sweep, plan["study"], plan["codes"], only=[number])
    folder = Path(this.output[0]).parents[1]
    sweep_runs.make_shared(point.steps[key], folder, this.watch)
    this.end_watch()
