"""Networks trained by recursive least squares in the workflow, as its users meet it."""

import json

import numpy as np
import pytest
import studies
import xarray as xr
import yaml
from studies import assert_fails, merged, planned, run
from test_resume import STOPS, Interrupted

from simcore import report

SMALL = {
    "network": {"neurons": 30, "p": 0.4},
    "target": {"kind": "ou", "duration": 200},
    "training": {"loops": 3, "update_every": 5},
    "test": {"starts": 3, "free_run": 100},
}
BALANCED = {
    "base": "innate",
    "network": {"neurons": 30},
    "target": {"duration": 200, "run_in": 100},
    "training": {"loops": 2},
    "test": {"starts": 2, "free_run": 100, "after": 200, "delete_spike": 50},
    "networks": 1,
}
STUDY = {
    "study": "squares",
    "methods": ["rls"],
    "rls": {
        "experiments": ["plain", "several", "rates", "balanced"],
        "define": {
            "plain": SMALL,
            "several": {
                "base": "plain",
                "target": {"patterns": 2},
                "networks": 2,
                "series": {"key": "training.lambda", "values": [0.5, 5]},
                "test": {"damage": [{"kind": "neurons", "amounts": [0.1, 0.5], "draws": 2}]},
            },
            "rates": {"base": "plain", "training": {"what": "rate"}},
            "balanced": BALANCED,
        },
    },
    "expected": {"rls.plain.correlation": {"low": -1, "high": 1, "source": "measured"}},
}
STAGES = ("targets", "training", "replay")


def only(experiment):
    """A study with one experiment: the small one, changed."""
    rls = {"experiments": ["plain"], "define": {"plain": merged(SMALL, experiment)}}
    return {"study": "squares", "methods": ["rls"], "rls": rls}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished run: the study's file, its folder and what was printed."""
    file = studies.write(tmp_path_factory.mktemp("whole"), STUDY)
    done = run(file)
    assert done.returncode == 0, done.text
    return file, file.parent / "squares", done.text


def test_summary_has_every_number(whole):
    summary = json.loads((whole[1] / "summary.json").read_text())
    all_have, of_one_value = (
        ["correlation", "nrmse", "rate", "silent"],
        ["untrained", "weight_change"],
    )
    of_drives, predicted = ["median"], ["predicted_drive", "predicted_rate"]
    of_balanced = ["wrong_sign", "spectral_radius", "untrained_spectral_radius"]
    of_balanced += ["untrained_rate", "frozen"]
    courses = ["agreement", "untrained_agreement", "agreement_after", "agreement_lost"]
    courses += ["separation", "untrained_separation"]
    parts = {
        "plain": all_have + of_drives + of_one_value + predicted,
        "several[0.5]": all_have,
        "several[5]": all_have,
        "rates": all_have + of_one_value,
        "balanced": all_have + of_drives + of_one_value + predicted + of_balanced + courses,
    }
    assert [entry["id"] for entry in summary] == [
        f"rls.{label}.{part}" for label, of_label in parts.items() for part in of_label
    ]
    assert summary[0]["ok"] is True
    assert all(np.isfinite(entry["value"]) for entry in summary if entry["id"] != "rls.rates.nrmse")
    assert all(entry["id"].rpartition(".")[2] in report.MEANINGS for entry in summary)


def test_every_stage_has_its_store(whole):
    for name in STUDY["rls"]["experiments"]:
        for stage in STAGES:
            with xr.open_dataset(whole[1] / f"rls_{stage}_{name}.zarr.zip") as store:
                assert store.attrs["stage"] == f"rls_{stage} {name}"
                for variable in store.variables.values():
                    assert variable.attrs["units"] and variable.attrs["long_name"]


def test_report_holds_every_figure(whole):
    figures = sorted(path.name for path in (whole[1] / "figures").glob("rls_*.png"))
    assert "rls_plain_learning.png" in figures and "rls_balanced_dale.png" in figures
    assert "rls_several_patterns.png" in figures and "rls_several_series.png" in figures
    assert "rls_several_damage.png" in figures and "rls_rates_rates.png" in figures
    page = (whole[1] / "report.html").read_text()
    assert page.count("<img") == len(figures) + 1  # and an animation


def test_no_clock_was_made(whole):
    assert not list(whole[1].glob("network*")) and not list(whole[1].glob("replay_clock*"))


def test_networks_of_a_study_do_not_depend_on_the_experiment(whole):
    plain = xr.open_dataset(whole[1] / "rls_training_plain.zarr.zip")
    rates = xr.open_dataset(whole[1] / "rls_training_rates.zarr.zip")
    np.testing.assert_array_equal(plain["initial_weight"], rates["initial_weight"])
    assert not np.array_equal(plain["weight"], rates["weight"])


def test_balanced_network_keeps_its_signs(whole):
    with xr.open_dataset(whole[1] / "rls_training_balanced.zarr.zip") as store:
        sign = store["sign"].values[0][store["column"].values]
        assert (store["weight"].values * sign >= 0).all()
        assert set(np.unique(sign)) == {-1, 1}


def test_a_second_run_does_nothing(whole):
    done = run(whole[0])
    assert done.returncode == 0 and "Nothing to be done" in done.text


AFTER = {"rls_analysis", "summary.json", "report.html", "report.json"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(
            {"plain": {"about": "nothing new"}}, {"report.html", "report.json"}, id="about"
        ),
        pytest.param(
            {"several": {"test": {"damage": [{"kind": "neurons", "amounts": [0.2]}]}}},
            {"rls_replay_several"} | AFTER,
            id="damage",
        ),
        pytest.param(
            {"several": {"training": {"loops": 4}}},
            {"rls_training_several", "rls_replay_several"} | AFTER,
            id="loops",
        ),
        pytest.param(
            {"several": {"target": {"tau_c": 100}}},
            {f"rls_{stage}_several" for stage in STAGES} | AFTER,
            id="target",
        ),
    ],
)
def test_a_changed_key_reruns_what_uses_it(whole, tmp_path, change, expected):
    file, folder, _ = whole
    study = merged(STUDY, {"rls": {"define": change}}) | {"results": str(file.parent)}
    (tmp_path / "changed.yaml").write_text(yaml.safe_dump(study))
    assert planned(tmp_path / "changed.yaml", folder) == expected


@pytest.mark.parametrize("stop", ["Ctrl-C", pytest.param("all killed", marks=pytest.mark.slow)])
def test_a_training_goes_on(tmp_path, stop):
    study = only(
        {
            "network": {"neurons": 200},
            "training": {"loops": 60, "update_every": 2},
            "networks": 2,
        }
    ) | {"run": {"checkpoint_every": "50 ms"}}
    reference = tmp_path / "reference"
    reference.mkdir()
    store = reference / "squares" / "rls_training_plain.zarr.zip"
    done = run(studies.write(reference, study), store)
    assert done.returncode == 0, done.text
    folder = tmp_path / "stopped"
    folder.mkdir()
    this = Interrupted({"squares": reference / "squares"}, folder, study, "rls_training_plain")
    STOPS[stop](this)
    this.assert_ends()
    this.assert_goes_on()


def test_every_mistake_in_experiments_gets_a_sentence(tmp_path):
    mistakes = {
        "one": ({"training": {"lambda": 0}}, "rls.define.one.training.lambda", "greater"),
        "two": ({"network": {"p": 0.001}}, "no presynaptic neuron", "make p"),
        "three": ({"target": {"kind": "sinus"}}, "three.target", "periodic, ratemodel, ou"),
        "four": ({"training": {"dale": "freeze"}}, "Dale's law", "balanced"),
        "five": ({"input": {"duration": 0.5}}, "input.duration", "whole number of steps"),
        "six": ({"test": {"delete_spike": 300}}, "delete_spike", "within"),
        "seven": ({"network": {"neurones": 3}}, "neurones", "did you mean rls.define"),
    }
    study = only({})
    study["rls"]["define"] |= {name: merged(SMALL, one) for name, (one, *_) in mistakes.items()}
    done = run(studies.write(tmp_path, study), "-n")
    for _, *parts in mistakes.values():
        assert_fails(done, *parts)


def test_an_unknown_base_gets_a_sentence(tmp_path):
    study = only({"base": "nothing"})
    assert_fails(run(studies.write(tmp_path, study), "-n"), "its base nothing is no experiment")


def test_an_unknown_experiment_gets_a_sentence(tmp_path):
    study = merged(only({}), {"rls": {"experiments": ["figure9"]}})
    assert_fails(run(studies.write(tmp_path, study), "-n"), "figure9", "experiments.yaml")


def test_an_unfit_target_gets_a_sentence(tmp_path):
    file = tmp_path / "table.npy"
    np.save(file, np.ones((50, 30)))
    study = only({"target": {"kind": "file", "file": str(file)}})
    assert_fails(run(studies.write(tmp_path, study)), "table.npy", "50 ms", "200 ms")
