"""Pictures of a study, from stores only.

Every function takes Datasets as docs/stores.md describes them and returns a matplotlib Figure,
which `save` writes. Where a small study has nothing to show, the picture says so.
"""

import functools
import io

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from PIL import Image

from simcore import measures
from simcore.stores import replacing

WIDTH = 6.0  # inches: at half the width of a page of 1280 pixels, 10 points are 14 pixels high
DPI = 200
COLORS = 256  # of a PNG: they cannot be told from all, at a third of the size
STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same picture everywhere
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "legend.handlelength": 1.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.6,
    "pdf.fonttype": 42,  # text in the PDF stays text
}

# Colours that stay apart for colour-blind readers; each thing has the same one in every figure.
_BLUE, _ORANGE, _GREEN, _RED, _PINK, _BROWN, _, _GREY, _, _SKY = sns.color_palette("colorblind")
COLOR_E, COLOR_I = _BLUE, _RED
CLUSTERS = "viridis"
CHANNELS = [_GREEN, _PINK, _ORANGE, _SKY, _BROWN, _GREY]
ONE_OF_MANY_CHANNELS = "0.25"
WEIGHTS = "rocket_r"
DIFFERENCES = "vlag"
RATES = "mako_r"
BLOCKS = {"within": "black", "forward": _GREEN, "backward": _PINK, "rest": _GREY}
BEFORE, AFTER = _GREY, _BLUE

SHORTEST_RASTER = 500.0  # ms: where there is no rhythm, three "periods" may be next to nothing
LONGEST_RASTER = 4000.0  # ms: in longer ones the spikes cannot be told apart
RASTER_WITHOUT_PERIOD = 1000.0  # ms


def save(figure, stem):
    """Write a figure as stem.png and stem.pdf; the same data give the same bytes.

    Nothing holds on to the figure afterwards: it was never registered with pyplot.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    stem : path
        The files' path without its suffix.

    Raises
    ------
    UserError
        A file cannot be written.
    """
    without_date = {"CreationDate": None, "Creator": None, "Producer": None}
    with mpl.rc_context(STYLE):
        # Ticks change with the room that a first layout gives them: the second one fits them.
        figure.draw_without_rendering()
        pixels = io.BytesIO()
        figure.savefig(pixels, format="png", dpi=DPI)
        with replacing(f"{stem}.png") as file, Image.open(pixels) as image:
            # This method keeps colours of few pixels, too.
            few = image.convert("RGB").quantize(COLORS, method=Image.Quantize.MAXCOVERAGE)
            few.save(file, "png", dpi=(DPI, DPI), optimize=True)
        with replacing(f"{stem}.pdf") as file:
            figure.savefig(file, format="pdf", dpi=DPI, metadata=without_date)


def styled(draw):
    """Let a function draw in the style of the house, whatever the user's own settings."""

    @functools.wraps(draw)
    def styled(*arguments, **options):
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(STYLE)
            return draw(*arguments, **options)

    return styled


# ------------------------------------------------------------------------------------ the weights


@styled
def weights(network, consolidation):
    """Draw the mean E to E weight between clusters before learning and after each stage.

    Parameters
    ----------
    network, consolidation : xarray.Dataset
        Stores of these stages.

    Returns
    -------
    matplotlib.figure.Figure
        One heat map for each moment, with one logarithmic scale in pF: else the small differences
        between the many weak blocks would not show.
    """
    moments = {
        "before": network["block_weight"][-1],
        "after embedding": consolidation["block_weight"][0],
        "after consolidation": consolidation["block_weight"][-1],
    }
    figure = Figure(figsize=(WIDTH, 2.75), layout="constrained")
    panels = figure.subplots(1, 3, sharex=True, sharey=True)
    norm = _log_norm(np.concatenate([np.ravel(block) for block in moments.values()]))
    for axes, (title, block) in zip(panels, moments.items(), strict=True):
        image = axes.imshow(
            block.transpose("cluster_post", "cluster_pre"),
            cmap=_with_gaps(WEIGHTS),
            norm=norm,
            origin="lower",
        )
        axes.set_title(title)
        whole_numbers(axes.xaxis, 4)
        whole_numbers(axes.yaxis, 4)
        frame(axes)
    panels[1].set_xlabel("from cluster")
    panels[0].set_ylabel("to cluster")
    bar = figure.colorbar(
        image, ax=panels, location="bottom", aspect=40, label="mean E to E weight (pF)"
    )
    if isinstance(norm, LogNorm):
        plain_log_ticks(bar.ax.xaxis)
    return figure


@styled
def inhibition(analysis):
    """Draw how much each cluster inhibits each by way of the I neurons, before and after learning.

    Parameters
    ----------
    analysis : xarray.Dataset

    Returns
    -------
    matplotlib.figure.Figure
        `simcore.measures.disynaptic_inhibition`: the learned one as a map, both as means over all
        pairs of clusters that are equally far apart in the ring.
    """
    order = ("phase", "cluster_pre", "cluster_post")
    before, after = analysis["disynaptic_inhibition"].transpose(*order).values
    clusters = len(after)
    figure = Figure(figsize=(WIDTH, 2.5), layout="constrained")
    learned, profile = figure.subplots(1, 2)
    reach = np.nanmax(np.abs(after - 1), initial=1e-3)
    limits = {"vmin": 1 - reach, "vmax": 1 + reach}
    image = learned.imshow(after.T, cmap=DIFFERENCES, origin="lower", **limits)
    figure.colorbar(image, ax=learned, shrink=0.9)
    learned.set(
        title="inhibition after learning (mean: 1)", xlabel="from cluster", ylabel="to cluster"
    )
    whole_numbers(learned.xaxis, 4)
    whole_numbers(learned.yaxis, 4)
    frame(learned)
    steps = np.arange(-(clusters // 2), (clusters + 1) // 2)
    for label, values, color in (("before", before, BEFORE), ("after", after, AFTER)):
        profile.plot(steps, measures.ring_profile(values, steps), color=color, label=label)
    profile.set(title="mean over all clusters", xlabel="steps along the chain")
    profile.set_ylabel("inhibition (mean: 1)")
    profile.legend(loc="best")
    return figure


@styled
def time_course(embedding, consolidation):
    """Draw how weights and rates change during embedding and consolidation.

    Parameters
    ----------
    embedding, consolidation : xarray.Dataset
        Stores of these stages.

    Returns
    -------
    matplotlib.figure.Figure
        From above: mean E to E weights over synapses within clusters, forward, backward and all
        others (`simcore.measures.weight_summary`); relative strength of each cluster
        (`simcore.measures.relative_strength`), black their mean; mean I to E weight; rates.
    """
    figure = Figure(figsize=(WIDTH, 6.8), layout="constrained")
    panels = figure.subplots(4, 1, sharex=True, height_ratios=[2.4, 1.6, 1, 1])
    blocks, strength, inhibition, rates = panels
    border = float(embedding["time"][-1]) / 60e3
    for stage, begin in ((embedding, 0.0), (consolidation, border)):
        minutes = begin + stage["time"].values / 60e3
        synapses_and_blocks = _blocks_of_stage(stage)
        summaries = measures.weight_course(*synapses_and_blocks)
        for kind, color in BLOCKS.items():
            values = [getattr(summary, kind) for summary in summaries]
            _course(blocks, minutes, values, color, kind)
        of_clusters = measures.relative_strength_course(*synapses_and_blocks)
        _course(strength, minutes, of_clusters.mean(axis=1), BLOCKS["within"], "mean")
        colors = mpl.colormaps[CLUSTERS](_spread(range(n := of_clusters.shape[1]), n))
        courses = [np.column_stack([minutes, of_one]) for of_one in of_clusters.T]
        strength.add_collection(LineCollection(courses, colors=colors, linewidths=0.6, alpha=0.6))
        _course(inhibition, minutes, stage["i_to_e_mean"], COLOR_I, "I to E")
        _course(rates, minutes, stage["rate_e"], COLOR_E, "E")
        _course(rates, minutes, stage["rate_i"], COLOR_I, "I")

    if any(np.any(line.get_ydata() > 0) for line in blocks.lines):
        blocks.set_yscale("log")
        plain_log_ticks(blocks.yaxis)
    blocks.set_ylabel("E to E weight (pF)")
    strength.set_ylabel("relative\nstrength")
    inhibition.set_ylabel("I to E\nweight (pF)")
    rates.set_ylabel("rate (Hz)")
    rates.set_xlabel("simulated time (min)")
    rates.set_ylim(bottom=0)
    for axes in panels[1:]:
        axes.yaxis.set_major_locator(MaxNLocator(4))
    _legend_of_first(blocks, ncols=4, loc="upper center", bbox_to_anchor=(0.5, 1.22))
    _legend_of_first(rates, ncols=2, loc="best")
    for axes in panels:
        axes.axvline(border, color="black", linewidth=0.8, linestyle=":")
    above = {"xy": (border, 1), "xycoords": ("data", "axes fraction"), "va": "bottom"}
    gap = {"textcoords": "offset points"}
    blocks.annotate("embedding ", **above, xytext=(-4, 2), **gap, ha="right")
    blocks.annotate(" consolidation", **above, xytext=(4, 2), **gap, ha="left")
    figure.align_ylabels()
    return figure


@styled
def stability(consolidation, driven):
    """Draw what becomes of the embedded structure under its own spikes and under another clock's.

    Parameters
    ----------
    consolidation, driven : xarray.Dataset
        Stores of these stages.

    Returns
    -------
    matplotlib.figure.Figure
        Mean forward and backward weights every 2 minutes, side by side with one scale.
    """
    figure = Figure(figsize=(WIDTH, 3), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    stages = {"under its own spikes": consolidation, "under another clock's spikes": driven}
    for axes, (title, stage) in zip(panels, stages.items(), strict=True):
        summaries = measures.weight_course(*_blocks_of_stage(stage))
        for kind in ("forward", "backward"):
            values = [getattr(summary, kind) for summary in summaries]
            _course(axes, stage["time"].values / 60e3, values, BLOCKS[kind], kind)
        axes.set_title(title)
        axes.set_xlabel("simulated time (min)")
    panels[0].set_ylim(bottom=0)
    panels[0].set_ylabel("E to E weight (pF)")
    panels[0].legend(loc="best")
    return figure


@styled
def spectrum(analysis):
    """Draw the eigenvalues of the weight matrix, full and reduced to clusters, before and after.

    Parameters
    ----------
    analysis : xarray.Dataset

    Returns
    -------
    matplotlib.figure.Figure
        Of each spectrum the one pair that the balance of E and I puts far off is named, not shown,
        where it would squeeze all others together.
    """
    figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    kinds = {"all neurons": ("eigenvalue", 3), "reduced to clusters": ("cluster_eigenvalue", 18)}
    for row, (kind, (name, size)) in zip(panels, kinds.items(), strict=True):
        real, imaginary = analysis[f"{name}_real"].values, analysis[f"{name}_imaginary"].values
        phases = zip(row, ("before", "after"), real + 1j * imaginary, (BEFORE, AFTER), strict=True)
        for axes, phase, values, color in phases:
            far = _far_pair(values)
            zero_lines(axes)
            axes.scatter(
                values[~far].real,
                values[~far].imag,
                s=size,
                color=color,
                linewidths=0,
                rasterized=len(values) > 200,
            )
            axes.set_title(f"{kind}, {phase}")
            if far.any():
                pair = values[far][0]
                text = f"outside: {pair.real:.0f} ± {abs(pair.imag):.0f}i pF"
                note(axes, text.replace("-", "−"))
            axes.margins(y=0.2)  # room for the note
    figure.supxlabel("real part (pF)", fontsize=10)
    figure.supylabel("imaginary part (pF)", fontsize=10)
    return figure


@styled
def linear_model(consolidation, analysis):
    """Draw why a stronger forward weight turns a ring: the linear model, and the learned clock.

    Parameters
    ----------
    consolidation, analysis : xarray.Dataset
        Stores of these stages.

    Returns
    -------
    matplotlib.figure.Figure
        Left: imaginary part of the complex pair of three excitatory units in a ring with an
        inhibitory one, computed and derived. Right: eigenvalues of the learned matrix, reduced to
        clusters, beside those of a ring that has its four mean weights.
    """
    figure = Figure(figsize=(WIDTH, 3), layout="constrained")
    model, learned = figure.subplots(1, 2)
    epsilon = np.linspace(1, 3, 9)
    for delta, size in ((1, 12), (2, 8), (4, 4)):
        pairs = [measures.linear_model(delta, value) for value in epsilon]
        turning = [np.max(pair.imag) for pair in pairs]
        label = f"self-coupling {delta}"
        rings = {"marker": "o", "markersize": size, "markerfacecolor": "none", "linestyle": "none"}
        model.plot(epsilon - 1, turning, **rings, color=AFTER, label=label)
    derived = np.sqrt(3) / 2 * (epsilon - 1)
    model.plot(epsilon - 1, derived, color="black", linewidth=1, label="derived", zorder=0)
    model.set_xlabel("forward minus backward coupling")
    model.set_ylabel("imaginary part")
    model.set_title("three units in a ring")
    model.legend(loc="upper left")

    phase = list(analysis["phase"].values).index("after")
    real, imaginary = (
        analysis[f"cluster_eigenvalue_{part}"].values[phase] for part in ("real", "imaginary")
    )
    near = ~_far_pair(real + 1j * imaginary)
    clusters = consolidation.sizes["cluster_pre"]
    per_cluster = consolidation.sizes["e_to_e_synapse"] / consolidation.sizes["neuron_e"] / clusters
    summary = measures.weight_course(*_blocks_of_stage(consolidation))[-1]
    ring = measures.ring_eigenvalues(summary, per_cluster, clusters)
    zero_lines(learned)
    learned.scatter(ring.real, ring.imag, s=40, facecolors="none", edgecolors="black", label="ring")
    learned.scatter(real[near], imaginary[near], s=10, color=AFTER, label="learned")
    learned.set_xlabel("real part (pF)")
    learned.set_ylabel("imaginary part (pF)")
    learned.set_title("reduced to clusters")
    learned.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=2)
    return figure


def _blocks_of_stage(stage):
    """Return the E to E synapses, the clusters and the block weights of a stage at every moment."""
    names = ("e_to_e_row_pointer", "e_to_e_column", "cluster")
    blocks = stage["block_weight"].transpose("time", "cluster_pre", "cluster_post")
    return *(stage[name].values for name in names), blocks.values


def _course(axes, minutes, values, color, label):
    axes.plot(minutes, values, color=color, label=label, marker="o", markersize=2.5)


def _far_pair(values):
    """Mark the conjugate pair of largest imaginary part, if it is far from all others."""
    height = np.abs(values.imag)
    sorted_height = np.sort(height)
    if len(values) < 4 or sorted_height[-1] < 2 * sorted_height[-3]:
        return np.zeros(len(values), bool)
    return height >= sorted_height[-2]


# ------------------------------------------------------------------------------------- the replay


@styled
def replay_raster(replay):
    """Draw the spikes of the last three periods of a replay, or of those around its damage.

    Parameters
    ----------
    replay : xarray.Dataset
        A store `replay_<target>`, or `replay_clock`, which has no read-outs.

    Returns
    -------
    matplotlib.figure.Figure
        From above: E neurons ordered and coloured by cluster, I neurons, read-outs.
    """
    duration = float(replay.attrs["simulated_ms"])
    length = min(_raster_length(replay, duration), duration)
    damaged = replay.attrs.get("damaged_at_ms")
    middle = duration if damaged is None else damaged
    end = np.clip(middle + length / 2, length, duration)
    begin = end - length
    populations = ["e", "i"] + ["readout"] * ("readout_spike_time" in replay)
    many = "channel" in replay.sizes and replay.sizes["channel"] > len(CHANNELS)
    heights = [4, 1, 2 if many else 1][: len(populations)]
    figure = Figure(figsize=(WIDTH, 4.8), layout="constrained")
    panels = figure.subplots(len(populations), 1, sharex=True, height_ratios=heights)

    time, neuron = replay["spike_time"].values, replay["spike_neuron"].values
    shown = (begin <= time) & (time <= end)
    time, neuron = time[shown], neuron[shown]
    n_e = replay.sizes["neuron_e"]
    _excitatory_raster(panels[0], time[neuron < n_e], neuron[neuron < n_e], replay["cluster"])
    _dots(panels[1], time[neuron >= n_e], neuron[neuron >= n_e] - n_e, COLOR_I)
    panels[1].set_ylim(-0.5, replay.attrs["neurons_i"] - 0.5)
    panels[1].set_ylabel("I neuron")
    whole_numbers(panels[1].yaxis, 3)
    if len(panels) > 2:
        _readout_raster(panels[2], replay, begin)
    for axes in panels:
        axes.set_xlim(begin / 1000, end / 1000)
        if damaged is not None:
            axes.axvline(damaged / 1000, color="black", linewidth=1.2)
    if damaged is not None:
        panels[0].set_title("the line: when something is lost")
    panels[-1].set_xlabel("time in the replay (s)")
    figure.align_ylabels()
    return figure


@styled
def target_and_replay(replay, analysis, name):
    """Draw a target and, on the same axis, what the read-outs replay: one pass, and the mean.

    Parameters
    ----------
    replay : xarray.Dataset
        The store `replay_<name>`.
    analysis : xarray.Dataset
    name : str
        Of the target.

    Returns
    -------
    matplotlib.figure.Figure
        The pass shown is the one of median error.
    """
    target = replay["target_rate"].transpose("time", "channel").values
    time = replay["time"].values
    error = analysis[f"pass_error_{name}"].values
    correlation = analysis[f"pass_correlation_{name}"].values
    rates = pass_rates(replay, analysis[f"pass_start_{name}"].values)

    figure = Figure(figsize=(WIDTH, 5.4), layout="constrained")
    panels = figure.subplots(3, 1, sharex=True)
    _draw_rates(panels[0], replay, time, target, "input (kHz)")
    panels[0].set_title("target: input of the supervisors")
    panels[0].set_xlim(time[0], time[-1] + time[1] - time[0])
    panels[2].set_xlabel("time in the target (ms)")
    if not len(rates):
        for axes in panels[1:]:
            nothing(axes, "no complete pass")
        return figure

    typical = measures.typical_pass(error)
    _draw_rates(panels[1], replay, time, rates[typical], "rate (Hz)")
    panels[1].set_title(
        f"the pass of median error: error {_number(error[typical])}, "
        f"correlation {_number(correlation[typical])}"
    )
    _draw_rates(panels[2], replay, time, rates.mean(axis=0), "rate (Hz)")
    panels[2].set_title(
        f"mean of {len(rates)} passes: error {_mean_and_sd(error)}, "
        f"correlation {_mean_and_sd(correlation)}"
    )
    figure.align_ylabels()
    return figure


@styled
def periods(analysis):
    """Draw the histogram of the clock's periods, with their mean and sd.

    Parameters
    ----------
    analysis : xarray.Dataset

    Returns
    -------
    matplotlib.figure.Figure
    """
    period = analysis["period"].values
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    axes = figure.subplots()
    if len(period):
        _histogram(axes, period)
    else:
        nothing(axes, "no complete pass")
        axes.set_xticks([])
    axes.set_xlabel("period (ms)")
    axes.set_ylabel("number of passes")
    return figure


@styled
def variability(analysis):
    """Draw how the spread of a cluster's time grows along the sequence.

    Parameters
    ----------
    analysis : xarray.Dataset

    Returns
    -------
    matplotlib.figure.Figure
        Left: standard deviation against mean of each cluster's time since the onset, with the fit
        c sqrt(mean) and that of a straight line through the origin. Right: the time of the last
        cluster in every pass.
    """
    figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
    growth, last = figure.subplots(1, 2)
    mean, sd = (analysis[name].values for name in ("cluster_time", "cluster_time_sd"))
    seen = np.flatnonzero(np.isfinite(sd))[1:]  # the first one's time is zero
    mean, sd = mean[seen], sd[seen]
    growth.scatter(mean, sd, s=14, color=AFTER, zorder=2)
    if mean.size > 1 and analysis["cluster_time"].attrs["passes"] >= measures.FEWEST_PASSES:
        time = np.linspace(0, mean.max(), 200)
        c, error = measures.fit_sqrt(mean, sd)
        slope, error_of_line = measures.fit_line(mean, sd)
        label = f"{c:.3g} √(time), error {error:.2g} ms"
        growth.plot(time, c * np.sqrt(time), color="black", label=label)
        label = f"straight line, error {error_of_line:.2g} ms"
        growth.plot(time, slope * time, color=_GREY, linestyle="--", label=label)
        figure.legend(loc="outside upper left")
    else:
        growth.set_title(f"no fit: fewer than {measures.FEWEST_PASSES} passes")
    growth.set(xlim=(0, None), ylim=(0, None), xlabel="mean time (ms)", ylabel="sd (ms)")
    times = analysis["last_cluster_time"].values
    times = times[np.isfinite(times)]
    if times.size:
        sns.histplot(
            times, bins=min(30, max(5, times.size // 5)), ax=last, color=_SKY, edgecolor="white"
        )
        last.set_title(f"{times.mean():.0f} ± {times.std():.1f} ms, {times.size} passes")
    else:
        nothing(last, "no regular pass")
    last.set_xlabel("time of the last cluster (ms)")
    last.set_ylabel("number of passes")
    whole_numbers(last.yaxis, 5)
    return figure


def _histogram(axes, period):
    mean, sd = period.mean(), period.std()
    # Periods are whole ms: narrower bins would leave gaps.
    width = max(1, round(np.ptp(period) / (2 * np.sqrt(len(period)))))
    edges = np.arange(period.min() - 0.5, period.max() + width, width)
    sns.histplot(period, bins=edges, ax=axes, color=_SKY, edgecolor="white")
    axes.axvspan(mean - sd, mean + sd, color="black", alpha=0.1, linewidth=0, zorder=0)
    axes.axvline(mean, color="black", linewidth=1.2)
    axes.set_xlim(min(edges[0], mean - 10), max(edges[-1], mean + 10))
    axes.set_title(f"periods: {len(period)}, mean {mean:.0f} ms (line), sd {sd:.0f} ms (band)")
    whole_numbers(axes.yaxis, 5)


def _raster_length(replay, duration):
    period = measures.rhythm(
        replay["spike_time"].values,
        replay["spike_neuron"].values,
        replay["cluster"].values,
        duration,
    ).period
    if not len(period):
        return RASTER_WITHOUT_PERIOD
    return np.clip(3 * np.median(period), SHORTEST_RASTER, LONGEST_RASTER)


def _excitatory_raster(axes, time, neuron, cluster):
    cluster = cluster.values
    n_clusters = int(cluster.max()) + 1
    order = np.argsort(cluster, kind="stable")
    row = np.argsort(order)
    _dots(axes, time, row[neuron], mpl.colormaps[CLUSTERS](_spread(cluster[neuron], n_clusters)))
    _cluster_ticks(axes.yaxis, cluster[order])
    axes.set_ylim(-0.5, len(cluster) - 0.5)
    axes.set_ylabel("E neuron, by cluster")


def _readout_raster(axes, replay, begin):
    time, channel = replay["readout_spike_time"].values, replay["readout_spike_channel"].values
    time, channel = time[time >= begin], channel[time >= begin]
    n_channels = replay.sizes["channel"]
    few = n_channels <= len(CHANNELS)
    size = {"s": 40, "marker": "|", "linewidths": 1} if few else {"s": 3}
    colors = np.array([mpl.colors.to_rgb(color) for color in _channel_colors(n_channels)])
    _dots(axes, time, channel, colors[channel], **size)
    axes.set_ylim(-0.5, n_channels - 0.5)
    _channel_ticks(axes, replay, "read-out")


def _dots(axes, time, row, color, **options):
    """Draw one mark for each spike; as plain pixels, lest a file of them weigh megabytes."""
    if not len(time):
        note(axes, "no spikes")
    options = {"s": 2.5, "marker": "o", "linewidths": 0} | options
    axes.scatter(time / 1000, row, color=color, rasterized=True, antialiased=False, **options)


def pass_rates(replay, starts):
    """Return the replayed rates (Hz) of every pass: array (pass, time, channel)."""
    n_times, n_channels = replay.sizes["time"], replay.sizes["channel"]
    dt = float(replay["time"][1] - replay["time"][0])
    rates = np.zeros((len(starts), n_times, n_channels))
    for rate, start in zip(rates, starts, strict=True):
        rate[:] = measures.smoothed_rate(
            replay["readout_spike_time"].values,
            replay["readout_spike_channel"].values,
            n_channels,
            n_times * dt,
            dt=dt,
            start=start + measures.READOUT_DELAY,
        )
    return rates


def _draw_rates(axes, dataset, time, rate, label):
    """Draw rates (time, channel): a few channels as lines, many as an image."""
    n_channels = rate.shape[1]
    if not rate.any():
        note(axes, "no spikes")
    if n_channels <= len(CHANNELS):
        names = _channel_names(dataset, n_channels)
        for values, color, name in zip(rate.T, _channel_colors(n_channels), names, strict=True):
            axes.plot(time, values, color=color, label=name)
        axes.set_ylabel(label)
        axes.set_ylim(0, 1.05 * rate.max() or 1)
        if axes.get_subplotspec().is_first_row():
            axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), title="channel")
        return
    # Means over 1 ms: more columns than the picture has pixels would only swell the file.
    every = max(1, round(1 / (time[1] - time[0])))
    bins = np.arange(0, len(time), every)
    image = axes.imshow(
        np.add.reduceat(rate, bins).T / np.diff(np.append(bins, len(time))),
        cmap=RATES,
        vmin=0,
        vmax=rate.max() or 1,
        aspect="auto",
        interpolation="nearest",
        origin="lower",
        extent=(time[0], time[-1] + time[1] - time[0], -0.5, n_channels - 0.5),
    )
    _channel_ticks(axes, dataset, "channel")
    axes.figure.colorbar(image, ax=axes, label=label, pad=0.02)


# ----------------------------------------------------------------------------------- the read-outs


@styled
def sound(sound):
    """Draw the spectrograms of a song as the target has it and as it was replayed.

    Parameters
    ----------
    sound : xarray.Dataset
        Of `simcore.sound.sounds`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    panels = figure.subplots(2, 1, sharex=True, sharey=True)
    titles = {"target": "sound of the target", "replay": "sound of the pass of median error"}
    frequency = sound["frequency"].values / 1000
    for axes, (kind, title) in zip(panels, titles.items(), strict=True):
        image = axes.pcolormesh(
            sound["frame"].values,
            frequency,
            sound["sound_amplitude"].sel(kind=kind).transpose("channel", "frame").values,
            cmap=RATES,
            vmin=0,
            vmax=1,
            rasterized=True,
        )
        axes.set_title(title)
        axes.set_ylabel("frequency (kHz)")
    panels[1].set_xlabel("time in the target (ms)")
    figure.colorbar(image, ax=panels, label="log magnitude, scaled")
    return figure


@styled
def readout_weights(readout):
    """Draw the learned weights onto each read-out, by neuron and as means over clusters.

    Parameters
    ----------
    readout : xarray.Dataset
        A store `readout_<target>`, with `cluster`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    cluster = readout["cluster"].values
    order = np.argsort(cluster, kind="stable")
    weight = readout["readout_weight"].transpose("channel", "neuron_e").values[:, order]
    n_channels, n_clusters = len(weight), int(cluster.max()) + 1
    by_cluster = np.stack(
        [weight[:, cluster[order] == index].mean(axis=1) for index in range(n_clusters)], axis=1
    )

    few = n_channels <= len(CHANNELS)
    figure = Figure(figsize=(WIDTH, 3.8 if few else 5.0), layout="constrained")
    neurons, clusters = figure.subplots(2, 1)
    _weight_image(neurons, readout, weight, "weight (pF)")
    _cluster_ticks(neurons.xaxis, cluster[order])
    neurons.set_xlabel("E neuron, by cluster")
    if few:
        names = _channel_names(readout, n_channels)
        for values, color, name in zip(by_cluster, _channel_colors(n_channels), names, strict=True):
            clusters.plot(values, color=color, marker="o", markersize=4, label=name)
        clusters.set_ylabel("mean weight (pF)")
        clusters.set_xlim(-0.5, n_clusters - 0.5)
        clusters.legend(loc="center left", bbox_to_anchor=(1, 0.5), title="channel")
    else:
        _weight_image(clusters, readout, by_cluster, "mean weight (pF)")
    clusters.set_xlabel("E cluster")
    whole_numbers(clusters.xaxis, 8)
    return figure


@styled
def learning_curve(readout):
    """Draw error and correlation of the replay against the time of learning.

    Parameters
    ----------
    readout : xarray.Dataset
        A store `readout_<target>`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    seconds = readout["learning_time"].values / 1000
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel("simulated time of learning (s)")
    axes.set_ylabel("error, correlation")
    curves = {"error": ("error_curve", _RED, "o"), "correlation": ("correlation_curve", _BLUE, "s")}
    if not any(np.isfinite(readout[name]).any() for name, _, _ in curves.values()):
        nothing(axes, "no complete pass in any test")
        axes.set_xticks([])
        return figure
    for label, (name, color, marker) in curves.items():
        axes.plot(seconds, readout[name], color=color, marker=marker, markersize=5, label=label)
    found = readout["correlation_curve"].values
    if "kept_after_ms" in readout.attrs:
        best = int(np.searchsorted(readout["learning_time"], readout.attrs["kept_after_ms"]))
        ring = {"marker": "o", "s": 110, "facecolors": "none", "edgecolors": "black"}
        axes.scatter(seconds[best], found[best], **ring, zorder=3, label="kept weights")
    axes.set_xlim(0, 1.05 * seconds[-1])
    axes.set_ylim(min(0, axes.get_ylim()[0]), 1)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def _weight_image(axes, readout, weight, label):
    image = axes.imshow(
        weight,
        cmap=WEIGHTS,
        vmin=0,
        vmax=weight.max() or 1,
        aspect="auto",
        interpolation="nearest",
        origin="lower",
    )
    _channel_ticks(axes, readout, "channel")
    axes.figure.colorbar(image, ax=axes, label=label, pad=0.02)


# ---------------------------------------------------------------------------------- axes and words


def _channel_names(dataset, n_channels):
    if "symbol" in dataset:
        return [str(symbol) for symbol in dataset["symbol"].values]
    return [str(channel) for channel in range(n_channels)]


def _channel_colors(n_channels):
    few = n_channels <= len(CHANNELS)
    return CHANNELS[:n_channels] if few else [ONE_OF_MANY_CHANNELS] * n_channels


def _channel_ticks(axes, dataset, what):
    """Name the channels, which lie at 0, 1, ... on the y axis."""
    n_channels = dataset.sizes["channel"]
    if "frequency" in dataset:
        frequency = dataset["frequency"].values / 1000
        round_values = MaxNLocator(4).tick_values(frequency[0], frequency[-1])
        inside = round_values[(round_values >= frequency[0]) & (round_values <= frequency[-1])]
        position = np.interp(inside, frequency, np.arange(n_channels))
        axes.set_yticks(position, [f"{value:g}" for value in inside])
        axes.set_ylabel(f"{what} (kHz)" if what == "read-out" else "frequency (kHz)")
        return
    axes.set_ylabel(what)
    if n_channels <= len(CHANNELS):
        axes.set_yticks(range(n_channels), _channel_names(dataset, n_channels))
    else:
        whole_numbers(axes.yaxis, 4)


def _cluster_ticks(axis, sorted_cluster):
    """Put the number of a cluster at the middle of its neurons; of many clusters, of some."""
    n_clusters = int(sorted_cluster.max()) + 1
    every = -(-n_clusters // 8)
    numbers = np.arange(0, n_clusters, every)
    middle = [np.flatnonzero(sorted_cluster == number).mean() for number in numbers]
    axis.set_ticks(middle, [str(number) for number in numbers])


def _spread(index, n):
    """Place 0 ... n - 1 on a colour map, whose last tenth is too bright on white."""
    return 0.9 * np.asarray(index) / max(n - 1, 1)


def _log_norm(values):
    positive = values[np.isfinite(values) & (values > 0)]
    if not len(positive) or positive.min() == positive.max():
        return Normalize(0, positive.max() if len(positive) else 1)
    return LogNorm(positive.min(), positive.max())


def _with_gaps(name):
    """Return a colour map that shows what does not exist in grey."""
    return sns.color_palette(name, as_cmap=True).with_extremes(bad="0.8")


def plain_log_ticks(axis):
    """Mark 1, 2 and 5 of each power of ten on a logarithmic axis, as plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def whole_numbers(axis, most):
    """Let an axis have ticks at whole numbers only, `most` of them or a few less."""
    axis.set_major_locator(MaxNLocator(most, integer=True))


def frame(axes):
    """Draw all four sides of a panel."""
    axes.spines[:].set_visible(True)


def zero_lines(axes):
    """Draw faint lines through the origin."""
    axes.axhline(0, color="0.85", linewidth=0.8, zorder=0)
    axes.axvline(0, color="0.85", linewidth=0.8, zorder=0)


def _legend_of_first(axes, **options):
    """Name lines of equal label once."""
    lines = {line.get_label(): line for line in reversed(axes.lines)}
    labels = [label for label in dict.fromkeys(line.get_label() for line in axes.lines)]
    axes.legend([lines[label] for label in labels], labels, **options)


def note(axes, text):
    """Write a short text into the upper right corner of a panel."""
    axes.text(0.98, 0.96, text, transform=axes.transAxes, ha="right", va="top", fontsize=8.5)


def nothing(axes, text):
    """Say in the middle of a panel why it is empty."""
    axes.set_yticks([])
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color="0.35")


def _number(value):
    return f"{value:.2f}" if np.isfinite(value) else "undefined"


def _mean_and_sd(values):
    values = values[np.isfinite(values)]
    return f"{values.mean():.2f} ± {values.std():.2f}" if len(values) else "undefined"
