# One page with everything, for a desk and for a phone.

# What `make benchmark` measured on this machine, if it did.
BENCHMARK = Path("results/benchmarks/clock.json")


def taken_over():
    """Sentences on what was not computed here but kept by earlier runs."""
    sentences = []
    if KEPT_TRAINING:
        sentences.append(f"The clock's training was not run here but taken from {KEPT}.")
    for name, points in POINTS.items():
        if number := len(kept_points(name)):
            sentences.append(
                f"Sweep {name}: {number} of {len(points)} points were not computed here but taken "
                f"from {KEPT}."
            )
    return sentences


rule report:
    input:
        summary=f"{FOLDER}/summary.json",
        figures=figures(),
        sounds=SOUNDS,
        captions=sorted(
            map(os.path.relpath, (Path(workflow.basedir) / "workflow/report").glob("*.rst"))
        ),
        template=os.path.relpath(Path(workflow.basedir) / "simcore/report.html.jinja"),
        benchmark=[str(BENCHMARK)] if BENCHMARK.is_file() else [],
        targets=[store(f"target_{name}") for name in STUDY.targets if "clock" in STUDY.methods],
    output:
        report(
            f"{FOLDER}/report.html",
            category="Summary",
            labels={"page": "all on one page"} | NAMED,
        ),
        contents=f"{FOLDER}/report.json",
    log:
        log_of("report"),
    benchmark:
        benchmark_of("report")
    group:
        "report"
    resources:
        runtime=growing(30),
    params:
        study=STUDY.study,
        about=STUDY.about,
        taken_over=taken_over(),
        data=data_behind_figures(),
        seed=STUDY.seed,
        durations=(
            {"embedding": STUDY.clock.embedding, "consolidation": STUDY.clock.consolidation}
            if STUDY.clock.learns and "clock" in STUDY.methods
            else {}
        ),
        experiments={name: experiment.about for name, experiment in EXPERIMENTS.items()},
        sweeps={name: sweep.about for name, sweep in SWEEPS.items()},
        comparisons={name: comparison.about for name, comparison in COMPARISONS.items()},
        code=code("report.py"),
    script:
        "../scripts/report.py"
