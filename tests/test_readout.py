"""Read-outs, learning and replaying, against the literal oracle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle.cases import (
    DT,
    Recorder,
    copied,
    oracle_network,
    oracle_readouts,
    same_bits,
    small_clock,
    start,
)

from simcore import clock, readout
from simcore.kernels import readout as kernel
from simcore.parameters import Readout, Replay
from simcore.readout import has_levelled_off

CHANNELS = 4


def parameters(**changes):
    """Learning fast enough to drive read-outs and to reach both ends within half a second."""
    data = {
        "rule": {"A_depression": 0.3, "A_potentiation": 0.02},
        "external_weight": 3.0,
        "alternation": 100,
    }
    return Readout(**(data | changes))


def target(patterns=1, steps=600, seed=0):
    """Rates (kHz) that change every 10 ms, among them none at all and plenty."""
    rates = np.random.default_rng(seed).choice([0.0, 1.0, 10.0], (patterns, steps // 100, CHANNELS))
    return np.repeat(rates, 100, axis=1)


def mask(channels):
    return np.isin(np.arange(CHANNELS), channels)


class Case:
    """Both sides of one run, from the same start."""

    def __init__(self, readouts, replay, rates, *, name="run", weight=None, **options):
        self.clock = small_clock()
        connectivity, self.state = start(self.clock, name=name)
        self.network = clock.kernel_parameters(self.state, self.clock, DT)
        self.readouts = readout.initial_state(self.state, 8, CHANNELS, readouts, DT, 1, name)
        if weight is not None:
            self.readouts.weight[...] = weight
        self.kernel = readout.kernel_parameters(
            readouts, replay, DT, connectivity.cluster, rates, **options
        )
        network = oracle_network(connectivity, self.state, self.clock)
        self.oracle = oracle_readouts(network, self.readouts, readouts, replay, rates, **options)

    def run(self, duration):
        """Simcore's spikes of the network and of A."""
        spikes, spikes_A = Recorder(), Recorder()
        readout.run(
            self.state,
            self.network,
            self.readouts,
            self.kernel,
            duration,
            record=spikes,
            record_readout=spikes_A,
        )
        return spikes.spikes(), spikes_A.spikes()

    def compare(self, duration):
        """Step by step, so that the spikes of S and H, which are not recorded, are seen, too."""
        spikes, spikes_A = self.run(0.5 * duration)
        expected, expected_cells = self.oracle.run(round(0.5 * duration / DT))
        counters = self.readouts.counters
        for step in range(self.oracle.network.steps, round(duration / DT)):
            more, more_A = self.run((step + 1) * DT)
            spikes, spikes_A = spikes + more, spikes_A + more_A
            more, cells = self.oracle.run(1)
            expected += more
            for kind, place in (("S", kernel.SPIKES_S), ("H", kernel.SPIKES_H)):
                fired = getattr(self.readouts, f"spikes_{kind}")[: counters[place]]
                assert fired.tolist() == [c for _, c in cells[kind]], kind
            for kind in cells:
                expected_cells[kind] += cells[kind]
        assert spikes == sorted(expected)
        assert spikes_A == sorted(expected_cells["A"])
        np.testing.assert_allclose(self.readouts.weight, self.oracle.weight, rtol=1e-9, atol=1e-12)
        assert counters[kernel.PASSES] == self.oracle.passes
        return {kind: len(fired) for kind, fired in expected_cells.items()}


@pytest.mark.parametrize("threshold", ["set", "add"])
@pytest.mark.parametrize("patterns", [1, 2])
def test_learning_equals_oracle(threshold, patterns):
    case = Case(
        parameters(threshold_after_spike=threshold), Replay(), target(patterns), learning=True
    )
    spikes = case.compare(400.0)
    assert min(spikes.values()) > 10, spikes
    assert case.oracle.passes >= 4
    # Potentiation is there, and depression has reached the lower bound.
    assert case.readouts.weight.max() > 1 and case.oracle.clipped > 10


def test_learning_with_soft_bound_reached():
    case = Case(
        parameters(rule={"A_potentiation": 0.3, "A_depression": 0.01}),
        Replay(),
        target(),
        learning=True,
    )
    case.compare(200.0)
    assert 20 < case.readouts.weight.max() <= 25


@pytest.mark.parametrize("interneurons", ["removed", "connected"])
@pytest.mark.parametrize("inhibited", [None, [1, 3]])
def test_replay_equals_oracle(interneurons, inhibited):
    weight = np.random.default_rng(0).uniform(10, 60, (CHANNELS, 80))
    case = Case(
        parameters(),
        Replay(interneurons=interneurons, inhibition_weight=100),
        target(),
        learning=False,
        inhibited=None if inhibited is None else mask(inhibited),
        weight=weight,
    )
    spikes = case.compare(300.0)
    assert spikes["A"] > 10 and spikes["S"] == 0
    assert (spikes["H"] > 0) == (interneurons == "connected")
    np.testing.assert_array_equal(case.readouts.weight, weight)


def test_inhibited_read_outs_are_silenced():
    weight = np.full((CHANNELS, 80), 40.0)
    case = Case(
        parameters(), Replay(), target(), learning=False, inhibited=mask([0, 2]), weight=weight
    )
    _, spikes = case.run(500.0)
    counts = np.bincount([channel for _, channel in spikes], minlength=CHANNELS)
    assert counts[[0, 2]].max() < 0.3 * counts[[1, 3]].min()


def test_replay_draws_the_network_as_it_runs_alone():
    case = Case(parameters(), Replay(), target(), learning=True)
    spikes, _ = case.run(200.0)
    _, state = start(case.clock)
    recorder = Recorder()
    clock.run(state, clock.kernel_parameters(state, case.clock, DT), 200.0, record=recorder)
    assert spikes == recorder.spikes()
    same_bits(state, case.state)


@settings(max_examples=15, deadline=None)
@given(st.sets(st.integers(1, 1499), max_size=4))
def test_split_learning_equals_unsplit_bit_by_bit(splits):
    whole = Case(parameters(), Replay(), target(2), learning=True)
    spikes = whole.run(150.0)
    split = Case(parameters(), Replay(), target(2), learning=True)
    parts = []
    for end in [*sorted(splits), 1500]:
        parts.append(split.run(end * DT))
        fresh = Case(parameters(), Replay(), target(2), name="another", learning=True)
        split.state = copied(split.state, fresh.state)
        split.readouts = copied(split.readouts, fresh.readouts)
    assert tuple(sum(lists, []) for lists in zip(*parts, strict=True)) == spikes
    same_bits(whole.state, split.state)
    same_bits(whole.readouts, split.readouts)


def test_target_starts_when_cluster_0_leads_and_runs_to_its_end():
    """Section 5, seen from outside: the starts follow from the recorded spikes."""
    case = Case(parameters(), Replay(), target(1, steps=300), learning=True)
    starts, spikes = [], []
    for step in range(3000):
        before = case.readouts.counters[kernel.PASSES]
        more, _ = case.run((step + 1) * DT)
        if case.readouts.counters[kernel.PASSES] > before:
            starts.append(step)  # steps completed before the target's first step
        spikes += more
    steps, neurons = np.array([spike for spike in spikes if spike[1] < 80]).T
    expected, free = [], 0
    for step in range(500, 3000):
        recent = (steps > step - 100) & (steps <= step)
        counts = np.bincount(neurons[recent] // 10, minlength=8)
        if step >= free and counts[0] > 0 and counts[0] == counts.max():
            expected.append(step)
            free = step + 300
    assert starts == expected and len(starts) >= 4


def test_other_values_do_not_recompile():
    at_first = len(kernel.run_readout.signatures)  # other tests may have used the other precision
    Case(parameters(), Replay(), target(), learning=True).run(1.0)
    before = len(kernel.run_readout.signatures)
    other = parameters(burn_in=3, rule={"tau_x": 9}, threshold_after_spike="add")
    Case(other, Replay(interneurons="connected"), target(2), learning=True).run(1.0)
    Case(other, Replay(), target(3), learning=False, inhibited=mask([1])).run(1.0)
    assert len(kernel.run_readout.signatures) == before <= at_first + 1


def test_levelled_off():
    assert not has_levelled_off([0.5, 0.6, 0.6], 0.01)
    assert not has_levelled_off([0.5, 0.6, 0.61, 0.62], 0.01)
    assert has_levelled_off([0.6, 0.6, 0.55, 0.605], 0.01)
    assert not has_levelled_off([np.nan, 0.5, 0.6, 0.55, 0.65], 0.01)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("blocks", [4, 6])
def test_learning_without_any_pass_has_not_levelled_off(blocks):
    assert not has_levelled_off([np.nan] * blocks, 0.01)
