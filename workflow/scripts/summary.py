"""The headline numbers of a study, each with the range that a correct run shows."""

import math

from stage import Stage

from simcore import stores


def entry(name, value, unit, expected):
    """One entry of summary.json; without a range ``ok`` is null, without a value it is false."""
    value = None if math.isnan(value) else value
    ok = None
    if expected:
        ok = value is not None and expected["low"] <= value <= expected["high"]
    return {
        "id": name,
        "value": value,
        "unit": unit,
        "low": expected.get("low"),
        "high": expected.get("high"),
        "source": expected.get("source", "measured"),
        "ok": ok,
    }


with Stage(snakemake) as this:
    expected = this.params["parameters"]["expected"]
    summary = []
    for role in this.input.keys():
        analysis = this.read(role)
        rows = zip(
            *(analysis[f"summary_{part}"].values.tolist() for part in ("id", "value", "unit")),
            strict=True,
        )
        summary += [entry(name, value, unit, expected.get(name, {})) for name, value, unit in rows]
    stores.write_json(this.output[0], summary)
    for row in summary:
        if row["ok"] is False:
            this.say(f"{row['id']} is {row['value']}, outside {row['low']} to {row['high']}.")
