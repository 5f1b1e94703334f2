"""The headline numbers of all experiments, a table of all networks, spectra of balanced ones."""

import numpy as np
import xarray as xr
from stage import Stage

from simcore import datasets, intervals, rls_stages
from simcore.datasets import variable
from simcore.rls_numbers import NUMBERS, SPECTRAL, headlines
from simcore.rls_parameters import Experiment

OF_TABLE = NUMBERS | SPECTRAL


def numbers(name, experiment, rows):
    """The headline numbers for each value of the series: of all networks, and the unit."""
    found = {}
    for place, label in enumerate(experiment.labels(name)):
        first = place * experiment.networks
        for part in headlines(experiment):
            values = [row[part] for row in rows[first : first + experiment.networks]]
            found[f"{label}.{part}"] = values, OF_TABLE.get(part, ("1",))[0]
    return found


def summed_up(numbers):
    """Means over networks, and their intervals."""
    means = {name: (float(np.mean(values)), unit) for name, (values, unit) in numbers.items()}
    ends = [intervals.of_mean(values) for values, _ in numbers.values()]
    return datasets.summary(means) | datasets.intervals(ends, [False] * len(ends))


def table(rows):
    """All networks of all experiments, one after the other."""
    label, network, values = zip(*rows, strict=True)
    variables = {
        "experiment": variable("row", np.array(label, object), "1", "id of experiment and value"),
        "network": variable("row", np.array(network), "1", "number of the network"),
    }
    columns = {name: [row.get(name, np.nan) for row in values] for name in OF_TABLE}
    return variables | {
        name: variable("row", np.array(column, float), *OF_TABLE[name])
        for name, column in columns.items()
    }


with Stage(snakemake) as this:
    summary, variables, rows = {}, {}, []
    for name, parameters in this.params["parameters"]["experiments"].items():
        experiment = Experiment.model_validate(parameters)
        replay = this.read(f"replay_{name}", f"rls_replay {name}")
        training = this.read(f"training_{name}", f"rls_training {name}")
        found = [rls_stages.numbers(replay, training, run) for run in range(replay.sizes["run"])]
        if experiment.network.initial == "balanced":
            for run, row in enumerate(found):
                values = rls_stages.eigenvalues(experiment, training, run)
                row |= rls_stages.radii(values)
                if run == replay.attrs["example_run"]:
                    variables |= rls_stages.spectra(name, values)
        labels = np.repeat(experiment.labels(name), experiment.networks)
        rows += zip(labels, replay["network"].values, found, strict=True)
        summary |= numbers(name, experiment, found)
    if "rls.untrained.correlation" in this.params["ids"]:
        first = ("rls.periodic", "rls.ratemodel", "rls.ou")
        # They share their networks, each of which counts once.
        untrained = {}
        for label, network, row in rows:
            if label in first:
                untrained.setdefault(network, []).append(row["untrained"])
        summary["rls.untrained.correlation"] = [np.mean(same) for same in untrained.values()], "1"
    this.write(xr.Dataset(variables | table(rows) | summed_up(summary)))
