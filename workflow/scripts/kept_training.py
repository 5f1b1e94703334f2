"""A stage of the clock's training, from what an earlier run kept of it."""

from stage import Stage

from simcore import kept

with Stage(snakemake) as this:
    before = this.read("network", "network" if this.rule == "embedding" else "embedding")
    this.write(kept.training(this.read("kept", this.rule), before, this.input["kept"]))
