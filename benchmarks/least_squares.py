"""Recursive least squares beside a literal C program of the same loops, in one run.

    python benchmarks/least_squares.py [--json PATH] [--neurons N ...] [--repeats N] [--seconds S]

The network is that of the authors' program (theta neurons, p = 0.3, an update of all neurons every
10 steps), at several sizes and in every layout of the inverses. Of both programs the CPU time of
simulation and updates together is taken, for the same number of intervals, turn by turn; the
C program (benchmarks/least_squares.c) is compiled with gcc -O2. First both train the same network
on the same targets: their weights must agree. Two threads are compared by wall time, beside what
two threads gain in a plain pass over a large array.
"""

import argparse
import json
import multiprocessing
import statistics
import struct
import subprocess
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from measuring import machine, peak_memory
from numba import njit, prange

from simcore import rls, rls_targets, rls_training
from simcore.rls_parameters import Experiment

SOURCE = Path(__file__).with_name("least_squares.c")
EVERY = 10  # steps between two updates
CASES = (
    ("packed 64-bit", "independent"),
    ("packed 32-bit", "independent"),
    ("full 64-bit", "independent"),
    ("shared 64-bit", "all"),
)


def experiment_of(neurons, inverse, presynaptic):
    """The authors' program at some size."""
    return Experiment.model_validate(
        {
            "network": {"neurons": neurons, "presynaptic": presynaptic},
            "target": {"kind": "ou"},
            "training": {
                "lambda": 0.5,
                "update_every": EVERY,
                "inverse": "packed 64-bit" if presynaptic == "all" else inverse,
            },
        }
    )


class Ours:
    """A network that learns interval by interval, the window beginning anew when it is over."""

    def __init__(self, neurons, inverse, presynaptic, threads=1):
        experiment = experiment_of(neurons, inverse, presynaptic)
        self.model = rls.Model(experiment, 1, 0, threads)
        self.target = rls_targets.make(self.model)
        self.training = rls_training.Training(self.model, self.target)
        self.none = np.zeros((1, neurons))
        self.spikes = 0

    def run(self, intervals, learn=True):
        """CPU and wall seconds of some intervals."""
        learning = (EVERY, self.target[0], self.training.inverse, self.training.work)
        begun = time.process_time(), time.perf_counter()
        for first in range(0, intervals, 100):
            steps = min(100, intervals - first) * EVERY
            trial, broken = self.model.run(
                self.training.state, steps, self.none, learning=learning if learn else None
            )
            self.spikes += trial.spike_step.size
            assert broken < 0
        return time.process_time() - begun[0], time.perf_counter() - begun[1]

    @property
    def bytes_per_interval(self):
        """Bytes of P that an update reads and writes."""
        return 2 * self.training.inverse.P.nbytes


def compile_c(folder):
    """Compile the C program; returns its path."""
    program = Path(folder) / "least_squares"
    subprocess.run(["gcc", "-O2", "-o", program, SOURCE, "-lm"], check=True)
    return program


def run_c(program, neurons, p, intervals, *files, warmup=1):
    """What the C program prints."""
    command = [program, neurons, p, EVERY, intervals, warmup, 1, *files]
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def difference(program, folder, neurons=200, intervals=100, warmup=0):
    """Train one network by both programs; the largest difference of a weight."""
    ours = Ours(neurons, "packed 64-bit", "independent")
    model, state = ours.model, ours.training.state
    post = np.repeat(np.arange(neurons), np.diff(model.synapses.row_pointer))
    W = np.zeros((neurons, neurons))
    W[post, model.synapses.column] = model.synapses.weight
    given, result = Path(folder) / "given", Path(folder) / "result"
    header = struct.pack("=iiiddd", neurons, intervals * EVERY, EVERY, 0.1, 0.5, 0.5)
    goals = ours.target[0][EVERY - 1 : intervals * EVERY : EVERY]
    given.write_bytes(header + W.tobytes() + state.v.tobytes() + goals.tobytes())
    printed = run_c(program, neurons, 0.3, intervals, given, result, warmup=warmup)
    ours.run(intervals)
    learned = np.frombuffer(result.read_bytes()).reshape(neurons, neurons)
    found = learned[post, model.synapses.column]
    return {
        "neurons": neurons,
        "intervals": intervals,
        "largest_weight_difference": float(np.abs(found - model.synapses.weight).max()),
        "largest_weight_change": float(np.abs(model.synapses.weight - model.initial_weight).max()),
        "spikes_c": printed["spikes"],
        "spikes": ours.spikes,
    }


def compare(program, neurons, inverse, presynaptic, repeats, seconds):
    """Both programs in turn: CPU ms of an interval, medians, and their ratio."""
    p = 1 if presynaptic == "all" else 0.3
    ours = Ours(neurons, inverse, presynaptic)
    ours.run(2)
    literal = run_c(program, neurons, p, 1)
    own_cpu, _ = ours.run(10)
    c_cpu = literal["rls_seconds"] + literal["simulation_seconds"]
    intervals = max(4, round(seconds * 10 / own_cpu))
    c_intervals = max(2, round(seconds / c_cpu))
    own, of_c, simulation = [], [], []
    for _ in range(repeats):
        literal = run_c(program, neurons, p, c_intervals)
        of_c.append((literal["rls_seconds"] + literal["simulation_seconds"]) / c_intervals)
        own.append(ours.run(intervals)[0] / intervals)
        simulation.append(ours.run(intervals, learn=False)[0] / intervals)
    median = statistics.median(own)
    return {
        "neurons": neurons,
        "inverse": inverse,
        "ms": 1e3 * median,
        "ms_spread": [1e3 * min(own), 1e3 * max(own)],
        "ms_simulation": 1e3 * statistics.median(simulation),
        "c_ms": 1e3 * statistics.median(of_c),
        "ratio": statistics.median(of_c) / median,
        "P_MB": ours.training.inverse.P.nbytes / 1e6,
        "GB_per_s": ours.bytes_per_interval / (median - statistics.median(simulation)) / 1e9,
    }


def threads(neurons, inverse, repeats, seconds):
    """Wall time of one thread over that of two; whether their weights are equal bit by bit."""
    one, two = (Ours(neurons, inverse, "independent", number) for number in (1, 2))
    for network in (one, two):
        network.run(2)
    intervals = max(4, round(seconds * 10 / one.run(10)[1]))
    two.run(10)
    walls = []
    for _ in range(repeats):
        walls.append((one.run(intervals)[1], two.run(intervals)[1]))
    equal = np.array_equal(one.model.synapses.weight, two.model.synapses.weight)
    gains = [first / second for first, second in walls]
    return {
        "neurons": neurons,
        "inverse": inverse,
        "gain": statistics.median(gains),
        "gain_spread": [min(gains), max(gains)],
        "bit_identical": bool(equal),
    }


@njit(fastmath=True)
def scale(values, factor):
    for n in range(values.size):
        values[n] *= factor


@njit(parallel=True, fastmath=True)
def scale_in_parallel(values, factor):
    for n in prange(values.size):
        values[n] *= factor


def stream(repeats):
    """GB/s (read and written) of a pass over 400 MB, one thread and two."""
    values = np.ones(50_000_000)
    found = {}
    for name, work in (("one_thread", scale), ("two_threads", scale_in_parallel)):
        work(values, 1.0)
        walls = []
        for _ in range(repeats):
            begun = time.perf_counter()
            work(values, 1.0)
            walls.append(time.perf_counter() - begun)
        found[name] = 2 * values.nbytes / statistics.median(walls) / 1e9
    return found


def memory(neurons, inverse):
    """MB of a process that trains a network, and of its arrays."""
    before = peak_memory()
    ours = Ours(neurons, inverse, "independent")
    ours.run(3)
    arrays = sum(array.nbytes for array in ours.training.arrays().values())
    synapses = sum(array.nbytes for array in ours.model.synapses)
    return {
        "neurons": neurons,
        "inverse": inverse,
        "process_MB": peak_memory(),
        "python_and_libraries_MB": before,
        "arrays_MB": (arrays + synapses) / 1e6,
    }


def in_own_process(function, *arguments):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as process:
        return process.submit(function, *arguments).result()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", metavar="PATH", help="write the result there, too")
    parser.add_argument("--neurons", type=int, nargs="+", default=[200, 500, 1000], metavar="N")
    parser.add_argument("--repeats", type=int, default=5, metavar="N")
    parser.add_argument("--seconds", type=float, default=1.0, metavar="S", help="of each repeat")
    given = parser.parse_args()
    result = {"machine": machine(), "cases": [], "threads": []}
    print(" | ".join(f"{key}: {value}" for key, value in result["machine"].items()))
    with tempfile.TemporaryDirectory() as folder:
        program = compile_c(folder)
        result["equal_work"] = difference(program, folder)
        print("the same network by both programs:", json.dumps(result["equal_work"]), flush=True)
        for neurons in given.neurons:
            for inverse, presynaptic in CASES:
                entry = compare(
                    program, neurons, inverse, presynaptic, given.repeats, given.seconds
                )
                result["cases"].append(entry)
                print(
                    f"N {neurons:4} {inverse:13}: {entry['ms']:8.3f} ms per interval (simulation "
                    f"{entry['ms_simulation']:.3f}), C {entry['c_ms']:8.2f} ms: "
                    f"{entry['ratio']:6.1f} times; {entry['GB_per_s']:.1f} GB/s of P",
                    flush=True,
                )
    result["stream_GB_per_s"] = stream(given.repeats)
    print("stream, GB/s read and written:", json.dumps(result["stream_GB_per_s"]))
    for neurons in given.neurons:
        for inverse in ("packed 64-bit", "packed 32-bit"):
            entry = in_own_process(threads, neurons, inverse, given.repeats, given.seconds)
            result["threads"].append(entry)
            print(f"N {neurons:4} {inverse}: two threads {entry['gain']:.2f} times as fast,", entry)
    result["memory"] = in_own_process(memory, max(given.neurons), "packed 32-bit")
    print("memory:", json.dumps(result["memory"]))
    if given.json:
        Path(given.json).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
