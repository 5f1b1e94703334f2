"""Headline numbers of sweeps recover what is known of synthetic ones."""

import json

import numpy as np
import pytest
import scipy.stats
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from simcore import intervals, sweep_measures
from simcore.datasets import variable
from simcore.sweep_parameters import Sweep

X = np.array([1.0, 2.0, 4.0, 8.0])


def gathered(function, axes, replicates=5, noise=0.0):
    """A gathered sweep whose one measure is a function of its axes."""
    values = function(*np.meshgrid(*axes.values(), indexing="ij"))[..., None]
    random = np.random.default_rng(2).standard_normal((*values.shape[:-1], replicates))
    variables = {"y": variable((*axes, "replicate"), values + noise * random, "Hz", "y")}
    for name, places in axes.items():
        variables[name] = variable(name, places, "ms", name)
    return xr.Dataset(variables)


def numbers(dataset, **headline):
    axes = {
        name: {"keys": [name], "values": dataset[name].values.tolist()}
        for name in dataset["y"].dims[:-1]
    }
    headlines = {"found": {"measure": "y"} | headline}
    sweep = Sweep(about="a test", axes=axes, measures=["y"], headlines=headlines)
    found = sweep_measures.headlines(dataset, sweep)
    ids = [f"sweep.test.{number.label}" for number in found]
    assert ids == sweep.summary_ids("test")
    return found


def test_a_gathered_sweep_is_read_back_whatever_its_axes_are_called():
    """Stores sort names of parameters; a headline is along the first axis unless it names one."""
    axes = {
        "size": {"keys": ["size"], "values": [1.0, 2.0]},
        "kind": {"keys": ["kind"], "values": ["a", "b"]},
    }
    headlines = {"found": {"kind": "slope", "measure": "y"}}
    sweep = Sweep(about="a test", axes=axes, measures=["y"], headlines=headlines)
    values = xr.DataArray(np.zeros((2, 2, 1)), dims=("size", "kind", "replicate"))
    parameters = json.dumps(sweep.model_dump(), sort_keys=True)
    dataset = xr.Dataset({"y": values}, attrs={"parameters": parameters})
    read = sweep_measures.sweep_of(dataset)
    assert read == sweep and list(read.axes) == ["size", "kind"]


@given(
    level=st.floats(0.05, 0.95),
    log=st.booleans(),
    where=st.floats(1.05, 7.9),
    steep=st.floats(1, 5),
)
def test_a_straight_line_is_crossed_where_it_is(level, log, where, steep):
    def scaled(x):
        return np.log(x) if log else x

    y = level - steep * (scaled(X) - scaled(where))
    assert sweep_measures.crossing(X, y, level=level, log=log) == pytest.approx(where)


def test_a_crossing_comes_after_the_maximum_and_is_cut_at_the_end():
    assert sweep_measures.crossing(X, np.array([1, 0.9, 0.8, 0.75]), level=0.7) == np.inf
    found = sweep_measures.crossing(X, np.array([0.6, 0.9, 0.8, 0.6]), level=0.7)
    assert found == pytest.approx(6)
    found = sweep_measures.crossing(X, np.array([0.9, np.nan, 0.5, 0.4]), level=0.7)
    assert found == pytest.approx(2.5)
    assert np.isnan(sweep_measures.crossing(X, np.array([0.6, 0.5, 0.4, 0.3]), level=0.7))
    assert np.isnan(sweep_measures.crossing(X, np.full(4, np.nan), level=0.7))


def test_one_low_place_between_high_ones_is_no_crossing():
    dip = np.array([1.0, 0.65, 0.8, 0.78])
    assert sweep_measures.crossing(X, dip, level=0.7) == np.inf
    # The low place and the next become 0.55 and cross the level together, from 0.95.
    found = sweep_measures.crossing(X, np.array([0.95, 0.5, 0.6, 0.4]), level=0.75)
    assert found == pytest.approx(1.5)


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4), st.floats(0.05, 0.95))
def test_what_falls_before_its_end_ends_below(y, level):
    found = sweep_measures.crossing(X, np.array(y), level=level)
    assert np.isfinite(found) or max(y) < level or y[-1] >= level or np.argmax(y) < 3


@pytest.mark.parametrize(
    ("kind", "function", "expected", "unit"),
    [
        ("slope", lambda x: 3 * x + 1, 3, "Hz/ms"),
        ("power", lambda x: 5 * x**-0.4, -0.4, "1"),
        ("best", lambda x: -((x - 4) ** 2), 4, "ms"),
        ("change", lambda x: 2 * x, 14, "Hz"),
        ("largest", lambda x: 2 * x, 16, "Hz"),
        ("smallest", lambda x: 2 * x, 2, "Hz"),
        ("average", lambda x: 2 * x, 7.5, "Hz"),
        ("error_floor", lambda x: np.sqrt(0.3**2 + 2 / x), 0.3, "Hz"),
        ("error_amplitude", lambda x: np.sqrt(0.3**2 + 2 / x), 2, "Hz"),
    ],
)
def test_known_courses(kind, function, expected, unit):
    (number,) = numbers(gathered(function, {"x": X}), kind=kind)
    assert number.value == pytest.approx(expected)
    if kind not in sweep_measures.WITHOUT_INTERVAL:
        assert (number.low, number.high) == pytest.approx((expected, expected))
    assert (number.label, number.unit) == ("found", unit)


@pytest.mark.parametrize(
    ("kind", "function", "expected"),
    [
        ("slope", lambda x: 3 * x + 1, 3),
        ("power", lambda x: 5 * x**-0.4, -0.4),
        ("best", lambda x: -((x - 4) ** 2), 4),
        ("largest", lambda x: 2 * x, 16),
        ("smallest", lambda x: 2 * x, 4),
        ("average", lambda x: 2 * x, 28 / 3),
        ("error_floor", lambda x: np.sqrt(0.3**2 + 2 / x), 0.3),
        ("error_amplitude", lambda x: np.sqrt(0.3**2 + 2 / x), 2),
    ],
)
def test_places_whose_points_all_failed_are_passed_over(kind, function, expected):
    def failed_at_first(x):
        return np.where(x == X[0], np.nan, function(x))

    (number,) = numbers(gathered(failed_at_first, {"x": X}), kind=kind)
    assert number.value == pytest.approx(expected)


def test_a_power_is_that_of_the_positive_numbers():
    y = np.array([-1.0, 5.0, 0.0, 5.0 * 4**-0.4])
    assert sweep_measures.power(X, y) == pytest.approx(-0.4)


def test_other_axes_keep_their_places():
    dataset = gathered(lambda x, n: n * x, {"x": X, "n": np.array([10.0, 20.0])})
    found = numbers(dataset, kind="slope")
    assert [number.label for number in found] == ["found[n=10]", "found[n=20]"]
    assert [number.value for number in found] == pytest.approx([10, 20])
    (number,) = numbers(dataset, kind="slope", at={"n": 20})
    assert (number.label, number.value) == ("found", pytest.approx(20))


def test_numbers_per_place_of_an_axis_become_one():
    axes = {"x": X, "tau": np.array([1.0, 2.0, 3.0])}
    dataset = gathered(lambda x, tau: 1 - x / (5 * tau), axes)
    (number,) = numbers(dataset, kind="crossing", level=0.5, per="tau")
    assert number.value == pytest.approx(2.5, abs=0.2)
    assert number.unit == "1"


def test_places_that_become_one_may_be_chosen():
    axes = {"x": X, "tau": np.array([1.0, 2.0, 3.0])}
    dataset = gathered(lambda x, tau: np.where(tau == 3, 0.9 - x / 10, 1 - x / (5 * tau)), axes)
    wanted = {"kind": "crossing", "level": 0.5, "per": "tau"}
    (number,) = numbers(dataset, within={"tau": [1, 2]}, **wanted)
    (alone,) = numbers(dataset.sel(tau=[1.0, 2.0]), **wanted)
    assert number.value == alone.value


def test_how_much_a_number_changes_along_another_axis():
    axes = {"x": X, "n": np.array([1.0, 2.0, 3.0]), "tau": np.array([1.0, 2.0])}
    dataset = gathered(lambda x, n, tau: 1 - x / (2.5 * n * tau), axes, noise=0.01)
    growth = {"kind": "crossing", "level": 0.5, "change_along": "n"}
    (number,) = numbers(dataset, per="tau", **growth)
    ends = [numbers(dataset.sel(n=[n]), kind="crossing", level=0.5, per="tau") for n in (1, 3)]
    assert number.value == pytest.approx(ends[1][0].value - ends[0][0].value)
    assert number.unit == "1" and number.low < number.value < number.high
    assert [one.label for one in numbers(dataset, **growth)] == ["found[tau=1]", "found[tau=2]"]


def test_a_row_whose_points_all_failed_is_no_curve_that_never_reached_the_level():
    axes = {"x": X, "tau": np.array([1.0, 2.0, 3.0])}
    whole = gathered(lambda x, tau: np.where(tau == 3, 0.1, 1 - x / (5 * tau)), axes)
    failed = whole.where(whole["tau"] != 3)
    wanted = {"kind": "crossing", "level": 0.5, "per": "tau"}
    (number,) = numbers(failed, **wanted)
    (without,) = numbers(whole.sel(tau=[1.0, 2.0]), **wanted)
    (never,) = numbers(whole, **wanted)
    assert number.value == pytest.approx(without.value)
    assert never.value < number.value


@pytest.mark.parametrize("bound", ["first", "last"])
def test_a_change_of_bounds_is_a_bound_or_nothing(bound):
    endless = {"first": 1, "last": 2}[bound]
    axes = {"x": X, "n": np.array([1.0, 2.0])}
    dataset = gathered(lambda x, n: np.where(n == endless, 1.0, 1 - x / 4), axes)
    (number,) = numbers(dataset, kind="crossing", level=0.5, change_along="n")
    if bound == "first":
        assert np.isnan(number.value) and not number.bound
    else:
        assert number.bound and number.value == pytest.approx(8 - 2)


def test_a_collapse_is_seen_over_a_product_of_axes():
    axes = {"n": np.array([100.0, 400.0]), "tau": np.array([5.0, 20.0, 80.0])}
    dataset = gathered(lambda n, tau: (n * tau) ** -0.5, axes)
    (number,) = numbers(dataset, kind="power", over={"n": 1, "tau": 1})
    assert (number.label, number.value) == ("found", pytest.approx(-0.5))


def test_some_places_may_count_alone():
    dataset = gathered(lambda x: np.where(x < 3, x**-1.0, x), {"x": X})
    (number,) = numbers(dataset, kind="power", within={"x": (1, 2)})
    assert number.value == pytest.approx(-1)


@pytest.mark.parametrize("replicates", [3, 5])  # as shipped
@pytest.mark.parametrize(
    ("kind", "options", "truth"),
    [("slope", {}, -3), ("average", {}, 8.75), ("crossing", {"level": 12.5}, 2.5)],
)
def test_the_interval_covers_the_truth_as_often_as_it_says(replicates, kind, options, truth):
    runs, covered = 150, 0
    for seed in range(runs):
        random = np.random.default_rng(seed).normal(size=(4, replicates))
        values = variable(("x", "replicate"), 20 - 3 * X[:, None] + random, "Hz", "y")
        dataset = xr.Dataset({"y": values, "x": variable("x", X, "ms", "x")})
        (number,) = numbers(dataset, kind=kind, **options)
        covered += number.low <= truth <= number.high
    # 95 %, within four standard deviations of such a count.
    assert abs(covered - 0.95 * runs) < 4 * np.sqrt(runs * 0.95 * 0.05)


def test_the_interval_of_a_mean_is_that_of_the_textbook():
    values = np.array([4.0, 5.0, 9.0])
    expected = scipy.stats.t.interval(0.95, 2, 6.0, scipy.stats.sem(values))
    assert intervals.of_mean(values) == pytest.approx(expected)
    dataset = xr.Dataset({"y": variable(("x", "replicate"), values[None], "Hz", "y")})
    dataset["x"] = variable("x", np.array([1.0]), "ms", "x")
    (number,) = numbers(dataset, kind="average")
    assert (number.low, number.high) == pytest.approx(expected)
    assert np.isnan(intervals.of_mean(values[:2])).all()


def test_a_replicate_without_a_number_does_not_count():
    random = np.random.default_rng(1).normal(size=(4, 4))
    whole = 3 * X[:, None] + random
    lacking = np.insert(whole, 2, np.nan, axis=1)
    found = [
        numbers(
            xr.Dataset(
                {
                    "y": variable(("x", "replicate"), values, "Hz", "y"),
                    "x": variable("x", X, "ms", "x"),
                }
            ),
            kind="slope",
        )
        for values in (whole, lacking)
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize("replicates", [1, 2])
def test_too_few_replicates_have_no_interval(replicates):
    (number,) = numbers(gathered(lambda x: x, {"x": X}, replicates=replicates), kind="slope")
    assert number.value == pytest.approx(1)
    assert np.isnan(number.low) and np.isnan(number.high)


@pytest.mark.parametrize("kind", [object, "U5"])  # as written, as read
def test_places_with_names_are_counted(kind):
    dataset = gathered(lambda x: 3 * x, {"x": np.arange(3.0)})
    dataset["x"] = variable("x", np.array(["a", "b", "sines"], kind), "1", "x")
    (number,) = numbers(dataset, kind="change")
    assert (number.value, number.label) == (pytest.approx(6), "found")


def test_a_bound_is_told_and_is_no_value_of_a_line():
    axes = {"x": X, "tau": np.array([1.0, 2.0, 40.0])}
    dataset = gathered(lambda x, tau: 1 - x / (5 * tau), axes)
    found = numbers(dataset, kind="crossing", level=0.5)
    assert [number.bound for number in found] == [False, False, True]
    assert found[-1].value == X[-1] and np.isnan(found[-1].low)
    (line,) = numbers(dataset, kind="crossing", level=0.5, per="tau")
    assert line.value == pytest.approx(2.5, abs=0.2) and not line.bound


def test_a_bound_is_told_where_the_last_place_failed():
    dataset = gathered(lambda x: np.where(x < 4, 1.0, np.nan), {"x": X})
    (number,) = numbers(dataset, kind="crossing", level=0.5)
    assert number.bound and number.value == 2


def test_a_line_is_a_bound_where_it_contradicts_one():
    axes = {"x": X, "tau": np.array([1.0, 2.0])}
    # By tau = 1 it should fall below at 5 for tau = 2, and does not up to 8.
    dataset = gathered(lambda x, tau: np.where(tau == 1, 1 - x / 5, 1.0), axes)
    (line,) = numbers(dataset, kind="crossing", level=0.5, per="tau")
    assert line.bound and line.value == pytest.approx(2.5, abs=0.2)
    # Nowhere below: the longest line that is known.
    (line,) = numbers(gathered(lambda x, tau: 1.0 + 0 * x, axes), kind="crossing", per="tau")
    assert line.bound and line.value == pytest.approx(8 * 3 / 5)


def test_what_never_reaches_the_level_counts_as_the_first_place_of_a_line():
    axes = {"x": X, "tau": np.array([1.0, 2.0])}
    dataset = gathered(lambda x, tau: np.where(tau == 1, 0.1, 1 - x / 8), axes)
    (line,) = numbers(dataset, kind="crossing", level=0.5, per="tau")
    assert line.value == pytest.approx((1 * X[0] + 2 * 4) / 5) and not line.bound


def test_the_mean_at_one_place_on_each_axis():
    axes = {"x": X, "n": np.array([1.0, 5.0])}
    dataset = gathered(lambda x, n: x + 10 * n, axes, noise=0.1)
    (number,) = numbers(dataset, kind="average", at={"x": 4, "n": 5})
    values = dataset["y"].sel(x=4, n=5).values
    assert number.at == {} and number.unit == "Hz" and number.value == pytest.approx(values.mean())
    assert (number.low, number.high) == pytest.approx(intervals.of_mean(values))
    (number,) = numbers(dataset, kind="average", at={"x": 4})
    assert number.at == {} and number.value == pytest.approx(dataset["y"].sel(x=4).mean().item())


@pytest.mark.parametrize("kind", ["best", "largest", "smallest"])
def test_a_place_that_is_picked_has_no_interval(kind):
    (number,) = numbers(gathered(lambda x: x, {"x": X}, noise=1), kind=kind)
    assert np.isfinite(number.value) and np.isnan([number.low, number.high]).all()


@pytest.mark.parametrize(
    ("headline", "sentence"),
    [
        ({"kind": "slope", "per": "x"}, "x is used twice"),
        ({"kind": "slope", "over": {"x": 1, "n": 1}, "at": {"n": 1}}, "n is used twice"),
        ({"kind": "slope", "change_along": "x"}, "x is used twice"),
        ({"kind": "slope", "axis": "n", "over": {"x": 1}}, "give axis or over, not both"),
        ({"kind": "slope", "within": {"x": [0, 0.5]}}, "within keeps fewer than two places of x"),
        (
            {"kind": "slope", "within": {"n": [1, 2]}},
            "within keeps fewer .* of n, or that is no axis",
        ),
        ({"kind": "slope", "axis": "m"}, "there is no axis m, but x, n, word"),
        ({"kind": "slope", "axis": "word"}, "the places of word are no numbers"),
        ({"kind": "average", "per": "word"}, "the places of word are no numbers"),
        (
            {"kind": "average", "axis": "word", "within": {"word": [0, 1]}},
            "the places of word are no numbers",
        ),
        ({"kind": "slope", "at": {"n": 9}}, "9 is no place of n"),
        ({"kind": "power"}, "the places of x must be numbers above zero"),
        ({"kind": "crossing", "log": True}, "the places of x must be numbers above zero"),
        ({"kind": "average", "over": {"word": -1}}, "the places of word must be numbers above"),
        ({"kind": "slope", "at": {"x": 1, "n": 1, "word": 1}}, "choose kind: average"),
        ({"kind": "slope", "theory": 1}, "theory is the exponent of a power"),
        ({"kind": "average", "over": {"x": -1}}, "the places of x must be numbers above zero"),
    ],
)
def test_an_impossible_headline_is_told(headline, sentence):
    axes = {"x": [0, 1], "n": [1, 2], "word": ["a", "b"]}
    axes = {name: {"keys": [name], "values": values} for name, values in axes.items()}
    headlines = {"found": {"measure": "y"} | headline}
    with pytest.raises(ValidationError, match=sentence):
        Sweep(about="a test", axes=axes, measures=["y"], headlines=headlines)


@pytest.mark.parametrize("axis", ["replicate", "failure", "summary", "summary_unit"])
def test_an_axis_has_a_name_of_its_own(axis):
    with pytest.raises(ValidationError, match=f"an axis cannot be named {axis}"):
        Sweep(about="a test", axes={axis: {"keys": ["x"], "values": [1, 2]}}, measures=["y"])


@pytest.mark.parametrize(
    ("view", "sentence"),
    [
        ({"measure": "z", "over": {"x": 1}}, "z is none of the sweep's measures"),
        ({"over": {"m": 1}}, "there is no axis m, but x, n, word"),
        ({"over": {"x": 1}, "color": "m"}, "there is no axis m"),
        ({"over": {"x": 1}, "each": {"x": [1]}}, "x is used twice"),
        ({"over": {"x": 1}, "each": {"n": [1]}, "color": "n"}, "n is used twice"),
        ({"over": {"x": 1}, "color": "x"}, "x is used twice"),
        ({"over": {"x": 1}, "each": {"n": [3]}}, "3 is no place of n"),
        ({"over": {"x": 1}, "each": {"word": [1]}}, "1 is no place of word"),
        ({"over": {"n": 1, "x": -1}}, "the places of x must be numbers above zero"),
        ({"over": {"n": 1, "word": 1}}, "the places of word must be numbers above zero"),
    ],
)
def test_an_impossible_view_is_told(view, sentence):
    axes = {"x": [0, 1], "n": [1, 2], "word": ["a", "b"]}
    axes = {name: {"keys": [name], "values": values} for name, values in axes.items()}
    with pytest.raises(ValidationError, match=f"views.seen: {sentence}"):
        views = {"seen": {"measure": "y"} | view}
        Sweep(about="a test", axes=axes, measures=["y"], views=views)
