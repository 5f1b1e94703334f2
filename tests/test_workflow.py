"""The workflow as its users meet it: whole runs, what reruns what, mistakes and disasters."""

import datetime
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import studies
import xarray as xr
import yaml
from studies import HARD_WIRED, ROOT, TARGETS, TINY, WHOLE, assert_fails, merged, planned, run

from simcore import stores
from simcore.documentation import documentation

TRAINED_FIGURES = ["weights", "inhibition", "time_course", "spectrum", "linear_model"]
CLOCK_FIGURES = ["periods", "replay_raster", "variability"]
TARGET_FIGURES = ["replay_raster", "target_and_replay", "readout_weights", "learning_curve"]
OF_TARGET = (
    *("error", "correlation", "correlation_in_time"),
    *("static_error", "static_correlation"),
)
ALL = {"network", "embedding", "consolidation", "replay_clock", "analysis", "summary.json"} | {
    "song.wav",
    "sound_song",
    "report.html",
    "report.json",
    *(f"{stage}_{target}" for stage in ("target", "readout", "replay") for target in TARGETS),
}


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


def test_the_spikes_of_another_study_drive_the_weights_of_this_one(whole, tmp_path):
    _, folder, _ = whole
    for name in ("tiny", "stable"):
        shutil.copytree(folder, tmp_path / name)
    change = {"study": "stable", "stability": {"driver": "tiny", "duration": "1 s"}}
    file, made = studies.write(tmp_path, merged(TINY, change)), tmp_path / "stable"
    wanted = made / "figures/stability.png", made / "summary.json"
    done = run(file, *wanted, "--rerun-triggers", "mtime")
    assert done.returncode == 0, done.text
    summary = json.loads((made / "summary.json").read_text())
    values = [entry["value"] for entry in summary if entry["id"].startswith("clock.stability.")]
    assert len(values) == 4 and all(value > 0 for value in values)
    shutil.rmtree(tmp_path / "tiny")
    assert_fails(run(file), "stability.driver", "there is no file")


def test_summary_has_every_number(whole):
    _, folder, _ = whole
    summary = json.loads((folder / "summary.json").read_text())
    by_id = {entry["id"]: entry for entry in summary}
    assert list(by_id) == [
        *(f"clock.weights.{part}" for part in ("within", "forward", "backward", "rest")),
        *(f"clock.weights.embedded_{part}" for part in ("within", "forward", "backward", "rest")),
        *(f"clock.weights.inhibition_{part}" for part in ("within", "forward", "backward")),
        "clock.weights.relative_strength",
        *("clock.spectrum.leading_real", "clock.spectrum.leading_imaginary"),
        *("clock.spectrum.before_real", "clock.spectrum.before_imaginary"),
        "clock.spectrum.over_ring",
        *("clock.spectrum.neurons_real", "clock.spectrum.neurons_imaginary"),
        *(
            f"clock.weights.embedding[0.025].{part}"
            for part in ("within", "forward", "backward", "rest", "i_to_e")
        ),
        *(f"clock.replay.{part}" for part in ("rate_e", "rate_i", "period_mean", "period_sd")),
        *(f"clock.replay.{part}" for part in ("order", "dwell_time", "broken_links")),
        *(f"clock.variability.{part}" for part in ("coefficient", "rmse_sqrt", "rmse_linear")),
        *(f"clock.variability.last_cluster_{part}" for part in ("mean", "sd")),
        *(f"clock.variability.{part}" for part in ("passes", "left_out")),
        *(f"readout.{name}.{part}" for name in TARGETS for part in OF_TARGET),
        *(f"readout.abcba.learned[1].{part}" for part in ("error", "correlation")),
        *(f"readout.song.{part}" for part in ("sound_correlation", "sound_of_target")),
    ]
    for entry in summary:
        assert list(entry) == [
            "id",
            "value",
            "unit",
            "interval",
            "bound",
            "low",
            "high",
            "source",
            "ok",
        ]
        assert entry["value"] is None or np.isfinite(entry["value"])
    assert by_id.pop("clock.replay.rate_e")["ok"] is True
    assert by_id.pop("clock.replay.rate_i")["ok"] is False
    assert all(entry["ok"] is None for entry in by_id.values())


def test_figures_logs_and_benchmarks_are_there(whole):
    _, folder, _ = whole
    figures = CLOCK_FIGURES + TRAINED_FIGURES
    figures += [f"{target}_{name}" for target in TARGETS for name in TARGET_FIGURES]
    figures.append("song_sound")
    for kind in ("png", "pdf"):
        assert {path.stem for path in folder.glob(f"figures/*.{kind}")} == set(figures)
    jobs = {name.split(".")[0] for name in ALL}
    jobs |= {
        "figures_clock",
        "figures_song_song",
        "animation_clock",
        *(f"figures_{target}" for target in TARGETS),
    }
    assert {path.stem for path in folder.glob("logs/*.log")} == jobs
    assert {path.stem for path in folder.glob("benchmarks/*.tsv")} == jobs
    assert not list(folder.glob(".checkpoints/*.checkpoint"))


def test_report_needs_nothing_else(whole):
    _, folder, _ = whole
    page = (folder / "report.html").read_text()
    sources = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'\s>]+)""", page)
    assert len([source for source in sources if source.startswith("data:image/png")]) == 17
    assert len([source for source in sources if source.startswith("data:image/gif")]) == 1
    assert len([source for source in sources if source.startswith("data:audio/wav")]) == 2
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
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        text = "\n".join(
            name + archive.read(name).decode() for name in names if name.endswith("zarr.json")
        )
        assert {info.date_time[0] for info in archive.infolist()} == {1980}
    words = [str(ROOT), str(path.parent), platform.node(), sys.prefix]
    words.append(datetime.date.today().isoformat())
    return [word for word in words if re.search(rf"\b{re.escape(word)}\b", text)]


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
    done = run(studies.write(tmp_path, WHOLE), again / "readout_abcba.zarr.zip", cores=1)
    assert done.returncode == 0, done.text
    made = sorted(again.glob("*.zarr.zip"))
    assert len(made) == 6
    for path in made:
        assert path.read_bytes() == (folder / path.name).read_bytes(), path.name


# ------------------------------------------------------------------------------- what reruns what

LEARNING = {f"readout_{target}" for target in TARGETS}
AFTER = {"analysis", "sound_song", "summary.json", "report.html", "report.json"}
REPLAYS = {f"replay_{target}" for target in TARGETS}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"run": {"checkpoint_every": "1 s"}}, set(), id="checkpoint_every"),
        pytest.param(
            {"expected": {"clock.replay.order": {"low": 0, "high": 1, "source": "paper"}}},
            {"summary.json", "report.html", "report.json"},
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
            {"targets": {"abcba": {"on_rate": 9}}},
            {"target_abcba", "readout_abcba", "replay_abcba"} | AFTER,
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
def test_a_changed_key_reruns_what_uses_it(whole, tmp_path, change, expected):
    file, folder, _ = whole
    changed = tmp_path / "changed.yaml"
    changed.write_text(yaml.safe_dump(merged(WHOLE, change) | {"results": str(file.parent)}))
    assert planned(changed, folder) == expected


def test_a_damaged_study_cuts_its_targets_by_the_whole_clock(whole, tmp_path):
    _, folder, _ = whole
    shutil.copytree(folder, tmp_path / "tiny")
    file = studies.write(tmp_path, merged(WHOLE, {"damage": {"recurrent_synapses": 0.5}}))
    copied = tmp_path / "tiny"
    stores = [copied / f"{name}.zarr.zip" for name in ("replay_intact", "replay_clock")]
    # What follows --forcerun would be run again, too, not asked for.
    done = run(file, *stores, "--rerun-triggers", "mtime", "--forcerun", "replay_clock")
    assert done.returncode == 0, done.text
    intact, damaged, before = (
        xr.open_dataset(path)["spike_time"].values
        for path in (*stores, folder / "replay_clock.zarr.zip")
    )
    assert np.array_equal(intact, before)
    assert not np.array_equal(damaged, before)


@pytest.fixture
def copied_project(tmp_path):
    """A copy of the project, with what Snakemake knows of finished runs."""
    project = tmp_path / "project"
    for name in ("config", "simcore", "workflow", ".snakemake/metadata"):
        shutil.copytree(ROOT / name, project / name)
    shutil.copy(ROOT / "Snakefile", project)
    return project


def test_code_reruns_what_uses_it(whole, copied_project):
    file, folder, _ = whole
    here = {"root": copied_project, "PYTHONPATH": str(copied_project)}
    kernel = copied_project / "simcore" / "kernels" / "readout.py"

    # Comments, layout and documentation are not code.
    text = kernel.read_text() + "\n\n# A comment.\n"
    kernel.write_text(text.replace('"""', '"""In other words: ', 1))
    assert planned(file, folder, **here) == set()

    # The clock is replayed by the same script as the read-outs.
    number = re.search(r"(?<=[ (])(\d+\.\d+)(?=[ )\n])", text)
    assert number, "the kernel of the read-outs holds no number to change"
    kernel.write_text(text[: number.start()] + "7.75" + text[number.end() :])
    assert planned(file, folder, **here) == ALL - {
        "network",
        "embedding",
        "consolidation",
        "song.wav",
    }


# ---------------------------------------------------------------------------- mistakes in a study


def test_every_mistake_in_a_study_gets_a_sentence(tmp_path):
    mistakes = {
        "quark": 1,
        "clock": {"embeding": "3 s", "consolidation": "-3 s", "balancing": "3 fortnights"},
    }
    file = studies.write(tmp_path, merged(TINY, mistakes))
    done = run(file, "-n")
    assert_fails(done, f"{file}: there is no key clock.embeding: did you mean clock.embedding?")
    assert_fails(done, f"{file}: there is no key quark", "config/README.md")
    assert_fails(done, f"{file}: clock.consolidation", "greater than or equal to 0", "-3 s")
    assert_fails(done, f"{file}: clock.balancing", "a time is a number", "3 fortnights")


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"clock": {"neurons_e": 90}}, ["clock", "4 clusters of 20", "90"]),
        ({"song": "no such.wav"}, ["song: there is no file no such.wav", "mend the path"]),
        ({"targets": {"clock": {"kind": "symbols"}}}, ["targets", "cannot be named clock"]),
        (
            {"targets": {"two": {"kind": "symbols", "sequence": ["AB", "AB"]}}},
            ["targets.two.sequence", "given twice"],
        ),
        ({"targets": {"intact": {"kind": "symbols"}}}, ["targets", "cannot be named intact"]),
    ],
)
def test_a_mistake_in_a_study_gets_a_sentence(tmp_path, change, parts):
    file = studies.write(tmp_path, merged(TINY, change))
    assert_fails(run(file, "-n"), str(file), *parts)


@pytest.mark.parametrize(
    "text", ["study: [tiny\nclock: {a: 1\n", "", "- a\n- b\n"], ids=["broken", "empty", "a list"]
)
def test_a_file_that_is_no_study_gets_a_sentence(tmp_path, text):
    file = tmp_path / "broken.yaml"
    file.write_text(text)
    assert_fails(run(file, "-n"), "YAML")


def test_a_key_given_twice_gets_a_sentence(tmp_path):
    file = studies.write(tmp_path, TINY)
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines, "seed: 1", "seed: 2"]))
    told = f"lines {len(lines) + 1} and {len(lines) + 2}"
    assert_fails(run(file, "-n"), str(file), "key seed is given twice", told)


# --------------------------------------------------------------------------------- faulty files


def write_wav(path, seconds=2.0, rate=44100, channels=1, loudness=9000):
    time = np.arange(int(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * (1000 + 2000 * time) * time)
    samples = np.repeat((loudness * tone)[:, None], channels, axis=1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return str(path)


def test_an_unfit_song_gets_a_sentence(study, tmp_path):
    song = write_wav(tmp_path / "bird.wav", seconds=0.75)
    file, folder = study(
        song=song, song_duration="30 ms", targets={"song": {"kind": "song", "length": 60}}
    )
    done = run(file, folder / "target_song.zarr.zip")
    assert_fails(done, "Error in target song", "bird.wav", "is shorter than the target of 60 ms")
    assert "bird.wav" in (folder / "logs" / "target_song.log").read_text()


def test_unfit_files_are_told_before_anything_runs(tmp_path):
    song = write_wav(tmp_path / "bird.wav", seconds=0.75)
    known = {"kind": "song", "length": 60}
    change = {"song": song, "song_duration": "1 s", "targets": {"song": known}}
    file = studies.write(tmp_path, merged(TINY, change))
    assert_fails(run(file, "-n"), "bird.wav", "lasts 750 ms", "1000 ms")
    table = tmp_path / "rates.csv"
    table.write_text("1,2\nmany,4\n")
    change = {"targets": {"mine": {"kind": "file", "file": str(table)}}}
    file = studies.write(tmp_path, merged(TINY, change))
    assert_fails(run(file, "-n"), "rates.csv", "could not be read as a table of numbers")


def test_a_stereo_song_is_used_with_a_note(study, tmp_path):
    song = write_wav(tmp_path / "bird.wav", channels=2)
    file, folder = study(song=song, targets={"song": {"kind": "song", "length": 60}})
    done = run(file, folder / "target_song.zarr.zip")
    assert done.returncode == 0 and "2 channels" in done.text
    path = folder / "target_song.zarr.zip"
    assert "2 channels" in stores.read(path).attrs["notes"]
    assert not places_and_dates(path)


def write_matrix(path, change=None):
    matrix = np.where(np.random.default_rng(0).random((50, 50)) < 0.2, 5.0, 0.0)
    if change is not None:
        matrix[3, 4] = change
    scipy.io.savemat(path, {"A": matrix})


def test_an_unfit_matrix_gets_a_sentence(tmp_path):
    write_matrix(tmp_path / "trained.mat", change=-1.0)
    clock = {"weights": str(tmp_path / "trained.mat"), "cluster_size": 10}
    file = studies.write(tmp_path, {"study": "matrix", "clock": clock})
    done = run(file, tmp_path / "matrix" / "network.zarr.zip")
    assert_fails(done, "Error in network", "trained.mat", "negative at A[3, 4]")


def test_a_matrix_is_taken_as_it_is(tmp_path):
    write_matrix(tmp_path / "trained.mat")
    clock = {"weights": str(tmp_path / "trained.mat"), "cluster_size": 10}
    file = studies.write(tmp_path, {"study": "matrix", "clock": clock})
    path = tmp_path / "matrix" / "network.zarr.zip"
    done = run(file, path)
    assert done.returncode == 0, done.text
    network = stores.read(path)
    assert (network["e_to_e_weight"] == 5).all()
    assert not places_and_dates(path)


def test_tables_are_learned(study, tmp_path):
    table = np.random.default_rng(0).random((40, 3))
    np.save(tmp_path / "table.npy", table)
    np.savetxt(tmp_path / "table.csv", table, delimiter=",")
    array = xr.DataArray(table, dims=("time", "channel"), name="target")
    array.to_dataset().to_zarr(tmp_path / "table.zarr", zarr_format=2)
    targets = {
        kind: {"kind": "file", "file": str(tmp_path / f"table.{kind}")}
        for kind in ("npy", "csv", "zarr")
    }
    np.save(tmp_path / "bad.npy", table - 1)
    bad = {"kind": "file", "file": str(tmp_path / "bad.npy")}
    file, folder = study(targets=targets | {"bad": bad})
    wanted = [folder / f"readout_{name}.zarr.zip" for name in targets]
    done = run(file, *wanted, folder / "target_bad.zarr.zip")
    assert_fails(done, "Error in target bad", "bad.npy")  # and the others went on
    one, *others = (stores.read(folder / f"target_{name}.zarr.zip") for name in targets)
    assert one["target_rate"].shape == (1, 400, 3)
    for other in others:
        np.testing.assert_allclose(one["target_rate"], other["target_rate"], rtol=1e-12)
    assert all(path.exists() for path in wanted)


# -------------------------------------------------------------------- damage and other disasters


def damage(path):
    """Change a byte in the middle; Snakemake is not to notice."""
    status, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_damaged_store_is_named(wired, tmp_path):
    folder = Path(shutil.copytree(wired, tmp_path / "wired"))
    damage(folder / "network.zarr.zip")
    (folder / "replay_clock.zarr.zip").unlink()
    done = run(studies.write(tmp_path, HARD_WIRED), folder / "replay_clock.zarr.zip")
    assert_fails(done, "network.zarr.zip is damaged", "delete it and run")


def test_a_store_of_another_format_is_named(wired, tmp_path, monkeypatch):
    folder = Path(shutil.copytree(wired, tmp_path / "wired"))
    path = folder / "network.zarr.zip"
    network, status = stores.read(path), path.stat()
    monkeypatch.setattr(stores, "FORMAT_VERSION", 99)
    about = {"stage": "network", "parameters": {}, "seed": 1, "code_digest": "0", "inputs": {}}
    stores.write(network, path, **about, simulated_ms=0)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    (folder / "replay_clock.zarr.zip").unlink()
    done = run(studies.write(tmp_path, HARD_WIRED), folder / "replay_clock.zarr.zip")
    assert_fails(done, "network.zarr.zip has format version 99", "version 1", "delete it")


def test_a_results_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "wired").write_text("in the way")
    assert_fails(run(studies.write(tmp_path, HARD_WIRED)), str(tmp_path / "wired"), "results")


def test_a_full_disk_is_named(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", disk])
    if mounted.returncode != 0:
        pytest.skip("a small disk can only be mounted by root")
    try:
        file = studies.write(disk, merged(HARD_WIRED, {"clock": {"cluster_size": 300}}))
        done = run(file, disk / "wired" / "network.zarr.zip")
        assert_fails(done, "network.zarr.zip: the disk is full", "free some space")
    finally:
        subprocess.run(["umount", disk], check=True)


def test_numbers_that_blow_up_are_named(tmp_path):
    extreme = {"study": "extreme", "clock": {"neuron_e": {"b": 1e308}}}
    file = studies.write(tmp_path, merged(HARD_WIRED, extreme))
    done = run(file, tmp_path / "extreme" / "replay_clock.zarr.zip")
    assert_fails(done, "Error in replay_clock", "of neuron", "ms of this run", "make dt smaller")


def test_a_silent_clock_gives_no_period_and_no_numbers(tmp_path):
    silent = {"study": "silent", "clock": {"external": {"weight_e": 0, "weight_i": 0}}}
    targets = {"fixed": {"kind": "symbols", "length": 60}}
    file = studies.write(tmp_path, merged(HARD_WIRED, silent | {"targets": targets}))
    done = run(file, tmp_path / "silent" / "summary.json")
    assert done.returncode == 0, done.text
    assert "has no period" in done.text
    summary = json.loads((tmp_path / "silent" / "summary.json").read_text())
    values = {entry["id"]: entry["value"] for entry in summary}
    assert values["clock.replay.rate_e"] == 0
    assert values["clock.replay.period_mean"] is values["clock.replay.order"] is None

    studies.write(tmp_path, merged(HARD_WIRED, silent | {"targets": {"open": {"kind": "symbols"}}}))
    done = run(file, tmp_path / "silent" / "target_open.zarr.zip")
    assert_fails(done, "Error in target open", "has no period", "targets.open.length")


# ------------------------------------------------------------------------------ around the runs


# One environment serves all rules, functions stand beside the rules that use them, and the workflow
# sets these variables itself.
OUR_STYLE = {
    "Specify a conda environment or container for each rule.",
    "Mixed rules and functions in same snakefile.",
    "Environment variable NUMBA_CACHE_DIR used but not asserted with envvars directive.",
    "Environment variable SNAKEMAKE_PROCESS used but not asserted with envvars directive.",
}


def test_the_workflow_plans_and_lints_where_nothing_has_run(copied_project):
    here = {"cwd": copied_project, "env": studies.environment(), "text": True}
    shutil.rmtree(copied_project / ".snakemake")
    said = {}
    for argument in ("-n", "--lint"):
        command = [sys.executable, "-m", "snakemake", argument, "--cores", "1"]
        done = subprocess.run(command, capture_output=True, **here)
        said[argument] = done.stdout + done.stderr
        assert "Traceback" not in said[argument]
        assert done.returncode == 0 or argument == "--lint", done.stderr
    faults = re.findall(r"^ +\* (.*?)(?: in line \d+)?(\.):$", said["--lint"], re.MULTILINE)
    assert {what + stop for what, stop in faults} == OUR_STYLE
    assert not list(copied_project.glob("results/*"))


def test_the_reference_matrix_is_replayed(reference_data, tmp_path):
    shipped = yaml.safe_load((ROOT / "config" / "reference.yaml").read_text())
    matrix = reference_data / Path(shipped["clock"]["weights"]).name
    short = {"replay": {"duration": "2 s"}, "sweeps": {"run": []}, "expected": {}}
    study = merged(shipped, {"clock": {"weights": str(matrix)}} | short)
    done = run(studies.write(tmp_path, study))
    assert done.returncode == 0, done.text
    folder = tmp_path / shipped["study"]
    summary = json.loads((folder / "summary.json").read_text())
    values = {entry["id"]: entry["value"] for entry in summary}
    assert all(name.startswith(("clock.replay.", "clock.variability.")) for name in values)
    assert 2 < values["clock.replay.rate_e"] < 3.5  # 2.5 to 2.9 Hz in 20 s and more
    assert values["clock.replay.order"] > 0.85
    assert {path.stem for path in folder.glob("figures/*.png")} == set(CLOCK_FIGURES)


def test_the_documentation_of_the_keys_is_up_to_date():
    assert (ROOT / "config" / "README.md").read_text() == documentation()
