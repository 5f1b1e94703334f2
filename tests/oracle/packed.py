"""The full matrix of a packed one, from the description in simcore.kernels.packed."""

import numpy as np

from simcore.kernels.packed import BLOCK, STRIP, padded


def unpacked(P, n):
    """Return the full symmetric matrix (n, n) of a packed one (packed_size(n),)."""
    full = np.zeros((padded(n), padded(n)), P.dtype)
    place = 0
    for first in range(0, padded(n), BLOCK):
        for strip in range(first, first + BLOCK, STRIP):
            for column in range(0, first, BLOCK):
                tile = P[place : place + STRIP * BLOCK].reshape(STRIP, BLOCK)
                full[strip : strip + STRIP, column : column + BLOCK] = tile
                full[column : column + BLOCK, strip : strip + STRIP] = tile.T
                place += STRIP * BLOCK
        square = P[place : place + BLOCK * BLOCK].reshape(BLOCK, BLOCK)
        full[first : first + BLOCK, first : first + BLOCK] = square
        place += BLOCK * BLOCK
    return full[:n, :n]
