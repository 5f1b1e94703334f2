"""The stages of networks trained by recursive least squares as functions.

As those of :mod:`simcore.stages`; ``given`` has the parameters of one experiment
(:class:`simcore.rls_parameters.Experiment`), which may hold several networks and the values of a
series: a *run* is one network at one value.
"""

import numpy as np
import xarray as xr

from simcore import datasets, rls, rls_replay, rls_targets, rls_training, tracking
from simcore import targets as clock_targets
from simcore.datasets import variable
from simcore.rls_numbers import (
    AGREEMENT_WINDOW,
    DAMAGED,
    NUMBERS,
    SPECTRAL,
    is_predicted,
    under_damage,
)
from simcore.rls_parameters import Experiment
from simcore.stages import unsaid, unwatched


def targets(given, seed, *, song=None, file=None):
    """What the networks are to follow, and the stimuli that start it.

    Parameters
    ----------
    given : dict
        ``experiment``, and for a song ``song_start``, ``song_duration``, ``song_fit``.
    seed : int
    song, file : path-like, optional
        The recording or table that the target is made from.

    Returns
    -------
    xarray.Dataset
        Targets, stimuli, what is trained; the channels, if neurons follow those of the clock.
    """

    def piece(length, dt):
        options = {name: given[f"song_{name}"] for name in ("start", "duration", "fit")}
        return clock_targets.song(song, length, dt, **options)

    experiment = Experiment.model_validate(given["experiment"])
    models = [rls.Model(condition, seed, n) for _, condition, n in experiment.runs]
    made = [rls_targets.make(model, piece, file) for model in models]
    time = (np.arange(made[0].shape[1]) + 1) * experiment.network.dt
    variables = datasets.rls_runs(experiment) | {
        "target": variable(
            ("run", "pattern", "time", "neuron"),
            np.array(made, np.float32),
            "1",
            "what each neuron is to follow: its drive, or its rate in spikes per 10 ms",
        ),
        "time": variable("time", time, "ms", "time since the window began"),
        "stimulus": variable(
            ("run", "pattern", "neuron"),
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
    if experiment.follows_channels:
        amplitude = [rls_targets.amplitude(condition, piece) for _, condition, _ in experiment.runs]
        variables["amplitude"] = variable(
            ("run", "time", "channel"), np.array(amplitude), "1", "of each channel, 0 to 1"
        )
    return xr.Dataset(variables, attrs={"simulated_ms": 0.0})


def training(given, seed, targets, *, watch=unwatched, threads=1):
    """Train all networks.

    Parameters
    ----------
    given : dict
        ``experiment``.
    seed : int
    targets : xarray.Dataset
        Of :func:`targets`.
    watch : callable
    threads : int

    Returns
    -------
    xarray.Dataset
        Of :func:`simcore.datasets.rls_training`.

    Raises
    ------
    BlewUp
        Weights have grown without bounds, or P is no longer positive definite.
    """
    experiment = Experiment.model_validate(given["experiment"])
    networks = rls_training.Networks(experiment, seed, targets["target"].values, threads)
    total = sum(condition.training_ms for _, condition, _ in networks.runs)
    networks.run(watch(networks, total))
    trained = datasets.rls_training(experiment, networks.done)
    learns = targets["mode"].values > 0
    count = np.sum(np.diff(trained["row_pointer"].values, axis=1) * learns, axis=1)
    what = "number of synapses whose weights are learned"
    return trained.assign(trained_synapses=variable("run", count, "1", what)).assign_attrs(
        simulated_ms=total
    )


def replay(given, seed, targets, training, *, say=unsaid, may_stop=lambda: None):
    """Test the trained networks: fixed weights, random starts, damage.

    Parameters
    ----------
    given : dict
        ``experiment``.
    seed : int
    targets, training : xarray.Dataset
        Of the functions of these names.
    say : callable
        Is told the result of each network.
    may_stop : callable
        Is called between two tests; may raise to end.

    Returns
    -------
    xarray.Dataset
        Of :func:`simcore.datasets.rls_replay`.
    """
    experiment = Experiment.model_validate(given["experiment"])
    target, runs = targets["target"].values, experiment.runs
    channels = targets.sizes["channel"] if experiment.follows_channels else None
    results = []
    for run, (_, condition, network) in enumerate(runs):
        model = rls.Model(condition, seed, network)
        found = _tests(model, target[run].astype(float), channels, training, run, may_stop)
        results.append(found)
        if run == experiment.example:
            patterns = range(condition.target.patterns)
            examples = [rls_replay.examples(model, pattern) for pattern in patterns]
            predicted = [
                rls_replay.predicted_example(model, pattern, goal)
                for pattern, goal in enumerate(target[run].astype(float))
                if is_predicted(condition)
            ]
            model.synapses = datasets.rls_synapses(training, run, trained=False)
            untrained = [rls_replay.example(model, pattern, 0) for pattern in patterns]
        say(f"network {run + 1} of {len(runs)}: correlation {np.mean(found['correlation']):.3f}")
    simulated = len(runs) * experiment.test.starts * experiment.target.duration
    tests = datasets.rls_replay(experiment, results, examples, untrained, target, predicted)
    return tests.assign_attrs(simulated_ms=simulated)


def _tests(model, goal, channels, training, run, may_stop):
    """All tests of one network: a dict of arrays."""
    may_stop()
    test = model.experiment.test
    model.synapses = datasets.rls_synapses(training, run, trained=False)
    before = rls_replay.evaluate(model, goal)
    kept = ("correlation", "predicted_target", "count")
    found = {f"untrained_{name}": before[name] for name in kept if name in before}
    if test.delete_spike is not None:
        found["untrained_separation"] = rls_replay.without_one_spike(model)
        apart = rls_replay.agreement(model, test.after)
        found |= {f"untrained_{name}": apart[name] for name in ("agreement", "agreement_within")}
    model.synapses = datasets.rls_synapses(training, run)
    found |= rls_replay.evaluate(model, goal)
    if channels is not None:
        found["channel_correlation"] = rls_replay.channel_correlation(model, goal[0], channels)
    found |= rls_replay.damaged(model, goal, channels, may_stop=may_stop)
    may_stop()
    if test.delete_spike is not None:
        found["separation"] = rls_replay.without_one_spike(model)
        found |= rls_replay.agreement(model, test.after)
    return found


def numbers(replay, training, run=0):
    """Sum up the tests of one network.

    Parameters
    ----------
    replay, training : xarray.Dataset
        Of the functions of these names.
    run : int

    Returns
    -------
    dict of str to float
        By the names of `NUMBERS`, NaN where one has no meaning; ``damaged.<kind>.correlation`` and
        ``.channel_correlation``: under each kind of damage, mean over amounts and draws; under each
        amount of it, by the names that `simcore.rls_numbers.under_damage` gives.
    """
    tests, row = replay.isel(run=run), dict.fromkeys(NUMBERS, np.nan)
    by_start = tests["correlation"].mean("follower")
    row["correlation"] = by_start.mean().item()
    if "start" in by_start.dims:
        of_starts = by_start.mean("pattern").values
        row["median"], row["spread"] = np.median(of_starts), np.std(of_starts, ddof=1)
    row["nrmse"] = tests["relative_error"].median("follower").mean().item()
    for name in ("bias", "variability", "tracking_error", "sampling_error"):
        if name in tests:
            row[name] = tests[name].median("follower").mean().item()
    if "rate" in tests:
        row["rate"] = tests["rate"].mean().item()
        row["silent"] = (tests["rate"] == 0).all(["pattern", "start"]).sum().item()
    if "untrained_rate" in tests:
        row["untrained_rate"] = tests["untrained_rate"].mean().item()
    row["untrained"] = tests["untrained_correlation"].mean().item()
    evoked = tests["other_correlation"].values
    if len(evoked) > 1:
        row["other_pattern"] = evoked[~np.eye(len(evoked), dtype=bool)].mean()
    for name in (
        *("predicted_drive", "predicted_rate", "predicted_target", "untrained_predicted_target"),
        "channel_correlation",
    ):
        if name in tests:
            row[name] = tests[name].mean().item()
    if "damage_kind" in tests:
        row |= _damaged(tests)
    if "separation" in tests:
        row |= _courses(tests)
    row["weight_change"] = training["weight_change"].isel(run=run)[-1].item()
    row["trained_synapses"] = training["trained_synapses"].values[run].item()
    return row | _signs(training, run)


def _damaged(tests):
    """Correlations under each kind of damage, and under each amount of it."""
    kinds, amounts = tests["damage_kind"].values, tests["damage_amount"].values
    found = {
        f"damaged.{kind}.{name}": tests[f"damage_{name}"][kinds == kind].mean().item()
        for kind in dict.fromkeys(kinds)
        for name in DAMAGED
        if f"damage_{name}" in tests
    }
    of_cases = tests["damage_correlation"].mean("draw").values
    return found | {
        under_damage(*case): value for *case, value in zip(kinds, amounts, of_cases, strict=True)
    }


def _courses(tests):
    """How trials agree within the window and after its end, and what a deleted spike changes."""
    begin = tests["moment"] - AGREEMENT_WINDOW / 2
    end, last = begin + AGREEMENT_WINDOW, tests["time"][-1]
    some = tracking.ROUNDING
    within, after = (begin >= -some) & (end <= last + some), begin >= last - some
    of_equal_length = [tests["agreement"].where(when).mean().item() for when in (within, after)]
    return {
        "agreement": tests["agreement_within"].item(),
        "agreement_after": tests["agreement_after"].item(),
        "agreement_lost": of_equal_length[0] - of_equal_length[1],
        "untrained_agreement": tests["untrained_agreement_within"].item(),
    } | {
        f"{prefix}separation": tests[f"{prefix}separation"].isel(step=-1).mean().item()
        for prefix in ("", "untrained_")
    }


def _signs(training, run):
    """How many synapses of a network have turned their sign, or were frozen."""
    if (training["sign"] > 0).all():
        return {}
    synapses = datasets.rls_synapses(training, run)
    turned = synapses.weight * synapses.sign[synapses.column] < 0
    found = {"wrong_sign": turned.mean()}
    if "frozen" in training:
        pointer = training["row_pointer"].values[run]
        found["frozen"] = training["frozen"].values[pointer[0] : pointer[-1]].mean()
    return found


def eigenvalues(experiment, training, run):
    """Of a balanced network before and after training, over the radius of random weights.

    Returns
    -------
    complex128 (2, neuron)
    """
    network = experiment.runs[run][1].network
    radius = tracking.balanced_radius(
        network.strength, network.inhibition, network.excitatory, network.p
    )
    phases = [datasets.rls_synapses(training, run, trained=trained) for trained in (False, True)]
    spectra = [tracking.spectrum(*synapses[:3], network.neurons) for synapses in phases]
    return np.array(spectra) / radius


def radii(values):
    """The numbers `SPECTRAL` of what `eigenvalues` returns: dict of str to float."""
    before, after = np.quantile(np.abs(values), 0.99, axis=1)
    return dict(zip(SPECTRAL, (float(after), float(before)), strict=True))


def spectra(name, values):
    """What `eigenvalues` returns, as variables of the store of an experiment of this name."""
    dims, what = ("phase", f"eigenvalue_{name}"), "eigenvalues over the radius of random weights"
    return {
        "phase": variable("phase", np.array(["before", "after"], object), "1", "training"),
        f"eigenvalue_real_{name}": variable(dims, values.real, "1", what),
        f"eigenvalue_imaginary_{name}": variable(dims, values.imag, "1", what),
    }
