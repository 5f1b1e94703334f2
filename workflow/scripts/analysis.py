"""All measures of a study: the clock's rhythm and weights, the passes of every replayed target."""

import numpy as np
import xarray as xr
from stage import Stage

from simcore import datasets, measures, stages
from simcore.datasets import variable


def weights(start, consolidated):
    """Block weights after embedding and consolidation, spectra before and after both."""
    networks = {
        "before": datasets.read_connectivity(start),
        "after": datasets.read_connectivity(consolidated),
    }
    blocks = [stages.blocks(network) for network in networks.values()]
    numbers = stages.block_weights(networks["after"]) | stages.embedded_weights(consolidated)
    full, reduced = zip(*(spectrum(network) for network in networks.values()), strict=True)
    numbers |= stages.turning(networks["after"], *reduced, full[-1])
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
    numbers["clock.weights.relative_strength"] = float(np.mean(strength[-1])), "1"
    variables["relative_strength"] = variable(
        ("phase", "cluster_index"), strength, "1", "mean weight within over to the outside"
    )
    of_inhibition, paths = zip(*map(stages.disynaptic_inhibition, networks.values()), strict=True)
    numbers |= of_inhibition[-1]
    variables["disynaptic_inhibition"] = variable(
        ("phase", "cluster_pre", "cluster_post"),
        np.array(paths),
        "1",
        "weights of the paths E to I to E between clusters, over the mean of all pairs",
    )
    return numbers, variables


def spectrum(network):
    """Eigenvalues of the full matrix and of the one reduced to clusters."""
    groups = (network.e_to_e, network.e_to_i, network.i_to_e, network.i_to_i)
    return measures.spectrum(*groups, network.cluster, network.clusters)


with Stage(snakemake) as this:
    given = this.params["parameters"]
    dt = given["dt"]
    parts = []
    if "network" in this.input.keys():
        parts.append(weights(this.read("network"), this.read("consolidation")))
    parts += [
        (stages.course(this.read(stage), stage, moments), {})
        for stage, moments in given["courses"].items()
        if moments
    ]
    parts += [
        (stages.learned_for(this.read(f"readout_{name}", f"readout {name}"), name, moment), {})
        for name, moment in given["learned"].items()
    ]
    if "driven" in this.input.keys():
        runs = {"spontaneous": "consolidation", "driven": "driven"}
        growth = {
            f"clock.stability.{name}{ending}": stages.growth(this.read(stage), which)
            for name, stage in runs.items()
            for which, ending in (("forward", ""), ("backward", "_backward"))
        }
        parts.append((growth, {}))
    replay = this.read("replay", "replay_clock")
    parts += [stages.rhythm(replay, dt), stages.variability(replay)]
    parts += [
        stages.passes(
            this.read(f"replay_{name}", f"replay {name}"), dt, given["burn_in"], name=name
        )
        for name in given["targets"]
    ]
    numbers, variables = {}, {}
    for some_numbers, some_variables in parts:
        numbers |= some_numbers
        variables |= some_variables
    headlines = {name: numbers[name] for name in given["ids"]}
    this.write(xr.Dataset(variables | datasets.summary(headlines)))
