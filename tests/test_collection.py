"""Collections: several studies, one run, one report."""

import json
import re

import pytest
import studies
import yaml
from studies import HARD_WIRED, assert_fails, merged, run
from test_estimate_workflow import estimate
from test_report import Page

from simcore.__main__ import main
from simcore.collection import combined, read_collection
from simcore.errors import UserError
from simcore.parameters import read_study

COLLECTION = {
    "study": "both",
    "about": "Two clocks.",
    "parts": {"one": "a.yaml", "two": "b.yaml"},
    "replicates": {"two": 2},
}
ALONE = COLLECTION | {"replicates": {}}
ONE = merged(HARD_WIRED, {"methods": ["clock"], "about": "A clock of four clusters."})
TWO = merged(ONE, {"study": "larger", "clock": {"clusters": 5}})


def write(folder, collection, **parts):
    """Write a collection and its studies; returns its file."""
    for name, study in parts.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(study))
    file = folder / "both.yaml"
    file.write_text(yaml.safe_dump(collection | {"results": str(folder / "results")}))
    return file


def refused(tmp_path, collection, *words, a=ONE, b=TWO):
    file = write(tmp_path, collection, a=a, b=b)
    with pytest.raises(UserError) as error:
        read_collection(yaml.safe_load(file.read_text()), file)
    for word in (*words, "both.yaml"):
        assert word in str(error.value)
    assert "\n" not in str(error.value)


def test_studies_lie_beside_the_collection_and_share_its_results_and_song(tmp_path):
    song, trained = str(tmp_path / "bird.wav"), merged(ONE, {"clock": {"connectivity": "trained"}})
    (tmp_path / "bird.wav").write_bytes(b"")
    file = write(
        tmp_path,
        COLLECTION | {"song": song},
        a=trained,
        b=TWO | {"results": "other", "kept": "elsewhere"},
    )
    collection, parts = read_collection(yaml.safe_load(file.read_text()), file)
    assert collection.study == "both" and list(parts) == ["one", "two", "two_seed2"]
    results = str(tmp_path / "results")
    for study in parts.values():
        assert study["results"] == results and study["song"] == song
    assert parts["one"].get("kept") is None and parts["two"]["kept"] == "elsewhere"
    assert parts["two"]["_part"]["file"] == str(tmp_path / "b.yaml")
    stores = [f"{results}/wired/{stage}.zarr.zip" for stage in ("embedding", "consolidation")]
    assert parts["two"]["_part"]["made"] == stores


def test_replicates_take_the_clocks_of_their_own_seed(tmp_path):
    trained = merged(ONE, {"clock": {"connectivity": "trained"}})
    taker = {"study": "larger", "seed": 1, "methods": ["clock"], "expected_of": "larger"}
    taker |= {"clock": {"weights": "wired"}, "stability": {"driver": "other"}}
    file = write(tmp_path, COLLECTION | {"replicates": {"one": 2, "two": 3}}, a=trained, b=taker)
    _, parts = read_collection(yaml.safe_load(file.read_text()), file)
    given = {
        name: (part["study"], part.get("seed", 1), part["clock"].get("weights"))
        for name, part in parts.items()
    }
    assert given == {
        "one": ("wired", 1, None),
        "one_seed2": ("wired_seed2", 2, None),
        "two": ("larger", 1, "wired"),
        "two_seed2": ("larger_seed2", 2, "wired_seed2"),
        "two_seed3": ("larger_seed3", 3, "wired"),
    }
    assert parts["two_seed3"]["expected_of"] == "larger_seed3"
    assert parts["two_seed2"]["stability"] == {"driver": "other"}
    made = [
        f"{tmp_path}/results/{study}/{stage}.zarr.zip"
        for study in ("wired", "wired_seed2")
        for stage in ("embedding", "consolidation")
    ]
    assert parts["two"]["_part"]["made"] == made


@pytest.mark.parametrize("seed", [4, "4", 4.0])
@pytest.mark.parametrize(
    ("named", "of_its_seed"),
    [
        ("results/wired/consolidation.zarr.zip", "results/wired_seed5/consolidation.zarr.zip"),
        ("wired/embedding", "wired_seed5/embedding"),
    ],
)
def test_a_clock_named_by_its_store_is_that_of_the_same_seed_too(
    tmp_path, seed, named, of_its_seed
):
    trained = merged(ONE, {"seed": seed, "clock": {"connectivity": "trained"}})
    clock = {"weights": named}
    taker = {"study": "larger", "seed": 4, "methods": ["clock"], "clock": clock}
    file = write(tmp_path, COLLECTION | {"replicates": {"one": 2, "two": 2}}, a=trained, b=taker)
    _, parts = read_collection(yaml.safe_load(file.read_text()), file)
    assert parts["two_seed5"]["clock"]["weights"] == of_its_seed
    assert parts["two"]["clock"] == clock


def test_a_part_with_the_name_of_a_replicate_is_told(tmp_path):
    parts = {"one": "a.yaml", "one_seed2": "b.yaml"}
    collection = COLLECTION | {"parts": parts, "replicates": {"one": 2}}
    refused(tmp_path, collection, "parts.one_seed2 has the name of a replicate of one")


def test_numbers_of_replicates_are_put_together():
    def entry(value, ok):
        return {"id": "a", "value": value, "unit": "ms", "ok": ok}

    assert combined([[entry(1, True)]]) == [entry(1, True)]
    (found,) = combined([[entry(1, True)], [entry(4, False)], [entry(1, True)]])
    assert found["value"] == 2 and found["interval"] == [1, 4] and found["ok"] is False
    assert found["seeds"] == [1, 4, 1] and found["unit"] == "ms"
    (found,) = combined([[entry(None, False)], [entry(3, True)]])
    assert found["value"] == 3 and found["ok"] is False and found["seeds"] == [None, 3]
    (found,) = combined([[entry(None, None)], [entry(9, False)], [entry(3, True)]])
    assert found["ok"] is False
    (found,) = combined([[entry(None, None)], [entry(3, True)]])
    assert found["ok"] is None
    (found,) = combined([[entry(None, None)], [entry(None, None)]])
    assert found["value"] is None and found["interval"] is None and found["ok"] is None


def test_mistakes_in_a_collection_get_a_sentence(tmp_path):
    refused(tmp_path, COLLECTION | {"seed": 1}, "seed", "a key of a study")
    refused(tmp_path, COLLECTION | {"part": {}}, "part", "did you mean parts")
    refused(tmp_path, COLLECTION | {"song": "none.wav"}, "none.wav")
    refused(tmp_path, COLLECTION | {"kept": "nowhere"}, "kept", "no folder nowhere")
    refused(tmp_path, ALONE | {"parts": {"one__": "a.yaml"}}, "parts")
    refused(tmp_path, COLLECTION | {"parts": {}}, "parts")
    refused(tmp_path, ALONE | {"parts": {"One": "a.yaml"}}, "parts", "letters")
    refused(tmp_path, ALONE | {"parts": {"one": "none.yaml"}}, "parts.one", "none.yaml")
    refused(tmp_path, ALONE | {"parts": {"one": "both.yaml"}}, "parts.one", "no study")
    refused(tmp_path, COLLECTION, "wired", "name of its own", b=ONE)
    refused(tmp_path, COLLECTION | {"study": "wired"}, "wired", "name of its own")
    refused(tmp_path, COLLECTION | {"replicates": {"three": 2}}, "replicates", "no part three")
    refused(tmp_path, COLLECTION | {"replicates": {"one": 0}}, "replicates.one", "it is 0")
    refused(
        tmp_path, COLLECTION, "larger_seed2", "name of its own", a=ONE | {"study": "larger_seed2"}
    )
    refused(tmp_path, COLLECTION, "no study", b=[1, 2])
    (tmp_path / "broken.yaml").write_text("study: [")
    refused(tmp_path, ALONE | {"parts": {"one": "broken.yaml"}}, "broken.yaml", "no YAML")


def test_the_papers_are_studies_that_can_run():
    file = studies.ROOT / "config/paper.yaml"
    _, parts = read_collection(yaml.safe_load(file.read_text()), file)
    experiments = yaml.safe_load((studies.ROOT / "config/experiments.yaml").read_text())
    for part in parts.values():
        study = {name: value for name, value in part.items() if name != "_part"}
        where = part["_part"]["file"]
        read = read_study(study, where, experiments)
        assert set(read.files().values()) <= set(part["_part"]["made"]), where
        assert read.expected_of in (None, read.study)
    figures = {name for name in experiments if name.startswith("figure")}
    assert set(parts["least_squares"]["rls"]["experiments"]) == figures


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A finished run of a collection: its file and the folder of results."""
    folder = tmp_path_factory.mktemp("both")
    file = write(folder, COLLECTION, a=ONE, b=TWO)
    expected = estimate(file)
    assert expected.returncode == 0 and "All studies: " in expected.text, expected.text
    made = ("wired", "larger", "larger_seed2")
    assert all(f"results/{study}:" in expected.text for study in made)
    done = run(file)
    assert done.returncode == 0, done.text
    assert len(re.findall("The last estimate", done.text)) == 3, done.text
    assert "both/report.html" in done.text
    return file, folder / "results"


def test_numbers_of_all_studies_come_together(both):
    _, results = both
    summary = json.loads((results / "both/summary.json").read_text())
    for part, runs in (("one", ["wired"]), ("two", ["larger", "larger_seed2"])):
        own = [json.loads((results / study / "summary.json").read_text()) for study in runs]
        expected = [entry | {"id": f"{part}.{entry['id']}"} for entry in combined(own)]
        assert [entry for entry in summary if entry["id"].startswith(f"{part}.")] == expected
    assert len(summary) == 2 * len(own[0])
    seeds = next(entry["seeds"] for entry in summary if entry["id"] == "two.clock.replay.rate_e")
    assert len(set(seeds)) == 2


def test_the_page_shows_all_studies(both):
    _, results = both
    page = Page(results / "both/report.html")
    assert page.text.index("Two clocks.") < page.text.index("A clock of four clusters.")
    assert len(page.attributes("img")) == 6
    assert "Data: larger/replay_clock.zarr.zip" in page.text
    assert "Of what ran with several seeds" in page.text
    workflow_page = (results / "both/workflow.html").read_text()
    assert "Docutils System Messages" not in workflow_page


def test_the_page_of_all_studies_can_be_published(both, tmp_path):
    _, results = both
    main(["publish", str(results / "both"), str(tmp_path / "page")])
    page = (tmp_path / "page/README.md").read_text()
    pictures = re.findall(r"!\[.*\]\((.*)\)", page)
    assert len(pictures) == 6 and all((tmp_path / "page" / file).is_file() for file in pictures)
    assert "### Numbers of two" in page and "`larger/replay_clock.zarr.zip`" in page
    assert "seed: 1, 2" in page and "Of what ran with several seeds" in page


def test_neither_the_collection_nor_a_study_of_it_is_made_twice(both):
    file, results = both
    before = {path: path.stat().st_mtime_ns for path in results.rglob("*.zarr.zip")}
    done = run(file)
    assert done.returncode == 0 and "Nothing to be done" in done.text, done.text
    alone = studies.write(results, ONE)
    done = run(alone)
    assert done.returncode == 0 and "Nothing to be done" in done.text, done.text
    assert {path: path.stat().st_mtime_ns for path in results.rglob("*.zarr.zip")} == before


def test_a_mistake_in_a_study_of_a_collection_names_its_file(tmp_path):
    file = write(tmp_path, COLLECTION, a=ONE, b=merged(TWO, {"clock": {"cluster": 3}}))
    assert_fails(run(file), "b.yaml", "clock.cluster", "did you mean")


def test_a_study_that_is_at_work_alone_keeps_the_collection_out(both):
    import fcntl

    file, results = both
    (results / "larger/summary.json").unlink()
    with open(results / "larger/.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert_fails(run(file), "Another run is at work", "larger")
    assert run(file).returncode == 0
