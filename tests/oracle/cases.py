"""Small networks that spike plenty, and the oracle that starts from the same values."""

import numpy as np

from oracle.network import Network
from oracle.readout import Readouts
from simcore import clock
from simcore.connectivity import balanced
from simcore.parameters import Clock
from simcore.streams import stream

DT = 0.1
# Start weights of 80 + 20 neurons, within narrow bounds: learning reaches both.
E_TO_E, I_TO_E = 20.0, 150.0


def small_clock(**changes):
    """Parameters of 8 clusters of 10, with 20 I neurons."""
    scale = (80 / 2400) ** -0.5
    data = {
        "clusters": 8,
        "cluster_size": 10,
        "neurons_i": 20,
        "p": 0.4,
        "p_e_to_e": 0.5,
        "start_weights": {
            "e_to_e": E_TO_E / scale / (0.4 / 0.5) ** 0.5,
            "i_to_e": I_TO_E / scale,
            "e_to_i": 30 / scale,
            "i_to_i": 50 / scale,
        },
        "external": {"weight_e": 2.2},
        "voltage_rule": {
            "A_depression": 0.014,
            "A_potentiation": 0.004,
            "w_min": E_TO_E - 0.03,
            "w_max": E_TO_E + 0.2,
        },
        "inhibitory_rule": {"w_min": I_TO_E - 1.0, "w_max": I_TO_E + 2.0},
    }
    return Clock(**(data | changes))


def start(parameters, seed=1, name="run", plastic=True):
    """Connectivity and state of simcore."""
    connectivity = balanced(parameters, stream(seed, "weights"))
    return connectivity, clock.initial_state(
        connectivity, parameters, seed, name, plastic=plastic, precision="64-bit"
    )


def oracle_network(connectivity, state, parameters, dt=DT):
    """The oracle in the initial state of simcore."""
    return Network(
        connectivity, parameters, dt, state.e.V, state.i.V, state.e.random, state.i.random
    )


def oracle_readouts(network, state, parameters, replay, target_rate, **options):
    """The oracle of the read-outs in the initial state of simcore."""
    cells = (state.a, state.s, state.h)
    return Readouts(
        network,
        parameters,
        replay,
        target_rate,
        *(cell.V for cell in cells),
        *(cell.random for cell in cells),
        weight=state.weight,
        **options,
    )


class Recorder:
    """Collects what a run records."""

    def __init__(self, dt=DT):
        self.dt, self.times, self.neurons = dt, [], []

    def __call__(self, times, neurons):
        self.times.append(times)
        self.neurons.append(neurons)

    def spikes(self):
        """As (step, neuron), in order."""
        steps = np.rint(np.concatenate(self.times) / self.dt).astype(int)
        return sorted(zip(steps.tolist(), np.concatenate(self.neurons).tolist(), strict=True))


def run_clock(state, parameters, duration, dt=DT, **options):
    """Run simcore's network; returns its kernel parameters and its spikes."""
    recorder, network = Recorder(dt), clock.kernel_parameters(state, parameters, dt, **options)
    clock.run(state, network, duration, record=recorder)
    return network, recorder.spikes()


def copied(state, fresh):
    """``state`` as it comes back from a file: its arrays copied into a fresh state."""
    saved = {name: values.copy() for name, values in clock.flatten(state).items()}
    clock.restore(fresh, saved)
    return fresh


def same_bits(a, b):
    """Assert that two states are equal bit by bit."""
    a, b = clock.flatten(a), clock.flatten(b)
    assert a.keys() == b.keys()
    for name in a:
        assert a[name].dtype == b[name].dtype, name
        assert a[name].tobytes() == b[name].tobytes(), name
