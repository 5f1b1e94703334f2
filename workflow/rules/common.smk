# What all rules of a study need.

import os
import sys
from pathlib import Path

from simcore import kept, stage_parameters, targets
from simcore.errors import UserError
from simcore.parameters import EXPERIMENTS_FILE, read_study, target_files
from simcore.provenance import remembered_digest
from simcore.rls_parameters import read_experiments
from simcore.stage_parameters import without
from simcore.stores import SUFFIX, file_digest, hold

# The place of this study in a collection (collection.smk), if it belongs to one.
PART = config.pop("_part", {"name": "", "file": "", "made": []})


def named_experiments():
    """The experiments that a study may name (config/experiments.yaml)."""
    return read_experiments(Path(workflow.basedir) / EXPERIMENTS_FILE)


def check_targets(study):
    """Refuse files of which no target can be made now, not after the training."""
    lengths = [one.length for one in study.targets.values() if one.kind == "song" and one.length]
    for key, file in study.files().items():
        if key == "song":
            duration = study.song_duration or max(lengths, default=None)
            targets.check_recording(file, study.song_start, duration)
        elif key.endswith(".file"):
            targets.read_numbers(file)


def validated(config):
    """The study, or the end with a sentence for each mistake."""
    files = PART["file"] or ", ".join(str(file) for file in workflow.configfiles)
    where = files or "the configuration"
    try:
        study = read_study(dict(config), where, named_experiments())
        if study.kept:
            kept.check_folder(study.kept, where)
        for key, file in study.files().items():
            if file not in PART["made"] and not os.path.exists(file):
                path = Path(file)
                ours = path.parent.parent == Path(study.results)
                mend = f"run study {path.parent.name} first, or " if ours else ""
                raise UserError(f"{where}: {key}: there is no file {file}: {mend}mend the path.")
        if workflow.is_main_process:
            check_targets(study)
    except UserError as error:
        sys.exit(str(error))
    return study


STUDY = validated(config)
config["run"] = STUDY.run.model_dump() | {"part": PART["name"]}
FOLDER = f"{STUDY.results}/{STUDY.study}"
FOLDERS = [FOLDER]
# What all scripts share to read, write, report and stop: no number depends on it, and a mended message
# should not train a network anew.
PLUMBING = ("stage", "kernels")
# Labels in Snakemake's report, where studies of a collection have figures of the same names.
NAMED = {"study": PART["name"]} if PART["name"] else {}
# What earlier runs kept of this study, if it names such a folder.
KEPT = f"{STUDY.kept}/{STUDY.study}" if STUDY.kept else ""
NETWORK = "consolidation" if STUDY.clock.learns else "network"
SCRIPTS = Path(workflow.basedir) / "workflow/scripts"


wildcard_constraints:
    target="|".join(STUDY.targets) or "none",
    experiment="|".join(STUDY.rls.experiments) or "none",


def store(name):
    """Path of a stage's store."""
    return f"{FOLDER}/{name}{SUFFIX}"


def log_of(name):
    """Path of a rule's log."""
    return f"{FOLDER}/logs/{name}.log"


def benchmark_of(name):
    """Path of a rule's benchmark: seconds and memory, as Snakemake measures them."""
    return f"{FOLDER}/benchmarks/{name}.tsv"


def growing(amount):
    """A resource of which each attempt asks for more, since a job that had too little is killed."""
    return lambda wildcards, attempt: attempt * (amount(wildcards) if callable(amount) else amount)


def memory_of(costs):
    """Megabytes that a job asks for which does some pieces of work one after the other."""
    return round(500 + 1.5 * max(cost.memory_mb for cost in costs))


def code(script):
    """Digest of all code that a script uses; a change reruns its rule, a comment does not."""
    return remembered_digest(SCRIPTS / script, ".cache/code", leave_out=PLUMBING)


STAGE_CODES = {
    "network": code("network.py"),
    "training": code("training.py"),
    "replay": code("replay.py"),
    "target": code("target.py"),
    "learn": code("readout.py"),
    "measure": remembered_digest("simcore.point_measures", ".cache/code"),
    "rls_targets": code("rls_targets.py"),
    "rls_training": code("rls_training.py"),
    "rls_replay": code("rls_replay.py"),
}
