"""Estimates of a whole run, corrected by what earlier runs took; the last one is kept and judged.

``estimate.json`` in a study's folder has the jobs that were to be done, with what each was expected
to take, and of all that is done what the model says and what it took. By that the model is
corrected, for each kind of work, in this study and in those beside it.
"""

import csv
import json
import math
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from simcore import stores
from simcore.costs import COEFFICIENTS
from simcore.errors import UserError

START = COEFFICIENTS["start"]
# CPU seconds of evidence that the model itself counts for, beside what was measured.
TRUST = 5.0


@dataclass(frozen=True)
class Job:
    """A job of Snakemake.

    Attributes
    ----------
    name : str
        Of its log and its benchmark.
    group : str
        Its rule, or what many rules are together.
    pieces : tuple of tuple (str, simcore.costs.Cost)
        Its work; a step of a sweep has its key, all else an empty one.
    to_do : bool
    needs : tuple of str
        Names of the jobs that come before it.
    digest : str
        By which a sweep's job has written what its steps cost.
    """

    name: str
    group: str
    pieces: tuple
    to_do: bool
    needs: tuple = ()
    digest: str = ""

    @property
    def modelled(self):
        """CPU seconds of its work."""
        return sum(cost.cpu_seconds for _, cost in self.pieces)

    @property
    def memory_mb(self):
        """Its peak."""
        return START["memory_mb"] + max((cost.memory_mb for _, cost in self.pieces), default=0)

    @property
    def disk_mb(self):
        """Of what it writes."""
        return sum(cost.disk_mb for _, cost in self.pieces)


class Records:
    """What the jobs of a study took.

    Parameters
    ----------
    folder : path-like
        Of the study's results; other studies lie beside it.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.ledger = _read(self.file) or {"jobs": {}, "done": {}, "kinds": {}}
        files = (self.folder / "sweeps/costs").glob("*.json")
        self.made = {file.stem: _seconds(_read(file) or {}) for file in files}
        self.steps = {key: cost for made in self.made.values() for key, cost in made.items()}
        beside = self.folder.parent.glob(f"*/{self.file.name}")
        self.others = [(_read(file) or {}).get("kinds", {}) for file in beside if file != self.file]

    @property
    def file(self):
        """Where the last estimate lies."""
        return self.folder / "estimate.json"

    def taken(self, job):
        """CPU seconds, without compiling, and memory (MB) of a job when it last ran, or None."""
        try:
            lines = self._file(job, "benchmarks", "tsv").read_text().splitlines()
            (row,) = csv.DictReader(lines, delimiter="\t")
            seconds, memory = float(row["cpu_time"]), float(row["max_rss"])
        except (OSError, ValueError, KeyError, TypeError):  # the run ended while it was written
            return None
        log = self._file(job, "logs", "log")
        said = log.read_text(errors="replace") if log.exists() else ""
        compiling = sum(map(float, re.findall(r"Compiled the kernels in (\d+) CPU seconds", said)))
        made = self.made.get(job.digest)
        # Exact, while Snakemake may miss a job's last second.
        least = START["cpu_seconds"] + sum(made.values()) if made else 0
        return max(seconds - compiling, least), memory

    def _file(self, job, kind, ending):
        return self.folder / kind / f"{job.name}.{ending}"

    def take_up(self, jobs):
        """Put what the jobs took that are done into the ledger, and the sums by kind of work."""
        done = self.ledger["done"]
        for job in jobs:
            record = None if job.to_do else self.taken(job)
            if record is not None:
                done[job.name] = self._entry(job, *record)
        kinds = self.ledger["kinds"] = {}
        for entry in done.values():
            for kind, sums in entry["kinds"].items():
                _add(kinds, kind, **sums)

    def _entry(self, job, taken, memory):
        """What the ledger says of a job that is done; its time by kind of work as well."""
        made = self.made.get(job.digest, {})
        # What a sweep's job has not made itself lay there before.
        pieces = [(key, cost) for key, cost in job.pieces if not key or key in made]
        others = sum(cost.cpu_seconds for key, cost in pieces if not key)
        rest = max(taken - START["cpu_seconds"] - sum(made.values()), 0)
        kinds = {}
        for key, cost in pieces:
            part = made[key] if key else rest * cost.cpu_seconds / others if others else 0
            _add(kinds, cost.kind, cost.cpu_seconds, part)
        modelled = sum(cost.cpu_seconds for _, cost in pieces)
        return {"modelled": modelled, "taken": taken, "memory_mb": memory, "kinds": kinds}

    def factor(self, kind):
        """By how much the model must be multiplied for a kind of work."""
        known = [ledger[kind] for ledger in [self.ledger["kinds"]] if kind in ledger]
        known = known or [ledger[kind] for ledger in self.others if kind in ledger]
        modelled, taken = (sum(one[name] for one in known) for name in ("modelled", "taken"))
        return (taken + TRUST) / (modelled + TRUST)

    def expected(self, job):
        """CPU seconds that a job will take: as before, if it ran; else the model, corrected."""
        if before := self.ledger["done"].get(job.name):
            times = job.modelled / before["modelled"] if before["modelled"] else 1
            return before["taken"] + (times - 1) * max(before["taken"] - START["cpu_seconds"], 0)
        return START["cpu_seconds"] + sum(self.expected_of(*piece) for piece in job.pieces)

    def expected_of(self, key, cost):
        """CPU seconds that a piece of work will take."""
        return self.steps.get(key, cost.cpu_seconds * self.factor(cost.kind))

    def memory_of(self, job):
        """Peak memory of a job (MB): as before, if it did the same; else the model."""
        before = self.ledger["done"].get(job.name)
        same = before and before["modelled"] == job.modelled
        return before["memory_mb"] if same else job.memory_mb

    def judgement(self, jobs):
        """How far off the last estimate was for the jobs done since, in a sentence, or None."""
        expected = taken = count = 0
        for job in jobs:
            record = None if job.to_do else self.taken(job)
            if record is None or job.name not in self.ledger["jobs"]:
                continue
            if self._file(job, "benchmarks", "tsv").stat().st_mtime > self.ledger["made"]:
                expected += self.ledger["jobs"][job.name]
                taken += record[0]
                count += 1
        if not taken:
            return None
        off = expected / taken - 1
        return (
            f"The last estimate was {abs(off):.0%} too {'high' if off > 0 else 'low'} for the "
            f"{count} jobs done since: {in_words(expected)} of CPU time expected, "
            f"{in_words(taken)} taken."
        )


def _read(file):
    """What a file of JSON holds; None if it is not there or unreadable."""
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        return None


def _seconds(made):
    """CPU seconds of the steps that a job has made, by key."""
    return {key: step["cpu_seconds"] for key, step in made.items()}


def _add(kinds, kind, modelled, taken):
    sums = kinds.setdefault(kind, {"modelled": 0.0, "taken": 0.0})
    sums["modelled"] += modelled
    sums["taken"] += taken


def in_words(seconds):
    """A time for people."""
    for unit, length, below in (("s", 1, 60), ("min", 60, 3600)):
        if seconds < below:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds / 3600:.3g} h"


def longest_chain(jobs, seconds):
    """Seconds of the longest chain of jobs that must follow each other."""
    ends, by_name = {}, {job.name: job for job in jobs}

    def end(name):
        if name not in ends:
            before = [end(other) for other in by_name[name].needs if other in by_name]
            ends[name] = max(before, default=0) + seconds[name]
        return ends[name]

    return max(map(end, by_name), default=0)


def suggested_batch(seconds, wanted):
    """Points of one job for it to take some seconds on average, by the seconds of all points."""
    mean = sum(seconds) / len(seconds)
    return max(min(math.ceil(wanted / mean), len(seconds)), 1) if mean else len(seconds)


def advice(points, batch, wanted):
    """Lines on how many points should be one job, for sweeps with the seconds of their points."""
    everything = [seconds for sweep in points.values() for seconds in sweep]
    best = suggested_batch(everything, wanted)
    lines = [
        f"sweep {name}: {len(s)} points of {in_words(sum(s) / len(s))}"
        for name, s in points.items()
    ]
    return [
        *lines,
        f"sweeps.batch: {best} makes jobs of {in_words(wanted)} on average (now {batch}).",
    ]


def estimate(jobs, records, compiling, cores):
    """Return the estimate of what is to be done, and write it into the study's folder.

    Parameters
    ----------
    jobs : list of Job
        Those that are done as well.
    records : Records
    compiling : float
        CPU seconds of kernels that are not compiled yet.
    cores : int

    Returns
    -------
    rows : list of tuple
        By rule: name, number of jobs, CPU seconds, peak memory (MB), disk (MB); the last one holds
        the totals.
    wall : float
        Seconds with so many cores.
    """
    records.take_up(jobs)
    to_do = [job for job in jobs if job.to_do]
    seconds = {job.name: records.expected(job) for job in to_do}
    rows = []
    for group in dict.fromkeys(job.group for job in to_do):
        rows.append(_row(group, [job for job in to_do if job.group == group], seconds, records))
    if compiling and to_do:
        rows.append(("compiling kernels", 0, compiling, 0.0, 0.0))
    _, counts, cpu, memory, disk = zip(*rows, strict=True) if rows else [(0,)] * 5
    rows.append(("all", sum(counts), sum(cpu), max(memory), sum(disk)))
    wall = max(sum(cpu) / cores, longest_chain(to_do, seconds))
    if to_do:
        records.ledger["jobs"] = seconds
        records.ledger["made"] = time.time()
    write(records)
    return rows, wall


def _row(group, jobs, seconds, records):
    cpu = sum(seconds[job.name] for job in jobs)
    memory, disk = (max(map(records.memory_of, jobs)), sum(job.disk_mb for job in jobs))
    return group, len(jobs), cpu, memory, disk


def write(records):
    """Write the ledger; a run does not fail because that fails."""
    try:
        records.folder.mkdir(parents=True, exist_ok=True)
        stores.write_json(records.file, records.ledger)
    except (OSError, UserError) as error:
        print(f"The estimate could not be kept: {error}", file=sys.stderr)


def table(rows):
    """Lines of a table of rows as :func:`estimate` returns them."""
    width = max(len(row[0]) for row in rows)
    lines = [f"{'rule':{width}}  jobs   CPU time  peak MB of a job   disk MB"]
    for name, count, cpu, memory, disk in rows:
        lines.append(f"{name:{width}} {count:5} {in_words(cpu):>10} {memory:17.0f} {disk:9.1f}")
    return lines
