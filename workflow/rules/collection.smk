# Several studies, each with all its rules under names of their own, and one page for all.

import os
import sys

from simcore.collection import read_collection
from simcore.errors import UserError
from simcore.provenance import remembered_digest

try:
    COLLECTION, STUDIES = read_collection(dict(config), workflow.configfiles[0])
except UserError as error:
    sys.exit(str(error))
FOLDER = f"{COLLECTION.results}/{COLLECTION.study}"
FOLDERS = [FOLDER]
# The runs of each part, one for each seed.
REPLICATES = {
    PART: [NAME for NAME, STUDY in STUDIES.items() if STUDY["_part"]["of"] == PART]
    for PART in COLLECTION.parts
}
# What the rules of each study know: its FOLDER and so on.
PARTS = {}
config["run"] = {"part": ""}

for NAME, STUDY in STUDIES.items():
    # Snakemake puts a module's name among the globals.
    MODULE, PREFIX = f"part_{NAME}", f"{NAME}__"

    module:
        name: MODULE
        snakefile:
            "study.smk"
        config:
            STUDY

    use rule * from MODULE as PREFIX*

    PARTS[NAME] = workflow.get_rule(f"{NAME}__summary").module_globals
    FOLDERS.append(PARTS[NAME]["FOLDER"])


OF_PARTS = [file for part in PARTS.values() for file in part["WANTED"]]
WANTED = [f"{FOLDER}/{file}" for file in ("summary.json", "report.html", "report.json")] + OF_PARTS


rule collection:
    input:
        OF_PARTS,
    output:
        summary=f"{FOLDER}/summary.json",
        page=report(
            f"{FOLDER}/report.html",
            category="Summary",
            labels={"page": "all on one page", "study": COLLECTION.study},
        ),
        contents=f"{FOLDER}/report.json",
    log:
        f"{FOLDER}/logs/collection.log",
    benchmark:
        f"{FOLDER}/benchmarks/collection.tsv"
    params:
        study=COLLECTION.study,
        about=COLLECTION.about,
        files={
            name: {
                "study": part["STUDY"].study,
                "summary": f"{part['FOLDER']}/summary.json",
                "contents": f"{part['FOLDER']}/report.json",
            }
            for name, part in PARTS.items()
        },
        replicates=REPLICATES,
        code=remembered_digest(f"{workflow.basedir}/workflow/scripts/collection.py", ".cache/code"),
    script:
        "../scripts/collection.py"


def judge_estimates():
    """After a run, say how far off the estimate of each study was."""
    for part in PARTS.values():
        part["judge_estimate"]()


onsuccess:
    judge_estimates()


onerror:
    judge_estimates()
