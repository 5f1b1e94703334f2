"""One target: what rate each supervisor has in each step."""

import numpy as np
from stage import Stage

from simcore import datasets, measures, targets
from simcore.errors import UserError


def length_of(period):
    """The target's length: as given, or 0.95 of the clock's period."""
    if given["target"]["length"] is not None:
        return given["target"]["length"]
    if np.isnan(period):
        raise UserError(
            "the clock has no period (its first cluster never led twice in order), so the target "
            f"has no length: set targets.{this.target}.length, or train the clock for longer."
        )
    return targets.default_length(period)


def symbols(length):
    """Symbol sequences, each a pattern on channels of its own."""
    sequences = [
        targets.symbol_sequence(
            sequence,
            length,
            dt,
            lead_fraction=given["target"]["lead"],
            on_rate=given["target"]["on_rate"],
            baseline=given["baseline_rate"],
        )
        for sequence in given["sequences"]
    ]
    rate = targets.parallel(sequences, baseline=given["baseline_rate"])
    labels = [label for sequence in sequences for label in sequence.labels]
    pattern = np.repeat(np.arange(len(sequences)), [len(s.labels) for s in sequences])
    selected = given["sequences"].index(given["target"]["selected"] or given["sequences"][0])
    return rate, labels, pattern, selected, ()


def song(length):
    """A piece of the study's recording."""
    made = targets.song(
        this.input["song"],
        length,
        dt,
        start=given["song_start"],
        duration=given["song_duration"],
        fit=given["song_fit"],
        on_rate=given["target"]["on_rate"],
    )
    return made.rate[None], made.labels, np.zeros(made.rate.shape[1], int), 0, made.notes


def table(length):
    """A table from a file; its own length counts if none is given."""
    made = targets.from_file(
        this.input["file"],
        given["target"]["length"],
        dt,
        given["target"]["file_dt"],
        unit=given["target"]["file_unit"],
        on_rate=given["target"]["on_rate"],
    )
    return made.rate[None], made.labels, np.zeros(made.rate.shape[1], int), 0, made.notes


with Stage(snakemake) as this:
    given = this.params["parameters"]
    dt, kind = given["dt"], given["target"]["kind"]
    replay = this.read("replay", "replay_clock")
    _, periods, _ = measures.rhythm(
        replay["spike_time"].values,
        replay["spike_neuron"].values,
        replay["cluster"].values,
        replay.attrs["simulated_ms"],
        dt=dt,
    )
    period = measures.mean(periods)
    make = {"symbols": symbols, "song": song, "file": table}[kind]
    rate, labels, pattern, selected, notes = make(None if kind == "file" else length_of(period))
    length = rate.shape[1] * dt
    warnings = list(filter(None, [targets.check_length(length, period)]))
    for sentence in [*notes, *warnings]:
        this.say(f"{this.name}: {sentence}")
    dataset = datasets.target(rate, labels, kind, dt, pattern, selected)
    dataset.attrs |= {
        "length_ms": length,
        "clock_period_ms": period,
        "notes": "\n".join(notes),
        "warnings": "\n".join(warnings),
    }
    this.write(dataset)
