"""The points of sweeps as the main process planned them, for a job."""

from kernels import compile_kernels

from simcore import sweeps
from simcore.rls_parameters import Experiment
from simcore.sweep_parameters import Sweep


def planned_sweep(config, name):
    """Return a sweep by its name in Snakemake's config."""
    return Sweep.model_validate(config["sweeps"]["define"][name])


def planned_points(config, name, numbers=None):
    """Return some points of a sweep, or all.

    Parameters
    ----------
    config : dict
        Of Snakemake.
    name : str
        Of the sweep.
    numbers : list of int, optional
        Places of the points in the order of the grid.
    """
    sweep, plan = planned_sweep(config, name), config["sweep_plan"]
    known = plan["experiments"]
    return sweeps.points(sweep, plan["study"], plan["codes"], experiments=known, only=numbers)


def compile_for(this, steps):
    """Compile the kernels that some steps need."""
    experiments = [
        Experiment.model_validate(step.given["experiment"])
        for step in steps
        if "experiment" in step.given
    ]
    if len(experiments) < len(steps):
        compile_kernels(this)
    for bits in sorted({experiment.bits for experiment in experiments}):
        compile_kernels(this, "rls", f"{bits}-bit")
