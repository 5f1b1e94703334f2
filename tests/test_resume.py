"""Runs that are stopped or killed go on from their checkpoint and end with the same bytes."""

import os
import shutil
import signal
import subprocess
import time

import psutil
import pytest
import studies
from studies import ROOT, TINY, assert_fails, merged, run

STUDY = merged(
    TINY,
    {
        "study": "resume",
        "clock": {"embedding": "4 min"},
        "targets": {"abc": {"kind": "symbols", "sequence": "ABC", "length": 60}},
        "readout": {"learning_block": "20 s", "learning_min": "1 min", "learning_max": "1 min"},
        "replay": {"duration": "1 min"},
        "run": {"checkpoint_every": "100 ms", "progress_every": "100 ms"},
    },
)
# Of a hard-wired clock, which needs no embedding.
WIRED = STUDY | {"study": "wired", "clock": studies.HARD_WIRED["clock"]}
PATIENCE = 60.0  # s
SECONDS_TO_END = 10.0


def finished(folder, study, *stages):
    """Run some stages without a break; returns the study's folder."""
    folder.mkdir()
    stores = [folder / study["study"] / f"{stage}.zarr.zip" for stage in stages]
    done = run(studies.write(folder, study), *stores)
    assert done.returncode == 0, done.text
    return folder / study["study"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Folders of two studies that ran without a break, by the name of the study."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    return {
        "resume": finished(folder / "a", STUDY, "embedding"),
        "wired": finished(folder / "b", WIRED, "replay_abc"),
    }


class Interrupted:
    """A run that is at work on one stage and has written a checkpoint of it."""

    def __init__(self, uninterrupted, tmp_path, study, stage, start=None):
        reference = uninterrupted[study["study"]]
        self.stage, self.reference = stage, reference / f"{stage}.zarr.zip"
        self.folder = tmp_path / study["study"]
        self.folder.mkdir()
        for path in sorted(reference.glob("*.zarr.zip"), key=lambda path: path.stat().st_mtime_ns):
            if path != self.reference:
                shutil.copy2(path, self.folder)
        self.file = studies.write(tmp_path, study)
        self.store = self.folder / self.reference.name
        self.checkpoint = self.folder / ".checkpoints" / f"{stage}.checkpoint"
        self.output = tmp_path / "output.txt"
        self.start(start or studies.command(self.file, self.store))

    def start(self, command):
        """Start in a process group of its own, as a terminal does; wait for a checkpoint."""
        with open(self.output, "w") as output:
            self.main = subprocess.Popen(
                command,
                cwd=ROOT,
                env=studies.environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE
        while not self.checkpoint.exists():
            assert self.main.poll() is None and time.monotonic() < deadline, self.printed
            time.sleep(0.02)
        self.processes = psutil.Process(self.main.pid).children(recursive=True)
        (self.worker,) = [p for p in self.processes if ".snakemake/scripts/" in p.cmdline()[-1]]

    @property
    def printed(self):
        return self.output.read_text()

    def assert_ends(self):
        """All processes end within seconds, and what is left is a checkpoint, no store."""
        begun = time.monotonic()
        self.main.wait(SECONDS_TO_END)
        _, alive = psutil.wait_procs(self.processes, SECONDS_TO_END - (time.monotonic() - begun))
        assert not alive
        assert self.main.returncode != 0
        assert self.checkpoint.exists() and not self.store.exists()
        assert "Traceback" not in self.printed

    def assert_goes_on(self):
        """The same command goes on from the checkpoint and ends with the same bytes."""
        done = run(self.file, self.store)
        assert done.returncode == 0, done.text
        assert "goes on from its checkpoint" in done.text
        log = (self.folder / "logs" / f"{self.stage}.log").read_text()
        assert "goes on from its checkpoint" in log
        assert self.store.read_bytes() == self.reference.read_bytes()
        assert not self.checkpoint.exists()


@pytest.fixture
def interrupted(uninterrupted, tmp_path):
    """Start a run of one stage and wait for its checkpoint; what is left of it ends here."""
    runs = []

    def start(study, stage, **options):
        runs.append(Interrupted(uninterrupted, tmp_path, study, stage, **options))
        return runs[-1]

    yield start
    for one in runs:
        for process in [one.main, *one.processes]:
            try:
                process.kill()
            except psutil.Error:
                pass
        one.main.wait()


STOPS = {
    "Ctrl-C": lambda this: os.killpg(this.main.pid, signal.SIGINT),
    "SIGTERM": lambda this: this.main.terminate(),
    "worker killed": lambda this: this.worker.kill(),
    "main killed": lambda this: this.main.kill(),
    "all killed": lambda this: os.killpg(this.main.pid, signal.SIGKILL),
}


# tests/test_faults.py kills single processes, too.
ALONE = ("worker killed", "main killed")


@pytest.mark.parametrize(
    "stop", [pytest.param(s, marks=pytest.mark.slow) if s in ALONE else s for s in STOPS]
)
def test_an_embedding_goes_on(interrupted, stop):
    this = interrupted(STUDY, "embedding")
    STOPS[stop](this)
    this.assert_ends()
    if stop in ("Ctrl-C", "SIGTERM"):
        assert "nothing is lost" in this.printed
    this.assert_goes_on()


@pytest.mark.parametrize(
    ("stage", "stop"), [("readout_abc", "Ctrl-C"), ("replay_abc", "all killed")]
)
def test_learning_and_replay_go_on(interrupted, stage, stop):
    this = interrupted(WIRED, stage)
    STOPS[stop](this)
    this.assert_ends()
    this.assert_goes_on()


def test_make_passes_a_stop_on(interrupted, tmp_path):
    if shutil.which("make") is None:
        pytest.skip("make is missing")
    # No setup (-o): this environment is to be used as it is.
    file, store = tmp_path / "resume.yaml", tmp_path / "resume" / "embedding.zarr.zip"
    command = ["make", "run", "-o", "setup", "CORES=2", f"CONFIG={file}", f"ARGS=-- {store}"]
    this = interrupted(STUDY, "embedding", start=command)
    this.main.terminate()
    this.assert_ends()
    this.assert_goes_on()


def test_a_checkpoint_that_cannot_be_used(interrupted, tmp_path):
    this = interrupted(STUDY, "embedding")
    this.worker.suspend()  # or it might have finished before the second run is refused
    assert_fails(run(this.file, this.store), "Another run is at work", str(this.folder))
    this.worker.resume()
    os.killpg(this.main.pid, signal.SIGINT)
    this.assert_ends()

    content = this.checkpoint.read_bytes()
    middle = len(content) // 2
    this.checkpoint.write_bytes(
        content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    )
    assert_fails(run(this.file, this.store), "embedding.checkpoint is damaged", "delete it")

    # One of other parameters is of no use.
    this.checkpoint.write_bytes(content)
    other = merged(STUDY, {"clock": {"embedding": "1 s"}})
    done = run(studies.write(tmp_path, other), this.store)
    assert done.returncode == 0, done.text
    assert "goes on from its checkpoint" not in done.text
