"""The numbers and the page of several studies together."""

import json
from pathlib import Path

from stage import Stage

from simcore import report, stores


def read(name):
    """A JSON file of each study, by the short name of the study."""
    return {part: json.loads(Path(files[name]).read_text()) for part, files in parts.items()}


with Stage(snakemake) as this:
    parts = this.params["files"]
    summaries, contents = read("summary"), read("contents")
    stores.write_json(
        this.output["summary"],
        [
            entry | {"id": f"{part}.{entry['id']}"}
            for part, entries in summaries.items()
            for entry in entries
        ],
    )
    facts = {
        kind: [f"{part}: {text}" for part, of in contents.items() for text in of["facts"][kind]]
        for kind in ("warnings", "notes")
    }
    for part, of in contents.items():
        own = {name: value for name, value in of["facts"].items() if name not in facts}
        facts[f"{part.replace('_', ' ')}:"] = own
    chapters = {
        part: [
            report.located(figure, Path(parts[part]["contents"]).parent)
            | {"data": [f"{parts[part]['study']}/{file}" for file in figure["data"]]}
            for figure in of["figures"]
        ]
        for part, of in contents.items()
    }
    report.write(
        this.output["page"],
        this.params["study"],
        summaries,
        chapters,
        facts,
        about=this.params["about"],
        abouts={part: of["about"] for part, of in contents.items()},
    )
