"""CPU seconds of one core per simulated second of the clock network, and peak memory.

    python benchmarks/clock.py [--json PATH] [--simulated MS] [--repeats N]

The network is the paper's: 2400 E and 600 I neurons, 30 clusters, dt = 0.1 ms, from random start
weights; it runs 200 ms before its time is taken. Each kind of run has a process of its own, with
its kernels compiled before.
"""

import argparse
import json
import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from measuring import machine, peak_memory

from simcore import clock, readout
from simcore.connectivity import balanced
from simcore.parameters import Clock, Readout, Replay
from simcore.streams import stream

DT, WARM_UP, CHANNELS = 0.1, 200.0, 3
CASES = ("static", "plastic", "plastic, stimulated", "read-out learning")


def prepare(case, clusters):
    """The run as a function of the simulated time (ms) at which it pauses."""
    parameters = Clock(clusters=clusters)
    connectivity = balanced(parameters, stream(1, "weights"))
    state = clock.initial_state(connectivity, parameters, 1, case)
    options = {"plastic": case.startswith("plastic")}
    if case == "plastic, stimulated":
        options["stimulation_order"] = np.arange(clusters)
    network = clock.network(state, parameters, DT, **options)
    if case != "read-out learning":
        return lambda until: clock.run(state, network, until)
    readouts = readout.initial_state(
        connectivity.neurons_e, clusters, CHANNELS, Readout(), DT, 1, case
    )
    target = np.full((1, 4000, CHANNELS), 10.0)  # 400 ms at 10 kHz
    kernel = readout.readout(Readout(), Replay(), DT, connectivity.cluster, target, learning=True)
    return lambda until: readout.run(state, network, readouts, kernel, until)


def measure(case, simulated, repeats, clusters=30):
    """CPU seconds per simulated second of each repeat; peak memory of this process in MB."""
    run = prepare(case, clusters)
    run(WARM_UP)
    figures = []
    for repeat in range(repeats):
        begun = time.process_time()
        run(WARM_UP + (repeat + 1) * simulated)
        figures.append((time.process_time() - begun) / (simulated / 1000))
    return figures, peak_memory()


def in_own_process(*arguments):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as process:
        return process.submit(measure, *arguments).result()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", metavar="PATH", help="write the result there, too")
    parser.add_argument("--simulated", type=float, default=1000.0, metavar="MS", help="per repeat")
    parser.add_argument("--repeats", type=int, default=5, metavar="N")
    given = parser.parse_args()
    result = {"machine": machine(), "cases": {}}
    print(" | ".join(f"{key}: {value}" for key, value in result["machine"].items()))
    for case in CASES:
        in_own_process(case, 1.0, 1, 2)  # compiles
        figures, memory = in_own_process(case, given.simulated, given.repeats)
        entry = {
            "cpu_s_per_simulated_s_minimum": round(min(figures), 4),
            "cpu_s_per_simulated_s_median": round(statistics.median(figures), 4),
            "peak_memory_MB": round(memory),
        }
        result["cases"][case] = entry
        print(
            f"{case:20} minimum {min(figures):.3f}, median {statistics.median(figures):.3f} "
            f"CPU s per simulated s; peak memory {memory:.0f} MB",
            flush=True,
        )
    if given.json:
        Path(given.json).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
