"""Points of a sweep made, shared, stored and gathered; what is damaged is named, never averaged."""

import errno
import shutil

import numpy as np
import pytest
import xarray as xr

from simcore import stages, stores, sweep_runs, sweeps
from simcore.errors import UserError
from simcore.sweep_parameters import Sweep

STUDY = {
    "study": "small",
    "clock": {"connectivity": "hard-wired", "clusters": 4, "cluster_size": 20},
    "replay": {"duration": 300},
}
STAGES = ("network", "training", "replay", "target", "learn", "measure")
CODES = dict.fromkeys((*STAGES, *(f"rls_{name}" for name in STAGES)), "code") | {
    "rls_targets": "code"
}


def made(folder, rates=(4.0, 5.0), replicates=2, **options):
    """Make all points of a sweep over the external rate; returns sweep, points and costs."""
    axis = {"keys": ["clock.external.rate_e"], "values": list(rates)}
    options = {"measures": ["clock.replay.rate_e", "clock.replay.rate_i"]} | options
    sweep = Sweep(about="a test", axes={"rate": axis}, replicates=replicates, **options)
    points = sweeps.points(sweep, STUDY, CODES)
    common = sweeps.shared(points)
    for key, step in common.items():
        if not sweeps.step_path(folder, key).exists():
            sweep_runs.make_shared(step, folder, set(common))
    costs = [sweep_runs.make_point(point, folder, set(common)) for point in points]
    return sweep, points, costs


def gathered(folder, sweep, points):
    path = folder / "sweep.zarr.zip"
    keys = [point.key for point in points]
    sweep_runs.gather(sweep, keys, folder, path, name="test", seed=1, code="code")
    return stores.read(path, stage="sweep test").load()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweeps")
    return folder, *made(folder)


@pytest.fixture
def copied(finished, tmp_path):
    """The finished sweep in a folder of its own."""
    folder = tmp_path / "sweeps"
    shutil.copytree(finished[0], folder)
    return folder, *finished[1:3]


def test_the_dataset_has_the_grid_as_its_dimensions(finished):
    folder, sweep, points, _ = finished
    dataset = gathered(folder, sweep, points)
    rate = dataset["clock.replay.rate_e"]
    assert rate.dims == ("rate", "replicate")
    assert rate.attrs["units"] == "Hz"
    assert dataset["rate"].values.tolist() == [4.0, 5.0]
    assert dataset["rate"].attrs["units"] == "kHz"
    assert dataset["replicate"].values.tolist() == [1, 2]
    assert np.isfinite(rate).all()
    assert set(dataset["failure"].values.ravel()) == {""}
    assert dataset.attrs["missing"] == "[]"


def test_a_point_has_the_numbers_of_its_stages(finished):
    folder, sweep, points, _ = finished
    rate = gathered(folder, sweep, points)["clock.replay.rate_e"]
    replay = points[-1].results["clock"]["replay"]
    network = stages.network(replay.inputs["network"].given, 2)
    alone = stages.replay(replay.given, 2, network, name="replay_clock")
    assert rate[1, 1] == stages.rhythm(alone, 0.1)[0]["clock.replay.rate_e"][0]


# A clock that learns, for hardly any time: all its training is worth sharing.
TRAINED = {
    "study": "trained",
    "clock": {
        "clusters": 4,
        "cluster_size": 20,
        **{"balancing": 200, "balancing_static": 100, "embedding": 300, "consolidation": 100},
    },
}


def swept_durations(replicates):
    """A sweep whose points have all but the replay in common, its points and their shared steps."""
    axis = {"keys": ["replay.duration"], "values": [200, 300]}
    measures = ["clock.replay.rate_e"]
    sweep = Sweep(about="a test", axes={"d": axis}, replicates=replicates, measures=measures)
    points = sweeps.points(sweep, TRAINED, CODES)
    return sweep, points, sweeps.shared(points)


def test_shared_steps_are_made_once_and_change_no_number(tmp_path):
    sweep, points, common = swept_durations(2)
    assert [step.name for step in common.values()] == [
        "network",
        "embedding",
        "consolidation",
    ] * 2
    for step in common.values():
        sweep_runs.make_shared(step, tmp_path / "one", set(common))
    for point in points:
        costs = sweep_runs.make_point(point, tmp_path / "one", set(common))
        assert [cost["stage"] for cost in costs.values()] == ["replay"]
        sweep_runs.make_point(point, tmp_path / "two", set())
    one, two = (gathered(tmp_path / name, sweep, points) for name in ("one", "two"))
    xr.testing.assert_identical(one, two)


def test_nothing_is_made_twice(copied):
    folder, *_ = copied
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.zarr.zip")}
    _, _, costs = made(folder, rates=(3.0, 4.0, 5.0), replicates=3)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert sum(bool(cost) for cost in costs) == 5


def test_what_a_point_costs_is_told_for_each_of_its_steps(finished):
    _, _, points, costs = finished
    steps = points[0].steps
    assert set(costs[0]) == set(steps)
    assert [cost["stage"] for cost in costs[0].values()] == ["network", "replay"]
    assert [cost["simulated_ms"] for cost in costs[0].values()] == [0, 300]
    assert all(cost["cpu_seconds"] > 0 for cost in costs[0].values())


def test_a_missing_point_is_listed_and_not_a_number(copied):
    folder, sweep, points = copied
    sweeps.point_path(folder, points[1].key).unlink()
    dataset = gathered(folder, sweep, points)
    assert dataset.attrs["missing"] == "[[0, 1]]"
    assert dataset["failure"][0, 1] == "not computed"
    assert np.isnan(dataset["clock.replay.rate_e"].values).sum() == 1


@pytest.mark.parametrize("position", [0.0, 0.5, 0.999])
def test_a_flipped_bit_is_named(copied, position):
    folder, sweep, points = copied
    path = sweeps.point_path(folder, points[2].key)
    content = bytearray(path.read_bytes())
    content[int(position * len(content))] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=path.name):
        gathered(folder, sweep, points)


def test_a_truncated_store_is_named(copied):
    folder, sweep, points = copied
    path = sweeps.point_path(folder, points[2].key)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=path.name):
        gathered(folder, sweep, points)


def test_a_foreign_store_is_named(copied):
    folder, sweep, points = copied
    path = sweeps.point_path(folder, points[2].key)
    shutil.copy(sweeps.point_path(folder, points[1].key), path)
    with pytest.raises(UserError, match=f"{path.name}.* was made by stage"):
        gathered(folder, sweep, points)


DAMAGES = {
    "truncated": lambda content, other: content[:-100],
    "bit flipped": lambda content, other: content[:200] + bytes([content[200] ^ 1]) + content[201:],
    # Of the same parameters but another seed.
    "foreign": lambda content, other: other,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_faulty_shared_step_is_named_and_not_used(tmp_path, damage):
    _, points, common = swept_durations(2)
    for step in common.values():
        sweep_runs.make_shared(step, tmp_path, set(common))
    trained = [key for key, step in common.items() if step.name == "consolidation"]
    one, other = (sweeps.step_path(tmp_path, key) for key in trained)
    one.write_bytes(DAMAGES[damage](one.read_bytes(), other.read_bytes()))
    made = []
    for point in points:
        if one.name.split(".")[0] in point.steps:
            with pytest.raises(UserError, match=f"{one.name}.*delete .* run again"):
                sweep_runs.make_point(point, tmp_path, set(common))
        else:
            made.append(sweep_runs.make_point(point, tmp_path, set(common)))
    assert len(made) == 2
    assert len(list((tmp_path / "points").iterdir())) == 2


def test_a_full_disk_leaves_no_part_of_a_point(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(stores.os, "fsync", full)
        with pytest.raises(UserError, match="zarr.zip: the disk is full; free some space"):
            made(tmp_path)
    assert not list(tmp_path.rglob("*.zip*"))
    sweep, points, _ = made(tmp_path)
    assert np.isfinite(gathered(tmp_path, sweep, points)["clock.replay.rate_e"]).all()


def full(_):
    raise OSError(errno.ENOSPC, "No space left on device")


def blow_up(*_, **__):
    """A replay of a network that blows up."""
    from simcore.errors import BlewUp

    raise BlewUp("e.V of neuron 1 was inf after 100 ms of this run")


def test_a_network_that_blows_up_is_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(stages, "replay", blow_up)
    sweep, points, _ = made(tmp_path)
    dataset = gathered(tmp_path, sweep, points)
    assert np.isnan(dataset["clock.replay.rate_e"]).all()
    assert all("was inf" in text for text in dataset["failure"].values.ravel())
    assert dataset.attrs["missing"] == "[]"


def test_a_number_that_is_none_is_told(tmp_path):
    measures = ["clock.replay.rate_e", "clock.replay.period_mean"]
    sweep, points, _ = made(tmp_path, rates=(0.0,), replicates=1, measures=measures)
    dataset = gathered(tmp_path, sweep, points)
    assert dataset["clock.replay.rate_e"] == 0
    assert dataset["failure"].item() == "clock.replay.period_mean: not a number for this network."


def test_a_shared_step_that_blows_up_is_recorded_for_each_of_its_points(tmp_path, monkeypatch):
    monkeypatch.setattr(stages, "network", blow_up)
    sweep, points, common = swept_durations(1)
    for step in common.values():
        sweep_runs.make_shared(step, tmp_path, set(common))
    for point in points:
        sweep_runs.make_point(point, tmp_path, set(common))
    assert all(
        "was inf" in text for text in gathered(tmp_path, sweep, points)["failure"].values.ravel()
    )


def test_no_point_begins_with_rounded_weights(tmp_path):
    """Those of a clock of the study itself that was taken over from what an earlier run kept."""
    sweep, _, common = swept_durations(1)
    (step,) = (step for step in common.values() if step.stage == "network")
    rounded = stages.network(step.given, step.seed).assign_attrs(trained_by="other")
    own = tmp_path / "network.zarr.zip"
    rest = {"parameters": {}, "seed": 1, "code_digest": "", "inputs": {}, "simulated_ms": 0.0}
    stores.write(rounded, own, stage="network", **rest)
    with pytest.raises(UserError, match="rounded weights.*delete it"):
        sweep_runs.make_shared(step, tmp_path, set(common), own=own)


def whole_sweep(folder, study, **options):
    """Make and gather all points of a sweep of another study."""
    sweep = Sweep.model_validate({"about": "a test", "replicates": 2} | options)
    points = sweeps.points(sweep, study, CODES)
    common = sweeps.shared(points)
    for step in common.values():
        sweep_runs.make_shared(step, folder, set(common))
    for point in points:
        sweep_runs.make_point(point, folder, set(common))
    return gathered(folder, sweep, points)


def test_readouts_are_swept(tmp_path):
    study = STUDY | {
        "targets": {"ab": {"kind": "symbols", "sequence": "AB", "length": 100}},
        "readout": {
            "learning_block": 1000,
            "learning_min": 1000,
            "learning_max": 2000,
            "test": 1000,
        },
        "clock": STUDY["clock"] | {"clusters": 15, "cluster_size": 40},
        "replay": {"duration": 1000},
    }
    axis = {"keys": ["targets.ab.sequence"], "values": [["AB"], ["AB", "CDE"]], "labels": [1, 2]}
    measures = ["readout.ab.error", "readout.ab.trained_synapses"]
    dataset = whole_sweep(tmp_path, study, axes={"sequences": axis}, measures=measures)
    assert dataset["sequences"].values.tolist() == [1, 2]
    assert dataset["failure"].values.tolist() == [["", ""], ["", ""]]
    assert dataset["readout.ab.trained_synapses"].values.tolist() == [[1200, 1200], [3000, 3000]]


def test_least_squares_are_swept_and_a_network_that_diverges_is_recorded(tmp_path, monkeypatch):
    experiment = {
        "network": {"neurons": 20, "presynaptic": "all"},
        "target": {"kind": "symbols", "duration": 200, "sequence": "AB"},
        "training": {"loops": 2},
        "test": {"starts": 2, "damage": [{"kind": "synapses", "amounts": [0], "draws": 2}]},
    }
    study = {"study": "small", "rls": {"define": {"ab": experiment}}}
    part = "damaged.synapses.channel_correlation"
    options = {
        "axes": {"lost": {"keys": ["rls.define.ab.test.damage.0.amounts.0"], "values": [0.0, 1.0]}},
        "measures": ["rls.ab.correlation", "rls.ab.channel_correlation", f"rls.ab.{part}"],
    }
    dataset = whole_sweep(tmp_path / "one", study, **options)
    whole = dataset["rls.ab.channel_correlation"].values
    assert np.array_equal(whole[0], whole[1])
    # Without loss the damaged network is the whole one; with no synapses it follows nothing.
    assert np.array_equal(dataset[f"rls.ab.{part}"].values[0], whole[0])
    assert not dataset[f"rls.ab.{part}"].values[1].any()
    monkeypatch.setattr("simcore.rls_training.IMPOSSIBLE_DRIVE", 1e-9)
    dataset = whole_sweep(tmp_path / "two", study, **options)
    assert np.isnan(dataset["rls.ab.correlation"]).all()
    assert all("has grown to" in text for text in dataset["failure"].values.ravel())
