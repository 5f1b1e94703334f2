"""Spontaneous activity with fixed weights: of the clock alone, or with trained read-outs."""

from kernels import compile_kernels
from stage import Stage

from simcore import stages

with Stage(snakemake) as this:
    compile_kernels(this)
    given, seed = this.params["parameters"], this.params["seed"]
    network, with_readouts = this.read("network", this.params["network"]), {}
    # The whole clock is replayed under the same noise as the damaged one.
    name = "replay_clock"
    if this.target:
        name = this.name
        with_readouts["target"] = this.read("target", f"target {this.target}")
        with_readouts["learned"] = this.read("readout", f"readout {this.params['readouts']}")
    this.write(stages.replay(given, seed, network, name=name, watch=this.watch, **with_readouts))
