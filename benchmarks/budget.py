"""Where a time step of the clock goes, part by part, beside what its bytes alone would take.

    python benchmarks/budget.py [--neurons-e N]

Each part is run alone, again and again, on the state of a plastic network (microseconds per call,
minimum of several), and multiplied by how often it occurs in a step of a chain set by hand that is
active in sequence. The bound is the time in which a plain loop reads and writes as many bytes, in
arrays that together take as much room. For the way to read it: docs/performance.md.
"""

import argparse
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from clock_simcore import DT
from measuring import machine
from numba import njit

from simcore import clock
from simcore.connectivity import hard_wired
from simcore.kernels import plasticity as rules
from simcore.kernels.neurons import (
    advance_exponential,
    advance_leaky,
    collect_spikes,
    low_pass,
)
from simcore.kernels.random import external_events
from simcore.kernels.synapses import transmit
from simcore.parameters import Clock
from simcore.streams import stream

OPTIONS = {"error_model": "numpy", "fastmath": {"contract"}}


@njit(**OPTIONS)
def events(times, random, uniform, thresholds, received):
    for _ in range(times):
        external_events(random, uniform, thresholds, 1e-9, received, 0, uniform.size)


@njit(**OPTIONS)
def advance_e(times, cell, received_E, received_I, p, filters):
    for _ in range(times):
        advance_exponential(cell, received_E, received_I, p, filters, 0.1)


@njit(**OPTIONS)
def advance_i(times, cell, received_E, received_I, p, filters):
    for _ in range(times):
        advance_leaky(cell, received_E, received_I, p, filters, 0.1)


@njit(**OPTIONS)
def follow(times, u, v, V):
    for _ in range(times):
        low_pass(u, V, 0.01)
        low_pass(v, V, 0.01)


@njit(**OPTIONS)
def accumulate(times, G, V, v):
    for _ in range(times):
        rules.accumulate_potentiation(G, V, v, 1e-12, -49.0, -70.0)


@njit(**OPTIONS)
def collect(times, refractory, spikes):
    for _ in range(times):
        collect_spikes(refractory, 50, spikes)


@njit(**OPTIONS)
def normalize(times, incoming, rule):
    for _ in range(times):
        rules.normalize(incoming, rule, 1.45, 32.68)


@njit(**OPTIONS)
def fire(times, order, synapses, incoming, rule, u):
    for n in range(times):
        j = order[n % order.size]
        rules.fire_excitatory(j, synapses, incoming, rule, u, 1e-9, 1e-9, -70.0, 1.45, 32.68)


@njit(**OPTIONS)
def send_plastic(times, order, synapses, incoming, rule, received):
    for n in range(times):
        at = n % order.size
        rules.transmit_plastic(synapses, incoming, rule, order[at : at + 1], 1, received)


@njit(**OPTIONS)
def send(times, order, synapses, received):
    for n in range(times):
        at = n % order.size
        transmit(synapses, order[at : at + 1], 1, received)


@njit(**OPTIONS)
def inhibit_post(times, order, weight, incoming, Y):
    for n in range(times):
        rules.inhibitory_rule_post(order[n % order.size], weight, incoming, Y, 1, 1e-9, 48.0, 243.0)


@njit(**OPTIONS)
def inhibit_pre(times, order, synapses, Y):
    for n in range(times):
        rules.inhibitory_rule_pre(order[n % order.size], synapses, Y, 1, 1e-9, 0.12, 48.0, 243.0)


@njit(**OPTIONS)
def plain(times, values):
    for _ in range(times):
        for i in range(values.size):
            values[i] += np.float32(1)


def microseconds(function, *arguments, at_least=0.02):
    """Of one call: the least of seven measurements."""
    function(1, *arguments)
    times, best = 1, 0.0
    while best < at_least:
        times *= 2
        best = _seconds(function, times, arguments)
    return min(_seconds(function, times, arguments) for _ in range(7)) / times * 1e6


def _seconds(function, times, arguments):
    begun = time.perf_counter()
    function(times, *arguments)
    return time.perf_counter() - begun


class Part(NamedTuple):
    """A part of the step: how often it occurs, and the bytes it moves per element."""

    name: str
    calls: float
    function: Callable
    arguments: tuple
    traffic: tuple = (0, 0, 0)  # read, written, room
    size: int = 0

    def bound(self):
        """Microseconds of a plain loop that moves as many bytes, in arrays of as much room."""
        read, written, room = (count * self.size for count in self.traffic)
        moved = microseconds(plain, np.zeros(room // 4, np.float32))
        return moved * (read + written) / (2 * room)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--neurons-e", type=int, default=2400, metavar="N")
    clusters = parser.parse_args().neurons_e // 80
    parameters = Clock(clusters=clusters)
    connectivity = hard_wired(parameters, stream(1, "weights"))
    state = clock.initial_state(connectivity, parameters, 1, "run", plastic=True)
    network = clock.kernel_parameters(state, parameters, DT, plastic=True)
    clock.run(state, network, 1000.0)
    neurons = []
    begun = time.process_time()
    clock.run(state, network, 3000.0, record=lambda _, neuron: neurons.append(neuron))
    whole = (time.process_time() - begun) / (2000.0 / DT) * 1e6
    n_e, n_i = state.e.V.size, state.i.V.size
    excitatory = np.concatenate(neurons) < n_e
    per_step = [np.count_nonzero(kind) / (2000.0 / DT) for kind in (excitatory, ~excitatory)]
    spike_e, spike_i = per_step
    room, rule, e, i = clock.scratch(state), state.rule, state.e, state.i
    generator = np.random.default_rng(1)
    order_e, order_i = (generator.permutation(n).astype(np.int32) for n in (n_e, n_i))
    e_to_e, incoming = state.e_to_e, network.e_to_e
    thresholds = network.external.thresholds_E, network.external.thresholds_I
    weights = rule.base.size
    shares = 1 / network.plasticity.window_steps, 1 - np.exp(-spike_e)
    received = {name: getattr(room, f"received_{name}") for name in ("E_E", "E_I", "I_E", "I_I")}
    advanced_e = e, received["E_E"], received["E_I"], network.neuron_E, network.filters
    advanced_i = i, received["I_E"], received["I_I"], network.neuron_I, network.filters
    plastic = e_to_e, incoming, rule
    # What a part reads, writes and takes room for, per neuron or synapse (bytes); None: scattered.
    parts = [
        Part(
            "E: external events",
            1,
            events,
            (e.random, room.uniform_E, thresholds[0], received["E_E"]),
            (20, 24, 24),
            n_e,
        ),
        Part("E: filters, threshold, membrane", 1, advance_e, advanced_e, (40, 40, 40), n_e),
        Part(
            "I: external events",
            1,
            events,
            (i.random, room.uniform_I, thresholds[1], received["I_E"]),
            (20, 24, 24),
            n_i,
        ),
        Part("I: filters, membrane", 1, advance_i, advanced_i, (32, 32, 32), n_i),
        Part(
            "E: which have fired",
            shares[1],
            collect,
            (e.refractory, state.spikes_E),
            (4, 0, 4),
            n_e,
        ),
        Part("spikes I to E", spike_i, send, (order_i, state.i_to_e, received["E_I"])),
        Part("spikes E to I", spike_e, send, (order_e, state.e_to_i, received["I_E"])),
        Part("u and v *", 1, follow, (e.u, e.v, e.V), (16, 8, 12), n_e),
        Part("running sums G *", 1, accumulate, (rule.G, e.V, e.v), (12, 4, 12), n_e),
        Part("spikes E to E *", spike_e, send_plastic, (order_e, *plastic, received["E_E"])),
        Part("voltage rule at E spikes *", spike_e, fire, (order_e, *plastic, e.u)),
        Part(
            "inhibitory rule at E spikes *",
            spike_e,
            inhibit_post,
            (order_e, state.i_to_e.weight, network.i_to_e, i.Y),
        ),
        Part("inhibitory rule at I spikes *", spike_i, inhibit_pre, (order_i, state.i_to_e, e.Y)),
        Part("normalization *", shares[0], normalize, (incoming, rule), (4, 4, 4), weights),
    ]
    print(" | ".join(f"{key}: {value}" for key, value in machine().items()))
    print(f"{n_e} + {n_i} neurons, {weights} synapses E to E; {spike_e:.2f} E and {spike_i:.2f} I")
    print("spikes in a step. Parts with a star: only where weights change.\n")
    print("| part | us a call | calls a step | us a step | bytes alone |\n|---|---|---|---|---|")
    total = 0.0
    for part in parts:
        took = microseconds(part.function, *part.arguments)
        total += took * part.calls
        least = f"{part.bound() * part.calls:.2f}" if part.size else ""
        print(
            f"| {part.name} | {took:.3g} | {part.calls:.3g} | {took * part.calls:.2f} | {least} |",
            flush=True,
        )
    print(f"| sum | | | {total:.1f} | |\n| whole step, in one program | | | {whole:.1f} | |")


if __name__ == "__main__":
    main()
