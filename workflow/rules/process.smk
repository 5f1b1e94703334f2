# The main process: one run of a study at a time, ends when asked, says where to look.

import errno
import fcntl
import shlex
import shutil
import signal
import subprocess
import time
import warnings
from dataclasses import replace
from functools import cache

import psutil

# Snakemake puts this into the commands of its scripts unquoted: a blank in the path would break them.
sys.executable = shlex.quote(sys.executable)

# Its scripts end when this process has died (workflow/scripts/stage.py).
os.environ["SNAKEMAKE_PROCESS"] = str(os.getpid())


@cache
def hold_lock(folder):
    """Keep other runs of this study out until this process ends, in whatever way it ends.

    The open descriptor is the lock: it is never closed, and no job inherits it. Once is enough.
    """
    try:
        os.makedirs(folder, exist_ok=True)
        descriptor = os.open(f"{folder}/.lock", os.O_CREAT | os.O_RDWR)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"Another run is at work in {folder}: wait for it or end it, then try again.")
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP):  # no locks here
            sys.exit(unusable("written", error))


def cancel_orphans(patience=120):
    """Cancel what a killed run left in Slurm's queue; the lock's file tells the name of its jobs.

    They get SIGTERM, write their checkpoints, and are not in the way of this run's jobs.
    """
    lock = Path(f"{FOLDER}/.lock")
    if (name := lock.read_text()) and shutil.which("scancel"):
        subprocess.run(["scancel", f"--name={name}"])
        deadline = time.monotonic() + patience
        queue = ["squeue", "--noheader", f"--name={name}"]
        while time.monotonic() < deadline and subprocess.run(queue, capture_output=True).stdout:
            time.sleep(1)
    # Only the executor for Slurm names its jobs by run.
    lock.write_text(getattr(workflow.scheduler._executor, "run_uuid", ""))


def unusable(how, error):
    """What to say of a results folder that cannot be used."""
    return (
        f"The results folder {FOLDER} cannot be {how} ({error.strerror}): "
        "set results to another folder."
    )


# Snakemake would list the folder and end in a traceback.
try:
    os.scandir(FOLDER).close()
except FileNotFoundError:
    pass  # nothing has run yet
except OSError as error:
    sys.exit(unusable("read", error))


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
    hold_lock(FOLDER)
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
