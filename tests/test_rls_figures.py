"""Figures of networks trained by recursive least squares: they show what the stores hold."""

import json
import re
import warnings

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_rgba
from studies import merged

from simcore import datasets, figures, intervals, rls, rls_figures, stores, tracking
from simcore.numerics import steps_of
from simcore.rls_numbers import is_predicted
from simcore.rls_parameters import Experiment

BEFORE, AFTER = 150, 60  # steps recorded around the window
EXPERIMENT = {
    "network": {"neurons": 20, "p": 0.5},
    "target": {"kind": "ou", "duration": 80},
    "training": {"loops": 10},
    "test": {"starts": 3},
    "networks": 2,
}
RATES = {"training": {"what": "rate"}, "test": {"psth_sd": 5}}
CORTICAL = RATES | {"target": {"kind": "cortical", "duration": 80, "followers": 12}}
TWO = {"target": {"patterns": 2}}
SERIES = {"series": {"key": "training.lambda", "values": [0.1, 1, 5]}}
KINDS = {"series": {"key": "network.initial", "values": ["random", "zero"]}}
BALANCED = {
    "network": {"initial": "balanced", "excitatory": 0.6},
    "training": {"dale": "freeze"},
    "test": {"after": 60, "delete_spike": 20},
}
DAMAGE = {
    "test": {
        "damage": [
            {"kind": "neurons", "amounts": [0.01, 0.05, 0.5], "draws": 4},
            {"kind": "stimulus", "amounts": [0, 0.5], "draws": 2},
            {"kind": "other stimulus", "amounts": [1], "draws": 2},
            {"kind": "shuffle", "amounts": [0.3], "draws": 2},
        ]
    }
}


def changed(change):
    """An experiment of twenty neurons, changed."""
    kind = change.get("target", {}).get("kind", "ou")
    base = EXPERIMENT if kind == "ou" else EXPERIMENT | {"target": {}}
    return Experiment.model_validate(merged(base, change))


def noise(random, *shape):
    """Something smooth along the first axis."""
    return np.cumsum(random.standard_normal(shape), axis=0) / 5


def of_training(experiment, random):
    """What a training gives for one network, with weights of 0 and of the wrong sign."""
    n = experiment.network.neurons
    steps = steps_of(experiment.target.duration, experiment.network.dt)
    sign = np.where(np.arange(n) < round(experiment.network.excitatory * n), 1, -1)
    rows = [np.sort(random.choice(np.delete(np.arange(n), i), 10, False)) for i in range(n)]
    column = np.concatenate(rows)
    size = np.abs(random.standard_normal(column.size)) + 0.1
    balanced = experiment.network.initial == "balanced"
    initial = size * (sign[column] if balanced else random.choice([-1, 1], column.size))
    initial = initial * (experiment.network.initial != "zero")
    weight = initial + random.standard_normal(column.size)
    weight[::9] = 0
    loops = experiment.training.tests
    curve = [[loop, place / 5, 0.02, 1 + place, 1] for place, loop in enumerate(loops)]
    return {
        "row_pointer": 10 * np.arange(n + 1),
        "column": column,
        "sign": sign.astype(np.int8) if balanced else np.ones(n, np.int8),
        "frozen": np.arange(column.size) % 7 == 0,
        "initial_weight": initial,
        "weight": weight,
        "curve": np.array(curve, float) + [0, random.uniform(0, 0.1), 0, 0, 0],
        "first_loop": noise(random, steps, n).astype(np.float32),
    }


def of_tests(experiment, random):
    """What the tests of one network give."""
    patterns, starts, n = experiment.target.patterns, experiment.test.starts, 20
    followers = experiment.target.followers or n
    of_starts = 1 if experiment.training.what == "rate" else starts
    shape = patterns, of_starts, followers
    cases = [(d.kind, amount) for d in experiment.test.damage for amount in d.amounts]
    draws = [d.draws for d in experiment.test.damage for _ in d.amounts]
    damage = random.uniform(0, 1, (len(cases), max(draws, default=0)))
    for case, number in enumerate(draws):
        damage[case, number:] = np.nan
    found = {
        "correlation": random.uniform(0.2, 1, shape),
        "untrained_correlation": random.uniform(-0.5, 0.5, shape),
        "relative_error": random.uniform(0.3, 1, shape),
        "count": random.poisson(2, (patterns, starts, n)),
        "untrained_count": random.poisson(3, (patterns, starts, n)),
        "other_correlation": random.uniform(-1, 1, (patterns, patterns)),
        "damage": cases,
        "damage_correlation": damage,
    }
    if is_predicted(experiment):
        found["predicted_drive"] = random.uniform(0.2, 1, (patterns, followers))
        found["predicted_rate"] = random.uniform(0.2, 1, (patterns, followers))
    if experiment.test.delete_spike is not None:
        found["agreement_time"] = np.arange(-150, 140, 50.0)
        found["agreement_after"] = random.uniform(0, 1) if experiment.test.after >= 200 else np.nan
        for prefix in ("", "untrained_"):
            found[f"{prefix}agreement"] = random.uniform(0, 1, 6)
            found[f"{prefix}agreement_within"] = random.uniform(0, 1)
            found[f"{prefix}separation"] = np.abs(noise(random, 80, starts).T)
    return found


def made(change=(), *, drive=1.0, spikes=300, rate=10.0):
    """Return the stores of training and tests of a made-up experiment."""
    experiment, random = changed(dict(change)), np.random.default_rng(5)
    runs, n = experiment.runs, experiment.network.neurons
    steps = steps_of(experiment.target.duration, experiment.network.dt)
    patterns = range(experiment.target.patterns)
    target = np.stack([[noise(random, steps, n) for _ in patterns] for _ in runs], dtype=float)
    if experiment.training.what == "rate":
        target = np.abs(target) / 5  # per 10 ms
    examples, predicted = [], []
    for _ in patterns:
        trials = [
            rls.Trial(
                drive * noise(random, BEFORE + steps + AFTER, n).astype(np.float32),
                np.sort(random.integers(1 - BEFORE, steps + AFTER, spikes)),
                random.integers(0, n, spikes).astype(np.int32),
            )
            for _ in range(3)
        ]
        followers = experiment.target.followers or n
        examples.append((BEFORE, trials, rate * np.abs(noise(random, steps, followers))))
        if is_predicted(experiment):
            binned = rate * np.abs(random.standard_normal((2, steps // 50, followers)))
            predicted.append((noise(random, steps, followers), *binned))
    training = datasets.rls_training(experiment, [of_training(c, random) for _, c, _ in runs])
    results = [of_tests(condition, random) for _, condition, _ in runs]
    untrained = [trials[-1] for _, trials, _ in examples]
    replay = datasets.rls_replay(experiment, results, examples, untrained, target, predicted)
    parameters = {"experiment": experiment.model_dump(by_alias=True)}
    for dataset, stage in ((training, "rls_training probe"), (replay, "rls_replay probe")):
        dataset.attrs |= {"stage": stage, "parameters": json.dumps(parameters)}
    return training, replay


def eigenvalues(n=20):
    random = np.random.default_rng(8)
    values = random.uniform(-1, 1, (2, 2, n))
    dims = "phase", "eigenvalue_probe"
    return xr.Dataset(
        {
            "eigenvalue_real_probe": (dims, values[0]),
            "eigenvalue_imaginary_probe": (dims, values[1]),
            "eigenvalue_real_other": (("phase", "eigenvalue_other"), np.full((2, 3), 9.0)),
        }
    )


def drawn(figure, *, layout=False):
    """Draw a figure, with every warning of matplotlib's an error, and return it.

    To find a place for everything takes as long as all the rest, and is seldom needed here.
    """
    if not layout:
        figure.set_layout_engine("none")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.draw_without_rendering()
    return figure


def words(figure):
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]


def lines(axes, color=None, **properties):
    """The lines of a panel that have a colour and other properties."""
    return [
        line
        for line in axes.lines
        if (color is None or to_rgba(line.get_color()) == to_rgba(color))
        and all(getattr(line, f"get_{name}")() == value for name, value in properties.items())
    ]


def counted(patches):
    """The number of things in a histogram drawn as bars."""
    return sum(bar.get_height() for bar in patches)


PLAIN, PLAIN_REPLAY = made()
UNITS = made({"network": {"neuron": "rate"}}, spikes=0)[1]
RATE_TRAINING, RATE_REPLAY = made(RATES)
TWO_TRAINING, TWO_REPLAY = made(TWO)
DALE_TRAINING, DALE_REPLAY = made(BALANCED)
SERIES_TRAINING, SERIES_REPLAY = made(SERIES)
DAMAGE_REPLAY = made(DAMAGE)[1]
CORTICAL_REPLAY = made(CORTICAL)[1]
ALL = {
    "targets_and_drive": lambda: rls_figures.targets_and_drive(PLAIN_REPLAY),
    "targets_and_drive, two": lambda: rls_figures.targets_and_drive(TWO_REPLAY),
    "targets_and_drive, rates": lambda: rls_figures.targets_and_drive(RATE_REPLAY),
    "targets_and_drive, units": lambda: rls_figures.targets_and_drive(UNITS),
    "learning": lambda: rls_figures.learning(PLAIN, PLAIN_REPLAY),
    "learning, series": lambda: rls_figures.learning(SERIES_TRAINING, SERIES_REPLAY),
    "learning, balanced": lambda: rls_figures.learning(DALE_TRAINING, DALE_REPLAY),
    "quasi_static": lambda: rls_figures.quasi_static(PLAIN_REPLAY),
    "quasi_static, two": lambda: rls_figures.quasi_static(TWO_REPLAY),
    "raster": lambda: rls_figures.raster(PLAIN_REPLAY),
    "raster, balanced": lambda: rls_figures.raster(DALE_REPLAY),
    "raster, units": lambda: rls_figures.raster(UNITS),
    "patterns": lambda: rls_figures.patterns(TWO_REPLAY),
    "dale": lambda: rls_figures.dale(DALE_TRAINING, DALE_REPLAY, eigenvalues()),
    "rates": lambda: rls_figures.rates(RATE_REPLAY),
    "series": lambda: rls_figures.series(SERIES_REPLAY),
    "damage": lambda: rls_figures.damage(DAMAGE_REPLAY),
}


@pytest.mark.parametrize("name", ALL)
def test_axes_are_labelled_and_text_is_legible(name):
    figure = drawn(ALL[name](), layout=True)
    assert figure.get_figwidth() == figures.WIDTH
    # On a page of 1280 pixels a figure of half the width has 600; below 11 reading is hard.
    smallest = min(text.get_fontsize() for text in figure.findobj(mpl.text.Text))
    assert smallest / 72 * 600 / figures.WIDTH >= 11
    panels = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    last = [axes for axes in panels if axes.get_subplotspec().is_last_row()]
    first = [axes for axes in panels if axes.get_subplotspec().is_first_col()]
    # Of the whole figure or of its part.
    assert all(axes.figure.get_supxlabel() or axes.get_xlabel() for axes in last)
    assert all(axes.figure.get_supylabel() or axes.get_ylabel() for axes in first)


@pytest.mark.parametrize("name", ["raster", "damage"])
def test_files_are_small_and_repeat_byte_by_byte(name, tmp_path):
    for stem in ("first", "second"):
        figures.save(ALL[name](), tmp_path / stem)
    for suffix, most in ((".png", 400e3), (".pdf", 300e3)):
        first = (tmp_path / f"first{suffix}").read_bytes()
        assert first == (tmp_path / f"second{suffix}").read_bytes()
        assert len(first) < most


# Targets and what follows them


def test_targets_of_followers_at_quantiles_of_the_correlation():
    figure = ALL["targets_and_drive"]()
    correlation = PLAIN_REPLAY["correlation"].mean("start")[0, 0].values
    order = np.argsort(correlation)
    chosen = [order[round(q * 19)] for q in (0.8, 0.6, 0.4, 0.2)]
    assert [axes.get_ylabel() for axes in figure.axes] == [f"neuron {i}" for i in chosen]
    for axes, neuron in zip(figure.axes, chosen, strict=True):
        assert axes.get_title("right") == f"correlation {correlation[neuron]:.2f}"
        assert len(axes.lines) == 4
        (target,) = lines(axes, "black")
        np.testing.assert_array_equal(target.get_xdata(), PLAIN_REPLAY["time"])
        goal = PLAIN_REPLAY["example_target"][0, :, neuron]
        np.testing.assert_array_equal(target.get_ydata(), goal)
        (strong,) = lines(axes, figures.AFTER, alpha=None)
        np.testing.assert_array_equal(strong.get_xdata(), PLAIN_REPLAY["example_time"])
        drive = PLAIN_REPLAY["example_drive"][0, 0, :, neuron]
        np.testing.assert_array_equal(strong.get_ydata(), drive)
        spans = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches]
        assert spans == [(-100, 0), (0, 80)]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["target", "one trial", "2 others", "stimulus", "trained window"]


def test_targets_of_two_patterns_have_a_column_each():
    figure = ALL["targets_and_drive, two"]()
    assert len(figure.axes) == 8
    assert [axes.get_title("left") for axes in figure.axes[:2]] == ["stimulus 1", "stimulus 2"]
    neuron = int(figure.axes[0].get_ylabel().removeprefix("neuron "))
    for pattern in range(2):
        (target,) = lines(figure.axes[pattern], "black")
        goal = TWO_REPLAY["example_target"][pattern, :, neuron]
        np.testing.assert_array_equal(target.get_ydata(), goal)


def test_targets_that_are_rates_are_in_hz_and_smoothed():
    figure = ALL["targets_and_drive, rates"]()
    assert figure.get_supylabel() == "rate (Hz)"
    for axes in figure.axes:
        neuron = int(axes.get_ylabel().removeprefix("neuron "))
        (target,), (rate,) = lines(axes, "black"), lines(axes, figures.AFTER)
        per_10_ms = RATE_REPLAY["example_target"][0].values.astype(float)
        goal = tracking.smoothed_inside(100 * per_10_ms, 5, 1)[:, neuron]
        np.testing.assert_allclose(target.get_ydata(), goal)
        np.testing.assert_array_equal(rate.get_ydata(), RATE_REPLAY["example_rate"][0, :, neuron])


def test_small_steps_are_thinned_to_1_ms():
    fine = made({"network": {"neuron": "leaky", "dt": 0.5}})[1]
    (target,) = lines(rls_figures.targets_and_drive(fine).axes[0], "black")
    np.testing.assert_allclose(np.diff(target.get_xdata()), 1)


def test_quasi_static_shows_followers_at_quantiles_of_the_fit():
    for name, replay in (("quasi_static", PLAIN_REPLAY), ("quasi_static, two", TWO_REPLAY)):
        figure = ALL[name]()
        fit = replay["predicted_drive"][0].mean("pattern").values
        order = np.argsort(fit)
        panels = np.reshape(figure.axes[:6], (3, 2))
        for (drive, rate), neuron in zip(panels, order[[15, 10, 4]], strict=True):
            assert drive.get_ylabel() == f"neuron {neuron}"
            (shown,), (predicted,) = (
                lines(drive, figures.AFTER),
                lines(drive, rls_figures.PREDICTED),
            )
            inside = replay["example_drive"][0, 0, BEFORE : BEFORE + 80, neuron]
            np.testing.assert_array_equal(shown.get_ydata(), inside)
            expected = replay["example_predicted_drive"][0, :, neuron]
            np.testing.assert_array_equal(predicted.get_ydata(), expected)
            for color, what in ((figures.AFTER, "binned"), (rls_figures.PREDICTED, "predicted")):
                (line,) = lines(rate, color)
                expected = replay[f"example_{what}_rate"][0, :, neuron]
                np.testing.assert_array_equal(line.get_ydata(), expected)
                np.testing.assert_array_equal(line.get_xdata(), replay["bin"])
            for axes, of in ((drive, "drive"), (rate, "rate")):
                value = replay[f"predicted_{of}"][0, 0, neuron].item()
                assert axes.get_title("right") == f"correlation {value:.2f}"
        for axes, of in zip(figure.axes[6:], ("drive", "rate"), strict=True):
            values = replay[f"predicted_{of}"]
            assert counted(axes.containers[0]) == values.size
            assert axes.get_title("right") == f"mean {values.mean().item():.2f}"


def test_raster_shows_the_spikes_of_two_trials_after_the_first_stimulus():
    for replay, patterns in ((PLAIN_REPLAY, 1), (TWO_REPLAY, 2)):
        assert replay.sizes["spike"] == 900 * patterns
        for trial, axes in enumerate(rls_figures.raster(replay).axes):
            mine = (replay["spike_example"] == trial) & (replay["spike_pattern"] == 0)
            expected = np.stack([replay["spike_time"][mine], replay["spike_neuron"][mine]], axis=1)
            np.testing.assert_array_equal(axes.collections[0].get_offsets(), expected)
            assert [patch.get_x() for patch in axes.patches] == [-100, 0]


def test_raster_tells_excitatory_from_inhibitory_neurons():
    points = ALL["raster, balanced"]().axes[0].collections[0]
    excitatory = points.get_offsets()[:, 1] < 12
    assert (points.get_facecolors()[excitatory] == to_rgba(figures.COLOR_E)).all()
    assert (points.get_facecolors()[~excitatory] == to_rgba(figures.COLOR_I)).all()


def test_raster_of_many_neurons_says_that_it_shows_a_part(monkeypatch):
    assert ALL["raster"]().get_supylabel() == "neuron"
    monkeypatch.setattr(rls_figures, "MOST_NEURONS", 5)
    figure = ALL["raster"]()
    assert figure.get_supylabel() == "neuron, 5 of 20 shown"
    assert set(figure.axes[0].collections[0].get_offsets()[:, 1]) == {0, 5, 10, 14, 19}


def test_raster_marks_the_followers():
    figure = rls_figures.raster(CORTICAL_REPLAY)
    assert [line.get_ydata()[0] for line in figure.axes[0].lines] == [11.5]
    assert "below the dotted line: followers of the target" in words(figure)


def test_raster_of_units_shows_drives_by_the_peak_of_their_targets():
    figure = ALL["raster, units"]()
    drive = UNITS["example_drive"][0, 1].values
    order = np.argsort(UNITS["example_target"][0].argmax("time").values, kind="stable")
    np.testing.assert_allclose(figure.axes[1].images[0].get_array(), drive[:, order].T)
    assert "synaptic drive" in words(figure)


def test_long_heat_maps_keep_their_means(monkeypatch):
    monkeypatch.setattr(rls_figures, "MOST_COLUMNS", 100)
    image = np.asarray(ALL["raster, units"]().axes[0].images[0].get_array())
    assert image.shape == (20, 97)  # of three steps each, two in the last
    of_step = UNITS["example_drive"][0, 0].sum().item()
    assert np.sum(image[:, :-1]) * 3 + np.sum(image[:, -1]) * 2 == pytest.approx(of_step, rel=1e-4)


def test_patterns_show_the_mean_over_networks():
    figure = ALL["patterns"]()
    table = figure.axes[0]
    mean = TWO_REPLAY["other_correlation"].mean("run").values
    np.testing.assert_allclose(table.images[0].get_array(), mean)
    written = {text.get_position(): text.get_text() for text in table.texts}
    assert written[2, 1] == f"{mean[0, 1]:.2f}".replace("-", "−")  # stimulus 1 is the first row
    assert len(figure.axes) == 5
    neuron = int(figure.axes[1].get_ylabel().split()[1])
    for pattern, axes in enumerate(figure.axes[1:3]):
        (evoked,) = lines(axes, "black")
        window = TWO_REPLAY["example_time"] > 0
        drive = TWO_REPLAY["example_drive"][pattern, 0, :, neuron].values[window][:80]
        np.testing.assert_array_equal(evoked.get_ydata(), drive)
        for goal, color in enumerate(figures.CHANNELS[:2]):
            (target,) = lines(axes, color)
            expected = TWO_REPLAY["example_target"][goal, :, neuron]
            np.testing.assert_array_equal(target.get_ydata(), expected)


def test_patterns_of_rates_and_many_patterns_are_drawn():
    rates = drawn(rls_figures.patterns(made(merged(RATES, TWO))[1]))
    assert "evoked, mean over trials" in words(rates)
    many = drawn(rls_figures.patterns(made({"target": {"patterns": 7}})[1]))
    assert not many.axes[0].texts
    assert many.axes[0].get_xlim() == (0.5, 7.5)


# The learning


def test_learning_shows_networks_their_mean_and_the_spread():
    figure = ALL["learning"]()
    curve, change, followers, weights = figure.axes[3:]
    values = PLAIN["curve_correlation"].values
    for axes, name in ((curve, "curve_correlation"), (change, "weight_change")):
        (mean,) = lines(axes, figures.AFTER, alpha=None)
        np.testing.assert_array_equal(mean.get_xdata(), [1, 2, 5, 10])
        np.testing.assert_allclose(mean.get_ydata(), PLAIN[name].mean("run"))
        assert axes.get_xscale() == "log"
    faint = lines(curve, figures.AFTER, alpha=0.35)
    np.testing.assert_array_equal([line.get_ydata() for line in faint], values)
    band = curve.collections[0].get_paths()[0].vertices
    top = values.mean(axis=0)[-1] + PLAIN["curve_spread"][:, -1].mean().item()
    assert band[:, 1].max() == pytest.approx(top)
    (untrained,) = lines(curve, figures.BEFORE)
    mean = PLAIN_REPLAY["untrained_correlation"].mean().item()
    np.testing.assert_allclose(untrained.get_ydata(), mean)
    assert [counted(bars) for bars in followers.containers] == [40, 40]  # 2 networks of 20
    legend = [text.get_text() for text in followers.get_legend().get_texts()]
    trained_mean = PLAIN_REPLAY["correlation"].mean().item()
    assert legend[1] == f"trained: mean {trained_mean:.2f}"
    assert counted(weights.containers[0]) == 200  # synapses of one network
    assert change.get_ylabel().startswith("relative")


def test_learning_shows_a_drive_before_during_and_after():
    before, during, after = ALL["learning"]().axes[:3]
    shown = [lines(axes, figures.AFTER)[0].get_ydata() for axes in (before, during, after)]
    inside = slice(BEFORE, BEFORE + 80)
    stored = (
        PLAIN_REPLAY["untrained_example_drive"][0, inside],
        PLAIN["first_loop_drive"],
        PLAIN_REPLAY["example_drive"][0, 0, inside],
    )
    neuron = int(re.search(r"neuron (\d+)", before.get_ylabel()).group(1))
    for line, drive in zip(shown, stored, strict=True):
        np.testing.assert_allclose(line, drive[:, neuron])
    rates = drawn(rls_figures.learning(RATE_TRAINING, RATE_REPLAY))
    assert len(rates.axes) == 4  # a drive is not what follows a rate


def test_learning_of_a_series_has_a_line_for_each_value():
    figure = ALL["learning, series"]()
    curve, _, followers, weights = figure.axes[3:]
    found = [line for line in curve.lines if line.get_label() != "untrained"]
    assert [line.get_label() for line in found] == ["0.1", "1", "5"]
    mean = SERIES_TRAINING["curve_correlation"].values.reshape(3, 2, 4).mean(axis=1)
    np.testing.assert_allclose([line.get_ydata() for line in found], mean)
    assert [counted(bars) for bars in followers.containers] == [40, 40]  # of the last value
    last = SERIES_REPLAY["correlation"][4:].mean().item()
    assert any(f"trained: mean {last:.2f}" in word for word in words(figure))
    assert "training.lambda (in the histograms 5)" in words(figure)
    assert counted(weights.containers[0]) == 200


def test_learning_from_zero_weights_says_so():
    training, replay = made({"network": {"initial": "zero"}})
    training["weight_change"].attrs["relative"] = 0
    figure = drawn(rls_figures.learning(training, replay))
    assert "before: all 0" in words(figure)
    assert "change of the\nweights (norm)" in words(figure)
    training["weight"][:] = 0
    assert "all weights are 0" in words(drawn(rls_figures.learning(training, replay)))


# Excitatory and inhibitory neurons


def test_dale_counts_wrong_signs_zeros_and_frozen_synapses():
    figure = ALL["dale"]()
    sign = DALE_TRAINING["sign"].values[0][DALE_TRAINING["column"].values[:200]]
    weight = DALE_TRAINING["weight"].values[:200]
    frozen = DALE_TRAINING["frozen"].values[:200]
    for axes, own in zip(figure.axes[:2], (1, -1), strict=True):
        mine = sign == own
        wrong, zero = np.sum(weight[mine] * own < 0), np.sum(weight[mine] == 0)
        assert 0 < wrong < zero + wrong < mine.sum()
        text = axes.texts[0].get_text().split("\n")
        assert text[0] == f"wrong sign: {wrong} ({100 * wrong / mine.sum():.1f} %)"
        assert text[1].startswith(f"zero: {zero} ")
        assert text[2].startswith(f"frozen: {frozen[mine].sum()} ")
        assert counted(axes.containers[0]) == mine.sum()
        beyond = [
            bar for bar in axes.containers[0] if (bar.get_x() + bar.get_width() / 2) * own < 0
        ]
        assert counted(beyond) == 0  # before training no sign is wrong


def test_dale_shows_agreement_and_what_a_spike_changes():
    _, _, agreement, separation, *spectra = ALL["dale"]().axes
    for axes, name, moments in (
        (agreement, "agreement", DALE_REPLAY["moment"].values),
        (separation, "separation", np.arange(20, 81)),
    ):
        for prefix, color in (("untrained_", figures.BEFORE), ("", figures.AFTER)):
            (line,) = lines(axes, color, alpha=None)
            np.testing.assert_array_equal(line.get_xdata(), moments)
            values = DALE_REPLAY[prefix + name]
            mean = values.mean([dim for dim in values.dims if dim not in ("moment", "step")])
            np.testing.assert_allclose(line.get_ydata(), mean.values[-len(moments) :])
    values = eigenvalues()
    for axes, phase in zip(spectra, range(2), strict=True):
        expected = [values[f"eigenvalue_{part}_probe"][phase] for part in ("real", "imaginary")]
        np.testing.assert_allclose(axes.collections[0].get_offsets().T, expected)


def test_dale_draws_only_what_there_is():
    assert len(ALL["dale"]().axes) == 6
    plain = DALE_REPLAY.drop_dims(["moment", "step"])
    without = DALE_TRAINING.drop_vars("frozen")
    figure = drawn(rls_figures.dale(without, plain))
    assert len(figure.axes) == 2
    assert not any("frozen" in word for word in words(figure))
    others = eigenvalues().drop_vars("eigenvalue_real_probe")
    assert len(rls_figures.dale(without, plain, others).axes) == 2
    assert len(rls_figures.dale(without, plain, eigenvalues()).axes) == 4


def test_dale_without_inhibitory_neurons_or_weights_is_drawn():
    training, replay = made(merged(BALANCED, {"network": {"excitatory": 1}, "networks": 1}))
    assert words(drawn(rls_figures.dale(training, replay))).count("no synapses") == 1
    training["weight"][:] = 0
    training["initial_weight"][:] = 0
    assert "all weights are 0" in words(drawn(rls_figures.dale(training, replay)))
    undefined = eigenvalues() * np.nan
    drawn(rls_figures.dale(training, replay, undefined))


# Trained rates


def test_rates_are_ordered_by_the_peak_of_the_target():
    target, achieved, _, scatter, histogram = ALL["rates"]().axes
    per_10_ms = RATE_REPLAY["example_target"][0].values.astype(float)
    goal = tracking.smoothed_inside(100 * per_10_ms, 5, 1)
    rate = RATE_REPLAY["example_rate"][0].values.astype(float)
    order = np.argsort(goal.argmax(axis=0), kind="stable")
    np.testing.assert_allclose(target.images[0].get_array(), goal[:, order].T)
    np.testing.assert_allclose(achieved.images[0].get_array(), rate[:, order].T)
    assert target.images[0].get_clim() == achieved.images[0].get_clim()
    points = scatter.collections[0].get_offsets()
    np.testing.assert_allclose(points, np.stack([goal.mean(axis=0), rate.mean(axis=0)], axis=1))
    assert [counted(bars) for bars in histogram.containers] == [40, 40]


def test_rates_mark_silent_neurons():
    replay = RATE_REPLAY.copy(deep=True)
    replay["example_rate"][:, :, :3] = 0
    scatter = drawn(rls_figures.rates(replay)).axes[3]
    assert [text.get_text() for text in scatter.get_legend().get_texts()] == ["silent: 3 of 20"]
    assert [len(points.get_offsets()) for points in scatter.collections] == [17, 3]
    replay["example_rate"][:] = 0
    drawn(rls_figures.rates(replay))
    replay["example_target"][:] = 0
    assert "all rates are 0" in words(drawn(rls_figures.rates(replay)))


# Series and damage


def test_series_shows_networks_and_their_mean():
    above, below = ALL["series"]().axes
    found = {line.get_label(): line for line in above.lines}
    for label, name in (("trained", "correlation"), ("untrained", "untrained_correlation")):
        by_network = SERIES_REPLAY[name].mean(["pattern", "start", "follower"]).values
        np.testing.assert_array_equal(found[label].get_xdata(), [0.1, 1, 5])
        np.testing.assert_allclose(found[label].get_ydata(), by_network.reshape(3, 2).mean(axis=1))
    points = np.sort(above.collections[1].get_offsets()[:, 1])
    by_network = SERIES_REPLAY["correlation"].mean(["pattern", "start", "follower"]).values
    np.testing.assert_allclose(points, np.sort(by_network))
    error = SERIES_REPLAY["relative_error"].median("follower").mean(["pattern", "start"]).values
    np.testing.assert_allclose(below.lines[0].get_ydata(), error.reshape(3, 2).mean(axis=1))
    assert below.get_xlabel() == "training.lambda"
    assert below.get_xscale() == "log"
    assert [tick.get_text() for tick in below.get_xticklabels()] == ["0.1", "1", "5"]


def test_series_has_an_axis_that_fits_its_values():
    near = made({"series": {"key": "network.p", "values": [0.6, 0.5, 0.4]}})[1]
    axes = drawn(rls_figures.series(near)).axes[1]
    assert axes.get_xscale() == "linear" and axes.get_xlabel() == "network.p"
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), [0.4, 0.5, 0.6])
    zero = made({"series": {"key": "target.random_fraction", "values": [0, 0.01, 1]}})[1]
    assert drawn(rls_figures.series(zero)).axes[1].get_xscale() == "linear"
    one = made({"series": {"key": "training.lambda", "values": [2]}, "networks": 1})[1]
    drawn(rls_figures.series(one))


def test_series_of_words_has_categories_in_their_order():
    axes = drawn(rls_figures.series(made(KINDS)[1])).axes[1]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["random", "zero"]
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), [0, 1])


@pytest.mark.parametrize("networks", [1, 3])
def test_damage_shows_the_mean_over_draws_and_networks(networks):
    replay = made(merged(DAMAGE, {"networks": networks}))[1]
    figure = drawn(rls_figures.damage(replay))
    titles = ["neurons silenced", "stimulus scaled", "another stimulus", "synapses shuffled"]
    assert [axes.get_title() for axes in figure.axes] == titles
    kinds = replay["damage_kind"].values
    for axes, kind in zip(figure.axes, dict.fromkeys(kinds), strict=True):
        values = replay["damage_correlation"][:, kinds == kind]
        line, bars, (segments,) = axes.containers[0]
        np.testing.assert_allclose(line.get_xdata(), replay["damage_amount"][kinds == kind])
        np.testing.assert_allclose(line.get_ydata(), values.mean(["run", "draw"]))
        ends = np.array([segment[:, 1] for segment in segments.get_segments()])
        shown = values.mean("draw") if networks > 1 else values.isel(run=0)
        expected = [intervals.of_mean(of_case) for of_case in shown.transpose("case", ...).values]
        known = np.isfinite(np.array(expected)).all(axis=1)
        np.testing.assert_allclose(ends[known], np.array(expected)[known])
        assert known.all() or kind != "neurons"  # of which there are enough draws
        whole = replay["correlation"].mean().item()
        np.testing.assert_allclose(lines(axes, "black")[0].get_ydata(), whole)
    assert [axes.get_xscale() for axes in figure.axes[:2]] == ["log", "linear"]


def test_damage_of_one_kind_without_draws_that_count_is_drawn():
    replay = made(merged(DAMAGE, {"networks": 1}))[1].isel(case=slice(0, 3))
    assert len(drawn(rls_figures.damage(replay)).axes) == 1
    replay["damage_correlation"][:] = np.nan
    drawn(rls_figures.damage(replay.isel(draw=slice(0, 1))))


# What all have in common


def test_synthetic_rates_are_called_so():
    training, replay = made(merged(CORTICAL, {"test": DAMAGE["test"]}))
    synthetic = "targets: synthetic rates, not recordings"
    for figure in (
        rls_figures.targets_and_drive(replay),
        rls_figures.learning(training, replay),
        rls_figures.raster(replay),
        rls_figures.rates(replay),
        rls_figures.damage(replay),
    ):
        assert synthetic in "\n".join(words(figure))
    of_a_user = made(merged(CORTICAL, {"target": {"file": "my.npy"}}))[1]
    assert synthetic not in "\n".join(words(rls_figures.rates(of_a_user)))
    assert synthetic not in "\n".join(words(ALL["rates"]()))


def test_examples_of_a_series_say_which_value_they_have():
    for draw in (rls_figures.targets_and_drive, rls_figures.raster):
        assert "training.lambda: 5" in "\n".join(words(draw(SERIES_REPLAY)))


def test_what_is_of_one_network_says_which_and_how_good_it_is():
    replay = made(merged(CORTICAL, {"networks": 3}))[1]
    of_each = replay["correlation"].mean([d for d in replay["correlation"].dims if d != "run"])
    example = replay.attrs["example_run"]
    told = f"{of_each.values[example]:.2f} (of all: {of_each.mean():.2f})"
    for draw in (rls_figures.targets_and_drive, rls_figures.raster, rls_figures.rates):
        head = " ".join("\n".join(words(draw(replay))).split())
        assert f"network {example + 1} of 3, correlation {told}" in head
    alone = made(merged(CORTICAL, {"networks": 1}))[1]
    assert "network 1 of" not in "\n".join(words(rls_figures.rates(alone)))


def test_stores_read_from_files_are_drawn_alike(tmp_path):
    """Of words, for example, what is read has another type than what was written."""
    for name, change, draw in (
        ("damage", DAMAGE, rls_figures.damage),
        ("series", KINDS, rls_figures.series),
    ):
        replay = made(change)[1]
        stored = replay.drop_attrs(deep=False).assign_attrs(
            {key: replay.attrs[key] for key in ("example_run", "dt", "what")}
        )
        parameters = json.loads(replay.attrs["parameters"])
        facts = {"parameters": parameters, "seed": 1, "code_digest": "", "inputs": {}}
        path = tmp_path / f"{name}.zarr.zip"
        stores.write(stored, path, stage=f"rls_replay {name}", simulated_ms=1.0, **facts)
        assert words(drawn(draw(stores.read(path)))) == words(drawn(draw(replay)))


def test_one_network_one_follower_and_one_trial_are_drawn():
    change = {"networks": 1, "target": {"followers": 1}, "training": {"loops": 1}}
    training, replay = made(change)
    replay = replay.isel(start=[0], example=[0])
    training["curve_spread"][:] = np.nan
    assert len(drawn(rls_figures.targets_and_drive(replay)).axes) == 1
    figure = drawn(rls_figures.learning(training, replay))
    assert len(lines(figure.axes[0], figures.AFTER)) == 1
    assert len(drawn(rls_figures.raster(replay)).axes) == 1


def test_constant_targets_and_silent_networks_are_drawn():
    for change in (merged(BALANCED, TWO), merged(RATES, TWO)):
        training, replay = made(change, drive=0.0, spikes=0, rate=0.0)
        replay["example_target"][:] = 0
        replay["relative_error"][:] = np.nan
        for name in ("correlation", "untrained_correlation", "other_correlation"):
            replay[name][:] = 0
        assert words(drawn(rls_figures.raster(replay))).count("no spikes") == 2
        drawn(rls_figures.targets_and_drive(replay))
        drawn(rls_figures.learning(training, replay))
        drawn(rls_figures.patterns(replay))
        if "predicted_drive" in replay:
            replay["predicted_drive"][:] = 0
            replay["example_predicted_drive"][:] = 0
            replay["example_predicted_rate"][:] = 0
            replay["example_binned_rate"][:] = 0
            drawn(rls_figures.quasi_static(replay))
        if "separation" in replay:
            replay["separation"][:] = np.nan
            drawn(rls_figures.dale(training, replay))
    units = made({"network": {"neuron": "rate"}}, drive=0.0, spikes=0)[1]
    drawn(rls_figures.raster(units))


@pytest.mark.filterwarnings("ignore:All-NaN slice")
def test_series_without_a_defined_error_is_drawn():
    replay = SERIES_REPLAY.copy(deep=True)
    replay["relative_error"][:] = np.nan
    drawn(rls_figures.series(replay))
