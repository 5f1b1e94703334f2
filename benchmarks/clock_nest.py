"""The clock network in NEST, without plasticity: the time of simcore's peer.

    python clock_nest.py FOLDER MODE CLUSTER_SIZE WARM_UP_STEPS STEPS REPEATS

FOLDER holds the network in the files that benchmarks/clock.c reads and describes; MODE can only be
static. Prints one JSON object in the last line. Needs NEST, NESTML, headers of boost and g++, not
simcore.

None of NEST's own neurons fits: aeif_cond_beta_multisynapse and iaf_cond_beta have these synapses,
but a threshold that does not move, and an adaptive Runge-Kutta method that takes several times as
long. So the neurons are written in NESTML, as NEST's users do, which makes C++ of them. They draw
their external input themselves, which is faster than NEST's poisson_generator.

What differs from the specification:

- Spikes act one step later.
- The random numbers are NEST's.
- Nothing learns. NEST's voltage rule (clopath_synapse) is for neurons without conductances, and
  nothing in NEST normalizes weights: the replication of this network needed C++ of its own.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sysconfig
import tempfile
import time
from pathlib import Path

import nest
import numpy as np
from measuring import peak_memory
from pynestml.exceptions.invalid_path_exception import InvalidPathException
from pynestml.frontend.pynestml_frontend import generate_target

DT = 0.1  # ms
GROUPS = ("e_to_e", "e_to_i", "i_to_e", "i_to_i")
SIGN = {"e": 1.0, "i": -1.0}  # by which the neurons below know the kind of a spike

# Both models; the neurons' own lines go where the braces are. Factors are made before the run, as a
# compiler may not turn the divisions of every step into products.
MODEL = """
model clock_{kind}_neuron:
    state:
        V_m real = -60.0
        x_rise_E real = 0.0
        x_decay_E real = 0.0
        x_rise_I real = 0.0
        x_decay_I real = 0.0
        received_E real = 0.0
        received_I real = 0.0
        held integer = 0
{state}
    parameters:
        V_reset real = -60.0
        refractory_time ms = 5 ms
{parameters}
    internals:
        dt real = resolution() / (1 ms)
        no_event real = exp(-external_events)
        leak real = dt / 20.0
        per_C real = dt / 300.0
        keep_rise_E real = 1.0 - dt / 1.0
        keep_decay_E real = 1.0 - dt / 6.0
        keep_rise_I real = 1.0 - dt / 0.5
        keep_decay_I real = 1.0 - dt / 2.0
        per_E real = 1.0 / (6.0 - 1.0)
        per_I real = 1.0 / (2.0 - 0.5)
        refractory_steps integer = steps(refractory_time)
{internals}
    input:
        e_spikes <- excitatory spike
        i_spikes <- inhibitory spike

    output:
        spike

    onReceive(e_spikes):
        received_E += e_spikes * 1 s

    onReceive(i_spikes):
        received_I += i_spikes * 1 s

    update:
        # A Poisson number by inversion: faster than random_poisson, which draws several numbers.
        uniform real = random_uniform(0, 1)
        probability real = no_event
        events integer = 0
        while uniform >= probability and events < 20:
            uniform -= probability
            events += 1
            probability *= external_events / events
        received_E += external_weight * events
        x_rise_E = keep_rise_E * x_rise_E + received_E
        x_decay_E = keep_decay_E * x_decay_E + received_E
        x_rise_I = keep_rise_I * x_rise_I + received_I
        x_decay_I = keep_decay_I * x_decay_I + received_I
        received_E = 0.0
        received_I = 0.0
{decays}
        if held > 0:
            held -= 1
        else:
            g_E real = per_E * (x_decay_E - x_rise_E)
            g_I real = per_I * (x_decay_I - x_rise_I)
            current real = -g_E * V_m - g_I * (75.0 + V_m)
{advance}

    onCondition(V_m > V_spike):
        V_m = V_reset
        held = refractory_steps
{jumps}
        emit_spike()
"""

EXCITATORY = MODEL.format(
    kind="e",
    state="""
        V_T real = V_T0
        w real = 0.0
""",
    parameters="""
        external_events real = 0.45  # in a step
        external_weight real = 1.6
        E_L real = -70.0
        V_spike real = 20.0
        D_T real = 2.0
        V_T0 real = -52.0
        A_T real = 10.0
        b real = 1000.0
""",
    internals="""
        per_D_T real = 1.0 / D_T
        follow_V_T real = dt / 30.0
        keep_w real = 1.0 - dt / 100.0
""",
    decays="""
        V_T += follow_V_T * (V_T0 - V_T)
        w *= keep_w
""",
    advance="""
            upstroke real = D_T * exp((V_m - V_T) * per_D_T)
            V_m += leak * (E_L - V_m + upstroke) + per_C * (current - w)
""",
    jumps="""
        V_T = V_T0 + A_T
        w += b
""",
)

INHIBITORY = MODEL.format(
    kind="i",
    state="",
    parameters="""
        external_events real = 0.225  # in a step
        external_weight real = 1.52
        E_L real = -62.0
        V_spike real = -52.0
""",
    internals="",
    decays="",
    advance="            V_m += leak * (E_L - V_m) + per_C * current",
    jumps="",
)


def install(folder):
    """Make NEST's models of the neurons above and load them.

    NESTML would have them compiled as the package of NEST says, but that of the wheel names the
    compiler and the folders of the machine on which it was made; so NESTML gives up at that point.
    """
    models, target = folder / "models", folder / "target"
    models.mkdir()
    (models / "clock_e_neuron.nestml").write_text(EXCITATORY)
    (models / "clock_i_neuron.nestml").write_text(INHIBITORY)
    with contextlib.suppress(InvalidPathException):
        generate_target(
            input_path=str(models),
            target_platform="NEST",
            target_path=str(target),
            module_name="clockmodule",
            logging_level="ERROR",
            codegen_opts={"nest_version": f"v{nest.__version__}"},
        )
    # NEST's headers mention this type of libltdl, which nothing here uses.
    (target / "ltdl.h").write_text("typedef struct lt__handle *lt_dlhandle;\n")
    packages = Path(sysconfig.get_path("purelib"))
    command = ["g++", "-shared", "-fPIC", "-std=c++20", "-fopenmp"]
    command += ["-O3", "-ffast-math", "-march=native", "-DNDEBUG"]
    command += ["-D_GLIBCXX_USE_CXX11_ABI=0"]  # as the wheel was compiled
    command += [f"-I{packages / 'nest/include/nest'}", f"-I{packages / 'boost_headers/include'}"]
    command += [f"-I{target}", "-o", folder / "clockmodule.so", *target.glob("*.cpp")]
    subprocess.run(list(map(str, command)), check=True)
    os.environ["LTDL_LIBRARY_PATH"] = str(folder)
    nest.ResetKernel()
    nest.Install("clockmodule")


def build(folder):
    """The network; returns the spike recorders of E and I neurons."""
    neurons, recorders = {}, {}
    for kind in ("e", "i"):
        V = np.fromfile(folder / f"V_{kind}")
        neurons[kind] = nest.Create(f"clock_{kind}_neuron", V.size)
        neurons[kind].V_m = V
        recorders[kind] = nest.Create("spike_recorder")
        nest.Connect(neurons[kind], recorders[kind])
    for name in GROUPS:
        source, target = name[0], name[-1]
        row_pointer = np.fromfile(folder / f"{name}.row_pointer", np.int64)
        pre = np.repeat(np.arange(row_pointer.size - 1), np.diff(row_pointer))
        post = np.fromfile(folder / f"{name}.column", np.uint32).astype(np.int64)
        weight = SIGN[source] * np.fromfile(folder / f"{name}.weight")
        nest.Connect(
            pre + neurons[source][0].global_id,
            post + neurons[target][0].global_id,
            "one_to_one",
            {
                "synapse_model": "static_synapse_hpc",
                "weight": weight,
                "delay": np.full(weight.size, DT),
            },
        )
    return recorders


def measure(given, folder):
    """Build the network, run it, return what was found."""
    begun = time.perf_counter()
    install(Path(folder))
    nest.set(resolution=DT, local_num_threads=1, rng_seed=1, print_time=False)
    recorders = build(given.folder)
    nest.Prepare()
    build_time = time.perf_counter() - begun
    nest.Run(given.warm_up_steps * DT)
    before = {kind: recorder.n_events for kind, recorder in recorders.items()}
    cpu, wall = [], []
    for _ in range(given.repeats):
        cpu_begun, wall_begun = time.process_time(), time.perf_counter()
        nest.Run(given.steps * DT)
        cpu.append(time.process_time() - cpu_begun)
        wall.append(time.perf_counter() - wall_begun)
    return {
        "simulator": "NEST",
        "version": nest.__version__,
        "cpu_s": cpu,
        "wall_s": wall,
        "peak_memory_MB": peak_memory(),
        "build_s": build_time,
        "spikes_e": recorders["e"].n_events - before["e"],
        "spikes_i": recorders["i"].n_events - before["i"],
        "mean_e_to_e": float(np.mean(np.fromfile(given.folder / "e_to_e.weight"))),
        "mean_i_to_e": float(np.mean(np.fromfile(given.folder / "i_to_e.weight"))),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds the network")
    parser.add_argument("mode", choices=["static"])
    parser.add_argument("cluster_size", type=int, help="E neurons of a cluster; not needed here")
    parser.add_argument("warm_up_steps", type=int, help="steps before those that are timed")
    parser.add_argument("steps", type=int, help="steps of each repeat")
    parser.add_argument("repeats", type=int)
    given = parser.parse_args()
    nest.set_verbosity("M_ERROR")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(given, folder)))


if __name__ == "__main__":
    main()
