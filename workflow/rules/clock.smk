# The clock: from an untrained network to one that steps through its clusters.


rule network:
    input:
        **({"weights": STUDY.clock.weights} if STUDY.clock.weights else {}),
    output:
        store("network"),
    log:
        log_of("network"),
    benchmark:
        benchmark_of("network")
    # The longest chain of the study begins first.
    priority: 1
    params:
        parameters={
            # The file's name only: where it lies on this machine is nothing for a store.
            "clock": without(CLOCK, "stimulation", "embedding", "consolidation")
            | {"weights": STUDY.clock.weights and Path(STUDY.clock.weights).name},
            "dt": STUDY.dt,
        },
        seed=STUDY.seed,
        code=code("network.py"),
    script:
        "../scripts/network.py"


rule embedding:
    input:
        network=store("network"),
    output:
        store("embedding"),
    log:
        log_of("embedding"),
    benchmark:
        benchmark_of("embedding")
    priority: 1
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
    script:
        "../scripts/training.py"


rule consolidation:
    input:
        network=store("embedding"),
    output:
        store("consolidation"),
    log:
        log_of("consolidation"),
    benchmark:
        benchmark_of("consolidation")
    priority: 1
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
    script:
        "../scripts/training.py"


rule replay_clock:
    input:
        network=store(NETWORK),
    output:
        store("replay_clock"),
    log:
        log_of("replay_clock"),
    benchmark:
        benchmark_of("replay_clock")
    params:
        parameters={
            "clock": parameters_of_dynamics(),
            "replay": STUDY.replay.model_dump(include={"duration"}),
            "dt": STUDY.dt,
        },
        seed=STUDY.seed,
        network=NETWORK,
        code=code("replay.py"),
    script:
        "../scripts/replay.py"
