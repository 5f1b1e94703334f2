"""Spontaneous activity with fixed weights: of the clock alone, or with trained read-outs."""

from kernels import compile_kernels
from stage import Stage

from simcore import stages

with Stage(snakemake) as this:
    compile_kernels(this)
    given, seed = this.params["parameters"], this.params["seed"]
    network, with_readouts = this.read("network", this.params["network"]), {}
    if this.target:
        with_readouts["target"] = this.read("target", f"target {this.target}")
        with_readouts["learned"] = this.read("readout", f"readout {this.target}")
    this.write(
        stages.replay(given, seed, network, name=this.name, watch=this.watch, **with_readouts)
    )
