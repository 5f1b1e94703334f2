"""The page of results, and the captions that it shares with Snakemake's report."""

import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from docutils.core import publish_parts
from docutils.writers.html4css1 import Writer
from jinja2 import Environment
from matplotlib.figure import Figure

from simcore import figures, report
from simcore.errors import UserError

CAPTIONS = sorted((Path(__file__).parents[1] / "workflow" / "report").glob("*.rst"))
BY_STEM = {path.stem: path for path in CAPTIONS}
DRAWN = {
    "inhibition",
    "learning_curve",
    "linear_model",
    "periods",
    "readout_weights",
    "replay_raster",
    "sound",
    "spectrum",
    "stability",
    "target_and_replay",
    "time_course",
    "variability",
    "weights",
}


def entry(id, value, unit="1", low=None, high=None, source=None, ok=None):
    return {
        "id": id,
        "value": value,
        "unit": unit,
        "low": low,
        "high": high,
        "source": source,
        "ok": ok,
    }


SUMMARY = [
    entry("clock.weights.within", 32.0589, "pF", 30, 32.7, "measured", True),
    entry("clock.weights.forward", 8.561, "pF"),
    entry("clock.weights.backward", 1.868, "pF"),
    entry("clock.weights.rest", 1.488, "pF"),
    entry("clock.replay.rate_e", 2.49996, "Hz", 2.5, 2.9, "authors' code", False),
    entry("clock.replay.period_mean", 1373.196, "ms"),
    entry("clock.replay.period_sd", None, "ms", 5, 30, "measured", False),
    entry("clock.replay.order", 0.9345, "1", 0.9, 1, "specification", True),
    entry("readout.abcba.error", 0.1944),
    entry("readout.song.error", None),
]


class Page(HTMLParser):
    """What a browser would find in a page."""

    void = {"meta", "link", "img", "br"}

    def __init__(self, path):
        super().__init__()
        self.tags, self.open, self.rows, self.text = [], [], [], ""
        self.feed(path.read_text(encoding="utf-8"))
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.void:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text += data
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data

    def attributes(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


def test_meanings_need_no_row_above():
    for meaning in report.MEANINGS.values():
        assert not meaning.startswith(("the same", "that ", "its ", "likewise"))


@pytest.fixture
def picture(tmp_path):
    figure = Figure(figsize=(3, 2))
    figure.subplots().plot(np.arange(3))
    figures.save(figure, tmp_path / "picture")
    return tmp_path / "picture.png"


def contents(*shown, **others):
    """What report.json holds."""
    empty = {"title": "demo", "about": "", "parts": {}, "facts": {}, "tables": [], "made": {}}
    return empty | {"figures": list(shown)} | others


@pytest.fixture
def page(tmp_path, picture):
    facts = {
        "seed": 7,
        "simulated time": {"embedding": "25 min", "replay": "20 s"},
        "warnings": ["A target is <longer> than a period."],
        "notes": ["The first channel is used."],
        "empty": [],
    }
    shown = figure(picture, "Periods & more", "What is\nseen.\n\nWhat the paper shows.")
    shown["chapter"] = "The clock"
    held = contents(shown, figure(picture), about="Clocks & more.", facts=facts)
    report.write(tmp_path / "report.html", held, SUMMARY)
    return Page(tmp_path / "report.html")


def figure(picture, title="t", caption="c"):
    return {
        "file": picture.name,
        "chapter": "Sweeps",
        "title": title,
        "caption": caption,
        "data": ["analysis.zarr.zip"],
        "sounds": {},
        "recording": False,
    }


def test_the_page_asks_for_nothing_outside(page):
    links = [
        value
        for _, attributes in page.tags
        for name, value in attributes.items()
        if name in ("src", "href", "srcset", "data")
    ]
    assert links and all(link.startswith(("data:", "#")) for link in links)
    style = re.findall(r"url\(|@import", page.rawdata + page.text)
    assert not style
    assert not page.attributes("script")


def test_the_table_comes_first_with_values_ranges_and_marks(page):
    headings = [tag for tag, _ in page.tags if tag in ("table", "figure")]
    assert headings[0] == "table"
    assert len(page.rows) == 2 + len(SUMMARY)
    assert "6 more numbers, without a range" in page.text
    assert page.text.index("replay.order") < page.text.index("weights.forward")
    rows = {row[0].split("clock.")[-1]: [cell.strip() for cell in row[1:]] for row in page.rows}
    assert rows["weights.within"] == ["32.1 pF", "30 to 32.7 pF", "measured", "✓ in range"]
    assert rows["weights.forward"] == ["8.56 pF", "none", "", "no range"]
    assert rows["replay.period_mean"][0] == "1373 ms"
    assert rows["replay.period_sd"] == ["–", "5 to 30 ms", "measured", "✗ undefined"]
    assert rows["replay.order"][0] == "0.934"  # 0.9345 is a little less in binary
    assert "A dash stands for" in page.text
    assert "2 of 4 numbers with a range lie outside it." in page.text


@pytest.mark.parametrize(
    ("ok", "value", "low", "verdict"),
    [
        (True, 0.5, 0, "✓ in range"),
        (False, 1.5, 0, "✗ out of range"),
        (False, None, 0, "✗ undefined"),
        (None, 0.5, 0, "undecided"),
        (None, 0.5, None, "no range"),
        (None, None, None, "undefined"),
    ],
)
def test_verdicts_in_words(ok, value, low, verdict):
    high = None if low is None else 1
    entry = {"id": "a.order", "value": value, "unit": "1", "low": low, "high": high, "ok": ok}
    assert report._row(entry | {"source": "measured", "bound": True})["verdict"] == verdict


def test_a_value_just_out_of_its_range_does_not_look_like_its_limit(page):
    row = next(row for row in page.rows if "rate_e" in row[0])
    assert row[1].strip() == "2.49996 Hz"
    assert row[4].strip() == "✗ out of range"


@pytest.mark.parametrize(("inches", "wide"), [(7, False), (10.5, True)])
def test_figures_of_many_panels_take_the_whole_width(tmp_path, inches, wide):
    drawn = Figure(figsize=(inches, 2))
    figures.save(drawn, tmp_path / "panels")
    report.write(tmp_path / "report.html", contents(figure(tmp_path / "panels.png")), SUMMARY)
    (tag,) = Page(tmp_path / "report.html").attributes("figure")
    assert (tag.get("class") == "wide") == wide


def test_figures_have_words_and_sizes(page):
    image, _ = page.attributes("img")
    assert image["alt"] == "Periods & more. What is seen."
    assert (image["width"], image["height"]) == ("600", "400")
    assert "What the paper shows." in page.text
    assert "A target is <longer> than a period." in page.text
    assert "The first channel is used." in page.text
    assert "25 min" in page.text and "empty" not in page.text
    assert "Data: analysis.zarr.zip" in page.text


SAID = {"title": "Study a", "about": "", "tables": [], "made": {}}


def test_the_page_begins_with_what_it_is_and_leads_to_its_chapters(page):
    assert page.text.index("Clocks & more.") < page.text.index("2 of 4 numbers")
    links = [attributes["href"] for attributes in page.attributes("a")]
    assert links == ["#summary", "#chapter1", "#chapter2"]
    places = {attributes.get("id") for _, attributes in page.tags}
    assert {link.removeprefix("#") for link in links} <= places


def test_sounds_can_be_played_in_the_page(tmp_path, picture):
    (tmp_path / "song.wav").write_bytes(b"RIFF")
    heard = figure(picture) | {"sounds": {"target": "song.wav"}}
    report.write(tmp_path / "report.html", contents(heard), [])
    (player,) = Page(tmp_path / "report.html").attributes("audio")
    assert player["src"] == "data:audio/wav;base64,UklGRg=="


def test_each_study_of_a_collection_has_a_scorecard(tmp_path):
    path = tmp_path / "report.html"
    summary = [entry | {"id": f"one.{entry['id']}"} for entry in SUMMARY[:1]]
    summary += [entry | {"id": f"other.{entry['id']}"} for entry in SUMMARY[4:]]
    report.write(path, contents(parts={"one": "", "other": ""}), summary)
    page = Page(path)
    assert [len(row) for row in page.rows] == [5] * (2 + 2 + 6)
    assert page.text.index("one") < page.text.index("weights.within") < page.text.index("other")
    assert "2 of 4 numbers with a range lie outside it." in page.text


def test_same_input_same_bytes(tmp_path, picture):
    for name in ("a", "b"):
        report.write(tmp_path / name, contents(figure(picture), facts={"seed": 1}), SUMMARY)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_study_of_nothing_has_a_page(tmp_path):
    report.write(tmp_path / "report.html", contents(), [])
    assert "nothing here was judged" in Page(tmp_path / "report.html").text


def test_a_page_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"report\.html"):
        report.write(tmp_path / "file" / "report.html", contents(), [])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (20, "20"),
        (0.12345, "0.123"),
        (-1.5, "−1.5"),
        (373.196, "373"),
        (12345.6, "12346"),
        (999.7, "1000"),
    ],
)
def test_numbers_have_sensible_digits(value, text):
    assert report.number(value) == text


# Captions


def test_every_figure_has_a_caption():
    assert set(BY_STEM) >= DRAWN
    assert all(callable(getattr(figures, name)) for name in DRAWN)


def paragraphs(text):
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


@pytest.mark.parametrize("stem", BY_STEM)
@pytest.mark.parametrize("target", ["abcba", "my_target_"])
def test_captions_are_plain_paragraphs_in_both_reports(stem, target):
    source = BY_STEM[stem].read_text(encoding="utf-8")
    wildcards = SimpleNamespace(study="demo", target=target)
    # As Snakemake does it, where nothing measured is known.
    snakemakes = Environment(trim_blocks=True, lstrip_blocks=True).from_string(source)
    known = {
        "caption": {
            "how_to_read": "Dots.",
            "known": "The paper shows something else.",
            "numbers": "t: a slope.",
            "told": (),
        }
    }
    params = SimpleNamespace(**known)
    texts = [snakemakes.render(snakemake=SimpleNamespace(wildcards=wildcards, params=params))]
    texts.append(report.caption(BY_STEM[stem], SUMMARY, known, study="demo", target=target))
    for text in texts:
        html = publish_parts(text, writer=Writer())["body"]
        assert "System Message" not in html and "problematic" not in html
        shown = re.findall(r"<p>(.*?)</p>", html, re.DOTALL)
        assert re.findall(r"<(?!/?p\b|/?div\b)\w+", html) == []
        assert [" ".join(part.split()) for part in shown] == paragraphs(text)
        assert "paper" in text or "authors" in text


def test_captions_of_sweeps_tell_their_headlines_if_they_are_few():
    known = {
        "caption": {
            "how_to_read": "Dots.",
            "known": "The paper shows something else.",
            "numbers": "t: a slope.",
            "told": (),
        }
    }
    entries = [("sweep.a.growth", 6.46), ("sweep.a.best_tau_s[n=5]", 50.0), ("sweep.b.x", 3.0)]
    summary = [{"id": name, "value": value} for name, value in entries]
    text = report.caption(BY_STEM["sweep"], summary, known, sweep="a")
    assert "Here: growth 6.46; best tau s[n=5] 50 (" in text
    many = [{"id": f"sweep.a.x[n={n}]", "value": float(n)} for n in range(20)]
    assert "Here" not in report.caption(BY_STEM["sweep"], many, known, sweep="a")
    known["caption"]["told"] = ("growth",)
    text = report.caption(BY_STEM["sweep"], summary + many, known, sweep="a")
    assert "Here: growth 6.46 (" in text


def test_the_page_begins_with_how_many_numbers_lie_in_their_ranges():
    def verdict(*oks):
        summary = [entry(f"clock.replay.{n}", 1.0) | {"ok": ok} for n, ok in enumerate(oks)]
        return report.page({"figures": [], "facts": {}, "parts": {}, **SAID}, summary)["verdict"]

    assert verdict(True) == "The one number with a range lies within it."
    assert verdict(False, None) == "The one number with a range lies outside it."
    assert verdict(True, True) == "All 2 numbers with a range lie within it."
    assert verdict(True, False) == "1 of 2 numbers with a range lie outside it."
    assert "no ranges" in verdict(None)


def test_captions_of_experiments_tell_what_others_found():
    stem, name = BY_STEM["rls_targets_and_drive"], "figure6_fast"
    text = report.caption(stem, [], {"known": "Others fail."}, experiment=name)
    assert "\n\nOthers fail." in text
    assert "Others" not in report.caption(stem, [], {"known": ""}, experiment=name)


def test_captions_of_learning_curves_tell_the_moments_that_are_asked_for():
    told = {"error": 0.412, "correlation": 0.46}
    summary = [{"id": f"readout.song.learned[6].{part}", "value": told[part]} for part in told]
    text = report.caption(BY_STEM["learning_curve"], summary, target="song")
    assert "Here the error after 6 s is 0.41 and the correlation 0.46." in text
    assert "Here" not in report.caption(BY_STEM["learning_curve"], summary, target="abcba")


def test_captions_tell_what_was_measured():
    text = report.caption(BY_STEM["weights"], SUMMARY)
    assert "32.1 pF within clusters, 8.6 pF forward, 1.9 pF backward and 1.5 pF" in text
    assert "93 %" in report.caption(BY_STEM["replay_raster"], SUMMARY)
    assert "is 0.19." in report.caption(BY_STEM["target_and_replay"], SUMMARY, target="abcba")


def test_captions_tell_what_only_some_studies_have():
    more = [
        entry("clock.replay.dwell_time", 15.26, "ms"),
        entry("clock.variability.last_cluster_mean", 512.4, "ms"),
        entry("clock.variability.last_cluster_sd", 7.08, "ms"),
        entry("readout.song.sound_correlation", 0.7262),
    ]
    assert "for 15 ms on average" in report.caption(BY_STEM["replay_raster"], more)
    for broken, told in ((0, "Every cluster"), (1, "One cluster"), (30, "30 clusters mostly")):
        links = [entry("clock.replay.broken_links", float(broken))]
        assert told in report.caption(BY_STEM["replay_raster"], links)
    text = report.caption(BY_STEM["variability"], more)
    assert "comes at 512 ms with a standard deviation of 7.1 ms" in text
    for target, is_song in (("song", True), ("abcba", False)):
        text = report.caption(BY_STEM["target_and_replay"], more, target=target)
        assert ("made-up" in text) == is_song


def test_captions_leave_out_what_is_undefined():
    for target in ("song", "unknown"):
        text = report.caption(BY_STEM["target_and_replay"], SUMMARY, target=target)
        assert "Here" not in text and "None" not in text
    assert "Here" not in report.caption(BY_STEM["periods"], SUMMARY)
    for path in CAPTIONS:
        report.caption(
            path,
            [],
            {"caption": {"how_to_read": "", "known": "", "numbers": "", "told": ()}, "known": ""},
            target="abcba",
        )


def test_further_tables_follow_the_figures(tmp_path, picture):
    table = {
        "title": "Speed",
        "header": ["program", "s"],
        "rows": [["C & co", "0.5"]],
        "about": "x",
    }
    path = tmp_path / "report.html"
    report.write(path, contents(figure(picture), tables=[table]), SUMMARY)
    page = Page(path)
    assert page.rows[-2:] == [["program", "s"], ["C & co", "0.5"]]
    headings = [tag for tag, _ in page.tags if tag in ("table", "figure")]
    assert headings == ["table", "table", "figure", "table"]
