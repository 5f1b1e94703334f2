"""The workflow as its users meet it: whole runs, what reruns what, and mistakes told in a sentence."""

import json
import re
import shutil
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import studies
import xarray as xr
from studies import HARD_WIRED, ROOT, TINY, assert_fails, merged, planned, run

from simcore import stores
from simcore.parameters import documentation

TARGETS = {
    "abc": {"kind": "symbols", "sequence": "ABC", "length": 60},
    "song": {"kind": "song", "length": "1 s"},
}
WHOLE = merged(
    TINY,
    {
        "targets": TARGETS,
        "expected": {
            "clock.replay.rate_e": {"low": 0, "high": 1000, "source": "measured"},
            "clock.replay.rate_i": {"low": -2, "high": -1, "source": "measured"},
        },
    },
)
TRAINED_FIGURES = ["weights", "time_course", "spectrum"]
CLOCK_FIGURES = ["periods", "replay_raster"]
TARGET_FIGURES = ["replay_raster", "target_and_replay", "readout_weights", "learning_curve"]
ALL = {"network", "embedding", "consolidation", "replay_clock", "analysis", "summary.json"} | {
    "song.wav",
    "report.html",
    *(f"{stage}_{target}" for stage in ("target", "readout", "replay") for target in TARGETS),
}


def stages(files):
    """Leave out figures and all that follows from them."""
    return {file for file in files if not file.startswith("figures/")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished run of a whole study: its file, its folder and what was printed."""
    file = studies.write(tmp_path_factory.mktemp("whole"), WHOLE)
    done = run(file)
    assert done.returncode == 0, done.text
    return file, file.parent / "tiny", done.text


@pytest.fixture(scope="module")
def wired(tmp_path_factory):
    """The folder of a study whose hard-wired clock has been replayed."""
    file = studies.write(tmp_path_factory.mktemp("wired"), HARD_WIRED)
    folder = file.parent / "wired"
    done = run(file, folder / "replay_clock.zarr.zip")
    assert done.returncode == 0, done.text
    return folder


@pytest.fixture
def study(wired, tmp_path):
    """Write a variant of the hard-wired study that goes on from the replayed clock."""

    def write(**change):
        folder = tmp_path / "wired"
        if not folder.exists():
            shutil.copytree(wired, folder)
        return studies.write(tmp_path, merged(HARD_WIRED, change)), folder

    return write


# ------------------------------------------------------------------------------------- whole runs


def test_summary_has_every_number(whole):
    _, folder, _ = whole
    summary = json.loads((folder / "summary.json").read_text())
    by_id = {entry["id"]: entry for entry in summary}
    assert list(by_id) == [
        *(f"clock.weights.{part}" for part in ("within", "forward", "backward", "rest")),
        *(f"clock.replay.{p}" for p in ("rate_e", "rate_i", "period_mean", "period_sd", "order")),
        *(f"readout.{name}.{part}" for name in TARGETS for part in ("error", "correlation")),
    ]
    for entry in summary:
        assert list(entry) == ["id", "value", "unit", "low", "high", "source", "ok"]
        assert entry["value"] is None or np.isfinite(entry["value"])
    assert by_id.pop("clock.replay.rate_e")["ok"] is True
    assert by_id.pop("clock.replay.rate_i")["ok"] is False
    assert all(entry["ok"] is None for entry in by_id.values())


def test_figures_logs_and_benchmarks_are_there(whole):
    _, folder, _ = whole
    figures = CLOCK_FIGURES + TRAINED_FIGURES
    figures += [f"{target}_{name}" for target in TARGETS for name in TARGET_FIGURES]
    for kind in ("png", "pdf"):
        assert {path.stem for path in folder.glob(f"figures/*.{kind}")} == set(figures)
    jobs = {name.split(".")[0] for name in ALL}
    jobs |= {"figures_clock", *(f"figures_{target}" for target in TARGETS)}
    assert {path.stem for path in folder.glob("logs/*.log")} == jobs
    assert {path.stem for path in folder.glob("benchmarks/*.tsv")} == jobs
    assert not list(folder.glob(".checkpoints/*.checkpoint"))


def test_report_needs_nothing_else(whole):
    _, folder, _ = whole
    page = (folder / "report.html").read_text()
    sources = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'\s>]+)""", page)
    assert len([source for source in sources if source.startswith("data:image/png")]) == 13
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert "@import" not in page and "url(http" not in page
    workflow_page = (folder / "workflow.html").read_text()
    assert "Docutils System Messages" not in workflow_page
    assert "song_learning_curve" in workflow_page


def test_a_target_longer_than_a_period_is_warned_of(whole):
    _, folder, printed = whole
    with xr.open_dataset(folder / "target_song.zarr.zip") as target:
        period = target.attrs["clock_period_ms"]
    numbers = ["1000 ms", f"{period:.1f} ms"] if period == period else ["no period", "1000 ms"]
    report = " ".join((folder / "report.html").read_text().split()).replace("&#39;", "'")
    for text in (printed, (folder / "logs" / "target_song.log").read_text(), report):
        assert all(number in text for number in numbers)


def test_stores_open_with_units_and_provenance(whole):
    _, folder, _ = whole
    paths = sorted(folder.glob("*.zarr.zip"))
    assert {path.name.removesuffix(".zarr.zip") for path in paths} == {
        name for name in ALL if "." not in name
    }
    for path in paths:
        with xr.open_dataset(path) as dataset:
            for name, variable in dataset.variables.items():
                assert variable.attrs["units"] and variable.attrs["long_name"], (path, name)
            for key in ("parameters", "inputs", "versions"):
                assert isinstance(json.loads(dataset.attrs[key]), dict)
            assert dataset.attrs["seed"] == 1
            assert path.name.startswith(dataset.attrs["stage"].replace(" ", "_"))
            assert re.fullmatch("[0-9a-f]{64}", dataset.attrs["code_digest"])
            assert {"format_version", "simulated_ms"} <= set(dataset.attrs)


def places_and_dates(path):
    """What a store holds of this machine's paths, its name and today's date."""
    import datetime
    import platform
    import zipfile

    with zipfile.ZipFile(path) as archive:
        content = b"\n".join(archive.read(name) for name in archive.namelist())
        assert {info.date_time[0] for info in archive.infolist()} == {1980}
    words = [str(ROOT), str(path.parent), "/tmp/", platform.node(), sys.prefix]
    words.append(datetime.date.today().isoformat())
    return [word for word in words if word.encode() in content]


def test_stores_tell_nothing_of_the_machine(whole):
    _, folder, _ = whole
    for path in folder.glob("*.zarr.zip"):
        assert not places_and_dates(path), path


def test_a_second_run_does_nothing_and_says_where_to_look(whole):
    file, folder, first = whole
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.zarr.zip")}
    second = run(file)
    assert second.returncode == 0
    assert "Nothing to be done" in second.text
    for text in (first, second.text):
        assert f"Look at {folder}/report.html" in text
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*.zarr.zip")}


def test_one_core_and_two_give_the_same_bytes(whole, tmp_path):
    _, folder, _ = whole
    again = tmp_path / "tiny"
    done = run(studies.write(tmp_path, WHOLE), again / "analysis.zarr.zip", cores=1)
    assert done.returncode == 0, done.text
    made = sorted(again.glob("*.zarr.zip"))
    assert len(made) == 11
    for path in made:
        assert path.read_bytes() == (folder / path.name).read_bytes(), path.name


# ------------------------------------------------------------------------------- what reruns what

LEARNING = {f"readout_{target}" for target in TARGETS}
AFTER = {"analysis", "summary.json", "report.html"}
REPLAYS = {f"replay_{target}" for target in TARGETS}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"run": {"checkpoint_every": "1 s"}}, set(), id="checkpoint_every"),
        pytest.param(
            {"expected": {"clock.replay.order": {"low": 0, "high": 1, "source": "paper"}}},
            {"summary.json", "report.html"},
            id="expected",
        ),
        pytest.param(
            {"readout": {"rule": {"w_max": 24}}}, LEARNING | REPLAYS | AFTER, id="readout rule"
        ),
        pytest.param({"readout": {"test": "2 s"}}, LEARNING | REPLAYS | AFTER, id="readout test"),
        pytest.param(
            {"replay": {"interneurons": "connected"}},
            LEARNING | REPLAYS | AFTER,
            id="replay interneurons",
        ),
        pytest.param(
            {"song_start": 500},
            {"song.wav", "target_song", "readout_song", "replay_song"} | AFTER,
            id="song_start",
        ),
        pytest.param(
            {"targets": {"abc": {"on_rate": 9}}},
            {"target_abc", "readout_abc", "replay_abc"} | AFTER,
            id="one target",
        ),
        pytest.param(
            {"clock": {"consolidation": "3 s"}},
            ALL - {"network", "embedding", "song.wav"},
            id="consolidation",
        ),
        pytest.param(
            {"clock": {"stimulation": {"rate": 17}}},
            ALL - {"network", "song.wav"},
            id="stimulation",
        ),
        pytest.param({"clock": {"p": 0.3}}, ALL - {"song.wav"}, id="p"),
        pytest.param({"seed": 2}, ALL, id="seed"),
    ],
)
def test_a_changed_key_reruns_what_uses_it(whole, change, expected):
    file, _, _ = whole
    changed = file.with_name("changed.yaml")
    study = merged(WHOLE, change) | {"results": str(file.parent)}
    changed.write_text(json.dumps(study))
    shutil.move(changed, file.with_name("changed") / file.name) if False else None
    made = planned_as(file, changed)
    assert stages(made) == expected


def planned_as(file, changed):
    """As `planned`, for another file of the same study."""
    done = run(changed, "-n", "--quiet", "host")
    assert done.returncode == 0, done.text
    return outputs(done.text, file)
