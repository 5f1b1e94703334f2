"""Train all networks of one experiment by recursive least squares."""

from kernels import compile_kernels
from stage import Stage

from simcore import datasets, rls_training
from simcore.rls_parameters import Experiment

with Stage(snakemake) as this:
    experiment = Experiment.model_validate(this.params["parameters"]["experiment"])
    for _, condition, _ in experiment.runs:
        rls_training.require_memory(condition)
    compile_kernels(this, "rls", f"{experiment.bits}-bit")
    target = this.read("targets", f"rls_targets {this.target}")["target"].values
    networks = rls_training.Networks(experiment, this.params["seed"], target, snakemake.threads)
    total = sum(condition.training_ms for _, condition, _ in networks.runs)
    networks.run(this.watch(networks, total))
    made = datasets.rls_training(experiment, networks.done)
    this.write(made.assign_attrs(simulated_ms=total))
