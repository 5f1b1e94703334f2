"""Compile all kernels once, into the cache that every other job reads."""

import time

import numpy as np
from stage import Stage

from simcore import clock, connectivity, readout, stores
from simcore.parameters import Clock, Readout, Replay
from simcore.streams import stream

with Stage(snakemake) as this:
    this.say("Compiling the kernels (about a minute, once) ...")
    begun = time.process_time()
    parameters = Clock(clusters=2, cluster_size=10)
    network = connectivity.build(parameters, stream(0, "weights"))
    state = clock.initial_state(network, parameters, 0, "compilation")
    kernel = clock.network(state, parameters, 0.1, plastic=True)
    clock.run(state, kernel, 0.1)
    clock.settled_weights(state, kernel)
    readout_state = readout.initial_state(20, 2, 1, Readout(), 0.1, 0, "compilation")
    rate = np.zeros((1, 1, 1))
    readout_kernel = readout.readout(
        Readout(), Replay(), 0.1, network.cluster, rate, learning=True
    )
    readout.run(state, kernel, readout_state, readout_kernel, 0.2)
    seconds = time.process_time() - begun
    this.say(f"Compiled the kernels in {seconds:.0f} CPU seconds.")
    stores.write_json(this.output[0], {"compilation_cpu_seconds": round(seconds, 1)})
