"""Some points of a sweep; those that lie there already are left alone."""

import json
from pathlib import Path

from planned import compile_for, planned_points
from stage import Stage

from simcore import stores, sweep_runs, sweeps
from simcore.errors import UserError


def tick_of(run, total):
    """Stop between two chunks if asked: whole points are kept, so the next run goes on there."""

    def tick(simulated):
        if this.stop:
            raise UserError("stopped, as asked; the points made so far are kept.")

    return tick


with Stage(snakemake) as this:
    points = planned_points(snakemake.config, snakemake.wildcards.sweep, this.params["numbers"])
    compile_for(this, [step for point in points for step in point.steps.values()])
    folder, shared = Path(this.output[0]).parents[2], set(this.params["shared"])
    path = sweeps.cost_path(folder, snakemake.wildcards.batch)
    costs = json.loads(path.read_text()) if path.exists() else {}
    for point in points:
        if made := sweep_runs.make_point(point, folder, shared, tick_of):
            costs |= made
            stores.write_json(path, costs)
    stores.write_json(this.output[0], {"points": [point.key for point in points]})
