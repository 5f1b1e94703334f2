# Measures of everything that ran, and the headline numbers.


# Megabytes: the eigenvalues of a dense matrix take four times its size.
MEMORY_OF_SPECTRUM = (
    4 * 8 * (STUDY.clock.neurons_e + STUDY.clock.neurons_i) ** 2 // 10**6
    if STUDY.clock.learns
    else 0
)
RANGES = STUDY.ranges(file_digest(STUDY.song) if STUDY.song else "made-up")


rule analysis:
    input:
        **(
            {"network": store("network"), "consolidation": store("consolidation")}
            if STUDY.clock.learns
            else {}
        ),
        **({"embedding": store("embedding")} if STUDY.moments.embedding else {}),
        **({"driven": store("driven")} if STUDY.stability.driver else {}),
        **{f"readout_{name}": store(f"readout_{name}") for name in STUDY.moments.readouts},
        **{f"replay_{name}": store(f"replay_{name}") for name in STUDY.targets},
        replay=store("replay_clock"),
    output:
        store("analysis"),
    log:
        log_of("analysis"),
    benchmark:
        benchmark_of("analysis")
    resources:
        mem_mb=growing(1000 + MEMORY_OF_SPECTRUM),
    params:
        parameters={
            "dt": STUDY.dt,
            "targets": list(STUDY.targets),
            "burn_in": STUDY.readout.burn_in,
            "courses": STUDY.courses(),
            "learned": STUDY.moments.readouts,
            "ids": STUDY.clock_summary_ids(),
        },
        seed=STUDY.seed,
        code=code("analysis.py"),
    script:
        "../scripts/analysis.py"


rule summary:
    input:
        **({"analysis": store("analysis")} if "clock" in STUDY.methods else {}),
        **(
            {f"sound_{name}": store(f"sound_{name}") for name in STUDY.songs}
            if "clock" in STUDY.methods
            else {}
        ),
        **({"rls_analysis": store("rls_analysis")} if EXPERIMENTS else {}),
        **{f"sweep_{name}": store(f"sweeps/{name}") for name in SWEEPS},
    output:
        f"{FOLDER}/summary.json",
    log:
        log_of("summary"),
    benchmark:
        benchmark_of("summary")
    group:
        "report"
    resources:
        runtime=growing(30),
    params:
        parameters={"expected": {name: known.model_dump() for name, known in RANGES.items()}},
        seed=STUDY.seed,
        code=code("summary.py"),
    script:
        "../scripts/summary.py"
