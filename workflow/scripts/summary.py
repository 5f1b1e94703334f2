"""The headline numbers of a study, each with the range that a correct run shows."""

import math

import numpy as np
from stage import Stage

from simcore import stores
from simcore.parameters import Range


def rows_of(analysis):
    """The headline numbers of a store: id, value, unit, and the interval of a sweep's."""
    if "summary_id" not in analysis:
        return []
    parts = [analysis[f"summary_{part}"].values.tolist() for part in ("id", "value", "unit")]
    none = [None] * len(parts[0])
    if "summary_bound" not in analysis:
        return zip(*parts, none, none, strict=True)
    intervals = np.array([analysis[f"summary_{end}"].values for end in ("low", "high")]).T.tolist()
    return zip(*parts, intervals, analysis["summary_bound"].values.tolist(), strict=True)


def entry(name, value, unit, interval, bound, expected):
    """One entry of summary.json; without a range what judges it is null, without a value not ok."""
    value = None if math.isnan(value) else value
    if interval is not None and any(map(math.isnan, interval)):
        interval = None
    return {
        "id": name,
        "value": value,
        "unit": unit,
        "interval": interval,
        "bound": bound,
        "low": expected and expected.low,
        "high": expected and expected.high,
        "source": expected and expected.source,
        "ok": expected and expected.verdict(value, interval, bound),
    }


with Stage(snakemake) as this:
    given = this.params["parameters"]["expected"]
    expected = {name: Range.model_validate(one) for name, one in given.items()}
    summary = []
    for role in this.input.keys():
        kind, _, name = role.partition("_")
        analysis = this.read(role, f"{kind} {name}" if kind in ("sweep", "sound") else role)
        summary += [entry(*row, expected.get(row[0])) for row in rows_of(analysis)]
    stores.write_json(this.output[0], summary)
    for row in summary:
        if row["ok"] is False:
            this.say(f"{row['id']} is {row['value']}, outside {row['low']} to {row['high']}.")
