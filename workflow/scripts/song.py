"""A birdsong made up by the project, for studies that have no recording."""

from stage import Stage

from simcore import stores, targets
from simcore.streams import stream

with Stage(snakemake) as this:
    seed = int(stream(this.params["seed"], "song").integers(2**63))
    samples = targets.synthesize_song(this.params["parameters"]["duration"], seed)
    with stores.replacing(this.output[0]) as file:
        targets.write_wav(file, samples, targets.SONG_SAMPLING_RATE)
