"""Networks, their trials and their training: what is drawn, damaged, interrupted and learned."""

from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from oracle.rls_cases import IZHIKEVICH, dense, oracle_of, small, steps, trained

from simcore import rls, rls_connectivity, rls_targets, rls_training, tracking
from simcore.errors import UserError
from simcore.numerics import steps_of
from simcore.streams import stream

GROUPED = {"network": {"presynaptic": "grouped", "groups": 4}}
BALANCED = {"network": {"initial": "balanced", "constant_input": 0.5, "neurons": 60}}
FREEZE = {"training": {"dale": "freeze"}}
FULL = {"training": {"inverse": "full 64-bit"}}
BITS32 = {"training": {"inverse": "packed 32-bit"}}
RATE = {"training": {"what": "rate"}}
NOISY = {"test": {"noise": 0.3}, "input": {"frozen_noise": 0.4}}


def random(seed=0):
    return np.random.default_rng(seed)


def model_of(*changes, seed=1, number=0, **more):
    return rls.Model(small(*changes, **more), seed, number)


def same_trial(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


# ------------------------------------------------------------------------- interrupted training


class Interrupted(Exception):
    pass


def interrupter(calls, times):
    """A tick that raises at some of its calls, counted from 1, and notes the time of all."""

    def tick(time):
        times.append(time)
        if len(times) in calls:
            raise Interrupted

    return tick


def run_with_interruptions(experiment, calls, threads=1):
    """Train, and after each interruption go on in a fresh model from copies of the arrays."""
    training, times = trained(experiment, threads=threads), []
    tick = interrupter(set(calls), times)
    for _ in range(len(calls) + 1):
        try:
            training.run(tick)
            return training, times
        except Interrupted:
            saved = {name: values.copy() for name, values in training.arrays().items()}
            for values in training.arrays().values():
                values[...] = 0  # nothing may come from the old training
            training = trained(experiment, threads=threads)
            training.restore(saved)
    raise AssertionError("interrupted more often than asked for")


def bits(training):
    return {name: values.tobytes() for name, values in training.arrays().items()}


TWO = {"target": {"patterns": 2}, "training": {"loops": 3, "test_at": (1, 3)}}
# 6 trials of 6 pieces: ends at 20 (free run), 70 (stimulus), 120, 170, 220, 270 ms (window).
INTERRUPTIONS = [[1], [2], [3], [4], [6], [7], [8], [12], [16], [18], [35], [36], [*range(1, 37)]]


@pytest.fixture(scope="module")
def uninterrupted():
    times = []
    training = trained(small(TWO, NOISY, training={"update_every": 30}))
    training.run(times.append)
    return bits(training), times


@pytest.mark.parametrize("calls", INTERRUPTIONS, ids=str)
def test_interrupted_training_is_the_same_to_the_last_bit(uninterrupted, calls):
    """Between trials, between loops, and within an interval between two updates."""
    experiment = small(TWO, NOISY, training={"update_every": 30})
    training, times = run_with_interruptions(experiment, calls)
    assert (bits(training), times) == uninterrupted


@pytest.mark.parametrize(
    "changes",
    [
        GROUPED,
        FULL,
        BITS32,
        RATE,
        {**BALANCED, **FREEZE},
        IZHIKEVICH,
        {"network": {"neuron": "leaky"}},
        {"network": {"neuron": "rate"}},
    ],
    ids=["grouped", "full", "32-bit", "rates", "freeze", "izhikevich", "leaky", "rate units"],
)
def test_all_that_changes_is_saved(changes):
    experiment = small(TWO, changes)
    expected = trained(experiment)
    expected.run()
    training, _ = run_with_interruptions(experiment, range(2, 37, 7), threads=2)
    assert bits(training) == bits(expected)


def test_ticks_tell_the_simulated_time(uninterrupted):
    _, times = uninterrupted
    trial = np.array([20, 70, 120, 170, 220, 270])
    np.testing.assert_allclose(times, np.concatenate([270 * n + trial for n in range(6)]))


def test_interruption_between_trial_and_test_does_not_lose_the_test():
    """The last tick of a loop comes after its test: what is saved then has it."""
    experiment = small(training={"loops": 2, "test_at": (1,)})
    training = trained(experiment)
    with pytest.raises(Interrupted):
        training.run(interrupter({6}, []))
    assert training.arrays()["progress"].tolist() == [1, 0]
    assert len(training.curve_array()) == 1 and training.curve_array()[0, 0] == 1


def test_finished_training_does_nothing_more():
    training = trained(small())
    training.run()
    done, ticks = bits(training), []
    training.run(ticks.append)
    assert bits(training) == done and not ticks
    assert training.trials == 2 and training.curve_array()[:, 0].tolist() == [1, 2]


def test_arrays_are_those_of_the_training_itself():
    """What is saved is what goes on; the weights are trained in place."""
    training = trained(small())
    arrays = training.arrays()
    assert arrays["weight"] is training.model.synapses.weight
    assert arrays["P"] is training.inverse.P and arrays["c"] is training.inverse.c
    assert arrays["state.v"] is training.state.v
    names = {"v", "recovery", "r", "u", "held", "silenced"}
    others = {"weight", "frozen", "P", "c", "progress", "curve", "first_loop"}
    assert set(arrays) == {f"state.{name}" for name in names} | others


SERIES = {
    "networks": 2,
    "series": {"key": "target.random_fraction", "values": [0.5, 1]},
    "training": {"loops": 1},
}


def networks_of(experiment):
    targets = [
        rls_targets.make(rls.Model(condition, 1, number))
        for _, condition, number in experiment.runs
    ]
    return rls_training.Networks(experiment, 1, np.array(targets))


def flat(done):
    return [{name: values.tobytes() for name, values in run.items()} for run in done]


def test_networks_of_a_series_are_trained_one_after_the_other():
    experiment, times = small(SERIES), []
    assert [run[::2] for run in experiment.runs] == [(0.5, 0), (0.5, 1), (1, 0), (1, 1)]
    networks = networks_of(experiment)
    networks.run(times.append)
    assert times == sorted(times) and len(times) == 4 * 6
    assert times[-1] == networks.simulated == 4 * 270 == 4 * experiment.training_ms
    for (_, condition, number), found in zip(experiment.runs, networks.done, strict=True):
        training = trained(condition, network=number)
        training.run()
        np.testing.assert_array_equal(found["weight"], training.model.synapses.weight)
        np.testing.assert_array_equal(found["initial_weight"], training.model.initial_weight)
        np.testing.assert_array_equal(found["curve"], training.curve_array())
        for name in ("row_pointer", "column", "sign", "frozen"):
            np.testing.assert_array_equal(found[name], getattr(training.model.synapses, name))


def test_the_first_loop_is_recorded_and_changes_nothing():
    experiment = small()
    plain, recorded = trained(experiment), trained(experiment)
    goal = recorded.target
    recorded = rls_training.Training(recorded.model, goal, record=True)
    for training in (plain, recorded):
        training.run()
    assert plain.first_loop.size == 0 and recorded.first_loop.shape == goal.shape[1:]
    before, after = bits(plain), bits(recorded)
    for found in (before, after):
        found.pop("first_loop")
    assert before == after
    # Its last row is the drive with which the state goes on.
    short = trained(small(training={"loops": 1, "test_at": ()}))
    short = rls_training.Training(short.model, goal, record=True)
    short.run()
    np.testing.assert_array_equal(short.first_loop, recorded.first_loop)
    np.testing.assert_allclose(short.first_loop[-1], short.state.u, rtol=1e-6)


@pytest.mark.parametrize("calls", [[3], [6], [7], [13, 14], [24], [*range(1, 25)]], ids=str)
def test_interrupted_networks_are_the_same_to_the_last_bit(calls):
    experiment, expected, times = small(SERIES), [], []
    reference = networks_of(experiment)
    reference.run(expected.append)
    networks, tick = networks_of(experiment), interrupter(set(calls), times)
    for _ in calls:
        with pytest.raises(Interrupted):
            networks.run(tick)
        saved = {name: np.array(values) for name, values in networks.arrays().items()}
        networks = networks_of(experiment)
        networks.restore(saved)
    networks.run(tick)
    assert times == expected and flat(networks.done) == flat(reference.done)


# ------------------------------------------------------------------------------------- the curve


@pytest.mark.parametrize("changes", [{}, RATE, NOISY, GROUPED], ids=["drive", "rate", "noisy", "g"])
def test_tests_never_change_the_training(changes):
    results = []
    for test_at in ((), (1, 2, 3, 4)):
        training = trained(small(changes, training={"loops": 5, "test_at": test_at}))
        training.run()
        found = bits(training)
        results.append(found)
        assert len(training.curve) == len(test_at) + 1
    for found in results:
        found.pop("curve")
    assert results[0] == results[1]


@pytest.mark.parametrize("changes", [{}, {"target": {"followers": 10}}], ids=["all", "some"])
def test_curve_holds_what_the_tests_gave(changes):
    training = trained(small(TWO, changes, test={"starts": 3}))
    training.run()
    model = training.model
    correlations = np.array(
        [
            [
                tracking.correlation(
                    model.test(pattern, f"curve {start}").drive[:, : model.followers],
                    training.target[pattern][:, : model.followers],
                ).mean()
                for pattern in range(2)
            ]
            for start in range(3)
        ]
    ).mean(axis=1)
    moved = model.synapses.weight - model.initial_weight
    change = np.linalg.norm(moved) / np.linalg.norm(model.initial_weight)
    expected = [3, correlations.mean(), correlations.std(ddof=1), change, 1]
    assert training.curve_array().shape == (2, 5)
    np.testing.assert_allclose(training.curve_array()[-1], expected, rtol=1e-9)


def test_curve_of_rates_has_no_spread_and_of_zero_weights_no_relative_change():
    training = trained(small(RATE))
    training.run()
    assert np.isnan(training.curve_array()[:, 2]).all()
    assert np.isfinite(np.delete(training.curve_array(), 2, axis=1)).all()
    training = trained(small(network={"initial": "zero"}))
    training.run()
    assert (training.curve_array()[:, 4] == 0).all()
    assert training.curve_array()[-1, 3] == pytest.approx(
        np.linalg.norm(training.model.synapses.weight)
    )
    assert trained(small()).curve_array().shape == (0, 5)


def literally_smoothed(table, sd):
    """Each row the mean of all rows, weighted by a Gaussian (sd in rows) cut off at 4 sd."""
    row = np.arange(len(table))
    distance = np.abs(row[:, None] - row)
    weight = np.where(distance <= np.floor(4 * sd + 0.5), np.exp(-((distance / sd) ** 2) / 2), 0)
    return weight @ table / weight.sum(axis=1, keepdims=True)


def literal_rates(model, trials):
    """Rates of the followers in the window, averaged over trials and smoothed, in Hz."""
    dt, target = model.parameters.dt, model.experiment.target
    (window,) = steps(model.experiment, target.duration)
    count = np.zeros((window, target.followers or model.parameters.neurons))
    for trial in trials:
        for step, neuron in zip(trial.spike_step, trial.spike_neuron, strict=True):
            if 1 <= step <= window and neuron < count.shape[1]:
                count[step - 1, neuron] += 1
    return literally_smoothed(1000 / dt * count / len(trials), model.experiment.test.psth_sd / dt)


@pytest.mark.parametrize("dt", [1, 0.5])
def test_rate_of_trials_is_their_psth(dt):
    """Of the followers only, in Hz, with spikes of the window only."""
    model = model_of(RATE, network={"dt": dt}, target={"followers": 7}, test={"psth_sd": 20})
    trials = [model.test(0, str(n), before=60, after=60) for n in range(4)]
    expected = literal_rates(model, trials)
    assert expected.shape == (200 / dt, 7) and expected.max() > 10
    np.testing.assert_allclose(model.rates(trials), expected, atol=1e-9)
    goal = random().uniform(0, 1, (round(200 / dt), 40))  # spikes per 10 ms
    smoothed = literally_smoothed(100 * goal, 20 / dt)
    np.testing.assert_allclose(model.smoothed_target_rate(goal), smoothed, atol=1e-9)


# -------------------------------------------------------------------------------------- streams


def parts(model):
    """Everything that a model draws."""
    return {
        "weight": model.initial_weight,
        "column": model.synapses.column,
        "stimuli": model.stimuli,
        "frozen": model.frozen,
        "start": model.start("start 1").v,
        "training": model.start("training").v,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"target": {"period": (200, 300)}},
        {"target": {"random_fraction": 0.5, "followers": 20}},
        {"training": {"lambda": 3, "loops": 7, "update_every": 20, "free_run": 50}},
        {"training": {"inverse": "full 64-bit", "drive_after_learning": "fresh"}},
        {"training": {"what": "rate"}},
        {"test": {"starts": 9, "noise": 1, "free_run": 90}},
        {"network": {"tau_s": 50}},
    ],
    ids=str,
)
@pytest.mark.parametrize("base", [{}, GROUPED], ids=["independent", "grouped"])
def test_what_is_learned_and_how_changes_nothing_that_is_drawn(base, changes):
    if base and changes == RATE:
        base = {}  # rate training needs an inverse for each neuron
    noise = {"input": {"frozen_noise": 0.5}}
    before, after = parts(model_of(base, noise)), parts(model_of(base, noise, changes))
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values, err_msg=name)


def test_other_targets_keep_the_stimuli_and_more_patterns_those_before():
    one, three = model_of(), model_of(target={"patterns": 3})
    np.testing.assert_array_equal(three.stimuli[:1], one.stimuli)
    assert len({row.tobytes() for row in three.stimuli}) == 3
    np.testing.assert_array_equal(rls_targets.make(three)[:1], rls_targets.make(one))
    noise = model_of(target={"kind": "ou", "patterns": 3})
    np.testing.assert_array_equal(noise.stimuli, three.stimuli)


def test_training_parameters_keep_the_target():
    expected = rls_targets.make(model_of())
    found = rls_targets.make(model_of(FULL, training={"lambda": 9, "loops": 3}, test={"starts": 7}))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("base", [{}, GROUPED], ids=["independent", "grouped"])
def test_networks_and_seeds_differ_in_everything(base):
    noise = {"input": {"frozen_noise": 0.5}}
    first = model_of(base, noise)
    target = rls_targets.make(first)
    for other in (model_of(base, noise, number=1), model_of(base, noise, seed=2)):
        for name, values in parts(first).items():
            assert not np.array_equal(parts(other)[name], values), name
        assert not np.any(rls_targets.make(other) == target)
    again = model_of(base, noise)
    for name, values in parts(first).items():
        np.testing.assert_array_equal(parts(again)[name], values)


def test_stimuli_are_uniform_up_to_their_amplitude():
    model = model_of(network={"neurons": 2000, "p": 0.01}, input={"amplitude": 3})
    assert -3 <= model.stimuli.min() < -2.9 and 2.9 < model.stimuli.max() <= 3
    assert abs(model.stimuli.mean()) < 0.15
    half = model_of(network={"neurons": 2000, "p": 0.01}, input={"amplitude": 1.5})
    np.testing.assert_array_equal(2 * half.stimuli, model.stimuli)


def test_frozen_noise_is_that_of_the_window():
    model = model_of(network={"neurons": 200}, input={"frozen_noise": 0.5, "frozen_tau": 10})
    assert model.frozen.shape == (200, 200)
    assert model.frozen.std() == pytest.approx(0.5, rel=0.05)
    lag = [np.corrcoef(row[:-10], row[10:])[0, 1] for row in model.frozen.T]
    assert np.mean(lag) == pytest.approx(np.exp(-1), abs=0.1)
    assert not model_of().frozen.any() and model_of().frozen.shape == (1, 40)


@pytest.mark.parametrize(
    ("neuron", "low", "high"),
    [("theta", 0, 2 * np.pi), ("leaky", 0, 1), ("izhikevich", -65, -50), ("rate", -1, 1)],
)
def test_starts_are_random_phases(neuron, low, high):
    model = model_of(network={"neuron": neuron, "neurons": 400, "p": 0.1})
    state = model.start("here")
    width = high - low
    assert low <= state.v.min() < low + 0.05 * width
    assert high - 0.05 * width < state.v.max() <= high
    drive = dense(model.synapses) @ state.r
    np.testing.assert_allclose(state.u, drive, atol=1e-12)
    np.testing.assert_array_equal(state.held, state.u)
    if neuron == "rate":
        np.testing.assert_array_equal(state.r, np.tanh(state.v))
    else:
        assert not state.r.any()
    np.testing.assert_array_equal(
        state.recovery, 0.2 * state.v if neuron == "izhikevich" else np.zeros(400)
    )
    assert not state.silenced.any()


# ---------------------------------------------------------------------------------------- trials


def test_trials_of_one_name_are_equal_and_others_differ():
    model = model_of(NOISY)
    first = model.test(0, "a")
    assert first.drive.dtype == np.float32 and first.spike_step.size > 20
    assert same_trial(first, model.test(0, "a"))
    assert not same_trial(first, model.test(0, "b"))
    model.test(0, "c", delete=(5, 5))
    assert same_trial(first, model.test(0, "a"))


def literal_test(model, name, pattern=0, silenced=(), weights=None, stimulus=None):
    """The window of a test as the literal network has it: drives, and spikes (step, neuron)."""
    experiment, n = model.experiment, model.parameters.neurons
    oracle = oracle_of(model, model.start(f"start {name}"))
    silent = list(silenced)
    if weights is not None:
        oracle.W = weights
    oracle.r[silent] = 0.0
    oracle.u = oracle.W @ oracle.r
    free, on, window = steps(
        experiment, experiment.test.free_run, experiment.input.duration, experiment.target.duration
    )
    noise = stream(1, f"rls network 0: noise {name}").standard_normal((free + on + window, n))
    noise *= experiment.test.noise / np.sqrt(model.parameters.dt / 10)
    stimulus = model.stimuli[pattern] if stimulus is None else stimulus
    drive, spikes = [], []
    for i in range(free + on + window):
        external = noise[i].copy()
        if free <= i < free + on:
            external += stimulus
        elif i >= free + on:
            external += model.frozen[(i - free - on) % len(model.frozen)]
        oracle.step(external)
        oracle.r[silent] = 0.0
        oracle.u = oracle.W @ oracle.r
        if i >= free + on:
            drive.append(oracle.u)
            fired = np.setdiff1d(np.flatnonzero(oracle.spiked), silent)
            spikes += [(i - free - on + 1, int(neuron)) for neuron in fired]
    return np.array(drive), spikes


TRIALS = {
    "plain": {},
    "noisy": NOISY,
    "grouped": GROUPED,
    "leaky": {"network": {"neuron": "leaky"}},
    "izhikevich": IZHIKEVICH,
    # Strong weights and no free run: how the units begin is not forgotten.
    "rate units": {"network": {"neuron": "rate", "strength": 3}, "test": {"free_run": 0}},
}


@pytest.mark.parametrize("changes", TRIALS.values(), ids=TRIALS)
@pytest.mark.parametrize("damage", ["none", "silenced", "synapses", "stimulus"])
def test_trial_equals_oracle(changes, damage):
    """Free run, stimulus, window; with noise, frozen noise and damage."""
    model = model_of(changes, target={"patterns": 2})
    options, literal = {}, {}
    if damage == "silenced":
        silenced = rls_connectivity.chosen_neurons(40, 0.25, random())
        options, literal = {"silenced": silenced}, {"silenced": np.flatnonzero(silenced)}
    elif damage == "synapses":
        damaged = rls_connectivity.delete_synapses(model.synapses, 0.3, random())
        options, literal = {"synapses": damaged}, {"weights": dense(damaged)}
    elif damage == "stimulus":
        stimulus = 0.5 * model.stimuli[0]
        options, literal = {"stimulus": stimulus}, {"stimulus": stimulus}
    trial = model.test(1, "x", **options)
    drive, spikes = literal_test(model, "x", 1, **literal)
    found = list(zip(trial.spike_step.tolist(), trial.spike_neuron.tolist(), strict=True))
    assert found == spikes and (len(found) > 10 or not model.experiment.spikes)
    np.testing.assert_allclose(trial.drive, drive, rtol=1e-6, atol=1e-6)


def test_what_is_recorded_before_and_after_surrounds_the_window():
    model = model_of(NOISY)
    window = model.test(0, "x")
    whole = model.test(0, "x", before=80, after=40)
    assert window.drive.shape == (200, 40) and whole.drive.shape == (320, 40)
    np.testing.assert_array_equal(whole.drive[80:280], window.drive)
    assert whole.spike_step.min() < 0 and whole.spike_step.max() > 200
    assert -80 < whole.spike_step.min() and whole.spike_step.max() <= 240
    inside = (whole.spike_step > 0) & (whole.spike_step <= 200)
    np.testing.assert_array_equal(whole.spike_step[inside], window.spike_step)
    np.testing.assert_array_equal(whole.spike_neuron[inside], window.spike_neuron)
    some = model.test(0, "x", before=30)
    np.testing.assert_array_equal(some.drive, whole.drive[50:280])
    assert (np.diff(whole.spike_step) >= 0).all()


def test_no_more_is_recorded_before_the_window_than_there_was():
    """Free run and stimulus last 80 ms."""
    assert len(model_of().test(0, "x", before=100).drive) == 280


@pytest.mark.parametrize("changes", [{}, NOISY], ids=["plain", "noisy"])
def test_deleted_spike(changes):
    """The same before; at that step exactly this spike is missing, and its effect on others."""
    model = model_of(changes)
    whole = model.test(0, "x")
    W, jump = dense(model.synapses), model.kernel.jump
    for place in (0, len(whole.spike_step) // 2, -1):
        step, neuron = int(whole.spike_step[place]), int(whole.spike_neuron[place])
        found = model.test(0, "x", delete=(step, neuron))
        assert found.drive.shape == whole.drive.shape
        np.testing.assert_array_equal(found.drive[: step - 1], whole.drive[: step - 1])
        lost = whole.drive[step - 1] - found.drive[step - 1]
        np.testing.assert_allclose(lost, jump * W[:, neuron], atol=2e-6)
        assert np.abs(lost).max() > 0.01

        def spikes(trial, last):
            shown = trial.spike_step <= last
            columns = trial.spike_step[shown].tolist(), trial.spike_neuron[shown].tolist()
            return set(zip(*columns, strict=True))

        assert spikes(whole, step) - spikes(found, step) == {(step, neuron)}
        assert not spikes(found, step) - spikes(whole, step)
        if place == 0 and changes:
            later = found.spike_step[found.spike_neuron == neuron]
            assert (later > step).any()  # it is not silenced for ever


def test_deleting_what_did_not_fire_changes_nothing():
    model = model_of(NOISY)
    whole = model.test(0, "x")
    for step in (1, 100, 200):
        quiet = set(range(40)) - set(whole.spike_neuron[whole.spike_step == step].tolist())
        assert same_trial(model.test(0, "x", delete=(step, min(quiet))), whole)


def test_spike_deleted_in_a_damaged_network():
    model = model_of()
    synapses = rls_connectivity.delete_synapses(model.synapses, 0.5, random())
    damaged = model.test(0, "x", synapses=synapses)
    step, neuron = int(damaged.spike_step[-1]), int(damaged.spike_neuron[-1])
    found = model.test(0, "x", synapses=synapses, delete=(step, neuron))
    np.testing.assert_array_equal(found.drive[: step - 1], damaged.drive[: step - 1])


def test_silenced_neuron_whose_spike_is_deleted_stays_silenced():
    model = model_of()
    neuron = int(model.test(0, "x").spike_neuron[-1])
    silenced = np.arange(40) == neuron
    found = model.test(0, "x", silenced=silenced, delete=(1, neuron))
    assert neuron not in found.spike_neuron


# ---------------------------------------------------------------------------------------- damage


def test_deleted_synapses():
    synapses = model_of(network={"neurons": 100}).synapses
    before = synapses.weight.copy()
    for part in (0.0, 0.1, 0.37, 1.0):
        damaged = rls_connectivity.delete_synapses(synapses, part, random())
        lost = damaged.weight == 0
        assert np.count_nonzero(lost) == round(part * before.size)
        np.testing.assert_array_equal(damaged.weight[~lost], before[~lost])
        np.testing.assert_array_equal(synapses.weight, before)
        assert damaged.column is synapses.column
    a, b = (rls_connectivity.delete_synapses(synapses, 0.5, random(s)) for s in (1, 2))
    assert not np.array_equal(a.weight, b.weight)


def test_noisy_weights():
    synapses = model_of(network={"neurons": 200}).synapses
    before = synapses.weight.copy()
    same = rls_connectivity.noisy_weights(synapses, 0.0, random())
    np.testing.assert_array_equal(same.weight, before)
    factor = rls_connectivity.noisy_weights(synapses, 0.3, random()).weight / before
    assert factor.mean() == pytest.approx(1, abs=0.02)
    assert factor.std() == pytest.approx(0.3, rel=0.03)
    assert abs(np.corrcoef(factor, before)[0, 1]) < 0.05
    np.testing.assert_array_equal(synapses.weight, before)


def test_shuffled_weights():
    """Only among the first neurons, and the same weights in other places."""
    synapses = model_of(network={"neurons": 100}).synapses
    before = synapses.weight.copy()
    post = np.repeat(np.arange(100), np.diff(synapses.row_pointer))
    among = (post < 30) & (synapses.column < 30)
    for part in (0.0, 0.5, 1.0):
        weight = rls_connectivity.shuffled(synapses, 30, part, random()).weight
        moved = weight != before
        assert not moved[~among].any()
        np.testing.assert_array_equal(np.sort(weight), np.sort(before))
        chosen = round(part * np.count_nonzero(among))
        # Some fall on their own place.
        assert chosen - 8 <= np.count_nonzero(moved) <= chosen
    np.testing.assert_array_equal(synapses.weight, before)


def test_silenced_neurons_never_fire():
    for part in (0.0, 0.05, 0.5, 1.0):
        silenced = rls_connectivity.chosen_neurons(40, part, random())
        assert silenced.dtype == bool and np.count_nonzero(silenced) == round(part * 40)
        trial = model_of().test(0, "x", silenced=silenced, before=80)
        assert not silenced[trial.spike_neuron].any()
        assert trial.spike_neuron.size > 0 or part == 1
        assert trial.drive.any() or part == 1
    assert not np.array_equal(
        rls_connectivity.chosen_neurons(40, 0.5, random(1)),
        rls_connectivity.chosen_neurons(40, 0.5, random(2)),
    )


# ---------------------------------------------------------------------------------- connectivity


def rows_of(synapses):
    """Presynaptic neurons and weights of each neuron."""
    ends = synapses.row_pointer[1:-1]
    return np.split(synapses.column, ends), np.split(synapses.weight, ends)


@pytest.mark.parametrize(
    "changes",
    [{}, GROUPED, BALANCED, {"network": {"presynaptic": "all"}}],
    ids=["independent", "grouped", "balanced", "all"],
)
def test_synapses_are_listed_twice(changes):
    """By neuron, presynaptic neurons ascending, never itself; and by presynaptic neuron."""
    synapses = model_of(changes).synapses
    columns, _ = rows_of(synapses)
    n = len(columns)
    for i, column in enumerate(columns):
        assert (np.diff(column.astype(int)) > 0).all() and i not in column
    W = dense(synapses)
    found = np.zeros((n, n))
    for j in range(n):
        part = slice(*synapses.outgoing_pointer[[j, j + 1]])
        assert (synapses.column[synapses.outgoing_place[part]] == j).all()
        found[synapses.outgoing_post[part], j] = synapses.weight[synapses.outgoing_place[part]]
    np.testing.assert_array_equal(found, W)
    assert synapses.outgoing_pointer[-1] == synapses.row_pointer[-1] == synapses.weight.size
    assert not synapses.frozen.any()


def test_random_network():
    """Probability p, sd strength / sqrt(N p), mean zero."""
    synapses = model_of(network={"neurons": 300, "p": 0.2, "strength": 1.5}).synapses
    assert synapses.weight.size == pytest.approx(0.2 * 300 * 299, rel=0.03)
    sd = 1.5 / np.sqrt(300 * 0.2)
    assert synapses.weight.std() == pytest.approx(sd, rel=0.02)
    assert abs(synapses.weight.mean()) < 0.03 * sd
    assert np.diff(synapses.row_pointer).std() == pytest.approx(np.sqrt(300 * 0.2 * 0.8), rel=0.15)
    assert (synapses.sign == 1).all()
    full = model_of(network={"presynaptic": "all", "neurons": 200}).synapses
    assert full.weight.size == 200 * 199
    assert full.weight.std() == pytest.approx(1 / np.sqrt(200), rel=0.02)


def test_zero_weights_and_zero_sums():
    assert not model_of(network={"initial": "zero"}).synapses.weight.any()
    free, shifted = (model_of(network={"zero_sum": on}).synapses for on in (False, True))
    for before, after in zip(rows_of(free)[1], rows_of(shifted)[1], strict=True):
        assert abs(after.sum()) < 1e-13 and abs(before.sum()) > 1e-6
        np.testing.assert_allclose(before - before.mean(), after, atol=1e-14)


@pytest.mark.parametrize("p", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("spread", [0.0, 0.4])
def test_balanced_network(p, spread):
    """Fixed in-degrees, J / sqrt(N p) from E and -g J / sqrt(N p) from I neurons."""
    network = {"neurons": 60, "p": p, "initial": "balanced", "weight_spread": spread}
    network |= {"excitatory": 0.75, "inhibition": 4, "strength": 1.5}
    synapses = model_of(network=network).synapses
    assert synapses.sign.tolist() == [1] * 45 + [-1] * 15
    columns, weights = rows_of(synapses)
    for i, column in enumerate(columns):
        expected = [round(p * 45), round(p * 15)]
        if p == 1:
            expected[i >= 45] -= 1  # itself is no candidate
        assert [np.sum(column < 45), np.sum(column >= 45)] == expected
    size = 1.5 / np.sqrt(60 * p)
    excitatory = synapses.weight[synapses.column < 45] / size
    inhibitory = synapses.weight[synapses.column >= 45] / (-4 * size)
    if spread == 0:
        np.testing.assert_allclose(excitatory, 1)
        np.testing.assert_allclose(inhibitory, 1)
    else:
        both = np.concatenate([excitatory, inhibitory])
        assert (both > 0).all()
        assert both.mean() == pytest.approx(1, abs=0.06)
        assert both.std() == pytest.approx(0.4, rel=0.1)
    assert len({tuple(column) for column in columns}) == 60
    assert all(len(set(weight)) == (weight.size if spread else 2) for weight in weights)


def test_grouped_neurons_have_their_presynaptic_neurons_in_common():
    model = model_of(GROUPED, network={"p": 0.4})
    columns, _ = rows_of(model.synapses)
    assert len(model.groups) == 4
    for i, column in enumerate(columns):
        group = model.groups[i // 10]
        assert group.size == 16 and (np.diff(group) > 0).all()
        np.testing.assert_array_equal(column, group[group != i])
    assert len({tuple(group) for group in model.groups}) == 4
    inverse = trained(small(GROUPED, network={"p": 0.4})).inverse
    assert inverse.group.tolist() == np.repeat(range(4), 10).tolist()
    assert inverse.size.tolist() == [16] * 4
    for i, own in enumerate(inverse.own_row):
        group = model.groups[i // 10]
        assert (own >= 0) == (i in group) and (own < 0 or group[own] == i)
    assert (inverse.own_row >= 0).any() and (inverse.own_row < 0).any()
    every = model_of(network={"presynaptic": "all"})
    assert [group.tolist() for group in every.groups] == [list(range(40))]


def test_neuron_without_inputs_is_refused():
    with pytest.raises(UserError, match=r"With p 0\.06 neuron \d+ of 20 has no presynaptic neuron"):
        model_of(network={"neurons": 20, "p": 0.06})


# ------------------------------------------------------------------------------- memory, targets


LAYOUTS = {
    "packed": {},
    "full": FULL,
    "32-bit": BITS32,
    "grouped": GROUPED,
    "all": {"network": {"presynaptic": "all"}},
    "some": {"target": {"followers": 50, "others": {"train": "untrained"}}},
}


@pytest.mark.parametrize("changes", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("neurons", [120, 200])
def test_memory_is_that_of_the_inverses(changes, neurons):
    experiment = small(changes, network={"neurons": neurons})
    inverse = trained(experiment).inverse
    assert experiment.memory_needed == pytest.approx(inverse.P.nbytes, rel=0.2)
    number = np.float32 if changes == BITS32 else np.float64
    assert inverse.P.dtype == inverse.c.dtype == number


def test_layouts_take_what_the_specification_says():
    """Section 6.2: N = 500, full, packed, 32-bit: 90, 46, 23 MB; one P for all in common: 2 MB,
    of which half is stored here.
    """
    needed = [
        small(changes, network={"neurons": 500}).memory_needed / 1e6
        for changes in (FULL, {}, BITS32, LAYOUTS["all"])
    ]
    np.testing.assert_allclose(needed, [90, 46, 23, 1], rtol=0.04)


@pytest.mark.parametrize("changes", LAYOUTS.values(), ids=LAYOUTS)
def test_too_little_memory_is_told_before_it_is_taken(monkeypatch, changes):
    experiment = small(changes, network={"neurons": 20_000})
    needed = experiment.memory_needed
    assert needed > 5e8
    free = SimpleNamespace(available=0.9 * needed)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    with pytest.raises(UserError) as error:
        rls_training.require_memory(experiment)
    message = str(error.value)
    assert f"of 20000 neurons take {needed / 1e9:.1f} GB, but" in message
    assert f"{0.9 * needed / 1e9:.1f} GB are free" in message and message.endswith(".")
    free.available = 1.1 * needed
    rls_training.require_memory(experiment)
    free.available = 1e3
    with pytest.raises(UserError, match="GB are free"):
        trained(small(changes, network={"neurons": 60}))


@pytest.mark.parametrize("shape", [(1, 200, 39), (1, 199, 40), (2, 200, 40), (200, 40)])
def test_target_of_another_shape_is_refused(shape):
    with pytest.raises(UserError) as error:
        rls_training.Training(model_of(), np.zeros(shape))
    message = str(error.value)
    assert str(shape) in message and "(1, 200, 40)" in message and "steps of 1 ms" in message


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_target_that_is_not_finite_is_refused(value):
    target = np.zeros((2, 200, 40))
    target[1, 17, 5] = target[1, 18, 2] = value
    with pytest.raises(UserError, match="neuron 5 is not finite at step 17 of pattern 1"):
        rls_training.check_target(small(target={"patterns": 2}), target)
    rls_training.check_target(small(target={"patterns": 2}), np.zeros((2, 200, 40)))


@pytest.mark.parametrize(("time", "dt", "expected"), [(0.3, 0.1, 3), (10, 0.2, 50), (0, 1, 0)])
def test_steps_of(time, dt, expected):
    assert steps_of(time, dt) == expected


def test_modes_of_followers_and_others():
    def modes(**target):
        return rls.modes(small(RATE, target=target)).tolist()

    UNTRAINED, DRIVE, RATES = 0, 1, 2
    assert modes() == modes(followers=40) == [RATES] * 40
    for train, mode in (("untrained", UNTRAINED), ("drive", DRIVE), ("rate", RATES)):
        assert modes(followers=10, others={"train": train}) == [RATES] * 10 + [mode] * 30
    model = model_of(RATE, target={"followers": 10})
    assert model.followers == 10 and model.follows_rate
    assert model_of().followers == 40 and not model_of().follows_rate


# -------------------------------------------------------------------------------------- learning


@pytest.mark.parametrize("kind", ["periodic", "ratemodel", "ou"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_untrained_network_does_not_follow(kind, seed):
    """Section 3: within 0.02 of 0, on average over neurons and starts."""
    changes = {"network": {"neurons": 200}, "target": {"kind": kind, "duration": 1000}}
    model = model_of(changes, seed=seed)
    target = rls_targets.make(model)[0]
    trials = [model.test(0, str(start)) for start in range(5)]
    assert abs(model.correlations(trials, target).mean()) < 0.02


@pytest.mark.parametrize("changes", [{}, GROUPED, FULL, BITS32], ids=["packed", "g", "full", "32"])
def test_small_network_learns(changes):
    """60 neurons, half a second, 8 loops, three seeds."""
    few = {"network": {"neurons": 60}, "target": {"kind": "ou", "duration": 500}}
    loops = {"training": {"loops": 8, "lambda": 1, "test_at": (1,)}, "test": {"starts": 5}}
    for seed in (1, 2, 3):
        training = trained(small(changes, few, loops), seed=seed)
        model, target = training.model, training.target[0]
        untrained = model.correlations([model.test(0, str(n)) for n in range(5)], target).mean()
        training.run()
        first, last = training.curve_array()[:, 1]
        assert abs(untrained) < 0.1
        assert last > untrained + 0.3 and last > first


def test_leaky_network_learns_rates():
    """Of neurons that have a transfer function, trial-averaged rates follow too."""
    changes = {
        "network": {"neurons": 60, "neuron": "leaky", "dt": 0.5},
        "target": {"duration": 500},
        "training": {"loops": 6, "what": "rate", "test_at": ()},
        "test": {"starts": 8},
    }
    training = trained(small(changes))
    untrained = training.model.correlations(
        [training.model.test(0, str(n)) for n in range(8)], training.target[0]
    )
    training.run()
    assert untrained.shape == (1, 60)
    assert training.curve_array()[-1, 1] > untrained.mean() + 0.3
