"""config/README.md: every key of a study with its default, unit and meaning.

python -m simcore.documentation > config/README.md
"""

import inspect
from typing import Literal, get_args, get_origin

from simcore.collection import Collection
from simcore.parameters import Study, models_in, place_in_many

INTRODUCTION = """# Keys of a study

<!-- Made by `make docs` from simcore/documentation.py and the models: edit there. -->

A study is one YAML file. It stands alone: whatever it leaves out has the default below, never the
demo's value. Times are plain numbers in ms, or text with a unit: `50 ms`, `20 s`, `25 min`,
`1 h`. An unknown key is refused. `make run CONFIG=my_study.yaml` runs it; its results lie in
`results/<study>/`.

Where a table ends in `source`, that is where its defaults come from: the authors' code or their
paper (of least squares: the authors' example program or their paper), the replication in NEST, or
ours. docs/fidelity.md names them and tells where they disagree.

| file | what it is |
|---|---|
| `config.yaml` | the demo: every stage, 15 clusters of 80 |
| `test.yaml` | every stage in a minute, for tests |
| `sweeps.yaml` | sweeps of the clock, most of them hard-wired: minutes |
| `sweeps_rls.yaml` | sweeps of networks trained by recursive least squares, small: minutes |
| `side_by_side.yaml` | both methods, the same target and the same losses: minutes |
| `sweeps_paper.yaml`, `sweeps_rls_paper.yaml`, `side_by_side_paper.yaml` | the papers' sizes |
| `paper.yaml`, `paper/` | both papers at full scale: a collection of studies, and the studies |
| `reference.yaml` | replays a trained matrix that you have |
| `experiments.yaml` | no study, but the experiments that `rls.experiments` may name |
"""

COLLECTION = "## A collection of studies"

# Where the defaults of the models come from: of a group, and of those of its keys that differ.
CODE, PAPER, OURS = "authors' code", "paper", "ours"
REPLICATION, PROGRAM = "replication", "example program"
SOURCES = {
    "": (OURS, {"dt": CODE, "song_start": CODE}),
    "targets.<name> (kind: symbols)": (
        OURS,
        {"on_rate": PAPER, "sequence": PAPER, "lead": PAPER},
    ),
    "targets.<name> (kind: song)": (OURS, {"on_rate": PAPER}),
    "targets.<name> (kind: file)": (OURS, {"on_rate": PAPER}),
    "damage": (OURS, {}),
    "stability": (PAPER, {"driver": OURS}),
    "moments": (OURS, {}),
    "clock": (CODE, dict.fromkeys(("connectivity", "weights", "precision"), OURS)),
    "clock.start_weights": (CODE, {}),
    "clock.external": (CODE, {}),
    "clock.neuron_e": (CODE, {}),
    "clock.neuron_i": (CODE, {}),
    "clock.filters": (CODE, {}),
    "clock.stimulation": (CODE, {"on": PAPER, "gap": PAPER}),
    "clock.voltage_rule": (CODE, {}),
    "clock.inhibitory_rule": (CODE, {}),
    "readout": (
        CODE,
        dict.fromkeys(
            ("threshold_after_spike", "learning_block", "test", "learning_min", "learning_max"),
            OURS,
        )
        | {"levelled_off": OURS},
    ),
    "readout.neuron": (CODE, {}),
    "readout.interneuron": (CODE, {}),
    "readout.rule": (CODE, {}),
    "replay": (
        CODE,
        {"duration": OURS, "inhibition_rate": REPLICATION, "inhibition_weight": REPLICATION},
    ),
    "rls.define.<name>.network": (
        PROGRAM,
        dict.fromkeys(("presynaptic", "groups", "weight_spread", "current_scale"), OURS)
        | {"excitatory": PAPER, "inhibition": PAPER},
    ),
    "rls.define.<name>.target (kind: periodic)": (PROGRAM, {"random_fraction": PAPER}),
    "rls.define.<name>.target (kind: ratemodel)": (
        PROGRAM,
        {"random_fraction": PAPER, "run_in": OURS},
    ),
    "rls.define.<name>.target (kind: ou)": (
        PROGRAM,
        {"random_fraction": PAPER, "tau_c": PAPER, "s": PAPER, "sd": OURS, "followers": OURS},
    ),
    "rls.define.<name>.target (kind: mixture)": (OURS, {}),
    "rls.define.<name>.target (kind: symbols)": (OURS, {}),
    "rls.define.<name>.target (kind: song)": (OURS, {}),
    "rls.define.<name>.target (kind: innate)": (OURS, {"run_in": PAPER}),
    "rls.define.<name>.target (kind: cortical)": (OURS, {}),
    "rls.define.<name>.target (kind: file)": (OURS, {}),
    "rls.define.<name>.target.others": (OURS, {}),
    "rls.define.<name>.test": (OURS, {}),
    "rls.define.<name>.test.damage[]": (OURS, {"amounts": PAPER}),
    "rls.define.<name>.input": (PROGRAM, {"frozen_noise": PAPER, "frozen_tau": OURS}),
    "rls.define.<name>.training": (
        PROGRAM,
        {"smoothing": PAPER, "lambda": PAPER, "free_run": OURS, "inverse": OURS, "test_at": OURS},
    ),
}


def documentation():
    """Return config/README.md."""
    sections = [INTRODUCTION]
    for group, path in [*_paths(Study), (Collection, COLLECTION)]:
        title = "## Top level" if not path else path if path == COLLECTION else f"## `{path}`"
        table = [["key", "default", "unit", "allowed", "meaning"]]
        table += [
            [f"`{name}`", _default(field), _unit(field), _allowed(field), field.description or ""]
            for name, field in _own(group)
        ]
        if path in SOURCES:
            general, special = SOURCES[path]
            sources = ["source", *(special.get(name, general) for name, _ in _own(group))]
            table = [[*row, source] for row, source in zip(table, sources, strict=True)]
        header, *rows = (f"| {' | '.join(row)} |" for row in table)
        rule = "|" + "---|" * len(table[0])
        sections.append(
            "\n".join([title, "", inspect.cleandoc(group.__doc__), "", header, rule, *rows]) + "\n"
        )
    return "\n".join(sections)


def _own(group):
    """Name and field of the keys that lie in a group itself."""
    return [
        (field.alias or name, field)
        for name, field in group.model_fields.items()
        if not models_in(field.annotation) or place_in_many(field)
    ]


def _allowed(field):
    """Bounds or choices of a key, in a few words."""
    constraints, choices = list(field.metadata), []
    for part in _parts(field.annotation):
        if get_origin(part) is Literal:
            choices += get_args(part)
        constraints += getattr(part, "__metadata__", ())
    if len(choices) > 1:
        return ", ".join(f"`{choice}`" for choice in choices)
    if field.annotation is bool:
        return "`true`, `false`"
    return _bounds(constraints)


def _parts(annotation):
    """An annotation and all that it is made of."""
    found = [annotation]
    for part in get_args(annotation) if get_origin(annotation) is not Literal else ():
        found += _parts(part)
    return found


def _bounds(constraints):
    """Such as "above 0, at most 1"."""
    words = {"gt": "above", "ge": "at least", "le": "at most", "lt": "below"}
    found = {}
    for constraint in constraints:
        for one in getattr(constraint, "metadata", [constraint]):  # of a Field in an annotation
            found |= {name: getattr(one, name) for name in words if hasattr(one, name)}
    if found.get("lt") == 2**63:
        del found["lt"]
    return ", ".join(f"{word} {found[name]:g}" for name, word in words.items() if name in found)


def _paths(model, path=""):
    """Every group of parameters with the place of its keys; what all kinds have in common once."""
    found = {}
    for name, field in model.model_fields.items():
        for inner in models_in(field.annotation):
            place = f"{path}.{name}".lstrip(".") + place_in_many(field)
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
