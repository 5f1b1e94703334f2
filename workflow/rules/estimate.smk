# What a run costs, before it runs (make estimate) and when it has ended.

from snakemake import benchmark

from simcore import costs, estimates

# Snakemake looks at a long job every 30 s only: the CPU time after its last look would be lost.
benchmark.BenchmarkTimer.__init__.__defaults__ = (1,)

STAGE_OF_RULE = {
    "network": "network",
    "embedding": "training",
    "consolidation": "training",
    "driven": "driven",
    "replay_clock": "replay",
    "replay_intact": "replay",
    "target": "target",
    "readout": "learn",
    "replay": "replay",
    "rls_targets": "rls_targets",
    "rls_training": "rls_training",
    "rls_replay": "rls_replay",
}
CLOCK = STUDY.clock.model_dump()


def rule_of(job):
    """Name of a job's rule, without that of the study in a collection."""
    return job.rule.name.removeprefix(f"{PART['name']}__")


def is_ours(job):
    """Whether a job is of this study, not of another one of its collection."""
    return job.rule.module_globals is globals()


def work_of(job, to_do):
    """What a job has to do, in pieces; a sweep's batch skips points that are there."""
    kind = rule_of(job)
    if kind in STAGE_OF_RULE and kind not in KEPT_TRAINING:
        target = job.wildcards.get("target")
        given = stage_parameters.target(STUDY, target) if target else {}
        channels = costs.channels_of(given) if target else 0
        stage, given = STAGE_OF_RULE[kind], job.params["parameters"]
        return [("", costs.of_stage(stage, given, clock=CLOCK, channels=channels))]
    if kind == "sweep_step" and job.wildcards.key in OWN:
        return [("", costs.of_rule("sweep"))]
    if kind == "sweep_step":
        return work_of_steps([SHARED[job.wildcards.key]])
    if kind == "sweep_batch":
        points = POINTS[job.wildcards.sweep]
        numbers = BATCHES[job.wildcards.sweep, job.wildcards.batch]
        return [
            piece
            for number in numbers
            if not (to_do and os.path.exists(point_path(points[number])))
            for piece in work_of_point(points[number])
        ]
    pieces = [("", costs.of_rule(kind))]
    if kind == "analysis":
        replay = stage_parameters.clock_replay(STUDY)
        pieces += [("", costs.of_measuring(replay, CLOCK))] * (1 + len(STUDY.targets))
    return pieces


def point_path(point):
    """Path of a point's store."""
    return sweeps.point_path(SWEEP_FOLDER, point.key)


def work_of_steps(steps):
    """Some steps, and what they need that no other job makes."""
    needed = sweeps.unshared(steps, SHARED)
    return [(key, costs.of_step(step, stored=key in SHARED)) for key, step in needed.items()]


def work_of_point(point):
    """What no other job makes of a point, and its measuring."""
    ends = {step.key: step for roles in point.results.values() for step in roles.values()}
    own = [step for step in ends.values() if step.key not in SHARED]
    return [*work_of_steps(own), ("", costs.of_point(ends.values()))]


def jobs_of(dag, unfinished):
    """All jobs of this study in the order of the rules, those that are done as well."""
    to_do = {job for job in dag.jobs if unfinished(job) or lacks_points(job)}
    for job in dag.bfs(dag.depending, *to_do):
        to_do.add(job)
    order = [one.name for one in workflow.rules]
    return [
        estimates.Job(
            name=name_of(job),
            group=group_of_rule(rule_of(job)),
            pieces=tuple(work_of(job, job in to_do)),
            to_do=job in to_do,
            needs=tuple(map(name_of, filter(is_ours, dag.dependencies[job]))),
            digest=job.wildcards.get("batch") or job.wildcards.get("key") or "",
        )
        for job in sorted(dag.jobs, key=lambda job: order.index(job.rule.name))
        if job.log and is_ours(job)
    ]


def lacks_points(job):
    """Whether points of a batch were removed: only a run tells Snakemake so, as it begins."""
    if not is_ours(job) or rule_of(job) != "sweep_batch":
        return False
    name, batch = job.wildcards.sweep, job.wildcards.batch
    return not is_whole(name, BATCHES[name, batch])


def name_of(job):
    """Name of a job's log and benchmark."""
    return Path(job.log[0]).stem if job.log else ""


def group_of_rule(rule):
    """A rule's name; rules that differ in their experiment only are one."""
    kind = costs.of_rule(rule).kind
    return kind if kind in ("rls_figures", "comparison") else rule


def compiling(jobs):
    """CPU seconds of compiling what the jobs need and the cache has not, by kernels."""
    needed = {cost.kernels for job in jobs if job.to_do for _, cost in job.pieces} - {""}
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    done = {
        part for part in needed if (folder / f"compiled_{part.replace(' ', '_')}.json").exists()
    }
    return {part: costs.COEFFICIENTS["compiling"][part] for part in needed - done}


def points_seconds(records):
    """CPU seconds of each point of each sweep, without shared steps."""
    return {
        name: [
            sum(records.expected_of(*piece) for piece in work_of_point(point))
            for point in points.values()
        ]
        for name, points in TO_MAKE.items()
        if points
    }


def judge_estimate():
    """After a run, take up what its jobs took; say how far off the estimate was, if there was one."""
    if not workflow.is_main_process:
        return
    jobs = jobs_of(workflow.dag, lambda job: not workflow.dag.finished(job))
    records = estimates.Records(FOLDER)
    if sentence := records.judgement(jobs):
        print(f"{PART['name']}: {sentence}".removeprefix(": "), file=sys.stderr)
    records.take_up(jobs)
    estimates.write(records)


onsuccess:
    judge_estimate()


onerror:
    judge_estimate()
