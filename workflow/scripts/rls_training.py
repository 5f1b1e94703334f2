"""Train all networks of one experiment by recursive least squares."""

from kernels import compile_kernels
from stage import Stage

from simcore import rls_stages, rls_training
from simcore.rls_parameters import Experiment

with Stage(snakemake) as this:
    given = this.params["parameters"]
    experiment = Experiment.model_validate(given["experiment"])
    for _, condition, _ in experiment.runs:
        rls_training.require_memory(condition)
    compile_kernels(this, "rls", f"{experiment.bits}-bit")
    targets = this.read("targets", f"rls_targets {this.target}")
    options = {"watch": this.watch, "threads": snakemake.threads}
    this.write(rls_stages.training(given, this.params["seed"], targets, **options))
