"""The page of results: summary first, then the figures with their captions."""

import json
from pathlib import Path

from stage import Stage

from simcore import report, stores

TITLES = {
    "periods": "Period of the clock",
    "variability": "How precisely the clock runs",
    "weights": "Weights before and after learning",
    "time_course": "Course of the learning",
    "stability": "Stability of the embedded weights",
    "spectrum": "Spectrum of the weight matrix",
    "linear_model": "Why it turns: a ring of a few units",
    "replay_raster": "Spontaneous replay",
    "target_and_replay": "Target and replay",
    "readout_weights": "Weights onto the read-outs",
    "learning_curve": "Learning curve of the read-outs",
    "sound": "Heard",
}
RLS_TITLES = {
    "targets_and_drive": "What was followed",
    "learning": "Training",
    "raster": "Spikes",
    "rates": "Rates and their targets",
    "patterns": "Several patterns",
    "dale": "A balanced network before and after",
    "series": "One parameter, several values",
    "damage": "Damage",
}


# Chapters of the page, in their order.
CLOCK, READOUTS = "The clock", "Read-outs"
RLS, SWEEPS, SPEED = "Recursive least squares", "Sweeps", "Speed"
CHAPTERS = (CLOCK, READOUTS, RLS, SWEEPS, SPEED)


def description(name):
    """Chapter and title of a figure, its caption's file, and the wildcards that it may use."""
    if name.startswith("rls_"):
        kind = max((kind for kind in RLS_TITLES if name.endswith(f"_{kind}")), key=len)
        experiment = name.removeprefix("rls_").removesuffix(f"_{kind}")
        about = this.params["experiments"][experiment]
        title = f"{RLS_TITLES[kind]}: {experiment}" + (f" ({about})" if about else "")
        return RLS, title, f"rls_{kind}", {"experiment": experiment}
    if name in ("animation_clock", "animation_least_squares"):
        chapter = READOUTS if name == "animation_clock" else RLS
        return chapter, "One replay in motion", "animation", {}
    sweep = name.removeprefix("sweep_")
    if sweep != name and sweep in this.params["sweeps"]:
        return SWEEPS, f"Sweep: {this.params['sweeps'][sweep]}", "sweep", {"sweep": sweep}
    comparison = name.removeprefix("comparison_")
    if comparison != name and comparison in this.params["comparisons"]:
        about = this.params["comparisons"][comparison]
        return SWEEPS, f"Side by side: {about}", "comparison", {"comparison": comparison}
    kind = max((kind for kind in TITLES if name.endswith(kind)), key=len)
    target = name.removesuffix(kind).rstrip("_")
    title = TITLES[kind] + (f": {target}" if target else "")
    return READOUTS if target else CLOCK, title, kind, {"target": target}


def figure(path, summary, captions):
    """All about a figure, for the page and for report.json."""
    name = Path(path).stem
    chapter, title, caption, wildcards = description(name)
    sounds = ("target", "replay") if caption == "sound" else ()
    return {
        "file": f"figures/{Path(path).name}",
        "sounds": {kind: f"sounds/{wildcards['target']}_{kind}.wav" for kind in sounds},
        "chapter": chapter,
        "title": title,
        "caption": report.caption(captions[caption], summary, **wildcards),
        "data": [f"{store}.zarr.zip" for store in this.params["data"][name]],
    }


def speed(path, summary, captions):
    """The table and the figure of what `make benchmark` measured."""
    measured = json.loads(Path(path).read_text())
    return measured["table"], {
        "file": Path(path).with_suffix(".png"),
        "chapter": SPEED,
        "title": "Speed",
        "caption": report.caption(captions["benchmark"], summary),
        "data": [path],
    }


def taken_over():
    """Sentences on what was not computed here but kept by earlier runs."""
    sentences = []
    trained = [stores.attributes(path) for path in filter(None, [this.input["trained"]])]
    if any("trained_by" in attributes for attributes in trained):
        sentences.append("The clock was not trained here but taken from what an earlier run kept.")
    for name, path in zip(this.params["sweeps"], this.input["sweeps"], strict=True):
        if number := stores.attributes(path)["kept"]:
            sentences.append(
                f"Sweep {name}: {number} points were not computed here but taken from what earlier "
                "runs kept."
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
    summary = json.loads(Path(this.input["summary"]).read_text())
    captions = {Path(path).stem: path for path in this.input["captions"]}
    contents = {
        "about": this.params["about"],
        "facts": facts(),
        "figures": [figure(path, summary, captions) for path in this.input["figures"]],
    }
    stores.write_json(this.output["contents"], contents)
    folder = Path(this.output[0]).parent
    pictures = [report.located(one, folder) for one in contents["figures"]]
    measured = [speed(path, summary, captions) for path in this.input["benchmark"]]
    pictures += [picture for _, picture in measured]
    chapters = {
        chapter: [picture for picture in pictures if picture["chapter"] == chapter]
        for chapter in CHAPTERS
    }
    report.write(
        this.output[0],
        f"Study {this.params['study']}",
        {"": summary},
        {chapter: shown for chapter, shown in chapters.items() if shown},
        contents["facts"],
        about=contents["about"],
        tables=[table for table, _ in measured],
    )
