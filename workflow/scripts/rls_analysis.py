"""The headline numbers of all experiments, a table of all networks, spectra of balanced ones."""

import numpy as np
import xarray as xr
from stage import Stage

from simcore import datasets, rls_stages
from simcore.datasets import variable
from simcore.rls_numbers import NUMBERS
from simcore.rls_parameters import Experiment


def numbers(name, experiment, rows):
    """Correlation, error, rate and silent neurons, for each value of the series."""
    found = {}
    parts = ["correlation", "nrmse"] + ["rate", "silent"] * experiment.spikes
    for place, label in enumerate(experiment.labels(name)):
        first = place * experiment.networks
        for part in parts:
            values = [row[part] for row in rows[first : first + experiment.networks]]
            found[f"{label}.{part}"] = float(np.mean(values)), NUMBERS[part][0]
    return found


def table(rows):
    """All networks of all experiments, one after the other."""
    label, network, values = zip(*rows, strict=True)
    variables = {
        "experiment": variable("row", np.array(label, object), "1", "id of experiment and value"),
        "network": variable("row", np.array(network), "1", "number of the network"),
    }
    return variables | {
        name: variable("row", np.array([row[name] for row in values], float), *of_number)
        for name, of_number in NUMBERS.items()
    }


with Stage(snakemake) as this:
    summary, variables, rows = {}, {}, []
    for name, parameters in this.params["parameters"]["experiments"].items():
        experiment = Experiment.model_validate(parameters)
        replay = this.read(f"replay_{name}", f"rls_replay {name}")
        training = this.read(f"training_{name}", f"rls_training {name}")
        found = [rls_stages.numbers(replay, training, run) for run in range(replay.sizes["run"])]
        labels = np.repeat(experiment.labels(name), experiment.networks)
        rows += zip(labels, replay["network"].values, found, strict=True)
        summary |= numbers(name, experiment, found)
        if experiment.network.initial == "balanced":
            variables |= rls_stages.spectra(name, experiment, replay, training)
    if "rls.untrained.correlation" in this.params["ids"]:
        first = ("rls.periodic", "rls.ratemodel", "rls.ou")
        untrained = [row["untrained"] for label, _, row in rows if label in first]
        summary["rls.untrained.correlation"] = float(np.mean(untrained)), "1"
    this.write(xr.Dataset(variables | table(rows) | datasets.summary(summary)))
