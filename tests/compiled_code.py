"""Compile the clock's kernels anew; print what their compiled functions are made of, as JSON.

Of each kernel: ``calls``, how often which function is called, and ``vectors``, the kinds of
instructions that work on four or more numbers at once. Code from numba's cache cannot be looked at:
hence a program of its own, with an empty cache.
"""

import json
import re
from collections import Counter

import llvmlite.binding as llvm
import numpy as np

from simcore import clock, readout
from simcore.connectivity import balanced
from simcore.kernels import network, neurons, plasticity, random
from simcore.kernels.readout import potentiate, run_readout
from simcore.parameters import Clock, Readout, Replay
from simcore.streams import stream

KERNELS = (
    network.run_network,
    run_readout,
    random.external_events,
    neurons.advance_exponential,
    neurons.advance_leaky,
    neurons.low_pass,
    neurons.collect_spikes,
    plasticity.accumulate_potentiation,
    plasticity.normalize,
    potentiate,
)
VECTOR = re.compile(r"<(4|8|16) x (float|i32|i1|ptr)>")


def run_all():
    """Everything once, in the precision that is the default."""
    parameters = Clock(clusters=4, cluster_size=20)
    connectivity = balanced(parameters, stream(1, "weights"))
    state = clock.initial_state(connectivity, parameters, 1, "run", plastic=True)
    plastic = clock.kernel_parameters(
        state, parameters, 0.1, plastic=True, stimulation_order=[0, 1]
    )
    clock.run(state, plastic, 1.0)
    readouts = readout.initial_state(state, 4, 3, Readout(), 0.1, 1, "run")
    target = np.ones((1, 10, 3))
    kernel = readout.kernel_parameters(
        Readout(), Replay(), 0.1, connectivity.cluster, target, learning=True
    )
    readout.run(state, plastic, readouts, kernel, 2.0)


def instructions(kernel):
    """All of a kernel's functions but those by which Python calls it."""
    for code in kernel.inspect_llvm().values():
        for function in llvm.parse_assembly(code).functions:
            if not function.is_declaration and function.name.startswith("_ZN7simcore"):
                for block in function.blocks:
                    yield from block.instructions


def content(kernel):
    calls, vectors = Counter(), set()
    for instruction in instructions(kernel):
        if instruction.opcode == "call":
            calls[list(instruction.operands)[-1].name] += 1
        if VECTOR.search(str(instruction)):
            vectors.add(instruction.opcode)
    return {"calls": calls, "vectors": sorted(vectors)}


run_all()
print(json.dumps({kernel.__name__: content(kernel) for kernel in KERNELS}))
