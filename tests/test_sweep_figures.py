"""The picture of a sweep shows every replicate, and draws nothing where there is no number."""

import json

import numpy as np
import pytest
import xarray as xr

from simcore import sweep_figures
from simcore.datasets import variable
from simcore.sweep_parameters import Comparison, Sweep

MEASURE = "clock.replay.order"


def gathered(*axes, **options):
    """A gathered sweep of three replicates whose last place has no number."""
    dims, shape = (*axes, "replicate"), (4,) * len(axes) + (3,)
    values = np.random.default_rng(1).uniform(size=shape)
    values[-1] = np.nan
    variables = {MEASURE: variable(dims, values, "1", "order")} | {
        axis: variable(axis, np.arange(1, 5.0), "kHz", axis) for axis in axes
    }
    variables["failure"] = variable(dims, np.full(shape, "", object), "1", "why")
    sweep = Sweep(
        about="a test",
        axes={axis: {"keys": [axis], "values": [1, 2, 3, 4]} for axis in axes},
        measures=[MEASURE],
        **options,
    )
    parameters = json.dumps(sweep.model_dump(), sort_keys=True)  # as in a store
    return xr.Dataset(variables, attrs={"about": "a test", "parameters": parameters})


def test_every_replicate_is_a_dot_and_means_are_a_line():
    dataset = gathered("rate_e")
    figure = sweep_figures.sweep(dataset)
    (axes,) = figure.axes
    dots = np.concatenate([collection.get_offsets() for collection in axes.collections[1:]])
    known = dataset[MEASURE].values[:-1]
    assert sorted(dots[:, 1]) == sorted(known.ravel())
    assert np.allclose(axes.lines[0].get_ydata(), np.mean(known, axis=1))
    assert axes.get_xlabel() == "rate e (kHz)"
    assert "3 replicates" in figure.get_suptitle()


def test_a_second_axis_is_a_colour():
    figure = sweep_figures.sweep(gathered("rate_i", "rate_e"))
    assert figure.axes[0].get_xlabel() == "rate i (kHz)"
    legend = figure.axes[0].get_legend()
    assert len(legend.get_texts()) == 4


def test_a_map_has_a_cell_for_each_mean():
    dataset = gathered("rate_e", "rate_i", figure="map")
    cells = sweep_figures.sweep(dataset).axes[0].collections[0].get_array()
    means = dataset[MEASURE].mean("replicate").values[::-1]
    assert np.allclose(cells.compressed(), means[np.isfinite(means)])


def test_headlines_are_drawn_along_what_is_left_with_their_intervals():
    headline = {"kind": "average", "measure": MEASURE}
    dataset = gathered("rate_e", "rate_i", headlines={"mean": headline})
    figure = sweep_figures.sweep(dataset)
    axes = figure.axes[1]
    (container,) = axes.containers
    means = dataset[MEASURE].mean(["rate_e", "replicate"])
    assert np.allclose(container.lines[0].get_ydata(), means)
    assert len(container.lines[2][0].get_segments()) == 4
    assert axes.get_xlabel() == "rate i (kHz)"


def test_a_collapse_draws_every_mean():
    headline = {"kind": "average", "measure": MEASURE, "over": {"rate_e": 1, "rate_i": -1}}
    figure = sweep_figures.sweep(gathered("rate_e", "rate_i", headlines={"mean": headline}))
    assert sum(line.get_xdata().size for line in figure.axes[1].lines) == 16
    assert figure.axes[1].get_xlabel() == "rate e / rate i"


def test_a_sweep_without_any_number_says_so():
    dataset = gathered("rate_e")
    figure = sweep_figures.sweep(dataset.assign({MEASURE: dataset[MEASURE] * np.nan}))
    assert figure.axes[0].texts[0].get_text() == "no number"


@pytest.mark.parametrize("seconds", [3.0, np.nan])
def test_methods_are_lines_of_one_panel(seconds):
    comparison = Comparison(
        about="both", sweeps=["one", "two"], methods={"a": [MEASURE], "b": ["other", MEASURE]}
    )
    costs = {name: {"trained_synapses": 10, "cpu_seconds": seconds} for name in "ab"}
    datasets = [gathered("rate_e"), gathered("rate_i")]
    figure = sweep_figures.comparison(datasets, comparison, costs)
    assert [len(axes.get_lines()) for axes in figure.axes[:2]] == [2, 2]
    assert len(figure.axes[2].patches) == (4 if seconds > 0 else 2)
