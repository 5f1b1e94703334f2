"""The picture of a sweep shows every replicate, and draws nothing where there is no number."""

import json

import numpy as np
import xarray as xr

from simcore import sweep_figures
from simcore.datasets import variable


def sweep(*axes):
    """A gathered sweep of three replicates whose last place has no number."""
    dims, shape = (*axes, "replicate"), (4,) * len(axes) + (3,)
    values = np.random.default_rng(1).normal(size=shape)
    values[-1] = np.nan
    variables = {"clock.replay.order": variable(dims, values, "1", "order")} | {
        axis: variable(axis, np.arange(4.0), "kHz", f"clock.external.{axis}") for axis in axes
    }
    variables["failure"] = variable(dims, np.full(shape, "", object), "1", "why")
    parameters = json.dumps({"measures": ["clock.replay.order"]})
    return xr.Dataset(variables, attrs={"about": "a test", "parameters": parameters})


def test_every_replicate_is_a_dot_and_means_are_a_line():
    dataset = sweep("rate_e")
    figure = sweep_figures.measures(dataset)
    (axes,) = figure.axes
    dots = np.concatenate([collection.get_offsets() for collection in axes.collections[1:]])
    known = dataset["clock.replay.order"].values[:-1]
    assert sorted(dots[:, 1]) == sorted(known.ravel())
    assert np.allclose(axes.lines[0].get_ydata(), np.mean(known, axis=1))
    assert axes.get_xlabel() == "external.rate e (kHz)"
    assert "3 replicates" in figure.get_suptitle()


def test_a_second_axis_is_a_colour():
    figure = sweep_figures.measures(sweep("rate_e", "rate_i"))
    legend = figure.axes[0].get_legend()
    assert len(legend.get_texts()) == 4
