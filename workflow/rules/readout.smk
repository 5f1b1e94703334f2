# Targets, read-outs that learn them, and their replay.

# Of the clock before any damage: its period is the targets' measure.
WHOLE_REPLAY = "replay_intact" if STUDY.damage.any else "replay_clock"
SONG = STUDY.song or f"{FOLDER}/song.wav"


def song_needed():
    """How long a made-up song must go on after its start (ms)."""
    songs = [target for target in STUDY.targets.values() if target.kind == "song"]
    lengths = [target.length for target in songs]
    # Nobody knows the period yet: longer than that of any clock of the papers.
    lengths += [1000 * target.periods for target in songs if target.length is None]
    experiments = STUDY.rls.chosen.values() if "rls" in STUDY.methods else ()
    targets = (experiment.target for experiment in experiments)
    lengths += [target.duration for target in targets if target.kind == "song"]
    return max(1500, STUDY.song_duration or 0, *(length or 0 for length in lengths))


rule song:
    output:
        f"{FOLDER}/song.wav",
    log:
        log_of("song"),
    benchmark:
        benchmark_of("song")
    params:
        parameters={"duration": STUDY.song_start + song_needed()},
        seed=STUDY.seed,
        code=code("song.py"),
    script:
        "../scripts/song.py"


def files_of(wildcards):
    """The recording or table that a target is made from, if any."""
    return target_files(STUDY.targets[wildcards.target], SONG)


rule target:
    input:
        unpack(files_of),
        replay=store(WHOLE_REPLAY),
    output:
        store("target_{target}"),
    log:
        log_of("target_{target}"),
    benchmark:
        benchmark_of("target_{target}")
    group:
        "readout"
    resources:
        runtime=growing(30),
    params:
        parameters=lambda wildcards: stage_parameters.target(STUDY, wildcards.target),
        replay=WHOLE_REPLAY,
        # Snakemake does not see a change inside a folder, such as a zarr store.
        folders=lambda wildcards: [
            file_digest(path) for path in files_of(wildcards).values() if os.path.isdir(path)
        ],
        seed=STUDY.seed,
        code=code("target.py"),
    script:
        "../scripts/target.py"


rule readout:
    input:
        network=store(NETWORK),
        target=store("target_{target}"),
    output:
        store("readout_{target}"),
    log:
        log_of("readout_{target}"),
    benchmark:
        benchmark_of("readout_{target}")
    group:
        "readout"
    params:
        parameters=stage_parameters.learn(STUDY),
        seed=STUDY.seed,
        network=NETWORK,
        code=code("readout.py"),
    script:
        "../scripts/readout.py"


def readout_store(wildcards):
    """The store of the read-outs that replay a target."""
    return store(f"readout_{STUDY.readouts_of(wildcards.target)}")


rule replay:
    input:
        network=store(NETWORK),
        target=store("target_{target}"),
        readout=readout_store,
    output:
        store("replay_{target}"),
    log:
        log_of("replay_{target}"),
    benchmark:
        benchmark_of("replay_{target}")
    params:
        parameters=stage_parameters.replay(STUDY),
        readouts=lambda wildcards: STUDY.readouts_of(wildcards.target),
        seed=STUDY.seed,
        network=NETWORK,
        code=code("replay.py"),
    script:
        "../scripts/replay.py"


SOUNDS = [
    f"{FOLDER}/sounds/{name}_{kind}.wav"
    for name in STUDY.songs
    for kind in ("target", "replay")
    if "clock" in STUDY.methods
]


# Of songs only: as the target has it, and as it was replayed.
rule sound:
    input:
        target=store("target_{target}"),
        replay=store("replay_{target}"),
        analysis=store("analysis"),
    output:
        store("sound_{target}"),
        **{
            kind: report(
                f"{FOLDER}/sounds/{{target}}_{kind}.wav",
                caption="../report/sound.rst",
                category="Read-outs",
                labels={"figure": f"sound of the {kind}", "target": "{target}"} | NAMED,
            )
            for kind in ("target", "replay")
        },
    log:
        log_of("sound_{target}"),
    benchmark:
        benchmark_of("sound_{target}")
    group:
        "report"
    resources:
        runtime=growing(30),
    params:
        parameters={},
        seed=STUDY.seed,
        code=code("sound.py"),
    script:
        "../scripts/sound.py"
