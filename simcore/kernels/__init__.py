"""Numba kernels: arrays in, arrays out, one file per subject, nothing allocated inside a time loop.

Symbols are those of the specification. Every kernel has a slow, literal twin under ``tests/``.
"""

import os
from pathlib import Path

import numba

from simcore.provenance import kernels_digest

# Numba's cache does not notice a changed kernel in another file: each version has its own.
if "NUMBA_CACHE_DIR" not in os.environ:
    numba.config.CACHE_DIR = str(Path(__file__).parent / "__pycache__" / kernels_digest())

# Between two updates GNU's OpenMP threads are to wait awake for some milliseconds: to wake them up
# takes as long as their share of the work in a small network.
os.environ.setdefault("GOMP_SPINCOUNT", "10000000")
