"""Independent named random streams, all spawned from a study's one seed."""

import zlib

import numpy as np


def stream(seed, name):
    """Return the random generator called ``name``; other names never change what it draws."""
    return np.random.Generator(np.random.PCG64(_sequence(seed, name)))


def neuron_streams(seed, name, neurons):
    """Return the states of one xoshiro128++ generator per neuron, uint32 (4, neurons)."""
    states = _sequence(seed, name).generate_state(4 * neurons, np.uint32)
    return np.ascontiguousarray(states.reshape(neurons, 4).T)


def _sequence(seed, name):
    return np.random.SeedSequence([seed, zlib.crc32(name.encode())])
