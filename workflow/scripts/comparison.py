"""Two methods side by side, from the sweeps of both and what their learning cost."""

from pathlib import Path

import numpy as np
from stage import Stage

from simcore import figures, kept, stores, sweep_figures, sweeps
from simcore.sweep_parameters import Comparison


def cost(dataset, measures, networks, seconds):
    """Trained synapses, and CPU seconds of the learning of one network, mean over those known."""
    counts = [f"{sweeps.group_of(measure)}.trained_synapses" for measure in measures]
    known = [name for name in counts if name in dataset]
    taken = [
        [seconds.get(key, seconds.get(identity)) for key, identity in steps.items()]
        for steps in networks
    ]
    sums = [sum(steps) for steps in taken if None not in steps]
    return {
        "trained_synapses": dataset[known[0]].mean().item() if known else np.nan,
        "cpu_seconds": np.mean(sums) if sums else np.nan,
    }


with Stage(snakemake) as this:
    comparison = Comparison.model_validate(this.params["comparison"])
    names = comparison.sweeps
    datasets = [
        stores.read(path, stage=f"sweep {name}")
        for name, path in zip(names, this.input["sweeps"], strict=True)
    ]
    # Of what was kept by identity, of all others by key.
    seconds = sweeps.cpu_seconds(Path(this.input["sweeps"][0]).parent)
    for name, path in this.params["kept_files"].items():
        seconds |= kept.costs(path, name)
    costs = {
        method: cost(datasets[0], measures, this.params["learning"][method], seconds)
        for method, measures in comparison.methods.items()
    }
    figure = sweep_figures.comparison(datasets, comparison, costs)
    figures.save(figure, Path(this.output[0]).with_suffix(""))
