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
                printed = run(command, network_folder(folder, kind), mode)
                runs[case][name].append(printed)
                per_second = statistics.median(printed["cpu_s"]) * 1e3 / MEASURED_MS
                print(f"{turn + 1}/{rounds} {case:20} {name:16} {per_second:.3f}", flush=True)
    return {
        case: {name: summary(printed) for name, printed in of_case.items()}
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


def threads(folder, rounds, measured=2000):
    """How much faster two threads run two networks than one thread does, one after the other."""
    network = network_folder(folder, "random")
    gains = []
    for _ in range(rounds):
        runs = [prepare(network, "stimulated", 80, "32-bit") for _ in range(4)]
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


def table(cases):
    """The comparison as a table in Markdown; ratios are those of the medians."""
    lines = [
        "| case | simulator | CPU s per simulated s (range) | simcore is faster by | wall s | "
        "peak memory (MB) | E, I rate (Hz) | mean E to E, I to E (pF) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for case, of_case in cases.items():
        own = of_case["simcore"]["cpu_s_per_simulated_s"]
        for name, entry in of_case.items():
            low, high = entry["cpu_spread"]
            lines.append(
                f"| {case} | {name} | {entry['cpu_s_per_simulated_s']:.3g} ({low:.3g} to "
                f"{high:.3g}) | {entry['cpu_s_per_simulated_s'] / own:.1f} | "
                f"{entry['wall_s_per_simulated_s']:.3g} | {entry['peak_memory_MB']:.0f} | "
                f"{entry['spikes_e_per_s'] / 2400:.2f}, {entry['spikes_i_per_s'] / 600:.2f} | "
                f"{entry['mean_e_to_e']:.3f}, {entry['mean_i_to_e']:.2f} |"
            )
    return "\n".join(lines) + "\n"


def draw(result, path):
    """CPU time by case and simulator, and simcore's by size."""
    import matplotlib.pyplot as plt
    import pandas as pd
    import seaborn as sns

    sns.set_theme(style="ticks", context="paper", palette="colorblind")
    rows = pd.DataFrame(
        {"case": case, "simulator": name, "seconds": entry["cpu_s_per_simulated_s"]}
        for case, of_case in result["peers"].items()
        for name, entry in of_case.items()
    )
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9, 3.6), width_ratios=(2, 1), layout="constrained"
    )
    sns.barplot(rows, x="case", y="seconds", hue="simulator", ax=left)
    for bars in left.containers:
        left.bar_label(bars, fmt="%.2g", fontsize=6)
    left.set(yscale="log", xlabel="", ylabel="CPU s per simulated s")
    left.legend(title="", frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    sizes = pd.DataFrame(result["scaling"])
    sns.lineplot(sizes, x="synapses", y="cpu_s_per_simulated_s", hue="case", marker="o", ax=right)
    right.set(xscale="log", yscale="log", xlabel="synapses", ylabel="CPU s per simulated s")
    right.legend(title="simcore", frameon=False)
    sns.despine(figure)
    figure.savefig(path, dpi=200)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="of everything")
    parser.add_argument("--peers", metavar="PYTHON", help="that has Brian2 or NEST")
    parser.add_argument("--folder", type=Path, default=Path("results/benchmarks"))
    parts = ("start", "threads", "scaling", "peers")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts, metavar="PART")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    stored = given.folder / "clock.json"
    result = json.loads(stored.read_text()) if stored.exists() else {}
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
            stored.write_text(json.dumps(result, indent=1) + "\n")
    if {"peers", "scaling"} <= set(result):
        (given.folder / "clock.md").write_text(table(result["peers"]))
        draw(result, given.folder / "clock.png")
        print(table(result["peers"]))
    print(f"Written: {given.folder}/clock.json")


if __name__ == "__main__":
    main()
