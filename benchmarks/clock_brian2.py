"""The clock network in Brian2, from what its users write to what can be got out of it.

    python clock_brian2.py FOLDER MODE CLUSTER_SIZE WARM_UP_STEPS STEPS REPEATS
                           [--sums] [--tuned] [--precision 64]

FOLDER holds the network in the files that benchmarks/clock.c reads and describes; MODE is static,
plastic, or stimulated (plastic, the clusters stimulated in turn). Prints one JSON object in the
last line. Needs Brian2 and a C++ compiler, not simcore.

The model becomes a C++ program (Brian2's standalone mode) that runs in one thread. Traces and
filters belong to neurons, not to synapses; normalization has a clock of its own.

As its users write it, a neuron that is depolarized has an event of its own, at which potentiation
touches the synapses onto it. V is held "(unless refractory)", external events are drawn by
poisson(), and the compiler's flags are Brian2's own.

With --sums, potentiation is simcore's: one running sum G for each postsynaptic neuron; a weight is
touched when its presynaptic neuron fires and at each normalization.

Tuned (--tuned), as nobody would without knowing how simcore does it:

- Refractoriness is a counter: of "(unless refractory)" the compiler cannot vectorize the loop.
- The external input is drawn from the generators in FOLDER, one for each neuron, by inversion. The
  numbers are those of clock.c, hence so are the spikes.
- The flag that keeps gcc from vectorizing the exponential is gone, and there is one that lets it
  vectorize loops over as many arrays as these neurons have.

It follows the specification in everything, with one exception that has changed no spike so far: the
spikes of the last step before a normalization are sent with the weights from before it.
"""

import argparse
import json
import math
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from brian2 import (
    BrianLogger,
    Function,
    Network,
    NeuronGroup,
    Synapses,
    __version__,
    defaultclock,
    device,
    ms,
    mV,
    pA,
    pF,
    prefs,
    seed,
    set_device,
)

DT = 0.1  # ms
RATES = {"E": 4.5, "I": 2.25, "stimulated": 22.5}  # kHz, of external events

# Parameters of the specification, as the equations below name them.
PARAMETERS = {
    **{"tau_m": 20 * ms, "C": 300 * pF, "V_reset": -60 * mV, "E_E": 0 * mV, "E_I": -75 * mV},
    **{"E_L_e": -70 * mV, "V_spike_e": 20 * mV, "D_T": 2 * mV, "b": 1000 * pA, "tau_w": 100 * ms},
    **{"V_T0": -52 * mV, "A_T": 10 * mV, "tau_T": 30 * ms},
    **{"E_L_i": -62 * mV, "V_spike_i": -52 * mV},
    # A neuron may fire again in the 51st step after a spike.
    "refractory_steps": 51,
    **{"tau_rise_E": 1 * ms, "tau_decay_E": 6 * ms, "tau_rise_I": 0.5 * ms, "tau_decay_I": 2 * ms},
    **{"external_e": 1.6 * pF, "external_i": 1.52 * pF, "external_unstimulated": -0.8 * pF},
    **{"E_L": -70 * mV, "V_theta": -49 * mV, "tau_u": 10 * ms, "tau_v": 7 * ms},
    "potentiation": DT * 0.0008 * pF / mV**2,
    "depression": DT * 0.0014 * pF / mV,
    **{"tau_x": 3.5 * ms, "x_factor": 1 - DT / 3.5},
    **{"w_E_min": 1.45 * pF, "w_E_max": 32.68 * pF},
    **{"eta": 1 * pF, "tau_y": 20 * ms, "y_target": 2 * 0.003 * 20},
    **{"w_I_min": 48.7 * pF, "w_I_max": 243 * pF},
    # Bounds the positive part of a potential from above; an infinite bound and -ffast-math do not
    # go together.
    "far": 1000 * mV,
}

NEURON = """
dx_rise_E/dt = -x_rise_E/tau_rise_E : farad
dx_decay_E/dt = -x_decay_E/tau_decay_E : farad
dx_rise_I/dt = -x_rise_I/tau_rise_I : farad
dx_decay_I/dt = -x_decay_I/tau_decay_I : farad
g_E = (x_decay_E - x_rise_E)/(tau_decay_E - tau_rise_E) : siemens
g_I = (x_decay_I - x_rise_I)/(tau_decay_I - tau_rise_I) : siemens
spike_count : integer
"""

COUNTERS = """
free = int(held <= 0) : 1
held : 1
uniform : 1
s0 : integer
s1 : integer
s2 : integer
s3 : integer
"""

EXCITATORY = """
dV/dt = free*((E_L_e - V + D_T*exp((V - V_T)/D_T))/tau_m
              + (g_E*(E_E - V) + g_I*(E_I - V) - w)/C) : volt
dV_T/dt = (V_T0 - V_T)/tau_T : volt
dw/dt = -w/tau_w : amp
"""

INHIBITORY = """
dV/dt = free*((E_L_i - V)/tau_m + (g_E*(E_E - V) + g_I*(E_I - V))/C) : volt
"""

# Voltages, and the trace x of the equations as they stand.
VOLTAGES = """
du/dt = (V - u)/tau_u : volt
dv/dt = (V - v)/tau_v : volt
total : farad
excess : farad
reference : farad (constant)
inputs : 1 (constant)
"""
TRACE_X = "dx/dt = -x/tau_x : 1\n"

# X is the trace x at the last spike of the neuron, divided by x_factor to the power of the steps
# between the last normalization and that spike; decay and growth are that power of now and 1/decay.
RUNNING_SUMS = """
X : 1
G : farad
decay : 1 (shared)
growth : 1 (shared)
"""

# Of a user's equation for V.
HELD = ": volt (unless refractory)\n"

TRACE_Y = "dy/dt = -y/tau_y : 1\n"
STIMULUS = "cluster : integer (constant)\nstimulated : 1\n"

# The step's jumps of V_T and w belong behind their decay, but the equations decay them first thing
# in the next step.
EXCITATORY_SPIKE = """
V = V_reset
V_T = V_T0 + A_T*(1 - dt/tau_T)
w += b*(1 - dt/tau_w)
spike_count += 1
"""

INHIBITORY_SPIKE = """
V = V_reset
spike_count += 1
"""

# xoshiro128++ in 32-bit integers; Brian2 has no operators for bits.
BIT_FUNCTIONS = {
    "exclusive_or": "a ^ b",
    "wrapped_sum": "a + b",
    "shifted": "a << b",
    "rotated": "(a << b) | (a >> (32 - b))",
}
DRAW = """
word = exclusive_or(wrapped_sum(rotated(wrapped_sum(s0, s3), 7), s0), sign_bit)
shift = shifted(s1, 9)
s2 = exclusive_or(s2, s0)
s3 = exclusive_or(s3, s1)
s1 = exclusive_or(s1, s2)
s0 = exclusive_or(s0, s3)
s2 = exclusive_or(s2, shift)
s3 = rotated(s3, 11)
uniform = word*2.0**-32 + 0.5
"""


def namespace():
    """Parameters and functions that the model's statements use."""
    functions = {}
    for name, body in BIT_FUNCTIONS.items():
        types = {"arg_types": ["integer", "integer"], "return_type": "integer"}
        function = Function(None, arg_units=[1, 1], return_unit=1, **types)
        code = f"static inline int32_t {name}(uint32_t a, uint32_t b) {{ return {body}; }}"
        function.implementations.add_implementation("cpp", code, name=name)
        functions[name] = function
    return PARAMETERS | functions | {"sign_bit": -(2**31)}


def poisson_thresholds(mean):
    """P(count <= k) for k = 0, 1, ..., in units of 2^-32, as long as it is below 1."""
    thresholds, total = [], 0.0
    while True:
        k = len(thresholds)
        total += math.exp(-mean) * mean**k / math.factorial(k)
        threshold = round(total * 2**32) / 2**32
        if threshold >= 1:
            return thresholds
        thresholds.append(threshold)


def events(kind, tuned):
    """The number of external events in a step as an expression: of ``uniform``, or by poisson()."""
    if not tuned:
        return f"poisson({RATES[kind] * DT!r})"
    thresholds = poisson_thresholds(RATES[kind] * DT)
    return "(" + " + ".join(f"int(uniform >= {value!r})" for value in thresholds) + ")"


def read_group(folder, name):
    """Presynaptic neurons, postsynaptic neurons and weights (pF) of a group of synapses."""
    row_pointer = np.fromfile(folder / f"{name}.row_pointer", np.int64)
    pre = np.repeat(np.arange(row_pointer.size - 1), np.diff(row_pointer))
    post = np.fromfile(folder / f"{name}.column", np.uint32).astype(int)
    return pre, post, np.fromfile(folder / f"{name}.weight")


class Model:
    """The network of a folder.

    Parameters
    ----------
    folder : pathlib.Path
    mode : {"static", "plastic", "stimulated"}
    cluster_size : int
    sums, tuned : bool
        Potentiation by running sums; everything else that is known to help.
    """

    def __init__(self, folder, mode, cluster_size, sums, tuned):
        self.folder, self.sums, self.tuned = folder, sums, tuned
        self.plastic, self.stimulated = mode != "static", mode == "stimulated"
        self.namespace = namespace()
        self.e, self.i = self.excitatory(), self.inhibitory()
        if self.stimulated:
            self.stimulate(cluster_size)
        self.e_to_e = self.plastic_e_to_e() if self.plastic else self.static("e_to_e")
        self.i_to_e = self.plastic_i_to_e() if self.plastic else self.static("i_to_e")
        self.e_to_i, self.i_to_i = self.static("e_to_i"), self.static("i_to_i")
        if self.plastic:
            self.normalize()
        synapses = self.e_to_e, self.i_to_e, self.e_to_i, self.i_to_i
        self.network = Network(self.e, self.i, *synapses)

    def neurons(self, kind, equations, **options):
        """Neurons with their initial potentials and generators."""
        V = np.fromfile(self.folder / f"V_{kind}")
        if self.tuned:
            equations += COUNTERS
            options["dtype"] = {"uniform": np.float64}
        else:
            equations = equations.replace("free*", "").replace(": volt\n", HELD, 1)
            options["refractory"] = 5 * ms + defaultclock.dt
        group = NeuronGroup(
            V.size,
            equations + NEURON,
            threshold=f"V > V_spike_{kind}",
            method="euler",
            namespace=self.namespace,
            name=f"neurons_{kind}",
            **options,
        )
        group.V = V * mV
        if self.tuned:
            words = np.fromfile(self.folder / f"random_{kind}", np.int32).reshape(4, V.size)
            group.s0, group.s1, group.s2, group.s3 = words
            # A loop of its own: gcc vectorizes this and the counting, but not both in one.
            group.run_regularly(DRAW, when="start", order=10)
        return group

    def spike(self, statements):
        """What a spike does to its neuron."""
        return statements + "held = refractory_steps\n" * self.tuned

    def external_input(self, received):
        """A step's external input; the counter of refractoriness runs down."""
        step = f"received = {received}\nx_rise_E += received\nx_decay_E += received\n"
        return step + "held -= 1\n" * self.tuned

    def events_of_excitatory(self):
        """What external events of a step bring, with the stimulus if there is one."""
        if not self.stimulated:
            return f"external_e*{events('E', self.tuned)}"
        if self.tuned:
            return (
                f"(external_unstimulated*{events('E', True)}*(1 - stimulated)"
                f" + external_e*{events('stimulated', True)}*stimulated)"
            )
        return (
            "(external_unstimulated*(1 - stimulated) + external_e*stimulated)"
            "*poisson(0.45 + 1.8*stimulated)"
        )

    def excitatory(self):
        equations, spike = EXCITATORY, self.spike(EXCITATORY_SPIKE)
        equations += STIMULUS * self.stimulated
        step = self.external_input(self.events_of_excitatory())
        options = {}
        if self.plastic:
            equations += VOLTAGES + TRACE_Y
            spike += "y += 1\n"
            if self.sums:
                equations += RUNNING_SUMS
                spike += "X += growth\n"
                step = "decay *= x_factor\ngrowth /= x_factor\n" + step
            else:
                equations += TRACE_X
                options["events"] = {
                    "depolarized": "V > V_theta and v > E_L",
                    "fired": "V > V_spike_e",
                }
        group = self.neurons("e", equations, **options)
        # Not as the reset, which comes after the synapses: the voltage rule sees V after its reset,
        # the inhibitory rule sees y raised.
        group.run_on_event("spike", spike, when="after_thresholds")
        group.run_regularly(step, when="before_groups")
        group.V_T = -52 * mV
        if self.plastic:
            group.u = group.v = -60 * mV
            self.voltage_rule(group)
        return group

    def voltage_rule(self, group):
        """What the voltage rule does to the E neurons."""
        if not self.sums:
            # After this step's reset. The trace of a neuron that fires jumps behind the synapses.
            group.set_event_schedule("depolarized", when="after_thresholds", order=1)
            group.set_event_schedule("fired", when="thresholds")
            group.run_on_event("fired", "x += 1", when="resets")
            return
        group.decay = group.growth = 1
        group.run_regularly(
            "G += potentiation*decay*clip(V - V_theta, 0*mV, far)*clip(v - E_L, 0*mV, far)",
            when="before_synapses",
        )

    def inhibitory(self):
        equations = INHIBITORY + TRACE_Y * self.plastic
        # The default time of a reset: E spikes see y of I neurons from before it.
        spike = self.spike(INHIBITORY_SPIKE) + "y += 1\n" * self.plastic
        group = self.neurons("i", equations, reset=spike)
        received = f"external_i*{events('I', self.tuned)}"
        group.run_regularly(self.external_input(received), when="before_groups")
        return group

    def stimulate(self, cluster_size):
        """Every 5 ms: one cluster for 10 ms, then none for 5 ms."""
        self.e.cluster = np.arange(self.e.N) // cluster_size
        self.namespace["clusters"] = int(self.e.N) // cluster_size
        self.e.run_regularly(
            """
            interval = int(t/(5*ms) + 0.5)
            on = int(interval % 3 < 2)
            stimulated = on*int(cluster == (interval//3) % clusters)
            """,
            dt=5 * ms,
            when="start",
        )

    def synapses(self, name, variable, **rules):
        """A group of synapses. Spikes act in the next step without any delay: the neurons' turn in
        this step is over when they are sent."""
        groups = {"e": self.e, "i": self.i}
        pre, post, weight = read_group(self.folder, name)
        synapses = Synapses(
            groups[name[0]],
            groups[name[-1]],
            f"{variable} : farad",
            delay={
                pathway.removeprefix("on_"): 0 * ms for pathway in rules if pathway != "on_event"
            },
            namespace=self.namespace,
            name=name,
            **rules,
        )
        synapses.connect(i=pre, j=post)
        setattr(synapses, variable, weight * pF)
        return synapses

    def static(self, name):
        return self.synapses(name, "weight", on_pre=send(name))

    def plastic_e_to_e(self):
        return self.summed_e_to_e() if self.sums else self.potentiated_e_to_e()

    def potentiated_e_to_e(self):
        """Potentiation at the event of the postsynaptic neuron, then depression at a spike."""
        synapses = self.synapses(
            "e_to_e",
            "weight",
            on_pre="""
            change = depression*clip(u_post - E_L, 0*mV, far)
            weight = clip(weight - change, w_E_min, w_E_max)
            """
            + send("e_to_e"),
            on_post="""
            change = potentiation*x_pre*(V_post - V_theta)*(v_post - E_L)
            weight = clip(weight + change, w_E_min, w_E_max)
            """,
            on_event={"pre": "spike", "post": "depolarized"},
        )
        synapses.post.order = -1
        return synapses

    def summed_e_to_e(self):
        """The weight of a synapse is base + X_pre G_post, clipped."""
        return self.synapses(
            "e_to_e",
            "base",
            on_pre="""
            weight = clip(base + (X_pre - growth_pre)*G_post, w_E_min, w_E_max)
            weight = clip(weight - depression*clip(u_post - E_L, 0*mV, far), w_E_min, w_E_max)
            base = weight - X_pre*G_post
            """
            + send("e_to_e"),
        )

    def plastic_i_to_e(self):
        synapses = self.synapses(
            "i_to_e",
            "weight",
            on_post="weight = clip(weight + eta*y_pre, w_I_min, w_I_max)",
            on_pre="weight = clip(weight + eta*(y_post - y_target), w_I_min, w_I_max)\n"
            + send("i_to_e"),
        )
        synapses.post.order = -1
        return synapses

    def normalize(self):
        """Every 20 ms: two passes over the E to E synapses, one over the E neurons between them."""
        _, post, weight = read_group(self.folder, "e_to_e")
        neurons = int(self.e.N)
        self.e.reference = np.bincount(post, weight, minlength=neurons) * pF
        self.e.inputs = np.maximum(np.bincount(post, minlength=neurons), 1)
        every = {"dt": 20 * ms, "when": "start"}
        weight, grown, begin_window = "weight", "", ""
        if self.sums:
            weight, grown = "base", "base = clip(base + X_pre*G_post, w_E_min, w_E_max)\n"
            begin_window = "passed = decay\ndecay = 1\ngrowth = 1\nX *= passed\nG = 0*pF\n"
        self.e_to_e.run_regularly(f"{grown}total_post += {weight}", order=0, **every)
        self.e.run_regularly(
            begin_window + "excess = (total - reference)/inputs\ntotal = 0*pF", order=1, **every
        )
        self.e_to_e.run_regularly(
            f"{weight} = clip({weight} - excess_post, w_E_min, w_E_max)", order=2, **every
        )

    def mean_e_to_e(self):
        """Of the weights at the end, pF."""
        if not (self.plastic and self.sums):
            return float(np.mean(self.e_to_e.weight[:] / pF))
        pre, post, _ = read_group(self.folder, "e_to_e")
        weight = self.e_to_e.base[:] / pF + self.e.X[:][pre] * (self.e.G[:] / pF)[post]
        return float(np.mean(np.clip(weight, 1.45, 32.68)))


def send(name):
    """A spike's weight enters both filters."""
    kind = name[0].upper()
    return f"x_rise_{kind}_post += weight\nx_decay_{kind}_post += weight\n"


# Runs the compiled network again, several times, without anything between; Brian2 generates and
# compiles code anew for each run of the script.
TIMED_RUNS = """
std::ofstream benchmark("benchmark.txt");
for (int repeat = 0; repeat < {repeats}; repeat++) {{
    timespec cpu_begin, cpu_end, wall_begin, wall_end;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_begin);
    clock_gettime(CLOCK_MONOTONIC, &wall_begin);
    {network}.run({seconds!r}, NULL, 10.0);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_end);
    clock_gettime(CLOCK_MONOTONIC, &wall_end);
    benchmark << (cpu_end.tv_sec - cpu_begin.tv_sec)
                     + 1e-9 * (cpu_end.tv_nsec - cpu_begin.tv_nsec) << " "
              << (wall_end.tv_sec - wall_begin.tv_sec)
                     + 1e-9 * (wall_end.tv_nsec - wall_begin.tv_nsec) << std::endl;
}}
std::ifstream status("/proc/self/status");
for (std::string line; std::getline(status, line);)
    if (line.compare(0, 6, "VmHWM:") == 0) benchmark << line.substr(6) << std::endl;
"""


def measure(given, folder):
    """Build the program in a folder, run it, return what it found."""
    prefs.core.default_float_dtype = np.float32 if given.precision == 32 else np.float64
    if given.tuned:
        prefs.codegen.cpp.extra_compile_args_gcc = [
            *("-w", "-O3", "-ffast-math", "-march=native", "-std=c++11"),
            "--param=vect-max-version-for-alias-checks=1000",
        ]
    prefs.devices.cpp_standalone.extra_make_args_unix = [f"-j{os.cpu_count()}"]
    BrianLogger.suppress_name("only_threshold")  # E neurons have their reset elsewhere
    set_device("cpp_standalone", build_on_run=False)
    defaultclock.dt = DT * ms
    seed(1)
    model = Model(given.folder, given.mode, given.cluster_size, given.sums, given.tuned)
    begun = time.perf_counter()
    model.network.run(given.warm_up_steps * DT * ms)
    # As text, so that the program does it, then; Brian2 would take plain numbers for the result.
    model.e.spike_count = model.i.spike_count = "0"
    seconds = given.steps * DT / 1000
    timed = TIMED_RUNS.format(repeats=given.repeats, network=model.network.name, seconds=seconds)
    device.insert_code("main", timed)
    device.build(directory=folder, compile=True, run=False, clean=False)
    build = time.perf_counter() - begun
    device.run(folder, with_output=False, run_args=[])
    *times, memory = (Path(folder) / "benchmark.txt").read_text().splitlines()
    cpu, wall = zip(*(map(float, line.split()) for line in times), strict=True)
    return {
        "simulator": "Brian2",
        "version": __version__,
        "cpu_s": cpu,
        "wall_s": wall,
        "peak_memory_MB": int(memory.split()[0]) * 1024 / 1e6,
        "build_s": build,
        "spikes_e": int(np.sum(model.e.spike_count[:])),
        "spikes_i": int(np.sum(model.i.spike_count[:])),
        "mean_e_to_e": model.mean_e_to_e(),
        "mean_i_to_e": float(np.mean(model.i_to_e.weight[:] / pF)),
        "precision": given.precision,
        "sums": given.sums,
        "tuned": given.tuned,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds the network")
    parser.add_argument("mode", choices=["static", "plastic", "stimulated"])
    parser.add_argument("cluster_size", type=int, help="E neurons of a cluster")
    parser.add_argument("warm_up_steps", type=int, help="steps before those that are timed")
    parser.add_argument("steps", type=int, help="steps of each repeat")
    parser.add_argument("repeats", type=int)
    parser.add_argument("--precision", type=int, choices=[32, 64], default=64, help="bits")
    parser.add_argument("--sums", action="store_true", help="potentiation as simcore does it")
    parser.add_argument("--tuned", action="store_true", help="as far as it goes")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(given, folder)))


if __name__ == "__main__":
    main()
