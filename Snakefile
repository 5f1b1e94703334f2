include: "workflow/rules/common.smk"
include: "workflow/rules/process.smk"
include: "workflow/rules/clock.smk"
include: "workflow/rules/readout.smk"
include: "workflow/rules/rls.smk"
include: "workflow/rules/sweeps.smk"
include: "workflow/rules/analysis.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/estimate.smk"


rule all:
    default_target: True
    input:
        f"{FOLDER}/summary.json",
        f"{FOLDER}/report.html",
        figures(),
