"""When learning ends, which weights it keeps; recording and resuming of runs."""

import numpy as np
import pytest

from simcore import readout
from simcore.parameters import Readout
from simcore.runs import Learning, SpikeRecording


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
    run = Learning(None, state, Readout(**parameters), lambda weight, tick: next(results))
    return run, run.run(None, None, lambda time: None)


def test_learning_ends_when_the_best_error_has_levelled_off(monkeypatch):
    tests = [(error, 0.5) for error in (0.4, 0.3, 0.2, 0.21, 0.199, 0.22, 0.1)]
    run, levelled_off = learn(monkeypatch, tests)
    assert levelled_off
    assert len(run.curve) == 6
    assert run.best_weight[0, 0] == 5  # of the test with 0.199


def test_silent_readouts_have_not_levelled_off(monkeypatch):
    tests = [(0.31, 0.0)] * 6 + [(0.25, 0.4)] * 10
    run, levelled_off = learn(monkeypatch, tests)
    assert levelled_off
    assert len(run.curve) == 10


def test_a_test_without_a_pass_is_not_the_best(monkeypatch):
    tests = [(0.3, 0.5), (np.nan, np.nan), (0.4, 0.5), (0.35, 0.5), (0.35, 0.5)]
    run, _ = learn(monkeypatch, tests, learning_max=30e3)
    assert run.best_weight[0, 0] == 1


def test_a_first_test_without_a_pass_gives_way(monkeypatch):
    run, _ = learn(monkeypatch, [(np.nan, np.nan), (0.3, 0.5)], learning_max=12e3)
    assert run.best_weight[0, 0] == 2


def test_learning_has_a_longest_time(monkeypatch):
    tests = [(0.5 / n, 0.5) for n in range(1, 10)]
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
