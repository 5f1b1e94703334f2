"""Pictures of sweeps, from what :func:`simcore.sweep_runs.gather` stored."""

import textwrap

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from simcore.figures import frame, nothing, plain_log_ticks, styled
from simcore.sweep_measures import chosen, combined, headlines, sweep_of
from simcore.sweep_parameters import place_text

COLUMNS = 3  # panels in a row
PANEL = 3.5, 2.9  # inches
PALETTE = "flare"
# The interval is drawn with random numbers: always the same.
INTERVAL = {"errorbar": ("ci", 95), "n_boot": 1000, "seed": 1}


def _counted(replicates):
    return f"{replicates} replicate{'s' * (replicates != 1)}"


@styled
def sweep(dataset):
    """Draw a whole sweep: each measure along the first axis, then the headline numbers.

    Measures are means with 95 % bootstrap intervals over the replicates, every replicate a dot, a
    colour for each place of the second axis, a style of line for each of the third; or maps over
    the first two axes. Of further axes all places count together. A headline that is left with an
    axis is drawn along it; one over a combination of axes is drawn as all means against it.

    Parameters
    ----------
    dataset : xarray.Dataset

    Returns
    -------
    matplotlib.figure.Figure
    """
    given = sweep_of(dataset)
    axes_of_grid = list(given.axes)
    as_map = given.figure == "map" and len(axes_of_grid) > 1
    draw_measure = _map if as_map else _lines
    panels = [(draw_measure, dataset, name, given) for name in given.measures]
    panels += [
        (_collapse, dataset, name, headline)
        for name, headline in given.headlines.items()
        if headline.over
    ]
    numbers = headlines(dataset, given)
    for name in given.headlines:
        of_name = [number for number in numbers if number.name == name]
        if of_name[0].at:
            panels.append((_along, dataset, name, of_name))
    figure, grid = _grid(len(panels))
    for axes, (draw, *arguments) in zip(grid, panels, strict=True):
        draw(axes, *arguments)
    replicates = dataset.sizes["replicate"]
    title = textwrap.fill(dataset.attrs["about"], 40 * min(len(panels), COLUMNS))
    figure.suptitle(f"{title} ({_counted(replicates)})", fontsize="medium")
    return figure


def _grid(panels):
    """A figure with so many panels in rows."""
    columns = min(COLUMNS, panels)
    rows = -(-panels // columns)
    size = PANEL[0] * columns, PANEL[1] * rows + 0.4
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[panels:]:
        axes.set_axis_off()
    return figure, grid[:panels]


def _lines(axes, dataset, name, given):
    first, *others = given.axes
    table = dataset[name].to_dataframe().reset_index().dropna(subset=[name])
    axes.set(xlabel=label_of(dataset[first]), ylabel=title_of(name, dataset[name]))
    frame(axes)
    if table.empty:
        nothing(axes, "no number")
        return
    options = {"x": first, "y": name, "ax": axes}
    if others:
        for other in others:
            table[other] = table[other].map(place_text)
        places = [place_text(value) for value in dataset[others[0]].values]
        palette = dict(zip(places, sns.color_palette(PALETTE, len(places)), strict=True))
        known = [place for place in places if place in set(table[others[0]])]
        options |= {"hue": others[0], "hue_order": known, "palette": palette}
    if len(others) > 1:
        options |= {"style": others[1]}
    marks = {"markers": True} if "style" in options else {"marker": "o"}
    sns.lineplot(table, **options, **INTERVAL, **marks, legend="full" if others else False)
    sns.scatterplot(table, **options, s=8, alpha=0.5, linewidth=0, legend=False)
    axes.set(xlabel=label_of(dataset[first]), ylabel=title_of(name, dataset[name]))
    if len(others) == 1:
        axes.legend(title=label_of(dataset[others[0]]), title_fontsize="x-small", fontsize=7)
    elif others:
        axes.legend(fontsize=6, ncols=2)
    _scale(axes, given.axes[first])


def _scale(axes, axis):
    if axis.scale == "log":
        axes.set_xscale("log")
        plain_log_ticks(axes.xaxis)


def _map(axes, dataset, name, given):
    """Mean over replicates and further axes: the first axis upwards, the second to the right."""
    up, right = list(given.axes)[:2]
    table = dataset[name].mean([dim for dim in dataset[name].dims if dim not in (up, right)])
    frame_of_map = table.transpose(up, right).to_pandas()[::-1]
    frame_of_map.index = map(place_text, frame_of_map.index)
    frame_of_map.columns = map(place_text, frame_of_map.columns)
    largest = np.abs(frame_of_map.values[np.isfinite(frame_of_map.values)]).max(initial=0)
    small = bool(frame_of_map.size <= 64 and largest < 1000)
    axes.set_facecolor("0.8")  # where there is no number
    sns.heatmap(
        frame_of_map,
        ax=axes,
        cmap="rocket",
        annot=small,
        fmt=".2f" if largest < 10 else ".0f",
        annot_kws={"fontsize": 6.5},
        cbar_kws={"label": title_of(name, dataset[name])},
    )
    axes.set(xlabel=label_of(dataset[right]), ylabel=label_of(dataset[up]))


def _along(axes, dataset, name, numbers):
    """A headline along the first axis that it is left with, a colour for each place of a second."""
    first, *others = numbers[0].at
    axes.set(xlabel=label_of(dataset[first]), ylabel=_worded(name, numbers[0].unit))
    frame(axes)
    hues = list(dict.fromkeys(number.at[others[0]] for number in numbers)) if others else [None]
    for hue, color in zip(hues, sns.color_palette(PALETTE, len(hues)), strict=True):
        line = [n for n in numbers if hue is None or n.at[others[0]] == hue]
        line = [n for n in line if np.isfinite(n.value)]
        if not line:
            continue
        x, y = [n.at[first] for n in line], np.array([n.value for n in line])
        ends = np.array([[n.low for n in line], [n.high for n in line]])
        errors = np.nan_to_num(np.maximum((y - ends[0], ends[1] - y), 0))
        style = "none" if isinstance(x[0], str) else "-"
        label = None if hue is None else place_text(hue)
        axes.errorbar(x, y, errors, marker="o", ls=style, color=color, label=label, capsize=2)
    if others:
        axes.legend(title=label_of(dataset[others[0]]), title_fontsize="x-small", fontsize=7)
    axes.set_ylim(bottom=min(axes.get_ylim()[0], 0))


def _collapse(axes, dataset, name, headline):
    """Means over the replicates against a product of powers of axes, coloured by the first."""
    measure = chosen(dataset[headline.measure], headline)
    rest = [dim for dim in measure.dims if dim not in headline.over]
    mean = measure.mean(rest).transpose(*headline.over)
    x, _ = combined(measure, headline.over)
    first = next(iter(headline.over))
    colors = np.broadcast_to(
        np.arange(mean.sizes[first]).reshape(-1, *[1] * (mean.ndim - 1)), mean.shape
    )
    palette = sns.color_palette(PALETTE, mean.sizes[first])
    for n, value in enumerate(mean[first].values):
        of_place = colors.ravel() == n
        y = mean.values.ravel()[of_place]
        axes.plot(x[of_place], y, "o", markersize=3.5, color=palette[n], label=place_text(value))
    axes.set_xscale("log")
    if headline.kind == "power":
        axes.set_yscale("log")
    powers = " ".join(_power(axis, power) for axis, power in headline.over.items())
    axes.set(xlabel=powers, ylabel=title_of(headline.measure, measure))
    axes.legend(title=label_of(dataset[first]), title_fontsize="x-small", fontsize=6)
    frame(axes)


def _power(axis, power):
    name = axis.replace("_", " ")
    return name if power == 1 else f"{name}^{power:g}"


def label_of(coordinate):
    """Name and unit of an axis."""
    return _worded(coordinate.attrs["long_name"], coordinate.attrs["units"])


def title_of(name, measure):
    """Name and unit of a measure, without the words that all have in common."""
    for prefix in ("clock.", "readout.", "rls."):
        name = name.removeprefix(prefix)
    return _worded(name.replace(".", " "), measure.attrs["units"])


def _worded(name, unit):
    name = name.replace("_", " ")
    return name if unit == "1" or unit in name else f"{name} ({unit})"


@styled
def comparison(datasets, comparison, costs):
    """Draw measures of two methods side by side, one panel for each sweep.

    Parameters
    ----------
    datasets : list of xarray.Dataset
        Of the sweeps.
    comparison : simcore.sweep_parameters.Comparison
    costs : dict of str to dict
        What each method took, by its name: ``trained_synapses`` and ``cpu_seconds`` of one network
        (NaN where it is not known).

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, grid = _grid(len(datasets) + 1)
    colors = dict(zip(comparison.methods, sns.color_palette("colorblind"), strict=False))
    for axes, dataset in zip(grid, datasets, strict=False):
        first, axis = next(iter(sweep_of(dataset).axes.items()))
        for method, measures in comparison.methods.items():
            measure = next(m for m in measures if m in dataset)
            table = dataset[measure].to_dataframe().reset_index().dropna(subset=[measure])
            options = {"x": first, "y": measure, "ax": axes, "color": colors[method]}
            sns.lineplot(table, **options, **INTERVAL, marker="o", label=method)
            sns.scatterplot(table, **options, s=8, alpha=0.5, linewidth=0, legend=False)
        words = {title_of(m, dataset[m]).split()[-1] for m in dataset if m in _measures(comparison)}
        axes.set(xlabel=label_of(dataset[first]), ylabel=", ".join(sorted(words)))
        _scale(axes, axis)
        axes.set_title(textwrap.fill(dataset.attrs["about"], 38), fontsize=8)
        frame(axes)
    _costs(grid[-1], costs, colors)
    replicates = min(dataset.sizes["replicate"] for dataset in datasets)
    figure.suptitle(f"{comparison.about} ({_counted(replicates)})", fontsize="medium")
    return figure


def _measures(comparison):
    return {measure for measures in comparison.methods.values() for measure in measures}


def _costs(axes, costs, colors):
    """Bars of trained synapses and CPU time, on one logarithmic axis."""
    kinds = {"trained_synapses": "trained synapses", "cpu_seconds": "CPU seconds"}
    for row, kind in enumerate(kinds):
        for n, (method, cost) in enumerate(costs.items()):
            y, value = row + 0.35 * (n - (len(costs) - 1) / 2), cost[kind]
            if np.isfinite(value) and value > 0:
                bar = axes.barh(y, value, 0.3, color=colors[method])
                text = f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"
                axes.bar_label(bar, [text], padding=2, fontsize=8)
    axes.set_xscale("log")
    axes.set_xlim(1, max(axes.get_xlim()) ** 1.5)  # the longest bar leaves a third to its label
    axes.set_yticks(range(len(kinds)), list(kinds.values()))
    axes.set_title("what it takes to learn", fontsize=8)
    frame(axes)
