# The clock: from an untrained network to one that steps through its clusters.

from simcore import sweeps

# The stages of its training.
TRAINING = (
    sweeps.training(STUDY, STAGE_CODES) if STUDY.clock.learns and "clock" in STUDY.methods else {}
)


def kept_training():
    """Files that stand for stages of the training, by stage: all, or none.

    A training under a driver goes on from a state, which is not kept.
    """
    if not (KEPT and TRAINING) or STUDY.stability.driver:
        return {}
    paths = {stage: kept.training_path(KEPT, stage) for stage in TRAINING if stage != "network"}
    try:
        found = {stage: kept.identity_of(path, stage) for stage, path in paths.items()}
    except UserError as error:
        sys.exit(str(error))
    if all(identity == TRAINING[stage].identity for stage, identity in found.items()):
        return {stage: str(path) for stage, path in paths.items()}
    if any(found.values()) and workflow.is_main_process:
        print(f"The clock in {KEPT} was trained with other parameters: not used.", file=sys.stderr)
    return {}


# Not among the params: a clock that is there stays, however it came.
KEPT_TRAINING = config["run"]["kept_training"] = kept_training()


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


if STUDY.clock.learns:

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
