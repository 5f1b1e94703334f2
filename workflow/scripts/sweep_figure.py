"""The picture of a sweep."""

from pathlib import Path

from stage import Stage

from simcore import figures, stores, sweep_figures

with Stage(snakemake) as this:
    dataset = stores.read(this.input["sweep"], stage=f"sweep {this.target}")
    figures.save(sweep_figures.sweep(dataset), Path(this.output[0]).with_suffix(""))
