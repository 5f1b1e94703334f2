"""Run the kernel of plasticity under another network's spikes for a step; print its CPU seconds."""

import time

from simcore import clock, connectivity
from simcore.parameters import Clock
from simcore.streams import stream

parameters = Clock(clusters=2, cluster_size=10)
network = connectivity.build(parameters, stream(0, "weights"))
state = clock.initial_state(network, parameters, 0, "compilation", plastic=True)
kernel = clock.kernel_parameters(state, parameters, 0.1, plastic=True)
clock.run(state, kernel, 0.1, driver=clock.driver(network, parameters.precision))
print(round(time.process_time(), 1))
