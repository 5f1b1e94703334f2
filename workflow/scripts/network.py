"""The start network: random and balanced, hard-wired, synfire, or a given matrix."""

import xarray as xr
from kernels import compile_kernels
from stage import Stage

from simcore import clock, connectivity, datasets
from simcore.kernels.network import STEP
from simcore.parameters import Clock
from simcore.runs import Course, Training
from simcore.streams import stream

with Stage(snakemake) as this:
    parameters = Clock.model_validate(this.params["parameters"]["clock"])
    dt, seed = this.params["parameters"]["dt"], this.params["seed"]
    if parameters.weights:
        parameters = parameters.model_copy(update={"weights": this.input["weights"]})
    network = connectivity.build(parameters, stream(seed, "weights"))
    if parameters.learns:
        compile_kernels(this)
        saved = this.resume()
        state = clock.initial_state(network, parameters, seed, "network", plastic=True)
        run = Training(state, parameters.balancing, Course(network.cluster))
        if saved:
            run.restore(saved)
        tick = this.progress(parameters.balancing, run, done=state.counters[STEP] * dt)
        run.run(
            clock.network(state, parameters, dt, traces=True), parameters.balancing_static, tick
        )
        plastic = clock.network(state, parameters, dt, plastic=True)
        run.run(plastic, parameters.balancing, tick)
        final = clock.settled_connectivity(state, plastic, network.cluster)
        this.write(datasets.training(run, final, state), parameters.balancing)
    else:
        this.write(xr.Dataset(datasets.connectivity(network)))
