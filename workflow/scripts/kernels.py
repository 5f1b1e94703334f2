"""Compiling all kernels once, into the cache that every job reads."""

import fcntl
import json
import os
import time
from pathlib import Path

import numpy as np

from simcore import clock, connectivity, readout, stores
from simcore.parameters import Clock, Readout, Replay
from simcore.streams import stream


def compile_kernels(say):
    """Fill the cache, unless that has been done; other jobs wait meanwhile."""
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "compiled.json"
    if is_filled(done):
        return
    with open(folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_filled(done):
            return
        say("Compiling the kernels (half a minute, once) ...")
        begun = time.process_time()
        run_each_kernel()
        seconds = time.process_time() - begun
        say(f"Compiled the kernels in {seconds:.0f} CPU seconds.")
        stores.write_json(done, {"cpu_seconds": round(seconds, 1), "files": kernel_files()})


def is_filled(done):
    """Whether the cache holds the kernels: not those of a file that was touched or moved."""
    return done.exists() and json.loads(done.read_text()).get("files") == kernel_files()


def kernel_files():
    """Path of each file of kernels, with its time and size."""
    files = sorted(Path(clock.kernel.__file__).parent.glob("*.py"))
    return {str(file): [file.stat().st_mtime_ns, file.stat().st_size] for file in files}


def run_each_kernel():
    """Let every kernel run for a step, with the types that all runs have."""
    parameters, learning = Clock(clusters=2, cluster_size=10), Readout()
    network = connectivity.build(parameters, stream(0, "weights"))
    state = clock.initial_state(network, parameters, 0, "compilation")
    kernel = clock.network(state, parameters, 0.1, plastic=True)
    clock.run(state, kernel, 0.1)
    clock.settled_weights(state, kernel)
    readout_state = readout.initial_state(20, 2, 1, learning, 0.1, 0, "compilation")
    readout_kernel = readout.readout(
        learning, Replay(), 0.1, network.cluster, np.zeros((1, 1, 1)), learning=True
    )
    readout.run(state, kernel, readout_state, readout_kernel, 0.2)
