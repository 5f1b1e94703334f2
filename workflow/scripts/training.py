"""Embedding or consolidation: the plastic network under stimulation, or left to itself."""

from kernels import compile_kernels
from stage import Stage

from simcore import stages

with Stage(snakemake) as this:
    given, seed = this.params["parameters"], this.params["seed"]
    before = this.read("network", "network" if this.rule == "embedding" else "embedding")
    trained = this.taken_over(before)
    if trained is None:
        compile_kernels(this)
        trained = stages.training(given, seed, before, name=this.rule, watch=this.watch)
    this.write(trained)
