# The clock: from an untrained network to one that steps through its clusters.

from simcore import sweeps

# Identities of the stages of its training.
TRAINING = (
    {
        stage: step.identity
        for stage, step in sweeps.training(STUDY, STAGE_CODES).items()
        if stage != "network"
    }
    if STUDY.clock.learns
    else {}
)
# Files of earlier runs that stand for them. A driver needs the state with which the embedding ended.
KEPT_TRAINING = {stage: kept.training_path(KEPT, stage) for stage in TRAINING}
if STUDY.stability.driver or not all(
    kept.is_kept(path, TRAINING[stage]) for stage, path in KEPT_TRAINING.items()
):
    KEPT_TRAINING = {}


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
        parameters=stage_parameters.network(STUDY),
        seed=STUDY.seed,
        code=code("network.py"),
    script:
        "../scripts/network.py"


# A rule for each stage, for each has files of its own.
for STAGE, BEFORE in (("embedding", "network"), ("consolidation", "embedding")):
    if STAGE in KEPT_TRAINING:

        rule:
            name:
                STAGE
            input:
                network=store(BEFORE),
                kept=str(KEPT_TRAINING[STAGE]),
            output:
                store(STAGE),
            log:
                log_of(STAGE),
            benchmark:
                benchmark_of(STAGE)
            priority: 1
            params:
                parameters=getattr(stage_parameters, STAGE)(STUDY),
                seed=STUDY.seed,
                code=code("kept_training.py"),
            script:
                "../scripts/kept_training.py"


if STUDY.clock.learns and not KEPT_TRAINING:

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
            parameters=stage_parameters.embedding(STUDY),
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
            parameters=stage_parameters.consolidation(STUDY),
            seed=STUDY.seed,
            code=code("training.py"),
        script:
            "../scripts/training.py"


if STUDY.stability.driver:

    rule driven:
        input:
            network=store("embedding"),
            driver=STUDY.stability.driver,
        output:
            store("driven"),
        log:
            log_of("driven"),
        benchmark:
            benchmark_of("driven")
        params:
            parameters=stage_parameters.driven(STUDY),
            seed=STUDY.seed,
            code=code("driven.py"),
        script:
            "../scripts/driven.py"


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
        parameters=stage_parameters.clock_replay(STUDY),
        seed=STUDY.seed,
        network=NETWORK,
        code=code("replay.py"),
    script:
        "../scripts/replay.py"


if STUDY.damage.any:

    use rule replay_clock as replay_intact with:
        output:
            store("replay_intact"),
        log:
            log_of("replay_intact"),
        benchmark:
            benchmark_of("replay_intact")
        params:
            parameters=stage_parameters.clock_replay(STUDY, damaged=False),
            seed=STUDY.seed,
            network=NETWORK,
            code=code("replay.py"),
