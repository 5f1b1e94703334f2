# One page with everything, for a desk and for a phone.

# What `make benchmark` measured on this machine, if it did.
BENCHMARK = Path("results/benchmarks/clock.json")
# Snakemake's report has it, but of a collection the page with all parts only.
PAGE = f"{FOLDER}/report.html"


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
        trained=store("consolidation") if TRAINING else [],
        sweeps=[store(f"sweeps/{name}") for name in SWEEPS],
        targets=[store(f"target_{name}") for name in STUDY.targets if "clock" in STUDY.methods],
    output:
        (
            PAGE
            if PART["name"]
            else report(PAGE, category="Summary", labels={"page": "all on one page"} | NAMED)
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
        figures=shown_figures(),
        # What was learned from files of the user, who may not own them.
        recordings={
            role: [
                name
                for name, target in targets.items()
                if any(target_files(target, STUDY.song).values())
            ]
            for role, targets in (
                ("target", STUDY.targets),
                ("experiment", {name: one.target for name, one in EXPERIMENTS.items()}),
            )
        },
        seed=STUDY.seed,
        durations=(
            {"embedding": STUDY.clock.embedding, "consolidation": STUDY.clock.consolidation}
            if STUDY.clock.learns and "clock" in STUDY.methods
            else {}
        ),
        experiments={
            name: {"about": experiment.about, "known": experiment.known}
            for name, experiment in EXPERIMENTS.items()
        },
        sweeps={
            name: {"about": sweep.about, "caption": CAPTIONS[name]}
            for name, sweep in SWEEPS.items()
        },
        comparisons={name: comparison.about for name, comparison in COMPARISONS.items()},
        code=code("report.py"),
    script:
        "../scripts/report.py"
