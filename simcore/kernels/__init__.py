"""Numba kernels: arrays in, arrays out, one file per subject, nothing allocated inside a time loop.

Symbols are those of the specification. Every kernel has a slow, literal twin under ``tests/``.
"""
