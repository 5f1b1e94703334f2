"""Where compiled kernels are kept and reference data are found."""

import os
from pathlib import Path

import pytest

from simcore.provenance import kernels_digest

ROOT = Path(__file__).parent.parent


# Before anything imports numba: its cache knows nothing of a changed kernel in another file, so
# each version of the kernels has a cache of its own: the workflow's.
CACHE = ROOT / ".cache" / "kernels" / kernels_digest()
os.environ.setdefault("NUMBA_CACHE_DIR", str(CACHE))


@pytest.fixture(scope="session")
def reference_data():
    """The folder of the authors' data, which the project may not publish."""
    for folder in (os.environ.get("REFERENCE_DATA"), ROOT.parent / "shared" / "reference"):
        if folder and Path(folder).is_dir():
            return Path(folder)
    pytest.skip("no reference data: set REFERENCE_DATA to their folder")
