"""A private Slurm of one node: in a folder of its own, without root, systemd or files in /etc."""

import os
import platform
import shutil
import socket
import subprocess
import time
from getpass import getuser

import psutil

SBIN = f"{os.environ['PATH']}{os.pathsep}/usr/sbin"
DAEMONS = {name: shutil.which(name, path=SBIN) for name in ("munged", "slurmctld", "slurmd")}
PATIENCE = 60.0  # s

# Memory is watched each second, and a job that has too much is killed. A cancelled one has KillWait
# seconds between SIGTERM and SIGKILL.
CONFIGURATION = """\
ClusterName=private
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={port}
SlurmdPort={node_port}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
MinJobAge=600
ReturnToService=2
KillWait=30
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=16000 State=UNKNOWN
PartitionName=normal Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Slurm:
    """Its daemons run from here to ``stop``; ``variables`` lead commands to it."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("state", "spool", "bin"):
            (folder / name).mkdir()
        configuration = folder / "slurm.conf"
        about = {"host": platform.node().split(".")[0], "user": getuser(), "folder": folder}
        ports = {"port": free_port(), "node_port": free_port()}
        configuration.write_text(CONFIGURATION.format(**about, **ports))
        # Snakemake's job step drops SLURM_CONF from what its srun sees.
        srun = folder / "bin/srun"
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={configuration} exec {shutil.which("srun")} "$@"\n')
        srun.chmod(0o755)
        self.variables = {
            "SLURM_CONF": str(configuration),
            "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        }
        self.daemons = []
        self.start()

    def start(self):
        munge, listens_at = self.folder / "munge", self.folder / "munge.socket"
        key = munge.with_suffix(".key")
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        files = [f"--{name}-file={munge}.{name}" for name in ("key", "pid", "log", "seed")]
        self.daemon("munged", "--foreground", "--force", f"--socket={listens_at}", *files)
        wait_for(listens_at.exists, "munged did not start")
        self.daemon("slurmctld", "-D")
        self.daemon("slurmd", "-D")
        wait_for(lambda: self.ask("sinfo", "-h", "-o", "%t") == "idle", "Slurm did not start")

    def daemon(self, name, *options):
        with open(self.folder / f"{name}.out", "w") as output:
            self.daemons.append(
                subprocess.Popen(
                    [DAEMONS[name], *options],
                    env=os.environ | self.variables,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            )

    def stop(self):
        """End all jobs and the daemons."""
        self.ask("scancel", "--full", "--signal=KILL", f"--user={getuser()}")
        self.ask("scancel", f"--user={getuser()}")
        wait_for(lambda: not self.ask("squeue", "-h"), "jobs did not end", fails=False)
        for daemon in reversed(self.daemons):
            daemon.terminate()
            daemon.wait(PATIENCE)

    def ask(self, *command):
        """What a command of Slurm prints."""
        done = subprocess.run(
            command, env=os.environ | self.variables, stdout=subprocess.PIPE, text=True
        )
        return done.stdout.strip()

    def jobs(self, rule):
        """Number, state, megabytes and time limit of each job of a rule, by number."""
        lines = self.ask("squeue", "-h", "--states=all", "-o", "%i|%T|%m|%l|%k").splitlines()
        jobs = [line.split("|") for line in lines]
        found = [job[:4] for job in jobs if job[4].split("_wildcards")[0] == f"rule_{rule}"]
        return sorted(found, key=lambda job: int(job[0]))

    def worker(self):
        """The one process that runs a rule's script in a job."""
        for process in psutil.process_iter():
            try:
                script = ".snakemake/scripts/" in process.cmdline()[-1]
                if script and process.environ().get("SLURM_CONF") == self.variables["SLURM_CONF"]:
                    return process
            except (psutil.Error, IndexError):
                pass  # it has just ended, or is not ours to look at
        raise AssertionError("no script runs in a job")


def free_port():
    with socket.socket() as free:
        free.bind(("", 0))
        return free.getsockname()[1]


def wait_for(condition, otherwise, fails=True):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            assert not fails, otherwise
            return
        time.sleep(0.2)
