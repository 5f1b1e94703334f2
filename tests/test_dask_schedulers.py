"""Where dask computes, and what is said if it cannot compute there."""

import os
import sys

import dask
import pytest

from simcore.dask_schedulers import scheduler
from simcore.errors import UserError

process = dask.delayed(os.getpid)


def test_threads_are_of_this_process(tmp_path):
    with scheduler("threads", 1, tmp_path):
        assert process().compute() == os.getpid()


def test_processes_are_others(tmp_path):
    pytest.importorskip("distributed")
    with scheduler("distributed", 1, tmp_path):
        assert process().compute() != os.getpid()
    assert process().compute(scheduler="threads") == os.getpid()


@pytest.mark.parametrize(
    ("kind", "package"), [("distributed", "distributed"), ("slurm", "dask_jobqueue")]
)
def test_a_missing_package_is_named(tmp_path, monkeypatch, kind, package):
    if package != "distributed":
        pytest.importorskip("distributed")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=f"needs the package {package}: install it"):
        with scheduler(kind, 1, tmp_path):
            pass


def test_a_missing_slurm_is_named(tmp_path, monkeypatch):
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match="there is no sbatch here"):
        with scheduler("slurm", 1, tmp_path):
            pass
