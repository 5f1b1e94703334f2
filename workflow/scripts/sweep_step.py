"""A stage that several points of sweeps share."""

from pathlib import Path

from kernels import compile_kernels
from stage import Stage

from simcore import sweep_runs, sweeps
from simcore.sweep_parameters import Sweep

with Stage(snakemake) as this:
    compile_kernels(this)
    key, (name, number) = snakemake.wildcards.key, this.params["plan"]
    sweep = Sweep.model_validate(snakemake.config["sweeps"]["define"][name])
    (point,) = sweeps.points(sweep, this.params["study"], this.params["codes"], only=[number])
    folder = Path(this.output[0]).parents[1]
    sweep_runs.make_shared(point.steps[key], folder, this.watch)
    this.end_watch()
