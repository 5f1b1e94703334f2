"""A stage that several points of sweeps share."""

from pathlib import Path

from planned import compile_for, planned_points
from stage import Stage

from simcore import stores, sweep_runs, sweeps

with Stage(snakemake) as this:
    key = snakemake.wildcards.key
    name, number = snakemake.config["sweep_plan"]["needed_by"][key]
    (point,) = planned_points(snakemake.config, name, [number])
    step = point.steps[key]
    own = this.params["own"] or None
    if own is None:
        compile_for(this, [step])
    folder = Path(this.output[0]).parents[1]
    costs = sweep_runs.make_shared(step, folder, set(this.params["shared"]), this.watch, own)
    stores.write_json(sweeps.cost_path(folder, key), costs)
    this.end_watch()
