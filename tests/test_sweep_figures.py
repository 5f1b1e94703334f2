"""The picture of a sweep shows every replicate, and draws nothing where there is no number."""

import json

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr

from simcore import figures, sweep_figures
from simcore.datasets import variable
from simcore.sweep_parameters import Comparison, Sweep

MEASURE = "clock.replay.order"


PLACES = np.arange(1, 5.0)


def gathered(*axes, function=None, **options):
    """A gathered sweep of three replicates: random without its last place, or a function."""
    dims, shape = (*axes, "replicate"), (4,) * len(axes) + (3,)
    values = np.random.default_rng(1).uniform(size=shape)
    values[-1] = np.nan
    if function:
        grid = np.meshgrid(*[PLACES] * len(axes), indexing="ij")
        values = np.broadcast_to(function(*grid)[..., None], shape)
    variables = {MEASURE: variable(dims, values, "1", "order")} | {
        axis: variable(axis, PLACES, "kHz", axis) for axis in axes
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


def test_long_names_of_measures_are_not_cut_off(tmp_path):
    dataset = gathered("rate_e")
    dataset[MEASURE] = dataset[MEASURE].assign_attrs(units="mm^0.5")
    named = "rls.sequence.damaged.neurons.channel_correlation"
    given = json.loads(dataset.attrs["parameters"]) | {"measures": [named]}
    dataset = dataset.rename({MEASURE: named}).assign_attrs(parameters=json.dumps(given))
    figures.save(sweep_figures.sweep(dataset), tmp_path / "sweep")
    image = mpl.image.imread(tmp_path / "sweep.png")[..., :3]
    for edge in (image[0], image[-1], image[:, 0], image[:, -1]):
        assert np.all(edge == 1)


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


THREE = ("rate_e", "rate_i", "rate_x")


def shown(dataset):
    """The panels of a sweep's figure, without what a row leaves blank."""
    return [axes for axes in sweep_figures.sweep(dataset).axes if axes.axison]


def test_a_map_never_mixes_places_of_a_third_axis():
    dataset = gathered(*THREE, figure="map")
    figure = sweep_figures.sweep(dataset)
    panels = [axes for axes in figure.axes if axes.get_title()]
    assert [axes.get_title() for axes in panels] == [f"rate x {n} kHz" for n in range(1, 5)]
    means = dataset[MEASURE].mean("replicate")
    for axes, place in zip(panels, PLACES, strict=True):
        expected = means.sel(rate_x=place).values[::-1]
        cells = axes.collections[0].get_array()
        assert np.allclose(cells.compressed(), expected[np.isfinite(expected)])
        assert axes.collections[0].get_clim() == (means.min(), means.max())


def test_lines_never_mix_places_of_a_third_axis():
    dataset = gathered(*THREE)
    panels = shown(dataset)
    means = dataset[MEASURE].mean("replicate")
    for axes, place in zip(panels, PLACES, strict=True):
        for line, other in zip(axes.lines, PLACES, strict=False):
            expected = means.sel(rate_x=place, rate_i=other).values[:-1]
            assert np.allclose(line.get_ydata(), expected)
    assert len({axes.get_ylim() for axes in panels}) == 1


def test_panels_that_belong_together_begin_a_row():
    headline = {"kind": "average", "measure": MEASURE, "at": {"rate_i": 1, "rate_x": 2}}
    views = {"cut": {"measure": MEASURE, "over": {"rate_i": 1}, "each": {"rate_e": [1, 2]}}}
    counted = {"mean": headline, "of_i": headline | {"at": {"rate_x": 2}}}
    panels = shown(gathered(*THREE, headlines=counted, views=views))
    of_measure, of_view, along = panels[0], panels[4], panels[6]
    for axes, row in ((of_measure, 0), (of_view, 2), (along, 3)):
        place = axes.get_subplotspec()
        assert (place.rowspan.start, place.colspan.start) == (row, 0)


def test_a_view_shows_some_places_of_one_axis_and_a_colour_for_those_of_another():
    view = {"measure": MEASURE, "over": {"rate_i": 1}, "each": {"rate_e": [1, 3]}}
    dataset = gathered(*THREE, figure="map", views={"cut": view})
    panels = [axes for axes in sweep_figures.sweep(dataset).axes if "rate e" in axes.get_title()]
    assert [axes.get_title() for axes in panels] == ["rate e 1 kHz", "rate e 3 kHz"]
    means = dataset[MEASURE].mean("replicate")
    for axes, place in zip(panels, (1, 3), strict=True):
        for line, color in zip(axes.lines, PLACES, strict=False):
            assert np.allclose(line.get_ydata(), means.sel(rate_e=place, rate_x=color))


def test_a_view_over_a_product_shows_whether_all_means_collapse():
    view = {"measure": MEASURE, "over": dict.fromkeys(THREE, -1), "color": "rate_x"}
    dataset = gathered(*THREE, function=lambda e, i, x: e * i * x, views={"rank": view})
    axes = shown(dataset)[4]
    assert axes.get_xlabel() == "1 / rate e / rate i / rate x"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["1", "2", "3", "4"]
    assert sum(line.get_xdata().size for line in axes.lines) == 64
    for line in axes.lines:
        assert np.allclose(line.get_xdata() * line.get_ydata(), 1)


def test_a_power_lies_beside_that_of_a_theory():
    headline = {"kind": "power", "measure": MEASURE, "over": {"rate_e": 1, "rate_i": 1}}
    headline |= {"within": {"rate_e": [1, 3]}, "theory": -0.5}
    dataset = gathered(
        *THREE, function=lambda e, i, x: x * (e * i) ** -0.3, headlines={"found": headline}
    )
    collapse, along = shown(dataset)[4:]
    outside, *lines = collapse.lines
    assert outside.get_xdata().size == 64  # all, below those that count
    exponents = [np.polyfit(*np.log(line.get_data()), 1)[0] for line in lines]
    assert np.allclose(exponents[1::3], -0.3) and np.allclose(exponents[2::3], -0.5)
    assert len(exponents) == 12  # dots, found and theory for each place of the axis that is left
    assert np.allclose(along.containers[0].lines[0].get_ydata(), -0.3)
    assert along.lines[-1].get_ydata()[0] == -0.5


def test_a_line_through_the_origin_lies_beside_what_it_fits():
    crossing = {"kind": "crossing", "measure": MEASURE, "level": 0.5}
    for within, ends in (({}, [2, 4]), ({"rate_i": [2, 3]}, [2, 3])):
        capacity = crossing | {"per": "rate_i", "within": within}
        headlines = {"longest": crossing, "capacity": capacity}
        dataset = gathered("rate_e", "rate_i", function=lambda e, i: 1 - e / i, headlines=headlines)
        figure = sweep_figures.sweep(dataset.isel(rate_i=slice(1, None)))
        (line,) = [line for line in figure.axes[1].lines if line.get_marker() == "None"]
        assert np.allclose(line.get_ydata(), line.get_xdata() / 2)
        assert line.get_xdata()[[0, -1]].tolist() == ends


def test_a_bound_is_an_open_dot():
    crossing = {"kind": "crossing", "measure": MEASURE, "level": 0.5}
    dataset = gathered(
        "rate_e", "rate_i", function=lambda e, i: 1 - 0.2 * e / i, headlines={"longest": crossing}
    )
    axes = sweep_figures.sweep(dataset).axes[1]
    bounds = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
    assert [line.get_xdata()[0] for line in bounds] == [2, 3, 4]


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
    headline = {"kind": "power", "measure": MEASURE, "over": {"rate_e": 1, "rate_i": -1}}
    figure = sweep_figures.sweep(gathered("rate_e", "rate_i", headlines={"power": headline}))
    of_no_product = headline | {"kind": "largest"}
    other = sweep_figures.sweep(gathered("rate_e", "rate_i", headlines={"best": of_no_product}))
    assert len(other.axes) == 1
    dots = [line for line in figure.axes[1].lines if line.get_marker() == "o"]
    assert sum(line.get_xdata().size for line in dots) == 16
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
