"""The start network: random and balanced, hard-wired, synfire, or a given matrix."""

from kernels import compile_kernels
from stage import Stage

from simcore import stages
from simcore.parameters import Clock

with Stage(snakemake) as this:
    given = this.params["parameters"]
    if Clock.model_validate(given["clock"]).learns:
        compile_kernels(this)
    weights = this.input.get("weights")
    this.write(stages.network(given, this.params["seed"], weights=weights, watch=this.watch))
