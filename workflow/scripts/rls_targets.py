"""What the networks of one experiment are to follow, and the stimuli that start it."""

from kernels import compile_kernels
from stage import Stage

from simcore import rls_stages
from simcore.rls_parameters import Experiment

with Stage(snakemake) as this:
    given = this.params["parameters"]
    experiment = Experiment.model_validate(given["experiment"])
    if experiment.target.kind == "innate":
        compile_kernels(this, "rls", f"{experiment.bits}-bit")
    files = {role: this.input.get(role) for role in ("song", "file")}
    this.write(rls_stages.targets(given, this.params["seed"], **files))
