"""When learning ends, which weights it keeps; recording and resuming of runs."""

import numpy as np
import pytest

from simcore import clock, connectivity, readout
from simcore.kernels.network import STEP
from simcore.parameters import Clock, Readout
from simcore.runs import Course, LearningRun, SpikeRecording, TrainingRun
from simcore.streams import stream


class Weights:
    """Stands for the read-outs' state."""

    def __init__(self):
        self.weight = np.zeros((1, 1))


def learn(monkeypatch, tests, **parameters):
    """Learn with made-up results of the tests; the weight counts the blocks learned."""
    state = Weights()

    def learn_a_block(*_, tick):
        state.weight += 1

    monkeypatch.setattr(readout, "run", learn_a_block)
    results = iter(tests)
    run = LearningRun(None, state, Readout(**parameters), lambda weight, tick: next(results))
    return run, run.run(None, None, lambda time: None)


def test_learning_ends_when_the_best_correlation_has_levelled_off(monkeypatch):
    tests = [(0.2, correlation) for correlation in (0.5, 0.6, 0.7, 0.69, 0.705, 0.65, 0.9)]
    run, levelled_off = learn(monkeypatch, tests)
    assert levelled_off
    assert len(run.curve) == 6
    assert run.best_weight[0, 0] == 5  # of the test with 0.705, of the same error as that with 0.7


def test_of_tests_as_good_as_the_best_the_one_with_the_least_error_is_kept(monkeypatch):
    tests = [(0.45, 0.46), (0.32, 0.729), (0.26, 0.722), (0.16, 0.72), (0.13, 0.694)]
    run, _ = learn(monkeypatch, tests, learning_max=30e3)
    assert run.best_weight[0, 0] == 4  # 0.72 is as good as 0.729, 0.694 is not
    assert list(run.good_weights) == [1, 2, 3]
    run, _ = learn(monkeypatch, tests, learning_max=30e3, levelled_off=0)
    assert run.best_weight[0, 0] == 2
    # A test falls behind when a better one follows, whatever its error.
    run, _ = learn(monkeypatch, [(0.1, 0.5), (0.3, 0.505), (0.4, 0.512)], learning_max=18e3)
    assert run.best_weight[0, 0] == 2


def test_without_any_pass_what_was_learned_last_is_kept(monkeypatch):
    run, _ = learn(monkeypatch, [(np.nan, np.nan)] * 3, learning_max=18e3)
    assert run.best_weight[0, 0] == 3


def test_silent_readouts_have_not_levelled_off(monkeypatch):
    tests = [(0.31, 0.0)] * 6 + [(0.25, 0.4)] * 10
    run, levelled_off = learn(monkeypatch, tests)
    assert levelled_off
    assert len(run.curve) == 10


def test_silent_readouts_are_not_the_best_for_a_small_error(monkeypatch):
    run, _ = learn(monkeypatch, [(0.18, 0.0), (0.3, 0.2), (0.25, 0.3)], learning_max=18e3)
    assert run.best_weight[0, 0] == 3


def test_a_test_without_a_pass_is_not_the_best(monkeypatch):
    tests = [(0.3, 0.5), (np.nan, np.nan), (0.3, 0.4), (0.3, 0.45), (0.3, 0.45)]
    run, _ = learn(monkeypatch, tests, learning_max=30e3)
    assert run.best_weight[0, 0] == 1


def test_a_first_test_without_a_pass_gives_way(monkeypatch):
    run, _ = learn(monkeypatch, [(np.nan, np.nan), (0.3, 0.5)], learning_max=12e3)
    assert run.best_weight[0, 0] == 2


def test_learning_has_a_longest_time(monkeypatch):
    tests = [(0.3, 0.1 * n) for n in range(1, 10)]
    run, levelled_off = learn(monkeypatch, tests, learning_block=6e3, learning_max=20e3)
    assert not levelled_off
    assert [time for time, _, _ in run.curve] == [6e3, 12e3, 18e3, 20e3]


@pytest.mark.parametrize("first", [0.0, 1.0, 5.0])
def test_recording_keeps_spikes_after_its_beginning(first):
    recording = SpikeRecording(first)
    for time in ([0.1, 0.9], [1.1], [], [4.9, 5.1, 6.0]):
        recording(np.array(time), np.arange(len(time), dtype=np.int32))
    kept = recording.arrays()["time"]
    everything = np.array([0.1, 0.9, 1.1, 4.9, 5.1, 6.0])
    np.testing.assert_array_equal(kept, everything[everything > first])
    again = SpikeRecording(first)
    again.restore(recording.arrays())
    np.testing.assert_array_equal(again.arrays()["neuron"], recording.arrays()["neuron"])


# ---------------------------------------------------------------- a clock's interrupted training


@pytest.fixture(scope="module")
def small():
    """A small clock that learns."""
    parameters = Clock(clusters=3, cluster_size=10)
    return parameters, connectivity.build(parameters, stream(1, "weights"))


def train(small, ends):
    """Train for 50 ms, sampled every 20; at some ticks it ends and goes on from a checkpoint."""
    parameters, built = small
    ticks, arrays = 0, None

    def tick(_):
        nonlocal ticks
        ticks += 1
        if ticks in ends:
            raise KeyboardInterrupt

    while True:
        state = clock.initial_state(built, parameters, 1, "embedding", plastic=True)
        run = TrainingRun(state, 50.0, Course(built.cluster), sample_every=20.0)
        if arrays is not None:
            run.restore(arrays)
        try:
            run.run(clock.kernel_parameters(state, parameters, 0.1, plastic=True), 50.0, tick)
            return run.arrays(), ticks
        except KeyboardInterrupt:
            arrays = {name: np.copy(values) for name, values in run.arrays().items()}


def test_a_training_interrupted_at_every_tick_has_the_same_course(small):
    expected, ticks = train(small, ends=())
    np.testing.assert_allclose(expected["course.time"], [0, 20, 40, 50])
    for ends in [(end,) for end in range(1, ticks + 1)] + [tuple(range(1, ticks + 1))]:
        found, _ = train(small, ends)
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name], values, err_msg=f"{name}, {ends}")


def test_rates_of_a_course_are_those_of_the_spikes_since_the_moment_before(small):
    _, built = small
    busy = Clock(clusters=3, cluster_size=10, external={"weight_e": 4, "weight_i": 4})
    found, _ = train((busy, built), ends=())
    assert np.isnan(found["course.rate_e"][0]) and np.isnan(found["course.rate_i"][0])
    time, excitatory = found["spikes.time"], found["spikes.neuron"] < 30
    for moment, (begin, end) in enumerate([(0, 20), (20, 40), (40, 50)], start=1):
        since = (time > begin + 0.05) & (time < end + 0.05)  # in steps of 0.1 ms, but for rounding
        seconds = (end - begin) / 1e3
        for name, of_kind, neurons in (("e", excitatory, 30), ("i", ~excitatory, 7)):
            rate = np.count_nonzero(since & of_kind) / neurons / seconds
            assert found[f"course.rate_{name}"][moment] == pytest.approx(rate)
    assert found["course.rate_e"][1:].min() > 0 and found["course.rate_i"][1:].min() > 0


def test_the_course_of_a_training_is_sampled_every_2_min(small, monkeypatch):
    """Section 7, structure and stability."""
    parameters, built = small

    def skip(state, network, moment, **_):
        state.counters[STEP] = round(moment / network.dt)

    monkeypatch.setattr(clock, "run", skip)
    state = clock.initial_state(built, parameters, 1, "embedding", plastic=True)
    run = TrainingRun(state, 300e3, Course(built.cluster))
    run.run(clock.kernel_parameters(state, parameters, 0.1, plastic=True), 300e3, None)
    np.testing.assert_allclose(run.arrays()["course.time"], [0, 120e3, 240e3, 300e3])
