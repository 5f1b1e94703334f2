"""Print what a run would cost: jobs, CPU time, memory and disk by rule (make estimate)."""

import argparse
import os
import sys
from pathlib import Path

import yaml
from snakemake.api import SnakemakeApi
from snakemake.settings.enums import RerunTrigger
from snakemake.settings.types import (
    ConfigSettings,
    DAGSettings,
    ExecutionSettings,
    OutputSettings,
    ResourceSettings,
)

PROFILE = Path("profiles/default/config.yaml")


def main():
    """Plan the run without running it, as ``snakemake -n`` does."""
    options = read_options()
    # A study stands alone, as where Snakemake runs it.
    config = {"song": os.path.abspath(options.song)} if options.song else {}
    config |= {"kept": options.kept} if options.kept else {}
    files = [Path(options.configfile)] if options.configfile else []
    triggers = yaml.safe_load(PROFILE.read_text())["rerun-triggers"]
    with SnakemakeApi(OutputSettings(dryrun=True, log_level_override="ERROR")) as api:
        try:
            plan = api.workflow(
                resource_settings=ResourceSettings(cores=options.cores),
                config_settings=ConfigSettings(config=config, configfiles=files),
                snakefile=Path("Snakefile"),
            )
            chosen = frozenset(map(RerunTrigger.parse_choice, triggers))
            dag = plan.dag(DAGSettings(rerun_triggers=chosen))
            dag.execute_workflow("dryrun", execution_settings=ExecutionSettings(lock=False))
        except Exception as error:
            api.print_exception(error)
            sys.exit(1)
        show(plan._workflow, options)


def read_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configfile", help="the study")
    parser.add_argument("--song", help="recording for targets of kind song")
    parser.add_argument("--kept", help="folder of what earlier runs kept")
    parser.add_argument("--cores", default="all", type=cores, help="their number, or all")
    parser.add_argument(
        "--job-seconds",
        type=float,
        default=30,
        help="work of a job of a sweep; minutes on a cluster",
    )
    return parser.parse_args()


def cores(text):
    """A number of cores; all: those that this process may use."""
    if text == "all":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if not (text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text} is no number of cores")
    return int(text)


def show(workflow, options):
    """Print the estimate of a planned workflow: of a study, or of each one of a collection."""
    parts = list(workflow.globals.get("PARTS", {"": workflow.globals}).values())
    compiled = set()
    seconds = [show_study(part, workflow.dag, options, compiled) for part in parts]
    if len(parts) > 1:
        cpu, walls = map(list, zip(*seconds, strict=True))
        in_words = parts[0]["estimates"].in_words
        wall = in_words(max(sum(cpu) / options.cores, *walls))
        print(f"All studies: {sum(cpu) / 3600:.3g} CPU hours, {wall} on {options.cores} cores.")


def show_study(known, dag, options, compiled):
    """Print the estimate of a study whose rules know this; return its CPU and wall seconds.

    Kernels that are ``compiled`` already count no more; those of this study join them.
    """
    estimates = known["estimates"]
    folder = Path(known["FOLDER"])
    jobs = known["jobs_of"](dag, dag.needrun)
    records = estimates.Records(folder)
    sentence = records.judgement(jobs)
    new = {name: cpu for name, cpu in known["compiling"](jobs).items() if name not in compiled}
    compiled.update(new)
    rows, wall = estimates.estimate(jobs, records, sum(new.values()), options.cores)
    print(f"To do for {folder}:")
    print("\n".join(estimates.table(rows)))
    total = rows[-1]
    print(
        f"In all {total[2] / 3600:.3g} CPU hours: {estimates.in_words(wall)} "
        f"on {options.cores} cores, if nothing else runs there."
    )
    if points := known["points_seconds"](records):
        now = known["STUDY"].sweeps.batch
        print("\n".join(estimates.advice(points, now, options.job_seconds)))
    if sentence:
        print(sentence)
    return total[2], wall


if __name__ == "__main__":
    main()
