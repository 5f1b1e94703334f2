"""A birdsong made up by the project, for studies that have no recording."""

from stage import Stage

from simcore import targets

DURATION_MS = 1500.0

with Stage(snakemake) as this:
    start = this.params["parameters"]["start"]
    samples = targets.synthesize_song(start + DURATION_MS, this.params["seed"])
    targets.write_wav(this.output[0], samples, targets.SONG_SAMPLING_RATE)
