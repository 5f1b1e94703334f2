"""Compiling all kernels once, into the cache that every job reads."""

import fcntl
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from simcore import stores
from simcore.errors import UserError


def compile_kernels(this, part="clock", *arguments):
    """Fill the cache, unless that has been done; other jobs that need the same wait meanwhile.

    In a process of its own: it can be stopped at once, and the kernels that a stage does not use
    are no part of its code.

    Parameters
    ----------
    this : Stage
    part : str
        ``clock``, ``driven`` for plasticity under another clock's spikes, or ``rls`` for recursive
        least squares: the script that compiles them.
    *arguments : str
        For that script.
    """
    this.listen()
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    name = "_".join((part, *arguments)).replace(" ", "_")
    done = folder / f"compiled_{name}.json"
    if is_filled(done):
        return
    with locked(folder, name):
        if is_filled(done):
            return
        this.say(f"Compiling the kernels, {' '.join((part, *arguments))} (half a minute, once) ...")
        command = [sys.executable, Path(__file__).with_name(f"compile_{part}.py"), *arguments]
        compilation = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if this.stop:
            raise UserError("stopped while the kernels were compiled, as asked.")
        if compilation.returncode:
            raise UserError(f"The kernels could not be compiled into {folder}: see above.")
        seconds = float(compilation.stdout)
        this.say(f"Compiled the kernels in {seconds:.0f} CPU seconds.")
        stores.write_json(done, {"cpu_seconds": seconds, "files": kernel_files()})


@contextmanager
def locked(folder, name):
    """Keep other jobs out of the cache meanwhile."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / f".{name}.lock", "w")
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        raise UserError(
            f"The cache of compiled kernels {folder} cannot be used ({error.strerror}): check the "
            "disk and the folder."
        ) from None
    with lock:
        yield


def is_filled(done):
    """Whether the cache holds the kernels: not those of a file that was touched or moved."""
    return done.exists() and json.loads(done.read_text()).get("files") == kernel_files()


def kernel_files():
    """Path of each file of kernels, with its time and size."""
    files = sorted(Path(stores.__file__).with_name("kernels").glob("*.py"))
    return {str(file): [file.stat().st_mtime_ns, file.stat().st_size] for file in files}
