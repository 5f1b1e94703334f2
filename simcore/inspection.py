"""What a store holds, in words and a small picture for the terminal."""

import difflib
import json
from pathlib import Path

import numpy as np

from simcore import report, stores
from simcore.errors import UserError
from simcore.results import open_study
from simcore.stores import SUFFIX

SHADES = " ░▒▓█"
BARS = "▁▂▃▄▅▆▇█"
WIDTH, HEIGHT = 64, 16
RASTER = 1000.0  # ms of spikes in a picture
LONGEST = 200  # characters of an attribute
# Attributes that `_provenance` tells by name, or not at all.
KNOWN = {
    *("format_version", "stage", "parameters", "seed", "code_digest", "inputs", "versions"),
    *("simulated_ms", "failure", "costs"),
}


def describe(path, *, parameters=False):
    """Describe a store, or list a study's stores.

    Parameters
    ----------
    path : path
        Of a ``.zarr.zip`` file or of a study's folder of results.
    parameters : bool
        Whether to list all parameters of a store.

    Returns
    -------
    str

    Raises
    ------
    UserError
        There is no such store, or it is damaged.
    """
    path = Path(path)
    if path.is_dir():
        return _list_study(path)
    if not path.exists():
        raise UserError(f"{path} does not exist{_likely(path)}.")
    if not path.name.endswith(SUFFIX):
        raise UserError(f"{path} is no store: name a {SUFFIX} file or a study's folder of results.")
    dataset = stores.read(path)
    parts = [_provenance(path, dataset), _contents(dataset), _picture(dataset)]
    if parameters:
        parts.insert(1, _columns(_flat(json.loads(dataset.attrs["parameters"])), indent="  "))
    return "\n\n".join(filter(None, parts))


def _likely(path):
    """What else there is, if the folder is there."""
    names = [found.name for found in path.parent.glob("*") if not found.name.startswith(".")]
    close = difflib.get_close_matches(path.name, names)
    return f"; there is {', '.join(close)}" if close else ""


def _list_study(folder):
    study = open_study(folder)
    rows, seeds = [], set()
    for name in study.names():
        path = folder / f"{name}{SUFFIX}"
        with study[name] as dataset:
            attributes = dict(dataset.attrs)
        seeds.add(str(attributes["seed"]))
        simulated = float(attributes.get("simulated_ms", 0)) / 1000
        rows.append((name, f"{path.stat().st_size / 1e6:.2f} MB", f"{simulated:g} s simulated"))
    parts = [f"{folder}, seed {', '.join(sorted(seeds))}", _columns(rows, indent="  ")]
    summary = folder / "summary.json"
    if summary.exists():
        parts.append(report.verdict(json.loads(summary.read_text())))
    return "\n".join(parts)


def _provenance(path, dataset):
    known = dataset.attrs
    versions = json.loads(known["versions"])
    rows = [
        ("stage", known["stage"]),
        ("seed", str(known["seed"])),
        ("simulated", f"{float(known['simulated_ms']) / 1000:g} s"),
        ("code", known["code_digest"][:12] or "of each point: code_digest"),
        ("inputs", ", ".join(json.loads(known["inputs"])) or "none"),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
    ]
    if known.get("failure"):
        rows.append(("failure", known["failure"]))
    rows += [(name, _short(known[name])) for name in sorted(known.keys() - KNOWN)]
    return f"{path}\n" + _columns(rows, indent="  ")


def _short(value):
    """The value of an attribute in one line."""
    values = np.atleast_1d(value).tolist()
    text = "; ".join(map(str, values)) or "none"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def _flat(group, prefix=""):
    """Parameters by dotted key, as rows of two."""
    rows = []
    for name, value in group.items():
        if isinstance(value, dict) and value:
            rows += _flat(value, f"{prefix}{name}.")
        else:
            rows.append((prefix + name, json.dumps(value)))
    return rows


def _contents(dataset):
    rows = []
    for name, values in sorted(dataset.variables.items()):
        if name.startswith("state_"):
            continue
        sizes = " x ".join(f"{dim} {size}" for dim, size in values.sizes.items())
        unit = values.attrs.get("units", "")
        unit = "" if unit == "1" else unit
        rows.append((name, sizes, unit, values.attrs.get("long_name", "")))
    lines = _columns(rows, indent="  ")
    internal = sum(name.startswith("state_") for name in dataset.variables)
    return lines + (f"\n  and {internal} variables of the state (state_*)" if internal else "")


def _columns(rows, indent=""):
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(indent + line.rstrip() for line in lines)


def _picture(dataset):
    """The most telling picture of a store, or None."""
    for variables, draw in PICTURES:
        if variables <= {*dataset.variables, *dataset.dims}:
            return draw(dataset)
    return None


def _between_clusters(dataset):
    last = dataset["block_weight"].isel(time=-1).transpose("cluster_post", "cluster_pre")
    title = "mean weight from cluster (to the right) to cluster (upwards), logarithm"
    weight = last.values
    positive = weight[weight > 0]
    least = positive.min() if positive.size else 1.0
    return f"{title}\n{_shaded(np.log(np.fmax(weight, least))[::-1])}"


def _onto_readouts(dataset):
    weight = dataset.set_coords("cluster")["readout_weight"].groupby("cluster").mean()
    title = "mean weight from cluster (to the right) to channel (upwards)"
    return f"{title}\n{_shaded(weight.transpose('channel', 'cluster').values[::-1])}"


def _target(dataset):
    rate = dataset["target_rate"].isel(pattern=0, missing_dims="ignore")
    return f"rate of channel (upwards) in time\n{_shaded(_narrow(rate.values.T)[::-1])}"


def _periods(dataset):
    period = dataset["period"].values
    if not len(period):
        return "no period"
    counts, edges = np.histogram(period, WIDTH // 2)
    return f"periods from {edges[0]:.0f} to {edges[-1]:.0f} ms: {_line(counts)}"


def _followed(dataset):
    """What the first followers of the example were to do and did."""
    one = dataset.isel(pattern=0)
    window = one["example_time"] > 0
    drives = one["example_drive"].isel(example=0)[window.values].values.T[:HEIGHT]
    targets = one["example_target"].values.T[:HEIGHT]
    pictures = (_shaded(_narrow(values.astype(float))) for values in (targets, drives))
    titles = ("target of the first neurons in time", "their drive in one trial")
    return "\n".join(f"{title}\n{picture}" for title, picture in zip(titles, pictures, strict=True))


def _learning(dataset):
    curve = dataset["curve_correlation"].transpose("run", "loop").values
    rows = [(f"network {run}", _line(one), f"to {one[-1]:.3g}") for run, one in enumerate(curve)]
    return "correlation along the loops\n" + _columns(rows, indent="  ")


def _narrow(values):
    """Average neighbours of each row (row, time) until they fit into the width."""
    pieces = np.array_split(values, min(WIDTH, values.shape[1]), axis=1)
    return np.stack([piece.mean(axis=1) for piece in pieces], axis=1)


def _raster(dataset):
    time, neuron = dataset["spike_time"].values, dataset["spike_neuron"].values
    cluster = dataset["cluster"].values
    excitatory = neuron < len(cluster)
    time, of = time[excitatory], cluster[neuron[excitatory]]
    if not time.size:
        return "no spikes"
    end = time.max()
    begin = max(end - RASTER, time.min() - 1e-9)
    counts, *_ = np.histogram2d(
        of,
        time,
        bins=(min(cluster.max() + 1, HEIGHT), WIDTH),
        range=((0, cluster.max() + 1), (begin, end)),
    )
    title = f"spikes by cluster (upwards) from {begin:.0f} to {end:.0f} ms"
    return f"{title}\n{_shaded(counts[::-1])}"


def _sweep(dataset):
    """A line for each measure along the first axis, averaged over all others."""
    lines = []
    for name, values in dataset.data_vars.items():
        if "replicate" not in values.dims or values.dtype.kind != "f":
            continue
        axis = values.dims[0]
        means = values.mean([dim for dim in values.dims if dim != axis]).values
        if np.isfinite(means).any():
            ends = f"{np.nanmin(means):.3g} to {np.nanmax(means):.3g}"
            lines.append((name, f"along {axis}", _line(means), ends))
    return _columns(lines) if lines else None


def _line(values):
    low, high = np.nanmin(values), np.nanmax(values)
    level = (values - low) / ((high - low) or 1) * (len(BARS) - 1)
    return "".join(" " if np.isnan(one) else BARS[round(float(one))] for one in level)


def _shaded(values):
    rows = values[:: max(1, -(-len(values) // (2 * HEIGHT)))]
    low, high = rows.min(), rows.max()
    level = ((rows - low) / ((high - low) or 1) * (len(SHADES) - 1)).round().astype(int)
    return "\n".join("".join(SHADES[one] for one in row) for row in level)


# By what a store holds; the first that fits.
PICTURES = (
    ({"block_weight"}, _between_clusters),
    ({"readout_weight", "cluster"}, _onto_readouts),
    ({"cluster", "spike_time"}, _raster),
    ({"replicate"}, _sweep),
    ({"target_rate"}, _target),
    ({"period"}, _periods),
    ({"curve_correlation"}, _learning),
    ({"example_drive", "example_target"}, _followed),
)
