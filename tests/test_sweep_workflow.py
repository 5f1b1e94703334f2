"""A sweep as its users run it: once, again, larger, in other batches, after a loss."""

import itertools
import json
import shutil

import numpy as np
import pytest
import studies
import xarray as xr
from studies import merged, run

from simcore import stores

# Damage comes after all learning: so is the training of each seed made once.
AXES = {
    "lost": {"keys": ["damage.neurons"], "values": [0.0, 0.5]},
    "duration": {"keys": ["replay.duration"], "values": ["200 ms", "300 ms"]},
}
STUDY = {
    "study": "swept",
    "methods": ["clock"],
    "clock": studies.TINY["clock"] | {"embedding": "200 ms", "consolidation": "100 ms"},
    "sweeps": {
        "run": ["lost"],
        "batch": 2,
        "define": {
            "lost": {
                "about": "lost neurons",
                "axes": AXES,
                "replicates": 2,
                "measures": ["clock.replay.rate_e"],
                "headlines": {
                    "change": {
                        "kind": "change",
                        "measure": "clock.replay.rate_e",
                        "axis": "lost",
                    }
                },
            }
        },
    },
}


class Sweep:
    """A study with a sweep in a folder."""

    def __init__(self, folder, study=STUDY):
        self.folder, self.study = folder, study
        self.gathered = folder / f"swept/sweeps/{study['sweeps']['run'][0]}.zarr.zip"

    def run(self, change=None, succeeds=True):
        done = run(studies.write(self.folder, merged(self.study, change or {})), self.gathered)
        assert (done.returncode == 0) == succeeds, done.text
        return done

    def stores(self):
        """When each point and shared step was written."""
        found = (self.folder / "swept/sweeps").glob("[ps]*/*.zarr.zip")
        return {path: path.stat().st_mtime_ns for path in found}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    sweep = Sweep(tmp_path_factory.mktemp("finished"))
    sweep.run()
    return sweep


@pytest.fixture
def sweep(finished, tmp_path):
    """The finished sweep in a folder of its own."""
    shutil.copytree(finished.folder / "swept", tmp_path / "swept")
    return Sweep(tmp_path)


def test_one_dataset_with_the_grid_as_its_dimensions(finished):
    with xr.open_dataset(finished.gathered) as dataset:
        assert dataset["clock.replay.rate_e"].sizes == {"lost": 2, "duration": 2, "replicate": 2}
        assert dataset["summary_id"].values.tolist() == [
            f"sweep.lost.change[duration={duration}]" for duration in (200, 300)
        ]
        assert dataset["duration"].values.tolist() == [200, 300]
        assert bool(dataset["clock.replay.rate_e"].notnull().all())
    # Start, embedding and consolidation of one network; of the study's own seed only the last.
    steps = list((finished.folder / "swept/sweeps/steps").glob("*.zip"))
    assert len(steps) == 3 + 1
    own = stores.read(finished.folder / "swept/consolidation.zarr.zip")["e_to_e_weight"]
    weights = [stores.read(path)["e_to_e_weight"] for path in steps]
    assert sum(np.array_equal(own, weight) for weight in weights) == 1


def test_a_larger_sweep_computes_only_what_is_new(sweep):
    before = sweep.stores()
    change = {"axes": {"lost": {"values": [0.0, 0.2, 0.5]}}}
    sweep.run({"sweeps": {"define": {"lost": change}}})
    after = sweep.stores()
    assert {path: after[path] for path in before} == before
    with xr.open_dataset(sweep.gathered) as dataset:
        assert dataset["clock.replay.rate_e"].sizes == {"lost": 3, "duration": 2, "replicate": 2}


def test_other_batches_compute_nothing(sweep, finished):
    before = sweep.stores()
    sweep.run({"sweeps": {"batch": 5}})
    assert sweep.stores() == before
    assert sweep.gathered.read_bytes() == finished.gathered.read_bytes()


def test_a_whole_study_begins_with_what_was_kept(sweep, finished, tmp_path):
    """Neither points nor the trained clock are made again; the page says where they came from."""
    folder = sweep.folder / "swept"
    done = run(studies.write(sweep.folder, STUDY), "keep")
    assert done.returncode == 0, done.text
    other = studies.write(sweep.folder, STUDY | {"seed": 2})
    studies.assert_fails(run(other, "keep"), "network.zarr.zip", "not of the study as it is now")
    # Nothing that was kept is lost from a narrower sweep.
    narrow = {"sweeps": {"define": {"lost": {"axes": {"lost": {"values": [0.0]}}}}}}
    done = run(studies.write(sweep.folder, merged(STUDY, narrow)), "keep")
    assert done.returncode == 0 and "4 of 4 points" in done.text, done.text
    with xr.open_dataset(folder / "kept/sweeps/lost.zarr.zip") as table:
        places = table["place"].values.tolist()
    assert set(places) == {
        f"duration={duration}, lost={lost}, seed={seed}"
        for duration, lost, seed in itertools.product((200, 300), (0, 0.5), (1, 2))
    }

    (tmp_path / "all").mkdir()
    shutil.copytree(folder / "kept", tmp_path / "all/swept")
    shutil.rmtree(folder)
    change = {"axes": {"lost": {"values": [0.0, 0.2, 0.5]}}}
    new = merged(STUDY, {"sweeps": {"define": {"lost": change}}, "kept": str(tmp_path / "all")})
    file = studies.write(sweep.folder, new)
    done = run(file)
    assert done.returncode == 0, done.text
    assert len([path for path in sweep.stores() if path.parent.name == "points"]) == 4
    with xr.open_dataset(sweep.gathered) as now, xr.open_dataset(finished.gathered) as before:
        rate = "clock.replay.rate_e"
        xr.testing.assert_equal(now[rate].sel(lost=[0.0, 0.5]), before[rate])
        assert bool(now[rate].notnull().all())
    summary = json.loads((folder / "summary.json").read_text())
    (entry, _) = (one for one in summary if one["id"].startswith("sweep."))
    assert entry["value"] < 0 and entry["interval"] is None  # two replicates are too few for one
    page = (folder / "report.html").read_text()
    assert "change[duration=200], sweep lost" in page and "Sweep: lost neurons" in page
    assert "taken from what earlier runs kept: lost 8." in page
    assert "The clock was not trained here" in page
    assert studies.planned(file, folder) == set()
    # A clock that is there stays, also when nothing is taken over any more.
    assert "consolidation" not in studies.planned(studies.write(sweep.folder, STUDY), folder)


def test_a_folder_of_what_is_kept_that_is_missing_is_named(tmp_path):
    done = run(studies.write(tmp_path, STUDY | {"kept": str(tmp_path / "gone")}), "-n")
    studies.assert_fails(done, "kept", "there is no", "gone")


@pytest.mark.slow  # tests/test_sweeps.py says the same of keys
def test_a_key_that_a_shared_step_does_not_use_leaves_it(tmp_path):
    sweep = Sweep(tmp_path)
    sweep.run()
    before = sweep.stores()
    sweep.run({"readout": {"learning_block": "5 s"}})
    assert sweep.stores() == before


def test_a_command_that_runs_nothing_loses_no_dataset(sweep, finished):
    change = {"sweeps": {"define": {"lost": {"axes": {"lost": {"values": [0.0, 0.2]}}}}}}
    done = run(studies.write(sweep.folder, merged(STUDY, change)), "--summary")
    assert done.returncode == 0, done.text
    aside = sweep.gathered.with_name("lost_before.zarr.zip")
    assert not sweep.gathered.exists()
    assert aside.read_bytes() == finished.gathered.read_bytes()


def test_a_removed_point_is_made_again(sweep, finished):
    point = next((sweep.folder / "swept/sweeps/points").iterdir())
    content = point.read_bytes()
    point.unlink()
    sweep.run()
    assert point.read_bytes() == content
    assert sweep.gathered.read_bytes() == finished.gathered.read_bytes()


def test_processes_gather_the_same_bytes(sweep, finished):
    pytest.importorskip("distributed")
    sweep.gathered.unlink()
    sweep.run({"run": {"dask": "distributed"}})
    assert sweep.gathered.read_bytes() == finished.gathered.read_bytes()


@pytest.mark.parametrize("dask", ["threads", "distributed"])
def test_a_damaged_point_ends_the_gathering_by_name(sweep, dask):
    if dask == "distributed":
        pytest.importorskip("distributed")
    point = next((sweep.folder / "swept/sweeps/points").iterdir())
    content = bytearray(point.read_bytes())
    content[len(content) // 2] ^= 1
    point.write_bytes(content)
    sweep.gathered.unlink()
    done = sweep.run({"run": {"dask": dask}}, succeeds=False)
    assert point.name in done.text
    assert "damaged" in done.text
    assert "Traceback" not in done.text
    assert not sweep.gathered.exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"run": ["losses"]}, "there is no sweep losses; defined are lost"),
        (
            {"define": {"lost": {"measures": ["clock.replay.rate_e", "clock.period"]}}},
            "there is no measure clock.period",
        ),
        (
            {"define": {"lost": {"axes": {"lost": {"keys": ["damage.neurns"]}}}}},
            "neurns",
        ),
    ],
)
def test_a_mistake_is_told_in_a_sentence(tmp_path, change, sentence):
    done = Sweep(tmp_path).run({"sweeps": change}, succeeds=False)
    assert sentence in done.text
    assert "Traceback" not in done.text


def test_what_is_there_of_a_sweep_can_be_gathered_before_it_is_complete(sweep):
    next((sweep.folder / "swept/sweeps/points").iterdir()).unlink()
    so_far = sweep.gathered.with_name("lost_so_far.zarr.zip")
    done = run(studies.write(sweep.folder, STUDY), so_far)
    assert done.returncode == 0, done.text
    with xr.open_dataset(so_far) as dataset:
        assert len(json.loads(dataset.attrs["missing"])) == 1
        assert int(dataset["clock.replay.rate_e"].isnull().sum()) == 1
        assert (dataset["failure"] == "not computed").sum() == 1


def test_what_no_sweep_needs_is_removed_when_asked(sweep):
    before = set(sweep.stores())
    change = {"sweeps": {"define": {"lost": {"replicates": 1}}}}
    done = run(studies.write(sweep.folder, merged(STUDY, change)), "tidy_sweeps")
    assert done.returncode == 0, done.text
    left = set(sweep.stores())
    assert left < before
    assert len(left) == 4 + 1  # the points of one seed, and the copy of the study's own clock
    assert f"removed {min(before - left)}" in done.text
