"""What stages cost by the model, and how records of runs correct it."""

import json
import os

import pytest

from simcore import costs, estimates, stage_parameters, sweeps
from simcore.costs import Cost
from simcore.estimates import Job, Records
from simcore.parameters import read_study

CODES = dict.fromkeys(
    ("network", "training", "replay", "target", "learn", "measure")
    + ("rls_targets", "rls_training", "rls_replay"),
    "code",
)


def of_clock(stage, given=None, **clock):
    study = read_study({"study": "x", "clock": clock, "targets": {"abc": TARGET}})
    made = (given or getattr(stage_parameters, stage))(study)
    kind = {"embedding": "training", "consolidation": "training", "clock_replay": "replay"}
    return costs.of_stage(kind.get(stage, stage), made, clock=study.clock.model_dump(), channels=3)


TARGET = {"kind": "symbols", "sequence": "ABCBA"}


def of_experiment(stage, **experiment):
    data = {"study": "x", "rls": {"define": {"one": experiment}}}
    given = getattr(stage_parameters, stage)(read_study(data), "one")
    return costs.of_stage(stage, given)


def experiment(duration=1000, **change):
    return {"target": {"kind": "ou", "duration": duration}, **change}


def test_twice_the_training_takes_twice_the_time_and_no_more_memory():
    once, twice = (of_clock("embedding", embedding=f"{minutes} min") for minutes in (10, 20))
    assert twice.cpu_seconds == pytest.approx(2 * once.cpu_seconds)
    assert twice.memory_mb == once.memory_mb


def test_half_the_step_takes_twice_the_time():
    once, twice = (
        of_clock("embedding", lambda study, dt=dt: stage_parameters.embedding(study) | {"dt": dt})
        for dt in (0.1, 0.05)
    )
    assert twice.cpu_seconds == pytest.approx(2 * once.cpu_seconds)


@pytest.mark.parametrize(
    "stage", ["network", "embedding", "driven", "clock_replay", "learn", "replay"]
)
def test_a_larger_clock_costs_more(stage):
    small, large = (of_clock(stage, clusters=clusters) for clusters in (15, 30))
    assert large.cpu_seconds > 1.9 * small.cpu_seconds
    assert large.memory_mb > 3 * small.memory_mb
    assert large.disk_mb > small.disk_mb


def test_plasticity_and_64_bits_cost_more():
    embedding = of_clock("embedding", embedding="60 s")
    assert embedding.cpu_seconds > of_clock("clock_replay").cpu_seconds
    exact = of_clock("embedding", embedding="60 s", precision="64-bit")
    assert exact.cpu_seconds > 2 * embedding.cpu_seconds


def test_more_loops_take_longer_in_proportion():
    # One test each: the rest is training.
    none, some, more = (
        of_experiment("rls_training", **experiment(training={"loops": n, "test_at": []}))
        for n in (1, 11, 21)
    )
    assert more.cpu_seconds - some.cpu_seconds == pytest.approx(some.cpu_seconds - none.cpu_seconds)
    assert some.cpu_seconds > none.cpu_seconds


@pytest.mark.parametrize("stage", ["rls_targets", "rls_training", "rls_replay"])
@pytest.mark.parametrize("presynaptic", ["independent", "grouped", "all"])
def test_more_neurons_and_longer_targets_cost_more(stage, presynaptic):
    sizes = [
        of_experiment(
            stage,
            **experiment(duration, network={"neurons": neurons, "presynaptic": presynaptic}),
        )
        for neurons, duration in ((100, 1000), (200, 1000), (200, 2000))
    ]
    for less, more in zip(sizes, sizes[1:], strict=False):
        assert more.cpu_seconds > less.cpu_seconds
        assert more.disk_mb >= less.disk_mb
        assert more.memory_mb >= less.memory_mb


def test_inverses_of_all_neurons_grow_with_the_cube_of_their_number():
    training = {"loops": 100, "test_at": []}
    small, large = (
        of_experiment("rls_training", **experiment(network={"neurons": n}, training=training))
        for n in (1000, 2000)
    )
    assert 7 < large.cpu_seconds / small.cpu_seconds < 8
    assert 6.5 < large.memory_mb / small.memory_mb < 8


def test_each_network_of_a_series_counts():
    alone = of_experiment("rls_training", **experiment())
    series = {"key": "training.lambda", "values": [1.0, 2.0]}
    three = of_experiment("rls_training", **experiment(networks=3, series=series))
    assert three.cpu_seconds == pytest.approx(6 * alone.cpu_seconds)


def test_a_step_of_a_sweep_costs_what_the_stage_of_a_study_costs():
    data = {"study": "x", "clock": {"clusters": 4}, "targets": {"abc": TARGET}}
    study = read_study(data)
    sweep = {"x": {"axes": {"n": {"keys": ["clock.clusters"], "values": [4]}}, "replicates": 1}}
    sweep["x"] |= {"about": "one", "measures": ["readout.abc.error"]}
    chosen = read_study(data | {"sweeps": {"run": ["x"], "define": sweep}}).sweeps.chosen["x"]
    (point,) = sweeps.points(chosen, data, CODES)
    steps = {step.name: costs.of_step(step) for step in point.steps.values()}
    for name, given in {
        "embedding": stage_parameters.embedding(study),
        "readout abc": stage_parameters.learn(study),
        "replay abc": stage_parameters.replay(study),
    }.items():
        kind = {"embedding": "training", "readout abc": "learn", "replay abc": "replay"}[name]
        clock = study.clock.model_dump()
        assert steps[name] == costs.of_stage(kind, given, clock=clock, channels=3)


# --- records ---


def job(name="a", seconds=10.0, to_do=True, **options):
    pieces = (("", Cost("work", seconds)),)
    return Job(name=name, group="work", pieces=pieces, to_do=to_do, **options)


def record(folder, name, cpu_seconds, compiled=None):
    """What Snakemake and a job's log leave behind."""
    for kind in ("benchmarks", "logs"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    (folder / f"benchmarks/{name}.tsv").write_text(f"s\tmax_rss\tcpu_time\n9\t300\t{cpu_seconds}\n")
    if compiled:
        said = f"Compiled the kernels in {compiled} CPU seconds.\n"
        (folder / f"logs/{name}.log").write_text(said)


def estimated(folder, *jobs):
    """The CPU seconds of all that is to be done."""
    rows, _ = estimates.estimate(jobs, Records(folder), 0, cores=2)
    return rows[-1][2]


def test_a_job_that_ran_is_expected_to_take_what_it_took(tmp_path):
    folder = tmp_path / "study"
    record(folder, "a", 50)
    assert estimated(folder, job(to_do=False)) == 0
    assert estimated(folder, job()) == pytest.approx(50)


def test_a_job_with_twice_the_work_takes_twice_what_it_took_after_its_start(tmp_path):
    folder = tmp_path / "study"
    record(folder, "a", 50)
    estimated(folder, job(to_do=False))
    start = estimates.START["cpu_seconds"]
    assert estimated(folder, job(seconds=20)) == pytest.approx(start + 2 * (50 - start))


def test_compiling_is_no_part_of_a_job(tmp_path):
    folder = tmp_path / "study"
    record(folder, "a", 50, compiled=37)
    estimated(folder, job(to_do=False))
    assert estimated(folder, job()) == pytest.approx(13)


@pytest.mark.parametrize("study", ["study", "another"])
def test_work_of_the_same_kind_corrects_the_model(tmp_path, study):
    start = estimates.START["cpu_seconds"]
    record(tmp_path / study, "a", 2000 + start)
    estimated(tmp_path / study, job(seconds=1000, to_do=False))
    assert estimated(tmp_path / "study", job("b")) == pytest.approx(20 + start, rel=0.02)


def test_little_evidence_corrects_little(tmp_path):
    record(tmp_path / "study", "a", 2 + estimates.START["cpu_seconds"])
    estimated(tmp_path / "study", job(seconds=0.02, to_do=False))
    assert estimated(tmp_path / "study", job("b", seconds=1)) < 4


def test_steps_of_a_sweep_are_known_by_their_keys(tmp_path):
    folder = tmp_path / "study"
    (folder / "sweeps/costs").mkdir(parents=True)
    made = {"key": {"stage": "replay", "name": "x", "cpu_seconds": 7, "simulated_ms": 1}}
    (folder / "sweeps/costs/digest.json").write_text(json.dumps(made))
    pieces = (("key", Cost("replay", 3)), ("new", Cost("learn", 2)))
    batch = Job("batch", "sweep_batch", pieces, True, digest="other")
    assert estimated(folder, batch) == pytest.approx(estimates.START["cpu_seconds"] + 7 + 2)


def test_the_last_estimate_is_judged_by_what_was_done_since(tmp_path):
    folder = tmp_path / "study"
    expected = estimated(folder, job(), job("b"))
    record(folder, "a", expected / 4)
    os.utime(folder / "benchmarks/a.tsv", (2e9, 2e9))
    sentence = Records(folder).judgement([job(to_do=False), job("b")])
    assert "100% too high for the 1 jobs" in sentence


def test_without_an_estimate_there_is_nothing_to_judge(tmp_path):
    record(tmp_path / "study", "a", 3)
    assert Records(tmp_path / "study").judgement([job(to_do=False)]) is None


def test_a_damaged_estimate_counts_as_none(tmp_path):
    (tmp_path / "study").mkdir()
    (tmp_path / "study/estimate.json").write_text('{"jobs": ')
    assert estimated(tmp_path / "study", job()) > 10


def test_an_estimate_that_cannot_be_kept_is_made_all_the_same(tmp_path, capsys):
    (tmp_path / "study").write_text("in the way")
    assert estimated(tmp_path / "study", job()) > 10
    assert "could not be kept" in capsys.readouterr().err


def test_wall_time_is_bound_by_cores_and_by_the_longest_chain(tmp_path):
    start = estimates.START["cpu_seconds"]
    chain = [job("a"), job("b", needs=("a",)), job("c", needs=("b",)), job("d")]
    _, wall = estimates.estimate(chain, Records(tmp_path / "x"), 0, cores=100)
    assert wall == pytest.approx(3 * (10 + start))
    _, wall = estimates.estimate(chain, Records(tmp_path / "y"), 0, cores=1)
    assert wall == pytest.approx(4 * (10 + start))


def test_a_batch_takes_at_least_the_wanted_time():
    assert estimates.suggested_batch([2.0] * 100, 30) == 15
    assert estimates.suggested_batch([2.0] * 5, 30) == 5
    assert estimates.suggested_batch([100.0] * 5, 30) == 1
    assert estimates.suggested_batch([0.0] * 5, 30) == 5
