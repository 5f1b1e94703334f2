# Targets, read-outs that learn them, and their replay.

SONG = STUDY.song or f"{FOLDER}/song.wav"


def song_needed():
    """How long a made-up song must go on after its start (ms)."""
    lengths = [target.length for target in STUDY.targets.values() if target.kind == "song"]
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
    target = STUDY.targets[wildcards.target]
    return {"song": {"song": SONG}, "file": {"file": getattr(target, "file", None)}}.get(
        target.kind, {}
    )


def parameters_of_target(wildcards):
    """What a target is made from, besides files."""
    target = STUDY.targets[wildcards.target]
    given = {
        "target": without(target.model_dump(), "file"),
        "dt": STUDY.dt,
        "baseline_rate": STUDY.readout.baseline_rate,
    }
    if target.kind == "symbols":
        given["sequences"] = target.sequences
    if target.kind == "song":
        given |= {
            "song_start": STUDY.song_start,
            "song_duration": STUDY.song_duration,
            "song_fit": STUDY.song_fit,
        }
    return given


rule target:
    input:
        unpack(files_of),
        replay=store("replay_clock"),
    output:
        store("target_{target}"),
    log:
        log_of("target_{target}"),
    benchmark:
        benchmark_of("target_{target}")
    params:
        parameters=parameters_of_target,
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
    params:
        parameters={
            "clock": parameters_of_dynamics(),
            "readout": STUDY.readout.model_dump(),
            "replay": STUDY.replay.model_dump(exclude={"duration"}),
            "dt": STUDY.dt,
        },
        seed=STUDY.seed,
        network=NETWORK,
        code=code("readout.py"),
    script:
        "../scripts/readout.py"


rule replay:
    input:
        network=store(NETWORK),
        target=store("target_{target}"),
        readout=store("readout_{target}"),
    output:
        store("replay_{target}"),
    log:
        log_of("replay_{target}"),
    benchmark:
        benchmark_of("replay_{target}")
    params:
        parameters={
            "clock": parameters_of_dynamics(),
            "readout": STUDY.readout.model_dump(
                exclude={
                    "rule",
                    "learning_block",
                    "test",
                    "learning_min",
                    "learning_max",
                    "levelled_off",
                    "alternation",
                    "burn_in",
                }
            ),
            "replay": STUDY.replay.model_dump(),
            "dt": STUDY.dt,
        },
        seed=STUDY.seed,
        network=NETWORK,
        code=code("replay.py"),
    script:
        "../scripts/replay.py"
