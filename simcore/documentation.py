"""config/README.md: every key of a study with its default, unit and meaning.

python -m simcore.documentation > config/README.md
"""

from typing import get_args

from simcore.collection import Collection
from simcore.parameters import COLLECTIONS, Study, models_in

INTRODUCTION = """# Keys of a study

<!-- Made by `make docs` from simcore/documentation.py and the models: edit there. -->

A study is one YAML file. It stands alone: whatever it leaves out has the default below, never the
demo's value. Times are plain numbers in ms, or text with a unit: `20 s`, `25 min`, `1 h`. An
unknown key is refused. `make run CONFIG=my_study.yaml` runs it; its results lie in
`results/<study>/`.

| file | what it is |
|---|---|
| `config.yaml` | the demo: every stage, 15 clusters of 80 |
| `test.yaml` | every stage in a minute, for tests |
| `sweeps.yaml` | sweeps of the clock, hard-wired: minutes |
| `sweeps_rls.yaml` | sweeps of networks trained by recursive least squares, small: minutes |
| `side_by_side.yaml` | both methods, the same target and the same losses: minutes |
| `sweeps_paper.yaml`, `sweeps_rls_paper.yaml`, `side_by_side_paper.yaml` | the papers' sizes |
| `paper.yaml`, `paper/` | both papers at full scale: a collection of studies, and the studies |
| `reference.yaml` | replays a trained matrix that you have |
| `experiments.yaml` | no study, but the experiments that `rls.experiments` may name |
"""

COLLECTION = "## A collection of studies"


def documentation():
    """Return config/README.md."""
    sections = [INTRODUCTION]
    for group, path in [*_paths(Study), (Collection, COLLECTION)]:
        rows = [
            _row(field.alias or name, field)
            for name, field in group.model_fields.items()
            if not models_in(field.annotation) or name in COLLECTIONS
        ]
        title = "## Top level" if not path else path if path == COLLECTION else f"## `{path}`"
        lines = [title, "", group.__doc__.strip(), ""]
        lines += ["| key | default | unit | meaning |", "|---|---|---|---|", *rows]
        sections.append("\n".join(lines) + "\n")
    return "\n".join(sections)


def _row(name, field):
    return f"| `{name}` | {_default(field)} | {_unit(field)} | {field.description or ''} |"


def _paths(model, path=""):
    """Every group of parameters with the place of its keys; what all kinds have in common once."""
    found = {}
    for name, field in model.model_fields.items():
        for inner in models_in(field.annotation):
            place = f"{path}.{name}".lstrip(".") + COLLECTIONS.get(name, "")
            within = place
            if name in ("targets", "target"):
                kind = get_args(inner.model_fields["kind"].annotation)[0]
                place += f" (kind: {kind})"
            found[place] = inner
            found |= {below: group for group, below in _paths(inner, within)[1:]}
    return [(model, path), *((group, place) for place, group in found.items())]


def _default(field):
    if field.is_required():
        return "required"
    default = field.default
    if default is None or default in ({}, (), ""):
        return ""
    if isinstance(default, tuple):
        return f"`{list(default)}`"
    return f"`{default:.6g}`" if isinstance(default, float) else f"`{default}`"


def _unit(field):
    unit = (field.json_schema_extra or {}).get("unit", "")
    return "" if unit == "1" else unit


if __name__ == "__main__":
    print(documentation(), end="")
