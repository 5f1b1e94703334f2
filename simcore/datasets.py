"""Results as xarray Datasets: names, dimensions and units of everything that is stored.

The tables in docs/stores.md say the same in words.
"""

import numpy as np
import xarray as xr

from simcore import clock
from simcore.connectivity import Connectivity
from simcore.errors import UserError
from simcore.kernels.synapses import Synapses
from simcore.rls_numbers import bin_length

POPULATIONS = {"e": "E", "i": "I"}


def variable(dims, values, units, long_name, **attributes):
    """Return a variable with its units and description.

    Parameters
    ----------
    dims : str or tuple of str
    values : array
        With as many dimensions.
    units : str
        Such as ``ms``; ``1`` of what has none.
    long_name : str
        What it is, in words.
    **attributes
        More of them.

    Returns
    -------
    xarray.Variable
    """
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
    """Return the network that :func:`connectivity` stored; UserError if there is none."""
    if "e_to_e_row_pointer" not in dataset:
        raise UserError(
            "This store holds no whole network: name the network, embedding or consolidation of "
            "a study's results."
        )
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


def has_state(dataset):
    """Whether a dataset holds a complete state."""
    return any(name.startswith("state_") for name in dataset.variables)


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
    run : simcore.runs.TrainingRun
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
    weight : float (channel, neuron_e), pF
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
            "error_curve": variable(
                "learning_time", curve[:, 1], "1", "replay error of the channels in use"
            ),
            "correlation_curve": variable(
                "learning_time", curve[:, 2], "1", "replay correlation of the channels in use"
            ),
        }
    )


def rls_runs(experiment):
    """Return the variables that tell the runs of an experiment apart."""
    runs = [(value, network) for value, _, network in experiment.runs]
    variables = {
        "network": variable(
            "run", np.array([network for _, network in runs]), "1", "number of the network"
        )
    }
    if experiment.series is not None:
        values = np.array([value for value, _ in runs])
        variables["value"] = variable(
            "run", values, "see its config", f"value of {experiment.series.key}"
        )
    return variables


def rls_training(experiment, results):
    """Return the Dataset of a training by recursive least squares.

    Parameters
    ----------
    experiment : simcore.rls_parameters.Experiment
    results : list of dict
        Of each run, as from `simcore.rls_training.Networks.done`.
    """
    first = np.cumsum([0] + [result["column"].size for result in results])
    row_pointer = [begin + r["row_pointer"] for begin, r in zip(first, results, strict=False)]
    curve = np.array([result["curve"] for result in results])

    def joined(name):
        return np.concatenate([result[name] for result in results])

    variables = rls_runs(experiment) | {
        "row_pointer": variable(
            ("run", "row"),
            np.array(row_pointer),
            "1",
            "first synapse onto each post neuron of each run",
            rows="post",
        ),
        "column": variable("synapse", joined("column").astype(np.int32), "1", "pre neuron"),
        "initial_weight": variable("synapse", joined("initial_weight"), "1", "before training"),
        "weight": variable("synapse", joined("weight"), "1", "after training"),
        "sign": variable(
            ("run", "neuron"),
            np.array([result["sign"] for result in results]),
            "1",
            "sign of the weights from each neuron, under Dale's law",
        ),
        "loop": variable("loop", curve[0, :, 0].astype(int), "1", "loops before the test"),
        "curve_correlation": variable(
            ("run", "loop"), curve[:, :, 1], "1", "correlation with the target in the test"
        ),
        "curve_spread": variable(
            ("run", "loop"), curve[:, :, 2], "1", "its standard deviation over starts"
        ),
        "weight_change": variable(
            ("run", "loop"),
            curve[:, :, 3],
            "1",
            "norm of the change of the weights, relative to their norm at first",
            relative=int(curve[:, :, 4].all()),
        ),
        "first_loop_drive": variable(
            ("time", "neuron"),
            results[experiment.example]["first_loop"],
            "1",
            "drive of the example network in its first window, while weights are learned",
        ),
    }
    if experiment.training.dale == "freeze":
        variables["frozen"] = variable(
            "synapse", joined("frozen").astype(np.int8), "1", "whether the synapse was frozen"
        )
    return xr.Dataset(variables)


def rls_synapses(dataset, run, *, trained=True):
    """Return one network that :func:`rls_training` stored.

    Parameters
    ----------
    dataset : xarray.Dataset
    run : int
    trained : bool
        Whether with the weights after training, or those before.

    Returns
    -------
    simcore.kernels.least_squares.IncomingSynapses
        None of them frozen.
    """
    from simcore.rls_connectivity import from_rows

    pointer = dataset["row_pointer"].values[run]
    column = dataset["column"].values
    weight = dataset["weight" if trained else "initial_weight"].values
    rows = [slice(*ends) for ends in zip(pointer[:-1], pointer[1:], strict=True)]
    return from_rows(
        [column[row] for row in rows],
        [weight[row] for row in rows],
        dataset["sign"].values[run],
    )


def summary(numbers):
    """Return the variables of headline numbers: dict of id to (value, unit)."""
    ids = np.array(list(numbers), dtype=object)
    values = np.array([value for value, _ in numbers.values()], float)
    units = np.array([unit for _, unit in numbers.values()], dtype=object)
    return {
        "summary_id": variable("summary", ids, "1", "name of a headline number"),
        "summary_value": variable("summary", values, "see summary_unit", "headline number"),
        "summary_unit": variable("summary", units, "1", "unit of the headline number"),
    }


def headlines(sweep, numbers):
    """Return the variables of a sweep's headline numbers (simcore.sweep_measures.Number)."""
    if not numbers:
        return {}
    values = {f"sweep.{sweep}.{number.label}": (number.value, number.unit) for number in numbers}
    ends = [(number.low, number.high) for number in numbers]
    return summary(values) | intervals(ends, [number.bound for number in numbers])


def intervals(ends, bounds):
    """Return the variables that headline numbers with intervals have besides.

    Parameters
    ----------
    ends : list of (float, float)
        In the order of the numbers; NaN without an interval.
    bounds : list of bool
        Whether a number is only a lower bound.
    """
    low, high = np.array(ends, float).T
    unit, meaning = "see summary_unit", "end of its interval"
    return {
        "summary_low": variable("summary", low, unit, f"lower {meaning}"),
        "summary_high": variable("summary", high, unit, f"upper {meaning}"),
        "summary_bound": variable("summary", np.array(bounds), "1", "whether it is a lower bound"),
    }


# Of what rls_replay stores for each follower: unit and description.
RLS_MEASURES = {
    "correlation": "correlation with the target",
    "untrained_correlation": "correlation with the target before training",
    "relative_error": "root mean square error over the standard deviation of the target",
    "bias": "error that all starts have in common, over the standard deviation of the target",
    "variability": "standard deviation over starts, over that of the target",
    "predicted_drive": "correlation of the drive with its quasi-static prediction",
    "predicted_target": "correlation of the target with its quasi-static prediction",
    "untrained_predicted_target": "the same of the untrained weights",
    "predicted_rate": "correlation of the rate in 50 ms bins with its quasi-static prediction",
    "tracking_error": "error of the quasi-static prediction, over the target's standard deviation",
    "sampling_error": "difference of drive and prediction, over the target's standard deviation",
}
CHANNELS = "correlation of drives averaged by channel with their target"
AGREEMENT = "correlation between trials in a sliding window"
WITHIN = "correlation between trials in the trained window"
SEPARATION = "difference of drives after a spike was deleted, over their sd"
# Of what rls_replay stores for each run: dimensions beyond the run, unit and description.
RLS_TESTS = {
    "other_correlation": (
        ("pattern", "target_pattern"),
        "1",
        "correlation of what a stimulus evokes with the target of each pattern",
    ),
    "damage_correlation": (
        ("case", "draw"),
        "1",
        "correlation of the intact followers with the target under damage",
    ),
    "channel_correlation": (("start",), "1", CHANNELS),
    "damage_channel_correlation": (("case", "draw"), "1", CHANNELS),
    "untrained_agreement": (("moment",), "1", f"{AGREEMENT}, before training"),
    "agreement": (("moment",), "1", AGREEMENT),
    "untrained_agreement_within": ((), "1", f"{WITHIN}, before training"),
    "agreement_within": ((), "1", WITHIN),
    "agreement_after": ((), "1", "correlation between trials in what comes after it"),
    "untrained_separation": (("start", "step"), "1", f"{SEPARATION}, before training"),
    "separation": (("start", "step"), "1", SEPARATION),
}
# Of what it stores of the example: dimensions, unit and description.
RLS_EXAMPLES = {
    "example_rate": (
        ("pattern", "time", "follower"),
        "Hz",
        "rate averaged over all starts, smoothed with test.psth_sd",
    ),
    "example_time": ("example_time", "ms", "since the window began"),
    "example_drive": (
        ("pattern", "example", "example_time", "neuron"),
        "1",
        "synaptic drive",
    ),
    "untrained_example_drive": (
        ("pattern", "example_time", "neuron"),
        "1",
        "synaptic drive before training, from the start of the first example",
    ),
    "example_target": (
        ("pattern", "time", "neuron"),
        "1",
        "what each neuron was to follow: its drive, or its rate in spikes per 10 ms",
    ),
    "time": ("time", "ms", "since the window began"),
    "spike_time": ("spike", "ms", "time of each spike of the examples, since the window began"),
    "spike_neuron": ("spike", "1", "who fired"),
    "spike_example": ("spike", "1", "in which trial"),
    "spike_pattern": ("spike", "1", "after which stimulus"),
    "bin": ("bin", "ms", "middle of a bin, since the window began"),
    "example_binned_rate": (("pattern", "bin", "follower"), "Hz", "rate averaged over all starts"),
    "example_predicted_rate": (
        ("pattern", "bin", "follower"),
        "Hz",
        "rate at the predicted drive and the external input",
    ),
    "example_predicted_drive": (
        ("pattern", "time", "follower"),
        "1",
        "quasi-static prediction: the weights times the rates that the targets ask for",
    ),
}


def rls_replay(experiment, results, examples, untrained, target, predicted):
    """Return the Dataset of the tests of an experiment's networks.

    Parameters
    ----------
    experiment : simcore.rls_parameters.Experiment
    results : list of dict
        Of each run, as from `simcore.rls_replay`.
    examples : tuple
        Of each pattern, as from `simcore.rls_replay.examples`.
    untrained : list of simcore.rls.Trial
        One for each pattern, of the example network before training.
    target : float (run, pattern, time, neuron)
    predicted : list of tuple
        Of each pattern, as from `simcore.rls_replay.predicted_example`; empty without predictions.
    """
    cases = results[0]["damage"]
    # Without any case there is an empty table of damage.
    of_runs = {
        name: np.array([result[name] for result in results])
        for name in results[0]
        if cases or not name.startswith("damage")
    }
    variables = rls_runs(experiment) | _of_followers(experiment, of_runs)
    if experiment.spikes:
        seconds, dims = experiment.target.duration / 1e3, ("run", "pattern", "start", "neuron")
        for name, when in (("", ""), ("untrained_", ", before training")):
            rate = of_runs[f"{name}count"] / seconds
            variables[f"{name}rate"] = variable(dims, rate, "Hz", f"in the window{when}")
    if cases:
        kinds, amounts = zip(*cases, strict=True)
        variables["damage_kind"] = variable(
            "case", np.array(kinds, object), "1", "what was damaged"
        )
        variables["damage_amount"] = variable("case", np.array(amounts), "1", "part, sd or factor")
    if "agreement_time" in results[0]:
        variables["moment"] = variable(
            "moment",
            results[0]["agreement_time"],
            "ms",
            "middle of a window, since the target began",
        )
    tests = {name: (("run", *dims), *rest) for name, (dims, *rest) in RLS_TESTS.items()}
    variables |= _described(of_runs, tests)
    run = experiment.example
    values = _examples(experiment, examples, untrained, target[run])
    if predicted:
        values |= _predictions(experiment, predicted)
    variables |= _described(values, RLS_EXAMPLES)
    attributes = {"example_run": run, "dt": experiment.network.dt, "what": experiment.training.what}
    return xr.Dataset(variables, attrs=attributes)


def _described(values, table):
    """Variables of the values that a table of dimensions, units and descriptions has."""
    return {
        name: variable(dims, values[name], unit, text)
        for name, (dims, unit, text) in table.items()
        if name in values
    }


def _of_followers(experiment, of_runs):
    """Variables of what is measured of each follower: of drives, in each start."""
    variables = {}
    for name, description in RLS_MEASURES.items():
        if name in of_runs:
            values, dims = of_runs[name], ("run", "pattern", "start", "follower")
            if values.ndim == 4 and experiment.training.what == "rate":
                values = values[:, :, 0]  # rates are averaged over starts
            dims = dims if values.ndim == 4 else ("run", "pattern", "follower")
            variables[name] = variable(dims, values, "1", description)
    return variables


def _predictions(experiment, predicted):
    """What a network of rates would do in the place of the example."""
    drive, rate, binned = (np.array(part, np.float32) for part in zip(*predicted, strict=True))
    return {
        "bin": (np.arange(rate.shape[1]) + 0.5) * bin_length(experiment),
        "example_binned_rate": binned,
        "example_predicted_rate": rate,
        "example_predicted_drive": drive,
    }


def _examples(experiment, examples, untrained, target):
    """A few whole trials of one network, with what was to be followed."""
    dt, before = experiment.network.dt, examples[0][0]
    trials = [trials for _, trials, _ in examples]
    drive = np.array([[trial.drive for trial in of_pattern] for of_pattern in trials])
    numbered = [
        (pattern, start, trial)
        for pattern, of_pattern in enumerate(trials)
        for start, trial in enumerate(of_pattern)
    ]
    pattern, start, every = zip(*numbered, strict=True)
    sizes = [trial.spike_step.size for trial in every]
    values = {
        "example_time": (np.arange(drive.shape[2]) + 1) * dt - before,
        "example_drive": drive,
        "untrained_example_drive": np.array([trial.drive for trial in untrained]),
        "example_target": target.astype(np.float32),
        "time": (np.arange(target.shape[1]) + 1) * dt,
        "spike_time": np.concatenate([trial.spike_step for trial in every]) * dt,
        "spike_neuron": np.concatenate([trial.spike_neuron for trial in every]),
        "spike_example": np.repeat(np.array(start, np.int32), sizes),
        "spike_pattern": np.repeat(np.array(pattern, np.int32), sizes),
    }
    if experiment.spikes:
        values["example_rate"] = np.array([rate for _, _, rate in examples], np.float32)
    return values
