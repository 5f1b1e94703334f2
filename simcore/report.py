"""The page of results: one HTML file that needs nothing else, for a desk and for a phone."""

import base64
import re
import struct
from pathlib import Path
from types import SimpleNamespace

from simcore.stores import replacing
from simcore.sweep_captions import words

# The chapter of what `make benchmark` measured.
SPEED = "Speed"
WIDE = 1800  # pixels: figures with three panels in a row and more take both columns of the page
# What the last part of an id of summary.json means to somebody who does not know the ids.
MEANINGS = {
    "within": "weight within clusters",
    "forward": "weight to the next cluster",
    "backward": "weight to the cluster before",
    "rest": "weight between all others",
    "embedded_within": "weight within clusters right after the embedding",
    "embedded_forward": "weight to the next cluster right after the embedding",
    "embedded_backward": "weight to the cluster before right after the embedding",
    "embedded_rest": "weight between all others right after the embedding",
    "inhibition_within": "inhibition of a cluster by itself by way of I neurons, over the mean",
    "inhibition_forward": "inhibition of the next cluster by way of I neurons, over the mean",
    "inhibition_backward": "inhibition of the cluster before by way of I neurons, over the mean",
    "i_to_e": "mean weight from inhibitory to excitatory neurons",
    "relative_strength": "mean weight within clusters over that to the outside",
    "rate_e": "rate of excitatory neurons",
    "rate_i": "rate of inhibitory neurons",
    "period_mean": "mean period",
    "period_sd": "standard deviation of the period",
    "order": "changes that lead to the next cluster (part of all)",
    "leading_real": "leading complex pair of the cluster matrix, real part",
    "leading_imaginary": "leading complex pair of the cluster matrix, imaginary part",
    "before_real": "leading complex pair of the cluster matrix, before learning, real part",
    "before_imaginary": "leading complex pair of the cluster matrix, before learning, "
    "imaginary part",
    "neurons_real": "leading complex pair of the matrix of all neurons, real part",
    "neurons_imaginary": "leading complex pair of the matrix of all neurons, imaginary part",
    "over_ring": "imaginary part of the leading pair over that of a ring of the mean weights, "
    "where forward and backward weights differ",
    "spontaneous": "factor by which forward weights changed on their own",
    "driven": "factor by which forward weights changed under another clock's spikes",
    "spontaneous_backward": "factor by which backward weights changed on their own",
    "driven_backward": "factor by which backward weights changed under another clock's spikes",
    "dwell_time": "how long the most active cluster stays so, mean over moments",
    "broken_links": "clusters that mostly do not hand on to the next",
    "coefficient": "c of sd = c √(mean time) of the clusters",
    "rmse_sqrt": "error of the fit sd = c √(mean time)",
    "rmse_linear": "error of the fit of a straight line through the origin",
    "last_cluster_mean": "mean time of the last cluster since the onset",
    "last_cluster_sd": "standard deviation of the last cluster's time over passes",
    "passes": "passes that were measured",
    "left_out": "passes left out: more than 30 % longer or shorter than the median",
    "used_error": "error over the channels of the replayed sequence alone",
    "used_correlation": "correlation over the channels of the replayed sequence alone",
    "error": "error of the replay",
    "correlation": "correlation of replay and target",
    "correlation_in_time": "correlation of replay and target, each channel's mean taken away",
    "static_error": "error of rates that never change, at best",
    "static_correlation": "correlation of rates that never change, at best",
    "sound_correlation": "correlation of the sounds' spectrograms",
    "sound_of_target": "correlation of the target and its sound's spectrogram",
    "nrmse": "root mean square error over the sd of the target",
    "rate": "rate of all neurons",
    "untrained_rate": "rate of all neurons before training",
    "silent": "neurons that never fire",
    "median": "correlation in the median start",
    "untrained": "correlation before training",
    "weight_change": "change of the weights (norm, relative unless they were zero)",
    "other_pattern": "correlation with the target of the other pattern",
    "predicted_drive": "correlation of drive and quasi-static prediction",
    "predicted_rate": "correlation of rate and quasi-static prediction",
    "wrong_sign": "synapses whose sign has turned (part of all)",
    "frozen": "synapses that were frozen (part of all)",
    "agreement": "agreement of trials within the window",
    "agreement_after": "agreement of trials after the window's end",
    "agreement_lost": "agreement of trials that is lost at the window's end",
    "untrained_agreement": "agreement of trials within the window before training",
    "separation": "difference by one deleted spike at the window's end (sd of the drive)",
    "untrained_separation": "difference by one deleted spike before training",
    "spectral_radius": "radius with 99 % of the eigenvalues, over that of random weights",
    "untrained_spectral_radius": "radius with 99 % of the eigenvalues, before training, "
    "over that of random weights",
}


def write(path, contents, summary):
    """Write the page; the same arguments give the same bytes.

    Parameters
    ----------
    path : path
        Of the HTML file.
    contents : dict
        As report.json holds it, beside the page:

        ``title``, ``about`` : str
            What all this is; the page begins with it.
        ``parts`` : dict of str to str
            Of a collection: what each study is about, by the name of the part; else empty.
        ``figures`` : list of dict
            In their order; figures of a ``chapter`` follow each other. ``file``, a PNG or GIF,
            and ``sounds``, wav files by name, are relative to the page's folder; ``title``,
            ``caption`` (blank lines part its paragraphs); ``data``, the files that it shows.
        ``facts`` : dict
            What else the reader should know, such as the seed; by a name in words a number, a text
            or a list of texts. The lists ``warnings`` and ``notes`` come ahead of the figures.
        ``tables`` : list of dict
            With ``title``, ``header`` (list of str), ``rows`` (list of lists of str) and a
            sentence ``about``.
        ``made`` : dict of str to str
            By what (:func:`simcore.provenance.origin`).
    summary : list of dict
        The entries of summary.json: ``id``, ``value`` (None where undefined), ``unit``,
        ``interval`` and ``bound`` (of a sweep's number), ``low``, ``high``, ``source``, ``ok``.

    Raises
    ------
    UserError
        The page cannot be written.
    """
    folder = Path(path).parent
    shown = page(contents, summary)
    for figures in shown["chapters"].values():
        figures[:] = [figure | _embedded(figure, folder) for figure in figures]
    text = render("report.html.jinja", shown)
    with replacing(path) as file:
        file.write(text.encode())


def render(template, shown):
    """Fill in a template of this package."""
    environment = _environment(autoescape=".html" in template)
    return environment.get_template(template).render(shown)


def page(contents, summary):
    """What a template of the page needs, of what `write` is given."""
    facts = dict(contents["facts"])
    chapters = {}
    for figure in contents["figures"]:
        paragraphs = [" ".join(part.split()) for part in figure["caption"].split("\n\n")]
        chapters.setdefault(figure["chapter"], []).append(
            figure | {"paragraphs": list(filter(None, paragraphs))}
        )
    return {
        "title": contents["title"],
        "about": contents["about"],
        "abouts": contents["parts"],
        "scorecards": {
            name: [_row(entry) for entry in entries]
            for name, entries in _by_part(summary, contents["parts"]).items()
        },
        "verdict": verdict(summary),
        "remarks": _remarks(summary),
        "warnings": facts.pop("warnings", []),
        "notes": facts.pop("notes", []),
        "facts": {name: value for name, value in facts.items() if value not in (None, [])},
        "chapters": chapters,
        "tables": contents["tables"],
    }


def _by_part(summary, parts):
    """Entries by the study that they are of; in a collection their ids begin with its name."""
    if not parts:
        return {"": summary}
    return {
        part: [
            entry | {"id": entry["id"].removeprefix(f"{part}.")}
            for entry in summary
            if entry["id"].startswith(f"{part}.")
        ]
        for part in parts
    }


def caption(path, summary, params=None, **wildcards):
    """Fill in a caption of workflow/report, which Snakemake's own report uses, too.

    Parameters
    ----------
    path : path
        Of the .rst file: plain paragraphs, with Jinja. In them `snakemake.wildcards` and
        `snakemake.params` are what they are in Snakemake's report, and `measured`, undefined there,
        gives the values of the summary.
    summary : list of dict
        As for `write`.
    params : dict, optional
    **wildcards : str
        Such as ``target="abcba"``.

    Returns
    -------
    str
    """
    template = _environment(autoescape=False).from_string(Path(path).read_text(encoding="utf-8"))
    return template.render(
        snakemake=SimpleNamespace(
            wildcards=SimpleNamespace(**wildcards), params=SimpleNamespace(**params or {})
        ),
        measured={entry["id"]: entry["value"] for entry in summary},
    ).strip()


def number(value, digits=3):
    """Write a number with three significant digits, but no fewer before the point; None: a dash."""
    if value is None:
        return "–"
    text = f"{value:.{digits}g}"
    if abs(float(text)) >= 10**digits:
        text = f"{value:.0f}"
    return text.replace("-", "−")


def _environment(autoescape):
    from jinja2 import Environment, FileSystemLoader

    # The blocks are trimmed as in Snakemake's report.
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=autoescape,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    return environment


def _row(entry):
    group, _, last = entry["id"].rpartition(".")
    meaning = MEANINGS.get(last, entry["id"]) + _when(group)
    if entry["id"].startswith("sweep."):
        _, sweep, headline = entry["id"].split(".", 2)
        group, meaning = "", f"{words(headline)}, sweep {words(sweep)}"
    for prefix in ("readout.", "rls."):
        if group.startswith(prefix):
            of, _, _ = group.removeprefix(prefix).partition(".learned[")
            meaning += f", {of.replace('.damaged.', ', damaged: ')}"
    has_range = entry["low"] is not None and entry["high"] is not None
    return entry | {
        "meaning": meaning,
        "unit": "" if entry["unit"] == "1" else entry["unit"],
        "text": _value(entry, has_range),
        "range": f"{number(entry['low'])} to {number(entry['high'])}" if has_range else None,
        "source": entry["source"] if has_range else "",
        "mark": {True: "good", False: "bad", None: "none"}[entry["ok"]],
        "verdict": _judged(entry["ok"], entry["value"] is None, has_range),
    }


def _when(group):
    """After how much of a learning a number is told, in words."""
    moment = re.search(r"(embedding|consolidation|learned)\[(.+)\]$", group)
    if moment is None:
        return ""
    stage, after = moment.groups()
    return f" after {after} " + ("s of learning" if stage == "learned" else f"min of {stage}")


def _judged(ok, undefined, has_range):
    if ok is None:
        return "undefined" if undefined else "undecided" if has_range else "no range"
    return "✓ in range" if ok else "✗ undefined" if undefined else "✗ out of range"


def _value(entry, has_range):
    """Write a value with as many digits as it takes to see that it is out of its range."""
    value, digits = entry["value"], 3
    if value is not None and entry.get("bound"):
        return f"at least {number(value)}"
    if value is not None and entry.get("interval"):
        return f"{number(value)} ({' to '.join(map(number, entry['interval']))})"
    if value is None or not has_range or entry["ok"]:
        return number(value)
    while entry["low"] <= float(f"{value:.{digits}g}") <= entry["high"] and digits < 15:
        digits += 1
    return number(value, digits)


def verdict(summary):
    """Say in a sentence how many numbers lie in their range.

    Parameters
    ----------
    summary : list of dict
        As for `write`.

    Returns
    -------
    str
    """
    judged = [entry["ok"] for entry in summary if entry["ok"] is not None]
    if not judged:
        return "This study names no ranges, so nothing here was judged."
    if len(judged) == 1:
        return f"The one number with a range lies {'within' if judged[0] else 'outside'} it."
    if all(judged):
        return f"All {len(judged)} numbers with a range lie within it."
    return f"{judged.count(False)} of {len(judged)} numbers with a range lie outside it."


def _remarks(summary):
    """How the numbers of the scorecard are to be read."""
    remarks = []
    if any(entry["value"] is None for entry in summary):
        remarks.append(
            "A dash stands for a number that is undefined in this run, such as a period of a clock "
            "that never completed a round."
        )
    if any(entry.get("seeds") for entry in summary):
        remarks.append(
            "Of what ran with several seeds: the mean, and in brackets the smallest and the "
            "largest; in range if all are. The figures are of the first seed."
        )
    if any(entry.get("interval") and not entry.get("seeds") for entry in summary):
        remarks.append(
            "In brackets: 95 % intervals over the replicates of a sweep, or the networks of an "
            "experiment; of three they are wide, and may reach beyond what a number can be. Claims "
            "that something grows or falls are judged by the whole interval, where there is one."
        )
    return remarks


def _embedded(figure, folder):
    """Bytes of a figure's picture and sounds, as the page holds them; the picture's size."""
    path = folder / figure["file"]
    image, kind = path.read_bytes(), path.suffix[1:]
    # Of the PNG's first chunk, or of the GIF's screen.
    width, height = struct.unpack(
        *((">II", image[16:24]) if kind == "png" else ("<HH", image[6:10]))
    )
    return {
        "sounds": {name: _base64(folder / file) for name, file in figure["sounds"].items()},
        "kind": kind,
        "image": _base64(path),
        "width": width,
        "height": height,
        "wide": width >= WIDE,
    }


def _base64(path):
    return base64.b64encode(Path(path).read_bytes()).decode()
