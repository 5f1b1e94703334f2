# Pictures, drawn from stores only; each as PNG (in both reports) and PDF.

# Stores that each figure of the clock needs.
CLOCK_FIGURES = (
    {
        "weights": ["network", "consolidation"],
        "time_course": ["embedding", "consolidation"],
        "spectrum": ["analysis"],
    }
    if STUDY.clock.learns
    else {}
) | {"replay_raster": ["replay_clock"], "periods": ["analysis"]}
TARGET_FIGURES = ["replay_raster", "target_and_replay", "readout_weights", "learning_curve"]


def figures_of(names, target=None):
    """Where the PNG files of some figures lie, each an item of Snakemake's report."""
    where = f"{target}_" if target else ""
    return {
        name: report(
            f"{FOLDER}/figures/{where}{name}.png",
            caption=f"../report/{name}.rst",
            category="Read-outs" if target else "Clock",
            labels={"figure": name.replace("_", " ")} | ({"target": target} if target else {}),
        )
        for name in names
    }


rule figures_clock:
    input:
        **{
            name: store(name)
            for name in sorted({name for names in CLOCK_FIGURES.values() for name in names})
        },
    output:
        **figures_of(CLOCK_FIGURES),
    log:
        log_of("figures_clock"),
    benchmark:
        benchmark_of("figures_clock")
    params:
        stores=CLOCK_FIGURES,
        code=code("figures.py"),
    script:
        "../scripts/figures.py"


rule figures_target:
    input:
        analysis=store("analysis"),
        readout=store("readout_{target}"),
        replay=store("replay_{target}"),
    output:
        **figures_of(TARGET_FIGURES, "{target}"),
    log:
        log_of("figures_{target}"),
    benchmark:
        benchmark_of("figures_{target}")
    params:
        stores={
            "replay_raster": ["replay"],
            "target_and_replay": ["replay", "analysis"],
            "readout_weights": ["readout"],
            "learning_curve": ["readout"],
        },
        code=code("figures.py"),
    script:
        "../scripts/figures.py"


def figures():
    """All PNG files of the study, in the order of the report."""
    clock = [f"{FOLDER}/figures/{name}.png" for name in CLOCK_FIGURES]
    return clock + [
        f"{FOLDER}/figures/{target}_{name}.png"
        for target in STUDY.targets
        for name in TARGET_FIGURES
    ]
