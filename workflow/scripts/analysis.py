"""All measures of a study: the clock's rhythm and weights, the passes of every replayed target."""

import numpy as np
import xarray as xr
from stage import Stage

from simcore import datasets, measures
from simcore.datasets import variable


def rhythm(replay):
    """Rates, periods and order of the clock alone; the winner every 1 ms."""
    duration = replay.attrs["simulated_ms"]
    neuron, neurons_e = replay["spike_neuron"].values, replay.attrs["neurons_e"]
    winner, period, order = measures.rhythm(
        replay["spike_time"].values, neuron, replay["cluster"].values, duration, dt=dt
    )
    excitatory = np.count_nonzero(neuron < neurons_e)
    seconds = duration / 1e3
    numbers = {
        "clock.replay.rate_e": (excitatory / neurons_e / seconds, "Hz"),
        "clock.replay.rate_i": (
            (neuron.size - excitatory) / replay.attrs["neurons_i"] / seconds,
            "Hz",
        ),
        "clock.replay.period_mean": (measures.mean(period), "ms"),
        "clock.replay.period_sd": (float(np.std(period)) if period.size else np.nan, "ms"),
        "clock.replay.order": (order, "1"),
    }
    variables = {
        "period": variable("pass", period, "ms", "time between onsets of the clock"),
        "winner": variable(
            "winner_time", winner.astype(np.int16), "1", "most active cluster every 1 ms, or -1"
        ),
    }
    return numbers, variables


def weights(before, after):
    """Block weights after consolidation, and the spectra before and after."""
    networks = {"before": before, "after": after}
    blocks = [
        measures.block_means(*network.e_to_e, network.cluster, network.clusters)
        for network in networks.values()
    ]
    summary = measures.weight_summary(*blocks[1])
    numbers = {
        f"clock.weights.{part}": (getattr(summary, part), "pF")
        for part in ("within", "forward", "backward", "rest")
    }
    full, reduced = zip(*(spectrum(network) for network in networks.values()), strict=True)
    phase = np.array(list(networks), dtype=object)
    variables = {
        "phase": variable("phase", phase, "1", "before the embedding, after the consolidation")
    }
    for name, values, what in (
        ("eigenvalue", full, "the signed weight matrix"),
        ("cluster_eigenvalue", reduced, "the matrix reduced to clusters"),
    ):
        for part, numbers_of in (("real", np.real), ("imaginary", np.imag)):
            variables[f"{name}_{part}"] = variable(
                ("phase", name), numbers_of(np.array(values)), "pF", f"eigenvalues of {what}"
            )
    strength = np.array([measures.relative_strength(*block) for block in blocks])
    variables["relative_strength"] = variable(
        ("phase", "cluster_index"), strength, "1", "mean weight within over to the outside"
    )
    return numbers, variables


def spectrum(network):
    """Eigenvalues of the full matrix and of the one reduced to clusters."""
    groups = (network.e_to_e, network.e_to_i, network.i_to_e, network.i_to_i)
    return measures.spectrum(*groups, network.cluster, network.clusters)


def passes(name, replay):
    """Error and correlation of every pass of a replayed target."""
    start, error, correlation = measures.evaluate_replay(
        (replay["spike_time"].values, replay["spike_neuron"].values),
        (replay["readout_spike_time"].values, replay["readout_spike_channel"].values),
        replay["cluster"].values,
        replay["target_rate"].values,
        replay.attrs["simulated_ms"],
        dt=dt,
        burn_in=this.params["parameters"]["burn_in"],
    )
    numbers = {
        f"readout.{name}.error": (measures.mean(error), "1"),
        f"readout.{name}.correlation": (measures.mean(correlation), "1"),
    }
    dim = f"pass_{name}"
    variables = {
        f"pass_start_{name}": variable(dim, start, "ms", "when the pass began"),
        f"pass_error_{name}": variable(dim, error, "1", "replay error"),
        f"pass_correlation_{name}": variable(dim, correlation, "1", "replay correlation"),
    }
    return numbers, variables


with Stage(snakemake) as this:
    dt = this.params["parameters"]["dt"]
    parts = []
    if "network" in this.input.keys():
        parts.append(
            weights(
                *(
                    datasets.read_connectivity(this.read(name))
                    for name in ("network", "consolidation")
                )
            )
        )
    parts.append(rhythm(this.read("replay", "replay_clock")))
    parts += [
        passes(name, this.read(f"replay_{name}", f"replay {name}"))
        for name in this.params["parameters"]["targets"]
    ]
    numbers, variables = {}, {}
    for some_numbers, some_variables in parts:
        numbers |= some_numbers
        variables |= some_variables
    this.write(xr.Dataset(variables | datasets.summary(numbers)))
