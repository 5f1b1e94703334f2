"""What all scripts of the workflow share: reading inputs, errors in a sentence."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import xarray as xr

from simcore import stores
from simcore.datasets import variable
from simcore.errors import UserError
from simcore.parameters import Clock

PARAMETERS = {"clock": Clock(clusters=2).model_dump(), "dt": 0.1}


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """A stage `consolidation` whose input `network` was made with given parameters."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "workflow/scripts")
    from stage import Stage

    made = []

    def make(parameters, made_by="embedding"):
        path = tmp_path / "embedding.zarr.zip"
        dataset = xr.Dataset({"x": variable("n", [1.0], "1", "a number")})
        stores.write(
            dataset,
            path,
            stage=made_by,
            parameters=parameters,
            seed=1,
            code_digest="",
            inputs={},
            simulated_ms=0,
        )
        snakemake = SimpleNamespace(
            rule="consolidation",
            wildcards={},
            params={"parameters": PARAMETERS, "seed": 1, "code": ""},
            input={"network": str(path)},
            output=[str(tmp_path / "consolidation.zarr.zip")],
            config={"run": {"part": ""}},
            log=[str(tmp_path / "logs" / "consolidation.log")],
        )
        made.append(Stage(snakemake))
        return made[-1]

    yield make
    sys.modules.pop("stage", None)


def changed(**clock):
    return PARAMETERS | {"clock": PARAMETERS["clock"] | clock}


def test_a_store_of_this_study_is_read(stage):
    assert stage(changed(embedding=1.0)).read("network", "embedding")["x"].item() == 1


def test_a_store_of_another_stage_is_refused(stage):
    with pytest.raises(UserError, match="made by stage 'network'"):
        stage(PARAMETERS, made_by="network").read("network", "embedding")


def test_a_store_of_another_time_step_is_refused(stage):
    with pytest.raises(UserError, match=r"made with dt = 0\.05, but now dt = 0\.1"):
        stage(PARAMETERS | {"dt": 0.05}).read("network", "embedding")


def test_a_store_of_another_network_is_refused(stage):
    with pytest.raises(UserError, match=r"clock\.cluster_size = 40, but now .* 80"):
        stage(changed(cluster_size=40)).read("network", "embedding")


def test_a_mistake_ends_in_one_sentence_on_terminal_and_log(stage, tmp_path, capsys):
    with pytest.raises(SystemExit) as end, stage(PARAMETERS):
        raise UserError("This is wrong: mend it.")
    assert end.value.code == 1
    said = capsys.readouterr().err
    assert said == "Error in consolidation: This is wrong: mend it.\n"
    assert (tmp_path / "logs" / "consolidation.log").read_text() == said


def test_a_log_that_cannot_be_written_is_named(stage, tmp_path, capsys):
    (tmp_path / "logs").write_text("in the way")
    with pytest.raises(
        SystemExit, match="Error in consolidation: Cannot write .*consolidation.log"
    ):
        stage(PARAMETERS)


@pytest.mark.parametrize(("starter", "ends"), [("living", False), ("dead", True)])
def test_a_script_ends_with_the_process_that_started_it(starter, ends):
    """Also if that one was dead before the script looked."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    number = dead.pid if starter == "dead" else os.getpid()
    script = subprocess.Popen(
        [sys.executable, "-c", "import stage; stage.end_with_starter()"],
        cwd=Path(__file__).parents[1] / "workflow/scripts",
        env=os.environ | {"SNAKEMAKE_PROCESS": str(number)},
    )
    try:
        assert ends == (script.wait(6) == -signal.SIGTERM)
    except subprocess.TimeoutExpired:
        assert not ends
    finally:
        script.kill()
        script.wait()
