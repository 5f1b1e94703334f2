# Pictures, drawn from stores only; each as PNG (in both reports) and PDF.

# Stores that each figure of the clock needs.
CLOCK_FIGURES = (
    (
        {
            "weights": ["network", "consolidation"],
            "time_course": ["embedding", "consolidation"],
            "spectrum": ["analysis"],
            "linear_model": ["consolidation", "analysis"],
        }
        if STUDY.clock.learns
        else {}
    )
    | ({"stability": ["consolidation", "driven"]} if STUDY.stability.driver else {})
    | {"replay_raster": ["replay_clock"], "periods": ["analysis"]}
)
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
    group:
        "report"
    resources:
        runtime=growing(30),
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
    group:
        "report"
    resources:
        runtime=growing(30),
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


def rls_figures_of(experiment):
    """Stores that each figure of an experiment needs."""
    figures = {
        "targets_and_drive": ["replay"],
        "learning": ["training", "replay"],
        "raster": ["replay"],
    }
    if experiment.training.what == "rate":
        figures["rates"] = ["replay"]
    if experiment.target.patterns > 1:
        figures["patterns"] = ["replay"]
    if experiment.network.initial == "balanced":
        figures["dale"] = ["training", "replay", "analysis"]
    if experiment.series is not None:
        figures["series"] = ["replay"]
    if experiment.test.damage:
        figures["damage"] = ["replay"]
    return figures


RLS_FIGURES = {name: rls_figures_of(experiment) for name, experiment in EXPERIMENTS.items()}

# A rule for each experiment, for each has figures of its own.
for EXPERIMENT, FIGURES in RLS_FIGURES.items():

    rule:
        name:
            f"rls_figures_{EXPERIMENT}"
        input:
            **({"analysis": store("rls_analysis")} if "dale" in FIGURES else {}),
            training=store(f"rls_training_{EXPERIMENT}"),
            replay=store(f"rls_replay_{EXPERIMENT}"),
        output:
            **{
                figure: report(
                    f"{FOLDER}/figures/rls_{EXPERIMENT}_{figure}.png",
                    caption=f"../report/rls_{figure}.rst",
                    category="Recursive least squares",
                    labels={"experiment": EXPERIMENT, "figure": figure.replace("_", " ")},
                )
                for figure in FIGURES
            },
        log:
            log_of(f"rls_figures_{EXPERIMENT}"),
        benchmark:
            benchmark_of(f"rls_figures_{EXPERIMENT}")
        group:
            "report"
        resources:
            runtime=growing(30),
        params:
            stores=FIGURES,
            code=code("rls_figures.py"),
        script:
            "../scripts/rls_figures.py"


def figures():
    """All PNG files of the study, in the order of the report."""
    clock = CLOCK_FIGURES if "clock" in STUDY.methods else []
    of_targets = [
        f"{target}_{name}"
        for target in STUDY.targets
        for name in TARGET_FIGURES
        if "clock" in STUDY.methods
    ]
    of_experiments = [
        f"rls_{name}_{figure}" for name in RLS_FIGURES for figure in RLS_FIGURES[name]
    ]
    of_sweeps = [f"sweep_{name}" for name in SWEEPS]
    of_sweeps += [f"comparison_{name}" for name in COMPARISONS]
    names = [*clock, *of_targets, *of_experiments, *of_sweeps]
    return [f"{FOLDER}/figures/{name}.png" for name in names]
