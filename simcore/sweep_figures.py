"""Pictures of sweeps, from what :func:`simcore.sweep_runs.gather` stored."""

import itertools
import textwrap
from functools import partial

import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.figure import Figure

from simcore import intervals
from simcore.figures import frame, nothing, plain_log_ticks, styled
from simcore.sweep_measures import (
    PLACES,
    combined,
    headlines,
    inside,
    nearest,
    power,
    sweep_of,
)
from simcore.sweep_parameters import View, place_text

COLUMNS = 3  # panels in a row
PANEL = 3.5, 2.9  # inches
LABEL = 28  # letters of a line beside a panel
TICKS = 7.5  # points: places on a logarithmic axis have many digits
PALETTE = "flare"
INTERVAL = {"errorbar": intervals.of_mean}


def _counted(replicates):
    return f"{replicates} replicate{'s' * (replicates != 1)}"


@styled
def sweep(dataset):
    """Draw a whole sweep: its measures, its views, then its headlines.

    A measure is drawn along the first axis, a colour for each place of the second, as means with
    95 % intervals over the replicates and every replicate a dot; or as a map of the means
    over both. A view is drawn along one axis in the same way; over a product of axes every mean is
    a dot against it, and so are those of a headline over such a product, with the power that was
    found. A headline that is left with an axis is drawn along it. Whatever axes are left then have
    a panel for each of their places, with one scale for all.

    Parameters
    ----------
    dataset : xarray.Dataset

    Returns
    -------
    matplotlib.figure.Figure
    """
    given = sweep_of(dataset)
    blocks = [
        *(_of_measure(dataset[name], given) for name in given.measures),
        *(_of_view(dataset, view, given) for view in given.views.values()),
        *(_of_product(dataset, one, given) for one in given.headlines.values() if _is_power(one)),
        *_of_headlines(dataset, given),
    ]
    figure, grid = _grid([len(parts) for _, parts in blocks])
    for panels, (draw, parts) in zip(grid, blocks, strict=True):
        titles, contents = zip(*parts, strict=True)
        draw(panels, contents)
        for axes, title in zip(panels, titles, strict=True):
            axes.set_title(title, fontsize=8)
            axes.tick_params(labelsize=TICKS)
            frame(axes)
    replicates = dataset.sizes["replicate"]
    width = round(12 * figure.get_figwidth())  # letters
    title = textwrap.fill(f"{dataset.attrs['about']} ({_counted(replicates)})", width)
    figure.suptitle(title, fontsize="medium")
    return figure


# ------------------------------------------------- blocks: what draws them, and a part for a panel


def _of_measure(measure, given):
    drawn, rest = list(given.axes)[:2], list(given.axes)[2:]
    as_map = given.figure == "map" and len(drawn) > 1
    draw = partial(_maps, drawn) if as_map else partial(_lines, drawn, given)
    return draw, _parts(measure, rest)


def _of_view(dataset, view, given):
    color, parts = _colored(dataset, view, given)
    if view.along:
        return partial(_lines, [view.along, *filter(None, [color])], given), parts
    return partial(_collapses, view.over, color or next(iter(view.over)), None), parts


def _is_power(headline):
    """Whether it is about a product of axes, and not only about all their places."""
    return headline.kind == "power" and bool(headline.over)


def _of_product(dataset, headline, given):
    """The means that a headline over a product of axes sums up."""
    each = {axis: [value] for axis, value in headline.at.items()}
    view = View(measure=headline.measure, over=headline.over, each=each)
    color, parts = _colored(dataset, view, given)
    return partial(_collapses, view.over, color or next(iter(view.over)), headline), parts


def _colored(dataset, view, given):
    """The axis of a view's colours, if any is left, and a part for each place of the rest."""
    measure = dataset[view.measure]
    for axis, values in view.each.items():
        measure = measure.isel({axis: [nearest(measure[axis].values, value) for value in values]})
    left = [axis for axis in given.axes if axis not in (*view.over, *view.each)]
    color = view.color or next(iter(left), None)
    return color, _parts(measure, [a for a in given.axes if a not in (*view.over, color)])


def _parts(measure, rest):
    """Titles and parts of a measure, one for each place of some axes."""
    parts = []
    for place in itertools.product(*(range(measure.sizes[axis]) for axis in rest)):
        part = measure.isel(dict(zip(rest, place, strict=True)))
        parts.append((", ".join(_place_of(part[axis]) for axis in rest), part))
    return parts


def _place_of(coordinate):
    name, value = coordinate.attrs["long_name"].replace("_", " "), place_text(coordinate.item())
    unit = coordinate.attrs["units"]
    if name == unit:
        return f"{value} {unit}"
    return f"{name} {value}" if unit == "1" else f"{name} {value} {unit}"


def _of_headlines(dataset, given):
    """Blocks of the headlines that are left with an axis."""
    numbers = headlines(dataset, given)
    for name, headline in given.headlines.items():
        of_name = [number for number in numbers if number.name == name]
        first, *others = of_name[0].at or [None]
        if first is None:
            continue
        parts = {}
        for number in of_name:
            at = {axis: number.at[axis] for axis in others[1:]}
            title = ", ".join(_place_of(dataset[axis].sel({axis: at[axis]})) for axis in at)
            parts.setdefault(title, []).append(number)
        lines = _through_origin(numbers, headline, first, given)
        labels = {axis: label_of(dataset[axis]) for axis in (first, *others[:1])}
        yield partial(_along, headline, given, labels, lines), list(parts.items())


def _through_origin(numbers, headline, first, given):
    """Slopes of lines through the origin that other headlines fit to this one's numbers, and where.

    Each with the first and the last place on the axis that counted.
    """
    ends = {}
    for name, other in given.headlines.items():
        if other == headline.model_copy(update={"per": first, "within": other.within}):
            ends[name] = other.within.get(first, (-np.inf, np.inf))
    return [(number, *ends[number.name]) for number in numbers if number.name in ends]


def _grid(counts):
    """A figure, and the axes of blocks of so many panels: one of several has rows of its own."""
    columns = min(COLUMNS, max(counts) if max(counts) > 1 else len(counts))
    blocks, end = [], 0
    for count, before in zip(counts, [1, *counts], strict=False):
        if max(count, before) > 1:
            end = -(-end // columns) * columns
        blocks.append(slice(end, end + count))
        end += count
    rows = -(-end // columns)
    figure = Figure(figsize=(PANEL[0] * columns, PANEL[1] * rows + 0.4), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    used = [grid[block] for block in blocks]
    for axes in set(grid) - set(np.concatenate(used)):
        axes.set_axis_off()
    return figure, used


# --------------------------------------------------------------------------- panels of one block


def _lines(drawn, given, panels, parts):
    first, *others = drawn
    for n, (axes, part) in enumerate(zip(panels, parts, strict=True)):
        axes.sharey(panels[0])
        table = part.to_dataframe().reset_index().dropna(subset=[part.name])
        if table.empty:
            nothing(axes, "no number")
        else:
            _line(axes, table, part, first, *others, legend=n == 0)
        axes.set(xlabel=label_of(part[first]), ylabel=title_of(part.name, part))
        _scale(axes, given.axes[first])


def _line(axes, table, part, first, second=None, *, legend):
    """Means with intervals along an axis, a colour for each place of a second."""
    options = {"x": first, "y": part.name, "ax": axes}
    if second:
        table[second] = table[second].map(place_text)
        places = [place_text(value) for value in part[second].values]
        palette = dict(zip(places, sns.color_palette(PALETTE, len(places)), strict=True))
        options |= {"hue": second, "hue_order": places, "palette": palette}
    legend = "full" if second and legend else False
    sns.lineplot(table, **options, **INTERVAL, marker="o", legend=legend)
    sns.scatterplot(table, **options, s=8, alpha=0.5, linewidth=0, legend=False)
    if legend:
        _legend(axes, label_of(part[second]))


def _legend(axes, title, *, above=False):
    columns = 3 if above else 1 + (len(axes.get_legend_handles_labels()[0]) > 5)
    place = {"loc": "lower center", "bbox_to_anchor": (0.5, 1)} if above else {}
    axes.legend(title=title, title_fontsize="x-small", fontsize=7, ncols=columns, **place)


def _scale(axes, axis):
    if axis.scale == "log":
        axes.set_xscale("log")
        plain_log_ticks(axes.xaxis)


def _maps(drawn, panels, parts):
    """Means over the replicates: the first axis upwards, the second to the right."""
    up, right = drawn
    tables = [_table(part, up, right) for part in parts]
    known = np.concatenate([table.values[np.isfinite(table.values)] for table in tables])
    largest = np.abs(known).max(initial=0)
    for axes, table, part in zip(panels, tables, parts, strict=True):
        axes.set_facecolor("0.8")  # where there is no number
        sns.heatmap(
            table,
            ax=axes,
            cmap="rocket",
            vmin=known.min(initial=np.inf) if known.size else None,
            vmax=known.max(initial=-np.inf) if known.size else None,
            annot=bool(table.size <= 64 and largest < 1000),
            fmt=".2f" if largest < 10 else ".0f",
            annot_kws={"fontsize": 6.5},
            cbar=False,
        )
        axes.tick_params(axis="y", rotation=0)
        axes.set(xlabel=label_of(part[right]), ylabel=label_of(part[up]))
    panels[0].figure.colorbar(
        panels[0].collections[0], ax=list(panels), label=title_of(parts[0].name, parts[0])
    )


def _table(part, up, right):
    table = part.mean("replicate").transpose(up, right).to_pandas()[::-1]
    table.index = map(place_text, table.index)
    table.columns = map(place_text, table.columns)
    return table


def _along(headline, given, labels, lines, panels, parts):
    """Numbers along the first axis that they are left with, a colour for each place of a second.

    With lines through the origin, if another headline fits them; bounds are open dots.
    """
    first, *others = labels
    for axes, numbers in zip(panels, parts, strict=True):
        hues = list(dict.fromkeys(n.at[others[0]] for n in numbers)) if others else [None]
        for hue, color in zip(hues, sns.color_palette(PALETTE, len(hues)), strict=True):
            here = [n for n in numbers if hue is None or n.at[others[0]] == hue]
            here = [n for n in here if np.isfinite(n.value)]
            if not here:
                continue
            fits = [fit for fit in lines if fit[0].at.items() <= here[0].at.items()]
            label = None if hue is None else place_text(hue)
            _numbers(axes, first, here, color=color, label=label, joined=not fits)
            for slope, low, high in fits:
                x = np.linspace(max(here[0].at[first], low), min(here[-1].at[first], high))
                x = x[slope.value * x <= max(n.value for n in here)]
                axes.plot(x, slope.value * x, color=color, linewidth=1)
        if headline.theory is not None:
            axes.axhline(headline.theory, color="0.4", linestyle="--", label="theory")
        if others or headline.theory is not None:
            # Where bars may reach over the whole panel no place inside is free.
            above = numbers[0].at.keys() <= labels.keys()  # no title there
            _legend(axes, labels[others[0]] if others else None, above=above)
        axes.set(xlabel=labels[first], ylabel=_worded(numbers[0].name, numbers[0].unit))
        _scale(axes, given.axes[first])
        if _is_place_on_log(headline, given):
            axes.set_yscale("log")
            plain_log_ticks(axes.yaxis)
        else:
            axes.set_ylim(bottom=min(axes.get_ylim()[0], 0))


def _is_place_on_log(headline, given):
    is_place = headline.kind in PLACES and not headline.per
    return is_place and all(given.axes[axis].scale == "log" for axis in given.summed(headline))


def _numbers(axes, first, numbers, *, color, label, joined):
    """Values with their intervals along an axis, joined if its places are numbers."""
    x, y = [n.at[first] for n in numbers], np.array([n.value for n in numbers])
    ends = np.array([[n.low for n in numbers], [n.high for n in numbers]])
    errors = np.nan_to_num(np.maximum((y - ends[0], ends[1] - y), 0))
    style = "-" if joined and not isinstance(x[0], str) else "none"
    marks = {"color": color, "marker": "o", "markersize": 4.5}
    axes.errorbar(x, y, errors, **marks, ls=style, label=label, capsize=2)
    for number in numbers:
        if number.bound:
            axes.plot(number.at[first], number.value, **marks, mfc="white", zorder=3)


def _collapses(powers, color, headline, panels, parts):
    """Means over the replicates against a product of powers of axes, coloured by one axis.

    Of a headline those that it leaves out are grey, and the power that it finds is a line.
    """
    for n, (axes, part) in enumerate(zip(panels, parts, strict=True)):
        axes.sharey(panels[0])
        axes.set_xscale("log")
        if headline and headline.kind == "power":
            axes.set_yscale("log")
            plain_log_ticks(axes.yaxis)
        mean = part.mean("replicate")
        counted = inside(mean, headline.within) if headline else mean
        if counted.size < mean.size:
            axes.plot(*_dots(mean, powers), "o", markersize=2, color="0.75")
        places = counted[color].values
        for place, shade in zip(places, sns.color_palette(PALETTE, len(places)), strict=True):
            dots = _dots(counted.isel({color: places == place}), powers)
            axes.plot(*dots, "o", markersize=3.5, color=shade, label=place_text(place))
            if headline and color not in powers:
                _power_line(axes, *dots, headline, shade)
        if headline and color in powers:
            _power_line(axes, *_dots(counted, powers), headline, "black")
        if n == 0:
            _legend(axes, label_of(part[color]))
        axes.set(xlabel=_product(powers), ylabel=title_of(part.name, part))


def _dots(mean, powers):
    """Abscissa and ordinate of each mean."""
    x, y = xr.broadcast(combined(mean, powers), mean)
    return x.values.ravel(), y.transpose(*x.dims).values.ravel()


def _power_line(axes, x, y, headline, color):
    """The power law that a headline finds, and dashed that of a theory with the same centre."""
    known = np.nan_to_num(y) > 0
    if headline.kind != "power" or known.sum() < 2:
        return
    x, y = x[known], y[known]
    ends, center = np.array([x.min(), x.max()]), np.exp([np.log(x).mean(), np.log(y).mean()])
    found = power(x, y)
    for exponent, style in ((found, "-"), (headline.theory, "--")):
        if exponent is not None:
            axes.plot(
                ends, center[1] * (ends / center[0]) ** exponent, style, color=color, linewidth=1
            )


def _product(powers):
    """Write a product of powers: ``duration / neurons / tau c``."""
    above = " ".join(_power(axis, power) for axis, power in powers.items() if power > 0)
    below = (f" / {_power(axis, -power)}" for axis, power in powers.items() if power < 0)
    return (above or "1") + "".join(below)


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
    return textwrap.fill(_worded(name.replace(".", " "), measure.attrs["units"]), LABEL)


def _worded(name, unit):
    name = name.replace("_", " ")
    return name if unit == "1" or unit in name.split() else f"{name} ({unit})"


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
    figure, blocks = _grid([1] * (len(datasets) + 1))
    grid = np.concatenate(blocks)
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
