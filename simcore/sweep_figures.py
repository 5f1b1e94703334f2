"""Pictures of sweeps, from what :func:`simcore.sweep_runs.gather` stored."""

import json

import matplotlib.pyplot as plt
import seaborn as sns

from simcore.figures import frame, styled

# Panels in a row.
COLUMNS = 3


@styled
def measures(sweep):
    """Each measure against the first axis: mean and 95 % bootstrap interval over the replicates.

    Every replicate is a dot. A second axis is a colour; of further ones, all values count together.

    Parameters
    ----------
    sweep : xarray.Dataset

    Returns
    -------
    matplotlib.figure.Figure
    """
    replicates = sweep.sizes["replicate"]
    names = json.loads(sweep.attrs["parameters"])["measures"]
    first, *others = sweep[names[0]].dims[:-1]
    rows = -(-len(names) // COLUMNS)
    columns = min(COLUMNS, len(names))
    figure, grid = plt.subplots(
        rows, columns, figsize=(3.4 * columns, 2.7 * rows), squeeze=False, layout="constrained"
    )
    table = sweep[names].to_dataframe().reset_index()
    options = {"x": first, "legend": False}
    if others:
        options |= {"hue": others[0], "palette": "flare"}
    for n, (axes, name) in enumerate(zip(grid.flat, names, strict=False)):
        known = table.dropna(subset=[name])
        # The interval is drawn with random numbers: always the same.
        interval = {"errorbar": ("ci", 95), "n_boot": 2000, "seed": 1, "marker": "o"}
        legend = "full" if others and n == 0 else False
        sns.lineplot(known, y=name, ax=axes, **options | {"legend": legend}, **interval)
        sns.scatterplot(known, y=name, ax=axes, **options, s=8, alpha=0.5, linewidth=0)
        unit = sweep[name].attrs["units"]
        title = name.removeprefix("clock.").replace(".", " ").replace("_", " ")
        axes.set(
            ylabel=title + (f" ({unit})" if unit != "1" else ""),
            xlabel=_label(sweep[first]),
        )
        frame(axes)
    for axes in grid.flat[len(names) :]:
        axes.set_axis_off()
    figure.suptitle(f"{sweep.attrs['about']} ({replicates} replicates)", fontsize="medium")
    return figure


def _label(coordinate):
    unit = coordinate.attrs["units"]
    key = coordinate.attrs["long_name"].split(", ")[0].removeprefix("clock.").replace("_", " ")
    return key + (f" ({unit})" if unit != "1" else "")
