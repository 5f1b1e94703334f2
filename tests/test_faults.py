"""Sweeps survive what machines do: kills at any moment, damaged files, full disks, rival runs."""

import fcntl
import itertools
import json
import os
import random
import shutil
import subprocess
import time
from collections import Counter
from contextlib import suppress

import numpy as np
import psutil
import pytest
import studies
from studies import ROOT, TINY, assert_fails, merged, run
from test_sweep_workflow import Sweep

from simcore import stores, sweep_figures, sweep_parameters, sweep_runs, sweeps
from simcore.errors import UserError

SECONDS_TO_END = 20.0  # a script looks whom it has lost once it has imported all

# Two networks trained, each shared by the points of two replays: a second or so for each.
STUDY = merged(
    TINY,
    {
        "study": "swept",
        "methods": ["clock"],
        "clock": {"embedding": "2 min", "consolidation": "1 min"},
        "run": {"checkpoint_every": "200 ms"},
        "sweeps": {
            "run": ["rate"],
            "batch": 2,
            "define": {
                "rate": {
                    "about": "the length of the replay",
                    "axes": {
                        "duration": {"keys": ["replay.duration"], "values": ["1 min", "2 min"]}
                    },
                    "replicates": 2,
                    "measures": ["clock.replay.rate_e", "clock.weights.within"],
                }
            },
        },
    },
)


class Running:
    """A sweep whose processes are killed and started again, with what must hold at any moment."""

    def __init__(self, folder):
        folder.mkdir()
        self.sweep, self.file = Sweep(folder, STUDY), studies.write(folder, STUDY)
        self.output = folder / "output.txt"
        self.points, self.seen = {}, set()

    def start(self):
        with open(self.output, "a") as output:
            self.main = psutil.Popen(
                studies.command(self.file, self.sweep.gathered),
                cwd=ROOT,
                env=studies.environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.seen.add(self.main)

    def processes(self):
        """All processes below the main one."""
        found = self.main.children(recursive=True)
        self.seen.update(found)
        return found

    def look(self):
        """No store is half there; no finished point is gone or was made again."""
        for path in self.sweep.folder.rglob("*.zarr.zip"):
            try:
                stores.read(path)
            except UserError as error:
                assert "does not exist" in str(error)  # removed just now
        now = {p: t for p, t in self.sweep.stores().items() if p.parent.name == "points"}
        assert {path: now.get(path) for path in self.points} == self.points
        self.points = now

    def assert_complete(self, expected):
        """All is there, the same bytes, nothing else; all processes have ended."""
        self.look()
        assert_end(self.seen)
        assert contents(self.sweep) == expected
        printed = self.output.read_text()
        assert "Traceback" not in printed and "LockException" not in printed, printed

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.seen:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def assert_end(processes):
    """They end by themselves within seconds."""
    _, alive = psutil.wait_procs(processes, timeout=SECONDS_TO_END)
    assert not alive


def scripts(processes):
    """Process to rule, of those that run a rule's script."""
    found = {}
    for process in processes:
        with suppress(psutil.Error):  # it has just ended
            command = process.cmdline()
            if command and "-c" not in command and ".snakemake/scripts/" in command[-1]:
                found[process] = command[-1].split(".")[-2]
    return found


def contents(sweep):
    """Name to bytes of all files of a sweep, only the name of its markers; no CPU seconds, nor
    datasets that were set aside.
    """
    folder = sweep.folder / "swept" / "sweeps"
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.suffix == ".zip" else b""
        for path in folder.rglob("*")
        if path.is_file()
        and path.parent.name != "costs"
        and not path.name.endswith("_before.zarr.zip")
        and not path.name.endswith(".checkpoint.lock")  # stays, and is tiny
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The finished sweep that nothing disturbed, with the ``seconds`` it took."""
    sweep = Sweep(tmp_path_factory.mktemp("undisturbed"), STUDY)
    begun = time.monotonic()
    sweep.run()
    sweep.seconds = time.monotonic() - begun
    return sweep


@pytest.fixture
def copied(undisturbed, tmp_path):
    """The finished sweep in a folder of its own."""
    shutil.copytree(undisturbed.folder / "swept", tmp_path / "swept")
    return Sweep(tmp_path, STUDY)


@pytest.fixture
def clone(tmp_path):
    """Another folder of the same project."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in ("Snakefile", "config", "profiles", "workflow", ".cache"):
        (folder / name).symlink_to(ROOT / name)
    return folder


# ------------------------------------------------------------------------------ kill -9 anywhere


VICTIMS = ("main", "worker", "all")


def kill_something(running, dice, victim):
    """Kill the main process, a worker as soon as there is one, or all; returns the rule at work."""
    processes = running.processes()
    while not (at_work := scripts(processes)) and victim == "worker":
        time.sleep(0.05)
        processes = running.processes()
    worker, rule = dice.choice(list(at_work.items())) if at_work else (None, "no job")
    chosen = {"main": [running.main], "all": [running.main, *processes], "worker": [worker]}
    for process in chosen[victim]:
        process.kill()
    running.look()
    if victim != "worker" and dice.random() < 0.5:  # or the next run meets them
        assert_end(processes)
    return rule


@pytest.mark.parametrize("kills", [4, pytest.param(25, marks=pytest.mark.slow)])
def test_kills_at_random_moments_lose_nothing(undisturbed, tmp_path, kills):
    seed = int(os.environ.get("FAULTS_SEED", random.randrange(10**6)))
    print(f"FAULTS_SEED={seed} draws these moments again")
    dice, fell, begun, rounds = random.Random(seed), Counter(), time.monotonic(), 0
    victims = itertools.cycle(dice.sample(VICTIMS, 3))
    victim = next(victims)
    while fell.total() < kills:
        rounds += 1
        with Running(tmp_path / str(rounds)) as running:
            complete = False
            while not complete:
                running.start()
                while running.main.poll() is None and fell.total() < kills:
                    try:
                        running.main.wait(dice.uniform(0, undisturbed.seconds / 3))
                    except psutil.TimeoutExpired:
                        with suppress(psutil.NoSuchProcess):  # it has ended at that moment
                            fell[victim, kill_something(running, dice, victim)] += 1
                            victim = next(victims)
                complete = running.main.wait() == 0
            running.assert_complete(contents(undisturbed))
    print(f"{rounds} sweeps, {time.monotonic() - begun:.0f} s; killed: {dict(fell)}")


# ------------------------------------------------------------------------------------ rival runs


def test_two_runs_and_an_orphan_do_each_other_no_harm(undisturbed, tmp_path, clone):
    with Running(tmp_path / "first") as running:
        running.start()
        while not (workers := scripts(running.processes())):
            assert running.main.poll() is None, running.output.read_text()
            time.sleep(0.05)
        for worker in workers:
            worker.suspend()  # or it might have ended before the second run is refused
        folder = running.sweep.folder / "swept"
        refused = "Another run is at work", str(folder)
        for root in (ROOT, clone):
            assert_fails(run(running.file, running.sweep.gathered, root=root), *refused)

        running.main.kill()
        running.main.wait()
        running.start()
        time.sleep(1)
        for worker in workers:
            worker.resume()
        assert_end(workers)
        assert running.main.wait() == 0, running.output.read_text()
        running.assert_complete(contents(undisturbed))


def test_a_refused_run_removes_nothing(copied, clone):
    """The larger sweep needs another dataset; the one that is there may just be read."""
    larger = merged(STUDY, {"sweeps": {"define": {"rate": {"replicates": 3}}}})
    before = contents(copied)
    with open(copied.folder / "swept" / ".lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run(studies.write(copied.folder, larger), copied.gathered, root=clone)
    assert_fails(done, "Another run is at work", str(copied.folder))
    assert contents(copied) == before


def test_a_point_of_two_sweeps_is_made_once(copied):
    define = {
        name: STUDY["sweeps"]["define"]["rate"]
        | {"axes": {"duration": {"keys": ["replay.duration"], "values": values}}}
        for name, values in {"rate": ["10 s", "20 s"], "longer": ["20 s", "30 s"]}.items()
    }
    study = merged(STUDY, {"sweeps": {"run": ["rate", "longer"], "define": define}})
    longer = copied.gathered.with_name("longer.zarr.zip")
    shutil.rmtree(copied.folder / "swept" / "sweeps" / ".batches")
    done = run(studies.write(copied.folder, study), copied.gathered, longer)
    assert done.returncode == 0, done.text
    one, other = stores.read(copied.gathered), stores.read(longer)
    assert one.attrs["missing"] == other.attrs["missing"] == "[]"
    rates = one["clock.replay.rate_e"][1], other["clock.replay.rate_e"][0]
    np.testing.assert_array_equal(*rates)
    markers = (copied.folder / "swept" / "sweeps" / ".batches").rglob("*.json")
    made = Counter(key for path in markers for key in json.loads(path.read_text())["points"])
    assert set(made.values()) == {1} and len(made) == 6


# ------------------------------------------------------------------- damaged files, full disks


@pytest.mark.slow  # tests/test_sweep_runs.py says the same of single runs
def test_a_damaged_step_and_a_foreign_point_are_named_and_made_again(copied, undisturbed):
    seeds = {path: stores.read(path).attrs["seed"] for path in copied.stores()}
    points = [path for path in seeds if path.parent.name == "points"]
    lost, foreign = points[0], next(p for p in points if seeds[p] != seeds[points[0]])
    shutil.copy(lost, foreign)
    lost.unlink()
    (network,) = [
        path
        for path in set(seeds) - set(points)
        if seeds[path] == seeds[lost] and stores.read(path).attrs["stage"].startswith("consol")
    ]
    network.write_bytes(network.read_bytes()[:-1000])

    for faulty in (network, foreign):
        assert_fails(copied.run(succeeds=False), faulty.name, "delete", "run again")
        assert not copied.gathered.exists()
        faulty.unlink()
    copied.run()
    assert contents(copied) == contents(undisturbed)


def test_a_full_disk_is_told_and_the_next_run_goes_on(undisturbed, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    expected = contents(undisturbed)
    room = sum(map(len, expected.values())) // 2
    mount = ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", disk]
    if subprocess.run(mount).returncode != 0:
        pytest.skip("a small disk can only be mounted by root")
    try:
        sweep = Sweep(disk, STUDY)
        file = studies.write(tmp_path, STUDY)
        file.write_text(file.read_text().replace(str(tmp_path), str(disk)))
        done = run(file, sweep.gathered)
        assert done.returncode != 0 and "Traceback" not in done.text, done.text
        told = [line for line in done.text.splitlines() if "the disk is full" in line]
        assert told and all("free some space" in line and str(disk) in line for line in told)
        left = contents(sweep)
        assert all(name.endswith(".checkpoint") or left[name] == expected[name] for name in left)
        assert not sweep.gathered.exists()

        before = sweep.stores()
        subprocess.run(["mount", "-o", f"remount,size={10 * room}", disk], check=True)
        done = run(file, sweep.gathered)
        assert done.returncode == 0, done.text
        assert contents(sweep) == expected
        assert {path: sweep.stores()[path] for path in before} == before
    finally:
        subprocess.run(["umount", disk], check=True)


# -------------------------------------------------------------- networks that die or blow up

# In ms; the read-outs learn for a second.
DEAD = {
    "study": "dead",
    "clock": studies.HARD_WIRED["clock"],
    "readout": TINY["readout"] | {"learning_max": "1 s"},
    "replay": {"duration": 500},
    "targets": {
        "open": {"kind": "symbols", "sequence": "AB"},
        "fixed": {"kind": "symbols", "sequence": "AB", "length": 60},
    },
}


def test_a_silent_network_and_one_that_blows_up_are_recorded(tmp_path):
    names = ["clock.replay.rate_e", "clock.replay.period_mean", "clock.replay.period_sd"]
    names += ["readout.open.error", "readout.fixed.error", "readout.fixed.correlation"]
    keys = ["clock.external.weight_e", "clock.external.weight_i"]
    axes = {"input": {"keys": keys, "values": [[0, 0], [1.6, 1.52], [1e300, 1.52]]}}
    sweep = sweep_parameters.Sweep(about="a test", axes=axes, replicates=1, measures=names)
    codes = dict.fromkeys(("network", "training", "replay", "target", "learn", "measure"), "code")
    points = sweeps.points(sweep, DEAD, codes)
    for point in points:
        sweep_runs.make_point(point, tmp_path, set())
    path = tmp_path / "sweep.zarr.zip"
    keys = [point.key for point in points]
    sweep_runs.gather(sweep, keys, tmp_path, path, name="test", seed=1, code="code")
    dataset = stores.read(path)

    silent, sound, extreme = (dataset.isel(input=n, replicate=0) for n in range(3))
    assert silent["clock.replay.rate_e"] == 0 < sound["clock.replay.rate_e"]
    assert dataset["clock.replay.rate_e"].attrs["units"] == "Hz"
    assert np.isfinite(sound["readout.fixed.error"])  # though the other target has no length
    for name in names[1:-1]:
        assert np.isnan(silent[name])
    assert silent["readout.fixed.correlation"] == 0  # nothing was replayed
    for name in names:
        assert np.isnan(extreme[name])
    for point in (silent, sound):
        assert "has no period" in point["failure"].item()
    assert "of neuron" in extreme["failure"].item()
    assert dataset.attrs["missing"] == "[]"
    sweep_figures.sweep(dataset)
