"""The figures of the clock, or of one target."""

from pathlib import Path

from stage import Stage

from simcore import figures, stores

with Stage(snakemake) as this:
    read = {name: stores.read(path) for name, path in this.input.items()}
    for name, needed in this.params["stores"].items():
        draw = getattr(figures, name)
        arguments = [read[store] for store in needed]
        if name == "target_and_replay":
            arguments.append(this.target)
        figures.save(draw(*arguments), Path(this.output[name]).with_suffix(""))
