"""Collections: several studies that one command runs and one report shows.

Each study stays one of its own, in its own file and with its own folder of results: run alone it is
the same study, and what it made is not made again in the collection.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from simcore import kept
from simcore.errors import UserError
from simcore.parameter_types import Folder, Parameters, parameter
from simcore.parameters import STUDY_NAME, Study, sentence
from simcore.study_files import read_yaml

# Two underscores part it from the names of its study's rules.
PART = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")]


class Collection(Parameters):
    """Several studies that are run and reported on together."""

    study: str = parameter(..., "1", "name of its folder of results", pattern=f"^{STUDY_NAME}$")
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
    replicates: dict[str, Annotated[int, Field(ge=1)]] = parameter(
        {},
        "1",
        "parts that run with several seeds, and how many: their own seed and those after it",
    )

    @model_validator(mode="after")
    def _replicates_are_of_parts(self):
        for name in self.replicates:
            if name not in self.parts:
                raise ValueError(f"replicates: there is no part {name}")
        return self


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
        By the name of the part, with ``_seed<seed>`` at its end where it runs again with a further
        seed: the study as read from YAML, with the collection's ``results``, ``kept`` and ``song``,
        and under ``_part`` what the rules of a study need to know of the whole: ``name``, ``file``,
        ``of`` (the part that it repeats, or itself) and ``made``, the files of other parts that it
        may read.

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
    runs = _with_replicates(studies, collection.replicates, file)
    names = [study.get("study") for _, study in runs.values()] + [collection.study]
    for name in filter(None, names):
        if names.count(name) > 1:
            raise UserError(
                f"{file}: two of its parts, or a part and the whole, are named {name}: give each "
                "study a name of its own."
            )
    given = {"results": collection.results}
    if collection.kept is not None:
        kept.check_folder(collection.kept, file)
        given["kept"] = collection.kept
    if collection.song is not None:
        if not Path(collection.song).exists():
            raise UserError(f"{file}: song: there is no file {collection.song}: mend the path.")
        given["song"] = collection.song
    made = [
        str(Path(collection.results) / str(study["study"]) / f"{stage}.zarr.zip")
        for _, study in runs.values()
        if _trains(study)
        for stage in ("embedding", "consolidation")
    ]
    known = {"made": made}
    return collection, {
        name: study | given | {"_part": {"name": name, "of": of, "file": str(files[of])} | known}
        for name, (of, study) in runs.items()
    }


def combined(summaries):
    """Put the numbers of replicates together.

    Parameters
    ----------
    summaries : list of list of dict
        The entries of summary.json of each replicate: the same ids in the same order.

    Returns
    -------
    list of dict
        With several replicates ``value`` is the mean of the defined ones, ``interval`` the smallest
        and the largest, ``seeds`` all of them, and ``ok`` tells whether all lie in their range
        (None if of one it is not known, and none is outside).
    """
    if len(summaries) == 1:
        return summaries[0]
    return [_over_seeds(entries) for entries in zip(*summaries, strict=True)]


def _over_seeds(entries):
    values = [entry["value"] for entry in entries]
    defined = [value for value in values if value is not None]
    verdicts = [entry["ok"] for entry in entries]
    return entries[0] | {
        "value": sum(defined) / len(defined) if defined else None,
        "interval": [min(defined), max(defined)] if defined else None,
        "seeds": values,
        "ok": False if False in verdicts else None if None in verdicts else True,
    }


def _with_replicates(studies, replicates, file):
    """By the name of the run: the part that it is of, and its study."""
    seeds = {part: _seeds(study, replicates.get(part, 1)) for part, study in studies.items()}
    runs = {}
    for part, study in studies.items():
        runs[part] = part, study
        for seed in seeds[part][1:]:
            if f"{part}_seed{seed}" in studies:
                raise UserError(
                    f"{file}: parts.{part}_seed{seed} has the name of a replicate of {part}: "
                    "choose another."
                )
            # The clocks that it takes from other parts are those of the same seed, if there are.
            repeated = {
                str(other.get("study")): f"{other.get('study')}_seed{seed}"
                for name, other in studies.items()
                if seed in seeds[name][1:]
            }
            runs[f"{part}_seed{seed}"] = part, _renamed(study, repeated) | {"seed": seed}
    return runs


def _seeds(study, replicates):
    """The seeds of a study; none if its own is wrong, as its validation will tell."""
    try:
        first = int(study.get("seed", 1))
    except (TypeError, ValueError):
        return range(0)
    return range(first, first + replicates)


def _renamed(study, names):
    """A study in which studies are named anew: itself, and those whose clocks it takes."""
    found = dict(study)
    for key in ("study", "expected_of"):
        if key in study:
            found[key] = names.get(study[key], study[key])
    for group, key in (("clock", "weights"), ("stability", "driver")):
        given = study.get(group)
        if isinstance(given, dict) and isinstance(given.get(key), str):
            found[group] = given | {key: _renamed_clock(given[key], names)}
    return found


def _renamed_clock(clock, names):
    """A study, its embedded clock, or the path of its store, with the study named anew."""
    name, slash, stage = clock.partition("/")
    if name in names and stage in ("", "embedding"):
        return names[name] + slash + stage
    path = Path(clock)
    if path.suffix and path.parent.name in names:
        return str(path.parent.with_name(names[path.parent.name]) / path.name)
    return clock


def _sentence(problem, file):
    key = str(problem["loc"][-1]) if problem["loc"] else ""
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
    study = read_yaml(path, where)
    if not isinstance(study, dict) or "parts" in study:
        raise UserError(f"{where}: {path} is no study: name a file with the keys of one.")
    return study
