"""The numbers and the page of several studies together."""

import json
import os
from pathlib import Path

from stage import Stage

from simcore import report, stores
from simcore.collection import combined
from simcore.provenance import origin


def read(name):
    """A JSON file of each study, by the short name of the study."""
    return {part: json.loads(Path(files[name]).read_text()) for part, files in parts.items()}


def moved(figure, part):
    """A figure of a study, as the page of all has it."""
    study = Path(parts[part]["contents"]).parent
    return figure | {
        "file": os.path.relpath(study / figure["file"], folder),
        "sounds": {
            name: os.path.relpath(study / file, folder) for name, file in figure["sounds"].items()
        },
        "chapter": figure["chapter"] if figure["chapter"] == report.SPEED else part,
        "data": [f"{parts[part]['study']}/{file}" for file in figure["data"]],
    }


def figures(contents):
    """Those of the first seed; what `make benchmark` measured, which all show, once and last."""
    found = [moved(one, part) for part in replicates for one in contents[part]["figures"]]
    once = {one["file"]: one for one in found}.values()
    return sorted(once, key=lambda one: one["chapter"] == report.SPEED)


def together(contents, kind):
    """The warnings or notes of all studies; what several say is told once."""
    said_by = {}
    for part, of in contents.items():
        for text in of["facts"][kind]:
            said_by.setdefault(text, []).append(part)
    return [f"{', '.join(of)}: {text}" for text, of in said_by.items()]


def facts(contents):
    """What else the reader should know of all studies."""
    said = {kind: together(contents, kind) for kind in ("warnings", "notes")}
    own = {}
    for part, names in replicates.items():
        seeds = [contents[name]["facts"]["seed"] for name in names]
        known = {name: value for name, value in contents[part]["facts"].items() if name not in said}
        own[f"{part.replace('_', ' ')}:"] = known | {"seed": ", ".join(map(str, seeds))}
    return said | own


with Stage(snakemake) as this:
    folder = Path(this.output["page"]).parent
    parts, replicates = this.params["files"], this.params["replicates"]
    summaries = read("summary")
    summary = [
        entry | {"id": f"{part}.{entry['id']}"}
        for part, names in replicates.items()
        for entry in combined([summaries[name] for name in names])
    ]
    stores.write_json(this.output["summary"], summary)
    of_parts = read("contents")
    contents = {
        "title": this.params["study"],
        "about": this.params["about"],
        "parts": {part: of_parts[part]["about"] for part in replicates},
        "figures": figures(of_parts),
        "facts": facts(of_parts),
        "tables": next((of["tables"] for of in of_parts.values() if of["tables"]), []),
        "made": origin(),
    }
    stores.write_json(this.output["contents"], contents)
    report.write(this.output["page"], contents, summary)
