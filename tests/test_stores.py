"""Stores, JSON files and checkpoints: whole or not at all, checked, the same bytes every time."""

import builtins
import errno
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from simcore import stores
from simcore.errors import UserError
from simcore.xarray_backend import ZarrZipBackend

PROJECT = Path(__file__).parent.parent
DESCRIBED = {"units": "1", "long_name": "something"}


def example():
    """One variable of every kind that a store holds."""
    random_numbers = np.random.default_rng(1)
    dataset = xr.Dataset(
        {
            "weight": ("synapse", random_numbers.random(50)),
            "column": ("synapse", np.arange(50, dtype=np.int32)),
            "row_pointer": ("row", np.array([0, 20, 50], np.int64)),
            "curve": ("time", np.array([np.nan, 1.5, -0.0], np.float32)),
            "stream": ("neuron", np.array([2**64 - 1, 0], np.uint64)),
            "fired": ("neuron", np.array([True, False])),
            "spike_time": ("spike", np.zeros(0)),
            "no_rows": (("spike", "time"), np.zeros((0, 3), np.int16)),
            "step": ((), np.int64(7)),
        },
        coords={
            "time": ("time", [0.0, 1.0, 2.0]),
            "symbol": ("channel", np.array(["A", "Bé", ""])),
            "phase": ("phase", ["before", "after"]),
        },
        attrs={"neurons_e": 2},
    )
    for variable in dataset.variables.values():
        variable.attrs.update(DESCRIBED)
    dataset["time"].attrs["units"] = "ms"
    dataset["weight"].attrs["rows"] = "pre"
    return dataset


def write_example(path, **changes):
    arguments = {
        "stage": "embedding",
        "parameters": {"clock": {"clusters": 15, "tau": 20.0}, "name": "demo"},
        "seed": 3,
        "code_digest": "abc",
        "inputs": {},
        "simulated_ms": 1500,
    }
    stores.write(changes.pop("dataset", example()), path, **(arguments | changes))


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "embedding.zarr.zip"
    write_example(path)
    return path


@pytest.fixture
def checkpoint(tmp_path):
    with stores.Checkpoint(tmp_path / "embedding.checkpoint", "key") as opened:
        yield opened


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def assert_one_sentence(error, *words):
    """A UserError tells what and where, in one line that ends in a full stop."""
    message = str(error.value)
    assert "\n" not in message and message.endswith(".")
    for word in words:
        assert str(word) in message


# ------------------------------------------------------------------------------- stores, when well


def test_what_is_written_is_read(store):
    read = stores.read(store, stage="embedding")
    wanted = example()
    for name in ("symbol", "phase"):  # zarr gives strings of any length
        wanted[name] = wanted[name].astype(read[name].dtype)
    xr.testing.assert_equal(read, wanted)
    assert set(read.variables) == set(wanted.variables)
    for name, variable in wanted.variables.items():
        assert read[name].dtype == variable.dtype
        assert read[name].attrs == variable.attrs
    assert np.signbit(read["curve"].values[-1])


def test_provenance_of_a_store(store, tmp_path):
    later = tmp_path / "consolidation.zarr.zip"
    dataset = stores.read(store)
    write_example(later, dataset=dataset, stage="consolidation", inputs={"embedding": store})
    attributes = stores.read(later).attrs
    assert attributes["neurons_e"] == 2
    assert attributes["stage"] == "consolidation"
    assert attributes["format_version"] == stores.FORMAT_VERSION
    assert attributes["seed"] == 3
    assert attributes["code_digest"] == "abc"
    assert attributes["simulated_ms"] == 1500
    assert json.loads(attributes["parameters"])["clock"] == {"clusters": 15, "tau": 20}
    assert json.loads(attributes["inputs"]) == {"embedding": stores.file_digest(store)}
    assert "numpy" in json.loads(attributes["versions"])


def test_the_given_dataset_is_left_as_it_was(tmp_path):
    dataset = example()
    write_example(tmp_path / "a.zarr.zip", dataset=dataset)
    xr.testing.assert_identical(dataset, example())


def test_nothing_warns_at_writing_or_reading(tmp_path):
    path = tmp_path / "a.zarr.zip"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_example(path)
        stores.read(path)
        with xr.open_dataset(path, engine=ZarrZipBackend) as dataset:
            dataset.load()


def test_the_same_inputs_give_the_same_bytes(store, tmp_path):
    again = tmp_path / "again.zarr.zip"
    parameters = {"name": "demo", "clock": {"tau": 20.0, "clusters": 15}}  # in another order
    write_example(again, parameters=parameters)
    assert again.read_bytes() == store.read_bytes()
    # ... even when the dataset remembers another file.
    dataset = stores.read(store)
    dataset.attrs = {"neurons_e": 2}
    write_example(again, dataset=dataset)
    assert again.read_bytes() == store.read_bytes()


def test_another_process_writes_the_same_bytes(store, tmp_path):
    program = "import sys, test_stores; test_stores.write_example(sys.argv[1])"
    for seed in "12":
        path = tmp_path / f"{seed}.zarr.zip"
        folders = os.pathsep.join([str(PROJECT), str(PROJECT / "tests")])
        subprocess.run(
            [sys.executable, "-c", program, str(path)],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": folders, "TZ": f"UTC+{seed}"},
            check=True,
        )
        assert path.read_bytes() == store.read_bytes()


def test_the_archive_is_a_plain_zip_without_dates(store):
    with zipfile.ZipFile(store) as archive:
        members = archive.infolist()
        assert archive.testzip() is None
    assert [member.filename for member in members] == sorted(member.filename for member in members)
    assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}


def test_large_variables_are_split_into_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(stores, "_LARGEST_CHUNK", 100)
    path = tmp_path / "a.zarr.zip"
    write_example(path)
    with zipfile.ZipFile(path) as archive:
        chunks = [name for name in archive.namelist() if name.startswith("weight/c/")]
    assert len(chunks) == 5  # 400 bytes in slabs of 12 numbers
    np.testing.assert_array_equal(stores.read(path)["weight"], example()["weight"])


def test_folders_are_made(tmp_path):
    path = tmp_path / "results" / "demo" / "a.zarr.zip"
    write_example(path)
    assert names(path.parent) == ["a.zarr.zip"]


def test_a_written_file_has_the_usual_permissions(store, tmp_path):
    usual = tmp_path / "usual"
    usual.touch()
    assert store.stat().st_mode == usual.stat().st_mode


def test_xarray_opens_a_store(store):
    backend = ZarrZipBackend()
    assert backend.guess_can_open(store) and backend.guess_can_open(str(store))
    assert not backend.guess_can_open("a.zarr") and not backend.guess_can_open(b"a.zarr.zip")
    with xr.open_dataset(store, engine=ZarrZipBackend, drop_variables="step") as dataset:
        assert dataset.attrs["stage"] == "embedding"
        assert "step" not in dataset
        np.testing.assert_array_equal(dataset["weight"], example()["weight"])


def test_xarray_finds_the_backend_by_itself(store):
    """As in the project's environment, where the package is installed."""
    if "zarr_zip" not in xr.backends.list_engines():
        pytest.skip("simcore is not installed, so that xarray cannot know its backend")
    with xr.open_dataset(store) as dataset:
        assert dataset.attrs["stage"] == "embedding"


# ------------------------------------------------------------------ stores, when something is wrong


@pytest.mark.parametrize("attribute", ["units", "long_name"])
@pytest.mark.parametrize("name", ["weight", "phase"])
def test_a_variable_without_units_or_name_is_a_programming_error(tmp_path, name, attribute):
    dataset = example()
    del dataset[name].attrs[attribute]
    with pytest.raises(ValueError, match=f"{name}.*{attribute}"):
        write_example(tmp_path / "a.zarr.zip", dataset=dataset)
    assert names(tmp_path) == []


def test_a_parameter_that_is_no_number_is_a_programming_error(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_example(tmp_path / "a.zarr.zip", parameters={"tau": float("nan")})


def test_missing_input(tmp_path):
    with pytest.raises(UserError) as error:
        write_example(tmp_path / "a.zarr.zip", inputs={"matrix": tmp_path / "none.mat"})
    assert_one_sentence(error, "none.mat", "does not exist")


def test_missing_store(tmp_path):
    with pytest.raises(UserError) as error:
        stores.read(tmp_path / "none.zarr.zip")
    assert_one_sentence(error, "none.zarr.zip", "does not exist")


def test_a_folder_in_place_of_a_store(tmp_path):
    with pytest.raises(UserError) as error:
        stores.read(tmp_path)
    assert_one_sentence(error, tmp_path, "directory")


def test_another_stage(store):
    with pytest.raises(UserError) as error:
        stores.read(store, stage="network")
    assert_one_sentence(error, store, "'embedding'", "'network'")


def test_another_format_version(store, monkeypatch):
    monkeypatch.setattr(stores, "FORMAT_VERSION", stores.FORMAT_VERSION + 1)
    with pytest.raises(UserError) as error:
        stores.read(store)
    assert_one_sentence(error, store, f"version {stores.FORMAT_VERSION - 1}", "'embedding'")


def test_other_parameters(store):
    stores.read(store, parameters={"clock": {"tau": 20}})
    with pytest.raises(UserError) as error:
        stores.read(store, parameters={"name": "demo", "clock": {"clusters": 30, "tau": 10}})
    assert_one_sentence(error, store, "clock.clusters = 15", "clock.clusters = 30", "'embedding'")
    with pytest.raises(UserError) as error:
        stores.read(store, parameters={"clock": {"weights": "a.mat"}})
    assert_one_sentence(error, "clock.weights")
    with pytest.raises(UserError) as error:
        stores.read(store, parameters={"clock": None})
    assert_one_sentence(error, "clock", "null")


def damaged_versions(content):
    """The content with one byte flipped, everywhere, or cut, or lengthened."""
    chooser = random.Random(0)
    positions = {*range(40), *range(len(content) - 120, len(content))}
    positions |= set(chooser.sample(range(len(content)), 150))
    for position in sorted(positions):
        damaged = bytearray(content)
        damaged[position] ^= 1 << chooser.randrange(8)
        yield bytes(damaged)
    for length in [0, 1, 63, 64, 65, len(content) // 2, len(content) - 1]:
        yield content[:length]
    yield content + b"\0"


def test_every_damage_to_a_store_is_noticed(store):
    for damaged in damaged_versions(store.read_bytes()):
        store.write_bytes(damaged)
        with pytest.raises(UserError) as error:
            stores.read(store)
        assert_one_sentence(error, store, "damaged", "delete it")


# ----------------------------------------------------------------------- writes that cannot succeed


class FailingFile:
    """A file whose disk is full after some bytes."""

    def __init__(self, file, room):
        self.file = file
        self.room = room

    def write(self, data):
        length = memoryview(data).nbytes
        self.room -= length
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.file.write(data)

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.file.close()


def fill_disk(monkeypatch, room):
    def failing_open(path, mode="r", *arguments):
        file = builtins.open(path, mode, *arguments)
        return FailingFile(file, room) if "w" in mode else file

    monkeypatch.setattr(stores, "open", failing_open, raising=False)


def fail(monkeypatch, function, code):
    def failing(*arguments, **options):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(function[0], function[1], failing)


def save(path, content):
    """Write any of the three kinds of file with this content."""
    if path.suffix == ".json":
        stores.write_json(path, {"content": content})
    elif path.suffix == ".zip":
        write_example(path, parameters={"content": content})
    else:
        with stores.Checkpoint(path, "key") as checkpoint:
            checkpoint.save({"content": np.arange(100) + content})


KINDS = pytest.mark.parametrize("name", ["a.json", "a.zarr.zip", "a.checkpoint"])


@KINDS
def test_a_full_disk_leaves_the_older_file(tmp_path, monkeypatch, name):
    path = tmp_path / name
    save(path, 1)
    older, files = path.read_bytes(), names(tmp_path)
    for room in {0, 1, len(older) // 3, len(older) // 2, len(older) - 64, len(older) - 1}:
        with monkeypatch.context() as patch:
            fill_disk(patch, room)
            with pytest.raises(UserError) as error:
                save(path, 2)
        assert_one_sentence(error, path, "disk is full", "free some space")
        assert path.read_bytes() == older
        assert names(tmp_path) == files
    save(path, 2)
    assert path.read_bytes() != older


@KINDS
@pytest.mark.parametrize(
    ("function", "code", "words"),
    [
        ((os, "fsync"), errno.ENOSPC, "disk is full"),
        ((os, "fsync"), errno.EIO, "check the disk"),
        ((os, "replace"), errno.EDQUOT, "disk is full"),
        ((os, "replace"), errno.EACCES, "no permission"),
        ((Path, "mkdir"), errno.EROFS, "no permission"),
        ((Path, "mkdir"), errno.ENOSPC, "disk is full"),
    ],
)
def test_a_failing_system_call_leaves_the_older_file(
    tmp_path, monkeypatch, name, function, code, words
):
    path = tmp_path / name
    save(path, 1)
    older, files = path.read_bytes(), names(tmp_path)
    with monkeypatch.context() as patch:
        fail(patch, function, code)
        with pytest.raises(UserError) as error:
            save(path, 2)
    assert_one_sentence(error, path, words, "run again")
    assert path.read_bytes() == older
    assert names(tmp_path) == files


@KINDS
def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch, name):
    """Injected, as root may write anywhere."""

    def forbidden(path, mode="r", *arguments):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(stores, "open", forbidden, raising=False)
    with pytest.raises(UserError) as error:
        save(tmp_path / name, 1)
    assert_one_sentence(error, tmp_path / name, "no permission", "another folder")
    assert names(tmp_path) == []


@KINDS
def test_a_file_in_place_of_the_folder(tmp_path, name):
    (tmp_path / "results").write_text("in the way")
    with pytest.raises(UserError) as error:
        save(tmp_path / "results" / name, 1)
    assert_one_sentence(error, tmp_path / "results" / name)


@KINDS
def test_an_interrupt_leaves_the_older_file(tmp_path, monkeypatch, name):
    path = tmp_path / name
    save(path, 1)
    older, files = path.read_bytes(), names(tmp_path)

    def interrupted(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            save(path, 2)
    assert path.read_bytes() == older
    assert names(tmp_path) == files


def run_python(program, *arguments, **options):
    """Start a process that has imported this file as `test_stores`."""
    folders = os.pathsep.join([str(PROJECT), str(PROJECT / "tests")])
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": folders},
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


@KINDS
def test_a_kill_before_the_rename_leaves_the_older_file(tmp_path, name):
    path = tmp_path / name
    save(path, 1)
    older, files = path.read_bytes(), names(tmp_path)
    killed = run_python(
        """
        import os, signal, sys, pathlib, test_stores
        os.replace = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
        test_stores.save(pathlib.Path(sys.argv[1]), 2)
        """,
        path,
    )
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_bytes() == older
    assert len(names(tmp_path)) == len(files) + 1  # the dead cannot tidy up: the next write does
    save(path, 2)
    assert path.read_bytes() != older
    assert names(tmp_path) == files


def test_writers_of_one_file_leave_each_other_alone(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    with stores.replacing(path) as one:
        one.write(b"one")
        monkeypatch.setattr(os, "getpid", lambda: 1)  # another process
        with stores.replacing(path) as other:
            other.write(b"other")
        assert path.read_bytes() == b"other"
        monkeypatch.undo()
    assert path.read_bytes() == b"one"
    assert names(tmp_path) == ["a.json"]


# --------------------------------------------------------------------------------- JSON, digests


def test_json_keeps_its_order(tmp_path):
    path = tmp_path / "summary.json"
    data = [{"id": "b", "value": None, "source": "é"}, {"id": "a", "value": 1.5, "ok": True}]
    stores.write_json(path, data)
    assert json.loads(path.read_text()) == data
    assert list(json.loads(path.read_text())[0]) == ["id", "value", "source"]
    assert path.read_text().endswith("\n") and "é" in path.read_text()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_refuses_what_is_no_number(tmp_path, value):
    with pytest.raises(ValueError, match="JSON"):
        stores.write_json(tmp_path / "summary.json", {"value": value})
    assert names(tmp_path) == []


def test_file_digest(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert stores.file_digest(path) == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    with pytest.raises(UserError, match="does not exist"):
        stores.file_digest(tmp_path / "b")


# ----------------------------------------------------------------------------------- checkpoints


def assert_same_arrays(found, wanted):
    assert list(found) == list(wanted)
    for name, array in wanted.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()
        assert found[name].flags.writeable


def test_no_checkpoint(checkpoint):
    assert checkpoint.load() is None


def test_a_checkpoint_comes_back(checkpoint):
    arrays = {
        "file": np.array(3.5),  # 0-d; and a name that np.savez could not take
        "empty/of size 0": np.zeros((0, 3), np.uint8),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "strided": np.arange(10)[::3],
        "nan": np.array([np.nan, -0.0, np.inf], np.float32),
        "big endian": np.arange(3, dtype=">i4"),
        "text": np.array(["a", "bé"]),
        "structure": np.zeros(2, [("spike", "f8"), ("neuron", "i4")]),
    }
    checkpoint.save(arrays)
    assert_same_arrays(checkpoint.load(), arrays)
    checkpoint.save({})
    assert checkpoint.load() == {}
    checkpoint.remove()
    assert checkpoint.load() is None
    checkpoint.remove()


ARRAYS = st_numpy.arrays(
    dtype=st.one_of(
        st_numpy.floating_dtypes(),
        st_numpy.integer_dtypes(),
        st_numpy.unsigned_integer_dtypes(),
        st_numpy.boolean_dtypes(),
        st_numpy.complex_number_dtypes(),
    ),
    shape=st_numpy.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)


@settings(max_examples=60, deadline=None)
@given(arrays=st.dictionaries(st.text(max_size=8), ARRAYS, max_size=4))
def test_any_arrays_come_back(tmp_path_factory, arrays):
    path = tmp_path_factory.mktemp("checkpoints") / "a.checkpoint"
    with stores.Checkpoint(path, "key") as checkpoint:
        checkpoint.save(arrays)
        found = checkpoint.load()
    assert_same_arrays(found, arrays)


def test_objects_are_refused_and_the_older_checkpoint_stays(checkpoint):
    checkpoint.save({"a": np.arange(3)})
    with pytest.raises(ValueError, match="Object"):
        checkpoint.save({"a": np.array([None])})
    assert_same_arrays(checkpoint.load(), {"a": np.arange(3)})


def test_a_checkpoint_of_another_key_is_removed(tmp_path):
    path = tmp_path / "a.checkpoint"
    save(path, 1)
    with stores.Checkpoint(path, "another key") as checkpoint:
        assert checkpoint.load() is None
    assert names(tmp_path) == ["a.checkpoint.lock"]


def test_every_damage_to_a_checkpoint_is_noticed(checkpoint):
    checkpoint.save({"v": np.arange(100.0), "w": np.zeros(3)})
    for damaged in damaged_versions(checkpoint.path.read_bytes()):
        checkpoint.path.write_bytes(damaged)
        with pytest.raises(UserError) as error:
            checkpoint.load()
        assert_one_sentence(error, checkpoint.path, "damaged", "delete it")


def test_a_second_process_waits_for_the_lock_and_gives_up(checkpoint):
    told = []
    started = time.monotonic()
    with pytest.raises(UserError) as error:
        stores.Checkpoint(checkpoint.path, "key", patience=0.3, notify=told.append)
    assert 0.3 <= time.monotonic() - started < 5
    assert_one_sentence(error, checkpoint.path, "in use", os.getpid())
    assert len(told) == 1
    assert str(os.getpid()) in told[0]


def test_the_lock_passes_on_when_its_holder_is_killed(tmp_path):
    path = tmp_path / "a.checkpoint"
    holder = run_python(
        """
        import sys, time
        import numpy as np
        from simcore.stores import Checkpoint
        checkpoint = Checkpoint(sys.argv[1], "key")
        checkpoint.save({"step": np.array(1)})
        print("locked", flush=True)
        time.sleep(60)
        """,
        path,
    )
    try:
        assert holder.stdout.readline() == "locked\n"
        told = []

        def kill_holder(message):
            told.append(message)
            holder.kill()

        with stores.Checkpoint(path, "key", notify=kill_holder) as checkpoint:
            assert checkpoint.load() == {"step": 1}
    finally:
        holder.kill()
        holder.communicate()
    assert len(told) == 1
    assert str(holder.pid) in told[0]


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    fail(monkeypatch, (stores.fcntl, "flock"), errno.ENOLCK)
    with pytest.raises(UserError) as error:
        stores.Checkpoint(tmp_path / "a.checkpoint", "key")
    assert_one_sentence(error, tmp_path / "a.checkpoint", "lock")
