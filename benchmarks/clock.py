"""The clock network beside its peers: `make benchmark`, or

    python benchmarks/clock.py [--rounds N] [--peers PYTHON] [--only PART ...] [--folder FOLDER]

Parts: ``peers``, the same network by simcore, by a literal C program (benchmarks/clock.c, gcc
-O2) and, where they are installed, by Brian2 and NEST, in turn, each in processes of its own;
``scaling``, simcore at other sizes; ``threads``, two networks in one process; ``start``, from
nothing to the first step. Results are written to FOLDER (results/benchmarks): JSON, a table, a
figure.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from clock_simcore import DT, prepare, write_network
from measuring import machine

from simcore import clock
from simcore.connectivity import balanced, hard_wired
from simcore.parameters import Clock
from simcore.streams import stream

HERE = Path(__file__).parent
SEED = 1
# What is simulated: the network, and the mode of the programs.
CASES = {
    "static": ("random", "static"),
    "plastic": ("random", "plastic"),
    "plastic, stimulated": ("random", "stimulated"),
    "plastic, sequential": ("hard-wired", "plastic"),
}
# Brian2 with what its users would not write, and options of the program.
BRIAN2_TUNED = {
    "Brian2, running sums": ["--sums"],
    "Brian2, tuned": ["--sums", "--tuned"],
}
WARM_UP_MS, MEASURED_MS, REPEATS = 200, 500, 3
SIZES = (1200, 2400, 4800, 6400)


def network_folder(folder, kind, clusters=30):
    """Write the paper's network, before learning or with its chain set by hand."""
    path = Path(folder) / f"{kind}_{clusters}"
    if not path.exists():
        path.mkdir()
        parameters = Clock(clusters=clusters)
        build = {"random": balanced, "hard-wired": hard_wired}[kind]
        write_network(path, build(parameters, stream(SEED, "weights")), parameters, SEED)
    return path


def programs(folder, peers):
    """Commands of all programs that can be run here, by name."""
    found = {"simcore": [sys.executable, HERE / "clock_simcore.py"]}
    found["simcore, 64-bit"] = [*found["simcore"], "--precision", "64"]
    literal = Path(folder) / "clock"
    build = ["gcc", "-O2", "-std=c11", "-o", literal, HERE / "clock.c", "-lm"]
    try:
        subprocess.run(build, check=True)
        found["literal C"] = [literal]
    except (FileNotFoundError, subprocess.CalledProcessError):
        print("No literal C program: gcc is needed.", file=sys.stderr)
    for name, module in (("Brian2", "brian2"), ("NEST", "nest")):
        script = HERE / f"clock_{module}.py"
        if script.exists() and peers and can_import(peers, module):
            found[name] = [peers, script]
        else:
            print(f"{name} is left out: it is not installed for {peers}.", file=sys.stderr)
    if "Brian2" in found:
        for name, options in BRIAN2_TUNED.items():
            found[name] = [*found["Brian2"], *options]
    return found


def can_import(python, module):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        return subprocess.run([python, "-c", f"import {module}"], **quiet).returncode == 0
    except OSError:
        return False


def run(command, network, mode, cluster_size=80, measured=MEASURED_MS, repeats=REPEATS):
    """What a program prints about its run."""
    steps = [round(time / DT) for time in (WARM_UP_MS, measured)]
    extra = [part for part in command if str(part).startswith("--")]
    split = command.index(extra[0]) if extra else len(command)
    arguments = [network, mode, cluster_size, *steps, repeats]
    done = subprocess.run(
        [str(part) for part in [*command[:split], *arguments, *command[split:]]],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    if done.returncode:
        raise SystemExit(f"{command} ended with {done.returncode}: see above.")
    return json.loads(done.stdout.splitlines()[-1])


def compare(folder, peers, rounds):
    """All programs and cases in turn, again and again."""
    commands = programs(folder, peers)
    runs = {case: {name: [] for name in commands} for case in CASES}
    for kind, mode in CASES.values():  # compiles what needs it
        run(commands["simcore"], network_folder(folder, kind), mode, measured=1, repeats=1)
    run(commands["simcore, 64-bit"], network_folder(folder, "random"), "static", measured=1)
    for turn in range(rounds):
        for case, (kind, mode) in CASES.items():
            for name, command in commands.items():
                # NEST has no plasticity that fits; the sums are those of plasticity.
                if name == {True: "Brian2, running sums", False: "NEST"}[mode == "static"]:
                    continue
                printed = run(command, network_folder(folder, kind), mode)
                runs[case][name].append(printed)
                per_second = statistics.median(printed["cpu_s"]) * 1e3 / MEASURED_MS
                print(f"{turn + 1}/{rounds} {case:20} {name:16} {per_second:.3f}", flush=True)
    return {
        case: {name: summary(printed) for name, printed in of_case.items() if printed}
        for case, of_case in runs.items()
    }


def summary(runs):
    """Medians and spread over all repeats of all rounds, per simulated second."""
    simulated = MEASURED_MS / 1e3
    cpu, wall = (
        np.concatenate([printed[key] for printed in runs]) / simulated
        for key in ("cpu_s", "wall_s")
    )
    last = runs[-1]
    seconds = simulated * len(last["cpu_s"])
    return {
        "version": last.get("version", "gcc -O2"),
        "repeats": cpu.size,
        "cpu_s_per_simulated_s": float(np.median(cpu)),
        "cpu_spread": [float(cpu.min()), float(cpu.max())],
        "wall_s_per_simulated_s": float(np.median(wall)),
        "simulated_s_per_s": float(1 / np.median(wall)),
        "peak_memory_MB": max(printed["peak_memory_MB"] for printed in runs),
        "build_s": last.get("build_s"),
        "spikes_e_per_s": last["spikes_e"] / seconds,
        "spikes_i_per_s": last["spikes_i"] / seconds,
        "mean_e_to_e": last["mean_e_to_e"],
        "mean_i_to_e": last["mean_i_to_e"],
    }


def scaling(folder, rounds):
    """Simcore at several sizes, in turn: time, memory, and time per neuron and synapse."""
    command = [sys.executable, HERE / "clock_simcore.py"]
    cases = {"static": "static", "plastic, stimulated": "stimulated"}
    cpu = {(case, size): [] for case in cases for size in SIZES}
    memory = {}
    for _ in range(rounds):
        for size in SIZES:
            for case, mode in cases.items():
                network = network_folder(folder, "random", size // 80)
                printed = run(command, network, mode)
                cpu[case, size] += printed["cpu_s"]
                memory[case, size] = printed["peak_memory_MB"]
    rows = []
    for (case, size), seconds in cpu.items():
        network = network_folder(folder, "random", size // 80)
        synapses = sum((network / f"{group}.column").stat().st_size // 4 for group in clock.GROUPS)
        median = statistics.median(seconds) * 1e3 / MEASURED_MS
        rows.append(
            {
                "case": case,
                "neurons_e": size,
                "neurons": size * 5 // 4,
                "synapses": synapses,
                "cpu_s_per_simulated_s": median,
                "ns_per_neuron_and_synapse_and_ms": 1e6 * median / (size * 5 // 4 + synapses),
                "peak_memory_MB": memory[case, size],
            }
        )
        print(f"{case:20} {size:5} E neurons: {median:.3f}", flush=True)
    return rows


def threads(folder, rounds, measured=1000):
    """How much faster two threads run two networks than one thread does, one after the other.

    A shared machine disturbs this more than anything else: five times as many rounds.
    """
    network = network_folder(folder, "hard-wired")
    modes = {"static": "static", "plastic, sequential": "plastic"}
    return {case: thread_gain(network, mode, 5 * rounds, measured) for case, mode in modes.items()}


def thread_gain(network, mode, rounds, measured):
    gains = []
    for _ in range(rounds):
        runs = [prepare(network, mode, 80, "32-bit") for _ in range(4)]
        for state, kernel in runs:
            clock.run(state, kernel, WARM_UP_MS)

        def advance(state, kernel):
            clock.run(state, kernel, WARM_UP_MS + measured)

        begun = time.perf_counter()
        for state, kernel in runs[:2]:
            advance(state, kernel)
        alone = time.perf_counter() - begun
        begun = time.perf_counter()
        workers = [threading.Thread(target=advance, args=arguments) for arguments in runs[2:]]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        gains.append(alone / (time.perf_counter() - begun))
    return {"gain": statistics.median(gains), "spread": [min(gains), max(gains)]}


START = """
import time
begun = time.perf_counter()
import numpy as np
from pathlib import Path
import sys
sys.path.insert(0, sys.argv[1])
from clock_simcore import prepare
from simcore import clock
state, network = prepare(Path(sys.argv[2]), "stimulated", 80, "32-bit")
clock.run(state, network, 0.1)
print(time.perf_counter() - begun)
"""


def start(folder, rounds):
    """Seconds from the start of Python's work to the first step, and of a cold compilation."""
    network = network_folder(folder, "random")
    command = [sys.executable, "-c", START, HERE, network]

    def seconds(**environment):
        done = subprocess.run(
            [str(part) for part in command],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
        )
        return float(done.stdout)

    seconds()
    warm = [seconds() for _ in range(rounds)]
    script = HERE.parent / "workflow" / "scripts" / "compile_clock.py"
    compilation = subprocess.run(
        [sys.executable, script],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"NUMBA_CACHE_DIR": str(Path(folder) / "cold")},
    )
    return {
        "first_step_s": statistics.median(warm),
        "first_step_spread": [min(warm), max(warm)],
        "cold_compilation_cpu_s": float(compilation.stdout),
    }


def table(result):
    """The comparison, for the report; ratios are those of the medians."""
    rows = []
    for case, of_case in result["peers"].items():
        own = of_case["simcore"]["cpu_s_per_simulated_s"]
        for name, entry in of_case.items():
            low, high = entry["cpu_spread"]
            seconds = entry["cpu_s_per_simulated_s"]
            cells = [
                f"{seconds:.3g} ({low:.3g} to {high:.3g})",
                f"{seconds / own:.1f}",
                f"{entry['simulated_s_per_s']:.3g}",
                f"{entry['peak_memory_MB']:.0f}",
                f"{entry['spikes_e_per_s'] / 2400:.2f}, {entry['spikes_i_per_s'] / 600:.2f}",
                f"{entry['mean_e_to_e']:.3f}, {entry['mean_i_to_e']:.2f}",
            ]
            rows.append([case, f"{name} ({entry['version']})", *cells])
    where = ", ".join(f"{key} {value}" for key, value in result["machine"].items())
    return {
        "title": "Speed beside other simulators",
        "header": [
            "case",
            "program",
            "CPU s per simulated s (range)",
            "times simcore's",
            "simulated s per s",
            "peak memory (MB)",
            "E, I rate (Hz)",
            "mean E to E, I to E (pF)",
        ],
        "rows": rows,
        "about": f"Measured by make benchmark on this machine: {where}. One core each; rates and "
        "mean weights show that all do the same work.",
    }


def markdown(table):
    lines = [table["header"], ["---"] * len(table["header"]), *table["rows"]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def draw(result, path):
    """CPU time by case and program, with 2400 + 600 neurons, and simcore's by size; medians."""
    import matplotlib.pyplot as plt
    import pandas as pd
    import seaborn as sns
    from matplotlib.ticker import FuncFormatter

    sns.set_theme(style="ticks", context="paper", palette="colorblind", font_scale=1.1)
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9, 3.6), width_ratios=(2, 1), layout="constrained"
    )
    programs = ["simcore", "simcore, 64-bit", "literal C", "Brian2", *BRIAN2_TUNED, "NEST"]
    rows = pd.DataFrame(
        {
            "case": case.replace(", ", ",\n"),
            "program": name,
            "seconds": entry["cpu_s_per_simulated_s"],
        }
        for case, of_case in result["peers"].items()
        for name, entry in of_case.items()
    )
    known = [name for name in programs if name in set(rows.program)]
    options = {"hue": "program", "hue_order": known, "style": "program", "style_order": known}
    sns.scatterplot(rows, x="case", y="seconds", s=70, ax=left, **options)
    left.set(xlabel="", title="2400 + 600 neurons (peers: 64-bit)")
    left.margins(x=0.15)
    left.legend(title="", frameon=False, ncols=3, loc="lower left", bbox_to_anchor=(0, 1.08))
    sizes = pd.DataFrame(result["scaling"])
    options = {"style": "case", "markers": ["o", "s"], "color": sns.color_palette()[0]}
    sns.lineplot(sizes, x="neurons", y="cpu_s_per_simulated_s", ax=right, **options)
    right.set(xlabel="neurons (p = 0.2)", title="simcore")
    right.legend(title="", frameon=False, loc="upper left")
    for axes in (left, right):
        axes.set(yscale="log", ylim=(0.02, 4), ylabel="CPU s per simulated s")
        axes.grid(axis="y", which="major", color="0.85")
        axes.set_yticks((0.02, 0.05, 0.1, 0.2, 0.5, 1, 2))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter("")
    sns.despine(figure)
    figure.savefig(path, dpi=200)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="of everything")
    parser.add_argument("--peers", metavar="PYTHON", help="that has Brian2 or NEST")
    parser.add_argument("--folder", type=Path, default=Path("results/benchmarks"))
    names = ("start", "threads", "scaling", "peers")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="PART")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    parts = given.folder / "clock_parts.json"
    result = json.loads(parts.read_text()) if parts.exists() else {}
    result["machine"] = machine()
    with tempfile.TemporaryDirectory() as folder:
        measure = {
            "peers": lambda: compare(folder, given.peers, given.rounds),
            "scaling": lambda: scaling(folder, given.rounds),
            "threads": lambda: threads(folder, given.rounds),
            "start": lambda: start(folder, given.rounds),
        }
        for part in given.only:
            result[part] = measure[part]()
            parts.write_text(json.dumps(result, indent=1) + "\n")
    if {"peers", "scaling"} <= set(result):
        result["table"] = table(result)
        (given.folder / "clock.md").write_text(markdown(result["table"]))
        draw(result, given.folder / "clock.png")
        # The report takes this up: it holds everything.
        (given.folder / "clock.json").write_text(json.dumps(result, indent=1) + "\n")
        print(markdown(result["table"]))
    print(f"Written: {given.folder}")


if __name__ == "__main__":
    main()
