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
CODES = dict.fromkeys(("network", "training", "replay", "target", "learn", "measure"), "code")


def made(folder, rates=(4.0, 5.0), replicates=2, **options):
    """Make all points of a sweep over the external rate; returns sweep, points and CPU seconds."""
    axis = {"keys": ["clock.external.rate_e"], "values": list(rates)}
    options = {"measures": ["clock.replay.rate_e", "clock.replay.rate_i"]} | options
    sweep = Sweep(about="a test", axes={"rate": axis}, replicates=replicates, **options)
    points = sweeps.points(sweep, STUDY, CODES)
    common = sweeps.shared(points)
    for key, step in common.items():
        if not sweep_runs.step_path(folder, key).exists():
            sweep_runs.make_shared(step, folder)
    seconds = [sweep_runs.make_point(point, folder, set(common)) for point in points]
    return sweep, points, seconds


def gathered(folder, sweep, points):
    path = folder / "sweep.zarr.zip"
    sweep_runs.gather(sweep, points, folder, path, name="test", seed=1, code="code")
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
    replay = points[-1].replays["clock"]
    network = stages.network(replay.inputs["network"].given, 2)
    alone = stages.replay(replay.given, 2, network, name="replay_clock")
    assert rate[1, 1] == stages.rhythm(alone, 0.1)[0]["clock.replay.rate_e"][0]


def test_shared_steps_are_made_once_and_change_no_number(tmp_path):
    axis = {"keys": ["replay.duration"], "values": [200, 300]}
    sweep = Sweep(about="a test", axes={"d": axis}, replicates=2, measures=["clock.replay.rate_e"])
    points = sweeps.points(sweep, STUDY, CODES)
    common = sweeps.shared(points)
    assert [step.stage for step in common.values()] == ["network", "network"]
    for step in common.values():
        sweep_runs.make_shared(step, tmp_path / "one")
    for point in points:
        sweep_runs.make_point(point, tmp_path / "one", set(common))
        sweep_runs.make_point(point, tmp_path / "two", set())
    one, two = (gathered(tmp_path / name, sweep, points) for name in ("one", "two"))
    xr.testing.assert_identical(one, two)


def test_nothing_is_made_twice(copied):
    folder, *_ = copied
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.zarr.zip")}
    _, _, seconds = made(folder, rates=(3.0, 4.0, 5.0), replicates=3)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert sum(second > 0 for second in seconds) == 5


def test_a_missing_point_is_listed_and_not_a_number(copied):
    folder, sweep, points = copied
    sweep_runs.point_path(folder, points[1].key).unlink()
    dataset = gathered(folder, sweep, points)
    assert dataset.attrs["missing"] == "[[0, 1]]"
    assert dataset["failure"][0, 1] == "not computed"
    assert np.isnan(dataset["clock.replay.rate_e"].values).sum() == 1


@pytest.mark.parametrize("position", [0.0, 0.5, 0.999])
def test_a_flipped_bit_is_named(copied, position):
    folder, sweep, points = copied
    path = sweep_runs.point_path(folder, points[2].key)
    content = bytearray(path.read_bytes())
    content[int(position * len(content))] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=path.name):
        gathered(folder, sweep, points)


def test_a_truncated_store_is_named(copied):
    folder, sweep, points = copied
    path = sweep_runs.point_path(folder, points[2].key)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=path.name):
        gathered(folder, sweep, points)


def test_a_foreign_store_is_named(copied):
    folder, sweep, points = copied
    path = sweep_runs.point_path(folder, points[2].key)
    shutil.copy(sweep_runs.point_path(folder, points[1].key), path)
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
    axis = {"keys": ["replay.duration"], "values": [200, 300]}
    sweep = Sweep(about="a test", axes={"d": axis}, replicates=2, measures=["clock.replay.rate_e"])
    points = sweeps.points(sweep, STUDY, CODES)
    common = sweeps.shared(points)
    for step in common.values():
        sweep_runs.make_shared(step, tmp_path)
    one, other = (sweep_runs.step_path(tmp_path, key) for key in common)
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


def test_a_shared_step_that_blows_up_is_recorded_for_each_of_its_points(tmp_path, monkeypatch):
    monkeypatch.setattr(stages, "network", blow_up)
    axis = {"keys": ["replay.duration"], "values": [200, 300]}
    sweep = Sweep(about="a test", axes={"d": axis}, replicates=1, measures=["clock.replay.rate_e"])
    points = sweeps.points(sweep, STUDY, CODES)
    (step,) = sweeps.shared(points).values()
    sweep_runs.make_shared(step, tmp_path)
    for point in points:
        sweep_runs.make_point(point, tmp_path, {step.key})
    assert all(
        "was inf" in text for text in gathered(tmp_path, sweep, points)["failure"].values.ravel()
    )
