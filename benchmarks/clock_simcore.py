"""The clock network by simcore, as benchmarks/clock.py calls it; its peers have the same interface.

    python clock_simcore.py FOLDER MODE CLUSTER_SIZE WARM_UP_STEPS STEPS REPEATS [--precision 32]

FOLDER holds the network as raw files (benchmarks/clock.c describes them), MODE is static, plastic,
or stimulated (plastic, the clusters stimulated in turn). Prints one line of JSON: CPU and wall
seconds of each repeat, peak memory, spikes during the repeats and mean weights (pF) at the end.
"""

import argparse
import json
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from measuring import peak_memory

from simcore import clock
from simcore.connectivity import Connectivity
from simcore.kernels.synapses import Synapses
from simcore.parameters import Clock

DT = 0.1


def write_network(folder, connectivity, parameters, seed):
    """Write a network and its initial state for all programs."""
    for group in clock.GROUPS:
        synapses = getattr(connectivity, group)
        synapses.row_pointer.astype("<i8").tofile(folder / f"{group}.row_pointer")
        synapses.column.astype("<u4").tofile(folder / f"{group}.column")
        synapses.weight.astype("<f8").tofile(folder / f"{group}.weight")
    state = clock.initial_state(connectivity, parameters, seed, "benchmark", precision="64-bit")
    for name, cell in (("e", state.e), ("i", state.i)):
        cell.V.astype("<f8").tofile(folder / f"V_{name}")
        cell.random.astype("<u4").tofile(folder / f"random_{name}")


def read_network(folder, cluster_size):
    groups = [
        Synapses(
            np.fromfile(folder / f"{group}.row_pointer", "<i8"),
            np.fromfile(folder / f"{group}.column", "<u4"),
            np.fromfile(folder / f"{group}.weight", "<f8"),
        )
        for group in clock.GROUPS
    ]
    neurons_e = groups[0].row_pointer.size - 1
    return Connectivity(*groups, np.arange(neurons_e, dtype=np.int32) // np.int32(cluster_size))


def prepare(folder, mode, cluster_size, precision):
    """State and kernel parameters of a run."""
    connectivity = read_network(folder, cluster_size)
    parameters = Clock(
        clusters=connectivity.clusters,
        cluster_size=cluster_size,
        neurons_i=connectivity.neurons_i,
        precision=precision,
    )
    plastic = mode != "static"
    state = clock.initial_state(connectivity, parameters, 0, "benchmark", plastic=plastic)
    for name, cell in (("e", state.e), ("i", state.i)):
        cell.V[...] = np.fromfile(folder / f"V_{name}", "<f8")
        cell.random[...] = np.fromfile(folder / f"random_{name}", "<u4").reshape(4, -1)
    order = np.arange(connectivity.clusters) if mode == "stimulated" else None
    return state, clock.kernel_parameters(
        state, parameters, DT, plastic=plastic, stimulation_order=order
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("mode", choices=("static", "plastic", "stimulated"))
    for name in ("cluster_size", "warm_up_steps", "steps", "repeats"):
        parser.add_argument(name, type=int)
    parser.add_argument("--precision", choices=("32", "64"), default="32")
    given = parser.parse_args()
    state, network = prepare(given.folder, given.mode, given.cluster_size, f"{given.precision}-bit")
    clock.run(state, network, given.warm_up_steps * DT)
    cpu, wall, neurons = [], [], []
    for repeat in range(given.repeats):
        until = (given.warm_up_steps + (repeat + 1) * given.steps) * DT
        begun = time.process_time(), time.perf_counter()
        clock.run(state, network, until, record=lambda _, neuron: neurons.append(neuron))
        cpu.append(time.process_time() - begun[0])
        wall.append(time.perf_counter() - begun[1])
    excitatory = np.concatenate(neurons) < state.e.V.size
    result = {
        "simulator": "simcore",
        "version": f"{version('simcore')}, numba {version('numba')}",
        "cpu_s": cpu,
        "wall_s": wall,
        "peak_memory_MB": peak_memory(),
        "spikes_e": int(excitatory.sum()),
        "spikes_i": int((~excitatory).sum()),
        "mean_e_to_e": float(clock.settled_weights(state, network).mean(dtype=float)),
        "mean_i_to_e": float(state.i_to_e.weight.mean(dtype=float)),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
