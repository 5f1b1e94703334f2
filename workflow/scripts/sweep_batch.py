"""Some points of a sweep; those that lie there already are left alone."""

from pathlib import Path

from kernels import compile_kernels
from stage import Stage

from simcore import stores, sweep_runs, sweeps
from simcore.errors import UserError
from simcore.sweep_parameters import Sweep


def tick_of(run, total):
    """Stop between two chunks if asked: whole points are kept, so the next run goes on there."""

    def tick(simulated):
        if this.stop:
            raise UserError("stopped, as asked; the points made so far are kept.")

    return tick


with Stage(snakemake) as this:
    compile_kernels(this)
    sweep = Sweep.model_validate(snakemake.config["sweeps"]["define"][snakemake.wildcards.sweep])
    plan, numbers = snakemake.config["sweep_plan"], this.params["numbers"]
    points = sweeps.points(sweep, plan["study"], plan["codes"], only=numbers)
    folder, shared = Path(this.output[0]).parents[2], set(this.params["shared"])
    seconds = {point.key: sweep_runs.make_point(point, folder, shared, tick_of) for point in points}
    stores.write_json(this.output[0], {"cpu_seconds": seconds})
