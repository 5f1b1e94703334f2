"""What the tests of networks trained by recursive least squares are summed up in."""

import numpy as np
import pytest
import test_rls_figures
import xarray as xr
from studies import merged
from test_rls_figures import BALANCED, DAMAGE, RATES, TWO, changed

from simcore import rls, rls_stages
from simcore.rls_numbers import NUMBERS, SPECTRAL, headlines

SPIKE = {"target": {"duration": 400}}


def made(change, **options):
    """Return made-up stores of training and tests, with what the stage itself counts."""
    training, replay = test_rls_figures.made(change, **options)
    return training.assign(trained_synapses=("run", [200, 200])), replay


def with_everything():
    """Return stores from which every number can be computed, each of two networks its own."""
    fine = {"network": {"dt": 0.5}}
    training, replay = made(merged(merged(BALANCED, DAMAGE), merged(merged(TWO, SPIKE), fine)))
    random = np.random.default_rng(9)
    of_followers = ("run", "pattern", "follower"), (2, 2, 20)
    measured = {
        "bias": of_followers,
        "variability": of_followers,
        "tracking_error": of_followers,
        "sampling_error": of_followers,
        "predicted_target": of_followers,
        "untrained_predicted_target": of_followers,
        "channel_correlation": (("run", "start"), (2, 3)),
        "agreement_after": ("run", 2),
    }
    replay = replay.assign(
        {name: (dims, random.lognormal(0, 1, shape)) for name, (dims, shape) in measured.items()}
    )
    replay["damage_channel_correlation"] = replay["damage_correlation"] ** 2
    replay["rate"][1, :, :, [3, 8, 9, 15]] = 0
    # Silent after one stimulus, or in one start, is not silent.
    replay["rate"][1, 0, :, 5] = replay["rate"][1, :, 0, 6] = 0
    replay["moment"] = [-100.0, 50, 100, 300, 350, 500]
    training["frozen"][200:] = np.arange(200) % 3 == 0
    training["weight_change"][:, -1] = [2.5, 4.5]
    training["trained_synapses"] = "run", [190, 140]
    return training, replay


def test_every_number_is_what_its_definition_says():
    training, replay = with_everything()
    tests = {name: replay[name].values[1] for name in replay if replay[name].dims[0] == "run"}
    correlation, rate = tests["correlation"], tests["rate"]
    assert correlation.shape == rate.shape == (2, 3, 20)  # pattern, start, neuron
    low, middle, high = np.sort(correlation.mean(axis=(0, 2)))
    distance = np.array([low, middle, high]) - (low + middle + high) / 3
    evoked = tests["other_correlation"]
    sign = training["sign"].values[1][training["column"].values[200:]]
    turned = training["weight"].values[200:] * sign < 0
    expected = {
        "correlation": correlation.mean(),
        "median": middle,
        "spread": np.sqrt(np.sum(distance**2) / 2),
        "nrmse": np.median(tests["relative_error"], axis=2).mean(),
        "rate": rate.mean(),
        "untrained_rate": tests["untrained_rate"].mean(),
        "silent": sum(not rate[:, :, neuron].any() for neuron in range(20)),
        "untrained": tests["untrained_correlation"].mean(),
        "other_pattern": (evoked[0, 1] + evoked[1, 0]) / 2,
        "weight_change": 4.5,
        "wrong_sign": np.count_nonzero(turned) / 200,
        "frozen": 67 / 200,
        "trained_synapses": 140,
        "agreement": tests["agreement_within"],
        "agreement_after": tests["agreement_after"],
        "agreement_lost": tests["agreement"][[2, 3]].mean() - tests["agreement"][5],
        "untrained_agreement": tests["untrained_agreement_within"],
        "separation": tests["separation"][:, -1].mean(),
        "untrained_separation": tests["untrained_separation"][:, -1].mean(),
    }
    for name in ("bias", "variability", "tracking_error", "sampling_error"):
        expected[name] = np.median(tests[name], axis=1).mean()
    for name in ("predicted_drive", "predicted_rate", "predicted_target"):
        expected[name] = tests[name].mean()
    for name in ("untrained_predicted_target", "channel_correlation"):
        expected[name] = tests[name].mean()
    assert set(expected) == set(NUMBERS)
    assert expected["silent"] == 4 and len(set(expected.values())) == len(expected)
    found = rls_stages.numbers(replay, training, run=1)
    assert {name: found[name] for name in NUMBERS} == pytest.approx(expected, rel=1e-12)


def test_damage_of_a_kind_is_told_over_all_its_amounts():
    training, replay = with_everything()
    found = rls_stages.numbers(replay, training, run=1)
    cases = {
        "neurons": [(0, 4, "0.01"), (1, 4, "0.05"), (2, 4, "0.5")],
        "stimulus": [(3, 2, "0"), (4, 2, "0.5")],
        "other stimulus": [(5, 2, "1")],
        "shuffle": [(6, 2, "0.3")],
    }
    values, expected = replay["damage_correlation"].values[1], {}
    for kind, listed in cases.items():
        of_kind = np.concatenate([values[case, :draws] for case, draws, _ in listed])
        expected[f"damaged.{kind}.correlation"] = of_kind.mean()
        expected[f"damaged.{kind}.channel_correlation"] = (of_kind**2).mean()
        for case, draws, amount in listed:
            expected[f"damaged.{kind}[{amount}].correlation"] = values[case, :draws].mean()
    assert {name: found[name] for name in set(found) - set(NUMBERS)} == pytest.approx(expected)


SPIKES = ["rate", "silent"]
OF_STARTS = ["median", "spread"]
TOGETHER = ["agreement", "agreement_after", "untrained_agreement", "agreement_lost"]
PARTED = ["separation", "untrained_separation"]


@pytest.mark.parametrize(
    ("change", "options", "there", "absent"),
    [
        (
            {},
            {},
            [*SPIKES, *OF_STARTS, "predicted_drive", "predicted_rate", "weight_change"],
            ["other_pattern", "wrong_sign", "frozen", "channel_correlation", *TOGETHER, *PARTED],
        ),
        (RATES, {}, ["correlation", "nrmse", *SPIKES], [*OF_STARTS, "predicted_drive", "bias"]),
        ({"network": {"neuron": "rate"}}, {"spikes": 0}, OF_STARTS, SPIKES),
        (TWO, {}, ["other_pattern"], []),
        (BALANCED, {}, ["wrong_sign", "frozen", *PARTED], ["agreement_after"]),
        (merged(BALANCED, {"training": {"dale": "none"}}), {}, ["wrong_sign"], ["frozen"]),
    ],
    ids=["drive", "rate", "rate units", "two", "balanced", "free"],
)
def test_number_without_meaning_is_not_a_number(change, options, there, absent):
    training, replay = made(change, **options)
    found = rls_stages.numbers(replay, training)
    assert set(NUMBERS) <= set(found)
    missing = {name for name, value in found.items() if np.isnan(value)}
    assert set(absent) <= missing and not set(there) & missing


def test_rates_have_one_correlation_of_all_starts():
    training, replay = made(merged(RATES, TWO))
    found = rls_stages.numbers(replay, training, run=1)
    correlation, error = (replay[name].values[1] for name in ("correlation", "relative_error"))
    assert correlation.shape == (2, 20)
    assert found["correlation"] == pytest.approx(correlation.mean())
    assert found["nrmse"] == pytest.approx(np.median(error, axis=1).mean())


def test_agreement_is_lost_from_windows_wholly_inside_to_those_wholly_after():
    training, replay = made(merged(BALANCED, SPIKE))
    replay["moment"] = [-100.0, 50, 100, 300, 350, 500]  # their windows reach 100 ms to both sides
    found = rls_stages.numbers(replay, training, run=1)
    values = replay["agreement"].values[1]
    assert found["agreement_lost"] == pytest.approx(values[[2, 3]].mean() - values[5])


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
