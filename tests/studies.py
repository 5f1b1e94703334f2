"""Tiny studies, and the workflow run on them as a user runs it."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

from simcore import rls_stages, stores
from simcore.rls_parameters import Experiment

ROOT = Path(__file__).parent.parent

# Every stage, far too short to learn anything.
TINY = {
    "study": "tiny",
    "clock": {
        "clusters": 4,
        "cluster_size": 20,
        "balancing": "1 s",
        "balancing_static": "500 ms",
        "embedding": "10 s",
        "consolidation": "2 s",
    },
    "readout": {
        "learning_block": "1 s",
        "test": "1 s",
        "learning_min": "1 s",
        "learning_max": "2 s",
    },
    "replay": {"duration": "2 s"},
}

TARGETS = {
    "abcba": {"kind": "symbols", "sequence": "ABCBA", "length": 60},
    "song": {"kind": "song", "length": "1 s"},
}
# With targets, and numbers inside and outside of their ranges.
WHOLE = TINY | {
    "about": "A clock that learns hardly anything.",
    "targets": TARGETS,
    "moments": {"embedding": ["1.5 s"], "readouts": {"abcba": "1 s"}},
    "expected": {
        "clock.replay.rate_e": {"low": 0, "high": 1000, "source": "measured"},
        "clock.replay.rate_i": {"low": -2, "high": -1, "source": "measured"},
    },
}

# A clock that needs no training.
HARD_WIRED = TINY | {
    "study": "wired",
    "clock": {"connectivity": "hard-wired", "clusters": 4, "cluster_size": 20},
}


def merged(study, change):
    """Return a study with some keys changed, nested as in the study."""
    new = dict(study)
    for key, value in change.items():
        nested = isinstance(value, dict) and isinstance(new.get(key), dict)
        new[key] = merged(new[key], value) if nested else value
    return new


def write(folder, study):
    """Write a study, with its results beside it; returns its file."""
    file = folder / f"{study['study']}.yaml"
    file.write_text(yaml.safe_dump(study | {"results": str(folder)}))
    return file


def environment():
    """Return the variables of a shell in this environment that these tests have not started."""
    variables = {
        key: value
        for key, value in os.environ.items()
        if key != "NUMBA_CACHE_DIR" and "MAKE" not in key
    }
    return variables | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def command(file, *arguments, cores=2):
    """Return the command that runs the workflow on a study's file."""
    # What follows --configfile would count as another such file.
    options = ["--cores", str(cores), "--configfile", str(file)]
    return [sys.executable, "-m", "snakemake", *map(str, arguments), *options]


def run(file, *arguments, root=ROOT, cores=2, **variables):
    """Run the workflow to its end; the result's ``text`` is all that it printed."""
    done = subprocess.run(
        command(file, *arguments, cores=cores),
        cwd=root,
        env=environment() | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    done.text = done.stdout
    return done


def assert_fails(done, *parts):
    """Assert that a run failed with one sentence that holds these parts, and no traceback."""
    assert done.returncode != 0, done.text
    assert "Traceback" not in done.text, done.text
    sentences = [line for line in done.text.splitlines() if all(part in line for part in parts)]
    assert len(set(sentences)) == 1, done.text


def write_trained(folder, name, seed):
    """Write the stores of an experiment with least squares, as small as can be, as a run does."""
    experiment = {
        "network": {"neurons": 20},
        "target": {"kind": "ou", "duration": 50},
        "training": {"loops": 1},
        "networks": 2,
        "test": {"starts": 2},
    }
    given = {"experiment": Experiment.model_validate(experiment).model_dump(by_alias=True)}
    targets = rls_stages.targets(given, seed)
    trained = rls_stages.training(given, seed, targets)
    tested = rls_stages.replay(given, seed, targets, trained)
    for stage, dataset in (("targets", targets), ("training", trained), ("replay", tested)):
        stores.write(
            dataset,
            folder / f"rls_{stage}_{name}.zarr.zip",
            stage=f"rls_{stage} {name}",
            parameters=given,
            seed=seed,
            code_digest="0" * 64,
            inputs={},
            simulated_ms=0.0,
        )


def planned(file, folder, **options):
    """Return what a run would make, by a dry run: names of files, without figures.

    ``folder`` is the study's folder of results.
    """
    done = run(file, "-n", "--quiet", "host", **options)
    assert done.returncode == 0, done.text
    lines = [line.strip() for line in done.text.splitlines()]
    made = [line.removeprefix("output: ") for line in lines if line.startswith("output: ")]
    paths = [Path(path) for line in made for path in line.split(", ")]
    return {path.name.removesuffix(".zarr.zip") for path in paths if path.parent == folder}
