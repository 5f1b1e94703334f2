"""Embedding or consolidation: the plastic network under stimulation, or left to itself."""

from kernels import compile_kernels
from stage import Stage

from simcore import clock, datasets
from simcore.kernels.network import STEP
from simcore.parameters import Clock
from simcore.runs import Course, Training
from simcore.streams import stream


def start():
    """The state with which the stage before ended, and the cluster of each E neuron."""
    before = this.read("network", "network" if this.rule == "embedding" else "embedding")
    network = datasets.read_connectivity(before)
    state = clock.initial_state(network, parameters, seed, this.rule, plastic=True)
    datasets.restore_state(state, before)
    state.counters[STEP] = 0
    return state, network.cluster


with Stage(snakemake) as this:
    compile_kernels(this)
    parameters = Clock.model_validate(this.params["parameters"]["clock"])
    dt, seed = this.params["parameters"]["dt"], this.params["seed"]
    duration = getattr(parameters, this.rule)
    state, cluster = start()
    saved = this.resume()
    order = None
    if this.rule == "embedding":
        generator = stream(seed, "stimulation")
        order = clock.stimulation_order(parameters, dt, duration, int(cluster.max()) + 1, generator)
    kernel = clock.network(state, parameters, dt, plastic=True, stimulation_order=order)
    run = Training(state, duration, Course(cluster))
    if saved:
        run.restore(saved)
    tick = this.progress(duration, run, done=state.counters[STEP] * dt)
    run.run(kernel, duration, tick)
    final = clock.settled_connectivity(state, kernel, cluster)
    this.write(datasets.training(run, final, state), duration)
