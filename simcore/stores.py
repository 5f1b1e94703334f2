"""Results on disk: one-file zarr stores with provenance, JSON files and checkpoints.

Every file is written under a temporary name beside its place and moved there when it is complete,
so that it exists whole or not at all, and an older file survives a write that fails. Stores and
checkpoints are zip archives that end, as the archive's comment, in the SHA-256 of all bytes ahead.
"""

import errno
import fcntl
import glob
import hashlib
import json
import os
import platform
import time
import zipfile
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import numpy as np

from simcore.errors import UserError
from simcore.provenance import versions

FORMAT_VERSION = 1
SUFFIX = ".zarr.zip"

_CHECKSUM_LENGTH = 64  # hexadecimal digits of a SHA-256
_END_OF_ARCHIVE = 22  # bytes that end a zip archive, but for its comment
_LARGEST_CHUNK = 2**26  # bytes
_COMPRESSION_LEVEL = 3  # of zstd; higher ones gain next to nothing on spikes and weights


# ---------------------------------------------------------------------------------------- stores


def write(dataset, path, *, stage, parameters, seed, code_digest, inputs, simulated_ms):
    """Write a dataset with its provenance as one zip-packed zarr store (`*.zarr.zip`).

    The same arguments give the same bytes.

    Parameters
    ----------
    dataset : xarray.Dataset
        Every variable and coordinate carries the attributes `units` and `long_name`.
    path : path-like
        Where to write; missing folders are made.
    stage : str
        The stage that made the dataset.
    parameters : dict
        Every parameter that the stage used (anything JSON can hold).
    seed : int
        Of the study.
    code_digest : str
        Of the code that the stage uses (`simcore.provenance.code_digest`).
    inputs : dict of str to path-like
        The files that the stage read; recorded as name and SHA-256.
    simulated_ms : float
        Simulated time of this stage (ms).

    Raises
    ------
    UserError
        The disk is full, the folder cannot be written, or an input cannot be read.
    ValueError
        A variable lacks `units` or `long_name`, or a parameter is NaN or infinite.
    """
    for name, variable in dataset.variables.items():
        missing = [key for key in ("units", "long_name") if not variable.attrs.get(key)]
        if missing:
            raise ValueError(f"variable {name!r} of stage {stage!r} lacks {' and '.join(missing)}")
    provenance = {
        "format_version": FORMAT_VERSION,
        "stage": stage,
        "parameters": _canonical_json(parameters),
        "seed": int(seed),
        "code_digest": code_digest,
        "inputs": _canonical_json({name: file_digest(file) for name, file in inputs.items()}),
        "versions": _canonical_json(versions()),
        "simulated_ms": float(simulated_ms),
    }
    members = _zarr_members(dataset.assign_attrs(provenance))
    with replacing(path) as file:
        _write_archive(file, dict(sorted(members.items())))


def read(path, *, stage=None, parameters=None):
    """Read a whole store into memory, after checking that it is undamaged and the expected one.

    Parameters
    ----------
    path : path-like
        A store made by `write`.
    stage : str, optional
        The stage that must have made it.
    parameters : dict, optional
        Parameters (nested as they were given to `write`) that it must have been made from; other
        parameters of the store are not looked at.

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    UserError
        The store is missing, damaged, of another format version or stage, or was made from other
        parameters.
    """
    import xarray as xr

    from simcore.xarray_backend import ZarrZipBackend

    _require_undamaged(path, "delete it and run again, which makes it anew")
    with _reading(path), xr.open_dataset(path, engine=ZarrZipBackend) as lazy:
        dataset = lazy.load()
    found = dataset.attrs
    if found["format_version"] != FORMAT_VERSION:
        raise UserError(
            f"The store {path} has format version {found['format_version']}, but this program reads"
            f" version {FORMAT_VERSION}: delete it and run stage {found.get('stage')!r} again."
        )
    if stage is not None and found["stage"] != stage:
        raise UserError(
            f"The store {path} was made by stage {found['stage']!r}, but a store of stage {stage!r}"
            " is needed here: give that file instead, or delete this one and run again, which makes"
            " it anew."
        )
    if parameters:
        check_parameters(dataset, path, parameters)
    return dataset


def attributes(path):
    """Read the attributes of a store alone, as :func:`read` does."""
    import xarray as xr

    from simcore.xarray_backend import ZarrZipBackend

    _require_undamaged(path, "delete it and run again, which makes it anew")
    with _reading(path), xr.open_dataset(path, engine=ZarrZipBackend) as lazy:
        return dict(lazy.attrs)


def check_parameters(dataset, path, parameters):
    """Refuse a store that was made from other parameters.

    Parameters
    ----------
    dataset : xarray.Dataset
        As read from `path`.
    path : path-like
        For the message.
    parameters : dict
        Nested as they were given to `write`; other parameters of the store are not looked at.

    Raises
    ------
    UserError
        Names the first parameter that differs.
    """
    stored = json.loads(dataset.attrs["parameters"])
    difference = _first_difference(stored, parameters)
    if difference:
        key, value, wanted = difference
        raise UserError(
            f"The store {path} was made with {key} = {value}, but now {key} = {wanted} is asked"
            f" for: run stage {dataset.attrs['stage']!r} again, or set the parameter back."
        )


def file_digest(path):
    """SHA-256 of a file, or of all files in a folder (a zarr store), in hexadecimal digits.

    One that cannot be read is a UserError.
    """
    if Path(path).is_dir():
        inner = [file for file in sorted(Path(path).rglob("*")) if file.is_file()]
        listing = [f"{file.relative_to(path).as_posix()} {file_digest(file)}" for file in inner]
        return hashlib.sha256("\n".join(listing).encode()).hexdigest()
    with _reading(path), open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path, data):
    """Write data as indented JSON, keys in their given order; NaN and infinity are a ValueError."""
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with replacing(path) as file:
        file.write(text.encode())


def _zarr_members(dataset):
    """Make the files of the zarr store of a dataset: name to bytes."""
    from zarr.codecs import ZstdCodec
    from zarr.storage import MemoryStore

    # What a dataset remembers of the file it was read from must not shape the new one.
    dataset = dataset.drop_encoding()
    encoding = {
        name: {"chunks": _chunks(variable), "compressors": [ZstdCodec(level=_COMPRESSION_LEVEL)]}
        for name, variable in dataset.variables.items()
    }
    for name, variable in dataset.variables.items():
        if variable.dtype.kind == "U":  # zarr has no stable format for fixed-width strings
            dataset[name] = variable.astype(object)
    buffers = {}
    dataset.to_zarr(MemoryStore(buffers), encoding=encoding, zarr_format=3, consolidated=False)
    return {name: buffer.to_bytes() for name, buffer in buffers.items()}


def _chunks(variable):
    """Shape of the chunks: the whole variable, or slabs of a large one along the first axis."""
    shape = [max(1, length) for length in variable.shape]
    if variable.nbytes > _LARGEST_CHUNK:
        shape[0] = max(1, shape[0] * _LARGEST_CHUNK // variable.nbytes)
    return tuple(shape)


def _canonical_json(data):
    return json.dumps(data, sort_keys=True, allow_nan=False)


def _first_difference(stored, wanted, prefix=""):
    """Find the first (key, stored value, wanted value) of `wanted` that differs, or None.

    Keys of nested dicts are joined by dots.
    """
    for key, value in json.loads(json.dumps(wanted)).items():
        name = f"{prefix}{key}"
        if key not in stored:
            return name, "nothing", json.dumps(value)
        if isinstance(value, dict) and isinstance(stored[key], dict):
            difference = _first_difference(stored[key], value, f"{name}.")
            if difference:
                return difference
        elif value != stored[key]:
            return name, json.dumps(stored[key]), json.dumps(value)
    return None


# ----------------------------------------------------------------------------------- checkpoints


class Checkpoint:
    """The state of an interrupted stage, on disk, locked as long as this object is open.

    The lock (on an empty file `<path>.lock` that stays) keeps an orphaned worker and its successor
    from writing the same checkpoint. Use it in a `with` statement, or call `close`.

    Parameters
    ----------
    path : path-like
        The checkpoint's file; missing folders are made.
    key : str
        Digest of all that the state depends on (parameters, code, inputs): a checkpoint with
        another key is of no use and is removed when it is loaded.
    patience : float
        How long to wait for another process to release the lock (s).
    notify : callable
        Called with one sentence when there is something to wait for.

    Raises
    ------
    UserError
        Another process keeps the lock, or the folder cannot be written.
    """

    def __init__(self, path, key, *, patience=10.0, notify=print):
        self.path = Path(path)
        self.key = key
        self._lock = _lock(self.path, patience, notify)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        """Release the lock; the checkpoint itself stays."""
        self._lock.close()

    def save(self, arrays):
        """Replace the checkpoint.

        Parameters
        ----------
        arrays : dict of str to ndarray
            Of any shape and any dtype but object; come back bit by bit.

        Raises
        ------
        UserError
            The disk is full or the folder cannot be written; the older checkpoint stays.
        """
        header = json.dumps({"key": self.key, "arrays": list(arrays)})
        members = {"checkpoint.json": header.encode()}
        for index, array in enumerate(arrays.values()):
            members[f"{index}.npy"] = np.asarray(array)
        with replacing(self.path) as file:
            _write_archive(file, members)

    def load(self):
        """Return the saved arrays (dict), or None when there is none with this key.

        Raises
        ------
        UserError
            The checkpoint is damaged or cannot be read.
        """
        if not self.path.exists():
            return None
        _require_undamaged(
            self.path, "delete it and run again (the stage then starts from its beginning)"
        )
        with _reading(self.path), zipfile.ZipFile(self.path) as archive:
            header = json.loads(archive.read("checkpoint.json"))
            if header["key"] == self.key:
                arrays = {}
                for index, name in enumerate(header["arrays"]):
                    with archive.open(f"{index}.npy") as member:
                        arrays[name] = np.lib.format.read_array(member, allow_pickle=False)
                return arrays
        self.remove()
        return None

    def remove(self):
        """Delete the checkpoint, if there is one, and what a killed write left behind."""
        with writing(self.path):
            self.path.unlink(missing_ok=True)
            _remove_leftovers(self.path)


@cache
def hold(folder):
    """Keep other runs out of a folder of results until this process ends, in whatever way it ends.

    The open descriptor is the lock: it is never closed, and no other process inherits it.

    Raises
    ------
    UserError
        Another run is at work there, or the folder cannot be written.
    """
    try:
        os.makedirs(folder, exist_ok=True)
        descriptor = os.open(f"{folder}/.lock", os.O_CREAT | os.O_RDWR)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(
            f"Another run is at work in {folder}: wait for it or end it, then try again."
        ) from None
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP):  # no locks here
            raise unusable(folder, "written", error) from None


def unusable(folder, how, error):
    """Return the UserError of a folder of results that cannot be written or read."""
    return UserError(
        f"The results folder {folder} cannot be {how} ({error.strerror}): set results to another "
        "folder."
    )


def _lock(path, patience, notify):
    """Lock `<path>.lock`; the open file is returned, its closing or the process's end unlocks."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path.with_name(path.name + ".lock"), "a+")
    try:
        deadline = time.monotonic() + patience
        while not _try_lock(file, path):
            file.seek(0)
            holder = file.read() or "unknown"
            if time.monotonic() >= deadline:
                raise UserError(
                    f"The checkpoint {path} is in use by another process ({holder}): wait until"
                    " that run has ended, or end that process, then run again."
                )
            if notify:
                notify(f"Waiting for another process ({holder}) to let go of {path}.")
                notify = None
            time.sleep(0.1)
        with writing(path):
            file.truncate(0)
            file.write(f"{os.getpid()} on {platform.node()}")
            file.flush()
    except BaseException:
        with suppress(OSError):
            file.close()
        raise
    return file


def _try_lock(file, path):
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise UserError(
            f"Cannot lock {path} ({error.strerror}): this file system has no locks; put the folder"
            " of the checkpoints on another one."
        ) from error
    return True


# ------------------------------------------------------------------------- archives, whole or not


def _write_archive(file, members):
    """Write a zip archive that ends in the SHA-256 of all bytes ahead, free of dates and modes.

    Parameters
    ----------
    file : binary file
        Empty, open for writing and reading.
    members : dict of str to bytes or ndarray
        Written in this order; an array as an npy file.
    """
    with zipfile.ZipFile(file, "w") as archive:
        archive.comment = b"0" * _CHECKSUM_LENGTH
        for name, content in members.items():
            # A ZipInfo made by hand has the fixed date 1980-01-01.
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
                if isinstance(content, np.ndarray):
                    np.lib.format.write_array(member, content, allow_pickle=False)
                else:
                    member.write(content)
    length = file.seek(0, os.SEEK_END) - _CHECKSUM_LENGTH
    checksum = _checksum(file, length)
    file.seek(length)
    file.write(checksum)


def _require_undamaged(path, mend):
    with _reading(path), open(path, "rb") as file:
        length = file.seek(0, os.SEEK_END) - _CHECKSUM_LENGTH
        undamaged = length > 0 and _checksum(file, length) == file.read()
    if not undamaged and _is_of_another_program(path):
        raise UserError(f"The file {path} is of another program: it has no checksum of this one.")
    if not undamaged:
        raise UserError(f"The file {path} is damaged (its checksum does not match): {mend}.")


def _is_of_another_program(path):
    """Whether a file ends as a zip archive without a comment does, where ours has a checksum."""
    end = Path(path).read_bytes()[-_END_OF_ARCHIVE:]
    return end.startswith(b"PK\x05\x06") and end.endswith(b"\x00\x00")


def _checksum(file, length):
    """SHA-256 of the first `length` bytes, as hexadecimal digits; the file then stands there."""
    file.seek(0)
    digest = hashlib.sha256()
    while length > 0:
        block = file.read(min(length, 2**20))
        if not block:
            break
        digest.update(block)
        length -= len(block)
    return digest.hexdigest().encode()


@contextmanager
def replacing(path):
    """Give a new file to write, which takes the place of `path` when the block ends well."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        try:
            with open(temporary, "w+b") as file:
                with suppress(OSError):  # no locks there: nobody will tidy up behind this process
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield file
                file.flush()
                os.fsync(file.fileno())
                os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        _sync_folder(path.parent)


def _remove_leftovers(path):
    """Remove what killed processes left of `path`; a living one holds the lock of its file."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        with suppress(OSError), open(leftover) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            leftover.unlink()


def _sync_folder(folder):
    """Make a rename in this folder outlast a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def writing(path):
    """Tell an operating system's error in the block as what it means for writing `path`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason, mend = "the disk is full", "free some space or choose another folder"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            reason, mend = "no permission to write there", "change it or choose another folder"
        else:
            reason, mend = error.strerror or str(error), "check the disk and the folder"
        raise UserError(f"Cannot write {path}: {reason}; {mend}, then run again.") from error


@contextmanager
def _reading(path):
    """Tell an operating system's error in the block as what it means for reading `path`."""
    try:
        yield
    except FileNotFoundError as error:
        raise UserError(
            f"The file {path} does not exist: check its name, or run the stage that makes it."
        ) from error
    except OSError as error:
        raise UserError(
            f"Cannot read {path} ({error.strerror or error}): check the file and its permissions."
        ) from error
