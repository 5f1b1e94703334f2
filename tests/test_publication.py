"""A study's page for a repository."""

import json
import re

import pytest
from matplotlib.figure import Figure
from test_report import SUMMARY, contents, figure

from simcore import figures
from simcore.__main__ import main


@pytest.fixture
def study(tmp_path):
    """The folder of a finished study that has learned a recording."""
    folder = tmp_path / "results" / "demo"
    (folder / "benchmarks").mkdir(parents=True)
    for job, seconds in (("embedding", 3600), ("replay", 1200), ("short", "NA")):
        table = f"s\tmax_rss\tcpu_time\n1\t2\t{seconds}\n"
        (folder / "benchmarks" / f"{job}.tsv").write_text(table)
    shown = []
    for name in ("sweep_loss", "song_sound"):
        drawn = Figure(figsize=(3, 2))
        drawn.subplots().plot([1, 2])
        figures.save(drawn, folder / "figures" / name)
        one = figure(folder / "figures" / f"{name}.png", name, "What is\nseen.\n\nWhat was.")
        shown.append(one | {"file": f"figures/{name}.png", "recording": name == "song_sound"})
    (folder / "summary.json").write_text(json.dumps(SUMMARY))
    held = contents(*shown, about="Clocks.", facts={"seed": 7, "notes": ["Mind this."]})
    held["made"] = {"commit": "0123abc of the run"}
    (folder / "report.json").write_text(json.dumps(held))
    return folder


def test_the_page_holds_all_but_what_shows_a_recording(study, tmp_path):
    to = tmp_path / "docs" / "demo"
    for _ in range(2):
        main(["publish", str(study), str(to)])
    page = (to / "README.md").read_text()
    assert page.startswith("# demo\n\nClocks.\n\n2 of 4 numbers")
    assert "| weight within clusters (`clock.weights.within`) | 32.1 pF |" in page
    assert page.count("✗") == 2 and "- Mind this." in page and "| seed | 7 |" in page
    assert "\n\nWhat is seen.\n\nWhat was.\n\nData: `analysis.zarr.zip`\n" in page
    assert "demo 80 min" in page and "| commit | 0123abc of the run |" in page
    (picture,) = re.findall(r"!\[.*\]\((.*)\)", page)
    assert "sweep_loss" in picture and "Not shown here" in page
    assert [path.name for path in to.rglob("*.png")] == ["sweep_loss.png"]
    assert (to / picture).read_bytes() == (study / "figures/sweep_loss.png").read_bytes()
    assert json.loads((to / "summary.json").read_text()) == SUMMARY


def test_what_was_published_before_goes(study, tmp_path):
    main(["publish", str(study), str(tmp_path / "to")])
    held = json.loads((study / "report.json").read_text())
    (study / "report.json").write_text(json.dumps(held | {"figures": []}))
    main(["publish", str(study), str(tmp_path / "to")])
    assert not list((tmp_path / "to").rglob("*.png"))


def test_a_study_that_has_not_run_is_told(study, tmp_path):
    (study / "report.json").unlink()
    with pytest.raises(SystemExit, match=r"report\.json: name the folder of a study that was run"):
        main(["publish", str(study), str(tmp_path / "to")])


def test_a_place_that_cannot_be_written_is_told(study, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit, match="cannot be written"):
        main(["publish", str(study), str(tmp_path / "file")])


def test_a_folder_of_other_files_stays_as_it_is(study):
    before = sorted(study.rglob("*"))
    with pytest.raises(SystemExit, match="holds other files"):
        main(["publish", str(study), str(study)])
    assert sorted(study.rglob("*")) == before
