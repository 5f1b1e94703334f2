# Networks trained by recursive least squares: one chain of stages for each experiment.

from simcore import costs

EXPERIMENTS = STUDY.rls.chosen if "rls" in STUDY.methods else {}


def memory_mb(stage):
    """Megabytes that one of its stages asks for, by the experiment."""
    parameters = getattr(stage_parameters, stage)
    return growing(
        lambda wildcards: memory_of(
            [costs.of_stage(stage, parameters(STUDY, wildcards.experiment))]
        )
    )


def files_of_experiment(wildcards):
    """The recording or table that an experiment's target is made from, if any."""
    return target_files(EXPERIMENTS[wildcards.experiment].target, SONG)


rule rls_targets:
    input:
        unpack(files_of_experiment),
    output:
        store("rls_targets_{experiment}"),
    log:
        log_of("rls_targets_{experiment}"),
    benchmark:
        benchmark_of("rls_targets_{experiment}")
    resources:
        mem_mb=memory_mb("rls_targets"),
    params:
        parameters=lambda wildcards: stage_parameters.rls_targets(STUDY, wildcards.experiment),
        # Snakemake does not see a change inside a folder, such as a zarr store.
        folders=lambda wildcards: [
            file_digest(path)
            for path in files_of_experiment(wildcards).values()
            if os.path.isdir(path)
        ],
        seed=STUDY.seed,
        code=code("rls_targets.py"),
    script:
        "../scripts/rls_targets.py"


rule rls_training:
    input:
        targets=store("rls_targets_{experiment}"),
    output:
        store("rls_training_{experiment}"),
    log:
        log_of("rls_training_{experiment}"),
    benchmark:
        benchmark_of("rls_training_{experiment}")
    threads: STUDY.run.threads
    resources:
        mem_mb=memory_mb("rls_training"),
    params:
        parameters=lambda wildcards: stage_parameters.rls_training(STUDY, wildcards.experiment),
        seed=STUDY.seed,
        code=code("rls_training.py"),
    script:
        "../scripts/rls_training.py"


rule rls_replay:
    input:
        targets=store("rls_targets_{experiment}"),
        training=store("rls_training_{experiment}"),
    output:
        store("rls_replay_{experiment}"),
    log:
        log_of("rls_replay_{experiment}"),
    benchmark:
        benchmark_of("rls_replay_{experiment}")
    resources:
        mem_mb=memory_mb("rls_replay"),
    params:
        parameters=lambda wildcards: stage_parameters.rls_replay(STUDY, wildcards.experiment),
        seed=STUDY.seed,
        code=code("rls_replay.py"),
    script:
        "../scripts/rls_replay.py"


rule rls_analysis:
    input:
        **{f"replay_{name}": store(f"rls_replay_{name}") for name in EXPERIMENTS},
        **{f"training_{name}": store(f"rls_training_{name}") for name in EXPERIMENTS},
    output:
        store("rls_analysis"),
    log:
        log_of("rls_analysis"),
    benchmark:
        benchmark_of("rls_analysis")
    params:
        parameters={
            "experiments": {
                name: stage_parameters.rls_replay(STUDY, name)["experiment"]
                for name in EXPERIMENTS
            }
        },
        ids=STUDY.rls.summary_ids(),
        seed=STUDY.seed,
        code=code("rls_analysis.py"),
    script:
        "../scripts/rls_analysis.py"
