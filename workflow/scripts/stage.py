"""What all scripts share: log, progress, checkpoints, stopping, and errors told in a sentence."""

import hashlib
import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import psutil

from simcore import stores
from simcore.errors import UserError

# What all stages of one clock have in common.
ALWAYS_SHARED = ("cluster_size", "neuron_e", "neuron_i", "filters")


class Stage:
    """The running of one rule's script, used in a ``with`` statement.

    Sentences go to the terminal and to the rule's log. A UserError ends the script with its
    sentence; so does being asked to end, after a checkpoint. The death of the process that started
    this one is such a request, too.
    """

    def __init__(self, snakemake):
        self.run = snakemake.config["run"]
        self.part = self.run["part"]
        self.rule = snakemake.rule.removeprefix(f"{self.part}__")
        wildcards = snakemake.wildcards
        named = ("target", "experiment", "sweep", "key")
        self.target = next(filter(None, map(wildcards.get, named)), "")
        self.params, self.input, self.output = snakemake.params, snakemake.input, snakemake.output
        self.stop = self.checkpoint = None
        self.log = Path(snakemake.log[0])
        try:
            with stores.writing(self.log):
                self.log.parent.mkdir(parents=True, exist_ok=True)
                self.log.write_bytes(b"")
        except UserError as error:
            sys.exit(f"Error in {self.label}: {error}")

    @property
    def name(self):
        """Rule and target or experiment."""
        return f"{self.rule} {self.target}".strip()

    @property
    def label(self):
        """The same for people, with the study, if it is one of a collection."""
        return f"{self.part} {self.name}".strip()

    def __enter__(self):
        threading.Thread(target=end_with_starter, daemon=True).start()
        return self

    def __exit__(self, kind, error, traceback):
        if self.checkpoint is not None:
            self.checkpoint.close()
        if isinstance(error, UserError):
            self.say(f"Error in {self.label}: {error}")
            sys.exit(1)
        if isinstance(error, MemoryError):
            self.say(f"Error in {self.label}: this machine has too little memory for it.")
            sys.exit(1)

    def say(self, sentence):
        """Print a sentence to the terminal and to the log."""
        with suppress(OSError), open(self.log, "a") as log:  # the disk may be full
            print(sentence, file=log)
        with suppress(OSError):  # the terminal went away with the process that started us
            print(sentence, file=sys.stderr, flush=True)

    def report(self, sentence):
        """Say something about this stage."""
        self.say(f"{self.label}: {sentence}")

    def listen(self):
        """From now on, a request to end waits until the stage looks at ``stop``."""
        if self.stop is None:
            self.stop = StopRequest()

    def read(self, role, stage=None):
        """Read an input store; one of another stage, time step or kind of neuron is refused.

        Parameters
        ----------
        role : str
            Name of the rule's input.
        stage : str, optional
            The stage that must have made it; default: the role.
        """
        mine, shared = self.params["parameters"], {}
        dataset = stores.read(self.input[role], stage=stage or role)
        made_from = json.loads(dataset.attrs["parameters"])
        if "dt" in mine and "dt" in made_from:
            shared["dt"] = mine["dt"]
        if "clock" in mine and "clock" in made_from:
            shared["clock"] = {name: mine["clock"][name] for name in ALWAYS_SHARED}
        stores.check_parameters(dataset, self.input[role], shared)
        return dataset

    def taken_over(self, before):
        """What an earlier run kept of this stage of the training, if it is to be used; else None.

        Parameters
        ----------
        before : xarray.Dataset
            The stage before.
        """
        from simcore import kept

        path = self.run["kept_training"].get(self.rule)
        if path is None:
            return None
        self.report(f"taken from {path}.")
        return kept.training(path, self.rule, before)

    def write(self, dataset):
        """Write this stage's store, the rule's first output."""
        stores.write(
            dataset,
            self.output[0],
            stage=self.rule + (f" {self.target}" if self.target else ""),
            parameters=self.params["parameters"],
            seed=self.params["seed"],
            code_digest=self.params["code"],
            inputs=dict(self.input.items()),
            simulated_ms=dataset.attrs.get("simulated_ms", 0.0),
        )
        self.end_watch()

    def end_watch(self):
        """Remove the checkpoint of a run whose store is written."""
        if self.checkpoint is not None:
            self.checkpoint.remove()

    def watch(self, run, total):
        """Make a long run one that goes on where it was interrupted, reports, and can be stopped.

        Parameters
        ----------
        run : object
            Its ``arrays()`` are what a checkpoint holds, ``restore`` takes them back.
        total : float
            Simulated ms of the whole stage.

        Returns
        -------
        Progress
            To be called with the simulated ms after each chunk.
        """
        self.listen()
        folder = Path(self.output[0]).parent / ".checkpoints"
        name = f"{self.name.replace(' ', '_')}.checkpoint"
        files = {key: stores.file_digest(value) for key, value in self.input.items()}
        key = json.dumps(
            [
                *(self.params.get(name) for name in ("parameters", "seed", "code")),
                self.output[0],
                files,
            ],
            sort_keys=True,
        )
        key = hashlib.sha256(key.encode()).hexdigest()
        self.checkpoint = stores.Checkpoint(folder / name, key, notify=self.say)
        saved = self.checkpoint.load()
        if saved is not None:
            self.report("goes on from its checkpoint.")
            run.restore(saved)
        return Progress(self, total, run)


class Progress:
    """Called with the simulated ms after each chunk of a run."""

    def __init__(self, stage, total, run):
        self.stage, self.total, self.run = stage, total, run
        self.begun = self.reported = self.saved = time.monotonic()
        self.begun_at = None

    def __call__(self, simulated):
        now = time.monotonic()
        if self.begun_at is None:  # not zero if it goes on from a checkpoint
            self.begun, self.begun_at = now, simulated
        every = self.stage.run
        if self.stage.stop:
            self.save()
            raise UserError(
                f"stopped at {simulated / 1e3:.1f} of {self.total / 1e3:g} s simulated, as asked; "
                "nothing is lost: the same command goes on from there."
            )
        if (now - self.saved) * 1e3 >= every["checkpoint_every"]:
            self.save()
            self.saved = time.monotonic()
        if (now - self.reported) * 1e3 >= every["progress_every"]:
            self.reported = now
            self.show(simulated, now)

    def save(self):
        """Replace the checkpoint."""
        self.stage.checkpoint.save(self.run.arrays())

    def show(self, simulated, now):
        """Print simulated time, speed and time left."""
        speed = (simulated - self.begun_at) / 1e3 / max(now - self.begun, 1e-9)
        left = (self.total - simulated) / 1e3 / speed if speed > 0 else float("inf")
        self.stage.report(
            f"{simulated / 1e3:.0f} of {self.total / 1e3:.0f} s simulated "
            f"({simulated / self.total:.0%}), {speed:.1f} times real time, {left:.0f} s left"
        )


class StopRequest:
    """False until this process is asked to end.

    SIGINT (Ctrl-C), SIGTERM and SIGHUP (terminal closed) ask.
    """

    def __init__(self):
        self._asked = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._ask)

    def __bool__(self):
        return self._asked

    def _ask(self, *_):
        self._asked = True


def end_with_starter():
    """Ask this process to end within a second of the death of the Snakemake that started it.

    ``kill -9`` lets that one pass nothing on. A script that does not listen ends at once; one that
    was started by hand has nobody to watch.
    """
    starter = os.environ.get("SNAKEMAKE_PROCESS")  # of workflow/rules/process.smk
    if starter is None:
        return
    lineage = processes_up_to(int(starter))
    while lineage and is_unbroken(lineage):
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def processes_up_to(ancestor):
    """Return this process and those above it up to one of this number: shells lie between.

    Empty if that one is dead already.
    """
    lineage = [psutil.Process()]
    for process in lineage[0].parents():
        lineage.append(process)
        if process.pid == ancestor:
            return lineage
    return []


def is_unbroken(lineage):
    """Tell whether each process is still the child of the next: orphans of a dead one are not."""
    try:
        return all(child.ppid() == parent.pid for child, parent in pairwise(lineage))
    except psutil.NoSuchProcess:
        return False
