# All rules of one study.


include: "common.smk"
include: "clock.smk"
include: "readout.smk"
include: "rls.smk"
include: "sweeps.smk"
include: "analysis.smk"
include: "figures.smk"
include: "report.smk"
include: "estimate.smk"


# What a run makes.
WANTED = [
    f"{FOLDER}/summary.json",
    f"{FOLDER}/report.html",
    f"{FOLDER}/report.json",
    *figures(),
    *SOUNDS,
]
