"""Where dask computes: in threads of this process, in processes here, or in jobs of Slurm."""

import logging
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import dask

from simcore.errors import UserError

# What a worker in a job of Slurm has, unless dask's own configuration says otherwise.
WORKER = {"cores": 1, "memory": "1GB"}


@contextmanager
def scheduler(kind, workers, logs):
    """Let dask compute in a chosen way as long as the block lasts.

    A script must guard what it does by ``if __name__ == "__main__"``: new processes import it.

    Parameters
    ----------
    kind : {"threads", "distributed", "slurm"}
        ``distributed`` starts processes here. ``slurm`` submits jobs; their partition, account and
        size stand in dask's configuration, under ``jobqueue.slurm``.
    workers : int
        Number of processes or jobs.
    logs : path-like
        Folder for the logs of jobs.

    Raises
    ------
    UserError
        A package or Slurm is missing, or Slurm refuses the jobs.
    """
    if kind == "threads":
        with dask.config.set(scheduler="threads"):
            yield
        return
    try:
        from distributed import Client

        cluster = {"distributed": _processes, "slurm": _jobs}[kind](workers, Path(logs))
    except ImportError as error:
        raise UserError(
            f"run.dask: {kind} needs the package {error.name}: install it (python -m pip install "
            "'.[cluster]'), or set run.dask to threads."
        ) from None
    with cluster, Client(cluster):
        yield


def _processes(workers, logs):
    from distributed import LocalCluster

    # What fails is told by the exception that reaches the caller.
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
    )


def _jobs(workers, logs):
    from dask_jobqueue import SLURMCluster

    if shutil.which("sbatch") is None:
        raise UserError("run.dask is slurm, but there is no sbatch here: set it to distributed.")
    unset = {
        key: value
        for key, value in WORKER.items()
        if dask.config.get(f"jobqueue.slurm.{key}") is None
    }
    cluster = SLURMCluster(log_directory=str(logs / "dask"), **unset)
    # Dask would wait for ever for jobs that Slurm refuses.
    trial = subprocess.run(
        ["sbatch", "--test-only"], input=cluster.job_script(), capture_output=True, text=True
    )
    if trial.returncode:
        cluster.close()
        reason = (trial.stderr.strip() or f"exit status {trial.returncode}").splitlines()[-1]
        raise UserError(
            f"Slurm refuses the workers of dask ({reason}): mend jobqueue.slurm in dask's "
            "configuration (docs/cluster.md)."
        )
    cluster.scale(workers)
    return cluster
