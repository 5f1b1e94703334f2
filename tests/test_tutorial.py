"""The tutorial runs from its first cell to its last, on a study as small as can be."""

import shutil
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from studies import ROOT, write_trained

NOTEBOOK = ROOT / "docs/tutorial.ipynb"


def test_every_cell_runs(whole, tmp_path, monkeypatch):
    study = shutil.copytree(whole[1], tmp_path / "study")
    write_trained(study, "ou", seed=1)
    monkeypatch.setenv("STUDY", str(study))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(notebook, timeout=300, resources=resources).execute()
    text = "\n".join(str(cell.get("outputs", "")) for cell in notebook.cells)
    for word in ("clock.replay.order", "image/png", "Results of", "spike trains"):
        assert word in text


def test_its_outputs_are_those_of_a_run_and_name_no_machine():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs for cell in cells)
    counts = [cell.execution_count for cell in cells]
    assert counts == list(range(1, len(cells) + 1))
    assert not any(str(folder) in NOTEBOOK.read_text() for folder in (ROOT, Path.home()))
