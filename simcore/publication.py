"""A finished study's page for a repository: Markdown, small pictures, all numbers."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

from simcore import report
from simcore.errors import UserError
from simcore.stores import replacing

PAGE, SUMMARY, FIGURES = "README.md", "summary.json", "figures"


def publish(folder, to):
    """Write a page that a repository can show, from what the last run of a study made.

    It tells the same as report.html: ``README.md`` with the scorecard, all figures with their
    captions and where the numbers come from, beside ``summary.json`` and ``figures/``. What was
    made from a recording is left out, for it may not be yours to publish.

    Parameters
    ----------
    folder : path
        Of a study's or a collection's results.
    to : path
        The folder to write; what was published there before is replaced.

    Returns
    -------
    int
        How many figures the page has.

    Raises
    ------
    UserError
        The study has not been run to its end, or the page cannot be written.
    """
    folder, to = Path(folder), Path(to)
    summary, contents = (_read(folder / name) for name in (SUMMARY, "report.json"))
    shown = report.page(contents, summary)
    pictures = {}
    for figures in shown["chapters"].values():
        for figure in figures:
            if not figure["recording"]:
                figure["place"] = _place(figure)
                pictures[to / figure["place"]] = folder / figure["file"]
    try:
        _require_own(to)
        shutil.rmtree(to / FIGURES, ignore_errors=True)
        for place, picture in pictures.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(picture, place)
        to.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / SUMMARY, to / SUMMARY)
    except OSError as error:
        raise UserError(f"{to} cannot be written: {error.strerror}.") from None
    page = report.render("publication.md.jinja", shown | {"made": _made(folder, contents)})
    with replacing(to / PAGE) as file:
        file.write(page.encode())
    return len(pictures)


def _require_own(to):
    """Refuse a folder that holds anything but a published page: its figures would be replaced."""
    if to.exists() and not {path.name for path in to.iterdir()} <= {PAGE, SUMMARY, FIGURES}:
        raise UserError(f"{to} holds other files, too: name a new folder for the page.")


def _read(path):
    try:
        return json.loads(path.read_text())
    except OSError:
        raise UserError(
            f"There is no {path}: name the folder of a study that was run to its end."
        ) from None


def _place(figure):
    """Where a picture lies; studies of a collection have pictures of the same name."""
    chapter = figure["chapter"].lower().replace(" ", "_")
    return f"{FIGURES}/{chapter}/{Path(figure['file']).name}"


def _made(folder, contents):
    """By what and when the results were made, as rows of two."""
    made = (folder / SUMMARY).stat().st_mtime
    known = {"finished": f"{datetime.fromtimestamp(made, UTC):%Y-%m-%d %H:%M} UTC"}
    known |= contents["made"]
    seconds = {}
    for figure in contents["figures"]:
        study = (folder / figure["file"]).resolve().parents[1]
        # Of a collection, whose parts may run with several seeds.
        others = study.parent.glob(f"{study.name}_seed*") if contents["parts"] else []
        seconds[study.name] = sum(map(_cpu_seconds, [study, *others]))
    known["CPU time of the steps that ran here"] = ", ".join(
        f"{name} {taken / 60:.0f} min" for name, taken in seconds.items() if taken
    )
    return known


def _cpu_seconds(study):
    """CPU seconds of all jobs of a study, by Snakemake's benchmarks."""
    taken = 0.0
    for path in study.glob("benchmarks/*.tsv"):
        header, *rows = [line.split("\t") for line in path.read_text().splitlines()] or [[]]
        known = [dict(zip(header, row, strict=True))["cpu_time"] for row in rows]
        taken += sum(float(seconds) for seconds in known if seconds != "NA")  # of short jobs
    return taken
