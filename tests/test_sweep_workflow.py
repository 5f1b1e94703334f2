"""A sweep as its users run it: once, again, larger, in other batches, after a loss."""

import shutil

import pytest
import studies
import xarray as xr
from studies import merged, run

AXES = {
    "rate": {"keys": ["clock.external.rate_e"], "values": [4.0, 5.0]},
    "duration": {"keys": ["replay.duration"], "values": ["200 ms", "300 ms"]},
}
STUDY = {
    "study": "swept",
    "methods": ["clock"],
    "clock": studies.HARD_WIRED["clock"],
    "sweeps": {
        "run": ["rate"],
        "batch": 2,
        "define": {
            "rate": {
                "about": "the external rate",
                "axes": AXES,
                "replicates": 2,
                "measures": ["clock.replay.rate_e"],
            }
        },
    },
}


class Sweep:
    """A study with a sweep in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.gathered = folder / "swept/sweeps/rate.zarr.zip"

    def run(self, change=None, succeeds=True):
        done = run(studies.write(self.folder, merged(STUDY, change or {})), self.gathered)
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
        assert dict(dataset.sizes) == {"rate": 2, "duration": 2, "replicate": 2}
        assert dataset["duration"].values.tolist() == [200, 300]
        assert bool(dataset["clock.replay.rate_e"].notnull().all())
    # Networks differ by rate (a trained one would) and seed, not by the length of the replay.
    assert len(list((finished.folder / "swept/sweeps/steps").iterdir())) == 4


def test_a_larger_sweep_computes_only_what_is_new(sweep):
    before = sweep.stores()
    change = {"axes": {"rate": {"values": [4.0, 4.5, 5.0]}}, "replicates": 3}
    sweep.run({"sweeps": {"define": {"rate": change}}})
    after = sweep.stores()
    assert {path: after[path] for path in before} == before
    with xr.open_dataset(sweep.gathered) as dataset:
        assert dict(dataset.sizes) == {"rate": 3, "duration": 2, "replicate": 3}


def test_other_batches_compute_nothing(sweep, finished):
    before = sweep.stores()
    sweep.run({"sweeps": {"batch": 5}})
    assert sweep.stores() == before
    assert sweep.gathered.read_bytes() == finished.gathered.read_bytes()


def test_a_key_that_a_shared_step_does_not_use_leaves_it(tmp_path):
    sweep = Sweep(tmp_path)
    sweep.run()
    before = sweep.stores()
    sweep.run({"readout": {"learning_block": "5 s"}})
    assert sweep.stores() == before


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
        ({"run": ["rates"]}, "there is no sweep rates; defined are rate"),
        ({"define": {"rate": {"measures": ["clock.period"]}}}, "there is no measure clock.period"),
        (
            {"define": {"rate": {"axes": {"rate": {"keys": ["clock.externl.rate_e"]}}}}},
            "externl",
        ),
    ],
)
def test_a_mistake_is_told_in_a_sentence(tmp_path, change, sentence):
    done = Sweep(tmp_path).run({"sweeps": change}, succeeds=False)
    assert sentence in done.text
    assert "Traceback" not in done.text
