"""Sweeps and stages on a real Slurm, and what clusters do to them."""

import json
import shutil
import signal
import subprocess
from functools import cache

import pytest
import studies
import test_collection
import test_resume
from slurm import DAEMONS, Slurm, wait_for
from studies import ROOT, assert_fails, merged, run

# A sweep of few jobs: a shared training, two batches, one dataset.
SWEEP = {
    "study": "swept",
    "methods": ["rls"],
    "rls": {
        "define": {
            "noise": {
                "network": {"neurons": 50},
                "target": {"kind": "ou", "duration": 200},
                "training": {"loops": 3},
                "test": {"starts": 2, "damage": [{"kind": "neurons", "amounts": [0], "draws": 2}]},
            }
        }
    },
    "sweeps": {
        "run": ["lost"],
        "batch": 1,
        "define": {
            "lost": {
                "about": "lost neurons",
                "axes": {
                    "part": {
                        "keys": ["rls.define.noise.test.damage.0.amounts.0"],
                        "values": [0.0, 0.5],
                    }
                },
                "replicates": 1,
                "measures": ["rls.noise.damaged.neurons.correlation"],
            }
        },
    },
}
# Long stages, and the studies that have them; a read-out's job makes its target too.
LONG = {"embedding": test_resume.STUDY, "readout_abc": test_resume.WIRED}
# How long Snakemake waits before it looks at its jobs: far less than for hours of work.
OPTIONS = ["--profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "4"]


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    missing = [name for name, path in DAEMONS.items() if path is None]
    if missing:
        pytest.skip(f"Slurm is not installed ({', '.join(missing)} missing)")
    slurm = Slurm(tmp_path_factory.mktemp("slurm"))
    yield slurm
    slurm.stop()


class Run:
    """A run on Slurm that makes one store of a study, in a folder of its own."""

    def __init__(self, slurm, folder, study, store):
        self.slurm, self.file = slurm, studies.write(folder, study)
        self.folder, self.store = folder / study["study"], folder / study["study"] / store
        self.output = folder / "output.txt"

    def start(self, *options):
        with open(self.output, "a") as output:
            self.main = subprocess.Popen(
                studies.command(self.file, self.store, *OPTIONS, *options),
                cwd=ROOT,
                env=studies.environment() | self.slurm.variables,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_for(self, condition):
        wait_for(lambda: condition() or self.main.poll() is not None, f"see {self.output}")
        assert self.main.poll() is None, self.output.read_text()

    def running(self, rule):
        """Wait for the latest job of a rule to run; returns its number."""
        self.wait_for(lambda: [job[1] for job in self.slurm.jobs(rule)][-1:] == ["RUNNING"])
        return self.slurm.jobs(rule)[-1][0]

    def assert_succeeds(self):
        assert self.main.wait(300) == 0, self.output.read_text()
        assert "Traceback" not in self.output.read_text()


@pytest.fixture
def on_slurm(slurm, tmp_path):
    """Make a run; what is left of it ends here."""
    runs = []

    def make(study, store):
        runs.append(Run(slurm, tmp_path, study, store))
        return runs[-1]

    yield make
    for one in runs:
        one.main.kill()
        one.main.wait()


@pytest.fixture(scope="module")
def gathered(tmp_path_factory):
    """The dataset of the sweep, made here."""
    folder = tmp_path_factory.mktemp("gathered")
    dataset = folder / "swept/sweeps/lost.zarr.zip"
    done = run(studies.write(folder, SWEEP), dataset)
    assert done.returncode == 0, done.text
    return dataset


def megabytes(job):
    return int(job[2].removesuffix("M"))


def test_a_sweep_survives_a_kill_and_too_little_memory(slurm, on_slurm, gathered):
    sweep = on_slurm(SWEEP, "sweeps/lost.zarr.zip")
    sweep.start("--set-resources", "sweep_batch:mem_mb=60 * attempt ** 4")
    slurm.ask("scancel", "--full", "--signal=KILL", sweep.running("sweep_step"))
    sweep.assert_succeeds()
    assert sweep.store.read_bytes() == gathered.read_bytes()
    killed, step = slurm.jobs("sweep_step")
    assert killed[1] != "COMPLETED" and killed[3] == "12:00:00"
    assert step[1] == "COMPLETED" and step[3] == "1-00:00:00"
    assert megabytes(step) == 2 * megabytes(killed)
    batches = slurm.jobs("sweep_batch")
    assert [megabytes(job) for job in batches] == [60] * 2 + [960] * 2
    assert [job[1] == "COMPLETED" for job in batches] == [False] * 2 + [True] * 2


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["sweep_step", "sweep_batch"])
def test_a_sweep_whose_run_was_killed_goes_on(slurm, on_slurm, gathered, rule):
    sweep = on_slurm(SWEEP, "sweeps/lost.zarr.zip")
    sweep.start()
    sweep.running(rule)
    sweep.main.kill()
    sweep.main.wait()
    sweep.start()
    sweep.assert_succeeds()
    assert sweep.store.read_bytes() == gathered.read_bytes()


@pytest.mark.slow
def test_a_collection_runs(slurm, tmp_path):
    file = test_collection.write(
        tmp_path, test_collection.COLLECTION, a=test_collection.ONE, b=test_collection.TWO
    )
    summary = tmp_path / "results/both/summary.json"
    done = run(file, summary, *OPTIONS, **slurm.variables)
    assert done.returncode == 0, done.text
    names = [entry["id"] for entry in json.loads(summary.read_text())]
    assert {"one.clock.replay.order", "two.clock.replay.order"} < set(names)
    assert slurm.jobs("two__replay_clock")[0][1] == "COMPLETED"


@pytest.fixture
def to_gather(gathered, tmp_path):
    """The study whose points a job of dask's shall gather again, and its dataset."""
    pytest.importorskip("dask_jobqueue")
    shutil.copytree(gathered.parents[1], tmp_path / "swept")
    dataset = tmp_path / "swept/sweeps" / gathered.name
    dataset.unlink()
    study = merged(SWEEP, {"run": {"dask": "slurm", "dask_workers": 1}})
    return studies.write(tmp_path, study), dataset


def test_jobs_gather_the_same_bytes(slurm, gathered, to_gather):
    file, dataset = to_gather
    done = run(file, dataset, **slurm.variables)
    assert done.returncode == 0, done.text
    assert dataset.read_bytes() == gathered.read_bytes()
    assert "dask-worker" in slurm.ask("squeue", "-h", "--states=all", "-o", "%j")


def test_jobs_that_slurm_refuses_are_named(slurm, to_gather):
    done = run(*to_gather, **slurm.variables, DASK_JOBQUEUE__SLURM__QUEUE="nowhere")
    assert_fails(done, "Slurm refuses the workers of dask", "artition", "jobqueue.slurm")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Return the folder of a study that came to a long stage without a break, here."""

    @cache
    def make(stage):
        return test_resume.finished(tmp_path_factory.mktemp(stage) / "a", LONG[stage], stage)

    return make


@pytest.fixture
def interrupted(on_slurm, uninterrupted):
    """Start a run on Slurm of a long stage; it has written a checkpoint."""

    def start(stage, *options):
        run = on_slurm(LONG[stage], f"{stage}.zarr.zip")
        run.folder.mkdir()
        stores = uninterrupted(stage).glob("*.zarr.zip")
        for path in sorted(stores, key=lambda path: path.stat().st_mtime_ns):
            if not path.name.startswith((stage, "target")):
                shutil.copy2(path, run.folder)
        run.start(*options)
        run.wait_for((run.folder / f".checkpoints/{stage}.checkpoint").exists)
        return run

    return start


def assert_went_on(run, uninterrupted, stage):
    run.assert_succeeds()
    assert "goes on from its checkpoint" in (run.folder / f"logs/{stage}.log").read_text()
    assert run.store.read_bytes() == (uninterrupted(stage) / run.store.name).read_bytes()


@pytest.mark.parametrize(
    "stage", ["embedding", pytest.param("readout_abc", marks=pytest.mark.slow)]
)
def test_a_cancelled_stage_goes_on(slurm, interrupted, uninterrupted, stage):
    run = interrupted(stage)
    worker = slurm.worker()
    worker.suspend()  # until Slurm wakes it up to end it
    slurm.ask("scancel", worker.environ()["SLURM_JOB_ID"])
    worker.wait(60)
    assert "nothing is lost" in (run.folder / f"logs/{stage}.log").read_text()
    assert_went_on(run, uninterrupted, stage)


@pytest.mark.slow
def test_a_stage_past_its_time_limit_goes_on(slurm, interrupted, uninterrupted):
    run = interrupted("embedding", "--set-resources", "embedding:runtime=attempt")
    worker = slurm.worker()
    worker.suspend()  # until Slurm wakes it up to end it
    worker.wait(150)
    assert "nothing is lost" in (run.folder / "logs/embedding.log").read_text()
    assert_went_on(run, uninterrupted, "embedding")
    states = [job[1::2] for job in slurm.jobs("embedding")[-2:]]
    assert states == [["TIMEOUT", "1:00"], ["COMPLETED", "2:00"]]


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_run_that_was_ended_goes_on(slurm, interrupted, uninterrupted, number):
    run = interrupted("embedding")
    orphan = slurm.worker()
    orphan.suspend()  # until Slurm wakes it up to end it
    run.main.send_signal(number)
    run.main.wait(60)
    run.start()
    orphan.wait(60)
    assert_went_on(run, uninterrupted, "embedding")
