"""Tests of trained networks: each number as its definition says, computed trial by trial."""

import itertools
import math

import numpy as np
import pytest
from oracle.rls_cases import dense, steps
from test_rls import RATE, literal_rates, literally_smoothed, model_of, random

from simcore import drives, rls_connectivity, rls_replay
from simcore.streams import stream

# Two patterns, which some of the neurons follow, in steps that are not the unit of time.
FEW = {
    "network": {"neurons": 30, "p": 0.4, "dt": 0.5, "constant_input": 0.3},
    "target": {"followers": 18, "patterns": 2},
    "input": {"frozen_noise": 0.4},
    "test": {"starts": 3},
}
LEAKY = {"network": {"neuron": "leaky", "constant_input": 1.1}}


def others(train):
    """Neurons beyond the followers, of which this is trained."""
    return {"target": {"others": {"train": train}}}


def few(*changes, **more):
    return model_of(FEW, *changes, **more)


def goals(model):
    """Something that changes in time, for each pattern and all neurons, trained or not."""
    (window,) = steps(model.experiment, model.experiment.target.duration)
    shape = model.experiment.target.patterns, window, model.parameters.neurons
    slow = np.cumsum(random().normal(0, 0.1, shape), axis=1) + 0.5
    return np.abs(slow) / 5 if model.follows_rate else slow  # no rate is negative


def trials_of(model, pattern, **options):
    starts = range(model.experiment.test.starts)
    return [model.test(pattern, f"replay {start}", **options) for start in starts]


def drives_of(model, trials):
    """Of the followers: float64 (start, time, follower)."""
    return np.array(
        [trial.drive[:, : model.experiment.target.followers] for trial in trials], float
    )


def pearson(x, y):
    """Correlation of two courses, 0 if one of them is constant."""
    return np.corrcoef(x, y)[0, 1] if np.ptp(x) > 0 and np.ptp(y) > 0 else 0.0


def pearsons(table, other):
    """Of each column."""
    return np.array([pearson(*columns) for columns in zip(table.T, other.T, strict=True)])


def relative_errors(table, goal):
    """Of each column, over the standard deviation of the goal."""
    return np.sqrt(np.mean((table - goal) ** 2, axis=0)) / np.std(goal, axis=0)


# The quasi-static prediction


def theta_rate(x):
    return math.sqrt(x) / math.pi if x > 0 else 0.0


def leaky_rate(x):
    return 1 / math.log(x / (x - 1)) if x > 1 else 0.0


def literal_prediction(model, goal):
    """Return U = W R and phi(U + input) of the followers, in bins."""
    experiment, network = model.experiment, model.parameters
    followers, n = experiment.target.followers, network.neurons
    what = [experiment.training.what] * followers
    what += [experiment.target.others.train] * (n - followers)
    rate_at = {"theta": theta_rate, "leaky": leaky_rate}[network.neuron]
    decay = math.exp(-network.dt / network.tau_s)
    external = [network.input + model.frozen[step % len(model.frozen)] for step in range(len(goal))]
    wanted = np.zeros((len(goal), n))
    for step, i in np.ndindex(wanted.shape):
        if what[i] == "rate":
            wanted[step, i] = goal[step, i]
        elif what[i] == "drive":
            wanted[step, i] = rate_at(goal[step, i] + external[step][i])
    # As if the first rates had been there for ever.
    R, W, drive, rate = wanted[0], dense(model.synapses), [], []
    for step in range(len(goal)):
        R = decay * R + (1 - decay) * wanted[step]
        drive.append((W @ R)[:followers])
        rate.append([rate_at(drive[step][i] + external[step][i]) for i in range(followers)])
    width, bins = bins_of(model)
    rate = [np.mean(rate[first : first + width], axis=0) for first in range(0, bins * width, width)]
    return np.array(drive), np.array(rate)


def bins_of(model):
    """Steps in a bin of 50 ms, or in a shorter window; and how many whole bins there are."""
    duration = model.experiment.target.duration
    window, width = steps(model.experiment, duration, min(50, duration))
    return width, window // width


def literal_bins(model, trials):
    """Rate of the followers in bins, averaged over trials, in Hz."""
    width, bins = bins_of(model)
    count = np.zeros((bins, model.experiment.target.followers))
    for trial in trials:
        for step, neuron in zip(trial.spike_step, trial.spike_neuron, strict=True):
            place = (step - 1) // width
            if 0 <= place < bins and neuron < count.shape[1]:
                count[place, neuron] += 1
    return 1000 * count / len(trials) / (width * model.parameters.dt)


@pytest.mark.parametrize("neuron", [{}, LEAKY], ids=["theta", "leaky"])
@pytest.mark.parametrize("what", [{}, RATE], ids=["drive", "rate"])
@pytest.mark.parametrize("train", ["drive", "rate", "untrained"])
@pytest.mark.parametrize(("duration", "bins"), [(130, 2), (30, 1)])
def test_prediction_equals_the_literal_one(neuron, what, train, duration, bins):
    model = few(neuron, what, others(train), target={"duration": duration})
    goal = goals(model)[0]
    drive, rate = rls_replay.prediction(model, goal)
    expected = literal_prediction(model, goal)
    assert expected[0].shape == (2 * duration, 18) and expected[1].shape == (bins, 18)
    assert expected[1].any()
    np.testing.assert_allclose(drive, expected[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(rate, expected[1], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("neuron", "transfer"), [("theta", drives.phi), ("leaky", drives.lif)])
@pytest.mark.parametrize(("duration", "bins"), [(120, 2), (30, 1)])
def test_prediction_at_constant_targets_is_that_of_the_rate_equation(
    neuron, transfer, duration, bins
):
    """U = W phi(target + input): a steady rate passes the synapses' filter as it is."""
    network = {"neuron": neuron, "constant_input": 0.4}
    model = model_of(network=network, target={"duration": duration})
    n = model.parameters.neurons
    goal = np.tile(random().normal(0.5, 1, n), (duration, 1))
    drive, rate = rls_replay.prediction(model, goal)
    expected = dense(model.synapses) @ transfer(goal[0] + 0.4)
    np.testing.assert_allclose(drive, np.tile(expected, (duration, 1)), atol=1e-12)
    np.testing.assert_allclose(rate, np.tile(transfer(expected + 0.4), (bins, 1)), atol=1e-12)


def literal_comparison(model, trials, goal):
    """What `quasi_static` measures of each follower."""
    predicted, rate = literal_prediction(model, goal)
    drive, own = drives_of(model, trials), goal[:, : model.experiment.target.followers]
    found = {
        "predicted_drive": np.mean([pearsons(one, predicted) for one in drive], axis=0),
        "predicted_rate": pearsons(literal_bins(model, trials), rate),
    }
    if model.experiment.training.what == "drive":
        sampling = [np.sqrt(np.mean((one - predicted) ** 2, axis=0)) for one in drive]
        found["predicted_target"] = pearsons(predicted, own)
        found["tracking_error"] = relative_errors(predicted, own)
        found["sampling_error"] = np.mean(sampling, axis=0) / np.std(own, axis=0)
    return found


@pytest.mark.parametrize("neuron", [{}, LEAKY], ids=["theta", "leaky"])
@pytest.mark.parametrize("what", [{}, RATE], ids=["drive", "rate"])
@pytest.mark.parametrize("train", ["rate", "untrained"])
def test_comparison_with_the_prediction_equals_the_literal_one(neuron, what, train):
    model = few(neuron, what, others(train), target={"duration": 230})
    goal, trials = goals(model)[1], trials_of(model, 1)
    found = rls_replay.quasi_static(model, trials, goal)
    expected = literal_comparison(model, trials, goal)
    assert set(found) == set(expected)
    for name, values in expected.items():
        assert values.shape == (18,) and np.ptp(values) > 0.1, name
        np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-11, err_msg=name)


def test_predicted_example_counts_the_spikes_of_all_starts():
    """Beside the prediction of its rates, in Hz."""
    model = few(target={"duration": 120})
    goal = goals(model)[1]
    drive, predicted, binned = rls_replay.predicted_example(model, 1, goal)
    expected_drive, expected_rate = literal_prediction(model, goal)
    np.testing.assert_allclose(drive, expected_drive, rtol=0, atol=1e-12)
    np.testing.assert_allclose(predicted, 100 * expected_rate, rtol=0, atol=1e-10)
    trials = trials_of(model, 1)
    np.testing.assert_allclose(binned, literal_bins(model, trials), rtol=1e-12)
    inside = sum(
        np.count_nonzero((trial.spike_step <= 200) & (trial.spike_neuron < 18)) for trial in trials
    )
    assert inside > 20
    assert binned.sum() * 3 * 0.05 == pytest.approx(inside)  # 2 bins of 50 ms


# All starts of an undamaged network


def followed(model, trials, goal):
    """What follows, of each trial or as one rate of all (start, time, follower), and its target."""
    followers = model.experiment.target.followers
    if model.experiment.training.what == "drive":
        return drives_of(model, trials), goal[:, :followers]
    width = model.experiment.test.psth_sd / model.parameters.dt
    return literal_rates(model, trials)[None], literally_smoothed(100 * goal, width)[:, :followers]


def literal_evaluation(model, target):
    """What `evaluate` returns."""
    parts = []
    for pattern, goal in enumerate(target):
        trials = trials_of(model, pattern)
        courses, wanted = followed(model, trials, goal)
        part = {
            "correlation": [pearsons(course, wanted) for course in courses],
            "relative_error": [relative_errors(course, wanted) for course in courses],
            "count": [
                [np.count_nonzero(trial.spike_neuron == i) for i in range(goal.shape[1])]
                for trial in trials
            ],
            "other_correlation": [
                np.mean([pearsons(course, other) for course in courses])
                for _, other in (followed(model, trials, goal) for goal in target)
            ],
        }
        if model.experiment.training.what == "drive":
            variance, sd = courses.var(axis=0, ddof=1), wanted.std(axis=0)
            square = (courses.mean(axis=0) - wanted) ** 2 - variance / len(courses)
            part["bias"] = np.sqrt(np.maximum(square.mean(axis=0), 0)) / sd
            part["variability"] = np.sqrt(variance.mean(axis=0)) / sd
        if model.parameters.neuron in ("theta", "leaky"):
            part |= literal_comparison(model, trials, goal)
        parts.append(part)
    return {name: np.array([part[name] for part in parts]) for name in parts[0]}


@pytest.mark.parametrize(
    "changes",
    [{}, RATE, {"network": {"neuron": "izhikevich", "constant_input": 2}}],
    ids=["drive", "rate", "without transfer function"],
)
def test_evaluation_equals_the_literal_one(changes):
    model = few(changes)
    target = goals(model)
    found, expected = rls_replay.evaluate(model, target), literal_evaluation(model, target)
    assert set(found) == set(expected)
    for name, values in expected.items():
        assert np.ptp(values) > 0, name
        np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-10, err_msg=name)
    assert found["correlation"].shape == (2, 1 if changes == RATE else 3, 18)
    assert found["count"].shape == (2, 3, 30)


def test_evaluation_is_of_the_weights_that_the_model_has():
    model = few()
    target, before = goals(model), rls_replay.evaluate(model, goals(model))
    model.synapses = rls_connectivity.noisy_weights(model.synapses, 0.5, random())
    after = rls_replay.evaluate(model, target)
    assert not np.any(before["correlation"] == after["correlation"])
    assert not np.any(before["predicted_drive"] == after["predicted_drive"])


# Channels


CHANNELS = 4


def channel_goals(model):
    """Targets (pattern, time, neuron), the same for all followers of a channel."""
    target = goals(model)
    followers = model.experiment.target.followers
    target[:, :, :followers] = target[:, :, np.arange(followers) % CHANNELS]
    return target


def literal_channel_correlation(model, trial, goal, intact):
    """All channels and times in one row; a channel that nobody is left of does nothing."""
    followers = model.experiment.target.followers
    (activity,), wanted = followed(model, [trial], goal)
    together = np.zeros((len(goal), CHANNELS))
    for channel in range(CHANNELS):
        members = [i for i in range(followers) if i % CHANNELS == channel and intact[i]]
        if members:
            together[:, channel] = activity[:, members].mean(axis=1)
    return pearson(together.ravel(), wanted[:, :CHANNELS].ravel())


@pytest.mark.parametrize("what", [{}, RATE], ids=["drive", "rate"])
def test_channels_are_means_over_their_followers(what):
    model = few(what)
    for pattern, goal in enumerate(channel_goals(model)):
        found = rls_replay.channel_correlation(model, goal, CHANNELS, pattern)
        expected = [
            literal_channel_correlation(model, trial, goal, np.ones(18, bool))
            for trial in trials_of(model, pattern)
        ]
        assert len(set(expected)) == 3
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


def test_channels_that_do_as_they_are_told_are_perfect():
    """The target is each neuron's own, which its synapses have filtered."""
    model = few()
    trial = trials_of(model, 0)[0]
    steps = len(goals(model)[0])
    goal = np.array(trial.drive[:steps], float)
    found = rls_replay.channel_correlation(model, goal, model.followers)
    assert found[0] == pytest.approx(1)
    assert np.all(found[1:] < 0.99)


def test_channels_of_silent_neurons_have_no_correlation():
    model = few(RATE, network={"constant_input": -9})
    assert not any(trial.spike_step.size for trial in trials_of(model, 0))
    goal = channel_goals(model)[0]
    assert rls_replay.channel_correlation(model, goal, CHANNELS).tolist() == [0, 0, 0]


# Damage


DAMAGE = {
    "neurons": 0.4,
    "synapses": 0.3,
    "noise": 0.5,
    "shuffle": 0.6,
    "stimulus": 0.3,
    "other stimulus": 0.7,
}


def damage(*cases, draws=2):
    """Damage of kinds and amounts."""
    listed = [{"kind": kind, "amounts": [amount], "draws": draws} for kind, amount in cases]
    return {"test": {"damage": listed}}


def literal_damage(model, kind, amount, draw, pattern):
    """What the draw changes in a test: its options, and which followers are intact."""
    generator = stream(1, f"rls network 0: damage {kind} {draw}")
    synapses, intact = model.synapses, np.ones(18, bool)
    if kind == "neurons":
        silenced = rls_connectivity.chosen_neurons(30, amount, generator)
        return {"silenced": silenced}, ~silenced[:18]
    if kind == "synapses":
        return {"synapses": rls_connectivity.delete_synapses(synapses, amount, generator)}, intact
    if kind == "noise":
        return {"synapses": rls_connectivity.noisy_weights(synapses, amount, generator)}, intact
    if kind == "shuffle":
        return {"synapses": rls_connectivity.shuffled(synapses, 18, amount, generator)}, intact
    if kind == "stimulus":
        return {"stimulus": amount * model.stimuli[pattern]}, intact
    other = generator.uniform(-1, 1, 30) * model.experiment.input.amplitude
    return {"stimulus": amount * other}, intact


def literal_correlations_of_damage(model, kind, amount, draw, target):
    """Correlation with the target, and of channels: means over patterns."""
    found = []
    for pattern, goal in enumerate(target):
        options, intact = literal_damage(model, kind, amount, draw, pattern)
        if model.experiment.training.what == "drive":
            trials = [model.test(pattern, f"replay {draw}", **options)]
        else:
            trials = trials_of(model, pattern, **options)
        (course,), wanted = followed(model, trials, goal)
        of_channels = [literal_channel_correlation(model, trial, goal, intact) for trial in trials]
        found.append([pearsons(course, wanted)[intact].mean(), np.mean(of_channels)])
    return np.mean(found, axis=0)


@pytest.mark.parametrize("what", [{}, RATE], ids=["drive", "rate"])
@pytest.mark.parametrize(("kind", "amount"), DAMAGE.items(), ids=DAMAGE)
def test_damage_equals_the_literal_one(what, kind, amount):
    """Of one start in each draw, or of all: of drives, or rates; more draws than starts."""
    model = few(what, damage((kind, amount), draws=3), test={"starts": 2})
    target = channel_goals(model)
    found = rls_replay.damaged(model, target, CHANNELS)
    expected = [
        literal_correlations_of_damage(model, kind, amount, draw, target) for draw in range(3)
    ]
    assert np.all(expected)
    together = [found["damage_correlation"][0], found["damage_channel_correlation"][0]]
    np.testing.assert_allclose(np.transpose(together), expected, rtol=0, atol=1e-10)
    alone = rls_replay.damaged(model, target)
    assert set(alone) == {"damage", "damage_correlation"}
    np.testing.assert_array_equal(alone["damage_correlation"], found["damage_correlation"])


def test_only_intact_followers_count():
    """The silenced ones have drives, too."""
    model = few(damage(("neurons", 0.4), draws=1))
    target = goals(model)
    _, intact = literal_damage(model, "neurons", 0.4, 0, 0)
    assert 0 < np.count_nonzero(intact) < 18
    changed = target.copy()
    changed[:, :, np.flatnonzero(~intact)] *= -1
    found = [rls_replay.damaged(model, goal)["damage_correlation"] for goal in (target, changed)]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    ("kind", "amount"),
    [("neurons", 0), ("synapses", 0), ("noise", 0), ("shuffle", 0), ("stimulus", 1)],
)
def test_damage_that_changes_nothing(kind, amount):
    """Draw by draw another start of the undamaged network, also beyond those that are tested."""
    model = few(damage((kind, amount), draws=5))
    target = channel_goals(model)
    found = rls_replay.damaged(model, target, CHANNELS)
    model = few(damage((kind, amount), draws=5), test={"starts": 5})
    whole = rls_replay.evaluate(model, target)["correlation"].mean(axis=(0, 2))
    of_channels = [
        rls_replay.channel_correlation(model, goal, CHANNELS, pattern)
        for pattern, goal in enumerate(target)
    ]
    np.testing.assert_allclose(found["damage_correlation"][0], whole, rtol=1e-12)
    np.testing.assert_allclose(
        found["damage_channel_correlation"][0], np.mean(of_channels, axis=0), rtol=1e-12
    )


def test_no_stimulus_is_no_other_stimulus():
    model = few(damage(("stimulus", 0), ("other stimulus", 0)))
    none, no_other = rls_replay.damaged(model, goals(model))["damage_correlation"]
    np.testing.assert_array_equal(none, no_other)


def test_cases_of_damage_are_told_in_their_order():
    """Each amount is a case, with draws of its kind; a run may stop before each draw."""
    listed = [
        {"kind": "neurons", "amounts": [0.1, 0.4], "draws": 3},
        {"kind": "noise", "amounts": [0.5], "draws": 1},
    ]
    model, calls = few(test={"damage": listed}), []
    found = rls_replay.damaged(model, goals(model), may_stop=lambda: calls.append(1))
    assert found["damage"] == [("neurons", 0.1), ("neurons", 0.4), ("noise", 0.5)]
    missing = [[False] * 3, [False] * 3, [False, True, True]]
    np.testing.assert_array_equal(np.isnan(found["damage_correlation"]), missing)
    assert len(calls) == 7
    alone = few(damage(("neurons", 0.4), draws=3))
    np.testing.assert_array_equal(
        rls_replay.damaged(alone, goals(alone))["damage_correlation"][0],
        found["damage_correlation"][1],
    )
    assert rls_replay.damaged(few(), goals(model))["damage_correlation"].shape == (0, 0)


# How trials come apart, and how they agree


def test_the_first_spike_after_a_moment_is_deleted():
    """The drives are the same before it, to the last bit."""
    model = few(test={"delete_spike": 60})
    found = rls_replay.without_one_spike(model)
    assert found.shape == (3, 400)
    for start, course in enumerate(found):
        whole = model.test(0, f"replay {start}")
        spikes = zip(whole.spike_step.tolist(), whole.spike_neuron.tolist(), strict=True)
        step, neuron = min(spike for spike in spikes if spike[0] * 0.5 > 60)
        other = model.test(0, f"replay {start}", delete=(step, neuron))
        difference = whole.drive.astype(float) - other.drive
        expected = np.sqrt(np.mean(difference**2, axis=1)) / whole.drive.astype(float).std()
        np.testing.assert_allclose(course, expected, rtol=1e-10)
        assert step < 200 and not course[: step - 1].any() and course[step - 1] > 0.01


def test_without_spikes_none_can_be_deleted():
    model = few(network={"constant_input": -9}, test={"delete_spike": 60})
    assert np.isnan(rls_replay.without_one_spike(model)).all()


@pytest.mark.parametrize("free_run", [30, 260])
def test_agreement_is_that_of_pairs_of_trials_in_sliding_windows(free_run):
    """From 200 ms before the stimulus, or from the trial's beginning, until after the window."""
    model = few(test={"free_run": free_run})
    found = rls_replay.agreement(model, after=130)
    before = 50 + min(free_run, 200)
    drive = [trial.drive for trial in trials_of(model, 0, before=before, after=130)]
    beginnings = range(0, before + 200 + 130 - 200 + 1, 50)
    expected = [
        np.mean(
            [
                pearsons(a[2 * begin : 2 * begin + 400], b[2 * begin : 2 * begin + 400])
                for a, b in itertools.combinations(drive, 2)
            ]
        )
        for begin in beginnings
    ]
    time = [begin + 100 - before for begin in beginnings]
    np.testing.assert_allclose(found["agreement_time"], time)
    np.testing.assert_allclose(found["agreement"], expected, rtol=0, atol=1e-12)
    assert np.ptp(found["agreement"]) > 0.01
    assert np.isnan(found["agreement_after"])  # 130 ms are too short


def test_agreement_within_the_window_and_after_it_is_that_of_pairs_of_trials():
    model = few(test={"free_run": 30})
    found = rls_replay.agreement(model, after=250)
    drive = [trial.drive for trial in trials_of(model, 0, after=250)]
    for name, rows in (("within", slice(0, 400)), ("after", slice(400, 900))):
        pairs = [pearsons(a[rows], b[rows]) for a, b in itertools.combinations(drive, 2)]
        assert found[f"agreement_{name}"] == pytest.approx(np.mean(pairs), abs=1e-12)


@pytest.mark.parametrize(("free_run", "after"), [(30, 0), (260, 250)])
def test_examples_are_the_first_starts_and_the_rates_of_all(free_run, after):
    model = few(test={"starts": 4, "free_run": free_run, "after": after})
    before, trials, rate = rls_replay.examples(model, 1)
    assert before == 50 + min(free_run, 200)
    every = trials_of(model, 1, before=before, after=max(after, 200))
    assert len(trials) == 3
    for found, expected in zip(trials, every, strict=False):
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)
    assert trials[0].drive.shape == (2 * (before + 200 + max(after, 200)), 30)
    np.testing.assert_allclose(rate, literal_rates(model, every), atol=1e-9)
    alone = rls_replay.example(model, 1, 2)
    np.testing.assert_array_equal(alone.drive, trials[2].drive)
