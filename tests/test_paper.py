"""What the whole run of both papers gave (docs/paper), and what docs/fidelity.md tells of it."""

import json
import re

from studies import ROOT

PAPER = ROOT / "docs/paper"
SUMMARY = json.loads((PAPER / "summary.json").read_text())
NAMED = set(re.findall(r"`([^`]+)`", (ROOT / "docs/fidelity.md").read_text()))


def test_every_number_out_of_its_range_is_told_and_no_other():
    outside = {entry["id"] for entry in SUMMARY if entry["ok"] is False}
    assert outside == {entry["id"] for entry in SUMMARY} & NAMED


def test_the_page_shows_every_figure_of_its_folder():
    shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (PAPER / "README.md").read_text())
    there = {path.relative_to(PAPER).as_posix() for path in PAPER.glob("figures/**/*.*")}
    assert set(shown) == there and len(there) > 200
