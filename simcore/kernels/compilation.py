"""How kernels are compiled."""

from numba import njit

OPTIONS = {
    "cache": True,
    "error_model": "numpy",
    # A product and a sum may become one instruction; nothing else is relaxed.
    "fastmath": {"contract"},
}

# The time loops, called from Python; two threads may run two networks.
time_loop = njit(**OPTIONS, nogil=True)

# What they call: without reference counts, so that nothing can be allocated there.
kernel = njit(**OPTIONS, _nrt=False, forceinline=True)

# The same for long sums, whose terms may be added in the order that suits vector instructions:
# always the same one on one type of machine.
summing_kernel = njit(**OPTIONS | {"fastmath": {"contract", "reassoc", "nsz"}}, _nrt=False)

# A piece of one caller, written apart to be read: compiled only there.
inlined_kernel = njit(**OPTIONS, _nrt=False, inline="always")

# A loop over independent pieces of work that several threads share.
parallel_kernel = njit(**OPTIONS, parallel=True)
