"""Remove points and shared steps that no sweep of the study needs, whether it runs or not."""

from pathlib import Path

from planned import planned_points
from stage import Stage

from simcore import sweeps
from simcore.stores import SUFFIX

with Stage(snakemake) as this:
    points = [
        point for name in this.params["sweeps"] for point in planned_points(snakemake.config, name)
    ]
    needed = {point.key for point in points} | sweeps.shared(points).keys()
    removed = 0
    for path in sorted(Path(this.params["folder"]).glob(f"[ps]*/*{SUFFIX}")):
        if path.name.removesuffix(SUFFIX) not in needed:
            removed += path.stat().st_size
            path.unlink()
            this.say(f"removed {path}")
    this.say(f"{removed / 1e6:.1f} MB of points and steps that no sweep needs were removed.")
