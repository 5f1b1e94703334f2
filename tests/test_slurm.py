"""Sweeps and stages on a real Slurm, and what clusters do to them."""

import shutil
import signal
import subprocess

import pytest
import studies
import test_sweep_workflow as sweeps
from slurm import DAEMONS, Slurm, wait_for
from studies import ROOT, TINY, assert_fails, merged, run

# A sweep of few jobs: a shared step, two batches, one dataset.
SWEEP = merged(
    sweeps.STUDY, {"sweeps": {"define": {"rate": {"axes": {"rate": {"values": [4.0]}}}}}}
)
SWEEP["sweeps"]["define"]["rate"]["replicates"] = 1
SWEEP["sweeps"]["batch"] = 1
LONG = merged(
    TINY,
    {
        "study": "long",
        "clock": {"embedding": "4 min"},
        "run": {"checkpoint_every": "100 ms", "progress_every": "100 ms"},
    },
)
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
        wait_for(lambda: condition() or self.main.poll() is not None, self.output.read_text())
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
    dataset = folder / "swept/sweeps/rate.zarr.zip"
    done = run(studies.write(folder, SWEEP), dataset)
    assert done.returncode == 0, done.text
    return dataset


def test_a_sweep_survives_a_kill_and_too_little_memory(slurm, on_slurm, gathered):
    sweep = on_slurm(SWEEP, "sweeps/rate.zarr.zip")
    sweep.start("--set-resources", "sweep_batch:mem_mb=60 * attempt ** 4")
    slurm.ask("scancel", "--full", "--signal=KILL", sweep.running("sweep_step"))
    sweep.assert_succeeds()
    assert sweep.store.read_bytes() == gathered.read_bytes()
    steps = slurm.jobs("sweep_step")
    assert [job[1:] for job in steps] == [
        ["CANCELLED", "1000M", "12:00:00"],
        ["COMPLETED", "2000M", "1-00:00:00"],
    ]
    batches = [job[1:3] for job in slurm.jobs("sweep_batch")]
    assert sorted(batches) == [["COMPLETED", "960M"]] * 2 + [["FAILED", "60M"]] * 2


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
def embedding(tmp_path_factory):
    """The folder of a study that was embedded without a break, here."""
    folder = tmp_path_factory.mktemp("embedding")
    done = run(studies.write(folder, LONG), folder / "long/embedding.zarr.zip")
    assert done.returncode == 0, done.text
    return folder / "long"


@pytest.fixture
def embedded(on_slurm, embedding):
    """Start a run on Slurm of the embedding; it has written a checkpoint."""

    def start(*options):
        run = on_slurm(LONG, "embedding.zarr.zip")
        run.folder.mkdir()
        shutil.copy2(embedding / "network.zarr.zip", run.folder)
        run.start(*options)
        run.wait_for((run.folder / ".checkpoints/embedding.checkpoint").exists)
        return run

    return start


def assert_went_on(run, embedding):
    run.assert_succeeds()
    assert "goes on from its checkpoint" in (run.folder / "logs/embedding.log").read_text()
    assert run.store.read_bytes() == (embedding / "embedding.zarr.zip").read_bytes()


def test_a_cancelled_stage_goes_on(slurm, embedded, embedding):
    run = embedded()
    worker, job = slurm.worker(), run.running("embedding")
    worker.suspend()  # until Slurm wakes it up to end it
    slurm.ask("scancel", job)
    worker.wait(60)
    assert "nothing is lost" in (run.folder / "logs/embedding.log").read_text()
    assert_went_on(run, embedding)


@pytest.mark.slow
def test_a_stage_past_its_time_limit_goes_on(slurm, embedded, embedding):
    run = embedded("--set-resources", "embedding:runtime=attempt")
    worker = slurm.worker()
    worker.suspend()  # until Slurm wakes it up to end it
    worker.wait(150)
    assert "nothing is lost" in (run.folder / "logs/embedding.log").read_text()
    assert_went_on(run, embedding)
    states = [job[1::2] for job in slurm.jobs("embedding")[-2:]]
    assert states == [["TIMEOUT", "1:00"], ["COMPLETED", "2:00"]]


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_run_that_was_ended_goes_on(slurm, embedded, embedding, number):
    run = embedded()
    orphan = slurm.worker()
    orphan.suspend()  # until Slurm wakes it up to end it
    run.main.send_signal(number)
    run.main.wait(60)
    run.start()
    orphan.wait(60)
    assert_went_on(run, embedding)
