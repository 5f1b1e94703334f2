"""Short animations of a replay: what is active, what is to be followed, and what follows it.

Each function takes stores and returns pictures, which `save` writes as an animated GIF.
"""

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from simcore import figures, measures, rls_figures
from simcore.figures import AFTER, COLOR_E, RATES, WIDTH, styled
from simcore.stores import replacing

FRAMES = 100
PER_SECOND = 20
DPI = 100
COLORS = 256
FADING = 20.0  # ms: a spike of a network trained by least squares is seen for that long
DARK = "0.93"
FOLLOWERS = (0.2, 0.4, 0.6, 0.8)  # quantiles of the correlation


def save(pictures, path):
    """Write pictures as an animated GIF that goes on for ever; the same give the same bytes.

    Parameters
    ----------
    pictures : list of PIL.Image.Image
    path : path

    Raises
    ------
    UserError
        The file cannot be written.
    """
    from PIL import Image

    palette = _palette(pictures)
    first, *others = (
        picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures
    )
    with replacing(path) as file:
        first.save(
            file,
            format="GIF",
            save_all=True,
            append_images=others,
            duration=1000 // PER_SECOND,
            loop=0,
            optimize=True,
        )


def _palette(pictures):
    """One palette for all pictures: colours do not flicker, white is white, the file is small."""
    from PIL import Image

    some = [np.asarray(picture) for picture in pictures[:: max(len(pictures) // 5, 1)]]
    palette = Image.fromarray(np.concatenate(some)).quantize(COLORS, dither=Image.Dither.NONE)
    colors = np.reshape(palette.getpalette(), (-1, 3))
    colors[colors.min(axis=1) > 245] = 255
    common = Image.new("P", (1, 1))
    common.putpalette(colors.ravel().tolist())
    return common


def clock(replay, analysis, name):
    """Show a pass: the clusters of the clock in a ring, the target, and the read-outs.

    Parameters
    ----------
    replay, analysis : xarray.Dataset
        Stores `replay_<name>` and `analysis`.
    name : str
        Of the target.

    Returns
    -------
    list of PIL.Image.Image
        Of the pass of median error; a single one if there is no pass.
    """
    start, error = (analysis[f"pass_{part}_{name}"].values for part in ("start", "error"))
    if not len(start):
        return _no_pass()
    begin = start[measures.typical_pass(error)]
    time = replay["time"].values
    target = replay["target_rate"].transpose("time", "channel").values
    (rate,) = figures.pass_rates(replay, [begin])
    cluster = replay["cluster"].values
    moments = np.linspace(0, len(time) - 1, FRAMES).round().astype(int)
    counts = measures.cluster_counts(
        replay["spike_time"].values,
        replay["spike_neuron"].values,
        cluster,
        int(cluster.max()) + 1,
        time[-1] + 1,
        step=1.0,
        start=begin + measures.READOUT_DELAY,
    )
    return _clock_frames(replay, time, target, rate, counts, moments)


@styled
def _clock_frames(replay, time, target, rate, counts, moments):
    figure = Figure(figsize=(WIDTH, 3.1), dpi=DPI, layout="constrained")
    ring, panels = _ring_and_panels(figure)
    angle = np.pi / 2 - 2 * np.pi * np.arange(counts.shape[1]) / counts.shape[1]
    dots = ring.scatter(np.cos(angle), np.sin(angle), s=900 / np.sqrt(len(angle)), zorder=2)
    label = ring.text(0, 0, "", ha="center", va="center")
    ring.set(xlim=(-1.25, 1.25), ylim=(-1.25, 1.25), aspect="equal", title="clusters of the clock")
    ring.axis("off")
    curves = [
        _Course(axes, replay, time, values, title)
        for axes, values, title in (
            (panels[0], target, "target (kHz)"),
            (panels[1], rate, "read-outs (Hz)"),
        )
    ]
    panels[1].set_xlabel("time in the target (ms)")
    largest = max(np.quantile(counts.max(axis=1), 0.9), 1)
    pictures = []
    for moment in moments:
        now = counts[min(round(time[moment]), len(counts) - 1)]
        dots.set_color(_glowing(now / largest))
        label.set_text(f"{time[moment]:.0f} ms")
        for curve in curves:
            curve.show(moment)
        pictures.append(_picture(figure))
    return pictures


def least_squares(replay):
    """Show a trial: the neurons as they fire, and the drives of some beside their targets.

    Parameters
    ----------
    replay : xarray.Dataset
        A store `rls_replay_<experiment>`.

    Returns
    -------
    list of PIL.Image.Image
        Of the first example, from the stimulus to the end of the window. Where rates were trained,
        the rates, averaged over all trials, take the place of drives.
    """
    time = replay["example_time"].values
    begin, end = -rls_figures.stimulus_duration(replay), replay["time"].values[-1]
    shown = np.flatnonzero((time >= begin) & (time <= end))
    moments = shown[np.linspace(0, len(shown) - 1, FRAMES).round().astype(int)]
    return _least_squares_frames(replay, time, moments)


@styled
def _least_squares_frames(replay, time, moments):
    figure = Figure(figsize=(WIDTH, 3.1), dpi=DPI, layout="constrained")
    correlation = rls_figures.example_correlation(replay).mean(axis=0)
    followers = rls_figures.spread_over(correlation, FOLLOWERS)
    field, panels = _ring_and_panels(figure, len(followers))
    activity, largest = _activity(replay, time[moments])
    columns = int(np.ceil(np.sqrt(activity.shape[1])))
    index = np.arange(activity.shape[1])
    dots = field.scatter(index % columns, -(index // columns), s=900 / columns, zorder=2)
    field.set(aspect="equal")
    field.axis("off")
    seen, follows, window, target, what = _followed(replay, time)
    lines = []
    for axes, follower in zip(panels, followers, strict=True):
        axes.plot(window, target[:, follower], color=rls_figures.TARGET, linewidth=1.3)
        lines.append((axes.plot([], [], color=AFTER, linewidth=1.3)[0], follows[:, follower]))
        both = np.concatenate([target[:, follower], follows[:, follower]])
        axes.set(xlim=(time[moments[0]], time[moments[-1]]), ylim=_limits(both[np.isfinite(both)]))
        axes.axvspan(time[moments[0]], 0, color=DARK, linewidth=0)
        axes.set_ylabel(f"{follower}")
        axes.tick_params(labelleft=False)
    panels[0].set_title(f"{what} (blue) and target of some neurons")
    panels[-1].set_xlabel("time since the window began (ms)")
    pictures = []
    for frame, moment in enumerate(moments):
        dots.set_color(_glowing(activity[frame] / largest))
        field.set_title("stimulus" if time[moment] < 0 else f"neurons, {time[moment]:.0f} ms")
        until = seen <= time[moment]
        for line, values in lines:
            line.set_data(seen[until], values[until])
        pictures.append(_picture(figure))
    return pictures


def _followed(replay, time):
    """What follows the target in the first trial, and when; the target's times and values."""
    window = replay["time"].values
    if rls_figures.is_rate(replay):
        rate, goal = rls_figures.rate_and_goal(replay, 0)
        return window, rate, window, goal, "rate"
    drive = replay["example_drive"].transpose(*"pattern example example_time neuron".split())
    target = replay["example_target"].transpose("pattern", "time", "neuron")[0].values
    return time, drive[0, 0].values, window, target, "drive"


class _Course:
    """Rates (time, channel) that appear as time goes on: a few as lines, many as an image."""

    def __init__(self, axes, replay, time, values, title):
        self.time, self.values = time, values
        axes.set_title(title)
        axes.set_xlim(time[0], time[-1])
        channels = values.shape[1]
        if channels > len(figures.CHANNELS):
            self.image = axes.imshow(
                np.full(values.T.shape, np.nan),
                cmap=RATES,
                vmin=values.min(),
                vmax=values.max() or 1,
                aspect="auto",
                origin="lower",
                extent=(time[0], time[-1], -0.5, channels - 0.5),
                interpolation="nearest",
            )
            axes.set_ylabel("channel")
            self.lines = None
            return
        self.lines = [axes.plot([], [], color=color)[0] for color in figures.CHANNELS[:channels]]
        if "symbol" in replay:
            axes.legend(self.lines, list(replay["symbol"].values), loc="upper right", ncols=3)
        axes.set_ylim(0, 1.35 * (values.max() or 1))  # room for the legend

    def show(self, moment):
        """Draw what has happened until a moment (place in time)."""
        if self.lines is None:
            seen = np.where(np.arange(len(self.time))[:, None] <= moment, self.values, np.nan)
            self.image.set_data(seen.T)
            return
        for line, values in zip(self.lines, self.values.T, strict=True):
            line.set_data(self.time[: moment + 1], values[: moment + 1])


def _ring_and_panels(figure, rows=2):
    left, right = figure.subfigures(1, 2, width_ratios=[1, 1.5])
    return left.subplots(), right.subplots(rows, 1, sharex=True)


def _activity(replay, moments):
    """Spikes that fade (frame, neuron) and their usual maximum; of rate units, the drive."""
    neurons = replay.sizes["neuron"]
    mine = (replay["spike_example"].values == 0) & (replay["spike_pattern"].values == 0)
    if not mine.any():
        drive = replay["example_drive"].transpose(*"pattern example example_time neuron".split())
        drive = np.abs(drive[0, 0].sel(example_time=moments, method="nearest").values)
        return drive, max(np.quantile(drive, 0.95), 1e-9)
    since = moments[:, None] - replay["spike_time"].values[mine]
    seen = np.where(since >= 0, np.exp(-np.maximum(since, 0) / FADING), 0)
    activity = np.zeros((len(moments), neurons))
    np.add.at(activity.T, replay["spike_neuron"].values[mine], seen.T)
    return activity, 1.0


def _glowing(values):
    """Colours of dots that are pale at rest."""
    strength = np.clip(values, 0, 1)[:, None]
    rest = np.array(mpl.colors.to_rgb("0.88"))
    active = np.array(mpl.colors.to_rgb(COLOR_E))
    return rest + strength * (active - rest)


def _limits(values):
    low, high = values.min(), values.max()
    margin = 0.05 * ((high - low) or 1)
    return low - margin, high + margin


@styled
def _no_pass():
    figure = Figure(figsize=(WIDTH, 3.1), dpi=DPI)
    figures.nothing(figure.subplots(), "no complete pass")
    return [_picture(figure)]


def _picture(figure):
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    figure.set_layout_engine("none")  # the first picture has settled it
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
