"""What networks are to follow, made for small models of every kind."""

import numpy as np
import pytest
from oracle.rls_cases import small

from simcore import drives, rls, rls_targets, rls_training, targets, tracking
from simcore.errors import UserError

STEPS, NEURONS = 200, 40
OTHERS = {"followers": 10}


def song(duration, dt):
    """Stands for the study's song: three channels, loud to 20 kHz."""
    rate = 10 + 10 * np.sin(np.arange(round(duration / dt))[:, np.newaxis] / [5, 9, 20])
    return targets.Target(rate, dt, None, "song")


def model_of(target, *changes, seed=1):
    return rls.Model(small(*changes, target=target), seed, 0)


def made(target, *changes, seed=1, **sources):
    """The table (pattern, time, neuron), which must fit."""
    model = model_of(target, *changes, seed=seed)
    table = rls_targets.make(model, **sources)
    rls_training.check_target(model.experiment, table)
    assert table.dtype == float
    return table


RATE = {"training": {"what": "rate"}}
DRAWN = ["periodic", "ratemodel", "ou", "mixture", "cortical", "innate"]
KINDS = [*DRAWN, "symbols", "song"]
# A network that keeps firing by itself.
LIVELY = {"network": {"constant_input": 0.5}}


@pytest.mark.parametrize(
    ("kind", "what"),
    # The rate of an innate target is refused by the parameters.
    [(kind, what) for kind in KINDS for what in ("drive", "rate") if kind != "innate"]
    + [("innate", "drive")],
)
def test_every_kind(kind, what):
    """Shape, finite, not constant; the same again; rates are not negative."""
    changes = LIVELY, {"training": {"what": what}}
    table = made({"kind": kind, "patterns": 2}, *changes, song=song)
    assert table.shape == (2, STEPS, NEURONS)
    np.testing.assert_array_equal(table, made({"kind": kind, "patterns": 2}, *changes, song=song))
    if what == "drive":
        assert (np.ptp(table, axis=1) > 1e-3).all()
    else:
        assert table.min() >= 0 and 0.01 < table.max() < 2
    if kind in DRAWN:
        assert not np.array_equal(table[0], table[1])
        assert not np.array_equal(table, made({"kind": kind, "patterns": 2}, *changes, seed=2))
        assert len(np.unique(table[0, -1])) > NEURONS / 2
    else:
        np.testing.assert_array_equal(table[0], table[1])


@pytest.mark.parametrize("kind", [*DRAWN, "symbols", "song"])
def test_tables_lie_row_by_row(kind):
    """For arrays of another order the kernels are compiled once more."""
    assert made({"kind": kind, "patterns": 2}, LIVELY, song=song).flags.c_contiguous


@pytest.mark.parametrize("kind", ["periodic", "ratemodel", "ou", "mixture", "symbols", "song"])
@pytest.mark.parametrize("neuron", ["theta", "leaky"])
def test_rates_are_the_transfer_of_the_drives(kind, neuron):
    """The quasi-static rate at this drive and the constant input."""
    network = {"network": {"neuron": neuron, "dt": 0.5, "constant_input": 0.9}}
    drive = made({"kind": kind}, network, song=song)
    rate = made({"kind": kind}, network, RATE, song=song)
    x = drive + 0.9
    if neuron == "theta":
        expected = np.sqrt(np.maximum(x, 0)) / np.pi
    else:
        above = np.where(x > 1, x, 2)
        expected = np.where(x > 1, 1 / np.log(above / (above - 1)), 0)
    np.testing.assert_allclose(rate, expected, rtol=1e-9, atol=1e-12)
    assert (rate > 0).any()


def test_cortical_rates():
    """Rates in spikes per 10 ms; as drives, what gives a theta neuron these rates."""
    rate = made({"kind": "cortical", "lowest_mean": 5}, RATE)
    assert 0.002 <= rate.min() and rate.max() <= 0.5
    assert rate[0].mean(axis=0).min() > 0.05
    drive = made({"kind": "cortical", "lowest_mean": 5})
    np.testing.assert_allclose(drives.phi(drive), rate, rtol=1e-12)


@pytest.mark.parametrize(
    "network", [{"neuron": "leaky", "dt": 0.5, "constant_input": 1}, {"constant_input": 0.3}]
)
def test_cortical_drives_give_the_neurons_their_rates(network):
    target, network = {"kind": "cortical"}, {"network": network}
    rate, drive = made(target, network, RATE), made(target, network)
    model = model_of(target, network)
    found = rls_targets.as_rate(model.parameters, drive)
    # A leaky neuron fires slowly only so near its threshold that 64 bits cannot tell.
    resolved = rate > (0.05 if network["network"].get("neuron") == "leaky" else 0)
    assert resolved.mean() > 0.3
    np.testing.assert_allclose(found[resolved], rate[resolved], rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "options", "draw"),
    [
        (
            "periodic",
            {"amplitude": 0.3, "period": (300, 400), "second_period": None},
            lambda g: drives.periodic(
                g, 40, 200, 1.0, amplitude=(0.3, 0.3), period=(300, 400), second_period=None
            ),
        ),
        (
            "ratemodel",
            {"tau": 30, "gain": 6, "run_in": 50, "connected": 0.5},
            lambda g: drives.rate_model(g, 40, 200, 1.0, tau=30, gain=6, p=0.5, run_in=50),
        ),
        ("ou", {"tau_c": 50, "s": 0.2}, lambda g: drives.noise(g, 40, 200, 1.0, tau_c=50, s=0.2)),
        ("ou", {"tau_c": 50, "sd": 2}, lambda g: drives.noise(g, 40, 200, 1.0, tau_c=50, sd=2)),
        (
            "mixture",
            {"sources": 3, "tau_c": 50, "sd": 2},
            lambda g: drives.mixtures(g, 40, 200, 1.0, 3, tau_c=50, sd=2),
        ),
        (
            "cortical",
            {"lowest_mean": 4},
            lambda g: (np.pi * drives.cortical_rates(g, 40, 200, 1.0, lowest_mean=4) / 100) ** 2,
        ),
    ],
)
def test_options_reach_what_draws(kind, options, draw):
    """Each pattern has a stream of its own."""
    target = {"kind": kind, "patterns": 2} | options
    model = model_of(target)
    table = rls_targets.make(model)
    for pattern in range(2):
        expected = draw(model.stream(f"target {pattern}"))
        np.testing.assert_allclose(table[pattern], expected, rtol=1e-13)


def test_symbols_are_those_of_the_clock():
    """ABC: one neuron in three follows each channel, from low to high."""
    table = made({"kind": "symbols", "sequence": "ABC", "low": -1, "high": 2})[0]
    on = targets.symbol_sequence("ABC", 200, 1, on_rate=1, baseline=0).rate
    expected, channel = drives.from_channels(on, 40, 1.0, tau_s=20, low=-1, high=2)
    np.testing.assert_array_equal(table, expected)
    assert channel.tolist() == [i % 3 for i in range(40)]
    assert table.min() == -1 and 1.5 < table.max() < 2
    peaks = table[:, :3].argmax(axis=0)
    assert (np.diff(peaks) > 30).all()


def test_song_is_that_of_the_study():
    """Scaled to its loudest moment, through the synapses' filter."""
    table = made({"kind": "song", "low": 0, "high": 1}, {"network": {"tau_s": 1}}, song=song)[0]
    amplitude = song(200, 1).rate / song(200, 1).rate.max()
    for neuron in (0, 1, 2, 39):
        found = np.corrcoef(table[:, neuron], amplitude[:, neuron % 3])[0, 1]
        assert found > 0.98
    assert 0.9 < table.max() <= 1


# ---------------------------------------------------------------------------------------- innate


def test_innate_target_is_the_networks_own_drive():
    """What the untrained network does after the stimulus, and without a stimulus would not do."""
    target = {"kind": "innate", "patterns": 2, "run_in": 100}
    noisy = {"input": {"frozen_noise": 0.5}}
    table = made(target, LIVELY, noisy)
    model = model_of(target, LIVELY, noisy)
    for pattern in range(2):
        state = model.start(f"innate {pattern}")
        none = np.zeros((1, 40))
        model.run(state, 100, none)
        model.run(state, 50, model.stimuli[pattern][None])
        trial, _ = model.run(state, 200, model.frozen, record=True)
        np.testing.assert_array_equal(table[pattern], trial.drive)
    assert not np.array_equal(table, made(target | {"run_in": 0}, LIVELY, noisy))
    assert not np.array_equal(table, made(target, LIVELY))


def test_innate_target_may_be_smoothed():
    raw = made({"kind": "innate"}, LIVELY)[0]
    smooth = made({"kind": "innate", "smoothing": 30}, LIVELY)[0]
    np.testing.assert_allclose(smooth, drives.smoothed(raw, 30, 1.0), rtol=1e-12)
    assert np.diff(smooth, axis=0).std() < 0.3 * np.diff(raw, axis=0).std()


def test_making_a_target_changes_nothing():
    model = model_of({"kind": "innate"}, LIVELY)
    before = model.synapses.weight.copy()
    first = rls_targets.make(model)
    np.testing.assert_array_equal(rls_targets.make(model), first)
    np.testing.assert_array_equal(model.synapses.weight, before)


def test_innate_target_of_a_part_of_the_neurons():
    table = made({"kind": "innate"} | OTHERS, LIVELY)
    np.testing.assert_array_equal(table[:, :, :10], made({"kind": "innate"}, LIVELY)[:, :, :10])


# --------------------------------------------------------------------------- others, and repeats


@pytest.mark.parametrize("kind", ["periodic", "ou", "symbols", "cortical"])
@pytest.mark.parametrize("what", ["drive", "rate"])
@pytest.mark.parametrize("train", ["drive", "rate", "untrained"])
def test_others_get_what_they_are_to_learn(kind, what, train):
    others = {"train": train, "sd": 0.7, "tau_c": 30}
    target = {"kind": kind, "patterns": 2, "others": others} | OTHERS
    table = made(target, {"training": {"what": what}})
    rest = table[:, :, 10:]
    assert rest.shape == (2, 200, 30)
    if train == "untrained":
        assert not rest.any()
        return
    assert not np.array_equal(rest[0], rest[1])
    model = model_of(target)
    for pattern in range(2):
        generator = model.stream(f"targets of others {pattern}")
        noise = drives.noise(generator, 30, 200, 1.0, tau_c=30, sd=0.7)
        expected = noise if train == "drive" else drives.phi(noise)
        np.testing.assert_array_equal(rest[pattern], expected)
    assert rest.std() == pytest.approx(0.7, rel=0.1) or train == "rate"


@pytest.mark.parametrize("kind", ["periodic", "ou", "cortical"])
def test_followers_get_the_target_itself(kind):
    """As many columns as followers, whatever the others learn."""
    tables = [
        made({"kind": kind, "others": {"train": train}} | OTHERS)[:, :, :10]
        for train in ("drive", "rate", "untrained")
    ]
    np.testing.assert_array_equal(tables[0], tables[1])
    np.testing.assert_array_equal(tables[0], tables[2])
    assert len(np.unique(tables[0][0, 100])) == 10


def test_rates_of_others_may_be_filtered():
    target = {"kind": "ou", "others": {"train": "rate", "filtered": False}} | OTHERS
    plain = made(target)[0, :, 10:]
    target["others"] = {"train": "rate", "filtered": True}
    filtered = made(target)[0, :, 10:]
    np.testing.assert_array_equal(filtered, tracking.filtered_by_synapse(plain, 20.0, 1.0))
    assert not np.array_equal(filtered, plain)


@pytest.mark.parametrize("kind", ["ou", "periodic"])
@pytest.mark.parametrize("what", ["drive", "rate"])
def test_part_of_the_neurons_share_one_target(kind, what):
    changes = {"training": {"what": what}}
    own = made({"kind": kind, "patterns": 2}, changes)
    for fraction in (0.0, 0.25, 0.9):
        table = made({"kind": kind, "patterns": 2, "random_fraction": fraction}, changes)
        for pattern in range(2):
            same = (table[pattern] == own[pattern]).all(axis=0)
            kept = round(fraction * 40)
            # The one whose target is repeated has its own too.
            assert np.count_nonzero(same) == kept + 1
            if what == "drive":  # rates may all be 0
                assert len({column.tobytes() for column in table[pattern].T}) == kept + 1
    several = {"kind": kind, "random_fraction": 0.5} | OTHERS
    table = made(several, changes)
    if what == "drive":
        assert len({column.tobytes() for column in table[0, :, :10].T}) == 6
    assert len({column.tobytes() for column in table[0, :, 10:].T}) == 30


# ----------------------------------------------------------------------------------------- files


def test_file_of_drives(tmp_path):
    numbers = np.random.default_rng(0).standard_normal((120, 40))
    path = tmp_path / "drives.npy"
    np.save(path, numbers)
    target = {"kind": "file", "file": str(path), "file_dt": 2, "patterns": 2}
    table = made(target, file=path)
    # Row k is the time 2 (k + 1) ms; the step after 3 ms is as near to that of 4 ms: the later.
    np.testing.assert_array_equal(table[0, 1::2], numbers[:100])
    np.testing.assert_array_equal(table[0, 2::2], numbers[1:100])
    np.testing.assert_array_equal(table[0], table[1])
    rate = made(target, RATE, file=path)
    np.testing.assert_array_equal(rate, drives.phi(table))


def test_file_of_rates(tmp_path):
    """In Hz; of more columns than followers the first are taken."""
    rates = np.random.default_rng(0).uniform(0, 30, (200, 60))
    path = tmp_path / "rates.csv"
    np.savetxt(path, rates, delimiter=",", fmt="%.17g")
    target = {"kind": "cortical", "file": str(path)}
    np.testing.assert_allclose(made(target, RATE, file=path)[0], rates[:, :40] / 100)
    table = made(target | OTHERS, RATE, file=path)
    np.testing.assert_allclose(table[0, :, :10], rates[:, :10] / 100)
    np.testing.assert_allclose(
        made(target, file=path)[0], (np.pi * rates[:, :40] / 100) ** 2, rtol=1e-12
    )


@pytest.mark.parametrize("neuron", ["theta", "leaky"])
def test_file_of_rates_that_are_zero(tmp_path, neuron):
    """A silent neuron's drive lies at its threshold."""
    path = tmp_path / "rates.npy"
    np.save(path, np.zeros((200, 40)))
    network = {"network": {"neuron": neuron, "constant_input": 0.4}}
    table = made({"kind": "cortical", "file": str(path)}, network, file=path)
    np.testing.assert_allclose(table, 0.6 if neuron == "leaky" else -0.4)


@pytest.mark.parametrize(
    ("kind", "rows", "columns", "words"),
    [
        ("file", 200, 39, ["number of columns", "39", "40 neurons"]),
        ("file", 200, 41, ["number of columns", "41"]),
        ("file", 199, 40, ["lasts 199 ms", "window of 200 ms"]),
        ("cortical", 150, 40, ["lasts 150 ms"]),
        ("cortical", 200, 39, ["has 39 neurons, but 40 are to follow", "target.followers"]),
    ],
)
def test_files_that_do_not_fit(tmp_path, kind, rows, columns, words):
    path = tmp_path / "table.npy"
    np.save(path, np.ones((rows, columns)))
    with pytest.raises(UserError) as error:
        made({"kind": kind, "file": str(path)}, file=path)
    message = str(error.value)
    assert message.endswith(".") and "table.npy" in message
    for word in words:
        assert word in message, message


def test_files_of_wrong_numbers(tmp_path):
    path = tmp_path / "table.npy"
    with pytest.raises(UserError, match="There is no target file"):
        made({"kind": "file", "file": str(path)}, file=path)
    table = np.ones((200, 40))
    table[7, 3] = -1
    np.save(path, table)
    made({"kind": "file", "file": str(path)}, file=path)
    with pytest.raises(UserError, match="row 7, column 3 .* is a negative rate"):
        made({"kind": "cortical", "file": str(path)}, file=path)
    table[9, 1] = np.nan
    np.save(path, table)
    for kind in ("file", "cortical"):
        with pytest.raises(UserError, match="row 9, column 1 .* is not a finite number"):
            made({"kind": kind, "file": str(path)}, file=path)
