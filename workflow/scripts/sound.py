"""A song turned back into sound: as the target has it, and as it was replayed."""

from stage import Stage

from simcore import sound, stores, targets

with Stage(snakemake) as this:
    name = this.target
    target = this.read("target", f"target {name}")
    analysis = stores.read(this.input["analysis"], stage="analysis")
    passes = (analysis[f"pass_{part}_{name}"].values for part in ("start", "error"))
    made = sound.sounds(target, this.read("replay", f"replay {name}"), *passes, name=name)
    for kind in sound.KINDS:
        samples = made["sound"].sel(kind=kind).values
        with stores.replacing(this.output[kind]) as file:
            targets.write_wav(file, samples, made.attrs["sampling_rate"])
    this.write(made)
