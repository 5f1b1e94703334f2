"""One target: what rate each supervisor has in each step."""

from stage import Stage

from simcore import stages

with Stage(snakemake) as this:
    this.write(
        stages.target(
            this.params["parameters"],
            this.read("replay", this.params["replay"]),
            name=this.target,
            song=this.input.get("song"),
            file=this.input.get("file"),
            say=this.report,
        )
    )
