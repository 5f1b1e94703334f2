"""What the networks of one experiment are to follow, and the stimuli that start it."""

import numpy as np
import xarray as xr
from kernels import compile_kernels
from stage import Stage

from simcore import rls, rls_targets, targets
from simcore.datasets import rls_runs, variable
from simcore.rls_parameters import Experiment


def song(length, dt):
    """A piece of the study's recording."""
    options = {name: given[f"song_{name}"] for name in ("start", "duration", "fit")}
    return targets.song(this.input["song"], length, dt, **options)


with Stage(snakemake) as this:
    given, seed = this.params["parameters"], this.params["seed"]
    experiment = Experiment.model_validate(given["experiment"])
    if experiment.target.kind == "innate":
        compile_kernels(this, "rls", f"{experiment.bits}-bit")
    models = [rls.Model(condition, seed, n) for _, condition, n in experiment.runs]
    made = [rls_targets.make(model, song, this.input.get("file")) for model in models]
    of_neurons = ("run", "pattern", "neuron")
    time = (np.arange(made[0].shape[1]) + 1) * experiment.network.dt
    this.write(
        xr.Dataset(
            rls_runs(experiment)
            | {
                "target": variable(
                    ("run", "pattern", "time", "neuron"),
                    np.array(made, np.float32),
                    "1",
                    "what each neuron is to follow: its drive, or its rate in spikes per 10 ms",
                ),
                "time": variable("time", time, "ms", "time since the window began"),
                "stimulus": variable(
                    of_neurons,
                    np.array([model.stimuli for model in models]),
                    "1",
                    "external input that starts the pattern",
                ),
                "mode": variable(
                    ("run", "neuron"),
                    np.array([model.rule.mode for model in models]),
                    "1",
                    "what is trained: 0 nothing, 1 the drive, 2 the rate",
                ),
            }
        )
    )
