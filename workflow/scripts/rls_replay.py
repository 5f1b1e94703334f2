"""Test the trained networks of one experiment: fixed weights, random starts, damage."""

from kernels import compile_kernels
from stage import Stage

from simcore import rls_stages
from simcore.errors import UserError
from simcore.rls_parameters import Experiment


def may_stop():
    """End between two tests, if asked to."""
    if this.stop:
        raise UserError("stopped, as asked; the same command begins this stage again.")


with Stage(snakemake) as this:
    given = this.params["parameters"]
    experiment = Experiment.model_validate(given["experiment"])
    compile_kernels(this, "rls", f"{experiment.bits}-bit")
    targets = this.read("targets", f"rls_targets {this.target}")
    training = this.read("training", f"rls_training {this.target}")
    seed, calls = this.params["seed"], {"say": this.report, "may_stop": may_stop}
    this.write(rls_stages.replay(given, seed, targets, training, **calls))
