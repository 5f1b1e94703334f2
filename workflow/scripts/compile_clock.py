"""Run every kernel for a step, with the types that all runs have; print the CPU seconds it took."""

import time

import numpy as np

from simcore import clock, connectivity, readout
from simcore.parameters import Clock, Readout, Replay
from simcore.streams import stream

parameters, learning = Clock(clusters=2, cluster_size=10), Readout()
network = connectivity.build(parameters, stream(0, "weights"))
state = clock.initial_state(network, parameters, 0, "compilation", plastic=True)
kernel = clock.kernel_parameters(state, parameters, 0.1, plastic=True)
clock.run(state, kernel, 0.1)
readout_state = readout.initial_state(state, 2, 1, learning, 0.1, 0, "compilation")
readout_kernel = readout.kernel_parameters(
    learning, Replay(), 0.1, network.cluster, np.zeros((1, 1, 1)), learning=True
)
readout.run(state, kernel, readout_state, readout_kernel, 0.2)
print(round(time.process_time(), 1))
