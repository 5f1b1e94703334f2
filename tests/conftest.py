"""Where compiled kernels are kept and reference data are found."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Before anything imports numba.
os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".cache" / "numba"))


@pytest.fixture(scope="session")
def reference_data():
    """The folder of the authors' data, which the project may not publish."""
    for folder in (os.environ.get("REFERENCE_DATA"), ROOT.parent / "shared" / "reference"):
        if folder and Path(folder).is_dir():
            return Path(folder)
    pytest.skip("no reference data: set REFERENCE_DATA to their folder")
