"""Measure what a unit of work takes on this machine, for simcore/costs.json (make estimate).

    python benchmarks/costs.py

Runs stages of several sizes (about two minutes; nothing else should run), fits the coefficients of
the model in simcore/costs.py to their CPU times, by relative errors, and prints them.
"""

import copy
import json
import time

import numpy as np
from measuring import machine
from scipy.optimize import nnls

from simcore import costs, rls_stages, stage_parameters, stages
from simcore.parameters import read_study

COEFFICIENTS = [
    ("clock_static", "ns_per_neuron"),
    ("clock_static", "ns_per_synapse"),
    ("clock_plastic", "ns_per_neuron"),
    ("clock_plastic", "ns_per_synapse"),
    ("building_ns_per_synapse",),
    ("rls", "ns_per_neuron"),
    ("rls", "ns_per_synapse_of_spikes"),
    ("rls", "ns_per_synapse_of_rates"),
    ("rls", "ns_per_number_in_replay"),
    ("rls", "ns_per_number_in_curve"),
    ("rls", "ns_per_number", "packed 64-bit"),
    ("rls", "ns_per_number", "packed 32-bit"),
    ("rls", "ns_per_number", "full 64-bit"),
    ("rls", "ns_per_number", "shared"),
    ("rls", "ns_per_weight_of_shared"),
    ("rls", "ns_per_target_number"),
]
CLUSTERS = 15, 30, 60
SIMULATED = "5 s"
# Each the network and the training of an experiment.
EXPERIMENTS = [
    ({"neurons": 200}, {"loops": 20}),
    ({"neurons": 400}, {"loops": 20}),
    ({"neurons": 800}, {"loops": 3}),
    ({"neurons": 800, "p": 0.1}, {"loops": 5}),
    ({"neurons": 400}, {"loops": 20, "inverse": "packed 32-bit"}),
    ({"neurons": 800}, {"loops": 5, "inverse": "packed 32-bit"}),
    ({"neurons": 400}, {"loops": 20, "inverse": "full 64-bit"}),
    ({"neurons": 200, "presynaptic": "all"}, {"loops": 20}),
    ({"neurons": 400, "presynaptic": "all"}, {"loops": 20}),
    ({"neurons": 800, "presynaptic": "all"}, {"loops": 20}),
    ({"neurons": 200, "presynaptic": "grouped"}, {"loops": 20, "update_every": 2}),
    ({"neurons": 400, "presynaptic": "grouped"}, {"loops": 10, "update_every": 2}),
    ({"neurons": 400, "neuron": "rate"}, {"loops": 10}),
]


def timed(stage, *arguments, **options):
    """The result of a stage, and its CPU seconds."""
    begun = time.process_time()
    made = stage(*arguments, **options)
    return made, time.process_time() - begun


def clocks():
    """What was run of the clock: (label, function that models it, CPU seconds)."""
    for clusters in (2, *CLUSTERS):
        clock = {"clusters": clusters, "embedding": SIMULATED, "balancing": "20 ms"}
        clock |= {"balancing_static": "10 ms"}
        wired = {"clusters": clusters, "connectivity": "hard-wired"}
        for chosen in (clock, wired):
            study = read_study({"study": "x", "clock": chosen, "replay": {"duration": SIMULATED}})
            sizes = study.clock.model_dump()
            given = stage_parameters.network(study)
            built, seconds = timed(stages.network, given, 1)
            if chosen is wired:
                yield (f"build {clusters}", modelled("network", given, sizes), seconds)
                given = stage_parameters.clock_replay(study)
                _, seconds = timed(stages.replay, given, 1, built, name="x")
                yield (f"replay {clusters}", modelled("replay", given, sizes), seconds)
            else:
                given = stage_parameters.embedding(study)
                _, seconds = timed(stages.training, given, 1, built, name="embedding")
                yield (f"embed {clusters}", modelled("training", given, sizes), seconds)


def experiments():
    """The same of networks trained by recursive least squares."""
    for network, training in [EXPERIMENTS[0], EXPERIMENTS[4], *EXPERIMENTS]:
        one = {"network": network, "target": {"kind": "ou"}, "training": training}
        one["training"] = training | {"lambda": 0.5}
        study = read_study({"study": "x", "rls": {"define": {"one": one}}})
        given = [
            getattr(stage_parameters, f"rls_{stage}")(study, "one")
            for stage in ("targets", "training", "replay")
        ]
        label = " ".join(map(str, (network | training).values()))
        targets, seconds = timed(rls_stages.targets, given[0], 1)
        yield (f"targets {label}", modelled("rls_targets", given[0]), seconds)
        trained, seconds = timed(rls_stages.training, given[1], 1, targets)
        yield (f"training {label}", modelled("rls_training", given[1]), seconds)
        _, seconds = timed(rls_stages.replay, given[2], 1, targets, trained)
        yield (f"replay {label}", modelled("rls_replay", given[2]), seconds)


def modelled(stage, given, clock=None):
    """Function that returns the model's CPU seconds of a stage, with the coefficients of then."""
    return lambda: costs.of_stage(stage, given, clock=clock).cpu_seconds


def by_coefficient(models):
    """What each model gives if one coefficient is 1 and the others are 0: it is linear in them."""
    columns, whole = [], costs.COEFFICIENTS
    for chosen in COEFFICIENTS:
        costs.COEFFICIENTS = copy.deepcopy(whole)
        for path in COEFFICIENTS:
            *groups, last = path
            place = costs.COEFFICIENTS
            for group in groups:
                place = place[group]
            place[last] = float(path == chosen)
        columns.append([model() for model in models])
    costs.COEFFICIENTS = whole
    return np.array(columns).T


def main():
    # The first of each kind compiles its kernels, or loads them.
    runs = [run for n, run in enumerate(clocks()) if n >= 3]
    runs += [run for n, run in enumerate(experiments()) if n >= 6]
    labels, models, seconds = zip(*runs, strict=True)
    design, seconds = by_coefficient(models), np.array(seconds)
    found, _ = nnls(design / seconds[:, None], np.ones(seconds.size))
    print(json.dumps(machine()))
    for path, value in zip(COEFFICIENTS, found, strict=True):
        print(f"{'.'.join(path):45} {value:.3g}")
    for label, model, taken in zip(labels, design @ found, seconds, strict=True):
        print(f"{label:45} {taken:.3f} s, modelled {model / taken:.2f} times that")


if __name__ == "__main__":
    main()
