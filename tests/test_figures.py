"""Figures: they show what the stores hold, say so when that is nothing, and repeat byte by byte."""

import warnings

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr

from simcore import figures, measures
from simcore.errors import UserError

CLUSTER = np.repeat(np.arange(4), 20).astype(np.int32)
N_E, N_I = len(CLUSTER), 20
ROUND = 200.0  # ms: each cluster is active for a quarter of it


def training(times, block_weight):
    """Return a store of a training stage; every fifth pair of neurons has a synapse."""
    pre, post = np.divmod(np.flatnonzero(np.arange(N_E**2) % 5 == 0), N_E)
    n = len(times)
    return xr.Dataset(
        {
            "e_to_e_row_pointer": ("e_to_e_row", np.searchsorted(pre, np.arange(N_E + 1))),
            "e_to_e_column": ("e_to_e_synapse", post),
            "e_to_e_weight": ("e_to_e_synapse", np.full(len(pre), 2.0)),
            "cluster": ("neuron_e", CLUSTER),
            "block_weight": (("time", "cluster_pre", "cluster_post"), block_weight),
            "i_to_e_mean": ("time", np.linspace(50, 70, n)),
            "rate_e": ("time", np.r_[np.nan, np.full(n - 1, 2.5)]),
            "rate_i": ("time", np.r_[np.nan, np.full(n - 1, 6.0)]),
        },
        coords={"time": np.asarray(times, float)},
    )


def learned_blocks(n):
    """Return n block weights in which only forward weights grow: 3, 4, 5, ... pF."""
    blocks = np.full((n, 4, 4), 1.5)
    for moment in range(n):
        blocks[moment, range(4), [1, 2, 3, 0]] = 3 + moment
        blocks[moment, range(4), range(4)] = 20
    return blocks


def replay(n_channels=3, duration=2000.0, spikes=True, labels="symbol"):
    """Return a store of a replay whose clusters fire in turn, with the read-outs following."""
    random = np.random.default_rng(1)
    onset = np.arange(0, duration, ROUND)[:, None] + ROUND / 4 * CLUSTER
    time = np.round(onset + random.integers(0, 400, onset.shape) / 10, 1)
    neuron = np.broadcast_to(np.arange(N_E), onset.shape)
    time_i = random.integers(0, int(10 * duration), 200) / 10
    target_time = np.arange(0, 180, 0.1)
    target = np.full((len(target_time), n_channels), 1.0)
    for channel in range(n_channels):
        target[channel::n_channels, channel] = 10
    kept = slice(None) if spikes else slice(0)
    store = xr.Dataset(
        {
            "spike_time": ("spike", np.r_[time.ravel(), time_i][kept]),
            "spike_neuron": (
                "spike",
                np.r_[neuron.ravel(), random.integers(N_E, N_E + N_I, 200)][kept],
            ),
            "readout_spike_time": ("readout_spike", np.sort(time[:, ::7].ravel())[kept]),
            "readout_spike_channel": (
                "readout_spike",
                random.integers(0, n_channels, time[:, ::7].size)[kept],
            ),
            "cluster": ("neuron_e", CLUSTER),
            "target_rate": (("time", "channel"), target),
        },
        coords={"time": target_time},
        attrs={"simulated_ms": duration, "neurons_e": N_E, "neurons_i": N_I},
    )
    return label(store, n_channels, labels)


def label(store, n_channels, labels):
    if labels == "symbol":
        store["symbol"] = "channel", np.array(list("ABCDEF")[:n_channels], object)
    if labels == "frequency":
        store["frequency"] = "channel", np.linspace(861.3, 8441, n_channels)
    return store


def readout(n_channels=3, tests=3, labels="symbol"):
    random = np.random.default_rng(2)
    store = xr.Dataset(
        {
            "readout_weight": (("channel", "neuron_e"), random.random((n_channels, N_E))),
            "error_curve": ("learning_time", np.linspace(0.4, 0.2, tests)),
            "correlation_curve": ("learning_time", np.linspace(0.1, 0.7, tests)),
            "cluster": ("neuron_e", CLUSTER),
        },
        coords={"learning_time": 12e3 * np.arange(1, tests + 1)},
    )
    return label(store, n_channels, labels)


def analysis(replayed, periods=(200.0, 201.0, 199.0, 230.0), passes=True):
    random = np.random.default_rng(3)
    starts = np.zeros(0)
    if passes:
        starts = measures.pass_starts(
            replayed["spike_time"].values,
            replayed["spike_neuron"].values,
            CLUSTER,
            4,
            replayed.attrs["simulated_ms"],
            180.0,
            burn_in=50.0,
        )
    error, correlation = measures.evaluate_passes(
        replayed["readout_spike_time"].values,
        replayed["readout_spike_channel"].values,
        starts,
        replayed["target_rate"].values,
        dt=0.1,
    )
    values = random.standard_normal((2, N_E + N_I)) + 1j * random.standard_normal((2, N_E + N_I))
    values[:, :2] = -100 + 300j, -100 - 300j
    reduced = values[:, :5]
    return xr.Dataset(
        {
            "period": ("pass", np.array(periods)),
            "cluster_time": ("timed_cluster", 10.0 * np.arange(5), {"passes": 100}),
            "cluster_time_sd": ("timed_cluster", 0.3 * np.sqrt(10.0 * np.arange(5))),
            "last_cluster_time": ("timed_pass", 40 + random.standard_normal(100)),
            "eigenvalue_real": (("phase", "eigenvalue"), values.real),
            "eigenvalue_imaginary": (("phase", "eigenvalue"), values.imag),
            "cluster_eigenvalue_real": (("phase", "cluster_eigenvalue"), reduced.real),
            "cluster_eigenvalue_imaginary": (("phase", "cluster_eigenvalue"), reduced.imag),
            "disynaptic_inhibition": (
                ("phase", "cluster_pre", "cluster_post"),
                np.array([np.ones((4, 4)), 1 + 0.1 * np.roll(np.eye(4), 1, axis=1)]),
            ),
            "pass_start_abc": ("pass_abc", starts),
            "pass_error_abc": ("pass_abc", error),
            "pass_correlation_abc": ("pass_abc", correlation),
        },
        coords={"phase": np.array(["before", "after"], object)},
    )


def sounds():
    """Return a store of a song turned into sound, with as many frames as a real one."""
    amplitude = np.random.default_rng(2).random((2, 3308, 45))
    return xr.Dataset(
        {"sound_amplitude": (("kind", "frame", "channel"), amplitude)},
        coords={
            "kind": np.array(["target", "replay"], object),
            "frame": np.arange(3308) * 0.1814,
            "frequency": ("channel", 861 + 172 * np.arange(45)),
        },
    )


def words(figure):
    """Return all text of a figure."""
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]


def drawn(figure):
    """Draw a figure, with every warning of matplotlib's an error, and return it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.draw_without_rendering()
    return figure


NETWORK = training([0, 5e3], np.full((2, 4, 4), 4.0))
EMBEDDING = training([0, 60e3, 120e3], learned_blocks(3))
CONSOLIDATION = training([0, 60e3], learned_blocks(5)[3:])

NO_SPIKES = replay(spikes=False)
SONG = replay(45, labels="frequency")
ALL = {
    "weights": lambda: figures.weights(NETWORK, CONSOLIDATION),
    "time_course": lambda: figures.time_course(EMBEDDING, CONSOLIDATION),
    "stability": lambda: figures.stability(CONSOLIDATION, EMBEDDING),
    "spectrum": lambda: figures.spectrum(analysis(replay())),
    "inhibition": lambda: figures.inhibition(analysis(replay())),
    "linear_model": lambda: figures.linear_model(CONSOLIDATION, analysis(replay())),
    "replay_raster": lambda: figures.replay_raster(replay()),
    "replay_raster, song": lambda: figures.replay_raster(SONG),
    "replay_raster, clock": lambda: figures.replay_raster(
        replay().drop_dims(["readout_spike", "channel", "time"])
    ),
    "readout_weights": lambda: figures.readout_weights(readout()),
    "readout_weights, song": lambda: figures.readout_weights(readout(45, labels="frequency")),
    "readout_weights, file": lambda: figures.readout_weights(readout(12, labels=None)),
    "target_and_replay": lambda: figures.target_and_replay(replay(), analysis(replay()), "abc"),
    "target_and_replay, song": lambda: figures.target_and_replay(SONG, analysis(SONG), "abc"),
    "sound": lambda: figures.sound(sounds()),
    "periods": lambda: figures.periods(analysis(replay())),
    "variability": lambda: figures.variability(analysis(replay())),
    "learning_curve": lambda: figures.learning_curve(readout()),
}


@pytest.mark.parametrize("name", ALL)
def test_axes_are_labelled_and_text_is_legible(name):
    figure = drawn(ALL[name]())
    # On a page of 1280 pixels a figure of half the width has 600; below 11 reading is hard.
    assert figure.get_figwidth() == figures.WIDTH
    smallest = min(text.get_fontsize() for text in figure.findobj(mpl.text.Text))
    assert smallest / 72 * 600 / figures.WIDTH >= 11
    units = ("pF", "Hz", "ms", "(s)", "(min)", "cluster", "neuron", "error")
    assert any(unit in word for word in words(figure) for unit in units)
    assert figure.get_supxlabel() or any(axes.get_xlabel() for axes in figure.axes)
    assert figure.get_supylabel() or any(axes.get_ylabel() for axes in figure.axes)


@pytest.mark.parametrize("name", ALL)
def test_files_are_small_and_repeat_byte_by_byte(name, tmp_path):
    for stem in ("first", "second"):
        figures.save(ALL[name](), tmp_path / stem)
    for suffix, most in ((".png", 400e3), (".pdf", 300e3)):
        first = (tmp_path / f"first{suffix}").read_bytes()
        assert first == (tmp_path / f"second{suffix}").read_bytes()
        assert len(first) < most
        assert b"Date" not in first


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_cut_off_at_the_edge(name, tmp_path):
    figures.save(ALL[name](), tmp_path / name)
    image = mpl.image.imread(tmp_path / f"{name}.png")[..., :3]
    for edge in (image[0], image[-1], image[:, 0], image[:, -1]):
        assert np.all(edge == 1)


@pytest.mark.parametrize("name", ALL)
def test_few_colours_look_like_all(name, tmp_path):
    figures.save(ALL[name](), tmp_path / name)
    with mpl.rc_context(figures.STYLE):
        figure = ALL[name]()
        figure.draw_without_rendering()
        figure.savefig(tmp_path / "all.png", dpi=figures.DPI)
    few, every = (mpl.image.imread(tmp_path / f"{one}.png")[..., :3] for one in (name, "all"))
    assert few.shape == every.shape
    assert np.abs(few - every).max() < 0.1


def test_settings_of_the_user_change_nothing_and_stay(tmp_path):
    figures.save(ALL["periods"](), tmp_path / "plain")
    with mpl.rc_context({"font.size": 30, "axes.grid": True, "text.color": "red"}):
        figures.save(ALL["periods"](), tmp_path / "own")
        assert mpl.rcParams["font.size"] == 30
    assert (tmp_path / "plain.png").read_bytes() == (tmp_path / "own.png").read_bytes()


def test_a_folder_that_is_a_file_is_the_users_mistake(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"periods\.png"):
        figures.save(ALL["periods"](), tmp_path / "file" / "periods")


def test_weights_shows_each_block_from_pre_to_post_on_one_scale():
    images = [axes.images[0] for axes in ALL["weights"]().axes[:3]]
    after = images[2].get_array()
    assert after[1, 0] == 7  # from cluster 0 (x) to cluster 1 (y)
    assert after[0, 1] == 1.5
    assert after[0, 3] == 7  # from the last to the first
    assert images[0].norm is images[1].norm is images[2].norm
    assert images[0].norm.vmin == 1.5 and images[0].norm.vmax == 20


def test_weights_shows_blocks_without_synapses_as_missing():
    consolidation = CONSOLIDATION.copy(deep=True)
    consolidation["block_weight"][-1, 0, 2] = np.nan
    figure = drawn(figures.weights(NETWORK, consolidation))
    array = figure.axes[2].images[0].get_array()
    assert np.ma.getmaskarray(np.ma.masked_invalid(array)).nonzero() == (2, 0)


def test_variability_shows_the_fit_and_the_last_cluster():
    growth, last = ALL["variability"]().axes
    labels = growth.get_legend_handles_labels()[1]
    assert labels[0].startswith("0.3 ") and "straight line" in labels[1]
    assert last.get_title() == "40 ± 1.0 ms, 100 passes"
    empty = analysis(replay()).isel(timed_cluster=slice(0, 1), timed_pass=slice(0, 0))
    shown = words(drawn(figures.variability(empty)))
    assert "no regular pass" in shown and any("fewer than" in text for text in shown)


def test_stability_shows_both_stages_on_one_scale():
    own, others = ALL["stability"]().axes
    assert own.get_ylim() == others.get_ylim()
    for axes, minutes, forward in ((own, [0, 1], [6, 7]), (others, [0, 1, 2], [3, 4, 5])):
        (line,) = (line for line in axes.lines if line.get_label() == "forward")
        np.testing.assert_allclose(line.get_xydata(), np.transpose([minutes, forward]))


def test_linear_model_shows_the_derived_line_and_the_learned_ring():
    model, learned = ALL["linear_model"]().axes
    marks = [line.get_xydata() for line in model.lines if "self-coupling" in line.get_label()]
    (derived,) = (line.get_xydata() for line in model.lines if line.get_label() == "derived")
    assert len(marks) == 3
    for points in marks:
        np.testing.assert_allclose(points, derived, atol=1e-6)
    ring, eigenvalues = (points.get_offsets() for points in learned.collections)
    # Four clusters: forward 7 above backward and the rest 1.5 pF.
    expected = measures.ring_eigenvalues(measures.WeightSummary(20, 7, 1.5, 1.5), 4, 4)
    np.testing.assert_allclose(ring, np.transpose([expected.real, expected.imag]))
    assert len(eigenvalues) == 3  # five, less the pair far off


def test_inhibition_is_shown_by_the_distance_along_the_chain():
    learned, profile = ALL["inhibition"]().axes[:2]
    lines = {line.get_label(): line.get_xydata() for line in profile.lines}
    np.testing.assert_allclose(lines["before"], [[-2, 1], [-1, 1], [0, 1], [1, 1]])
    np.testing.assert_allclose(lines["after"], [[-2, 1], [-1, 1], [0, 1], [1, 1.1]])
    (image,) = learned.images
    np.testing.assert_allclose(image.get_array()[1], [1.1, 1, 1, 1])  # onto cluster 1
    assert image.get_clim() == pytest.approx((0.9, 1.1))


def test_time_course_joins_the_stages():
    blocks, strength, inhibition, rates = ALL["time_course"]().axes
    curves = {}
    for line in blocks.lines:
        curves.setdefault(line.get_label(), []).append(line.get_xydata())
    np.testing.assert_allclose(np.concatenate(curves["forward"])[:, 0], [0, 1, 2, 2, 3])
    np.testing.assert_allclose(np.concatenate(curves["forward"])[:, 1], [3, 4, 5, 6, 7])
    np.testing.assert_allclose(np.concatenate(curves["within"])[:, 1], 20)
    for kind in ("backward", "rest"):
        np.testing.assert_allclose(np.concatenate(curves[kind])[:, 1], 1.5)
    assert [text.get_text() for text in blocks.get_legend().get_texts()] == list(figures.BLOCKS)
    mean = np.concatenate([line.get_xydata() for line in strength.lines[:2]])
    np.testing.assert_allclose(mean[:, 0], [0, 1, 2, 2, 3])
    assert np.all(np.diff(mean[:3, 1]) < 0)  # forward weights grow, those within do not
    of_clusters = [collection.get_segments() for collection in strength.collections]
    for segments, part in zip(of_clusters, (mean[:3], mean[3:]), strict=True):
        np.testing.assert_allclose(np.mean(segments, axis=0), part)


def test_spectrum_names_the_pair_that_it_leaves_out():
    figure = ALL["spectrum"]()
    assert words(figure).count("outside: −100 ± 300i pF") == 4
    assert len(figure.axes[0].collections[0].get_offsets()) == N_E + N_I - 2
    assert np.abs(figure.axes[0].collections[0].get_offsets()).max() < 10


def test_spectrum_shows_all_where_none_is_far():
    few = analysis(replay())
    for part in ("real", "imaginary"):
        few[f"eigenvalue_{part}"][:, :2] = 0.5
    figure = figures.spectrum(few)
    assert len(figure.axes[0].collections[0].get_offsets()) == N_E + N_I


def test_raster_shows_the_spikes_of_the_last_three_periods():
    stored = replay()
    excitatory, inhibitory, readouts = ALL["replay_raster"]().axes
    begin, end = np.array(excitatory.get_xlim()) * 1000
    assert end == 2000
    assert end - begin == pytest.approx(3 * ROUND, abs=30)
    shown = stored["spike_time"].values >= begin
    neuron = stored["spike_neuron"].values[shown]
    assert len(excitatory.collections[0].get_offsets()) == np.sum(neuron < N_E)
    assert len(inhibitory.collections[0].get_offsets()) == np.sum(neuron >= N_E)
    assert [tick.get_text() for tick in readouts.get_yticklabels()] == ["A", "B", "C"]


@pytest.mark.parametrize(("at", "begin"), [(1000, 1000 - 1.5 * ROUND), (50, 0)])
def test_raster_shows_the_moment_of_damage(at, begin):
    stored = replay().assign_attrs(damaged_at_ms=at)
    for axes in figures.replay_raster(stored).axes:
        first, last = np.array(axes.get_xlim()) * 1000
        assert first == pytest.approx(begin, abs=15)
        assert last - first == pytest.approx(3 * ROUND, abs=30)
        (line,) = (one for one in axes.lines if len(set(one.get_xdata())) == 1)
        assert line.get_xdata()[0] == at / 1000


def test_raster_orders_neurons_by_cluster():
    stored = replay()
    shuffled = np.random.default_rng(0).permutation(CLUSTER)
    stored["cluster"] = "neuron_e", shuffled
    points = figures.replay_raster(stored).axes[0].collections[0]
    row = points.get_offsets()[:, 1].astype(int)
    color = points.get_facecolors()
    for cluster in range(4):
        of_cluster = color[row // 20 == cluster]
        assert (of_cluster == of_cluster[0]).all()


def test_target_and_replay_shows_the_pass_of_median_error():
    stored = replay()
    measured = analysis(stored)
    error = measured["pass_error_abc"].values
    figure = ALL["target_and_replay"]()
    median = np.sort(error)[(len(error) - 1) // 2]
    correlation = measured["pass_correlation_abc"].values[error == median][0]
    assert f"error {median:.2f}, correlation {correlation:.2f}" in figure.axes[1].get_title()
    assert f"mean of {len(error)} passes: error {error.mean():.2f}" in figure.axes[2].get_title()
    lines = np.array([line.get_ydata() for line in figure.axes[1].lines]).T
    assert measures.readout_error(lines, stored["target_rate"].values) == pytest.approx(median)
    np.testing.assert_array_equal(figure.axes[0].lines[1].get_ydata(), stored["target_rate"][:, 1])


def test_images_of_many_channels_keep_their_mean_and_frequencies():
    figure = ALL["target_and_replay, song"]()
    target, axes = SONG["target_rate"].values, figure.axes[0]
    np.testing.assert_allclose(axes.images[0].get_array().mean(axis=1), target.mean(axis=0))
    ticks = dict(
        zip([t.get_text() for t in axes.get_yticklabels()], axes.get_yticks(), strict=True)
    )
    assert np.interp(ticks["4"], range(45), SONG["frequency"]) == pytest.approx(4000)


def test_periods_counts_every_period():
    figure = ALL["periods"]()
    assert sum(bar.get_height() for bar in figure.axes[0].containers[0]) == 4
    assert "periods: 4, mean 208 ms (line), sd 13 ms (band)" in words(figure)


def test_readout_weights_are_ordered_by_cluster_and_averaged():
    stored = readout()
    order = np.random.default_rng(0).permutation(N_E)
    shuffled = stored.isel(neuron_e=order)
    axes = figures.readout_weights(shuffled).axes
    expected = stored["readout_weight"].values.reshape(3, 4, 20).mean(axis=2)
    np.testing.assert_allclose([line.get_ydata() for line in axes[1].lines], expected)
    image = np.asarray(axes[0].images[0].get_array()).reshape(3, 4, 20)
    np.testing.assert_allclose(image.mean(axis=2), expected)


def test_the_ring_is_around_the_test_whose_weights_are_kept():
    stored = readout(tests=3)
    time, correlation = (stored[n].values for n in ("learning_time", "correlation_curve"))
    axes = drawn(figures.learning_curve(stored.assign_attrs(kept_after_ms=time[1]))).axes[0]
    (ring,) = axes.collections
    np.testing.assert_allclose(ring.get_offsets(), [[time[1] / 1000, correlation[1]]])


def test_learning_curve_is_in_seconds():
    error, correlation = ALL["learning_curve"]().axes[0].lines
    np.testing.assert_allclose(error.get_xdata(), [12, 24, 36])
    np.testing.assert_allclose(error.get_ydata(), [0.4, 0.3, 0.2])
    np.testing.assert_allclose(correlation.get_ydata(), [0.1, 0.4, 0.7])


# What small studies leave


def test_no_period_is_said():
    assert "no complete pass" in words(drawn(figures.periods(analysis(replay(), periods=()))))


@pytest.mark.parametrize("periods", [(200.0,), (200.0, 200.0, 200.0)])
def test_equal_periods_have_a_bar(periods):
    figure = drawn(figures.periods(analysis(replay(), periods=periods)))
    assert [bar.get_height() for bar in figure.axes[0].containers[0]] == [len(periods)]


@pytest.mark.parametrize("stored", [replay(), SONG], ids=["symbols", "song"])
def test_no_pass_is_said_below_the_target(stored):
    figure = figures.target_and_replay(stored, analysis(stored, passes=False), "abc")
    assert words(drawn(figure)).count("no complete pass") == 2


@pytest.mark.parametrize("n_channels", [3, 45])
def test_silent_readouts_are_drawn(n_channels):
    stored = replay(n_channels, labels=None)
    silent = stored.isel(readout_spike=slice(0))
    figure = drawn(figures.target_and_replay(silent, analysis(silent), "abc"))
    assert any("correlation undefined" in word for word in words(figure))
    assert words(figure).count("no spikes") == 2
    drawn(figures.replay_raster(silent))


def test_silent_networks_are_drawn():
    assert words(drawn(figures.replay_raster(NO_SPIKES))).count("no spikes") == 3


def test_short_replays_are_drawn_whole():
    axes = drawn(figures.replay_raster(replay(duration=150.0))).axes[0]
    assert axes.get_xlim() == (0, 0.15)


@pytest.mark.parametrize("tests", [0, 1, 2])
def test_learning_without_a_pass_is_drawn(tests):
    stored = readout(tests=tests)
    stored["error_curve"][:] = np.nan
    stored["correlation_curve"][:] = np.nan
    assert "no complete pass in any test" in words(drawn(figures.learning_curve(stored)))


def test_a_single_test_and_partly_undefined_ones_are_drawn():
    drawn(figures.learning_curve(readout(tests=1)))
    stored = readout()
    stored["correlation_curve"][0] = np.nan
    drawn(figures.learning_curve(stored))


def test_stages_of_two_moments_and_silent_ones_are_drawn():
    short = training([0, 20e3], learned_blocks(2))
    short["rate_e"][:] = np.nan
    drawn(figures.time_course(short, short))


def test_weights_of_zero_are_drawn():
    stored = readout()
    stored["readout_weight"][:] = 0
    drawn(figures.readout_weights(stored))
    drawn(figures.weights(NETWORK * 0, CONSOLIDATION * 0))
    drawn(figures.weights(NETWORK, training([0, 1], np.full((2, 4, 4), 4.0))))
