"""Pictures of networks trained by recursive least squares, from stores only.

Every function takes Datasets as docs/stores.md describes them and returns a matplotlib Figure,
which `simcore.figures.save` writes. Numbers such as correlations are those of all networks; whole
trials, targets and weights are those of one, the example. Where a parameter takes a series of
values, the example has the last one, and all but `series` itself and the curves of `learning` shows
networks of this value alone.
"""

import json
import textwrap

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from simcore import intervals, tracking
from simcore.drives import HZ
from simcore.figures import (
    AFTER,
    BEFORE,
    CHANNELS,
    CLUSTERS,
    COLOR_E,
    COLOR_I,
    RATES,
    WIDTH,
    frame,
    note,
    nothing,
    plain_log_ticks,
    styled,
    whole_numbers,
    zero_lines,
)

TARGET, PREDICTED = "black", CHANNELS[2]
STIMULUS, WINDOW = "navajowhite", "0.93"
BOTH_SIGNS = "vlag"  # of seaborn; white is 0
QUANTILES = (0.2, 0.4, 0.6, 0.8)  # of the correlation: followers that are shown
MOST_NEURONS = 200  # in a raster
MOST_COLUMNS = 300  # of a heat map: more would only swell the file
MOST_WRITTEN = 5  # patterns: of more, the numbers do not fit into their cells
SPAN_OF_LOG = 10.0  # largest over smallest value above which an axis is logarithmic
SMALL = 8.5  # points
SINCE = "time since the window began (ms)"
DAMAGE = {
    "neurons": ("neurons silenced", "part of all"),
    "synapses": ("synapses deleted", "part of all"),
    "noise": ("noise on the weights", "sd, relative"),
    "shuffle": ("synapses shuffled", "part of those among followers"),
    "stimulus": ("stimulus scaled", "factor"),
    "other stimulus": ("another stimulus", "factor"),
}


# ------------------------------------------------------------------------ targets and what follows


@styled
def targets_and_drive(replay):
    """Draw four targets and the drives that follow them; of trained rates, the rates.

    Parameters
    ----------
    replay : xarray.Dataset
        A store `rls_replay_<experiment>`.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each of four followers, spread over the population: those at the quantiles 0.2,
        0.4, 0.6 and 0.8 of the correlation. A column for each of the first two patterns. Drives are
        of single trials, rates are averaged over all of them.
    """
    correlation = example_correlation(replay)
    followers = spread_over(correlation.mean(axis=0), QUANTILES)
    columns = min(replay.sizes["pattern"], 2)
    figure = _new_figure(1.15 * len(followers) + 1.2)
    panels = figure.subplots(len(followers), columns, sharex=True, sharey="row", squeeze=False)
    for pattern in range(columns):
        draw = _rate_and_target if is_rate(replay) else _drives_and_target
        draw(panels[:, pattern], replay, pattern, followers)
        for axes, follower in zip(panels[:, pattern], followers, strict=True):
            value = _two_digits(correlation[pattern, follower])
            axes.set_title(f"correlation {value}", loc="right", fontsize=SMALL, pad=3)
        if columns > 1:
            panels[0, pattern].set_title(f"stimulus {pattern + 1}", loc="left")
    for row, follower in zip(panels, followers, strict=True):
        row[0].set_ylabel(f"neuron {follower}")
        if is_rate(replay):
            _from_zero(*row)
    figure.supylabel("rate (Hz)" if is_rate(replay) else "synaptic drive", fontsize=10)
    figure.supxlabel(SINCE, fontsize=10)
    figure.align_ylabels()
    _head(figure, replay, _what_is_shown(replay))
    return figure


def _drives_and_target(panels, replay, pattern, followers):
    time, window = replay["example_time"].values, replay["time"].values
    every = _steps_per_ms(replay)
    drives = replay["example_drive"].transpose(*"pattern example example_time neuron".split())
    drives = drives[pattern].values
    targets = replay["example_target"].transpose("pattern", "time", "neuron")[pattern].values
    for axes, follower in zip(panels, followers, strict=True):
        _mark_spans(axes, replay)
        for trial, drive in reversed(list(enumerate(drives[:, :, follower]))):
            options = {"linewidth": 1.3} if trial == 0 else {"linewidth": 0.8, "alpha": 0.4}
            axes.plot(time[::every], drive[::every], color=AFTER, zorder=2 - trial / 10, **options)
        axes.plot(window[::every], targets[::every, follower], color=TARGET, linewidth=1.3)
        axes.set_xlim(time[0], time[-1])


def _rate_and_target(panels, replay, pattern, followers):
    window, every = replay["time"].values, _steps_per_ms(replay)
    rates, targets = rate_and_goal(replay, pattern)
    for axes, follower in zip(panels, followers, strict=True):
        axes.plot(window[::every], rates[::every, follower], color=AFTER, linewidth=1.3)
        axes.plot(window[::every], targets[::every, follower], color=TARGET, linewidth=1.3)
        axes.set_xlim(0, window[-1])


def _what_is_shown(replay):
    target = Line2D([], [], color=TARGET, label="target")
    if is_rate(replay):
        return [target, Line2D([], [], color=AFTER, label="mean over all trials")]
    trials = [Line2D([], [], color=AFTER, label="one trial")]
    if replay.sizes["example"] > 1:
        others = f"{replay.sizes['example'] - 1} other" + "s" * (replay.sizes["example"] > 2)
        trials.append(Line2D([], [], color=AFTER, alpha=0.4, linewidth=0.8, label=others))
    return [target, *trials, *_names_of_spans()]


@styled
def quasi_static(replay):
    """Draw drives and rates beside what a network of rates would do in their place.

    Parameters
    ----------
    replay : xarray.Dataset
        A store `rls_replay_<experiment>` of an experiment that trains drives.

    Returns
    -------
    matplotlib.figure.Figure
        Of three followers of the example, at the quantiles 0.2, 0.5 and 0.8 of how well the
        prediction fits their drive, after the first stimulus: the drive in one trial and the rate
        averaged over all, in bins, with their predictions. Below, how well drives and rates of all
        followers and networks fit.
    """
    fit = _means_over_starts(replay, "predicted_drive")[replay.attrs["example_run"]].mean(axis=0)
    followers = spread_over(fit, (0.2, 0.5, 0.8))
    figure = _new_figure(1.25 * len(followers) + 2.2)
    above, below = figure.subfigures(2, 1, height_ratios=[1.25 * len(followers), 1.8])
    panels = above.subplots(len(followers), 2, sharex=True, squeeze=False)
    for (drive, rate), follower in zip(panels, followers, strict=True):
        _drive_and_prediction(drive, replay, follower)
        _rate_and_prediction(rate, replay, follower)
        drive.set_ylabel(f"neuron {follower}")
        drive.set_xlim(0, replay["time"].values[-1])
    above.supxlabel(SINCE, fontsize=10)
    panels[0, 0].set_title("synaptic drive", loc="left")
    panels[0, 1].set_title("rate (Hz)", loc="left")
    histograms = below.subplots(1, 2, sharex=True, sharey=True)
    for axes, what in zip(histograms, ("drive", "rate"), strict=True):
        _fit_histogram(axes, _means_over_starts(replay, f"predicted_{what}")[_example_runs(replay)])
        axes.set_title(f"{what}s of all", loc="left")
    histograms[0].set_ylabel("followers")
    lines = [
        Line2D([], [], color=AFTER, label="network"),
        Line2D([], [], color=PREDICTED, label="quasi-static prediction"),
    ]
    _head(figure, replay, lines)
    return figure


def _drive_and_prediction(axes, replay, follower):
    time, drive, _ = _evoked_and_targets(replay)
    predicted = replay["example_predicted_drive"].transpose("pattern", "time", "follower")[0]
    axes.plot(time, drive[0][:, follower], color=AFTER, linewidth=1)
    axes.plot(time, predicted.values[:: _steps_per_ms(replay), follower], color=PREDICTED)
    value = _means_over_starts(replay, "predicted_drive")[replay.attrs["example_run"], 0, follower]
    axes.set_title(f"correlation {_two_digits(value)}", loc="right", fontsize=SMALL, pad=3)


def _rate_and_prediction(axes, replay, follower):
    middle = replay["bin"].values
    for name, color in (("example_binned_rate", AFTER), ("example_predicted_rate", PREDICTED)):
        rate = replay[name].transpose("pattern", "bin", "follower")[0].values
        axes.step(middle, rate[:, follower], where="mid", color=color)
    value = _means_over_starts(replay, "predicted_rate")[replay.attrs["example_run"], 0, follower]
    axes.set_title(f"correlation {_two_digits(value)}", loc="right", fontsize=SMALL, pad=3)
    _from_zero(axes)


def _fit_histogram(axes, values):
    axes.hist(values.ravel(), np.linspace(-1, 1, 41), color=AFTER)
    axes.set_xlim(-1, 1)
    axes.set_xlabel("correlation with the prediction")
    axes.set_title(f"mean {_two_digits(values.mean())}", loc="right", fontsize=SMALL, pad=3)
    whole_numbers(axes.yaxis, 5)


@styled
def raster(replay):
    """Draw the spikes of two trials from different starts; of rate units, their drives.

    Parameters
    ----------
    replay : xarray.Dataset
        A store `rls_replay_<experiment>`.

    Returns
    -------
    matplotlib.figure.Figure
        After the first stimulus, from before it until after the window. Of more than 200 neurons,
        200 evenly spaced ones; of balanced networks, excitatory and inhibitory ones in colour.
    """
    trials = min(replay.sizes["example"], 2)
    figure = _new_figure(2.1 * trials + 0.9)
    panels = figure.subplots(trials, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    n, followers = replay.sizes["neuron"], replay.sizes["follower"]
    shown = np.unique(np.linspace(0, n - 1, min(n, MOST_NEURONS)).round().astype(int))
    units = _parameters(replay)["network"]["neuron"] == "rate"
    for trial, axes in enumerate(panels):
        if units:
            _drive_image(axes, replay, trial, shown)
        else:
            _spikes(axes, replay, trial, shown)
            axes.set_ylim(-0.5, n - 0.5)
            if followers < n:
                axes.axhline(followers - 0.5, color="black", linewidth=0.8, linestyle=":")
        axes.set_title(f"trial {trial + 1}", loc="left")
        axes.set_xlim(*replay["example_time"].values[[0, -1]])
    if followers < n and not units:
        text = "below the dotted line: followers of the target"
        panels[0].set_title(text, loc="right", fontsize=SMALL)
    part = f", {len(shown)} of {n} shown" if len(shown) < n else ""
    if units:
        figure.colorbar(panels[0].images[0], ax=panels, label="synaptic drive", pad=0.02)
        figure.supylabel("unit, by its target's peak" + part, fontsize=10)
    else:
        figure.supylabel("neuron" + part, fontsize=10)
    panels[-1].set_xlabel(SINCE)
    kinds = []
    if not units and _is_balanced(replay):
        for color, label in ((COLOR_E, "excitatory"), (COLOR_I, "inhibitory")):
            kinds.append(Line2D([], [], color=color, marker="o", linestyle="", label=label))
    _head(figure, replay, kinds + _names_of_spans())
    return figure


def _spikes(axes, replay, trial, shown):
    _mark_spans(axes, replay)
    neuron = replay["spike_neuron"].values
    mine = (replay["spike_example"].values == trial) & (replay["spike_pattern"].values == 0)
    mine &= np.isin(neuron, shown)
    if not mine.any():
        note(axes, "no spikes")
    color = "black"
    if _is_balanced(replay):
        network = _parameters(replay)["network"]
        excitatory = neuron[mine] < round(network["excitatory"] * network["neurons"])
        color = np.where(excitatory[:, None], *(mpl.colors.to_rgb(c) for c in (COLOR_E, COLOR_I)))
    axes.scatter(
        replay["spike_time"].values[mine],
        neuron[mine],
        color=color,
        s=2.5,
        linewidths=0,
        rasterized=True,
        antialiased=False,
    )


def _drive_image(axes, replay, trial, shown):
    drive = replay["example_drive"].transpose(*"pattern example example_time neuron".split())
    drive = drive[0].values
    target = replay["example_target"].transpose("pattern", "time", "neuron")[0].values
    order = shown[np.argsort(np.argmax(target[:, shown], axis=0), kind="stable")]
    time = replay["example_time"].values
    largest = np.quantile(np.abs(drive), 0.99)
    largest = largest if largest > 0 else 1
    axes.imshow(
        _column_means(drive[trial][:, order]).T,
        cmap=BOTH_SIGNS,
        vmin=-largest,
        vmax=largest,
        aspect="auto",
        interpolation="nearest",
        origin="lower",
        extent=(time[0], time[-1], -0.5, len(order) - 0.5),
    )
    for moment in (-stimulus_duration(replay), 0, replay["time"].values[-1]):
        axes.axvline(moment, color="black", linewidth=0.8)
    frame(axes)
    _mark_spans(axes, replay, ymin=1.0, ymax=1.05, clip_on=False)  # strips above the picture


@styled
def patterns(replay):
    """Draw whether each stimulus evokes its own target.

    Parameters
    ----------
    replay : xarray.Dataset
        A store `rls_replay_<experiment>` of two patterns or more.

    Returns
    -------
    matplotlib.figure.Figure
        The correlation of what each stimulus evokes with each target, mean over the networks; for
        two followers, what the first two stimuli evoke, and both targets.
    """
    n = replay.sizes["pattern"]
    figure = _new_figure(3.5)
    grid = figure.add_gridspec(2, 3, width_ratios=[1.25, 1, 1])
    _correlations_of_patterns(figure.add_subplot(grid[:, 0]), replay)
    followers = spread_over(example_correlation(replay).mean(axis=0), (0.4, 0.7))
    rows = grid[:, 1:].subgridspec(len(followers), 2)
    panels = rows.subplots(sharex=True, sharey="row", squeeze=False)
    time, evoked, targets = _evoked_and_targets(replay)
    for pattern in range(min(n, 2)):
        for axes, follower in zip(panels[:, pattern], followers, strict=True):
            for goal in range(min(n, 2)):
                axes.plot(time, targets[goal][:, follower], color=CHANNELS[goal], linewidth=2.2)
            axes.plot(time, evoked[pattern][:, follower], color="black", linewidth=1)
            axes.set_xlim(0, time[-1])
            axes.locator_params(axis="x", nbins=3)
        panels[0, pattern].set_title(f"after stimulus {pattern + 1}")
        panels[-1, pattern].set_xlabel("time (ms)")
    what = "rate (Hz)" if is_rate(replay) else "drive"
    for axes, follower in zip(panels[:, 0], followers, strict=True):
        axes.set_ylabel(f"neuron {follower}\n{what}")
    lines = [
        Line2D([], [], color=CHANNELS[goal], linewidth=2.2, label=f"target {goal + 1}")
        for goal in range(min(n, 2))
    ]
    of = "mean over trials" if is_rate(replay) else "one trial"
    lines.append(Line2D([], [], color="black", linewidth=1, label=f"evoked, {of}"))
    _head(figure, replay, lines, place="outside upper right")
    return figure


def _correlations_of_patterns(axes, replay):
    correlation = replay["other_correlation"].transpose("run", "pattern", "target_pattern")
    correlation = correlation.values[_example_runs(replay)].mean(axis=0)
    n = len(correlation)
    largest = 1 if n <= MOST_WRITTEN else np.abs(correlation).max() or 1
    numbered_from_1 = (0.5, n + 0.5, n + 0.5, 0.5)
    image = axes.imshow(
        correlation, cmap=BOTH_SIGNS, vmin=-largest, vmax=largest, extent=numbered_from_1
    )
    frame(axes)
    axes.set_title("correlation of what\na stimulus evokes")
    axes.set_xlabel("with target")
    axes.set_ylabel("stimulus")
    if n <= MOST_WRITTEN:
        axes.set_xticks(range(1, n + 1))
        axes.set_yticks(range(1, n + 1))
        for (row, column), value in np.ndenumerate(correlation):
            color = "white" if abs(value) > 0.6 else "black"
            axes.text(
                column + 1, row + 1, _two_digits(value), ha="center", va="center", color=color
            )
    else:
        whole_numbers(axes.xaxis, 6)
        whole_numbers(axes.yaxis, 6)
        axes.figure.colorbar(image, ax=axes, location="bottom", label="correlation")


def _evoked_and_targets(replay):
    """Time, and for each pattern what is evoked in the window and the target (time, neuron)."""
    every, window = _steps_per_ms(replay), replay["time"].values
    if is_rate(replay):
        both = [rate_and_goal(replay, pattern) for pattern in range(replay.sizes["pattern"])]
        return window[::every], *(
            [part[::every] for part in parts] for parts in zip(*both, strict=True)
        )
    drive = replay["example_drive"].transpose(*"pattern example example_time neuron".split())
    first = int(np.searchsorted(replay["example_time"].values, window[0] - window[0] / 2))
    evoked = drive[:, 0, first : first + len(window)].values
    targets = replay["example_target"].transpose("pattern", "time", "neuron").values
    return window[::every], evoked[:, ::every], targets[:, ::every]


# ------------------------------------------------------------------------------------ the learning


@styled
def learning(training, replay):
    """Draw the course of a training and what it changed.

    Parameters
    ----------
    training, replay : xarray.Dataset
        Stores `rls_training_<experiment>` and `rls_replay_<experiment>`.

    Returns
    -------
    matplotlib.figure.Figure
        The correlation in tests during training, and the change of the weights, by loop: the mean
        over networks, each network faint; a band of one standard deviation over starts. With a
        series, a line for each of its values. Below, the followers' correlations (means over
        starts) and the weights of the example network, before and after. Of trained drives, above,
        one follower's drive and target before, during and after the training.
    """
    if is_rate(replay):
        figure = below = _new_figure(5.2)
    else:
        figure = _new_figure(7)
        above, below = figure.subfigures(2, 1, height_ratios=[1.8, 5.2])
        _before_during_after(above, training, replay)
    (curve, change), (followers, weights) = below.subplots(2, 2)
    _curves(curve, training, "curve_correlation", "curve_spread")
    untrained = np.mean(_means_over_starts(replay, "untrained_correlation"))
    curve.axhline(untrained, color=BEFORE, linestyle="--", linewidth=1.2, label="untrained")
    curve.set_ylabel("correlation")
    curve.set_ylim(min(-0.05, curve.get_ylim()[0]), max(1, curve.get_ylim()[1]))
    _curves(change, training, "weight_change")
    relative = training["weight_change"].attrs.get("relative", 1)
    change.set_ylabel(
        "relative change\nof the weights" if relative else "change of the\nweights (norm)"
    )
    _from_zero(change)
    _correlation_histogram(followers, replay)
    _weight_histogram(weights, training, replay)
    if "value" in training:
        handles, _ = curve.get_legend_handles_labels()
        value = _plain(training["value"].values[replay.attrs["example_run"]])
        title = f"{_key(replay)} (in the histograms {value})"
        figure.legend(handles=handles, loc="outside lower center", ncols=5, title=title)
    else:
        _legend_above(curve)
    _head(figure, replay, shown="all")
    return figure


def _before_during_after(figure, training, replay):
    """Draw the drive of one follower, at the quantile 0.6 of the correlation, and its target."""
    correlation = example_correlation(replay)
    (follower,) = spread_over(correlation.mean(axis=0), (0.6,))
    time, window = replay["example_time"].values, replay["time"].values
    every, inside = _steps_per_ms(replay), (time > 0) & (time <= window[-1])
    trained = replay["example_drive"].transpose(*"pattern example example_time neuron".split())
    untrained = replay["untrained_example_drive"].transpose("pattern", "example_time", "neuron")
    during = training["first_loop_drive"].transpose("time", "neuron")
    target = replay["example_target"].transpose("pattern", "time", "neuron")[0, :, follower].values
    drives = {
        "before training": untrained[0, inside],
        "in the first loop": during,
        "after training": trained[0, 0, inside],
    }
    panels = figure.subplots(1, 3, sharex=True, sharey=True)
    for axes, (title, drive) in zip(panels, drives.items(), strict=True):
        axes.plot(window[::every], drive[::every, follower], color=AFTER, linewidth=1)
        axes.plot(window[::every], target[::every], color=TARGET, linewidth=1.2)
        axes.set_title(title, fontsize=SMALL)
        axes.set_xlim(0, window[-1])
    figure.supxlabel(SINCE, fontsize=10)
    panels[0].set_ylabel(f"drive of\nneuron {follower}")


def _curves(axes, training, name, spread=None):
    loop = training["loop"].values
    values = training[name].transpose("run", "loop").values
    for label, runs, color in _conditions(training):
        mean = values[runs].mean(axis=0)
        if len(runs) > 1 and label is None:
            for of_network in values[runs]:
                axes.plot(loop, of_network, color=color, alpha=0.35, linewidth=0.8)
        if spread is not None and label is None:
            sd = training[spread].transpose("run", "loop").values[runs].mean(axis=0)
            axes.fill_between(loop, mean - sd, mean + sd, color=color, alpha=0.15, linewidth=0)
        name_of_line = "trained" if label is None else label
        axes.plot(loop, mean, color=color, marker="o", markersize=3.5, label=name_of_line)
    axes.set_xscale("log")
    axes.set_xlim(loop[0] / 1.3, loop[-1] * 1.3)
    plain_log_ticks(axes.xaxis)
    axes.set_xlabel("loops of training")


def _conditions(training):
    """Label, runs and colour of each value of a series; without one, of all networks at once."""
    if "value" not in training:
        return [(None, np.arange(training.sizes["run"]), AFTER)]
    values = training["value"].values
    unique = list(dict.fromkeys(values.tolist()))
    colors = mpl.colormaps[CLUSTERS](0.9 * np.arange(len(unique)) / max(len(unique) - 1, 1))
    return [
        (_plain(value), np.flatnonzero(values == value), color)
        for value, color in zip(unique, colors, strict=True)
    ]


def _correlation_histogram(axes, replay):
    runs = _example_runs(replay)
    bins = np.linspace(-1, 1, 41)
    for name, color, label in (
        ("untrained_correlation", BEFORE, "untrained"),
        ("correlation", AFTER, "trained"),
    ):
        values = _means_over_starts(replay, name)[runs].ravel()
        label = f"{label}: mean {_two_digits(values.mean())}"
        axes.hist(values, bins, color=color, alpha=0.6, label=label)
    axes.set_xlim(-1, 1)
    axes.set_xlabel("correlation of each follower")
    axes.set_ylabel("followers")
    whole_numbers(axes.yaxis, 5)
    _legend_above(axes, ncols=1)


def _weight_histogram(axes, training, replay):
    """Before: filled; after: a line. Neurons of two signs, if they are excitatory or inhibitory."""
    before, after, sign = _weights_of_example(training, replay)
    parts = {"": (np.ones(len(sign), bool), BEFORE, AFTER)}
    if _is_balanced(replay):
        parts = {"E ": (sign > 0, COLOR_E, COLOR_E), "I ": (sign < 0, COLOR_I, COLOR_I)}
    bins = _weight_bins(before, after)
    for name, (part, color_before, color_after) in parts.items():
        _before_and_after(axes, before[part], after[part], bins, color_before, color_after, name)
    if after.any() and not before.any():
        axes.plot([], [], linestyle="", label="before: all 0")
    axes.set_xlabel("weight")
    axes.set_ylabel("synapses")
    if axes.get_legend_handles_labels()[0]:
        _legend_above(axes)


def _before_and_after(axes, before, after, bins, color_before, color_after, name=""):
    """Draw histograms of weights other than 0 with a logarithmic axis of counts."""
    if before.any():
        shown = before[before != 0]
        axes.hist(shown, bins, color=color_before, alpha=0.4, label=f"{name}before")
    if after.any():
        shown, style = after[after != 0], {"histtype": "step", "linewidth": 1.4}
        axes.hist(shown, bins, color=color_after, label=f"{name}after", **style)
    if before.any() or after.any():
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.7)
    else:
        nothing(axes, "all weights are 0")


def _weight_bins(before, after):
    """Edges of bins; one is 0, lest weights of one sign seem to have two."""
    both = np.concatenate([before, after])
    low, high = both.min(initial=0), both.max(initial=0)
    width = (high - low) / 60 or 1
    return width * np.arange(np.floor(low / width), np.ceil(high / width) + 1.5)


# -------------------------------------------------------------------------- excitatory, inhibitory


@styled
def dale(training, replay, analysis=None):
    """Draw what a balanced network learned, and whether its neurons kept their signs.

    Parameters
    ----------
    training, replay : xarray.Dataset
        Stores `rls_training_<experiment>` and `rls_replay_<experiment>`.
    analysis : xarray.Dataset, optional
        The store `rls_analysis`, for the spectrum.

    Returns
    -------
    matplotlib.figure.Figure
        Weights from excitatory and from inhibitory neurons, before and after. Where the stores have
        them: the agreement between trials, what becomes of a deleted spike (means over networks),
        and the eigenvalues, over the radius that random weights would have.
    """
    courses = [draw for name, draw in COURSES.items() if name in replay]
    eigenvalues = _eigenvalues(replay, analysis)
    rows = 1 + bool(courses) + (eigenvalues is not None)
    figure = _new_figure(2.3 * rows + 0.4 + 0.6 * (eigenvalues is not None))
    heights = [1.0] * (1 + bool(courses)) + [1.25] * (eigenvalues is not None)
    grid = figure.add_gridspec(rows, 1, height_ratios=heights)
    _weights_by_sign(grid[0].subgridspec(1, 2).subplots(sharey=True), training, replay)
    if courses:
        panels = grid[1].subgridspec(1, len(courses)).subplots(squeeze=False)[0]
        for axes, draw in zip(panels, courses, strict=True):
            draw(axes, replay)
    if eigenvalues is not None:
        _spectra(grid[rows - 1].subgridspec(1, 2).subplots(sharex=True, sharey=True), eigenvalues)
    _head(figure, replay)
    return figure


def _weights_by_sign(panels, training, replay):
    before, after, sign = _weights_of_example(training, replay)
    frozen = _of_example(training, replay, "frozen") if "frozen" in training else None
    kinds = (("excitatory", 1, COLOR_E), ("inhibitory", -1, COLOR_I))
    for axes, (kind, own, color) in zip(panels, kinds, strict=True):
        mine = sign == own
        axes.set_xlabel(f"weight from {kind} neurons")
        if not mine.any():
            nothing(axes, "no synapses")
            continue
        bins = _weight_bins(before[mine], after[mine])
        _before_and_after(axes, before[mine], after[mine], bins, color, color)
        axes.axvline(0, color="black", linewidth=0.8, linestyle=":")
        counts = {"wrong sign": after[mine] * own < 0, "zero": after[mine] == 0}
        if frozen is not None:
            counts["frozen"] = frozen[mine] != 0
        text = "\n".join(
            f"{name}: {np.count_nonzero(these)} ({100 * np.mean(these):.1f} %)"
            for name, these in counts.items()
        )
        side = {1: (0.98, "right"), -1: (0.02, "left")}[own]
        axes.text(
            side[0], 0.97, text, transform=axes.transAxes, ha=side[1], va="top", fontsize=SMALL
        )
        if axes.get_yscale() == "log":
            _legend_above(axes)
    if any(axes.get_yscale() == "log" for axes in panels):
        panels[0].set_ylim(top=30 * panels[0].get_ylim()[1])  # room for the text
    panels[0].set_ylabel("synapses")


def _agreement(axes, replay):
    time, runs = replay["moment"].values, _example_runs(replay)
    for name, color, label in (
        ("untrained_agreement", BEFORE, "untrained"),
        ("agreement", AFTER, "trained"),
    ):
        values = replay[name].transpose("run", "moment").values[runs]
        if len(values) > 1:
            for of_network in values:
                axes.plot(time, of_network, color=color, alpha=0.35, linewidth=0.8)
        axes.plot(time, values.mean(axis=0), color=color, label=label)
    axes.set_ylim(min(-0.05, axes.get_ylim()[0]), 1.02)
    axes.set_xlabel(SINCE)
    axes.set_ylabel("agreement of trials")
    _mark_spans(axes, replay)
    handles, _ = axes.get_legend_handles_labels()
    _legend_above(axes, handles=handles + _names_of_spans())


def _separation(axes, replay):
    deleted = _parameters(replay)["test"]["delete_spike"]
    time = (np.arange(replay.sizes["step"]) + 1) * replay.attrs["dt"]
    shown = time >= deleted
    every = _steps_per_ms(replay)
    for name, color, label in (
        ("untrained_separation", BEFORE, "untrained"),
        ("separation", AFTER, "trained"),
    ):
        values = replay[name].transpose("run", "start", "step").values[_example_runs(replay)]
        mean = values.mean(axis=(0, 1))
        axes.plot(time[shown][::every], mean[shown][::every], color=color, linewidth=1, label=label)
    axes.set_xlim(deleted, time[-1])
    _from_zero(axes)
    axes.set_xlabel(SINCE)
    axes.set_ylabel("change by a deleted\nspike (sd of the drive)")
    _legend_above(axes)


COURSES = {"agreement": _agreement, "separation": _separation}


def _eigenvalues(replay, analysis):
    """Complex (phase, eigenvalue) of this experiment, or None."""
    name = replay.attrs.get("stage", "").rpartition(" ")[2]
    if analysis is None or f"eigenvalue_real_{name}" not in analysis:
        return None
    parts = (analysis[f"eigenvalue_{part}_{name}"] for part in ("real", "imaginary"))
    real, imaginary = (part.transpose("phase", ...).values for part in parts)
    return real + 1j * imaginary


def _spectra(panels, eigenvalues):
    circle = np.exp(2j * np.pi * np.arange(201) / 200)
    for axes, phase, values, color in zip(
        panels, ("before", "after"), eigenvalues, (BEFORE, AFTER), strict=True
    ):
        zero_lines(axes)
        axes.plot(circle.real, circle.imag, color="black", linewidth=0.8)
        axes.scatter(values.real, values.imag, s=4, color=color, linewidths=0, rasterized=True)
        axes.set_title(f"eigenvalues {phase} training")
        axes.set_xlabel("real part")
        axes.set_aspect("equal")
    panels[0].set_ylabel("imaginary part")


# ----------------------------------------------------------------------------------- trained rates


@styled
def rates(replay):
    """Draw how well trained rates follow their targets.

    Parameters
    ----------
    replay : xarray.Dataset
        A store `rls_replay_<experiment>` of rates.

    Returns
    -------
    matplotlib.figure.Figure
        After the first stimulus, in the example network: targets and rates averaged over trials, on
        one scale, neurons ordered by the time of their target's peak; mean rates. Of all networks
        and patterns: the correlations.
    """
    achieved, goal = rate_and_goal(replay, 0)
    figure = _new_figure(5.4)
    grid = figure.add_gridspec(2, 1, height_ratios=[1.2, 1])
    maps = grid[0].subgridspec(1, 2).subplots(sharex=True, sharey=True)
    order = np.argsort(np.argmax(goal, axis=0), kind="stable")
    scale = {"vmin": 0, "vmax": max(np.quantile(goal, 0.99), np.quantile(achieved, 0.99)) or 1}
    for axes, table, title in zip(maps, (goal, achieved), ("target", "achieved"), strict=True):
        image = axes.imshow(
            _column_means(table[:, order]).T,
            cmap=RATES,
            aspect="auto",
            interpolation="nearest",
            origin="lower",
            extent=(0, replay["time"].values[-1], -0.5, len(order) - 0.5),
            **scale,
        )
        axes.set_title(title)
        axes.set_xlabel("time in the window (ms)")
        whole_numbers(axes.yaxis, 4)
        frame(axes)
    maps[0].set_ylabel("neuron, by its peak")
    figure.colorbar(image, ax=maps, label="rate (Hz)", pad=0.02, extend="max")
    scatter, histogram = grid[1].subgridspec(1, 2).subplots()
    _mean_rates(scatter, goal.mean(axis=0), achieved.mean(axis=0))
    _correlation_histogram(histogram, replay)
    _head(figure, replay)
    return figure


def _mean_rates(axes, goal, achieved):
    """Draw achieved over wanted rates; what cannot be on a logarithmic axis lies at its edge."""
    positive = np.concatenate([goal[goal > 0], achieved[achieved > 0]])
    axes.set_xlabel("mean rate of target (Hz)")
    axes.set_ylabel("achieved (Hz)")
    if not len(positive):
        nothing(axes, "all rates are 0")
        axes.set_xticks([])
        return
    low, high = positive.min() / 1.5, positive.max() * 1.5
    silent = achieved <= 0
    x, y = np.maximum(goal, low), np.maximum(achieved, low)
    axes.plot([low, high], [low, high], color="0.6", linewidth=0.8, zorder=0)
    options = {"s": 10, "linewidths": 0, "clip_on": False}
    axes.scatter(x[~silent], y[~silent], color=AFTER, **options)
    if silent.any():
        label = f"silent: {np.count_nonzero(silent)} of {len(silent)}"
        style = {"color": COLOR_I, "marker": "x", "s": 16, "linewidths": 1}
        axes.scatter(x[silent], y[silent], clip_on=False, label=label, **style)
        _legend_above(axes)
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
    for axis in (axes.xaxis, axes.yaxis):
        plain_log_ticks(axis)


# ------------------------------------------------------------------------------- series and damage


@styled
def series(replay):
    """Draw correlation and error against the parameter that takes a series of values.

    Parameters
    ----------
    replay : xarray.Dataset
        A store `rls_replay_<experiment>` of an experiment with a series.

    Returns
    -------
    matplotlib.figure.Figure
        A point for each network, and the mean over them as a line. The error is the median over
        neurons of the root mean square error over the target's standard deviation.
    """
    correlation = _means_over_starts(replay, "correlation").mean(axis=(1, 2))
    untrained = _means_over_starts(replay, "untrained_correlation").mean(axis=(1, 2))
    error = replay["relative_error"].median("follower")
    error = error.mean([dim for dim in error.dims if dim != "run"]).values
    values = replay["value"].values
    numbers = values.dtype.kind in "iuf"
    names = list(dict.fromkeys(map(str, values)))
    place = values if numbers else np.array([names.index(str(value)) for value in values])
    figure = _new_figure(4.6)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1.4, 1])
    _points_and_mean(above, place, untrained, BEFORE, "untrained")
    _points_and_mean(above, place, correlation, AFTER, "trained")
    _points_and_mean(below, place, error, AFTER, "trained")
    above.set_ylabel("correlation")
    above.set_ylim(min(-0.05, above.get_ylim()[0]), 1)
    _legend_above(above)
    below.set_ylabel("relative error")
    _from_zero(below)
    if numbers:
        _axis_of_values(below, place)
    else:
        below.set_xticks(range(len(names)), names)
        below.set_xlim(-0.5, len(names) - 0.5)
    below.set_xlabel(_key(replay))
    figure.align_ylabels()
    _head(figure, replay, shown="all")
    return figure


def _points_and_mean(axes, place, values, color, label):
    axes.scatter(place, values, color=color, s=14, alpha=0.5, linewidths=0)
    unique = np.unique(place)
    mean = [_finite(values[place == one]).mean() for one in unique]
    axes.plot(unique, mean, color=color, label=label)


@styled
def damage(replay):
    """Draw how well damaged networks still follow their targets.

    Parameters
    ----------
    replay : xarray.Dataset
        A store `rls_replay_<experiment>` of an experiment with damage.

    Returns
    -------
    matplotlib.figure.Figure
        For each kind of damage the mean over draws and networks, with its 95 % interval over the
        networks (over the draws if there is one network, none of two); dashed, without damage.
    """
    runs = _example_runs(replay)
    kinds = np.array([str(kind) for kind in replay["damage_kind"].values])
    amounts = replay["damage_amount"].values
    correlation = replay["damage_correlation"].isel(run=runs).transpose("case", ...)
    several = len(runs) > 1
    values = (correlation.mean("draw") if several else correlation.isel(run=0)).values
    whole = _means_over_starts(replay, "correlation")[runs].mean()
    names = list(dict.fromkeys(kinds))
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    figure = _new_figure(2.2 * rows + 0.5)
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes in panels.ravel()[len(names) :]:
        axes.remove()
    for name, axes in zip(names, panels.ravel(), strict=False):
        cases = np.flatnonzero(kinds == name)
        cases = cases[np.argsort(amounts[cases], kind="stable")]
        _damage_of_a_kind(axes, amounts[cases], values[cases])
        _axis_of_values(axes, amounts[cases], most={1: 8, 2: 5, 3: 4}[columns])
        axes.axhline(whole, color="black", linestyle="--", linewidth=1)
        title, unit = DAMAGE.get(name, (name, "amount"))
        axes.set_title(title)
        axes.set_xlabel(unit)
    for axes in panels[:, 0]:
        axes.set_ylabel("correlation")
    low = min(-0.05, panels[0, 0].get_ylim()[0])
    panels[0, 0].set_ylim(low, max(1, panels[0, 0].get_ylim()[1]))
    lines = [
        Line2D([], [], color="black", linestyle="--", linewidth=1, label="undamaged"),
        Line2D(
            [],
            [],
            color=AFTER,
            marker="o",
            markersize=4,
            label=f"damaged (mean, 95 % interval over {'networks' if several else 'draws'})",
        ),
    ]
    _head(figure, replay, lines, shown="networks")
    return figure


def _damage_of_a_kind(axes, amounts, correlation):
    """Draw one kind of damage; correlation is an array (case, run or draw)."""
    mean = np.array([_finite(of_case).mean() for of_case in correlation])
    ends = np.array([intervals.of_mean(_finite(of_case)) for of_case in correlation])
    bars = np.nan_to_num(np.abs(ends.T - mean))
    axes.errorbar(
        amounts, mean, bars, color=AFTER, marker="o", markersize=4, elinewidth=1, capsize=2
    )


def _finite(values):
    found = values[np.isfinite(values)]
    return found if len(found) else np.array([np.nan])


# ---------------------------------------------------------------------------------- what is stored


def _parameters(dataset):
    """The experiment that made a store, as a nested dict."""
    return json.loads(dataset.attrs["parameters"])["experiment"]


def is_rate(replay):
    """Whether rates were trained, not drives."""
    return replay.attrs["what"] == "rate"


def _is_balanced(dataset):
    return _parameters(dataset)["network"]["initial"] == "balanced"


def stimulus_duration(replay):
    """How long the stimulus lasts before the window, in ms."""
    return _parameters(replay)["input"]["duration"]


def _key(replay):
    """The parameter that takes a series of values, as people write it in a study."""
    return (_parameters(replay)["series"] or {}).get("key", "value")


def _steps_per_ms(replay):
    """Every how many steps a curve has a point: finer ones would only swell the file."""
    return max(1, round(1 / replay.attrs["dt"]))


def _example_runs(replay):
    """The runs whose parameters are those of the example: all, but for a series."""
    if "value" not in replay:
        return np.arange(replay.sizes["run"])
    values = replay["value"].values
    return np.flatnonzero(values == values[replay.attrs["example_run"]])


def _means_over_starts(replay, name):
    """What is stored for followers, array (run, pattern, follower)."""
    values = replay[name]
    if "start" in values.dims:
        values = values.mean("start")
    return values.transpose("run", "pattern", "follower").values


def example_correlation(replay):
    """The example's correlations with its targets: array (pattern, follower)."""
    return _means_over_starts(replay, "correlation")[replay.attrs["example_run"]]


def spread_over(values, quantiles):
    """The places of some quantiles among values, each once."""
    order = np.argsort(values, kind="stable")
    places = np.round(np.array(quantiles) * (len(values) - 1)).astype(int)
    return order[np.unique(places)][::-1]


def rate_and_goal(replay, pattern):
    """Rates of the followers and what they should be, smoothed alike: Hz (time, follower)."""
    rate = replay["example_rate"].transpose("pattern", "time", "follower")[pattern].values
    goal = replay["example_target"].transpose("pattern", "time", "neuron")[pattern].values
    sd = _parameters(replay)["test"]["psth_sd"]
    goal = tracking.smoothed_inside(goal[:, : rate.shape[1]] * HZ, sd, replay.attrs["dt"])
    return rate.astype(float), goal


def _of_example(training, replay, name):
    """What is stored for synapses, of the example."""
    pointer = training["row_pointer"].values[replay.attrs["example_run"]]
    return training[name].values[pointer[0] : pointer[-1]]


def _weights_of_example(training, replay):
    """The example's weights before and after training, and the sign of their neurons (synapse,)."""
    before, after, column = (
        _of_example(training, replay, name) for name in ("initial_weight", "weight", "column")
    )
    return before, after, training["sign"].values[replay.attrs["example_run"]][column]


# ---------------------------------------------------------------------------------- axes and words


def _new_figure(height):
    return Figure(figsize=(WIDTH, height), layout="constrained")


def _head(figure, replay, handles=(), *, shown="network", place="outside upper center", ncols=5):
    """Name lines, and say above what the reader could not know, such as the value of a series.

    What is shown is of one `network`, the example; of all `networks` with its value of the series;
    or of `all`.
    """
    parameters, words = _parameters(replay), []
    target = parameters["target"]
    if target["kind"] == "cortical" and target["file"] is None:
        words.append("targets: synthetic rates, not recordings")
    example = replay.attrs["example_run"]
    if shown != "all" and "value" in replay:
        words.append(f"{_key(replay)}: {_plain(replay['value'].values[example])}")
    runs = list(_example_runs(replay))
    if shown == "network" and len(runs) > 1:
        found = _means_over_starts(replay, "correlation").mean(axis=(1, 2))
        words.append(
            f"network {1 + runs.index(example)} of {len(runs)}, correlation {found[example]:.2f} "
            f"(of all: {found[runs].mean():.2f})"
        )
    text = "\n".join(textwrap.wrap("; ".join(words), 75))
    if handles:
        title = {"title": text, "title_fontsize": 10} if text else {}
        figure.legend(handles=handles, loc=place, ncols=ncols, **title)
    elif text:
        figure.suptitle(text, fontsize=10)


def _mark_spans(axes, replay, **options):
    """Shade the stimulus and the window in which the target is followed."""
    options = {"linewidth": 0, "zorder": 0} | options
    axes.axvspan(-stimulus_duration(replay), 0, color=STIMULUS, **options)
    axes.axvspan(0, replay["time"].values[-1], color=WINDOW, **options)


def _names_of_spans():
    return [
        Patch(color=STIMULUS, linewidth=0, label="stimulus"),
        Patch(color=WINDOW, linewidth=0, label="trained window"),
    ]


def _from_zero(*panels):
    """Let an axis that panels share begin at 0."""
    top = max(axes.dataLim.y1 for axes in panels)
    panels[0].set_ylim(0, 1.08 * top if np.isfinite(top) and top > 0 else 1)


def _axis_of_values(axes, values, most=8):
    """Scale an axis for the values of a parameter, which are few and often spread by factors."""
    low, high = values.min(), values.max()
    if low > 0 and high > SPAN_OF_LOG * low:
        axes.set_xscale("log")
        axes.set_xlim(low / 1.3, high * 1.3)
        plain_log_ticks(axes.xaxis)
    else:
        room = 0.06 * (high - low) or 0.5 * abs(high) or 0.5
        axes.set_xlim(low - room, high + room)
    unique = np.unique(values)
    logarithmic = axes.get_xscale() == "log"
    apart = len(unique) <= most and np.all(np.diff(unique) >= (high - low) / (2 * most))
    if logarithmic or apart:
        ticks = unique[:: -(-len(unique) // most)]
        axes.set_xticks(ticks, [_plain(value) for value in ticks])
        axes.minorticks_off()
    else:
        axes.locator_params(axis="x", nbins=most)


def _legend_above(axes, *, ncols=2, **options):
    axes.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1),
        ncols=ncols,
        borderaxespad=0.1,
        handlelength=1,
        handletextpad=0.4,
        columnspacing=1,
        **options,
    )


def _column_means(table):
    """Means over equal stretches of time, array (stretch, neuron), few enough for a picture."""
    bins = np.arange(0, len(table), -(-len(table) // MOST_COLUMNS))
    count = np.diff(np.append(bins, len(table)))
    return np.add.reduceat(table, bins, axis=0) / count[:, None]


def _plain(value):
    return f"{value:g}" if isinstance(value, int | float | np.number) else str(value)


def _two_digits(value):
    return f"{round(value, 2) + 0:.2f}".replace("-", "−")  # + 0: there is no minus zero
