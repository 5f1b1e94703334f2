"""The stages of the clock as functions: a whole chain without any workflow."""

import numpy as np
import pytest
import xarray as xr

from simcore import clock, connectivity, damage, datasets, measures, stages
from simcore.errors import UserError
from simcore.measures import Rhythm
from simcore.parameters import Clock, Damage, Study, SymbolTarget
from simcore.streams import stream

SEED = 3
SMALL = {"clusters": 4, "cluster_size": 20, "connectivity": "hard-wired"}


def given(**clock):
    """Parameters of a small study by group."""
    study = Study(
        study="small",
        clock=SMALL | clock,
        readout={
            "learning_block": 1000,
            "learning_min": 1000,
            "learning_max": 2000,
            "test": 1000,
        },
        replay={"duration": 1000},
    )
    target = SymbolTarget(kind="symbols", sequence="AB", length=50)
    return {
        "clock": study.clock.model_dump(),
        "readout": study.readout.model_dump(),
        "replay": study.replay.model_dump(),
        "dt": study.dt,
        "target": target.model_dump(),
        "sequences": target.sequences,
        "baseline_rate": study.readout.baseline_rate,
    }


@pytest.fixture(scope="module")
def wired():
    """The hard-wired clock and its replay."""
    network = stages.network(given(), SEED)
    return network, stages.replay(given(), SEED, network, name="replay_clock")


def test_a_clock_is_built_replayed_and_measured(wired):
    network, replayed = wired
    assert network.attrs["simulated_ms"] == 0
    assert replayed.attrs["simulated_ms"] == 1000
    numbers, variables = stages.rhythm(replayed, 0.1)
    excitatory = np.count_nonzero(replayed["spike_neuron"].values < 80)
    assert numbers["clock.replay.rate_e"] == (pytest.approx(excitatory / 80), "Hz")
    assert variables["winner"].size == 1000


def stepping_clock(rounds, start=500, end=1500):
    """A replay in which the 4 neurons of one cluster after the other fire at once, every 10 ms.

    Of 3 I neurons one fires every 100 ms.
    """
    cluster = np.concatenate(rounds)
    time = np.repeat(start + 10.0 * np.arange(cluster.size), 4)
    neuron = (4 * cluster[:, None] + np.arange(4)).ravel()
    inhibitory = np.arange(100.0, end + 1, 100)
    order = np.argsort(np.append(time, inhibitory), kind="stable")
    return xr.Dataset(
        {
            "spike_time": ("spike", np.append(time, inhibitory)[order]),
            "spike_neuron": (
                "spike",
                np.append(neuron, 20 + np.arange(inhibitory.size) % 3)[order],
            ),
            "cluster": ("neuron_e", np.repeat(np.arange(5), 4)),
        },
        attrs={"simulated_ms": float(end), "neurons_e": 20, "neurons_i": 3},
    )


def test_a_rhythm_has_the_numbers_that_were_counted_by_hand():
    """Cluster 1 stays twice as long as the others; mostly the chain breaks off after 3."""
    whole, broken = [0, 1, 1, 2, 3, 4], [0, 1, 1, 2, 3]
    numbers, variables = stages.rhythm(stepping_clock([whole, broken, broken, broken, whole]), 0.1)
    expected = {
        "rate_e": (27 * 4 / 20 / 1.5, "Hz"),
        "rate_i": (15 / 3 / 1.5, "Hz"),
        "period_mean": (52.5, "ms"),  # 60, 50, 50, 50
        "period_sd": (np.sqrt(18.75), "ms"),
        "order": (18 / 21, "1"),
        "dwell_time": ((17 * 10**2 + 5 * 20**2) / (17 * 10 + 5 * 20), "ms"),
        "broken_links": (1, "1"),
    }
    assert numbers.keys() == {f"clock.replay.{part}" for part in expected}
    for part, (value, unit) in expected.items():
        assert numbers[f"clock.replay.{part}"] == (pytest.approx(value), unit), part
    np.testing.assert_array_equal(variables["period"], [60, 50, 50, 50])


def test_what_was_before_the_damage_does_not_count():
    """The chain breaks off after 3 from 710 ms on; before it ran round as often."""
    whole, broken = [0, 1, 2, 3, 4], [0, 1, 2, 3]
    played = stepping_clock([whole] * 4 + [broken] * 5, start=510)
    numbers, _ = stages.rhythm(played, 0.1)
    assert numbers["clock.replay.broken_links"] == (0, "1")
    assert numbers["clock.replay.period_mean"][0] > 40
    damaged = played.assign_attrs(damaged_at_ms=705.0)
    numbers, variables = stages.rhythm(damaged, 0.1)
    assert numbers["clock.replay.broken_links"] == (1, "1")
    assert numbers["clock.replay.period_mean"] == (40, "ms")
    assert numbers["clock.replay.rate_e"] == (pytest.approx(20 * 4 / 20 / 0.795), "Hz")
    assert numbers["clock.replay.rate_i"] == (pytest.approx(8 / 3 / 0.795), "Hz")
    assert variables["winner"].size == 1500


def test_passes_begin_after_the_burn_in_and_have_the_read_outs_rate():
    """Cluster 0 leads from the start until 210 ms, and once more from 250 ms on."""
    played = stepping_clock([[0] * 20, [1, 2, 3, 4], [0, 1, 2, 3, 4]], start=10).assign(
        target_rate=(("time", "channel"), np.repeat([[1.0, 1, 10], [10, 1, 1]], 200, axis=0)),
        readout_spike_time=("readout_spike", np.arange(100.0, 400, 10)),
        readout_spike_channel=("readout_spike", np.arange(30) % 3),
    )
    numbers, variables = stages.passes(played, 0.1, 50.0, name="ab")
    np.testing.assert_allclose(variables["pass_start_ab"], [50, 90, 130, 170, 250])
    assert numbers["readout.ab.passes"] == (5, "passes")
    assert numbers["readout.ab.rate"] == (pytest.approx(30 / 3 / 1.5), "Hz")
    numbers, variables = stages.passes(
        played.assign_attrs(damaged_at_ms=125.0), 0.1, 50.0, name="ab"
    )
    np.testing.assert_allclose(variables["pass_start_ab"], [125, 165, 205, 250])
    assert numbers["readout.ab.rate"] == (pytest.approx(27 / 3 / 1.375), "Hz")


def test_the_same_arguments_give_the_same_replay_another_name_does_not(wired):
    network, replayed = wired
    again = stages.replay(given(), SEED, network, name="replay_clock")
    xr.testing.assert_identical(again, replayed)
    other = stages.replay(given(), SEED, network, name="another")
    assert not other["spike_time"].equals(replayed["spike_time"])


def test_readouts_learn_and_replay(wired):
    network, replayed = wired
    said = []
    target = stages.target(given(), replayed, name="ab", say=said.append)
    learned = stages.learn(given(), SEED, network, target, name="ab", say=said.append)
    assert learned.attrs["simulated_ms"] in (1000, 2000)
    assert any("replay error" in sentence for sentence in said)
    # So small a clock brings its read-outs to no spike: weights that do.
    learned = learned.assign(readout_weight=200 * learned["readout_weight"])
    played = stages.replay(given(), SEED, network, name="played", target=target, learned=learned)
    numbers, variables = stages.passes(played, 0.1, 0.0, name="ab")
    parts = ("error", "correlation", "used_error", "used_correlation", "passes", "rate")
    parts += ("correlation_in_time", "static_error", "static_correlation")
    assert set(numbers) == {f"readout.ab.{part}" for part in parts}
    # Louder in one channel by the same at all times: nothing that happens in time has changed.
    louder = played.assign(target_rate=played["target_rate"] + [0.0, 70.0])
    numbers_of_louder, _ = stages.passes(louder, 0.1, 0.0, name="ab")
    in_time = "readout.ab.correlation_in_time"
    assert numbers_of_louder[in_time][0] == pytest.approx(numbers[in_time][0])
    assert numbers_of_louder["readout.ab.static_correlation"][0] > 0.9
    assert numbers["readout.ab.used_error"] == numbers["readout.ab.error"]
    assert numbers["readout.ab.rate"] == (played.sizes["readout_spike"] / 2, "Hz")
    assert variables["pass_start_ab"].size == variables["pass_error_ab"].size
    assert set(played["readout_spike_channel"].values) == {0, 1}


@pytest.mark.parametrize("burn_in", [50, 1000])
def test_no_pass_of_a_test_begins_before_the_burn_in(wired, burn_in):
    """Of 1000 ms, as long as the test: then it sees no pass."""
    network, replayed = wired
    asked = given()
    asked["readout"]["burn_in"] = burn_in
    target = stages.target(asked, replayed, name="ab")
    learned = stages.learn(asked, SEED, network, target, name="ab")
    assert np.isnan(learned["error_curve"]).all() == (burn_in == 1000)


def test_a_target_that_never_changes_is_refused(wired):
    asked = given()
    asked["sequences"], asked["target"]["lead"] = ["A"], 0
    with pytest.raises(UserError, match="targets.a never changes"):
        stages.target(asked, wired[1], name="a")


def test_a_replay_without_a_pass_has_no_correlation(wired):
    network, replayed = wired
    target = stages.target(given(), replayed, name="ab")
    learned = xr.Dataset({"readout_weight": (("channel", "neuron_e"), np.zeros((2, 80)))})
    played = stages.replay(given(), SEED, network, name="played", target=target, learned=learned)
    silent = played.isel(spike=slice(0, 0))
    numbers, _ = stages.passes(silent, 0.1, 0.0, name="ab")
    for part in ("correlation", "used_correlation", "correlation_in_time"):
        assert numbers[f"readout.ab.{part}"] == (0, "1")
    assert numbers["readout.ab.passes"] == (0, "passes")
    assert np.isnan(numbers["readout.ab.error"][0])


def test_channels_that_a_target_does_not_use_are_left_out(wired):
    network, replayed = wired
    asked = given()
    asked["sequences"] = ["AB", "CD"]
    both = stages.target(asked, replayed, name="ab")
    learned = xr.Dataset({"readout_weight": (("channel", "neuron_e"), np.full((4, 80), 20.0))})
    played = stages.replay(given(), SEED, network, name="played", target=both, learned=learned)
    numbers, _ = stages.passes(played, 0.1, 0.0, name="ab")
    first = played.isel(channel=slice(0, 2))
    heard = first["readout_spike_channel"] < 2
    alone, _ = stages.passes(first.isel(readout_spike=heard.values), 0.1, 0.0, name="ab")
    assert numbers["readout.ab.used_error"] == alone["readout.ab.error"]
    assert numbers["readout.ab.used_error"] != numbers["readout.ab.error"]


@pytest.mark.parametrize(("selected", "pattern"), [(None, 0), ("AB", 0), ("CD", 1)])
def test_read_outs_of_the_sequences_that_are_not_selected_are_inhibited(wired, selected, pattern):
    network, replayed = wired
    asked = given()
    asked["sequences"] = ["AB", "CD"]
    asked["target"]["selected"] = selected
    target = stages.target(asked, replayed, name="ab")
    learned = xr.Dataset({"readout_weight": (("channel", "neuron_e"), np.full((4, 80), 40.0))})
    played = stages.replay(asked, SEED, network, name="played", target=target, learned=learned)
    np.testing.assert_array_equal(played["target_rate"], target["target_rate"][pattern])
    fired = np.bincount(played["readout_spike_channel"], minlength=4).reshape(2, 2)
    assert fired[pattern].min() > 10 > 3 * fired[1 - pattern].max()


def test_training_goes_on_from_the_stage_before():
    short = given(
        connectivity="trained",
        balancing=200,
        balancing_static=100,
        embedding=300,
        consolidation=100,
    )
    network = stages.network(short, SEED)
    embedded = stages.training(short, SEED, network, name="embedding")
    assert embedded.attrs["simulated_ms"] == 300
    before, after = (datasets.read_connectivity(stage).e_to_e for stage in (network, embedded))
    assert np.array_equal(before.column, after.column)
    assert not np.array_equal(before.weight, after.weight)


def test_weights_rest_for_the_static_part_of_the_balancing_and_learn_from_then_on():
    short = given(connectivity="trained", balancing=300, balancing_static=100)
    start = connectivity.build(Clock.model_validate(short["clock"]), stream(SEED, "weights"))
    unchanged = []

    def watch(run, total):
        def tick(simulated):
            weight = run.state.i_to_e.weight
            unchanged.append(np.array_equal(weight, start.i_to_e.weight.astype(weight.dtype)))

        return tick

    learned = stages.network(short, SEED, watch=watch)
    assert unchanged == [True, False, False]
    short["clock"]["balancing"] = 100
    static = stages.network(short, SEED)
    assert static.sizes["spike"] > 50
    for group in ("e_to_e", "i_to_e"):
        name, expected = f"{group}_weight", getattr(start, group).weight.astype(np.float32)
        np.testing.assert_array_equal(static[name], expected)
        assert not np.array_equal(learned[name], expected)


def share_of_whose_turn_it_is(stage, order):
    """Part of the E spikes that the cluster fires whose turn to be stimulated, for 15 ms, it is."""
    excitatory = stage["spike_neuron"].values < stage.sizes["neuron_e"]
    step = np.rint(stage["spike_time"].values[excitatory] / 0.1).astype(int)
    cluster = stage["cluster"].values[stage["spike_neuron"].values[excitatory]]
    return np.mean(cluster == order[(step - 1) // 150 % order.size])


@pytest.mark.parametrize("order", ["sequential", "random"])
def test_clusters_are_stimulated_in_their_order_while_they_are_embedded_not_afterwards(order):
    short = given(
        connectivity="trained",
        clusters=8,
        cluster_size=40,
        balancing=100,
        balancing_static=100,
        embedding=300,
        consolidation=300,
        stimulation={"order": order},
    )
    network = stages.network(short, SEED)
    embedded = stages.training(short, SEED, network, name="embedding")
    consolidated = stages.training(short, SEED, embedded, name="consolidation")
    parameters = Clock.model_validate(short["clock"])
    turns = clock.stimulation_order(parameters, 0.1, 300, 8, stream(SEED, "stimulation"))
    assert share_of_whose_turn_it_is(embedded, turns) > 0.6
    assert share_of_whose_turn_it_is(consolidated, turns) < 0.3


def test_weights_right_after_the_embedding_are_where_the_consolidation_begins(
    embedded, consolidated
):
    _, before = embedded
    found = stages.embedded_weights(consolidated)
    expected = stages.block_weights(datasets.read_connectivity(before))
    for name, (value, unit) in expected.items():
        part = name.rpartition(".")[2]
        value_found, unit_found = found[f"clock.weights.embedded_{part}"]
        assert unit_found == unit and value_found == pytest.approx(value, rel=1e-6)
    after = stages.block_weights(datasets.read_connectivity(consolidated))
    assert after["clock.weights.forward"] != expected["clock.weights.forward"]


def test_the_course_of_a_training_is_told_at_the_nearest_recorded_moments(embedded, consolidated):
    _, before = embedded
    recorded = before["time"].values
    told = stages.course(before, "embedding", [0.4 * recorded[1], recorded[-1]])
    first, last = (
        f"clock.weights.embedding[{at / 6e4:g}]" for at in (0.4 * recorded[1], recorded[-1])
    )
    assert told[f"{first}.within"] != told[f"{last}.within"]
    begin = stages.embedded_weights(consolidated)
    for part in ("within", "forward", "backward", "rest"):
        value, unit = begin[f"clock.weights.embedded_{part}"]
        assert told[f"{last}.{part}"] == (pytest.approx(value, rel=1e-6), unit)
    mean = float(before["i_to_e_weight"].mean())
    assert told[f"{last}.i_to_e"] == (pytest.approx(mean, rel=1e-5), "pF")


def test_what_readouts_replayed_early_is_told_if_they_learned_for_so_long():
    curves = {"error_curve": [0.5, 0.2], "correlation_curve": [0.1, 0.7]}
    learned = xr.Dataset(
        {name: ("learning_time", values) for name, values in curves.items()},
        {"learning_time": [6e3, 12e3]},
    )
    told = stages.learned_for(learned, "song", 6e3)
    at = "readout.song.learned[6]"
    assert told == {f"{at}.error": (0.5, "1"), f"{at}.correlation": (0.1, "1")}
    beyond = stages.learned_for(learned, "song", 24e3)
    assert all(np.isnan(value) for value, _ in beyond.values())


@pytest.fixture(scope="module")
def embedded():
    """An embedded clock, and what else a stage of plasticity under another one's spikes needs."""
    short = given(
        connectivity="trained",
        balancing=200,
        balancing_static=100,
        embedding=300,
        consolidation=200,
    )
    short["stability"] = {"duration": 500}
    network = stages.network(short, SEED)
    return short, stages.training(short, SEED, network, name="embedding")


@pytest.fixture(scope="module")
def consolidated(embedded):
    """The same clock after its consolidation."""
    short, before = embedded
    return stages.training(short, SEED, before, name="consolidation")


def test_normalization_keeps_the_sums_from_before_all_learning(embedded, consolidated):
    short, before = embedded
    parameters = Clock.model_validate(short["clock"])
    start = connectivity.build(parameters, stream(SEED, "weights")).e_to_e
    expected = np.bincount(start.column, start.weight.astype(np.float32)).astype(np.float32)
    for stage in (before, consolidated):
        np.testing.assert_array_equal(stage["state_rule_reference"], expected)
    learned = datasets.read_connectivity(before).e_to_e
    taken_anew = np.bincount(learned.column, learned.weight).astype(np.float32)
    assert not np.array_equal(taken_anew, expected)


def test_weights_learn_from_another_clocks_spikes(embedded, wired):
    short, before = embedded
    driver = datasets.read_connectivity(wired[0])
    learned = stages.driven(short, SEED, before, driver)
    assert learned.attrs["simulated_ms"] == 500
    assert list(learned["time"].values) == [0, 500]
    first, last = learned["block_weight"].values
    np.testing.assert_allclose(first, before["block_weight"].values[-1], rtol=1e-6)
    assert not np.array_equal(first, last)
    # The spikes are the driver's: those that they teach may be any.
    other = before.assign(e_to_e_weight=before["e_to_e_weight"] * 1.1)
    other = other.assign(state_rule_base=other["state_rule_base"] * 1.1)
    again = stages.driven(short, SEED, other, driver)
    assert again["spike_time"].equals(learned["spike_time"]) and learned.sizes["spike"] > 10
    assert not again["e_to_e_weight"].equals(learned["e_to_e_weight"])


def test_growth_compares_end_and_beginning(embedded, wired):
    short, before = embedded
    learned = stages.driven(short, SEED, before, datasets.read_connectivity(wired[0]))
    grown = learned.assign(block_weight=learned["block_weight"].copy(deep=True))
    forward = [(pre, (pre + 1) % 4) for pre in range(4)]
    for moment, weight in ((0, 4.0), (-1, 6.0)):
        blocks = grown["block_weight"].transpose("time", "cluster_pre", "cluster_post")
        for pre, post in forward:
            blocks[moment, pre, post] = weight
    assert stages.growth(grown, "forward") == (pytest.approx(1.5), "1")


def test_what_turns_is_compared_with_a_ring_of_the_mean_weights(wired):
    """Of a hard-wired clock, whose clusters differ by chance alone."""
    built = datasets.read_connectivity(wired[0])
    groups = built.e_to_e, built.e_to_i, built.i_to_e, built.i_to_i
    _, reduced = measures.spectrum(*groups, built.cluster, built.clusters)
    found = stages.turning(built, reduced.real, reduced, 2 * reduced)
    for part in ("real", "imaginary"):
        leading = found[f"clock.spectrum.leading_{part}"][0]
        assert found[f"clock.spectrum.neurons_{part}"] == (pytest.approx(2 * leading), "pF")
    assert found["clock.spectrum.over_ring"] == (pytest.approx(1, abs=0.2), "1")
    assert found["clock.spectrum.leading_imaginary"][0] > 0
    assert np.isnan(found["clock.spectrum.before_real"][0])


def test_a_driver_of_another_size_is_refused(embedded):
    short, before = embedded
    larger = datasets.read_connectivity(stages.network(given(clusters=5), SEED))
    with pytest.raises(UserError, match="100 E and 25 I.*80 and 20"):
        stages.driven(short, SEED, before, larger)


def test_without_a_state_to_begin_with_nothing_learns(embedded, wired):
    """As in what an earlier run kept."""
    short, before = embedded
    kept = before.drop_vars([name for name in before if name.startswith("state_")])
    driver = datasets.read_connectivity(wired[0])
    with pytest.raises(UserError, match="without the state"):
        stages.driven(short, SEED, kept, driver)
    with pytest.raises(UserError, match="without the state"):
        stages.training(short, SEED, kept, name="consolidation")


def test_a_run_is_watched_once_and_can_be_interrupted(wired):
    seen = []

    class Interrupted(Exception):
        pass

    def watch(run, total):
        seen.append((run, total))

        def tick(simulated):
            if simulated >= 500:
                seen.append(run.arrays())
                raise Interrupted

        return tick

    network, replayed = wired
    with pytest.raises(Interrupted):
        stages.replay(given(), SEED, network, name="replay_clock", watch=watch)
    (_, total), saved = seen
    assert total == 1000

    def resume(run, total):
        run.restore(saved)
        return lambda simulated: None

    resumed = stages.replay(given(), SEED, network, name="replay_clock", watch=resume)
    xr.testing.assert_identical(resumed, replayed)


class Interrupted(Exception):
    pass


def interrupting(stop):
    """A watch that interrupts the first run at a moment, and lets the next one go on from there."""
    saved = {}

    def watch(run, total):
        if saved:
            run.restore(saved)

        def tick(simulated):
            if simulated >= stop and not saved:
                saved.update({name: np.copy(array) for name, array in run.arrays().items()})
                raise Interrupted

        return tick

    return watch


@pytest.mark.parametrize("stop", [100, 300])
def test_a_start_network_goes_on_from_either_part_of_its_balancing(stop):
    """Without plasticity until 200 ms, then with it."""
    short = given(connectivity="trained", balancing=400, balancing_static=200)
    watch = interrupting(stop)
    with pytest.raises(Interrupted):
        stages.network(short, SEED, watch=watch)
    resumed = stages.network(short, SEED, watch=watch)
    xr.testing.assert_identical(resumed, stages.network(short, SEED))


LOST = {"recurrent_synapses": 0.5, "neurons": 0.3, "shuffled_inhibition": 1.0}


def with_damage(**damage):
    return given() | {"damage": Damage(**damage).model_dump()}


@pytest.mark.parametrize("at", [0, 400])
def test_damage_happens_at_its_moment_and_stays(wired, at):
    network, whole = wired
    damaged = stages.replay(with_damage(**LOST, at=at), SEED, network, name="replay_clock")
    silent = np.flatnonzero(damage.silenced(network["cluster"].values, Damage(**LOST), SEED))
    before, after = (one.isel(spike=one["spike_time"].values <= at) for one in (whole, damaged))
    np.testing.assert_array_equal(before["spike_neuron"], after["spike_neuron"])
    later = damaged.isel(spike=damaged["spike_time"].values > at)
    assert later.sizes["spike"] and not np.isin(later["spike_neuron"], silent).any()
    assert damaged.attrs.get("damaged_at_ms", 0) == at
    if at == 0:
        lost = damage.connectivity(datasets.read_connectivity(network), Damage(**LOST), SEED)
        other = xr.Dataset(datasets.connectivity(lost))
        part = with_damage(neurons=LOST["neurons"])
        expected = stages.replay(part, SEED, other, name="replay_clock")
        xr.testing.assert_identical(damaged, expected)


@pytest.fixture(scope="module")
def readouts(wired):
    """A target, and weights with which read-outs fire."""
    weight = np.random.default_rng(1).uniform(0, 60, (2, 80)).astype(np.float32)
    target = stages.target(given(), wired[1], name="ab")
    return target, xr.Dataset({"readout_weight": (("channel", "neuron_e"), weight)})


def played_with(wired, readouts, **lost):
    target, learned = readouts
    asked = with_damage(**lost)
    return stages.replay(asked, SEED, wired[0], name="played", target=target, learned=learned)


LOST_BY_READOUTS = [{"readout_synapses": 1 / 3}, {"readout_noise": 0.5}]


@pytest.mark.parametrize("lost", LOST_BY_READOUTS, ids=str)
def test_read_outs_damaged_at_once_play_as_with_weights_damaged_before(wired, readouts, lost):
    target, learned = readouts
    weight = damage.readout_weight(learned["readout_weight"].values, Damage(**lost), SEED)
    before = learned.assign(readout_weight=learned["readout_weight"].copy(data=weight))
    expected = played_with(wired, (target, before))
    xr.testing.assert_identical(played_with(wired, readouts, **lost), expected)
    whole = played_with(wired, readouts)
    assert not expected["readout_spike_time"].equals(whole["readout_spike_time"])


def readout_spikes(played, begin, end):
    """Times and channels within an interval."""
    time = played["readout_spike_time"].values
    within = (time > begin) & (time <= end)
    return list(zip(time[within], played["readout_spike_channel"].values[within], strict=True))


@pytest.mark.parametrize("lost", LOST_BY_READOUTS, ids=str)
def test_read_outs_damaged_on_the_way_play_as_whole_ones_until_then(wired, readouts, lost):
    whole, damaged = played_with(wired, readouts), played_with(wired, readouts, **lost, at=400)
    assert len(readout_spikes(whole, 0, 400)) > 10
    assert readout_spikes(whole, 0, 400) == readout_spikes(damaged, 0, 400)
    assert readout_spikes(whole, 400, 1000) != readout_spikes(damaged, 400, 1000)
    assert damaged["spike_time"].equals(whole["spike_time"])


def test_read_outs_without_any_synapse_fall_silent(wired, readouts):
    damaged = played_with(wired, readouts, readout_synapses=1.0, at=400)
    assert readout_spikes(damaged, 350, 400)
    # What is on its way still arrives: filters decay with 6 ms, membranes with 20.
    assert not readout_spikes(damaged, 450, 1000)


@pytest.mark.parametrize("stop", [200, 700])
def test_a_replay_goes_on_before_and_after_its_damage(wired, stop):
    network, _ = wired
    watch = interrupting(stop)
    lost = with_damage(**LOST, at=400)
    with pytest.raises(Interrupted):
        stages.replay(lost, SEED, network, name="replay_clock", watch=watch)
    resumed = stages.replay(lost, SEED, network, name="replay_clock", watch=watch)
    xr.testing.assert_identical(resumed, stages.replay(lost, SEED, network, name="replay_clock"))


def test_a_target_of_no_length_needs_a_clock_with_a_period(wired):
    silent = wired[1].isel(spike=slice(0, 0))
    without_length = given()
    without_length["target"]["length"] = None
    with pytest.raises(UserError, match=r"set targets\.ab\.length"):
        stages.target(without_length, silent, name="ab")


def test_a_target_is_as_many_periods_long_as_asked(wired, monkeypatch):
    found = Rhythm(None, np.array([290.0, 310.0]), 1.0, 20.0, 0.0)
    monkeypatch.setattr(stages, "_rhythm", lambda *_: found)
    asked = given()
    asked["target"] |= {"length": None, "periods": 1.5}
    assert stages.target(asked, wired[1], name="ab").attrs["length_ms"] == 450


def regular_passes(passes):
    """A replay in which the sd of each cluster's time is 0.3 times the root of its mean."""
    random, clusters, step = np.random.default_rng(1), 8, 10.0
    steps = random.normal(step, 0.3 * np.sqrt(step), (passes, clusters))
    time = 600 + np.cumsum(steps.ravel())
    spread = np.linspace(-1, 1, 20)
    spike_time = (time[:, None] + spread).ravel()
    neuron = (np.tile(np.arange(clusters), passes)[:, None] * 20 + np.arange(20)).ravel()
    order = np.argsort(spike_time, kind="stable")
    return xr.Dataset(
        {
            "spike_time": ("spike", spike_time[order]),
            "spike_neuron": ("spike", neuron[order]),
            "cluster": ("neuron", np.repeat(np.arange(clusters), 20)),
        },
        attrs={"simulated_ms": time[-1] + 100},
    )


def test_variability_recovers_a_known_spread():
    numbers, variables = stages.variability(regular_passes(600))
    value, unit = numbers["clock.variability.coefficient"]
    assert (value, unit) == (pytest.approx(0.3, rel=0.1), "ms^0.5")
    assert numbers["clock.variability.rmse_sqrt"] < numbers["clock.variability.rmse_linear"]
    assert variables["cluster_time"].attrs["passes"] > 500


def test_too_few_passes_have_no_variability():
    numbers, _ = stages.variability(regular_passes(50))
    counts = [numbers.pop(f"clock.variability.{part}") for part in ("passes", "left_out")]
    assert counts[0][0] in (48, 49) and counts[1][0] == 0
    assert all(np.isnan(value) for value, _ in numbers.values())


@pytest.mark.parametrize("lost", [0, 2])
def test_a_lost_synapse_of_a_synfire_chain_breaks_one_link(lost):
    study = Study(study="chain", clock={"connectivity": "synfire"}, damage={"links": lost})
    chain = {group: getattr(study, group).model_dump() for group in ("clock", "replay", "damage")}
    chain |= {"readout": study.readout.model_dump(), "dt": study.dt}
    chain["replay"]["duration"] = 20e3
    network = stages.network(chain, SEED)
    numbers, _ = stages.rhythm(stages.replay(chain, SEED, network, name="replay_clock"), 0.1)
    assert numbers["clock.replay.broken_links"] == (lost, "1")
