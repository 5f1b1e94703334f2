"""The page of results: summary first, then the figures with their captions."""

import json
from pathlib import Path

from stage import Stage

from simcore import report, stores

TITLES = {
    "periods": "Period of the clock",
    "weights": "Weights before and after learning",
    "time_course": "Course of the learning",
    "stability": "Stability of the embedded weights",
    "spectrum": "Spectrum of the weight matrix",
    "linear_model": "Why it turns: a ring of a few units",
    "replay_raster": "Spontaneous replay",
    "target_and_replay": "Target and replay",
    "readout_weights": "Weights onto the read-outs",
    "learning_curve": "Learning curve of the read-outs",
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


def page(path):
    """Title of a figure, its caption's file, and the wildcards that the caption may use."""
    stem = Path(path).stem
    if stem.startswith("rls_"):
        name = max((name for name in RLS_TITLES if stem.endswith(f"_{name}")), key=len)
        experiment = stem.removeprefix("rls_").removesuffix(f"_{name}")
        about = this.params["experiments"][experiment]
        title = f"{RLS_TITLES[name]}: {experiment}" + (f" ({about})" if about else "")
        return title, f"rls_{name}", {"experiment": experiment}
    name = stem.removeprefix("sweep_")
    if name != stem and name in this.params["sweeps"]:
        return f"Sweep: {this.params['sweeps'][name]}", "sweep", {"sweep": name}
    name = stem.removeprefix("comparison_")
    if name != stem and name in this.params["comparisons"]:
        about = this.params["comparisons"][name]
        return f"Side by side: {about}", "comparison", {"comparison": name}
    name = max((name for name in TITLES if stem.endswith(name)), key=len)
    target = stem.removesuffix(name).rstrip("_")
    return TITLES[name] + (f": {target}" if target else ""), name, {"target": target}


with Stage(snakemake) as this:
    summary = json.loads(Path(this.input["summary"]).read_text())
    captions = {Path(path).stem: path for path in this.input["captions"]}
    pages = []
    for path in this.input["figures"]:
        title, name, wildcards = page(path)
        pages.append((path, title, report.caption(captions[name], summary, **wildcards)))
    tables = []
    for path in this.input["benchmark"]:
        measured = json.loads(Path(path).read_text())
        tables.append(measured["table"])
        figure = Path(path).with_suffix(".png")
        pages.append((figure, "Speed", report.caption(captions["benchmark"], summary)))
    targets = [stores.read(path).attrs for path in this.input["targets"]]
    facts = {
        **{
            kind: [sentence for target in targets for sentence in target[kind].splitlines()]
            for kind in ("warnings", "notes")
        },
        "seed": this.params["seed"],
        **{f"{stage} (min)": ms / 6e4 for stage, ms in this.params["durations"].items()},
    }
    report.write(this.output[0], this.params["study"], summary, pages, facts, tables)
