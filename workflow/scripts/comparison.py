"""Two methods side by side, from the sweeps of both and what their learning cost."""

import json
from pathlib import Path

import numpy as np
from stage import Stage

from simcore import figures, kept, stores, sweep_figures, sweeps
from simcore.sweep_parameters import Comparison


def cpu_seconds(folder, files):
    """CPU seconds of each step whose cost is on record, by its key; of those kept by identity."""
    records = [json.loads(path.read_text()) for path in sorted(folder.glob("costs/*.json"))]
    seconds = {key: cost["cpu_seconds"] for record in records for key, cost in record.items()}
    for path in files:
        seconds |= kept.costs(path)
    return seconds


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
    datasets = [stores.read(this.input[name], stage=f"sweep {name}") for name in names]
    seconds = cpu_seconds(Path(this.input[names[0]]).parent, this.input.get("kept", []))
    costs = {
        method: cost(datasets[0], measures, this.params["learning"][method], seconds)
        for method, measures in comparison.methods.items()
    }
    figure = sweep_figures.comparison(datasets, comparison, costs)
    figures.save(figure, Path(this.output[0]).with_suffix(""))
