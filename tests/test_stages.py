"""The stages of the clock as functions: a whole chain without any workflow."""

import numpy as np
import pytest
import xarray as xr

from simcore import connectivity, damage, datasets, measures, stages
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
    assert set(numbers) == {f"readout.ab.{part}" for part in parts}
    assert numbers["readout.ab.used_error"] == numbers["readout.ab.error"]
    assert numbers["readout.ab.rate"] == (played.sizes["readout_spike"] / 2, "Hz")
    assert variables["pass_start_ab"].size == variables["pass_error_ab"].size
    assert set(played["readout_spike_channel"].values) == {0, 1}


def test_a_replay_without_a_pass_has_no_correlation(wired):
    network, replayed = wired
    target = stages.target(given(), replayed, name="ab")
    learned = xr.Dataset({"readout_weight": (("channel", "neuron_e"), np.zeros((2, 80)))})
    played = stages.replay(given(), SEED, network, name="played", target=target, learned=learned)
    silent = played.isel(spike=slice(0, 0))
    numbers, _ = stages.passes(silent, 0.1, 0.0, name="ab")
    assert numbers["readout.ab.correlation"] == numbers["readout.ab.used_correlation"] == (0, "1")
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
    found = stages.turning(built, reduced.real, reduced)
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
