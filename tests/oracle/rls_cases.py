"""Small networks of simcore, and the literal oracle that starts from the same values."""

import numpy as np

from oracle.packed import unpacked
from oracle.rls import LiteralNetwork, learning_step
from simcore import rls, rls_targets, rls_training
from simcore.kernels.least_squares import FULL
from simcore.numerics import steps_of
from simcore.rls_parameters import Experiment

NEURON = {"theta": "theta", "leaky": "lif", "izhikevich": "izhikevich", "rate": "rate"}

# Trials of 20 + 50 + 200 ms, with 20 updates each.
SMALL = {
    "network": {"neurons": 40, "p": 0.3, "tau_s": 20, "dt": 1},
    "target": {"kind": "periodic", "duration": 200},
    "input": {"amplitude": 2, "duration": 50},
    "training": {"loops": 2, "free_run": 20, "update_every": 10, "lambda": 0.5},
    "test": {"starts": 2, "free_run": 30},
}
IZHIKEVICH = {
    "network": {"neuron": "izhikevich", "dt": 0.5, "current_scale": 10, "constant_input": 0}
}


def merged(data, changes):
    """A nested dict with changes."""
    new = dict(data)
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(new.get(key), dict)
        new[key] = merged(new[key], value) if nested else value
    return new


def small(*changes, **more):
    """A small experiment, with groups of its parameters changed."""
    data = SMALL
    for change in (*changes, more):
        data = merged(data, change)
    return Experiment.model_validate(data)


def trained(experiment, seed=1, network=0, threads=1):
    """The training of a network on its targets, before the first step."""
    model = rls.Model(experiment, seed, network, threads)
    return rls_training.Training(model, rls_targets.make(model))


def steps(experiment, *times):
    return [steps_of(time, experiment.network.dt) for time in times]


def dense(synapses, values=None):
    """The weights, or other values of the synapses, as a matrix [post, pre]."""
    n = len(synapses.row_pointer) - 1
    values = synapses.weight if values is None else values
    matrix = np.zeros((n, n), values.dtype)
    post = np.repeat(np.arange(n), np.diff(synapses.row_pointer))
    matrix[post, synapses.column] = values
    return matrix


def oracle_of(model, state):
    """The literal network with the weights and state of simcore's, both copied."""
    network, training, inputs = model.parameters, model.experiment.training, model.kernel
    synapses = model.synapses
    kind = dict(zip("abcd", inputs.kind, strict=True))
    return LiteralNetwork(
        dense(synapses),
        dense(synapses, np.ones(synapses.weight.size, bool)),
        neuron=NEURON[network.neuron],
        dt=network.dt / 10,
        b=10 / network.tau_s,
        lam=training.lambda_,
        I0=network.input,
        mode=rls.modes(model.experiment),
        c=training.smoothing,
        dale=None if training.dale == "none" else training.dale,
        sign=synapses.sign,
        stale=training.drive_after_learning == "stale",
        state=state.v,
        r=state.r,
        recovery=state.recovery,
        izhikevich=kind,
        current_scale=network.current_scale,
    )


def run_trial(oracle, model, target, pattern=0, updates=None):
    """Let the literal network do one trial of the training, or its first updates.

    Returns the number of spikes.
    """
    experiment, spikes = model.experiment, 0
    free, on, window, every = steps(
        experiment,
        experiment.training.free_run,
        experiment.input.duration,
        experiment.target.duration,
        experiment.training.update_every,
    )
    if updates is not None:
        window = updates * every
    for i in range(1, free + on + window + 1):
        s = i - free - on  # counts from 1 after the stimulus
        external = np.zeros(len(oracle.W))
        if s > 0:
            external = model.frozen[(s - 1) % len(model.frozen)]
        elif i > free:
            external = model.stimuli[pattern]
        goal = target[pattern, s - 1] if learning_step(s, every) else None
        oracle.step(external, goal)
        spikes += np.count_nonzero(oracle.spiked)
    return spikes


def updates(training, trials=1):
    """Let simcore do trials of a training one update at a time; yields after each."""
    model, experiment = training.model, training.model.experiment
    none = np.zeros((1, model.parameters.neurons))
    free, on, window, every = steps(
        experiment,
        experiment.training.free_run,
        experiment.input.duration,
        experiment.target.duration,
        experiment.training.update_every,
    )
    for trial in range(trials):
        pattern = trial % experiment.target.patterns
        learning = every, training.target[pattern], training.inverse, training.work
        model.run(training.state, free, none)
        model.run(training.state, on, model.stimuli[pattern][None])
        for position in range(0, window - every + 1, every):
            _, broken = model.run(
                training.state, every, model.frozen, position=position, learning=learning
            )
            assert broken == -1
            yield position + every


def matrix_of(inverse, unit):
    """The stored matrix of one neuron or group; its last change is still to be subtracted."""
    P = inverse.P[inverse.start[unit] : inverse.start[unit + 1]].astype(float)
    rows = int(inverse.size[unit])
    return P.reshape(rows, rows) if inverse.layout == FULL else unpacked(P, rows)


def inverse_of(inverse, unit):
    """P of one neuron or group as a full matrix, its last change subtracted."""
    c = inverse.c[unit, : inverse.size[unit]].astype(float)
    return matrix_of(inverse, unit) - np.outer(c, c)
