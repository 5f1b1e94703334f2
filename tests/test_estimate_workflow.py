"""make estimate as its users meet it: before a run, after it, with a part to do, with a mistake."""

import re
import subprocess
import sys

import pytest
import studies
from studies import HARD_WIRED, ROOT, assert_fails, run

STUDY = HARD_WIRED | {
    "study": "estimated",
    "methods": ["clock"],
    "replay": {"duration": "500 ms"},
    "sweeps": {
        "run": ["lost"],
        "batch": 1,
        "define": {
            "lost": {
                "about": "lost neurons",
                "base": {"replay.duration": "200 ms"},
                "axes": {"lost": {"keys": ["damage.neurons"], "values": [0.0, 0.5]}},
                "replicates": 1,
                "measures": ["clock.replay.rate_e"],
            }
        },
    },
}


def estimate(file, *arguments):
    """Estimate what a study costs; the result's ``text`` is all that was printed."""
    script = ROOT / "workflow/scripts/estimate.py"
    command = [sys.executable, str(script), "--configfile", str(file), *arguments]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=studies.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    done.text = done.stdout
    return done


def jobs(done):
    """Number of jobs by rule, as printed."""
    assert done.returncode == 0, done.text
    found = re.findall(r"^(\w+) +(\d+) +\S+ (?:s|min|h) ", done.text, re.MULTILINE)
    return {rule: int(count) for rule, count in found}


@pytest.fixture(scope="module")
def estimated(tmp_path_factory):
    """A study that was estimated, run and estimated again: its file, and what was printed."""
    file = studies.write(tmp_path_factory.mktemp("estimated"), STUDY)
    before = estimate(file)
    left = sorted(path.name for path in (file.parent / "estimated").rglob("*"))
    done = run(file)
    assert done.returncode == 0, done.text
    return file, before, left, done, estimate(file)


def test_before_a_run_all_jobs_are_counted_and_nothing_is_made(estimated):
    _, before, left, _, _ = estimated
    found = jobs(before)
    assert found["sweep_batch"] == 2
    assert found["replay_clock"] == found["report"] == 1
    assert found["all"] == sum(found.values()) - found["all"]
    assert "CPU hours" in before.text
    assert "sweeps.batch: 2 makes jobs" in before.text
    assert left == ["estimate.json"]


def test_after_a_run_nothing_is_to_do_and_the_estimate_is_judged(estimated):
    file, before, _, done, after = estimated
    assert jobs(after) == {"all": 0}
    count = jobs(before)["all"]
    judged = rf"The last estimate was \d+% too (high|low) for the {count} jobs done since"
    assert re.search(judged, done.text), done.text
    assert re.search(judged, after.text), after.text


def test_a_removed_point_is_counted_and_the_dataset_stays(estimated):
    file, *_ = estimated
    folder = file.parent / "estimated/sweeps"
    point = next((folder / "points").iterdir())
    content = point.read_bytes()
    point.unlink()
    found = jobs(estimate(file))
    point.write_bytes(content)
    assert found["sweep_batch"] == 1
    assert (folder / "lost.zarr.zip").exists()


def test_a_mistake_gets_the_same_sentence_as_in_a_run(tmp_path):
    file = studies.write(tmp_path, STUDY | {"clok": 1})
    for done in (run(file, "-n"), estimate(file)):
        assert_fails(done, str(file), "there is no key clok")


@pytest.mark.parametrize("cores", ["0", "many"])
def test_a_wrong_number_of_cores_gets_a_sentence(tmp_path, cores):
    assert_fails(estimate(tmp_path / "none.yaml", "--cores", cores), f"{cores} is no number")
