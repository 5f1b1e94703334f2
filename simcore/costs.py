"""What stages cost, before they run: CPU time, memory and disk by a model of their work.

The work of a stage follows from its parameters: steps times neurons and synapses, updates times the
numbers in the inverses. What a unit of work takes was measured (costs.json says how).
"""

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path

from simcore.parameters import Clock, Readout
from simcore.rls_parameters import Experiment

COEFFICIENTS = json.loads(Path(__file__).with_name("costs.json").read_text())
# Of a network whose size only its file of weights tells.
CLUSTERS_IN_FILE = 30
NANOSECOND, MEGABYTE = 1e-9, 1e6


@dataclass(frozen=True)
class Cost:
    """What a piece of work costs.

    Attributes
    ----------
    kind : str
        Of the work, for records to correct: a stage, or a rule that draws or gathers.
    cpu_seconds : float
    memory_mb : float
        Beyond what a job that does nothing takes.
    disk_mb : float
    kernels : str
        Which compiled kernels it needs, if any.
    """

    kind: str
    cpu_seconds: float
    memory_mb: float = 0.0
    disk_mb: float = 0.0
    kernels: str = ""


def of_stage(stage, given, *, clock=None, channels=0):
    """Return what one stage costs.

    Parameters
    ----------
    stage : str
        Name of a function of :mod:`simcore.stages`, ``rls_`` before those of
        :mod:`simcore.rls_stages`.
    given : dict
        Parameters that it uses.
    clock : dict, optional
        The clock's parameters with its sizes, which later stages do not name.
    channels : int
        Of the target, if read-outs take part.
    """
    if stage.startswith("rls_"):
        experiment = Experiment.model_validate(given["experiment"])
        simulates = stage != "rls_targets" or experiment.target.kind == "innate"
        kernels = f"rls {experiment.bits}-bit" if simulates else ""
        return replace(_RLS_STAGES[stage](experiment), kernels=kernels)
    if stage == "target":
        return Cost(stage, COEFFICIENTS["rules"]["target"], disk_mb=0.015 * channels)
    return _of_clock(stage, given, Clock.model_validate(clock), channels)


def of_step(step, *, stored=True):
    """Return what a step of a sweep (:class:`simcore.sweeps.Step`) costs, and its store if any."""
    clock = _first(step, "network", _clock_of)
    channels = _first(step, "target", lambda target: channels_of(target.given))
    cost = of_stage(step.stage, step.given, clock=clock, channels=channels or 0)
    return cost if stored else replace(cost, disk_mb=0.0)


def _first(step, stage, get):
    """What is got from the step of a stage among a step and all that it needs, if it is there."""
    if step.stage == stage:
        return get(step)
    found = (_first(before, stage, get) for before in step.inputs.values())
    return next((value for value in found if value is not None), None)


def channels_of(given):
    """Number of channels of a target: of a song or file, those of the demo's song."""
    if "sequences" in given:
        return sum(len(set(sequence)) for sequence in given["sequences"])
    return COEFFICIENTS["channels_of_song"]


def of_rule(rule):
    """Return what a rule costs that simulates nothing: about the same in every study."""
    known = COEFFICIENTS["rules"]
    name = next((name for name in known if rule.startswith(name)), "other")
    return Cost(name, known[name], disk_mb=COEFFICIENTS["figures_mb"] * (name != "other"))


def of_measuring(given, clock):
    """Return what it takes to measure a replay of the clock: its spikes are gone through."""
    spikes = _spikes(Clock.model_validate(clock), given["replay"]["duration"])
    return Cost("measure", spikes * COEFFICIENTS["measure_ns_per_spike"] * NANOSECOND)


def of_point(steps):
    """Return what it takes to measure the last steps of a sweep's point, and its store."""
    replays = [step for step in steps if step.stage == "replay"]
    seconds = [
        of_measuring(step.given, _first(step, "network", _clock_of)).cpu_seconds for step in replays
    ]
    return Cost("measure", sum(seconds), disk_mb=COEFFICIENTS["point_mb"])


def _clock_of(network):
    return network.given["clock"]


def _neurons(clock):
    """Numbers of E and I neurons."""
    neurons_e = clock.neurons_e or (clock.clusters or CLUSTERS_IN_FILE) * clock.cluster_size
    return neurons_e, clock.neurons_i or max(neurons_e // 4, 1)


def _synapses(clock):
    """Number of all synapses."""
    neurons_e, neurons_i = _neurons(clock)
    p_e_to_e = clock.p_e_to_e
    if p_e_to_e is None:
        trained = clock.connectivity == "trained"
        p_e_to_e = min(clock.p * 80 / clock.cluster_size, 1) if trained else clock.p
    others = 2 * neurons_e * neurons_i + neurons_i**2
    return p_e_to_e * neurons_e**2 + clock.p * others


def _spikes(clock, ms):
    """Spikes of some time, at the rates of a clock that steps through its clusters."""
    neurons_e, neurons_i = _neurons(clock)
    rates = COEFFICIENTS["rates_hz"]
    return ms / 1e3 * (neurons_e * rates["e"] + neurons_i * rates["i"])


def _running(clock, ms, dt, how):
    """CPU seconds of the network for some simulated time, ``how``: static or plastic."""
    known = COEFFICIENTS[f"clock_{how}"]
    bits = known["times_in_64_bits"] if clock.precision == "64-bit" else 1
    a_step = (
        sum(_neurons(clock)) * known["ns_per_neuron"] + _synapses(clock) * known["ns_per_synapse"]
    )
    return ms / dt * bits * a_step * NANOSECOND


def _reading_out(clock, ms, dt, channels):
    """CPU seconds of the read-outs beside the network."""
    per_channel = _neurons(clock)[0] * COEFFICIENTS["readout_ns_per_neuron_and_channel"]
    return ms / dt * channels * per_channel * NANOSECOND


def _of_clock(stage, given, clock, channels):
    dt = given["dt"]
    memory = _synapses(clock) * COEFFICIENTS["bytes_per_synapse"]["memory"] / MEGABYTE
    stored = COEFFICIENTS["bytes_per_synapse"]["trained" if clock.learns else "set by hand"]
    disk = _synapses(clock) * stored / MEGABYTE
    if stage == "network":
        static, plastic = clock.balancing_static, clock.balancing - clock.balancing_static
        cpu = _synapses(clock) * COEFFICIENTS["building_ns_per_synapse"] * NANOSECOND
        if clock.learns:
            cpu += _running(clock, static, dt, "static") + _running(clock, plastic, dt, "plastic")
    elif stage in ("training", "driven"):
        cpu = _running(clock, _trained_ms(given), dt, "plastic")
    elif stage == "learn":
        readout = Readout.model_validate(given["readout"])
        learned = _expected_learning(readout)
        ms = learned + math.ceil(learned / readout.learning_block) * readout.test
        cpu = _running(clock, ms, dt, "static") + _reading_out(clock, ms, dt, channels)
        disk = _neurons(clock)[0] * channels * 4 / MEGABYTE
    else:
        ms = given["replay"]["duration"]
        cpu = _running(clock, ms, dt, "static") + _reading_out(clock, ms, dt, channels)
        disk = _spikes(clock, ms) * COEFFICIENTS["bytes_per_spike"] / MEGABYTE
    simulates = stage != "network" or clock.learns
    kernels = "driven" if stage == "driven" else "clock"
    return Cost(stage, cpu, memory, disk, kernels if simulates else "")


def _trained_ms(given):
    """Simulated ms of a plastic stage: each knows its own only."""
    if "stability" in given:
        return given["stability"]["duration"]
    clock = given["clock"]
    return clock["embedding"] if "embedding" in clock else clock["consolidation"]


def _expected_learning(readout):
    """How long read-outs learn until they level off (ms): it lies between two limits."""
    longer = max(readout.learning_max - readout.learning_min, 0)
    return min(readout.learning_min, readout.learning_max) + COEFFICIENTS["learning"] * longer


def _rls_step(experiment):
    """CPU seconds of a time step of one network without learning."""
    network, known = experiment.network, COEFFICIENTS["rls"]
    synapses = network.probability * network.neurons**2
    sent = known["ns_per_synapse_of_spikes" if experiment.spikes else "ns_per_synapse_of_rates"]
    return (network.neurons * known["ns_per_neuron"] + synapses * sent) * network.dt * NANOSECOND


def _rls_update(experiment):
    """CPU seconds of one update of all weights."""
    network, known = experiment.network, COEFFICIENTS["rls"]
    rows = network.probability * network.neurons
    if network.presynaptic == "independent":
        untrained = experiment.trains_others and experiment.target.others.train == "untrained"
        trained = experiment.target.followers if untrained else network.neurons
        return trained * rows**2 * known["ns_per_number"][experiment.training.inverse] * NANOSECOND
    shared = network.shared_sets * rows**2 * known["ns_per_number"]["shared"]
    weights = network.neurons * rows * known["ns_per_weight_of_shared"]
    return (shared + weights) * NANOSECOND


def _trial_ms(experiment):
    """Simulated ms of a test."""
    test = experiment.test
    return test.free_run + experiment.input.duration + experiment.target.duration + test.after


def _tests(experiment, trials, where):
    """CPU seconds of some tests for each pattern, ``where``: replay, or curve (of learning)."""
    steps = trials * experiment.target.patterns * _trial_ms(experiment) / experiment.network.dt
    recorded = experiment.network.neurons * COEFFICIENTS["rls"][f"ns_per_number_in_{where}"]
    return steps * (_rls_step(experiment) + recorded * NANOSECOND)


def _recorded(experiment):
    """Numbers in the window of all patterns and neurons, for each network."""
    steps = experiment.target.duration / experiment.network.dt
    return steps * experiment.target.patterns * experiment.network.neurons


def _rls_targets(experiment):
    network, target, known = experiment.network, experiment.target, COEFFICIENTS["rls"]
    cpu = disk = 0.0
    for _, condition, _ in experiment.runs:
        cpu += _recorded(condition) * known["ns_per_target_number"] * NANOSECOND
        disk += _recorded(condition) * known["bytes_per_target_number"] / MEGABYTE
        if target.kind == "innate":
            ms = (target.run_in + target.duration) * target.patterns
            cpu += ms / network.dt * _rls_step(condition)
    return Cost("rls_targets", cpu, 2 * disk, disk)


def _rls_training(experiment):
    known = COEFFICIENTS["rls"]
    cpu = disk = memory = 0.0
    for _, condition, _ in experiment.runs:
        network, target, training = condition.network, condition.target, condition.training
        trials = training.loops * target.patterns
        updates = trials * (target.duration // training.update_every)
        cpu += updates * _rls_update(condition)
        cpu += condition.training_ms / network.dt * _rls_step(condition)
        cpu += _tests(condition, len(training.tests) * condition.test.starts, "curve")
        synapses = network.probability * network.neurons**2
        disk += synapses * known["bytes_per_synapse"] / MEGABYTE
        memory = max(memory, condition.memory_needed / MEGABYTE)
    return Cost("rls_training", cpu, memory + 2 * disk, disk)


def _rls_replay(experiment):
    known = COEFFICIENTS["rls"]
    cpu = disk = memory = 0.0
    for _, condition, _ in experiment.runs:
        test = condition.test
        trials = test.starts * (2 + condition.follows_channels)
        if test.delete_spike is not None:
            trials += 6 * test.starts
        by_draw = test.starts if condition.training.what == "rate" else 1
        trials += by_draw * sum(len(damage.amounts) * damage.draws for damage in test.damage)
        cpu += _tests(condition, trials, "replay")
        disk += _recorded(condition) * known["bytes_per_replay_number"] / MEGABYTE
        # What tests record lies there several times while it is measured.
        at_once = _recorded(condition) * test.starts * known["bytes_per_tested_number"]
        memory = max(memory, at_once / condition.target.patterns / MEGABYTE)
    return Cost("rls_replay", cpu, memory + disk, disk)


_RLS_STAGES = {
    "rls_targets": _rls_targets,
    "rls_training": _rls_training,
    "rls_replay": _rls_replay,
}
