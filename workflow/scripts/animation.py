"""One replay in motion: of the clock with its read-outs, or of a network trained otherwise."""

from stage import Stage

from simcore import animations, stores

with Stage(snakemake) as this:
    shown = [stores.read(path) for path in this.input]
    if this.params["method"] == "clock":
        pictures = animations.clock(*shown, this.params["shown"])
    else:
        pictures = animations.least_squares(*shown)
    animations.save(pictures, this.output[0])
