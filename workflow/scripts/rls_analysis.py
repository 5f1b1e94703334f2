"""The headline numbers of all experiments, a table of all networks, spectra of balanced ones."""

import numpy as np
import xarray as xr
from stage import Stage

from simcore import datasets, tracking
from simcore.datasets import variable
from simcore.rls_parameters import Experiment

# Of each network: unit and meaning of a column.
COLUMNS = {
    "correlation": ("1", "correlation with the target, mean over followers, starts, patterns"),
    "median": ("1", "median over starts of the mean correlation"),
    "spread": ("1", "standard deviation over starts of the mean correlation"),
    "nrmse": ("1", "relative error: median over followers, mean over starts and patterns"),
    "rate": ("Hz", "of all neurons, in the window"),
    "silent": ("neurons", "that never fire in any start"),
    "untrained": ("1", "correlation before training"),
    "other_pattern": ("1", "correlation with the target of another pattern than the one evoked"),
    "predicted_drive": ("1", "correlation of the drive with its quasi-static prediction"),
    "predicted_rate": ("1", "correlation of the rate with its quasi-static prediction"),
    "weight_change": ("1", "norm of the change of the weights, relative unless they were zero"),
    "wrong_sign": ("1", "part of the synapses whose sign has turned"),
    "frozen": ("1", "part of the synapses that were frozen"),
}


def of_network(replay, training, run):
    """All columns of one network; not a number where one has no meaning."""
    tests, row = replay.isel(run=run), dict.fromkeys(COLUMNS, np.nan)
    by_start = tests["correlation"].mean("follower")
    row["correlation"] = by_start.mean().item()
    if "start" in by_start.dims:
        of_starts = by_start.mean("pattern").values
        row["median"], row["spread"] = np.median(of_starts), np.std(of_starts, ddof=1)
    row["nrmse"] = tests["relative_error"].median("follower").mean().item()
    if "rate" in tests:
        row["rate"] = tests["rate"].mean().item()
        row["silent"] = (tests["rate"] == 0).all(["pattern", "start"]).sum().item()
    row["untrained"] = tests["untrained_correlation"].mean().item()
    evoked = tests["other_correlation"].values
    if len(evoked) > 1:
        row["other_pattern"] = evoked[~np.eye(len(evoked), dtype=bool)].mean()
    for name in ("predicted_drive", "predicted_rate"):
        if name in tests:
            row[name] = tests[name].mean().item()
    row["weight_change"] = training["weight_change"].isel(run=run)[-1].item()
    return row | signs(training, run)


def signs(training, run):
    """How many synapses of a network have turned their sign, or were frozen."""
    if (training["sign"] > 0).all():
        return {}
    synapses = datasets.rls_synapses(training, run)
    pointer = training["row_pointer"].values[run]
    turned = synapses.weight * synapses.sign[synapses.column] < 0
    found = {"wrong_sign": turned.mean()}
    if "frozen" in training:
        found["frozen"] = training["frozen"].values[pointer[0] : pointer[-1]].mean()
    return found


def numbers(name, experiment, rows):
    """Correlation, error, rate and silent neurons, for each value of the series."""
    found = {}
    parts = ["correlation", "nrmse"] + ["rate", "silent"] * experiment.spikes
    for place, label in enumerate(experiment.labels(name)):
        first = place * experiment.networks
        for part in parts:
            values = [row[part] for row in rows[first : first + experiment.networks]]
            found[f"{label}.{part}"] = float(np.mean(values)), COLUMNS[part][0]
    return found


def spectra(name, experiment, replay, training):
    """Eigenvalues before and after training, over the radius of a random network's."""
    network = experiment.network
    radius = tracking.balanced_radius(
        network.strength, network.inhibition, network.excitatory, network.p
    )
    run = replay.attrs["example_run"]
    values = np.array(
        [
            tracking.spectrum(*synapses[:3], network.neurons) / radius
            for synapses in (
                datasets.rls_synapses(training, run, trained=trained) for trained in (False, True)
            )
        ]
    )
    dims, what = ("phase", f"eigenvalue_{name}"), "eigenvalues over the radius of random weights"
    return {
        "phase": variable("phase", np.array(["before", "after"], object), "1", "training"),
        f"eigenvalue_real_{name}": variable(dims, values.real, "1", what),
        f"eigenvalue_imaginary_{name}": variable(dims, values.imag, "1", what),
    }


def table(rows):
    """All networks of all experiments, one after the other."""
    label, network, values = zip(*rows, strict=True)
    variables = {
        "experiment": variable("row", np.array(label, object), "1", "id of experiment and value"),
        "network": variable("row", np.array(network), "1", "number of the network"),
    }
    return variables | {
        name: variable("row", np.array([row[name] for row in values], float), *column)
        for name, column in COLUMNS.items()
    }


with Stage(snakemake) as this:
    summary, variables, rows = {}, {}, []
    for name, parameters in this.params["parameters"]["experiments"].items():
        experiment = Experiment.model_validate(parameters)
        replay = this.read(f"replay_{name}", f"rls_replay {name}")
        training = this.read(f"training_{name}", f"rls_training {name}")
        found = [of_network(replay, training, run) for run in range(replay.sizes["run"])]
        labels = np.repeat(experiment.labels(name), experiment.networks)
        rows += zip(labels, replay["network"].values, found, strict=True)
        summary |= numbers(name, experiment, found)
        if experiment.network.initial == "balanced":
            variables |= spectra(name, experiment, replay, training)
    if "rls.untrained.correlation" in this.params["ids"]:
        first = ("rls.periodic", "rls.ratemodel", "rls.ou")
        untrained = [row["untrained"] for label, _, row in rows if label in first]
        summary["rls.untrained.correlation"] = float(np.mean(untrained)), "1"
    this.write(xr.Dataset(variables | table(rows) | datasets.summary(summary)))
