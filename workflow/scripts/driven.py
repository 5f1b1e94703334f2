"""The embedded weights learn from the spikes of another clock, which they do not touch."""

from kernels import compile_kernels
from stage import Stage

from simcore import stages

with Stage(snakemake) as this:
    compile_kernels(this, "driven")
    given, seed = this.params["parameters"], this.params["seed"]
    before = this.read("network", "embedding")
    driver = stages.stored_network(this.input["driver"], "stability.driver")
    this.write(stages.driven(given, seed, before, driver, watch=this.watch))
