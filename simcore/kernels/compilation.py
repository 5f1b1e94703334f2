"""How kernels are compiled."""

from numba import njit

OPTIONS = {
    "cache": True,
    "error_model": "numpy",
    # A product and a sum may become one instruction; nothing else is relaxed.
    "fastmath": {"contract"},
}

# The time loops, called from Python.
time_loop = njit(**OPTIONS)

# What they call: without reference counts, so that nothing can be allocated there.
kernel = njit(**OPTIONS, _nrt=False)
