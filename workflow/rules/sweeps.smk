# Sweeps: shared steps, batches of points, and one dataset for each sweep.

from simcore import costs, sweep_captions, sweeps

SWEEPS = STUDY.sweeps.chosen
# What the captions of their figures say.
CAPTIONS = {
    name: {
        "how_to_read": sweep_captions.how_to_read(sweep),
        "known": sweep.known,
        "numbers": sweep_captions.numbers(sweep),
        "told": sweep.told,
    }
    for name, sweep in SWEEPS.items()
}
SWEEP_FOLDER = f"{FOLDER}/sweeps"
# What a point varies: the study without what belongs to the whole.
VARIED = without(dict(config), "sweeps", "methods", "expected", "expected_of", "run", "stability")
# A sweep names its experiments in its measures.
VARIED["rls"] = without(VARIED.get("rls", {}), "experiments")


def planned(name):
    """All points of a sweep, or the end with a sentence."""
    where, known = f"sweeps.{name}", named_experiments()
    try:
        return sweeps.points(SWEEPS[name], VARIED, STAGE_CODES, where, experiments=known)
    except UserError as error:
        sys.exit(str(error))


POINTS = {name: planned(name) for name in SWEEPS}
# By identity, of each sweep, what earlier runs kept.
try:
    KEPT_POINTS = {
        name: kept.points(kept.points_path(KEPT, name), name) if KEPT else {} for name in SWEEPS
    }
except UserError as error:
    sys.exit(str(error))
ALL_KEPT = {identity for points in KEPT_POINTS.values() for identity in points}


def is_kept(point):
    """Whether a point is taken from what earlier runs kept."""
    # Identities take time, which most studies need not spend.
    return bool(ALL_KEPT) and point.identity in ALL_KEPT


def say_what_does_not_fit():
    """Say of which sweeps points were kept that are none of theirs, and so are computed again."""
    for name, points in POINTS.items():
        missing = sum(not is_kept(point) for point in points)
        unused = len(KEPT_POINTS[name].keys() - {point.identity for point in points})
        if missing and unused:
            print(
                f"Sweep {name}: {unused} of the points kept in {KEPT} have other parameters: not "
                f"used; {missing} are computed.",
                file=sys.stderr,
            )


if ALL_KEPT and workflow.is_main_process:
    say_what_does_not_fit()

# By their place in the grid.
TO_MAKE = {
    name: {number: point for number, point in enumerate(points) if not is_kept(point)}
    for name, points in POINTS.items()
}
SHARED = sweeps.shared(point for points in TO_MAKE.values() for point in points.values())
# A point that needs each shared step: sweep and number.
NEEDED_BY = {}
for name, points in TO_MAKE.items():
    for number, point in points.items():
        for key in SHARED.keys() & point.steps.keys():
            NEEDED_BY.setdefault(key, (name, number))
BATCHES = sweeps.batches(TO_MAKE, STUDY.sweeps.batch)
# By the key of a point.
BATCH_OF = {
    POINTS[batch[0]][number].key: batch for batch, numbers in BATCHES.items() for number in numbers
}


# Not among the params: what is stored under a key must not be made again when anything else changes.
config["sweep_plan"] = {
    "study": VARIED,
    "experiments": named_experiments(),
    "codes": STAGE_CODES,
    "needed_by": NEEDED_BY,
}


def marker(name, batch):
    """What a batch leaves behind when all its points are there."""
    return f"{SWEEP_FOLDER}/.batches/{name}/{batch}.json"


def step_store(key):
    """Path of a shared step's store."""
    return str(sweeps.step_path(SWEEP_FOLDER, key))


def markers_of(name):
    """What the batches leave behind that have a sweep's points."""
    return list(dict.fromkeys(marker(*BATCH_OF[point.key]) for point in TO_MAKE[name].values()))


def kept_points(name):
    """The points of a sweep that are taken from what earlier runs kept: key to identity."""
    return {point.key: point.identity for point in POINTS[name] if is_kept(point)}


def kept_files(name):
    """The files from which a sweep takes points, by the sweep for which they were kept."""
    wanted = set(kept_points(name).values())
    return {
        other: str(kept.points_path(KEPT, other))
        for other, points in KEPT_POINTS.items()
        if wanted & points.keys()
    }


def is_whole(name, numbers):
    """Whether all points of a batch lie there."""
    stored = (sweeps.point_path(SWEEP_FOLDER, POINTS[name][number].key) for number in numbers)
    return all(map(os.path.exists, stored))


def stale_files():
    """Markers of batches that lost a point, and datasets that were gathered from other points."""
    whole = {
        marker(*batch)
        for batch, numbers in BATCHES.items()
        if os.path.exists(marker(*batch)) and is_whole(batch[0], numbers)
    }
    stale = [marker(*batch) for batch in BATCHES if marker(*batch) not in whole]
    stale += [store(f"sweeps/{name}") for name in SWEEPS if not whole.issuperset(markers_of(name))]
    return list(filter(os.path.exists, stale))


# A point that somebody removed is made again. A dataset that was gathered from other points is stale;
# Snakemake would leave it if its records were elsewhere. It is set aside, for commands that run
# nothing come here, too. Every point stays, and so does all that another run is just at work on.
if workflow.is_main_process and not workflow.output_settings.dryrun:
    for file in stale_files():
        try:
            hold(FOLDER)
        except UserError as error:
            sys.exit(str(error))
        if file.endswith(SUFFIX):
            os.replace(file, file.removesuffix(SUFFIX) + f"_before{SUFFIX}")
        else:
            os.remove(file)


# Stages of the clock's training that the study runs as well, by the key of their step: not run twice.
OWN = {} if KEPT_TRAINING else {step.key: stage for stage, step in TRAINING.items()}


def own_store(wildcards):
    """The store of the study itself that a shared step is a copy of; nothing if there is none."""
    return store(OWN[wildcards.key]) if wildcards.key in OWN else ""


def inputs_of_step(wildcards):
    """Keys of the shared steps from which a shared step is made."""
    return sweeps.shared_inputs(SHARED[wildcards.key].inputs.values(), SHARED)


def inputs_of_batch(wildcards):
    """Keys of the shared steps that a batch's points read."""
    numbers = BATCHES[wildcards.sweep, wildcards.batch]
    points = [POINTS[wildcards.sweep][number] for number in numbers]
    steps = [
        step for point in points for roles in point.results.values() for step in roles.values()
    ]
    return sweeps.shared_inputs(steps, SHARED)


wildcard_constraints:
    sweep="|".join(SWEEPS) or "none",
    key="[0-9a-f]{64}",
    batch="[0-9a-f]{64}",


def memory_of_batch(wildcards):
    """Megabytes that a batch takes."""
    numbers = BATCHES[wildcards.sweep, wildcards.batch]
    points = [POINTS[wildcards.sweep][number] for number in numbers]
    return memory_of(costs.of_step(step) for point in points for step in point.steps.values())


rule sweep_step:
    input:
        lambda wildcards: own_store(wildcards) or map(step_store, inputs_of_step(wildcards)),
    output:
        step_store("{key}"),
    log:
        log_of("sweep_step_{key}"),
    benchmark:
        benchmark_of("sweep_step_{key}")
    priority: 1
    resources:
        mem_mb=growing(lambda wildcards: memory_of([costs.of_step(SHARED[wildcards.key])])),
    params:
        shared=inputs_of_step,
        own=own_store,
        parameters={},
    script:
        "../scripts/sweep_step.py"


rule sweep_batch:
    input:
        lambda wildcards: map(step_store, inputs_of_batch(wildcards)),
    output:
        f"{SWEEP_FOLDER}/.batches/{{sweep}}/{{batch}}.json",
    log:
        log_of("sweep_{sweep}_{batch}"),
    benchmark:
        benchmark_of("sweep_{sweep}_{batch}")
    resources:
        mem_mb=growing(memory_of_batch),
    params:
        numbers=lambda wildcards: list(BATCHES[wildcards.sweep, wildcards.batch]),
        shared=inputs_of_batch,
        parameters={},
    script:
        "../scripts/sweep_batch.py"


rule sweep:
    input:
        batches=lambda wildcards: markers_of(wildcards.sweep),
        kept=lambda wildcards: list(kept_files(wildcards.sweep).values()),
    output:
        store("sweeps/{sweep}"),
    log:
        log_of("sweep_{sweep}"),
    benchmark:
        benchmark_of("sweep_{sweep}")
    params:
        sweep=lambda wildcards: SWEEPS[wildcards.sweep].model_dump(),
        points=lambda wildcards: [point.key for point in POINTS[wildcards.sweep]],
        kept_files=lambda wildcards: kept_files(wildcards.sweep),
        kept=lambda wildcards: kept_points(wildcards.sweep),
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
            labels={"sweep": "{sweep}"} | NAMED,
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
        caption=lambda wildcards: CAPTIONS[wildcards.sweep],
        code=code("sweep_figure.py"),
    script:
        "../scripts/sweep_figure.py"


# What is there of a sweep that is not complete, only when asked for by its path.
use rule sweep as sweep_so_far with:
    input:
        kept=lambda wildcards: list(kept_files(wildcards.sweep).values()),
    output:
        store("sweeps/{sweep}_so_far"),
    log:
        log_of("sweep_{sweep}_so_far"),
    benchmark:
        benchmark_of("sweep_{sweep}_so_far")


# Only when asked for: snakemake keep. What took long, as a study's folder of what is kept has it.
rule keep:
    log:
        log_of("keep"),
    params:
        folder=FOLDER,
        kept={name: kept_files(name) for name in SWEEPS},
        training={
            stage: {"identity": step.identity, "parameters": step.given}
            for stage, step in TRAINING.items()
        },
        seed=STUDY.seed,
    script:
        "../scripts/keep.py"


# Only when asked for: snakemake tidy_sweeps.
rule tidy_sweeps:
    log:
        log_of("tidy_sweeps"),
    params:
        folder=SWEEP_FOLDER,
        sweeps=list(STUDY.sweeps.define),
    script:
        "../scripts/tidy_sweeps.py"


COMPARISONS = STUDY.sweeps.compared


def learning_of(comparison):
    """Of each method the steps of its learning (key to identity), for each network of the first place
    of the first sweep."""
    first = COMPARISONS[comparison].sweeps[0]
    points, replicates = POINTS[first], SWEEPS[first].replicates
    found = {}
    for method, measures in COMPARISONS[comparison].methods.items():
        measure = next(measure for measure in measures if measure in SWEEPS[first].measures)
        group = sweeps.group_of(measure)
        found[method] = [sweeps.learning(point, group) for point in points[:replicates]]
    return found


# A rule for each, for each has sweeps of its own.
for COMPARISON in COMPARISONS:

    rule:
        name:
            f"comparison_{COMPARISON}"
        input:
            sweeps=[store(f"sweeps/{name}") for name in COMPARISONS[COMPARISON].sweeps],
            kept=list(kept_files(COMPARISONS[COMPARISON].sweeps[0]).values()),
        output:
            report(
                f"{FOLDER}/figures/comparison_{COMPARISON}.png",
                caption="../report/comparison.rst",
                category="Sweeps",
                labels={"sweep": COMPARISON} | NAMED,
            ),
        log:
            log_of(f"comparison_{COMPARISON}"),
        benchmark:
            benchmark_of(f"comparison_{COMPARISON}")
        group:
            "report"
        resources:
            runtime=growing(30),
        params:
            comparison=COMPARISONS[COMPARISON].model_dump(),
            kept_files=kept_files(COMPARISONS[COMPARISON].sweeps[0]),
            learning=learning_of(COMPARISON),
            code=code("comparison.py"),
        script:
            "../scripts/comparison.py"
