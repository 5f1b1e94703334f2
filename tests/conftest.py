"""Where compiled kernels are kept and reference data are found."""

import fcntl
import os
from pathlib import Path

import pytest
import studies

from simcore.provenance import kernels_digest

ROOT = Path(__file__).parent.parent


# Before anything imports numba: its cache knows nothing of a changed kernel in another file, so
# each version of the kernels has a cache of its own: the workflow's.
CACHE = ROOT / ".cache" / "kernels" / kernels_digest()
os.environ.setdefault("NUMBA_CACHE_DIR", str(CACHE))


# They take minutes: first, so that two workers end at nearly the same time.
LONGEST = [
    f"test_{name}.py"
    for name in ("workflow", "sweep_workflow", "faults", "slurm", "resume", "rls_workflow")
]


def pytest_collection_modifyitems(items):
    """Put the tests of the longest files first, in this order (the Makefile keeps it)."""
    items.sort(key=lambda item: [*LONGEST, item.path.name].index(item.path.name))


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A finished run of a whole study: its file, its folder and what was printed.

    It is made once for all processes that run tests, to be read, not changed.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder, printed = folder / "whole", folder / "whole/printed.txt"
    folder.mkdir(exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        file = studies.write(folder, studies.WHOLE)
        if not printed.exists():
            done = studies.run(file)
            assert done.returncode == 0, done.text
            printed.write_text(done.text)
    return file, folder / "tiny", printed.read_text()


@pytest.fixture(scope="session")
def reference_data():
    """The folder of the authors' data, which the project may not publish."""
    for folder in (os.environ.get("REFERENCE_DATA"), ROOT.parent / "shared" / "reference"):
        if folder and Path(folder).is_dir():
            return Path(folder)
    pytest.skip("no reference data: set REFERENCE_DATA to their folder")
