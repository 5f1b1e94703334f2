"""Test the trained networks of one experiment: fixed weights, random starts, damage."""

import numpy as np
from kernels import compile_kernels
from stage import Stage

from simcore import datasets, rls, rls_replay
from simcore.errors import UserError
from simcore.rls_parameters import Experiment


def replay(run, experiment, network):
    """All tests of one network: a dict of arrays."""
    model = rls.Model(experiment, this.params["seed"], network)
    goal = target[run].astype(float)
    model.synapses = datasets.rls_synapses(training, run, trained=False)
    before = rls_replay.evaluate(model, goal)
    found = {"untrained_correlation": before["correlation"]}
    if experiment.test.delete_spike is not None:
        found["untrained_separation"] = rls_replay.without_one_spike(model)
        found["agreement_time"], found["untrained_agreement"] = rls_replay.agreement(
            model, experiment.test.after
        )
    model.synapses = datasets.rls_synapses(training, run)
    found |= rls_replay.evaluate(model, goal)
    found["damage"], found["damage_correlation"] = rls_replay.damaged(model, goal)
    if experiment.test.delete_spike is not None:
        found["separation"] = rls_replay.without_one_spike(model)
        _, found["agreement"] = rls_replay.agreement(model, experiment.test.after)
    return found, model


with Stage(snakemake) as this:
    experiment = Experiment.model_validate(this.params["parameters"]["experiment"])
    compile_kernels(this, "rls", f"{experiment.bits}-bit")
    target = this.read("targets", f"rls_targets {this.target}")["target"].values
    training = this.read("training", f"rls_training {this.target}")
    results, examples = [], None
    runs = experiment.runs
    for run, (_, condition, network) in enumerate(runs):
        found, model = replay(run, condition, network)
        results.append(found)
        if run == len(runs) - experiment.networks:
            patterns = range(condition.target.patterns)
            examples = [rls_replay.examples(model, pattern) for pattern in patterns]
        if this.stop:
            raise UserError("stopped, as asked; the same command begins this stage again.")
        correlation = np.mean(found["correlation"])
        this.report(f"network {run + 1} of {len(runs)}: correlation {correlation:.3f}")
    dataset = datasets.rls_replay(experiment, results, examples, target, training)
    simulated = len(runs) * experiment.test.starts * experiment.target.duration
    this.write(dataset.assign_attrs(simulated_ms=simulated))
