"""The figures of one experiment."""

from pathlib import Path

from stage import Stage

from simcore import figures, rls_figures, stores

with Stage(snakemake) as this:
    read = {name: stores.read(path) for name, path in this.input.items()}
    for name, needed in this.params["stores"].items():
        draw = getattr(rls_figures, name)
        figure = draw(*(read[store] for store in needed))
        figures.save(figure, Path(this.output[name]).with_suffix(""))
