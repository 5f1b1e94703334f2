"""What the clock's kernels are compiled to: vector instructions, and no call in the time loop.

Counted in the compiler's output, not timed. It is compiled anew, which takes a minute, for other
kernels, another compiler or processor.
"""

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import llvmlite
import numba
import pytest
from conftest import CACHE
from llvmlite.binding import get_host_cpu_features, get_host_cpu_name

from simcore.provenance import code_digest

# LLVM's own become a few instructions each, but for functions of a library of mathematics. Whatever
# else is called in a time loop has slipped in: an allocation, an exception.
INSTRUCTIONS = re.compile(r"llvm\.(?!(exp|exp2|exp10|pow|powi|log\w*|sin|cos|tan\w*)\.).*")


PROGRAM = Path(__file__).with_name("compiled_code.py")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    state = (
        *(numba.__version__, llvmlite.__version__),
        *(get_host_cpu_name(), get_host_cpu_features().flatten()),
        *(code_digest(PROGRAM), platform.python_version()),
    )
    name = hashlib.sha256(repr(state).encode()).hexdigest()[:16]
    known = CACHE / f"compiled_code_{name}.json"
    if not known.exists():
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path_factory.mktemp("kernels"))}
        command = [sys.executable, PROGRAM]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        CACHE.mkdir(parents=True, exist_ok=True)
        new = known.with_suffix(".new")
        new.write_text(done.stdout)
        new.replace(known)
    return json.loads(known.read_text())


@pytest.mark.parametrize("time_loop", ["run_network", "run_readout"])
def test_nothing_is_called_in_a_time_loop(compiled, time_loop):
    calls = compiled[time_loop]["calls"]
    assert sum(calls.values()) > 20
    assert not {name for name in calls if not INSTRUCTIONS.fullmatch(name)}


@pytest.mark.parametrize(
    ("kernel", "arithmetic"),
    [
        ("external_events", "load add xor icmp fmul store"),
        ("advance_exponential", "load fmul fadd fsub fcmp shl select store"),
        ("advance_leaky", "load fmul fadd fsub fcmp select store"),
        ("low_pass", "load fsub fmul fadd store"),
        ("collect_spikes", "load call"),
        ("accumulate_potentiation", "load fmul fadd fsub fcmp select store"),
        ("normalize", "load fadd fsub fcmp select store"),
        ("potentiate", "load fmul fadd fsub store"),
    ],
)
def test_loops_over_neurons_and_synapses_are_vector_instructions(compiled, kernel, arithmetic):
    assert set(arithmetic.split()) <= set(compiled[kernel]["vectors"])
