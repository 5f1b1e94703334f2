"""The page of results: summary first, then the figures with their captions."""

import json
import os
from pathlib import Path

from stage import Stage

from simcore import report, stores
from simcore.provenance import origin

TITLES = {
    "periods": "Period of the clock",
    "variability": "How precisely the clock runs",
    "weights": "Weights before and after learning",
    "time_course": "Course of the learning",
    "stability": "Stability of the embedded weights",
    "spectrum": "Spectrum of the weight matrix",
    "inhibition": "Who inhibits whom: learned inhibition between clusters",
    "linear_model": "Why it turns: a ring of a few units",
    "replay_raster": "Spontaneous replay",
    "target_and_replay": "Target and replay",
    "readout_weights": "Weights onto the read-outs",
    "learning_curve": "Learning curve of the read-outs",
    "sound": "Heard",
    "animation": "One replay in motion",
    "rls_targets_and_drive": "What was followed",
    "rls_quasi_static": "What a network of rates would do",
    "rls_learning": "Training",
    "rls_raster": "Spikes",
    "rls_rates": "Rates and their targets",
    "rls_patterns": "Several patterns",
    "rls_dale": "A balanced network before and after",
    "rls_series": "One parameter, several values",
    "rls_damage": "Damage",
    "sweep": "Sweep",
    "comparison": "Side by side",
}
# From a course of errors nobody hears a recording.
WITHOUT_TARGET = ("learning_curve", "rls_learning")

# Chapters of the page, in their order.
CLOCK, READOUTS = "The clock", "Read-outs"
RLS, SWEEPS = "Recursive least squares", "Sweeps"
CHAPTERS = (CLOCK, READOUTS, RLS, SWEEPS, report.SPEED)
# By what a figure is of.
CHAPTER_OF = {"target": READOUTS, "experiment": RLS, "sweep": SWEEPS, "comparison": SWEEPS}


def subject(of):
    """What a figure is of, in words: the name of a target, or what the others are about."""
    if "target" in of:
        return of["target"]
    if "experiment" in of:
        about = this.params["experiments"][of["experiment"]]["about"]
        return of["experiment"] + (f" ({about})" if about else "")
    if "sweep" in of:
        return this.params["sweeps"][of["sweep"]]["about"]
    return this.params["comparisons"][of["comparison"]] if of else ""


def figure(shown, summary, captions):
    """All about a figure, for the page and for report.json."""
    kind, of = shown["kind"], shown["of"]
    sounds = ("target", "replay") if kind == "sound" else ()
    params = {}
    if "sweep" in of:
        params = {"caption": this.params["sweeps"][of["sweep"]]["caption"]}
    if "experiment" in of:
        params = {"known": this.params["experiments"][of["experiment"]]["known"]}
    return {
        "file": f"figures/{shown['file']}",
        "sounds": {one: f"sounds/{of['target']}_{one}.wav" for one in sounds},
        "chapter": CHAPTER_OF[next(iter(of))] if of else CLOCK,
        "title": ": ".join(filter(None, [TITLES[kind], subject(of)])),
        "caption": report.caption(captions[kind], summary, params, **of),
        "data": [f"{store}{stores.SUFFIX}" for store in shown["data"]],
        "recording": kind not in WITHOUT_TARGET
        and any(of.get(role) in names for role, names in this.params["recordings"].items()),
    }


def speed(path, summary, captions):
    """The table and the figure of what `make benchmark` measured."""
    measured = json.loads(Path(path).read_text())
    return measured["table"], {
        "file": os.path.relpath(Path(path).with_suffix(".png"), folder),
        "sounds": {},
        "chapter": report.SPEED,
        "title": "Speed",
        "caption": report.caption(captions["benchmark"], summary),
        "data": [path],
        "recording": False,
    }


def taken_over():
    """Sentences on what was not computed here but kept by earlier runs."""
    sentences = []
    trained = [stores.attributes(path) for path in filter(None, [this.input["trained"]])]
    if any("trained_by" in attributes for attributes in trained):
        sentences.append("The clock was not trained here but taken from what an earlier run kept.")
    sweeps = zip(this.params["sweeps"], this.input["sweeps"], strict=True)
    kept = {name: stores.attributes(path)["kept"] for name, path in sweeps}
    if any(kept.values()):
        points = ", ".join(f"{name} {number}" for name, number in kept.items() if number)
        sentences.append(
            "Points of sweeps that were not computed here but taken from what earlier runs kept: "
            f"{points}."
        )
    return sentences


def facts():
    """What else the reader should know."""
    targets = [stores.read(path).attrs for path in this.input["targets"]]
    said = {
        kind: [sentence for target in targets for sentence in target[kind].splitlines()]
        for kind in ("warnings", "notes")
    }
    return {
        **said,
        "notes": taken_over() + said["notes"],
        "seed": this.params["seed"],
        **{f"{stage} (min)": ms / 6e4 for stage, ms in this.params["durations"].items()},
    }


with Stage(snakemake) as this:
    folder = Path(this.output[0]).parent
    summary = json.loads(Path(this.input["summary"]).read_text())
    captions = {Path(path).stem: path for path in this.input["captions"]}
    shown = [figure(one, summary, captions) for one in this.params["figures"]]
    measured = [speed(path, summary, captions) for path in this.input["benchmark"]]
    shown += [picture for _, picture in measured]
    contents = {
        "title": f"Study {this.params['study']}",
        "about": this.params["about"],
        "parts": {},
        "figures": sorted(shown, key=lambda one: CHAPTERS.index(one["chapter"])),
        "facts": facts(),
        "tables": [table for table, _ in measured],
        "made": origin(),
    }
    stores.write_json(this.output["contents"], contents)
    report.write(this.output[0], contents, summary)
