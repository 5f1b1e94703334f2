"""Collections: several studies that one command runs and one report shows.

Each study stays one of its own, in its own file and with its own folder of results: run alone it is
the same study, and what it made is not made again in the collection.
"""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, ValidationError

from simcore import kept
from simcore.errors import UserError
from simcore.parameter_types import Folder, Parameters, parameter
from simcore.parameters import NAME, Study, sentence

# Two underscores part it from the names of its study's rules.
PART = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")]


class Collection(Parameters):
    """Several studies that are run and reported on together."""

    study: str = parameter(..., "1", "name of its folder of results", pattern=f"^{NAME}$")
    about: str = parameter(
        "", "1", "what it shows, in a sentence or two: the report begins with it"
    )
    results: Folder = parameter(
        "results", "folder", "where the folders of results lie, of its studies too"
    )
    kept: Folder | None = parameter(
        None, "folder", "what earlier runs kept, by study, to start from (docs/stores.md)"
    )
    song: str | None = parameter(
        None, "file", "recording (.wav) for those studies that learn a song"
    )
    parts: dict[PART, str] = parameter(
        ..., "file", "studies by a short name: files beside this one", min_length=1
    )


def read_collection(data, file):
    """Read a collection and its studies.

    Parameters
    ----------
    data : dict
        As read from YAML.
    file : path
        Of the collection, beside which its studies lie; for messages.

    Returns
    -------
    collection : Collection
    studies : dict of str to dict
        By the name of the part: the study as read from YAML, with the collection's ``results``,
        ``kept`` and ``song``, and under ``_part`` what the rules of a study need to know of the
        whole: ``name``, ``file``, and ``made``, the files of other parts that it may read.

    Raises
    ------
    UserError
        A key or a file is wrong, or two parts would share a folder of results.
    """
    try:
        collection = Collection.model_validate(data)
    except ValidationError as error:
        sentences = [_sentence(problem, file) for problem in error.errors()]
        raise UserError("\n".join(dict.fromkeys(sentences))) from None
    files = {name: Path(file).parent / part for name, part in collection.parts.items()}
    studies = {name: _study(path, f"{file}: parts.{name}") for name, path in files.items()}
    names = [study.get("study") for study in studies.values()] + [collection.study]
    for name in filter(None, names):
        if names.count(name) > 1:
            raise UserError(
                f"{file}: two of its parts, or a part and the whole, are named {name}: give each "
                "study a name of its own."
            )
    made = [
        str(Path(collection.results) / str(study["study"]) / "consolidation.zarr.zip")
        for study in studies.values()
        if _trains(study)
    ]
    given = {"results": collection.results}
    if collection.kept is not None:
        kept.check_folder(collection.kept, file)
        given["kept"] = collection.kept
    if collection.song is not None:
        if not Path(collection.song).exists():
            raise UserError(f"{file}: song: there is no file {collection.song}: mend the path.")
        given["song"] = collection.song
    return collection, {
        name: study | given | {"_part": {"name": name, "file": str(files[name]), "made": made}}
        for name, study in studies.items()
    }


def _sentence(problem, file):
    key = str(problem["loc"][-1])
    if problem["type"] == "extra_forbidden" and key in Study.model_fields:
        return f"{file}: {key} is a key of a study, not of a collection: set it in a part's file."
    return sentence(problem, file, Collection)


def _trains(study):
    """Whether a study, as read from YAML, trains a clock that others may use."""
    clock, methods = study.get("clock") or {}, study.get("methods", ["clock"])
    if "study" not in study or not isinstance(clock, dict) or not isinstance(methods, list):
        return False  # as its own validation will tell
    trained = clock.get("connectivity", "trained") == "trained" and not clock.get("weights")
    return trained and "clock" in methods


def _study(path, where):
    try:
        study = yaml.safe_load(path.read_text())
    except OSError as error:
        raise UserError(f"{where}: {path} cannot be read ({error.strerror}).") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise UserError(f"{where}: {path} is no YAML ({problem}).") from None
    if not isinstance(study, dict) or "parts" in study:
        raise UserError(f"{where}: {path} is no study: name a file with the keys of one.")
    return study
