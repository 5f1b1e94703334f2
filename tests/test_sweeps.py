"""Sweeps: grids of studies, digests, and what points share."""

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from simcore import sweeps
from simcore.errors import UserError
from simcore.sweep_parameters import Axis, Sweep

STUDY = {
    "study": "small",
    "clock": {"connectivity": "hard-wired", "clusters": 4, "cluster_size": 20},
    "targets": {"ab": {"kind": "symbols", "sequence": "AB", "length": 50}},
}
STAGES = ("network", "training", "replay", "target", "learn", "measure")
CODES = dict.fromkeys((*STAGES, *(f"rls_{name}" for name in STAGES)), "code") | {
    "rls_targets": "code"
}
PERIOD = ("clock.replay.period_mean",)


def sweep(**options):
    clusters = {"keys": ["clock.clusters"], "values": [4, 5, 6]}
    options = {"about": "a test", "axes": {"clusters": clusters}, "measures": PERIOD} | options
    return Sweep.model_validate(options)


def points(options=None, study=STUDY, codes=CODES):
    return sweeps.points(sweep(**options or {}), study, codes)


def keys(*arguments):
    return [point.key for point in points(*arguments)]


def test_the_grid_is_the_product_of_its_axes_and_replicates():
    rate = {"keys": ["clock.external.rate_e"], "first": 4, "last": 5, "count": 3}
    axes = {"clusters": {"keys": ["clock.clusters"], "values": [4, 5]}, "rate": rate}
    made = points({"axes": axes, "replicates": 2})
    assert [point.index for point in made] == list(np.ndindex(2, 3, 2))
    assert sweep(axes=axes, replicates=2).shape == (2, 3, 2)
    step = made[-1].results["clock"]["replay"]
    assert step.given["clock"]["external"]["rate_e"] == 5
    assert step.inputs["network"].given["clock"]["clusters"] == 5
    assert [point.results["clock"]["replay"].seed for point in made[:2]] == [1, 2]


def test_several_keys_vary_together():
    cut = {"keys": ["clock.clusters", "clock.cluster_size"], "values": [[4, 30], [6, 20]]}
    made = points({"axes": {"cut": cut}, "replicates": 1})
    sizes = [
        tuple(point.results["clock"]["replay"].inputs["network"].given["clock"][key] for key in
              ("clusters", "cluster_size"))
        for point in made
    ]  # fmt: skip
    assert sizes == [(4, 30), (6, 20)]


@given(
    first=st.floats(0.1, 100),
    factor=st.floats(1.5, 100),
    count=st.integers(2, 9),
    scale=st.sampled_from(["linear", "log"]),
)
def test_a_range_rises_evenly_and_holds_both_ends(first, factor, count, scale):
    axis = Axis(keys=["x"], first=first, last=first * factor, count=count, scale=scale)
    values = np.array([value for (value,) in axis.places])
    assert values.size == count
    assert values[[0, -1]] == pytest.approx([first, first * factor])
    steps = np.diff(np.log(values) if scale == "log" else values)
    assert steps == pytest.approx(np.full(count - 1, steps[0]), rel=1e-6)


def test_a_range_of_times_has_units():
    axis = Axis(keys=["replay.duration"], first="1 s", last="4 s", count=4)
    assert axis.places == [(1000,), (2000,), (3000,), (4000,)]


def test_growing_an_axis_or_adding_replicates_leaves_the_points_that_were():
    longer = {"clusters": {"keys": ["clock.clusters"], "values": [3, 4, 5, 6, 7]}}
    before, after = points(), points({"axes": longer, "replicates": 5})
    assert len(after) == 25
    assert {point.key for point in before} < {point.key for point in after}


def test_every_point_has_a_key_of_its_own():
    made = keys()
    assert len(set(made)) == len(made) == 9


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("study", {"seed": 10}),
        ("study", {"replay": {"duration": "7 s"}}),
        ("study", {"clock": STUDY["clock"] | {"cluster_size": 21}}),
        ("codes", {"replay": "other"}),
        ("codes", {"network": "other"}),
    ],
)
def test_what_changes_a_result_changes_the_keys(part, change):
    changed = {"study": STUDY, "codes": CODES}
    changed[part] = changed[part] | change
    assert not set(keys(None, changed["study"], changed["codes"])) & set(keys())


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("study", {"study": "other"}),
        ("study", {"readout": {"learning_block": "5 s"}}),
        ("study", {"clock": STUDY["clock"] | {"embedding": "5 s"}}),
        ("codes", {"learn": "other"}),
    ],
)
def test_what_changes_no_result_leaves_the_keys(part, change):
    changed = {"study": STUDY, "codes": CODES}
    changed[part] = changed[part] | change
    assert keys(None, changed["study"], changed["codes"]) == keys()


def test_the_matrix_counts_by_its_content(tmp_path):
    file = tmp_path / "matrix.mat"
    study = {"study": "given", "clock": {"weights": str(file), "cluster_size": 20}}
    rate = {"rate": {"keys": ["clock.external.rate_e"], "values": [4, 5]}}
    found = []
    for content in (b"one", b"two"):
        file.write_bytes(content)
        found.append(keys({"axes": rate}, study))
    assert not set(found[0]) & set(found[1])


def test_what_takes_time_and_is_common_is_shared_and_ordered():
    study = STUDY | {"clock": {"clusters": 4, "cluster_size": 20}}
    axes = {"threshold": {"keys": ["readout.learning_max"], "values": ["10 s", "20 s"]}}
    options = {"axes": axes, "replicates": 2, "measures": ["readout.ab.error"]}
    made = points(options, study)
    common = sweeps.shared(made)
    names = ["network", "embedding", "consolidation", "replay_clock"]
    assert [step.name for step in common.values()] == names * 2
    assert {step.seed for step in common.values()} == {1, 2}
    known = set()
    for step in common.values():
        assert {before.key for before in step.inputs.values()} <= known
        known.add(step.key)
    # A target takes no time: what learns it reads what the target is made from.
    learned = made[0].results["readout.ab"]["learned"]
    read = sweeps.shared_inputs([learned], common)
    assert [common[key].name for key in read] == ["consolidation", "replay_clock"]


def test_two_targets_may_be_replayed_by_the_same_read_outs():
    two = {"kind": "symbols", "sequence": ["AB", "CD"], "length": 60}
    targets = {"one": two, "other": two | {"selected": "CD", "readouts_of": "one"}}
    rate = {"rate": {"keys": ["clock.external.rate_e"], "values": [4, 5]}}
    measures = ["readout.one.error", "readout.other.error"]
    made, *_ = points({"axes": rate, "measures": measures}, STUDY | {"targets": targets})
    one, other = (made.results[f"readout.{name}"] for name in ("one", "other"))
    assert one["learned"].key == other["learned"].key
    assert one["replay"].key != other["replay"].key


DAMAGED = {
    "axes": {
        "lost": {
            "keys": ["damage.recurrent_synapses", "damage.readout_synapses"],
            "values": [[0, 0], [0.5, 0.5]],
        }
    },
    "measures": ["clock.replay.order", "readout.ab.correlation"],
    "replicates": 2,
}


def test_damage_comes_after_all_learning():
    made = points(DAMAGED)
    stages = [step.stage for step in sweeps.shared(made).values()]
    # The undamaged replay of the clock, from which the target has its length, is a point's own too.
    assert stages == ["replay", "learn"] * 2
    whole, damaged = made[0].results["clock"]["replay"], made[2].results["clock"]["replay"]
    assert "damage" not in whole.given
    assert damaged.given["damage"]["recurrent_synapses"] == 0.5
    assert (whole.seed, whole.inputs) == (damaged.seed, damaged.inputs)


def test_redrawn_replays_have_one_clock_in_common():
    made = points(DAMAGED | {"redraw": "replay"})
    learned = {point.results["readout.ab"]["learned"].key for point in made}
    assert len(learned) == 1
    assert [point.results["readout.ab"]["replay"].seed for point in made] == [1, 2, 1, 2]
    assert len({point.key for point in made}) == 4


EXPERIMENT = {
    "network": {"neurons": 20},
    "target": {"kind": "ou", "duration": 100},
    "test": {"damage": [{"kind": "synapses", "amounts": [0]}]},
}
RLS_STUDY = {"study": "small", "rls": {"define": {"noise": EXPERIMENT}}}


def test_least_squares_are_swept_like_the_clock():
    axes = {
        "n": {"keys": ["rls.define.noise.network.neurons"], "values": [20, 40]},
        "lost": {
            "keys": ["rls.define.noise.test.damage.0.amounts.0"],
            "values": [0, 0.1, 0.2],
        },
    }
    measures = ["rls.noise.nrmse", "rls.noise.damaged.synapses.correlation"]
    made = points({"axes": axes, "measures": measures, "replicates": 1}, RLS_STUDY)
    assert len(made) == 6
    stages = [step.stage for step in sweeps.shared(made).values()]
    assert stages == ["rls_training"] * 2  # one training for all damage
    (roles,) = made[5].results.values()
    given = roles["replay"].given["experiment"]
    assert given["network"]["neurons"] == 40
    assert given["test"]["damage"][0]["amounts"] == (0.2,)


def test_a_sweep_may_begin_with_a_named_experiment():
    study = {"study": "small", "rls": {"define": {"mine": {"base": "noise"}}}}
    axes = {"n": {"keys": ["rls.define.mine.network.neurons"], "values": [30]}}
    chosen = sweep(axes=axes, measures=["rls.mine.correlation"], replicates=1)
    (point,) = sweeps.points(chosen, study, CODES, experiments={"noise": EXPERIMENT})
    given = point.results["rls.mine"]["replay"].given["experiment"]
    assert (given["network"]["neurons"], given["target"]["duration"]) == (30, 100)


def test_points_of_their_own_share_nothing_but_what_takes_very_long():
    assert not sweeps.shared(points())
    trained = points(study=STUDY | {"clock": {"clusters": 4, "cluster_size": 20}})
    stored = sweeps.shared(trained[:1])
    assert [step.name for step in stored.values()] == ["network", "embedding", "consolidation"]


@pytest.mark.parametrize(
    ("axis", "sentence"),
    [
        ({"values": [1], "first": 1, "last": 2, "count": 3}, "give either values"),
        ({"first": 1, "last": 2}, "give either values"),
        ({"values": []}, "values is empty"),
        ({"values": [1, 1]}, "a value is there twice"),
        ({"values": [datetime.date(2026, 1, 1)]}, "neither number, text nor list"),
        ({"first": 0, "last": 2, "count": 3, "scale": "log"}, "lies above zero"),
        ({"keys": ["a", "b"], "first": 1, "last": 2, "count": 3}, "a range varies one key"),
        ({"keys": ["a", "b"], "values": [[1, 2], [3]]}, "each of the values lists 2"),
        ({"values": [1, 2], "labels": [1]}, "there are 2 values but 1 labels"),
        ({"keys": ["a", "b"], "values": [[1, 2], [1, 3]]}, "two places have the same first value"),
    ],
)
def test_a_wrong_axis_is_told(axis, sentence):
    with pytest.raises(ValidationError, match=sentence):
        Axis.model_validate({"keys": ["a"]} | axis)


def test_a_key_of_two_axes_is_told():
    axis = {"keys": ["clock.clusters"], "values": [4]}
    with pytest.raises(ValidationError, match=r"clock\.clusters is varied by two axes"):
        sweep(axes={"one": axis, "two": axis})


@pytest.mark.parametrize(
    ("keys", "base", "sentence"),
    [
        (["clock.external", "clock.external.rate_e"], {}, "varied as a whole"),
        (["clock.external"], {"clock.external.rate_e": 4}, "varied as a whole"),
        (["seed"], {}, "seed changes no result"),
        (["run.threads"], {}, "changes no result"),
    ],
)
def test_keys_that_cannot_be_varied_are_told(keys, base, sentence):
    axes = {f"axis{n}": {"keys": [key], "values": [1, 2]} for n, key in enumerate(keys)}
    with pytest.raises(ValidationError, match=sentence):
        sweep(axes=axes, base=base)


def test_a_missing_file_is_told_where_it_is_named():
    axes = {"w": {"keys": ["clock.weights"], "values": ["no_such.mat"]}}
    with pytest.raises(UserError, match=r"at clock\.weights = no_such\.mat: there is no file"):
        points({"axes": axes})


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"measures": ["clock.replay.perod"]}, r"there is no measure clock\.replay\.perod"),
        (
            {"axes": {"x": {"keys": ["clock.clutsers"], "values": [4]}}},
            r"at clock\.clutsers = 4.*clutsers",
        ),
        ({"axes": {"x": {"keys": ["clock.clusters"], "values": [-4]}}}, r"at clock\.clusters = -4"),
        ({"axes": {"x": {"keys": ["damage.neurons"], "values": [1.5]}}}, r"damage\.neurons"),
        ({"measures": ["rls.noise.nrmse"]}, r"there is no measure rls\.noise\.nrmse"),
    ],
)
def test_a_mistake_names_its_place(options, sentence):
    with pytest.raises(UserError, match=sentence):
        points(options)


@pytest.mark.parametrize(
    ("axis", "redraw", "sentence"),
    [
        ("test.damage.1.amounts.0", "network", "there is no entry 1 in a list of 1"),
        ("network.neurons", "replay", "set redraw to network"),
    ],
)
def test_a_mistake_in_an_experiment_names_its_place(axis, redraw, sentence):
    axes = {"x": {"keys": [f"rls.define.noise.{axis}"], "values": [30]}}
    with pytest.raises(UserError, match=sentence):
        points({"axes": axes, "measures": ["rls.noise.nrmse"], "redraw": redraw}, RLS_STUDY)


def test_each_point_is_in_one_batch_also_if_two_sweeps_have_it():
    more = {"clusters": {"keys": ["clock.clusters"], "values": [5, 6, 7, 8]}}
    both = {"one": points(), "other": points({"axes": more})}
    placed = {name: dict(enumerate(of_sweep)) for name, of_sweep in both.items()}
    found = sweeps.batches(placed, 4)
    keys = [both[name][number].key for (name, _), numbers in found.items() for number in numbers]
    assert len(keys) == len(set(keys)) == 15
    assert set(keys) == {point.key for of_sweep in both.values() for point in of_sweep}
    assert max(map(len, found.values())) == 4
    # A key that its measures do not use makes equal points, too.
    readout = {"test": {"keys": ["readout.test"], "values": ["1 s", "2 s"]}}
    same = points({"axes": readout, "replicates": 1})
    assert list(sweeps.batches({"same": dict(enumerate(same))}, 4).values()) == [[0]]
