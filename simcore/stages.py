"""The stages of the clock as functions: parameters, seed and inputs in, a dataset out.

The workflow's scripts call them for a study, a sweep for each of its points; a notebook may as
well. All share some arguments:

given : dict
    Parameters by group as a study has them: ``clock``, ``dt`` (ms) and what else a stage names.
seed : int
    Of the study.
name : str
    Of the run, such as ``replay abcba``: runs of other names draw other random numbers.
watch : callable
    ``watch(run, total)`` is called once before a long run of ``total`` ms (of simcore.runs). It may
    restore an interrupted run, and returns what is called with the simulated ms after each chunk.
say : callable
    Is told in a sentence what people may want to know.

Every dataset has the attribute ``simulated_ms``.
"""

import numpy as np
import xarray as xr

from simcore import clock, connectivity, damage, datasets, measures, readout, stores, targets
from simcore.datasets import variable
from simcore.errors import NoPeriod, UserError
from simcore.kernels.network import STEP
from simcore.numerics import steps_of
from simcore.parameters import Clock, Damage, Readout, Replay
from simcore.runs import Course, LearningRun, ReplayRun, TrainingRun
from simcore.streams import stream


def unwatched(run, total):
    """Watch nothing."""
    return lambda simulated: None


def unsaid(sentence):
    """Tell nobody."""


def network(given, seed, *, weights=None, watch=unwatched):
    """The start network: random and balanced, hard-wired, synfire, or a given matrix.

    Parameters
    ----------
    weights : path-like, optional
        Where the matrix of ``clock.weights`` lies.

    Returns
    -------
    xarray.Dataset
        Of :func:`simcore.datasets.training` if the clock learns, otherwise the connectivity alone.
    """
    parameters, dt = Clock.model_validate(given["clock"]), given["dt"]
    if weights is not None and str(weights).endswith(".zarr.zip"):
        built = stored_network(weights, "clock.weights")
        if built.cluster_size != parameters.cluster_size:
            raise UserError(
                f"{weights} has clusters of {built.cluster_size}: set clock.cluster_size to that."
            )
    else:
        parameters = parameters.model_copy(update={"weights": weights})
        built = connectivity.build(parameters, stream(seed, "weights"))
    if not parameters.learns:
        return xr.Dataset(datasets.connectivity(built), attrs={"simulated_ms": 0.0})
    state = clock.initial_state(built, parameters, seed, "network", plastic=True)
    run = TrainingRun(state, parameters.balancing, Course(built.cluster))
    tick = watch(run, parameters.balancing)
    # A checkpoint may lie in what follows, where weights are about to change.
    if state.counters[STEP] < steps_of(parameters.balancing_static, dt):
        static = clock.kernel_parameters(state, parameters, dt, traces=True)
        run.run(static, parameters.balancing_static, tick)
    plastic = clock.kernel_parameters(state, parameters, dt, plastic=True)
    run.run(plastic, parameters.balancing, tick)
    return _trained(run, plastic, built.cluster)


def stored_network(path, key):
    """Read the clock of another study, which a key of this one names.

    Parameters
    ----------
    path : path-like
    key : str
        For messages.

    Returns
    -------
    simcore.connectivity.Connectivity

    Raises
    ------
    UserError
        The store cannot be read or holds no network.
    """
    stored = stores.read(path)
    if "e_to_e_weight" not in stored:
        raise UserError(
            f"{path} holds no network: set {key} to the consolidation.zarr.zip of a study."
        )
    return datasets.read_connectivity(stored)


def training(given, seed, before, *, name, watch=unwatched):
    """Let the plastic network run on: stimulated in the embedding, left to itself afterwards.

    Parameters
    ----------
    before : xarray.Dataset
        Of the stage before, with whose last state this one begins.
    name : {"embedding", "consolidation"}

    Returns
    -------
    xarray.Dataset
        Of :func:`simcore.datasets.training`.

    Raises
    ------
    UserError
        The stage before has no state, as one taken from what an earlier run kept (simcore.kept).
    """
    parameters, dt = Clock.model_validate(given["clock"]), given["dt"]
    duration = getattr(parameters, name)
    built = datasets.read_connectivity(before)
    state = _state_after(before, built, parameters, seed, name)
    run = TrainingRun(state, duration, Course(built.cluster))
    tick = watch(run, duration)
    order = None
    if name == "embedding":
        generator = stream(seed, "stimulation")
        order = clock.stimulation_order(parameters, dt, duration, built.clusters, generator)
    kernel = clock.kernel_parameters(state, parameters, dt, plastic=True, stimulation_order=order)
    run.run(kernel, duration, tick)
    return _trained(run, kernel, built.cluster)


def driven(given, seed, before, driver, *, watch=unwatched):
    """Let weights learn from the spikes of another network, which their own changes do not touch.

    Source: specification, section 7, stability.

    Parameters
    ----------
    before : xarray.Dataset
        Of the embedding: weights that learn, and the state to begin with.
    driver : simcore.connectivity.Connectivity
        Sends the spikes; of as many neurons.

    Returns
    -------
    xarray.Dataset
        Of :func:`simcore.datasets.training`: the weights are those that learned, the spikes those
        of the driver.

    Raises
    ------
    UserError
        The driver has another number of neurons, or the embedding no state, as one taken from what
        an earlier run kept.
    """
    parameters, dt = Clock.model_validate(given["clock"]), given["dt"]
    duration = given["stability"]["duration"]
    built = datasets.read_connectivity(before)
    sizes = [(one.neurons_e, one.neurons_i) for one in (built, driver)]
    if sizes[0] != sizes[1]:
        raise UserError(
            "the driver has {} E and {} I neurons, this clock {} and {}: set stability.driver to a "
            "clock of the same size.".format(*sizes[1], *sizes[0])
        )
    state = _state_after(before, built, parameters, seed, "driven")
    synapses = clock.driver(driver, parameters.precision)
    run = TrainingRun(state, duration, Course(built.cluster), driver=synapses)
    kernel = clock.kernel_parameters(state, parameters, dt, plastic=True)
    run.run(kernel, duration, watch(run, duration))
    return _trained(run, kernel, built.cluster)


def _state_after(before, built, parameters, seed, name):
    """The state with which a stage of this name begins: the last of the stage before."""
    if not datasets.has_state(before):
        raise UserError(
            "the stage before was taken from what an earlier run kept, without the state from "
            "which this one would go on: delete its store and run again without kept."
        )
    state = clock.initial_state(built, parameters, seed, name, plastic=True)
    datasets.restore_state(state, before)
    state.counters[STEP] = 0
    return state


def _trained(run, kernel, cluster):
    final = clock.settled_connectivity(run.state, kernel, cluster)
    return datasets.training(run, final, run.state).assign_attrs(simulated_ms=run.duration)


def replay(given, seed, network, *, name, target=None, learned=None, watch=unwatched):
    """Spontaneous activity with fixed weights: of the clock alone, or with trained read-outs.

    With ``damage`` among the parameters the clock and its read-outs lose something, before it
    begins or on its way.

    Parameters
    ----------
    network : xarray.Dataset
        Holds the connectivity.
    target, learned : xarray.Dataset, optional
        Of :func:`target` and :func:`learn`: read-outs take part.

    Returns
    -------
    xarray.Dataset
        Spikes, clusters, the numbers of neurons, and what the target has for the selected pattern;
        ``damaged_at_ms`` if something is lost on its way.
    """
    parameters, dt = Clock.model_validate(given["clock"]), given["dt"]
    given_replay = Replay.model_validate(given["replay"])
    lost = Damage.model_validate(given.get("damage", {}))
    built = datasets.read_connectivity(network)
    variables = datasets.cluster(built.cluster)
    state = clock.initial_state(built, parameters, seed, name)
    readout_state = kernel = weight = None
    if target is not None:
        selected, inhibited = datasets.selected_target(target)
        weight, of_readout = (
            learned["readout_weight"].values,
            Readout.model_validate(given["readout"]),
        )
        shape = built.clusters, len(weight)
        readout_state = readout.initial_state(state, *shape, of_readout, dt, seed, name)
        readout_state.weight[...] = weight
        rate = selected["target_rate"].values[None]
        common = of_readout, given_replay, dt, built.cluster
        kernel = readout.kernel_parameters(*common, rate, learning=False, inhibited=inhibited)
        variables |= dict(selected.variables)
    run = ReplayRun(state, readout_state)
    tick = watch(run, given_replay.duration)
    network_kernel = clock.kernel_parameters(state, parameters, dt)
    attributes = {"neurons_e": built.neurons_e, "neurons_i": built.neurons_i}
    if lost.any:
        run.run(network_kernel, min(lost.at, given_replay.duration), tick, kernel)
        damage.happen(lost, built, seed, state, readout_state, weight)
        attributes |= {"damaged_at_ms": lost.at} if lost.at else {}
    run.run(network_kernel, given_replay.duration, tick, kernel)
    variables |= datasets.spikes(run.spikes.arrays())
    if target is not None:
        recorded = run.readout_spikes.arrays()
        variables |= datasets.spikes(recorded, prefix="readout_", index="channel")
    return xr.Dataset(variables, attrs=attributes | {"simulated_ms": given_replay.duration})


def learn(given, seed, network, target, *, name, watch=unwatched, say=unsaid):
    """Read-outs learn a target on the clock, in blocks, until what they replay levels off.

    Parameters
    ----------
    network, target : xarray.Dataset

    Returns
    -------
    xarray.Dataset
        Of :func:`simcore.datasets.readout`, with the attributes ``levelled_off`` and, if any test
        saw a pass, ``kept_after_ms``: the learning after which the weights were as they are kept.
    """
    parameters, dt = Clock.model_validate(given["clock"]), given["dt"]
    learning = Readout.model_validate(given["readout"])
    built = datasets.read_connectivity(network)
    rate = target["target_rate"].values
    selected, inhibited = datasets.selected_target(target)
    goal = selected["target_rate"].values

    def states(name):
        state = clock.initial_state(built, parameters, seed, name)
        sizes = built.clusters, rate.shape[2]
        return state, readout.initial_state(state, *sizes, learning, dt, seed, name)

    def test(weight, tick):
        """Replay with these weights; returns mean error and correlation of the used channels."""
        test_run = ReplayRun(*states(f"{name}, test"))
        test_run.readout_state.weight[...] = weight
        test_run.run(kernel, learning.test, tick, testing)
        _, found = measures.evaluate_replay(
            tuple(test_run.spikes.arrays().values()),
            tuple(test_run.readout_spikes.arrays().values()),
            built.cluster,
            goal,
            learning.test,
            dt=dt,
            burn_in=learning.burn_in,
            measured=_of_used(goal),
        )
        error, correlation = map(measures.mean, found)
        say(f"replay error {error:.3f}, correlation {correlation:.3f}")
        return error, correlation

    state, readout_state = states(name)
    kernel = clock.kernel_parameters(state, parameters, dt)
    common = learning, Replay.model_validate(given["replay"]), dt, built.cluster
    teaching = readout.kernel_parameters(*common, rate, learning=True)
    testing = readout.kernel_parameters(*common, goal[None], learning=False, inhibited=inhibited)
    run = LearningRun(state, readout_state, learning, test)
    tick = watch(run, learning.learning_max)
    levelled_off = run.run(kernel, teaching, tick)
    learned = run.curve[-1][0]
    say(
        f"learned for {learned / 1e3:g} s; the correlation "
        + ("has levelled off." if levelled_off else "was still rising (readout.learning_max).")
    )
    dataset = datasets.readout(run.best_weight, run.curve, built.cluster)
    dataset = dataset.assign(
        {label: target[label] for label in ("symbol", "frequency") if label in target}
    )
    kept = {} if run.best_test is None else {"kept_after_ms": run.curve[run.best_test][0]}
    return dataset.assign_attrs(levelled_off=int(levelled_off), simulated_ms=learned, **kept)


def target(given, clock_replay, *, name, song=None, file=None, say=unsaid):
    """One target: what rate each supervisor has in each step.

    Parameters
    ----------
    clock_replay : xarray.Dataset
        Of :func:`replay`, of the clock alone: its period is the target's measure.
    name : str
        Of the target.
    song, file : path-like, optional
        The recording or table that a target of kind ``song`` or ``file`` is made from.

    Returns
    -------
    xarray.Dataset
        Of :func:`simcore.datasets.target`.

    Raises
    ------
    NoPeriod
        The target has no length of its own and the clock no period.
    """
    dt, kind = given["dt"], given["target"]["kind"]
    periods = _rhythm(clock_replay, dt).period
    period = measures.mean(periods)
    make = {"symbols": _symbols, "song": _song, "file": _table}[kind]
    length = given["target"]["length"]
    if length is None and kind != "file":
        if np.isnan(period):
            raise NoPeriod(
                "the clock has no period (its first cluster never led twice in order), so the "
                f"target has no length: set targets.{name}.length, or train the clock for longer."
            )
        length = targets.default_length(period, given["target"]["periods"])
    rate, labels, pattern, selected, notes, more = make(given, length, song or file)
    if not np.any(np.ptp(rate[selected], axis=0)):
        raise UserError(f"targets.{name} never changes: choose one that does, in time.")
    length = rate.shape[1] * dt
    warnings = list(filter(None, [targets.check_length(length, period)]))
    for sentence in [*notes, *warnings]:
        say(sentence)
    return datasets.target(rate, labels, kind, dt, pattern, selected).assign_attrs(
        length_ms=length,
        clock_period_ms=period,
        notes="\n".join(notes),
        warnings="\n".join(warnings),
        simulated_ms=0.0,
        **more,
    )


def _symbols(given, length, _):
    """Symbol sequences, each a pattern on channels of its own."""
    sequences = [
        targets.symbol_sequence(
            sequence,
            length,
            given["dt"],
            lead_fraction=given["target"]["lead"],
            on_rate=given["target"]["on_rate"],
            baseline=given["baseline_rate"],
        )
        for sequence in given["sequences"]
    ]
    rate = targets.parallel(sequences, baseline=given["baseline_rate"])
    labels = [label for sequence in sequences for label in sequence.labels]
    pattern = np.repeat(np.arange(len(sequences)), [len(s.labels) for s in sequences])
    selected = given["sequences"].index(given["target"]["selected"] or given["sequences"][0])
    return rate, labels, pattern, selected, (), {}


def _song(given, length, recording):
    """A piece of the study's recording."""
    made = targets.song(
        recording,
        length,
        given["dt"],
        start=given["song_start"],
        duration=given["song_duration"],
        fit=given["song_fit"],
        on_rate=given["target"]["on_rate"],
    )
    pattern, loudness = np.zeros(made.rate.shape[1], int), {"log_range": made.log_range}
    return made.rate[None], made.labels, pattern, 0, made.notes, loudness


def _table(given, length, file):
    """A table from a file; its own length counts if none is given."""
    made = targets.from_file(
        file,
        length,
        given["dt"],
        given["target"]["file_dt"],
        unit=given["target"]["file_unit"],
        on_rate=given["target"]["on_rate"],
    )
    return made.rate[None], made.labels, np.zeros(made.rate.shape[1], int), 0, made.notes, {}


def _rhythm(replayed, dt):
    return measures.rhythm(
        replayed["spike_time"].values,
        replayed["spike_neuron"].values,
        replayed["cluster"].values,
        replayed.attrs["simulated_ms"],
        since=_measured_since(replayed),
        dt=dt,
    )


def _measured_since(replayed):
    """When what is measured of a replay begins (ms): where something was lost, if that was later.

    What it did while it was whole is no measure of the damaged one.
    """
    return replayed.attrs.get("damaged_at_ms", 0.0)


def rhythm(replayed, dt):
    """Measure the clock alone.

    Parameters
    ----------
    replayed : xarray.Dataset
        Of :func:`replay`.
    dt : float, ms

    Returns
    -------
    numbers : dict
        Id to (value, unit): rates, period, order.
    variables : dict
        Every period; the winner every 1 ms.
    """
    since, neurons_e = _measured_since(replayed), replayed.attrs["neurons_e"]
    neuron = replayed["spike_neuron"].values[replayed["spike_time"].values > since]
    found = _rhythm(replayed, dt)
    period = found.period
    excitatory = np.count_nonzero(neuron < neurons_e)
    seconds = (replayed.attrs["simulated_ms"] - since) / 1e3
    numbers = {
        "clock.replay.rate_e": (excitatory / neurons_e / seconds, "Hz"),
        "clock.replay.rate_i": (
            (neuron.size - excitatory) / replayed.attrs["neurons_i"] / seconds,
            "Hz",
        ),
        "clock.replay.period_mean": (measures.mean(period), "ms"),
        "clock.replay.period_sd": (float(np.std(period)) if period.size else np.nan, "ms"),
        "clock.replay.order": (found.order, "1"),
        "clock.replay.dwell_time": (found.dwell_time, "ms"),
        "clock.replay.broken_links": (found.broken_links, "1"),
    }
    variables = {
        "period": variable("pass", period, "ms", "time between onsets of the clock"),
        "winner": variable(
            "winner_time",
            found.winner.astype(np.int16),
            "1",
            "most active cluster every 1 ms, or -1",
        ),
    }
    return numbers, variables


def variability(replayed):
    """Measure how the clock's timing spreads over its passes.

    Parameters
    ----------
    replayed : xarray.Dataset
        Of :func:`replay`.

    Returns
    -------
    numbers : dict
        Id to (value, unit): c of sd = c sqrt(mean time), the error of that fit and of a straight
        line through the origin, mean and sd of the last cluster's time, all NaN with fewer than
        `measures.FEWEST_PASSES` regular passes; the number of these, and of the irregular ones.
    variables : dict
        Mean and sd of each cluster's time; the time of the last cluster in each pass.

    Source: specification of the clock network, section 6, "Timing variability".
    """
    cluster = replayed["cluster"].values
    timing = measures.timing(
        replayed["spike_time"].values,
        replayed["spike_neuron"].values,
        cluster,
        int(cluster.max()) + 1,
        replayed.attrs["simulated_ms"],
        skip=max(measures.SKIPPED, _measured_since(replayed)),
    )
    coefficient = error = error_of_line = last = last_sd = np.nan
    seen = np.flatnonzero(~np.isnan(timing.sd))[1:]
    if len(timing.onset) >= measures.FEWEST_PASSES and seen.size:
        mean, sd = timing.mean[seen], timing.sd[seen]
        coefficient, error = measures.fit_sqrt(mean, sd)
        _, error_of_line = measures.fit_line(mean, sd)
        last, last_sd = timing.mean[-1], timing.sd[-1]
    numbers = {
        "clock.variability.coefficient": (coefficient, "ms^0.5"),
        "clock.variability.rmse_sqrt": (error, "ms"),
        "clock.variability.rmse_linear": (error_of_line, "ms"),
        "clock.variability.last_cluster_mean": (last, "ms"),
        "clock.variability.last_cluster_sd": (last_sd, "ms"),
        "clock.variability.passes": (float(len(timing.onset)), "passes"),
        "clock.variability.left_out": (float(timing.left_out), "passes"),
    }
    count = {"passes": len(timing.onset), "left_out": timing.left_out}
    variables = {
        "cluster_time": variable(
            "timed_cluster", timing.mean, "ms", "mean time of a cluster since the onset", **count
        ),
        "cluster_time_sd": variable(
            "timed_cluster", timing.sd, "ms", "its standard deviation over passes"
        ),
        "last_cluster_time": variable(
            "timed_pass", timing.time[:, -1], "ms", "time of the last cluster since the onset"
        ),
    }
    return numbers, variables


def blocks(built):
    """Return mean E to E weight (pF) and number of synapses between clusters of a Connectivity."""
    return measures.block_means(*built.e_to_e, built.cluster, built.clusters)


def block_weights(built):
    """Measure a Connectivity's E to E weights: id to (value, unit)."""
    summary = measures.weight_summary(*blocks(built))
    return {
        f"clock.weights.{part}": (getattr(summary, part), "pF")
        for part in ("within", "forward", "backward", "rest")
    }


def turning(built, before, after, neurons):
    """Measure what makes the activity of a Connectivity turn: its leading complex pair.

    Parameters
    ----------
    built : simcore.connectivity.Connectivity
        After learning.
    before, after : complex128 arrays
        Eigenvalues of the matrices reduced to clusters (:func:`simcore.measures.spectrum`).
    neurons : complex128 array
        Eigenvalues of the matrix of all neurons after learning.

    Returns
    -------
    dict
        Id to (value, unit): the leading pair before and after learning and of all neurons, NaN
        without one, and its imaginary part over that of a ring of equal clusters with the four
        mean weights.

    Source: specification, section 7, spectrum and linear model.
    """
    per_cluster = built.e_to_e.column.size / built.neurons_e / built.clusters
    weights = measures.weight_summary(*blocks(built))
    ring = measures.ring_eigenvalues(weights, per_cluster, built.clusters)
    spectra = {"leading": after, "before": before, "neurons": neurons}
    pairs = {name: measures.leading_pair(values) for name, values in spectra.items()}
    found = {
        f"{name}_{part}": getattr(pair, part[:4])
        for name, pair in pairs.items()
        for part in ("real", "imaginary")
    }
    ratio = pairs["leading"].imag / measures.leading_pair(ring).imag
    return {f"clock.spectrum.{name}": (value, "pF") for name, value in found.items()} | {
        "clock.spectrum.over_ring": (ratio, "1")
    }


def disynaptic_inhibition(built):
    """Measure how much the clusters of a Connectivity inhibit each other by way of the I neurons.

    Returns
    -------
    numbers : dict
        Id to (value, unit): of a cluster by itself, of the next one, of the one before.
    paths : float64 array (pre, post)
        :func:`simcore.measures.disynaptic_inhibition`.
    """
    paths = measures.disynaptic_inhibition(
        built.e_to_i, built.i_to_e, built.cluster, built.clusters
    )
    around = measures.ring_profile(paths, np.array([0, 1, -1]))
    numbers = {
        f"clock.weights.inhibition_{part}": (float(value), "1")
        for part, value in zip(("within", "forward", "backward"), around, strict=True)
    }
    return numbers, paths


def embedded_weights(trained):
    """The same right after the embedding: id to (value, unit).

    Parameters
    ----------
    trained : xarray.Dataset
        Of :func:`training`, the consolidation: its course begins there.
    """
    before, _ = _ends(trained)
    return {
        f"clock.weights.embedded_{part}": (getattr(before, part), "pF")
        for part in ("within", "forward", "backward", "rest")
    }


def course(trained, name, moments):
    """Measure the weights at some moments of a training: id to (value, unit).

    Parameters
    ----------
    trained : xarray.Dataset
        Of :func:`training`.
    name : {"embedding", "consolidation"}
    moments : list of float
        In ms since it began; the nearest recorded ones count.

    Source: specification, section 9 (embedding and consolidation of 30 clusters).
    """
    built = datasets.read_connectivity(trained)
    recorded = trained["time"].values
    places = [int(np.abs(recorded - moment).argmin()) for moment in moments]
    blocks = trained["block_weight"].transpose("time", "cluster_pre", "cluster_post")[places]
    summaries = measures.weight_course(*built.e_to_e[:2], built.cluster, blocks.values)
    inhibition = trained["i_to_e_mean"].values[places]
    numbers = {}
    for moment, summary, i_to_e in zip(moments, summaries, inhibition, strict=True):
        at = f"clock.weights.{name}[{moment / 6e4:g}]"
        for part in ("within", "forward", "backward", "rest"):
            numbers[f"{at}.{part}"] = getattr(summary, part), "pF"
        numbers[f"{at}.i_to_e"] = float(i_to_e), "pF"
    return numbers


def learned_for(learned, name, moment):
    """Look up what read-outs replayed after some time of learning: id to (value, unit).

    Parameters
    ----------
    learned : xarray.Dataset
        Of :func:`learn`.
    name : str
        The target's.
    moment : float
        In ms, of one of the tests. NaN if learning ended before.
    """
    tests = learned["learning_time"].values
    place = int(np.abs(tests - moment).argmin())
    reached = moment <= tests[-1]
    return {
        f"readout.{name}.learned[{moment / 1e3:g}].{part}": (
            float(learned[f"{part}_curve"][place]) if reached else np.nan,
            "1",
        )
        for part in ("error", "correlation")
    }


def growth(trained, which):
    """By what factor weights changed in a training: (value, unit).

    Parameters
    ----------
    trained : xarray.Dataset
        Of :func:`training` or :func:`driven`.
    which : str
        Weights of :class:`simcore.measures.WeightSummary`, such as ``forward``.
    """
    before, after = _ends(trained)
    return getattr(after, which) / getattr(before, which), "1"


def _ends(trained):
    """Weights at the beginning and the end of a training."""
    built = datasets.read_connectivity(trained)
    blocks = trained["block_weight"].transpose("time", "cluster_pre", "cluster_post")[[0, -1]]
    return measures.weight_course(*built.e_to_e[:2], built.cluster, blocks.values)


def trained_synapses(learned, network=None):
    """Count the synapses onto read-outs, and the plastic ones of the clock if it learned, too.

    Parameters
    ----------
    learned : xarray.Dataset
        Of :func:`learn`.
    network : xarray.Dataset, optional
        Of :func:`training`.
    """
    count = learned["readout_weight"].size
    if network is not None:
        count += network["e_to_e_weight"].size + network["i_to_e_weight"].size
    return float(count)


def _readout_rate(replayed):
    """Mean rate of the read-outs in Hz."""
    since, channels = _measured_since(replayed), replayed["target_rate"].shape[1]
    count = np.count_nonzero(replayed["readout_spike_time"].values > since)
    return count / channels / (replayed.attrs["simulated_ms"] - since) * 1e3


def _of_used(goal):
    """Error and correlation of a pass over the channels that the replayed sequence uses."""
    used = np.ptp(goal, axis=0) > 0

    def of_used(measure):
        return lambda rate, goal: measure(rate[:, used], goal[:, used])

    return [of_used(measure) for measure in (measures.readout_error, measures.readout_correlation)]


def _mean_correlation(correlation):
    return float(np.mean(correlation)) if correlation.size else 0.0


def passes(replayed, dt, burn_in, *, name):
    """Measure each pass of a replayed target.

    Parameters
    ----------
    replayed : xarray.Dataset
        Of :func:`replay` with read-outs.
    dt, burn_in : float, ms
    name : str
        Of the target.

    Returns
    -------
    numbers : dict
        Id to (value, unit): mean error and correlation (0 without any pass: nothing was
        replayed), the same over the ``used`` channels alone
        (not those of other sequences, which are easily right), correlation of the courses in
        time, what rates that never change would reach at best, number of passes, rate of the
        read-outs.
    variables : dict
        Those of every pass, and when it began.
    """
    goal = replayed["target_rate"].values
    start, found = measures.evaluate_replay(
        (replayed["spike_time"].values, replayed["spike_neuron"].values),
        (replayed["readout_spike_time"].values, replayed["readout_spike_channel"].values),
        replayed["cluster"].values,
        goal,
        replayed.attrs["simulated_ms"],
        dt=dt,
        burn_in=max(burn_in, _measured_since(replayed)),
        measured=(
            measures.readout_error,
            measures.readout_correlation,
            measures.correlation_in_time,
            *_of_used(goal),
        ),
    )
    error, correlation, in_time, used_error, used_correlation = found
    static_error, static_correlation = measures.best_without_time(goal)
    numbers = {
        f"readout.{name}.used_error": (measures.mean(used_error), "1"),
        f"readout.{name}.used_correlation": (_mean_correlation(used_correlation), "1"),
        f"readout.{name}.error": (measures.mean(error), "1"),
        f"readout.{name}.correlation": (_mean_correlation(correlation), "1"),
        f"readout.{name}.correlation_in_time": (_mean_correlation(in_time), "1"),
        f"readout.{name}.static_error": (static_error, "1"),
        f"readout.{name}.static_correlation": (static_correlation, "1"),
        f"readout.{name}.passes": (float(start.size), "passes"),
        f"readout.{name}.rate": (_readout_rate(replayed), "Hz"),
    }
    dim = f"pass_{name}"
    variables = {
        f"pass_start_{name}": variable(dim, start, "ms", "when the pass began"),
        f"pass_error_{name}": variable(dim, error, "1", "replay error"),
        f"pass_correlation_{name}": variable(dim, correlation, "1", "replay correlation"),
    }
    return numbers, variables
