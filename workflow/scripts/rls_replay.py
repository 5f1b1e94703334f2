"""Test the trained networks of one experiment: fixed weights, random starts, damage."""

from kernels import compile_kernels
from stage import Stage

from simcore import rls_stages
from simcore.errors import UserError
from simcore.rls_parameters import Experiment


def say(sentence):
    """Report a network; between two networks the stage may end."""
    if this.stop:
        raise UserError("stopped, as asked; the same command begins this stage again.")
    this.report(sentence)


with Stage(snakemake) as this:
    given = this.params["parameters"]
    experiment = Experiment.model_validate(given["experiment"])
    compile_kernels(this, "rls", f"{experiment.bits}-bit")
    targets = this.read("targets", f"rls_targets {this.target}")
    training = this.read("training", f"rls_training {this.target}")
    this.write(rls_stages.replay(given, this.params["seed"], targets, training, say=say))
