# Sweeps: shared steps, batches of points, and one dataset for each sweep.

from simcore import sweeps

SWEEPS = STUDY.sweeps.chosen
SWEEP_FOLDER = f"{FOLDER}/sweeps"
# What a point varies: the study without what belongs to the whole.
VARIED = without(dict(config), "sweeps", "rls", "methods", "expected", "expected_of", "run")
STAGE_CODES = (
    {
        "network": code("network.py"),
        "training": code("training.py"),
        "replay": code("replay.py"),
        "target": code("target.py"),
        "learn": code("readout.py"),
        "measure": code("analysis.py"),
    }
    if SWEEPS
    else {}
)


def planned(name):
    """All points of a sweep, or the end with a sentence."""
    try:
        return sweeps.points(SWEEPS[name], VARIED, STAGE_CODES, f"sweeps.{name}")
    except UserError as error:
        sys.exit(str(error))


POINTS = {name: planned(name) for name in SWEEPS}
SHARED = sweeps.shared([point for points in POINTS.values() for point in points])
# A point that needs each shared step: sweep and number.
NEEDED_BY = {}
BATCHES = {}
for name, points in POINTS.items():
    for number, point in enumerate(points):
        for key in point.steps:
            NEEDED_BY.setdefault(key, (name, number))
    size = STUDY.sweeps.batch
    for first in range(0, len(points), size):
        numbers = range(first, min(first + size, len(points)))
        BATCHES[name, sweeps.batch_key([points[number] for number in numbers])] = numbers


# Not among the params: what is stored under a key must not be made again when anything else changes.
config["sweep_plan"] = {"study": VARIED, "codes": STAGE_CODES, "needed_by": NEEDED_BY}


def marker(name, batch):
    """What a batch leaves behind when all its points are there."""
    return f"{SWEEP_FOLDER}/.batches/{name}/{batch}.json"


def step_store(key):
    """Path of a shared step's store."""
    return f"{SWEEP_FOLDER}/steps/{key}.zarr.zip"


def is_whole(name, numbers):
    """Whether all points of a batch lie there."""
    stored = (f"{SWEEP_FOLDER}/points/{POINTS[name][number].key}.zarr.zip" for number in numbers)
    return all(map(os.path.exists, stored))


# A point that somebody removed is made again. A dataset that was gathered from other points is stale;
# Snakemake would leave it if its records were elsewhere. Every point stays.
if workflow.is_main_process and not workflow.dryrun:
    for (name, batch), numbers in BATCHES.items():
        if not is_whole(name, numbers):
            Path(marker(name, batch)).unlink(missing_ok=True)
        if not os.path.exists(marker(name, batch)):
            Path(store(f"sweeps/{name}")).unlink(missing_ok=True)


def steps_of_batch(wildcards):
    """Stores of the shared steps that a batch's points read."""
    keys = [
        key
        for number in BATCHES[wildcards.sweep, wildcards.batch]
        for key in POINTS[wildcards.sweep][number].steps
        if key in SHARED
    ]
    return [step_store(key) for key in dict.fromkeys(keys)]


wildcard_constraints:
    sweep="|".join(SWEEPS) or "none",
    key="[0-9a-f]{64}",
    batch="[0-9a-f]{64}",


rule sweep_step:
    input:
        lambda wildcards: [step_store(step.key) for step in SHARED[wildcards.key].inputs.values()],
    output:
        f"{SWEEP_FOLDER}/steps/{{key}}.zarr.zip",
    log:
        log_of("sweep_step_{key}"),
    benchmark:
        benchmark_of("sweep_step_{key}")
    priority: 1
    params:
        parameters={},
    script:
        "../scripts/sweep_step.py"


rule sweep_batch:
    input:
        steps_of_batch,
    output:
        f"{SWEEP_FOLDER}/.batches/{{sweep}}/{{batch}}.json",
    log:
        log_of("sweep_{sweep}_{batch}"),
    benchmark:
        benchmark_of("sweep_{sweep}_{batch}")
    params:
        numbers=lambda wildcards: list(BATCHES[wildcards.sweep, wildcards.batch]),
        shared=lambda wildcards: sorted(Path(path).name[:64] for path in steps_of_batch(wildcards)),
        parameters={},
    script:
        "../scripts/sweep_batch.py"


rule sweep:
    input:
        lambda wildcards: [
            marker(name, batch) for name, batch in BATCHES if name == wildcards.sweep
        ],
    output:
        store("sweeps/{sweep}"),
    log:
        log_of("sweep_{sweep}"),
    benchmark:
        benchmark_of("sweep_{sweep}")
    params:
        sweep=lambda wildcards: SWEEPS[wildcards.sweep].model_dump(),
        study=VARIED,
        codes=STAGE_CODES,
        parameters={},
        seed=STUDY.seed,
        code=code("sweep.py"),
    script:
        "../scripts/sweep.py"


rule sweep_figure:
    input:
        sweep=store("sweeps/{sweep}"),
    output:
        report(
            f"{FOLDER}/figures/sweep_{{sweep}}.png",
            caption="../report/sweep.rst",
            category="Sweeps",
            labels={"sweep": "{sweep}"},
        ),
    log:
        log_of("figure_of_sweep_{sweep}"),
    benchmark:
        benchmark_of("figure_of_sweep_{sweep}")
    group:
        "report"
    resources:
        runtime=growing(30),
    params:
        code=code("sweep_figure.py"),
    script:
        "../scripts/sweep_figure.py"
