"""Remove points and shared steps that no sweep of the study needs any more."""

from pathlib import Path

from stage import Stage

with Stage(snakemake) as this:
    needed, removed = set(this.params["needed"]), 0
    for path in sorted(Path(this.params["folder"]).glob("[ps]*/*.zarr.zip")):
        if path.name.removesuffix(".zarr.zip") not in needed:
            removed += path.stat().st_size
            path.unlink()
            this.say(f"removed {path}")
    this.say(f"{removed / 1e6:.1f} MB of points and steps that no sweep needs were removed.")
