# The main process: one run of a study at a time, ends when asked, says where to look.
# FOLDERS are those of the run and, of a collection, of its studies; the first is FOLDER.

import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

import psutil

from simcore.errors import UserError
from simcore.stores import hold, unusable


def hold_folders():
    """Keep other runs of these studies out until this process ends."""
    try:
        for folder in FOLDERS:
            hold(folder)
    except UserError as error:
        sys.exit(str(error))


def cancel_orphans(patience=120):
    """Cancel what killed runs left in Slurm's queue; the locks' files tell the names of their jobs.

    They get SIGTERM, write their checkpoints, and are not in the way of this run's jobs.
    """
    locks = [Path(folder) / ".lock" for folder in FOLDERS]
    names = {lock.read_text() for lock in locks} - {""}
    if names and shutil.which("scancel"):
        for name in names:
            subprocess.run(["scancel", f"--name={name}"])
        deadline = time.monotonic() + patience
        queue = ["squeue", "--noheader", f"--name={','.join(sorted(names))}"]
        while time.monotonic() < deadline and subprocess.run(queue, capture_output=True).stdout:
            time.sleep(1)
    # Only the executor for Slurm names its jobs by run.
    for lock in locks:
        lock.write_text(getattr(workflow.scheduler._executor, "run_uuid", ""))


# Snakemake would list the folder and end in a traceback.
for folder in FOLDERS:
    try:
        os.scandir(folder).close()
    except FileNotFoundError:
        pass  # nothing has run yet
    except OSError as error:
        sys.exit(str(unusable(folder, "read", error)))


def stop_jobs(*_):
    """End on SIGTERM as on Ctrl-C; Snakemake would wait for running jobs and not tell them.

    Jobs run the same Python; the shells between must live until their job has ended.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # a second one would end in a traceback
    this = psutil.Process()
    for process in this.children(recursive=True):
        try:
            if process.exe() == this.exe():
                process.terminate()
        except psutil.Error:
            pass  # it has just ended
    raise KeyboardInterrupt


# Ctrl-C reaches jobs through stop_jobs alone: one that is still importing would end in a traceback.
# No shell stays between: Slurm's SIGTERM would end it, and with it the job, before the checkpoint.
shell.prefix("trap '' INT; exec ")


# Before the first job; not in dry runs, nor when nothing is to be done, nor in the nested processes
# of cluster jobs. Snakemake has set its own handlers by then.
onstart:
    hold_folders()
    cancel_orphans()
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop_jobs)


def report_after_run(**settings):
    """Make Snakemake's report, in the study's folder if the profile's place stands; say where.

    Snakemake calls it after a run that ended well, also when nothing was to be done. A dry run, or
    one of some stages only, has nothing to report on.
    """
    if workflow.dryrun or not os.path.exists(f"{FOLDER}/report.html"):
        return
    chosen = settings["report_settings"]
    if str(chosen.path) == "results/workflow.html":
        settings["report_settings"] = replace(chosen, path=Path(f"{FOLDER}/workflow.html"))
    with warnings.catch_warnings():
        # Snakemake drops coroutines when it evaluates a profile's resources in here.
        warnings.simplefilter("ignore", RuntimeWarning)
        make_report(**settings)
    print(f"Look at {FOLDER}/report.html (summary: {FOLDER}/summary.json).", file=sys.stderr)


if workflow.is_main_process:
    make_report = workflow.create_report
    workflow.create_report = report_after_run
    # Snakemake looks for the folder of the profile's place.
    try:
        os.makedirs("results", exist_ok=True)
    except OSError as error:
        sys.exit(f"The folder results cannot be made here ({error.strerror}): mend that.")
