# The clock: from an untrained network to one that steps through its clusters.


rule kernels:
    output:
        f"{KERNELS}/compiled.json",
    params:
        code=code("kernels.py"),
    log:
        f"{KERNELS}/compiled.log",
    benchmark:
        f"{KERNELS}/compiled.tsv"
    script:
        "../scripts/kernels.py"


rule network:
    input:
        **({"weights": STUDY.clock.weights} if STUDY.clock.weights else {}),
        kernels=ancient(rules.kernels.output[0]),
    output:
        store("network"),
    params:
        parameters={
            "clock": without(CLOCK, "stimulation", "embedding", "consolidation"),
            "dt": STUDY.dt,
        },
        seed=STUDY.seed,
        code=code("network.py"),
    log:
        log_of("network"),
    benchmark:
        benchmark_of("network")
    script:
        "../scripts/network.py"


rule embedding:
    input:
        network=store("network"),
        kernels=ancient(rules.kernels.output[0]),
    output:
        store("embedding"),
    params:
        parameters={
            "clock": without(
                CLOCK,
                "start_weights",
                "p",
                "p_e_to_e",
                "balancing",
                "balancing_static",
                "consolidation",
            ),
            "dt": STUDY.dt,
        },
        seed=STUDY.seed,
        code=code("training.py"),
    log:
        log_of("embedding"),
    benchmark:
        benchmark_of("embedding")
    script:
        "../scripts/training.py"


rule consolidation:
    input:
        network=store("embedding"),
        kernels=ancient(rules.kernels.output[0]),
    output:
        store("consolidation"),
    params:
        parameters={
            "clock": without(
                CLOCK,
                "start_weights",
                "p",
                "p_e_to_e",
                "balancing",
                "balancing_static",
                "stimulation",
                "embedding",
            ),
            "dt": STUDY.dt,
        },
        seed=STUDY.seed,
        code=code("training.py"),
    log:
        log_of("consolidation"),
    benchmark:
        benchmark_of("consolidation")
    script:
        "../scripts/training.py"


rule replay_clock:
    input:
        network=store(NETWORK),
        kernels=ancient(rules.kernels.output[0]),
    output:
        store("replay_clock"),
    params:
        parameters={
            "clock": parameters_of_dynamics(),
            "replay": STUDY.replay.model_dump(include={"duration"}),
            "dt": STUDY.dt,
        },
        seed=STUDY.seed,
        code=code("replay.py"),
    log:
        log_of("replay_clock"),
    benchmark:
        benchmark_of("replay_clock")
    script:
        "../scripts/replay.py"
