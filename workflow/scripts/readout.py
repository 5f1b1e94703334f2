"""Read-outs learn a target on the trained clock, in blocks, until the replay levels off."""

from kernels import compile_kernels
from stage import Stage

from simcore import stages

with Stage(snakemake) as this:
    compile_kernels(this)
    inputs = (
        this.read("network", this.params["network"]),
        this.read("target", f"target {this.target}"),
    )
    this.write(
        stages.learn(
            this.params["parameters"],
            this.params["seed"],
            *inputs,
            name=this.name,
            watch=this.watch,
            say=this.report,
        )
    )
