"""What the tests of networks trained by recursive least squares are summed up in."""

import numpy as np
import pytest
import test_rls_figures
import xarray as xr
from studies import merged
from test_rls_figures import BALANCED, DAMAGE, TWO, changed

from simcore import rls, rls_stages
from simcore.rls_numbers import SPECTRAL, headlines

SPIKE = {"target": {"duration": 400}}


def made(change):
    """Return made-up stores of training and tests, with what the stage itself counts."""
    training, replay = test_rls_figures.made(change)
    return training.assign(trained_synapses=("run", [200, 200])), replay


def test_agreement_is_that_of_windows_wholly_inside_or_wholly_after():
    training, replay = made(merged(BALANCED, SPIKE))
    replay["moment"] = [-100.0, 50, 100, 300, 350, 500]  # their windows reach 100 ms to both sides
    found = rls_stages.numbers(replay, training, run=1)
    for prefix in ("", "untrained_"):
        values = replay[f"{prefix}agreement"].values[1]
        assert found[f"{prefix}agreement"] == pytest.approx(values[[2, 3]].mean())
    assert found["agreement_after"] == pytest.approx(replay["agreement"].values[1, 5])


def test_separation_is_that_at_the_end_of_the_window():
    training, replay = made(BALANCED)
    found = rls_stages.numbers(replay, training)
    for prefix in ("", "untrained_"):
        values = replay[f"{prefix}separation"].values[0, :, -1]
        assert found[f"{prefix}separation"] == pytest.approx(values.mean())


def test_damage_is_told_by_amount_over_its_own_draws():
    training, replay = made(DAMAGE)
    found = rls_stages.numbers(replay, training)
    values = replay["damage_correlation"].values[0]
    assert found["damaged.neurons[0.05].correlation"] == pytest.approx(values[1].mean())
    assert found["damaged.stimulus[0].correlation"] == pytest.approx(values[3, :2].mean())
    assert set(headlines(changed(DAMAGE))) <= set(found)


def test_radius_holds_all_but_one_percent_of_the_eigenvalues():
    turned = np.exp(1j * np.arange(1000))
    values = np.array([turned * np.linspace(0, 1, 1000), turned * np.linspace(0, 0.5, 1000)])
    values[1, 3] = 40  # an outlier is no radius
    found = rls_stages.radii(values)
    assert found["untrained_spectral_radius"] == pytest.approx(0.99)
    assert found["spectral_radius"] == pytest.approx(0.495, abs=1e-3)


def test_random_weights_fill_their_radius():
    """Weights that were not trained, by the formula of the paper (specification: 0.98 to 1.04)."""
    network = {"initial": "balanced", "neurons": 300, "p": 0.2, "strength": 2}
    experiment = changed(
        {
            "networks": 1,
            "network": network,
            "series": {"key": "network.strength", "values": [1, 4]},
        }
    )
    networks = [rls.Model(condition, 1, 0).synapses for _, condition in experiment.conditions]
    first = [0, networks[0].column.size]
    weight = np.concatenate([synapses.weight for synapses in networks])
    pointers = [begin + one.row_pointer for begin, one in zip(first, networks, strict=True)]
    training = xr.Dataset(
        {
            "row_pointer": (("run", "row"), np.array(pointers)),
            "column": ("synapse", np.concatenate([synapses.column for synapses in networks])),
            "initial_weight": ("synapse", weight),
            "weight": ("synapse", weight / 2),
            "sign": (("run", "neuron"), np.array([synapses.sign for synapses in networks])),
        }
    )
    for run in (0, 1):
        found = rls_stages.radii(rls_stages.eigenvalues(experiment, training, run))
        assert found["untrained_spectral_radius"] == pytest.approx(1, abs=0.1)
        assert found["spectral_radius"] == pytest.approx(found["untrained_spectral_radius"] / 2)


PLAIN = ["correlation", "nrmse", "rate", "silent"]
PREDICTED = ["predicted_drive", "predicted_rate"]


@pytest.mark.parametrize(
    ("change", "there", "absent"),
    [
        ({}, [*PLAIN, "median", "untrained", *PREDICTED], ["other_pattern", "frozen"]),
        ({"series": {"key": "network.p", "values": [0.4, 0.5]}}, PLAIN, ["untrained", "median"]),
        ({"network": {"neuron": "rate"}}, ["median"], ["rate", "silent", *PREDICTED]),
        ({"network": {"neuron": "izhikevich"}}, ["rate", "silent"], PREDICTED),
        ({"training": {"what": "rate"}}, ["untrained"], ["median", *PREDICTED]),
        (TWO, ["other_pattern"], ["agreement"]),
        (BALANCED, ["frozen", "wrong_sign", "separation", *SPECTRAL], ["agreement_after"]),
        (merged(BALANCED, {"test": {"after": 200}}), ["agreement_after"], []),
        (
            DAMAGE,
            ["damaged.neurons[0.01].correlation", "damaged.other stimulus[1].correlation"],
            [],
        ),
    ],
)
def test_summary_has_what_an_experiment_is_about(change, there, absent):
    found = headlines(changed(change))
    assert set(there) <= set(found) and not set(absent) & set(found)
    assert len(set(found)) == len(found)
