"""What a trained clock loses: how much, which, and that what is left is as it was."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore import connectivity, damage, stages
from simcore.parameters import Clock, Damage, Study
from simcore.streams import stream

CLOCK = Clock(connectivity="hard-wired", clusters=6, cluster_size=20)
NETWORK = connectivity.build(CLOCK, stream(1, "weights"))
WEIGHT = NETWORK.e_to_e.weight


def weights(seed=1, **lost):
    return damage.connectivity(NETWORK, Damage(**lost), seed).e_to_e.weight


def test_without_damage_nothing_changes():
    assert np.array_equal(weights(), WEIGHT)
    assert not damage.silenced(NETWORK.cluster, Damage(), 1).any()
    readout = np.arange(12.0).reshape(2, 6)
    assert np.array_equal(damage.readout_weight(readout, Damage(), 1), readout)
    assert not Damage().any
    assert Damage(links=1).any


parts = st.floats(0, 1)


@settings(deadline=None)
@given(small=parts, large=parts, seed=st.integers(0, 5))
def test_a_larger_loss_contains_the_smaller_one(small, large, seed):
    small, large = sorted((small, large))
    lost = [weights(seed, recurrent_synapses=part) == 0 for part in (small, large)]
    assert not (lost[0] & ~lost[1]).any()
    silenced = [damage.silenced(NETWORK.cluster, Damage(neurons=p), seed) for p in (small, large)]
    assert not (silenced[0] & ~silenced[1]).any()
    assert abs(lost[1].mean() - large) < 5 * np.sqrt(0.25 / WEIGHT.size)


def test_what_is_left_is_as_it_was():
    left = weights(recurrent_synapses=0.3)
    assert np.array_equal(left[left > 0], WEIGHT[left > 0])
    readout = np.full((3, 4000), 2.0)
    left = damage.readout_weight(readout, Damage(readout_synapses=0.3), 1)
    assert set(np.unique(left)) == {0, 2}
    assert np.mean(left == 0) == pytest.approx(0.3, abs=0.03)
    assert (readout == 2).all()


def test_lost_links_lead_from_a_cluster_to_the_next():
    pre = np.repeat(NETWORK.cluster, np.diff(NETWORK.e_to_e.row_pointer))
    post = NETWORK.cluster[NETWORK.e_to_e.column]
    lost = weights(links=7) == 0
    assert lost.sum() == 7
    assert np.array_equal(post[lost], (pre[lost] + 1) % 6)
    everything = weights(links=10**6) == 0
    assert np.array_equal(everything, post == (pre + 1) % 6)


def test_whole_clusters_are_silenced_but_never_the_first():
    for number in range(6):
        silenced = damage.silenced(NETWORK.cluster, Damage(clusters=number), 1)
        of_cluster = silenced.reshape(6, 20)
        assert np.array_equal(of_cluster.all(axis=1), of_cluster.any(axis=1))
        assert of_cluster.any(axis=1).sum() == number
        assert not of_cluster[0].any()


def inhibition(part, seed=1, kind="shuffled_inhibition"):
    i_to_e = NETWORK.i_to_e._replace(weight=np.arange(1.0, NETWORK.i_to_e.weight.size + 1))
    network = replace(NETWORK, i_to_e=i_to_e)
    damaged = damage.connectivity(network, Damage(**{kind: part}), seed)
    assert np.array_equal(damaged.e_to_e.weight, WEIGHT)
    return i_to_e.weight, damaged.i_to_e.weight


@settings(deadline=None)
@given(part=parts, seed=st.integers(0, 5))
def test_shuffled_inhibition_has_the_same_weights_elsewhere(part, seed):
    before, after = inhibition(part, seed)
    assert np.array_equal(np.sort(after), before)
    assert (after != before).mean() <= part + 5 * np.sqrt(0.25 / before.size)


def test_inhibition_is_shuffled_as_far_as_asked():
    for part in (0, 0.5, 1):
        before, after = inhibition(part)
        assert (after != before).mean() == pytest.approx(part, abs=0.03)
    assert abs(np.corrcoef(before, after)[0, 1]) < 0.05


def test_inhibition_is_shuffled_among_the_synapses_onto_each_neuron():
    before, after = inhibition(1, kind="shuffled_inhibition_onto_each")
    post = NETWORK.i_to_e.column
    for neuron in range(NETWORK.neurons_e):
        assert np.array_equal(np.sort(after[post == neuron]), before[post == neuron])
    # Of a few places one is the old one again.
    assert 0.7 < (after != before).mean() < 1
    before, after = inhibition(0.5, kind="shuffled_inhibition_onto_each")
    assert 0.25 < (after != before).mean() < 0.5


def test_noise_has_its_size_and_never_turns_a_sign():
    relative = weights(recurrent_noise=0.1) / WEIGHT - 1
    assert relative.mean() == pytest.approx(0, abs=0.01)
    assert relative.std() == pytest.approx(0.1, rel=0.1)
    assert weights(recurrent_noise=5).min() == 0
    assert not np.array_equal(weights(1, recurrent_noise=0.1), weights(2, recurrent_noise=0.1))


def readout_weights(seed=1, **lost):
    readout = np.full((3, 4000), 2.0)
    left = damage.readout_weight(readout, Damage(**lost), seed)
    assert (readout == 2).all()
    return left


def test_noise_of_readout_weights_has_its_size_and_never_turns_a_sign():
    relative = readout_weights(readout_noise=0.1) / 2 - 1
    assert relative.mean() == pytest.approx(0, abs=0.01)
    assert relative.std() == pytest.approx(0.1, rel=0.1)
    assert readout_weights(readout_noise=5).min() == 0
    assert not np.array_equal(*(readout_weights(seed, readout_noise=1) for seed in (1, 2)))


def test_noise_and_loss_of_readout_synapses_do_not_touch_each_other():
    both = readout_weights(readout_noise=0.1, readout_synapses=0.3)
    kept = readout_weights(readout_synapses=0.3) > 0
    np.testing.assert_array_equal(both, kept * readout_weights(readout_noise=0.1))


def replayed(**lost):
    study = Study(study="small", clock=CLOCK, replay={"duration": 500})
    given = {
        "clock": study.clock.model_dump(),
        "replay": study.replay.model_dump(),
        "dt": 0.1,
        "damage": Damage(**lost).model_dump(),
    }
    return stages.replay(given, 1, stages.network(given, 1), name="replay_clock")


def test_silenced_neurons_fire_no_spike_and_the_others_do():
    fired = np.bincount(replayed()["spike_neuron"].values, minlength=150)
    assert (fired > 0).mean() > 0.5
    lost = Damage(neurons=0.3, clusters=1)
    silenced = damage.silenced(NETWORK.cluster, lost, 1)
    left = np.bincount(replayed(neurons=0.3, clusters=1)["spike_neuron"].values, minlength=150)
    assert not left[:120][silenced].any()
    assert (left[:120][~silenced] > 0).mean() > 0.5
    assert left[120:].any()
