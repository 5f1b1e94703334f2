"""Validation of a study, and the documentation of every parameter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from simcore import stage_parameters
from simcore.errors import UserError
from simcore.parameter_types import parse_time
from simcore.parameters import Clock, Range, Study, groups, read_study, unit_of


def study(**data):
    return read_study({"study": "test"} | data, "config/test.yaml")


def refused(*words, **data):
    """The sentences of a refused study: each names the file; these words occur."""
    with pytest.raises(UserError) as error:
        study(**data)
    message = str(error.value)
    for line in message.splitlines():
        assert line.startswith("config/test.yaml: ") and line.endswith((".", "?")), line
    for word in words:
        assert word in message, message
    return message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (12, 12),
        (0.5, 0.5),
        ("12 ms", 12),
        ("20s", 20e3),
        ("2.5 min", 150e3),
        (" 1 h ", 3.6e6),
        ("1e3 ms", 1000),
        ("0 s", 0),
    ],
)
def test_times(text, expected):
    assert parse_time(text) == expected
    assert study(clock={"balancing_static": 0, "balancing": text}).clock.balancing == expected


@given(st.floats(0.001, 1e6), st.sampled_from(["ms", "s", "min", "h"]))
def test_times_of_any_size(number, unit):
    factor = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000}[unit]
    assert parse_time(f"{number!r} {unit}") == number * factor


@pytest.mark.parametrize("text", ["20", "20 days", "s", "", "- s", "1e s", "1 2 s", True, "nan s"])
def test_times_that_are_none(text):
    refused("clock.embedding", clock={"embedding": text})


@pytest.mark.parametrize("value", [-1, "-5 s", float("nan"), float("inf"), "-0.1 ms"])
def test_times_that_cannot_be(value):
    refused("clock.embedding", clock={"embedding": value})


def test_unknown_keys_get_a_suggestion():
    refused("clock.embeding", "did you mean clock.embedding?", clock={"embeding": "1 h"})
    refused("seeed", "did you mean seed?", seeed=3)
    # The right name at a wrong place.
    refused("no key embedding", "did you mean clock.embedding?", embedding="1 h")
    refused("clock.rate_e", "did you mean clock.external.rate_e?", clock={"rate_e": 4})
    target = {"kind": "symbols", "file": "a.csv"}
    refused("targets.x.file", "config/README.md lists", targets={"x": target})
    refused("readout.rule.tau_q", readout={"rule": {"tau_q": 1}})
    refused("zzzzzz", zzzzzz=1)


def test_what_names_are_made_of():
    symbols = {"kind": "symbols"}
    refused("targets.T1", "lowercase letters, digits and _", targets={"T1": symbols})
    refused("study", "letters, digits, - and _", study="a b")


def test_a_group_a_list_or_a_word_is_asked_for():
    refused("targets.x: here belongs a group of keys", targets={"x": "ABC"})
    refused("methods: here belongs a list", methods="rls")
    message = refused("belongs in quotes", targets={"x": {"kind": "symbols", "sequence": 12321}})
    assert message.count("\n") == 0
    axis = {"keys": ["dt"], "first": float("inf"), "last": 1, "count": 2}
    sweep = {"about": "a test", "axes": {"x": axis}, "measures": ["clock.replay.order"]}
    refused("finite numbers", sweeps={"define": {"x": sweep}})


def test_a_study_may_have_sweeps_alone_but_not_nothing():
    sweep = {
        "about": "a test",
        "axes": {"p": {"keys": ["clock.p"], "values": [0.1, 0.2]}},
        "measures": ["clock.replay.order"],
        "headlines": {"change": {"kind": "change", "measure": "clock.replay.order"}},
    }
    sweeps = {"define": {"x": sweep}}
    alone = Study(study="a", methods=[], sweeps=sweeps | {"run": ["x"]})
    assert alone.summary_ids() == ["sweep.x.change"]
    refused("nothing is to do", methods=[], sweeps=sweeps)
    refused("nothing is to do", methods=["rls"])
    own = {"network": {"neurons": 20}, "target": {"kind": "ou", "duration": 100}}
    refused("nothing is to do", methods=[], rls={"experiments": ["own"], "define": {"own": own}})


def test_every_mistake_is_told():
    message = refused(seed=-1, dt=0, clock={"p": 2, "external": {"rate_e": -1}})
    for key in ("seed", "dt", "clock.p", "clock.external.rate_e"):
        assert any(f": {key}: " in line for line in message.splitlines()), message


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("external", "rate_e"),
        ("start_weights", "e_to_e"),
        ("voltage_rule", "w_min"),
        ("inhibitory_rule", "r_0"),
        ("neuron_e", "tau_m"),
        ("neuron_i", "C"),
        ("filters", "tau_rise_E"),
        ("stimulation", "gap"),
    ],
)
def test_negative_numbers(section, key):
    refused(f"clock.{section}.{key}", clock={section: {key: -1}})


def test_missing_study():
    with pytest.raises(UserError, match="the key study is missing"):
        read_study({}, "here")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (30, 80, 2400, 600)),
        ({"clusters": 15}, (15, 80, 1200, 300)),
        ({"neurons_e": 800}, (10, 80, 800, 200)),
        ({"neurons_e": 2400, "cluster_size": 160}, (15, 160, 2400, 600)),
        ({"neurons_e": 2400, "clusters": 20, "cluster_size": 120}, (20, 120, 2400, 600)),
        ({"clusters": 15, "neurons_i": 7}, (15, 80, 1200, 7)),
        ({"connectivity": "synfire"}, (120, 1, 120, 30)),
        ({"connectivity": "hard-wired", "clusters": 80}, (80, 80, 6400, 1600)),
        ({"weights": "A.mat", "cluster_size": 160}, (None, 160, None, None)),
    ],
)
def test_sizes(given, expected):
    clock = Clock(**given)
    assert (clock.clusters, clock.cluster_size, clock.neurons_e, clock.neurons_i) == expected


@pytest.mark.parametrize(
    "sizes",
    [
        {"neurons_e": 2401},
        {"clusters": 7, "cluster_size": 80, "neurons_e": 2400},
        {"neurons_e": 100, "cluster_size": 30},
    ],
)
def test_sizes_that_do_not_fit(sizes):
    refused("neurons_e", clock=sizes)


@pytest.mark.parametrize(
    "sizes", [{"clusters": 1}, {"clusters": 0}, {"cluster_size": 0}, {"neurons_i": 0}]
)
def test_sizes_that_cannot_be(sizes):
    refused(f"clock.{next(iter(sizes))}", clock=sizes)


def test_values_that_contradict_each_other():
    refused("results", "no such user", results="~nobody_of_this_name/x")
    refused("kept", "a folder has a name", kept="")
    refused("voltage_rule.w_min", clock={"voltage_rule": {"w_min": 40}})
    refused("inhibitory_rule.w_min", clock={"inhibitory_rule": {"w_max": 1}})
    refused("balancing_static", clock={"balancing": "1 s", "balancing_static": "2 s"})
    refused("filters", "differ", clock={"filters": {"tau_rise_E": 6}})
    refused("expected", "clock.weights.sideways", expected={"clock.weights.sideways": RANGE})
    refused("low is above high", expected={"clock.replay.order": RANGE | {"low": 2}})
    for source in ("papers", "paper, roughly", "us: 3 Hz"):
        refused(
            "begins with one of paper", expected={"clock.replay.order": RANGE | {"source": source}}
        )


RANGE = {"low": 0, "high": 1, "source": "paper"}


def test_targets():
    targets = {"abcba": {"kind": "symbols"}, "bird": {"kind": "song"}}
    given = study(targets=targets)
    assert given.targets["abcba"].sequence == "ABCBA" and given.targets["bird"].on_rate == 10
    refused("targets.abcba", targets={"abcba": {"kind": "symbol"}})
    refused("targets", targets={"A B": {"kind": "song"}})
    refused("targets.x.file", "missing", targets={"x": {"kind": "file"}})
    refused("targets.x.sequence", targets={"x": {"kind": "symbols", "sequence": "A-B"}})
    refused("targets.x.lengthh", targets={"x": {"kind": "song", "lengthh": 3}})


def test_another_study_of_the_same_folder_is_known_by_its_name():
    given = study(results="here", clock={"weights": "demo"})
    assert (
        given.clock.weights == "here/demo/consolidation.zarr.zip" == given.files()["clock.weights"]
    )
    embedded = study(results="here", clock={"weights": "demo/embedding"}).clock.weights
    assert embedded == "here/demo/embedding.zarr.zip"
    for path in ("demo.zarr.zip", "demo/other"):
        assert study(clock={"weights": path}).clock.weights == path
    given = study(stability={"driver": "random_order"})
    assert given.stability.driver == "results/random_order/consolidation.zarr.zip"
    ids = ("clock.stability.spontaneous", "clock.stability.driven")
    assert set(ids) < set(given.summary_ids()) and not set(ids) & set(study().summary_ids())


def test_a_driver_is_a_study_or_a_store():
    refused("stability.driver", "consolidation.zarr.zip", stability={"driver": "A.mat"})


def test_stability_needs_a_clock_that_is_embedded_here():
    for clock in ({"weights": "demo"}, {"connectivity": "hard-wired"}):
        refused("stability.driver", "embedded", clock=clock, stability={"driver": "demo"})


def test_ids_of_the_summary():
    parts = ("rate_e", "rate_i", "period_mean", "period_sd", "order", "dwell_time", "broken_links")
    parts = [f"clock.replay.{part}" for part in parts]
    timing = ("coefficient", "rmse_sqrt", "rmse_linear", "last_cluster_mean", "last_cluster_sd")
    parts += [f"clock.variability.{part}" for part in (*timing, "passes", "left_out")]
    kinds = ("within", "forward", "backward", "rest")
    weights = [f"clock.weights.{when}{kind}" for when in ("", "embedded_") for kind in kinds]
    weights += [f"clock.weights.inhibition_{kind}" for kind in kinds[:3]]
    pairs = [f"{when}_{part}" for when in ("leading", "before") for part in ("real", "imaginary")]
    weights += ["clock.weights.relative_strength"]
    weights += [
        f"clock.spectrum.{part}"
        for part in (*pairs, "over_ring", "neurons_real", "neurons_imaginary")
    ]
    targets = {"abcba": {"kind": "symbols"}}
    numbers = ("error", "correlation", "correlation_in_time")
    numbers += ("static_error", "static_correlation")
    readout = [f"readout.abcba.{number}" for number in numbers]
    assert study(targets=targets).summary_ids() == weights + parts + readout
    assert not any("spectrum" in name for name in study().measures())
    assert study(clock={"weights": "A.mat"}).summary_ids() == parts


def test_moments_of_the_learning_have_ids_that_no_sweep_measures():
    targets = {"abcba": {"kind": "symbols"}, "more": {"kind": "symbols"}}
    moments = {"embedding": ["90 s"], "consolidation": ["2 min"], "readouts": {"more": "12 s"}}
    given, plain = study(targets=targets, moments=moments), study(targets=targets)
    parts = ("within", "forward", "backward", "rest", "i_to_e")
    at = ("clock.weights.embedding[1.5]", "clock.weights.consolidation[2]")
    told = [f"{moment}.{part}" for moment in at for part in parts]
    told += [f"readout.more.learned[12].{part}" for part in ("error", "correlation")]
    assert sorted(given.summary_ids()) == sorted(plain.summary_ids() + told)
    assert given.measures() == plain.measures()


def test_moments_lie_within_the_learning():
    refused("moments.embedding", "beyond", moments={"embedding": ["24 h"]})
    trained = {"weights": "demo"}
    refused("moments.consolidation", clock=trained, moments={"consolidation": ["1 min"]})
    refused("moments.readouts", "no target abc", moments={"readouts": {"abc": "6 s"}})
    more = {"targets": {"more": {"kind": "symbols"}}, "moments": {"readouts": {"more": "10 s"}}}
    refused("moments.readouts.more", "10 s lies between two tests", "6 s", **more)


def test_defaults_are_those_of_the_specification():
    """The tables and the text of the specification (sections 1 to 6)."""
    given = study()
    e, i, a, h = (
        given.clock.neuron_e,
        given.clock.neuron_i,
        given.readout.neuron,
        given.readout.interneuron,
    )
    table = {
        "tau_m": (20, 20, 20, 20),
        "C": (300, 300, 300, 300),
        "E_L": (-70, -62, -70, -62),
        "V_spike": (20, -52, 20, -52),
        "V_reset": (-60, -60, -60, -60),
        "tau_ref": (5, 5, 1, 1),
        "E_E": (0, 0, 0, 0),
        "E_I": (-75, -75, -75, -75),
    }
    for name, values in table.items():
        assert tuple(getattr(neuron, name) for neuron in (e, i, a, h)) == values, name
    for neuron, b in ((e, 1000), (a, 0)):
        got = (neuron.D_T, neuron.V_T0, neuron.A_T, neuron.tau_T, neuron.b)
        assert got == (2, -52, 10, 30, b)
    assert e.tau_w == 100
    assert given.clock.threshold_after_spike == given.readout.threshold_after_spike == "set"
    start = given.clock.start_weights
    assert (start.e_to_e, start.i_to_e, start.e_to_i, start.i_to_i) == (2.83, 62.87, 1.96, 20.91)
    assert given.clock.p == 0.2
    assert tuple(given.clock.filters.model_dump().values()) == (1, 6, 0.5, 2)
    assert tuple(given.clock.external.model_dump().values()) == (4.5, 2.25, 1.6, 1.52)
    voltage = given.clock.voltage_rule
    assert (voltage.A_depression, voltage.A_potentiation) == (0.0014, 0.0008)
    assert (voltage.V_theta, voltage.E_L) == (-49, -70)
    assert (voltage.tau_u, voltage.tau_v, voltage.tau_x) == (10, 7, 3.5)
    assert (voltage.w_min, voltage.w_max, voltage.normalization) == (1.45, 32.68, 20)
    inhibitory = given.clock.inhibitory_rule
    assert tuple(inhibitory.model_dump().values()) == (1, 20, 0.003, 48.7, 243)
    stimulation = given.clock.stimulation
    assert (stimulation.on, stimulation.gap, stimulation.rate) == (10, 5, 18)
    assert (stimulation.unstimulated, stimulation.unstimulated_weight) == ("excitatory", 0.8)
    assert stimulation.order == "sequential"
    assert (given.clock.balancing_static, given.clock.balancing) == (1e3, 5e3)
    assert given.clock.embedding == given.clock.consolidation == 3.6e6
    rule = given.readout.rule
    assert (rule.A_depression, rule.A_potentiation) == (0.0014, 0.0008)
    assert (rule.V_theta, rule.E_L) == (-49, -70)
    assert (rule.tau_u, rule.tau_v, rule.tau_x, rule.w_max) == (10, 7, 5, 25)
    assert given.readout.supervisor_to_readout == 200
    assert given.readout.interneuron_to_readout == 200
    assert given.readout.readout_to_interneuron == 200
    assert given.readout.external_weight == 1.78 and given.readout.baseline_rate == 1
    assert given.readout.burn_in == 50 and given.readout.alternation == 2000
    assert given.replay.inhibition_rate == 1 and given.replay.inhibition_weight == 200
    assert given.replay.interneurons == "removed"
    assert given.clock.precision == "32-bit"  # ours: the specification leaves it open


def fields():
    for group in groups():
        for name, field in group.model_fields.items():
            yield pytest.param(group, field, id=f"{group.__name__}.{name}")


@pytest.mark.parametrize(("group", "field"), list(fields()))
def test_every_parameter_has_unit_and_description(group, field):
    assert group.__doc__
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
        return  # a group within a group: its own text describes it
    assert field.description and not field.description.endswith(".")
    # The key that tells the kind of a target has none; a range has the unit of its number.
    if group is not Range and field is not group.model_fields.get("kind"):
        assert field.json_schema_extra["unit"]


def test_groups_are_found_once():
    found = groups()
    assert found[0] is Study and Clock in found and len(found) == len(set(found))


@pytest.mark.parametrize("dt", [0.3, 0.15, 0.4])
def test_a_millisecond_is_a_whole_number_of_steps(dt):
    with pytest.raises(UserError, match="whole number of steps"):
        read_study({"study": "a", "dt": dt})


@pytest.mark.parametrize("clusters", [15, 15.0, "15"])
def test_sizes_are_completed_however_a_number_is_written(clusters):
    clock = Study(study="a", clock={"clusters": clusters, "cluster_size": 20.0}).clock
    assert (clock.clusters, clock.neurons_e, clock.neurons_i) == (15, 300, 75)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"clock": {"connectivity": "synfire", "cluster_size": 80}}, "single neurons"),
        ({"clock": {"clusters": 5}, "damage": {"clusters": 6}}, "the clock has 5 clusters"),
        ({"clock": {"clusters": 4.5}}, "clusters"),
        ({"clock": {"voltage_rule": {"normalization": "60 ms"}}}, "at most 8 times"),
        ({"clock": {"inhibitory_rule": {"tau_y": "2 ms"}}}, "at most 8 times"),
        (
            {"clock": {"precision": "64-bit", "voltage_rule": {"normalization": "100 ms"}}},
            "at most 25 times",
        ),
    ],
)
def test_what_would_be_ignored_or_lose_its_digits_is_refused(given, words):
    with pytest.raises(ValidationError, match=words):
        Study(study="a", **given)
    Study(study="a", clock={"precision": "64-bit", "voltage_rule": {"normalization": "60 ms"}})


def test_synfire_keeps_its_external_rate_beside_other_keys():
    clock = {"connectivity": "synfire", "external": {"weight_e": 1.7}}
    external = read_study({"study": "a", "clock": clock}).clock.external
    assert (external.rate_e, external.weight_e) == (2.75, 1.7)


def test_ranges_belong_to_one_study_and_its_own_song():
    ranges = {
        "readout.s.error": {"low": 0, "high": 1, "song": "made-up", "source": "measured"},
        "readout.s.correlation": {"low": 0, "high": 1, "song": "0123abcd", "source": "paper"},
        "clock.replay.order": {"low": 0, "high": 9, "source": "measured"},
    }
    study = {
        "study": "a",
        "targets": {"s": {"kind": "song"}},
        "expected": ranges,
        "expected_of": "a",
    }
    assert list(read_study(study).ranges()) == ["readout.s.error", "clock.replay.order"]
    assert not read_study(study | {"study": "b"}).ranges()
    assert list(read_study(study).ranges("0123abcdef")) == list(ranges)[1:]
    assert list(read_study(study).ranges("0123abce00")) == ["clock.replay.order"]
    ranges["clock.replay.order"]["song"] = "bird.wav"
    with pytest.raises(UserError, match="expected.clock.replay.order.song: .*made-up, or"):
        read_study(study)


def test_results_may_lie_in_the_home_folder():
    assert not read_study({"study": "a", "results": "~/scratch"}).results.startswith("~")


@pytest.mark.parametrize(
    ("key", "unit"),
    [
        ("clock.external.rate_e", "kHz"),
        ("targets.abcba.length", "ms"),
        ("rls.define.mine.target.tau_c", "ms"),
        ("rls.define.mine.network.neurons", "neurons"),
        ("rls.define.mine.test.damage.0.amounts.0", "1"),
        ("damage.clusters", "clusters"),
        ("no.such.key", "1"),
    ],
)
def test_units_by_key(key, unit):
    assert unit_of(key) == unit


@pytest.mark.parametrize(
    ("value", "interval", "bound", "whole", "expected"),
    [
        (0.5, None, False, False, True),
        (1.5, None, False, False, False),
        (None, None, False, False, False),
        (0.5, (-0.2, 0.7), False, False, True),
        (0.5, (-0.2, 0.7), False, True, False),
        (0.5, (0.2, 0.7), False, True, True),
        (0.5, None, False, True, True),
        (0.5, None, True, False, None),
        (-0.5, None, True, False, None),
        (1.5, None, True, False, False),
    ],
)
def test_a_number_is_judged_by_its_range(value, interval, bound, whole, expected):
    known = Range(low=0, high=1, source="paper: between 0 and 1", whole=whole)
    assert known.verdict(value, interval, bound) is expected


TWO_SEQUENCES = {"kind": "symbols", "sequence": ["AB", "CD"]}


def test_targets_share_read_outs():
    second = TWO_SEQUENCES | {"selected": "CD", "readouts_of": "one"}
    made = study(targets={"one": TWO_SEQUENCES, "other": second})
    assert made.readouts_of("one") == made.readouts_of("other") == "one"
    assert stage_parameters.target(made, "other")["target"].get("readouts_of") is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"readouts_of": "none"}, "no other target none"),
        ({"readouts_of": "one", "lead": 0.2}, "one has other keys: only selected may differ"),
        ({"readouts_of": "one", "sequence": ["AB", "DC"]}, "only selected may differ"),
    ],
)
def test_read_outs_of_another_kind_are_not_shared(change, words):
    refused("readouts_of", words, targets={"one": TWO_SEQUENCES, "other": TWO_SEQUENCES | change})
