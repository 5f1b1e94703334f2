"""Embedding or consolidation: the plastic network under stimulation, or left to itself."""

from kernels import compile_kernels
from stage import Stage

from simcore import stages

with Stage(snakemake) as this:
    compile_kernels(this)
    given, seed = this.params["parameters"], this.params["seed"]
    before = this.read("network", "network" if this.rule == "embedding" else "embedding")
    this.write(stages.training(given, seed, before, name=this.rule, watch=this.watch))
