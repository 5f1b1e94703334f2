"""Results as xarray Datasets: names, dimensions and units of everything that is stored.

The tables in docs/stores.md say the same in words.
"""

import numpy as np
import xarray as xr

from simcore import clock
from simcore.connectivity import Connectivity
from simcore.kernels.synapses import Synapses

POPULATIONS = {"e": "E", "i": "I"}


def variable(dims, values, units, long_name, **attributes):
    """Return a variable with its units and description."""
    return xr.Variable(dims, values, {"units": units, "long_name": long_name, **attributes})


def spikes(recorded, *, prefix="", index="neuron", **attributes):
    """Return the two variables of a recording: spike times (ms) and who fired.

    Parameters
    ----------
    recorded : dict
        ``time`` (spike,) in ms and ``neuron`` (spike,).
    prefix : str
        Before the names, such as ``readout_``.
    index : str
        What fires: ``neuron`` or ``channel``.
    """
    dim = f"{prefix}spike"
    who = "neuron that fired (E neurons first)" if index == "neuron" else f"{index} that fired"
    return {
        f"{prefix}spike_time": variable(
            dim, recorded["time"], "ms", "time of each spike", **attributes
        ),
        f"{prefix}spike_{index}": variable(
            dim,
            recorded["neuron"].astype(np.int32),
            "1",
            who,
        ),
    }


def cluster(values):
    """Return the variable that names the cluster of each E neuron."""
    return {"cluster": variable("neuron_e", values, "1", "cluster of the E neuron")}


def connectivity(network):
    """Return the variables of the four sparse weight matrices and the clusters."""
    variables = cluster(network.cluster)
    for group in clock.GROUPS:
        pre, post = (POPULATIONS[part] for part in group.split("_to_"))
        synapses, name = getattr(network, group), f"{pre} to {post}"
        row, synapse = f"{group}_row", f"{group}_synapse"
        variables |= {
            f"{group}_row_pointer": variable(
                row, synapses.row_pointer, "1", f"first {name} synapse of each pre", rows="pre"
            ),
            f"{group}_column": variable(
                synapse, synapses.column.astype(np.int32), "1", f"post neuron of {name} synapses"
            ),
            f"{group}_weight": variable(
                synapse, synapses.weight, "pF", f"weight of {name} synapses"
            ),
        }
    return variables


def read_connectivity(dataset):
    """Return the network that :func:`connectivity` stored."""
    groups = [
        Synapses(
            dataset[f"{group}_row_pointer"].values,
            dataset[f"{group}_column"].values.astype(np.uint32),
            dataset[f"{group}_weight"].values,
        )
        for group in clock.GROUPS
    ]
    return Connectivity(*groups, dataset["cluster"].values)


def state(values):
    """Return the variables of a complete state, from which a run goes on bit by bit."""
    return {
        f"state_{name.replace('.', '_')}": variable(
            tuple(f"state_{name.replace('.', '_')}_{n}" for n in range(array.ndim)),
            array,
            "internal",
            f"state of the simulation: {name} (docs/stores.md)",
        )
        for name, array in clock.flatten(values).items()
        if not _structural(name)
    }


def restore_state(values, dataset):
    """Fill a state of the same network with a stored one, in place."""
    for name, array in clock.flatten(values).items():
        if not _structural(name):
            array[...] = dataset[f"state_{name.replace('.', '_')}"].values


def _structural(name):
    """Whether an array of the state is stored elsewhere, and never changes."""
    return name.endswith(("row_pointer", "column"))


def course(arrays):
    """Return the variables of a training's course (:class:`simcore.runs.Course`)."""
    blocks = ("time", "cluster_pre", "cluster_post")
    return {
        "time": variable("time", arrays["time"], "ms", "time since the stage began"),
        "block_weight": variable(
            blocks, arrays["block_weight"], "pF", "mean E to E weight between clusters"
        ),
        "i_to_e_mean": variable("time", arrays["i_to_e_mean"], "pF", "mean I to E weight"),
        "rate_e": variable("time", arrays["rate_e"], "Hz", "E rate since the moment before"),
        "rate_i": variable("time", arrays["rate_i"], "Hz", "I rate since the moment before"),
    }


def training(run, network, final):
    """Return the Dataset of a training stage.

    Parameters
    ----------
    run : simcore.runs.Training
    network : simcore.connectivity.Connectivity
        As it is at the end.
    final : simcore.kernels.network.State
    """
    return xr.Dataset(
        connectivity(network)
        | course(run.course.arrays())
        | spikes(run.spikes.arrays(), spikes_from_ms=float(run.spikes.first))
        | state(final)
    )


def target(rate, labels, kind, dt, pattern_of_channel, selected):
    """Return the Dataset of a target.

    Parameters
    ----------
    rate : float64 (pattern, time, channel), kHz
    labels : sequence of str or float, or None
        Symbol or frequency (Hz) of each channel.
    kind : str
        ``symbols``, ``song`` or ``file``.
    dt : float, ms
    pattern_of_channel : int (channel,)
        The pattern to which each channel belongs.
    selected : int
        The pattern to replay.
    """
    variables = {
        "target_rate": variable(
            ("pattern", "time", "channel"), rate, "kHz", "external input of each supervisor"
        ),
        "time": variable("time", np.arange(rate.shape[1]) * dt, "ms", "time within the target"),
        "pattern_of_channel": variable(
            "channel", pattern_of_channel, "1", "pattern to which the channel belongs"
        ),
    }
    if kind == "song":
        variables["frequency"] = variable(
            "channel", np.array(labels, float), "Hz", "frequency of the channel"
        )
    elif kind == "symbols":
        variables["symbol"] = variable(
            "channel", np.array(labels, dtype=object), "1", "symbol of the channel"
        )
    return xr.Dataset(variables, attrs={"selected_pattern": selected})


def selected_target(dataset):
    """Return the one pattern to replay, and which channels belong to others: bool (channel,)."""
    selected = int(dataset.attrs["selected_pattern"])
    inhibited = dataset["pattern_of_channel"].values != selected
    return dataset.isel(pattern=selected), inhibited


def readout(weight, curve, clusters):
    """Return the Dataset of a trained read-out.

    Parameters
    ----------
    weight : float64 (channel, neuron_e), pF
    curve : float64 (test, 3)
        Learning time (ms), replay error and correlation at each test.
    clusters : int (neuron_e,)
    """
    curve = np.asarray(curve, dtype=float).reshape(-1, 3)
    return xr.Dataset(
        cluster(clusters)
        | {
            "readout_weight": variable(
                ("channel", "neuron_e"), weight, "pF", "weight of E to read-out synapses"
            ),
            "learning_time": variable(
                "learning_time", curve[:, 0], "ms", "simulated learning at each test"
            ),
            "error_curve": variable("learning_time", curve[:, 1], "1", "replay error"),
            "correlation_curve": variable("learning_time", curve[:, 2], "1", "replay correlation"),
        }
    )
