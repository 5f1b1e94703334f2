"""Parameters of networks trained by recursive least squares, and every mistake in them."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from simcore.errors import UserError
from simcore.parameters import read_study
from simcore.rls_parameters import RLS, Experiment, RLSTraining, with_bases

OU = {"target": {"kind": "ou"}}
BALANCED = {"initial": "balanced"}
SHIPPED = Path(__file__).parent.parent / "config" / "experiments.yaml"


def study(define, experiments=("a",), known=None):
    rls = {"experiments": list(experiments), "define": define}
    return read_study({"study": "test", "rls": rls}, "my.yaml", known)


def one(**data):
    """The one experiment of a study."""
    return study({"a": OU | data}).rls.define["a"]


def refused(*words, **data):
    """The sentences of a refused experiment: each names the file; these words occur."""
    with pytest.raises(UserError) as error:
        study({"a": OU | data})
    message = str(error.value)
    for line in message.splitlines():
        assert line.startswith("my.yaml: ") and line.endswith((".", "?")), line
    for word in words:
        assert word in message, message
    return message


KINDS = ["periodic", "ratemodel", "ou", "mixture", "symbols", "song", "innate", "cortical"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_target_of_any_kind_is_enough(kind):
    experiment = one(target={"kind": kind})
    assert experiment.target.kind == kind and experiment.target.duration == 1000
    assert experiment.conditions == [(None, experiment)]
    again = Experiment.model_validate(experiment.model_dump(by_alias=True))
    assert again == experiment


def test_defaults_are_the_authors_programs_network():
    network = one().network
    assert (network.neurons, network.p, network.tau_s, network.dt) == (200, 0.3, 20, 1)
    assert network.neuron == "theta" and network.input == 0 and network.probability == 0.3
    assert RLS().experiments == () and RLS().define == {} and RLS().chosen == {}


def test_input_and_probability():
    assert one(network={"neuron": "leaky"}).network.input == 1
    assert one(network={"neuron": "leaky", "constant_input": 0}).network.input == 0
    assert one(network={"constant_input": -0.5}).network.input == -0.5
    assert one(network={"presynaptic": "all", "p": 0.2}).network.probability == 1
    assert one(network={"presynaptic": "grouped", "p": 0.2}).network.probability == 0.2


def test_times_may_have_units():
    experiment = one(target={"kind": "ou", "duration": "2 s"}, training={"free_run": "1 s"})
    assert experiment.target.duration == 2000 and experiment.training.free_run == 1000


def test_a_target_needs_a_known_kind():
    with pytest.raises(UserError, match="my.yaml: rls.define.a.target: a target needs a kind"):
        study({"a": {"target": {"duration": 100}}})
    message = refused("a target needs a kind", target={"kind": "noise"})
    assert all(kind in message for kind in KINDS)
    with pytest.raises(UserError, match="the key rls.define.a.target is missing"):
        study({"a": {}})
    with pytest.raises(UserError, match="the key rls.define.a.target.file is missing"):
        study({"a": {"target": {"kind": "file"}}})


def test_unknown_keys_are_refused():
    refused(
        "rls.define.a.network.neuronss",
        "did you mean rls.define.a.network.neurons?",
        network={"neuronss": 5},
    )
    refused("rls.define.a.target.period", target={"kind": "ou", "period": [1, 2]})


# Group, value, and where it is refused.
OUT_OF_BOUNDS = [
    ("network", {"neurons": 1}, "neurons"),
    ("network", {"p": 0}, "p"),
    ("network", {"p": 1.5}, "p"),
    ("network", {"strength": -1}, "strength"),
    ("network", {"tau_s": 0}, "tau_s"),
    ("network", {"dt": 11}, "dt"),
    ("network", {"neuron": "hodgkin"}, "neuron"),
    ("network", {"constant_input": float("nan")}, "constant_input"),
    ("network", {"groups": 0}, "groups"),
    ("training", {"lambda": 0}, "lambda"),
    ("training", {"lambda": -1}, "lambda"),
    ("training", {"lambda": float("inf")}, "lambda"),
    ("training", {"loops": 0}, "loops"),
    ("training", {"update_every": 0}, "update_every"),
    ("training", {"smoothing": 0}, "smoothing"),
    ("training", {"dale": "yes"}, "dale"),
    ("training", {"inverse": "32-bit"}, "inverse"),
    ("training", {"free_run": -1}, "free_run"),
    ("input", {"amplitude": -1}, "amplitude"),
    ("input", {"duration": 0}, "duration"),
    ("test", {"starts": 1}, "starts"),
    ("test", {"noise": -0.1}, "noise"),
    ("test", {"psth_sd": 0}, "psth_sd"),
]


@pytest.mark.parametrize(("group", "value", "key"), OUT_OF_BOUNDS, ids=str)
def test_values_out_of_bounds(group, value, key):
    refused(f"rls.define.a.{group}.{key}", **{group: value})


@pytest.mark.parametrize(
    ("target", "key"),
    [
        ({"kind": "ou", "random_fraction": 1.1}, "random_fraction"),
        ({"kind": "ou", "patterns": 0}, "patterns"),
        ({"kind": "ou", "followers": 0}, "followers"),
        ({"kind": "ou", "sd": 0}, "sd"),
        ({"kind": "mixture", "sources": 0}, "sources"),
        ({"kind": "symbols", "sequence": "A B"}, "sequence"),
        ({"kind": "periodic", "period": [0, 100]}, "period"),
        ({"kind": "cortical", "lowest_mean": -1}, "lowest_mean"),
    ],
    ids=str,
)
def test_values_of_targets_out_of_bounds(target, key):
    refused(f"rls.define.a.target.{key}", target=target)


def test_ranges_of_sines():
    for name in ("amplitude", "period", "second_period"):
        refused(f"{name}: the lowest is above", target={"kind": "periodic", name: [300, 200]})
    target = one(target={"kind": "periodic", "amplitude": 0.4, "second_period": None}).target
    assert target.amplitude == (0.4, 0.4) and target.second_period is None


# What must fit together: words of the sentence, and an experiment.
MISFITS = [
    (
        ["200 neurons cannot be cut into 30 equal groups"],
        {"network": {"presynaptic": "grouped", "groups": 30}},
    ),
    (
        ["balanced network each neuron has presynaptic neurons of its own"],
        {"network": BALANCED | {"presynaptic": "all"}},
    ),
    (
        ["balanced network each neuron has presynaptic neurons of its own"],
        {"network": BALANCED | {"presynaptic": "grouped"}},
    ),
    (["with p 0.001 most of the 200 neurons have no presynaptic"], {"network": {"p": 0.001}}),
    (
        ["training.update_every is 1.5 ms", "whole number of steps of 1 ms"],
        {"training": {"update_every": 1.5}},
    ),
    (
        ["input.duration is 10 ms", "whole number of steps of 3 ms"],
        {"network": {"dt": 3}, "training": {"update_every": 9}, "target": OU["target"]},
    ),
    (
        ["target.duration is 1000.5 ms", "whole number of steps of 1 ms"],
        {"target": {"kind": "ou", "duration": 1000.5}},
    ),
    (["input.duration is 0.4 ms"], {"input": {"duration": 0.4}}),
    (
        ["update_every is longer than the target"],
        {"target": {"kind": "ou", "duration": 50}, "training": {"update_every": 60}},
    ),
    (
        ["rates of izhikevich neurons cannot be trained"],
        {"network": {"neuron": "izhikevich"}, "training": {"what": "rate"}},
    ),
    (
        ["rates of rate neurons cannot be trained"],
        {"network": {"neuron": "rate"}, "training": {"what": "rate"}},
    ),
    (
        ["rates of izhikevich neurons cannot be trained"],
        {
            "network": {"neuron": "izhikevich"},
            "target": {"kind": "ou", "followers": 10, "others": {"train": "rate"}},
        },
    ),
    (
        ["rate training needs an inverse for each neuron"],
        {"network": {"presynaptic": "all"}, "training": {"what": "rate"}},
    ),
    (
        ["rate training needs an inverse for each neuron"],
        {
            "network": {"presynaptic": "grouped"},
            "target": {"kind": "ou", "followers": 10, "others": {"train": "rate"}},
        },
    ),
    (
        ["target.followers is 201", "only 200 neurons"],
        {"target": {"kind": "ou", "followers": 201}},
    ),
    (
        ["training.dale needs neurons of one sign", "network.initial to balanced"],
        {"training": {"dale": "freeze"}},
    ),
    (
        ["an innate target is a drive"],
        {"target": {"kind": "innate"}, "training": {"what": "rate"}},
    ),
    (
        ["izhikevich neurons cannot follow cortical rates"],
        {"network": {"neuron": "izhikevich"}, "target": {"kind": "cortical"}},
    ),
    (
        ["rate neurons cannot follow cortical rates"],
        {"network": {"neuron": "rate"}, "target": {"kind": "cortical"}},
    ),
    (["test.delete_spike must lie within"], {"test": {"delete_spike": 1000}}),
    (["network.tau_s is 0.2 ms, shorter than a step"], {"network": {"tau_s": 0.2}}),
    (["target.tau_c is 0.4 ms, shorter than a step"], {"target": {"kind": "ou", "tau_c": 0.4}}),
    (
        ["series.values", "stands there twice"],
        {"series": {"key": "network.tau_s", "values": [20, 20]}},
    ),
    (
        ["the parts of the synapses (amounts) cannot exceed 1"],
        {"test": {"damage": [{"kind": "synapses", "amounts": [0.5, 1.5]}]}},
    ),
    (["test.damage.0.amounts"], {"test": {"damage": [{"kind": "neurons", "amounts": []}]}}),
    (
        ["share the channels of a target of kind song already", "target.random_fraction"],
        {"target": {"kind": "song", "random_fraction": 0.5}},
    ),
    (
        ["target.sequence", "a word of digits belongs in quotes (it is 12321)"],
        {"target": {"kind": "symbols", "sequence": 12321}},
    ),
    (
        ["series"],
        {
            "target": {"kind": "symbols"},
            "series": {"key": "target.sequence", "values": ["ABCBA", "ABCDE"]},
        },
    ),
]


@pytest.mark.parametrize(("words", "data"), MISFITS, ids=lambda value: str(value)[:60])
def test_what_does_not_fit_together(words, data):
    if "input.duration is 10 ms" in words[0]:
        data = data | {"input": {"duration": 10}}
    refused(*words, **data)


@pytest.mark.parametrize(
    "data",
    [
        {"network": {"presynaptic": "grouped", "groups": 25}},
        {"network": {"presynaptic": "all"}, "target": {"kind": "ou", "patterns": 3}},
        {"network": BALANCED, "training": {"dale": "skip", "what": "rate"}},
        {"network": {"neuron": "leaky", "dt": 0.2}, "training": {"what": "rate"}},
        # Others that do not exist need no transfer function.
        {
            "network": {"neuron": "rate"},
            "target": {"kind": "ou", "followers": 200, "others": {"train": "rate"}},
        },
        {"network": {"dt": 0.1}, "training": {"update_every": 0.3}},
        {"target": {"kind": "ou", "duration": 10}, "training": {"update_every": 10}},
        {"test": {"delete_spike": 999, "damage": [{"kind": "stimulus", "amounts": [0, 2]}]}},
    ],
    ids=str,
)
def test_what_fits_together(data):
    one(**data)


@given(st.integers(2, 400), st.integers(1, 400))
def test_groups_must_divide_the_neurons(neurons, groups):
    data = OU | {
        "network": {"neurons": neurons, "groups": groups, "presynaptic": "grouped", "p": 1}
    }
    if neurons % groups:
        with pytest.raises(ValueError, match="equal groups"):
            Experiment.model_validate(data)
    else:
        assert Experiment.model_validate(data).network.groups == groups


# ------------------------------------------------------------------------------------- training


def test_lambda_is_a_key_and_a_name():
    assert RLSTraining.model_validate({"lambda": 0.25}).lambda_ == 0.25
    assert RLSTraining(lambda_=0.25).lambda_ == 0.25
    dumped = RLSTraining(lambda_=0.25).model_dump(by_alias=True)
    assert dumped["lambda"] == 0.25 and "lambda_" not in dumped
    assert one(training={"lambda": 3}).training.lambda_ == 3


@pytest.mark.parametrize(
    ("loops", "test_at", "expected"),
    [
        (1, None, [1]),
        (10, None, [1, 2, 5, 10]),
        (30, None, [1, 2, 5, 10, 20, 30]),
        (100, None, [1, 2, 5, 10, 20, 50, 100]),
        (7, (), [7]),
        (7, (3,), [3, 7]),
        (7, (7, 3, 3, 0, -1, 9), [3, 7]),
    ],
)
def test_loops_after_which_is_tested(loops, test_at, expected):
    assert RLSTraining(loops=loops, test_at=test_at).tests == expected


@given(st.integers(1, 10**5), st.none() | st.lists(st.integers(-5, 10**5)).map(tuple))
def test_the_last_loop_is_always_tested(loops, test_at):
    tests = RLSTraining(loops=loops, test_at=test_at).tests
    assert tests[-1] == loops and tests[0] >= 1 and tests == sorted(set(tests))
    assert test_at is None or set(tests) <= {*test_at, loops}


# --------------------------------------------------------------------------------------- series


def test_series_takes_each_value():
    series = {"key": "target.random_fraction", "values": [0.1, 0.5, 1]}
    conditions = one(series=series).conditions
    assert [value for value, _ in conditions] == [0.1, 0.5, 1]
    for value, experiment in conditions:
        assert experiment.target.random_fraction == value and experiment.series is None
    assert one().conditions[0][1] == conditions[2][1]


@pytest.mark.parametrize(
    ("key", "values", "read", "expected"),
    [
        ("training.lambda", [0.1, 1], lambda e: e.training.lambda_, [0.1, 1]),
        ("network.tau_s", ["20 ms", "0.1 s"], lambda e: e.network.tau_s, [20, 100]),
        ("network.presynaptic", ["all"], lambda e: e.network.presynaptic, ["all"]),
        ("network.groups", [10, 20], lambda e: e.network.groups, [10, 20]),
        ("target.others.sd", [0.2, 0.7], lambda e: e.target.others.sd, [0.2, 0.7]),
    ],
)
def test_series_of_any_key(key, values, read, expected):
    experiment = one(series={"key": key, "values": values})
    assert [read(changed) for _, changed in experiment.conditions] == expected


@pytest.mark.parametrize(
    "key", ["training.lamda", "trainin.lambda", "lambda", "target", "a.b.c", "network.neurons.x"]
)
def test_series_with_an_unknown_key(key):
    if key == "target":
        refused("rls.define.a", series={"key": key, "values": [1]})
    else:
        refused(
            f"series.key is {key}, but there is no such parameter",
            series={"key": key, "values": [1]},
        )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("network.neurons", 100),
        ("network.dt", 0.5),
        ("target.duration", 500),
        ("target.patterns", 2),
        ("target.followers", 50),
        ("input.duration", 30),
        ("network.initial", "balanced"),
        ("network.excitatory", 0.5),
    ],
)
def test_networks_of_a_series_have_one_shape(key, value):
    refused(
        f"series.key is {key}",
        "several experiments",
        series={"key": key, "values": [value]},
    )


@pytest.mark.parametrize(
    ("key", "values"), [("training.loops", [5, 10]), ("test.starts", [5, 10])], ids=str
)
def test_networks_of_a_series_are_tested_equally_often(key, values):
    """Their curves and their tests become one array each."""
    refused(f"series.key is {key}", series={"key": key, "values": values})


@pytest.mark.parametrize(
    ("key", "values"), [("network.neuron", ["theta", "izhikevich"]), ("networks", [2, 3])], ids=str
)
def test_series_that_cannot_be(key, values):
    """Only some kinds of neuron have a prediction to be stored; the number of networks is one."""
    refused(f"series.key is {key}", series={"key": key, "values": values})


def test_each_value_of_a_series_must_be_possible():
    message = refused("training.lambda", series={"key": "training.lambda", "values": [1, -2]})
    assert "-2" in message and len(message.splitlines()) == 1
    neurons = {"key": "network.neuron", "values": ["theta", "izhikevich"]}
    refused("rates of izhikevich", training={"what": "rate"}, series=neurons)
    refused("rls.define.a.series.values", series={"key": "training.lambda", "values": []})


# ------------------------------------------------------------------------------ names and bases


def test_unknown_experiment():
    with pytest.raises(UserError, match="there is no experiment b: config/experiments.yaml"):
        study({"a": OU}, ["a", "b"])


def test_names():
    with pytest.raises(UserError, match="experiments names one twice"):
        study({"a": OU}, ["a", "a"])
    with pytest.raises(UserError, match="cannot be named untrained"):
        study({"untrained": OU}, [])
    for name in ("A", "1a", "a b", "a-b", "ä", ""):
        with pytest.raises(UserError, match="my.yaml: "):
            study({name: OU}, [])
    found = study({"b": OU, "a": OU | {"networks": 3}}, ["a"], {"c": OU})
    assert list(found.rls.chosen) == ["a"] and found.rls.chosen["a"].networks == 3
    assert set(found.rls.define) == {"a", "b"}  # no more of the known ones than are used


def test_known_experiments():
    known = {"k": OU | {"networks": 4}, "bad": {"target": {"kind": "nothing"}}}
    assert study({}, ["k"], known).rls.chosen["k"].networks == 4
    own = study({"k": OU | {"networks": 2}}, ["k"], known)
    assert own.rls.chosen["k"].networks == 2  # one's own comes first
    based = study({"a": {"base": "k", "networks": 5}}, ["a", "k"], known).rls.chosen
    assert [experiment.networks for experiment in based.values()] == [5, 4]


def test_a_mistake_is_told_of_the_file_it_is_in():
    known = {"k": OU | {"networks": 0}}
    with pytest.raises(UserError, match=r"^config/experiments.yaml: rls.define.k.networks: "):
        study({}, ["k"], known)
    with pytest.raises(UserError, match=r"^my.yaml: rls.define.k.networks: "):
        study({"k": OU | {"networks": -1}}, ["k"], known)


def test_bases_are_merged():
    defined = {
        "a": {"target": {"kind": "ou", "sd": 1}, "training": {"loops": 3, "lambda": 2}},
        "b": {"base": "a", "training": {"loops": 4}, "networks": 2},
        "c": {"base": "b", "target": {"sd": 3}, "training": {"lambda": 5}},
        "d": {"base": "a", "target": {"kind": "periodic"}},
        "e": {"base": "a", "target": {"kind": "ou", "tau_c": 9}},
    }
    complete = with_bases(defined)
    assert complete["a"] == defined["a"]
    training = {"loops": 4, "lambda": 2}
    assert complete["b"] == {"target": defined["a"]["target"], "training": training, "networks": 2}
    assert complete["c"] == {
        "target": {"kind": "ou", "sd": 3},
        "training": {"loops": 4, "lambda": 5},
        "networks": 2,
    }
    assert complete["d"]["target"] == {"kind": "periodic"}  # sd means nothing there
    assert complete["e"]["target"] == {"kind": "ou", "sd": 1, "tau_c": 9}
    assert "base" in defined["b"] and defined["a"]["training"] == {"loops": 3, "lambda": 2}
    assert study(defined, defined).rls.chosen["c"].training.lambda_ == 5


def test_unknown_base():
    with pytest.raises(UserError, match="rls.define.a: its base x is no experiment"):
        with_bases({"a": {"base": "x"}})


@pytest.mark.parametrize("circle", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_circular_bases(circle):
    following = [*circle[1:], circle[0]]
    defined = {name: {"base": base} for name, base in zip(circle, following, strict=True)}
    with pytest.raises(UserError, match="begins with itself by way of"):
        with_bases(defined)


def test_chain_that_ends_is_no_circle():
    names = [f"x{n}" for n in range(30)]
    defined = {name: {"base": base} for name, base in zip(names[1:], names, strict=False)}
    complete = with_bases(defined | {"x0": OU, "y": {"base": "x3"}})
    assert all(value == OU for value in complete.values())


def test_shipped_experiments_are_valid():
    shipped = yaml.safe_load(SHIPPED.read_text())
    chosen = study({}, shipped, shipped).rls.chosen
    assert list(chosen) == list(shipped)


def test_ranges_of_the_papers_experiments_are_not_ours():
    """Of the paper or of the specification's prototype, not of what was measured here."""
    path = SHIPPED.parent / "paper" / "least_squares.yaml"
    given = read_study(yaml.safe_load(path.read_text()), path, yaml.safe_load(SHIPPED.read_text()))
    sources = [one.source.partition(": ") for one in given.expected.values()]
    assert all(kind in ("paper", "specification") and said for kind, _, said in sources)


def test_shipped_experiments_tell_what_is_their_own():
    """What an experiment is about is true of no other: not even of the one that it begins with."""
    shipped = yaml.safe_load(SHIPPED.read_text())
    assert [name for name, given in shipped.items() if not given.get("about")] == []
    abouts = [given["about"] for given in shipped.values()]
    assert len(set(abouts)) == len(abouts)
    for name, own in shipped.items():
        if name.endswith("_weak"):
            assert "U(-1, 1)" in own["about"]
