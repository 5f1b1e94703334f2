"""Spontaneous activity with fixed weights: of the clock alone, or with trained read-outs."""

import xarray as xr
from kernels import compile_kernels
from stage import Stage

from simcore import clock, datasets, readout
from simcore.kernels.network import STEP
from simcore.parameters import Clock, Readout, Replay
from simcore.runs import Replay as ReplayRun

with Stage(snakemake) as this:
    compile_kernels(this)
    given, seed = this.params["parameters"], this.params["seed"]
    parameters = Clock.model_validate(given["clock"])
    replay, dt = Replay.model_validate(given["replay"]), given["dt"]
    network = datasets.read_connectivity(this.read("network", this.params["network"]))
    variables = datasets.cluster(network.cluster)
    state = clock.initial_state(network, parameters, seed, this.name)
    readout_state = readout_kernel = None
    if this.target:
        target, inhibited = datasets.selected_target(this.read("target", f"target {this.target}"))
        weight = this.read("readout", f"readout {this.target}")["readout_weight"].values
        readout_parameters = Readout.model_validate(given["readout"])
        readout_state = readout.initial_state(
            state, network.clusters, len(weight), readout_parameters, dt, seed, this.name
        )
        readout_state.weight[...] = weight
        readout_kernel = readout.readout(
            readout_parameters,
            replay,
            dt,
            network.cluster,
            target["target_rate"].values[None],
            learning=False,
            inhibited=inhibited,
        )
        variables |= dict(target.variables)
    run = ReplayRun(state, readout_state)
    if saved := this.resume():
        run.restore(saved)
    tick = this.progress(replay.duration, run, done=state.counters[STEP] * dt)
    run.run(clock.network(state, parameters, dt), replay.duration, tick, readout_kernel)
    variables |= datasets.spikes(run.spikes.arrays())
    if this.target:
        recorded = run.readout_spikes.arrays()
        variables |= datasets.spikes(recorded, prefix="readout_", index="channel")
    sizes = {"neurons_e": network.neurons_e, "neurons_i": network.neurons_i}
    this.write(xr.Dataset(variables, attrs=sizes), replay.duration)
