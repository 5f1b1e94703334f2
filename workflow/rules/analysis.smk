# Measures of everything that ran, and the headline numbers.


rule analysis:
    input:
        **(
            {"network": store("network"), "consolidation": store("consolidation")}
            if STUDY.clock.learns
            else {}
        ),
        **{f"replay_{name}": store(f"replay_{name}") for name in STUDY.targets},
        replay=store("replay_clock"),
    output:
        store("analysis"),
    params:
        parameters={"dt": STUDY.dt, "targets": list(STUDY.targets)},
        seed=STUDY.seed,
        code=code("analysis.py"),
    log:
        log_of("analysis"),
    benchmark:
        benchmark_of("analysis")
    script:
        "../scripts/analysis.py"


rule summary:
    input:
        analysis=store("analysis"),
    output:
        f"{FOLDER}/summary.json",
    params:
        parameters={
            "expected": {name: known.model_dump() for name, known in STUDY.expected.items()}
        },
        seed=STUDY.seed,
        code=code("summary.py"),
    log:
        log_of("summary"),
    benchmark:
        benchmark_of("summary")
    script:
        "../scripts/summary.py"
