"""Neurons of networks trained by recursive least squares: cosine, rates, steps, transfer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from oracle import rls as literal
from oracle.rls_cases import oracle_of, small

from simcore import rls
from simcore.kernels.rls_neurons import cosine, leaky_rate, softplus, theta_rate
from simcore.numerics import MS_PER_UNIT

C = [0.02, 0.1, 0.5, 2.0]  # smoothing of the transfer functions


@njit
def cosines(x):
    result = np.empty_like(x)
    for i in range(x.size):
        result[i] = cosine(x[i])
    return result


@pytest.mark.parametrize("highest", [4.0, 1e3, 1e5, 1e6])
def test_cosine_is_exact_to_2e_15(highest):
    """Below 1e6, for which it is made (measured: 1.1e-15), and at its zeros and turning points.

    A phase grows by 2 pi with each spike: 1e6 are 159 000 spikes, 4 h at 10 Hz.
    """
    generator = np.random.default_rng(0)
    anywhere = generator.uniform(-highest, highest, 200_000)
    quarters = np.arange(-2000, 2000) + np.rint(highest / (np.pi / 2)) - 2000
    quarters = quarters * (np.pi / 2) + generator.choice([0, 1e-12, -1e-9, 1e-6], 4000)
    x = np.concatenate([anywhere, quarters, -quarters, [0.0, -0.0, np.pi, -np.pi, 2 * np.pi]])
    np.testing.assert_allclose(cosines(x), np.cos(x), rtol=0, atol=2e-15)


def uncoupled(neuron, neurons=30, **network):
    """A model whose weights are zero, a state, and the literal network."""
    network = {"neuron": neuron, "neurons": neurons, "p": 1, "initial": "zero"} | network
    model = rls.Model(small(network=network), 1, 0)
    state = model.start("here")
    return model, state, oracle_of(model, state)


def counts(model, state, steps, external):
    """Number of spikes of each neuron."""
    trial, _ = model.run(state, steps, external)
    return np.bincount(trial.spike_neuron, minlength=model.parameters.neurons)


# kind, its network, sd of the input, lowest number of spikes in 1000 steps of 30 neurons.
KINDS = [
    ("theta", {}, 2.0, 500),
    ("theta", {"constant_input": 0.3, "dt": 0.5, "tau_s": 50}, 2.0, 300),
    ("leaky", {"dt": 0.2, "constant_input": 1}, 2.0, 100),
    ("leaky", {"constant_input": 1.5, "dt": 1}, 1.0, 500),
    ("izhikevich", {"dt": 0.5, "constant_input": 0, "current_scale": 10}, 3.0, 100),
    ("izhikevich", {"dt": 0.2, "constant_input": 1, "current_scale": 7}, 3.0, 50),
    ("rate", {"tau_s": 10}, 2.0, 0),
    ("rate", {"dt": 0.5, "constant_input": -0.5}, 2.0, 0),
]


@pytest.mark.parametrize(("neuron", "network", "sd", "fewest"), KINDS)
def test_each_step_equals_oracle(neuron, network, sd, fewest):
    model, state, oracle = uncoupled(neuron, **network)
    generator = np.random.default_rng(2)
    external = sd * generator.standard_normal((1000, 30))
    external += generator.standard_normal(30)  # some neurons have much, some little input
    spikes = 0
    for step in range(1000):
        trial, _ = model.run(state, 1, external, position=step)
        oracle.step(external[step])
        assert trial.spike_neuron.tolist() == np.flatnonzero(oracle.spiked).tolist()
        np.testing.assert_allclose(state.v, oracle.state, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(state.r, oracle.r, rtol=1e-12, atol=1e-12)
        if neuron == "izhikevich":
            np.testing.assert_allclose(state.recovery, oracle.recovery, rtol=1e-10, atol=1e-10)
        spikes += trial.spike_neuron.size
    assert spikes >= fewest
    assert not state.u.any() and not state.held.any()


def test_theta_rate_is_that_of_theory():
    """sqrt(I) / pi spikes per unit, within one spike; none for I <= 0 (section 1.2)."""
    model, state, _ = uncoupled("theta", neurons=60)
    state.v[:] = 0.0
    current = np.concatenate([[-2.0, -0.5, -1e-3, 0.0], np.geomspace(1e-4, 3.0, 56)])
    units = 1000
    found = counts(model, state, 10 * units, current[None])
    expected = units * np.sqrt(np.maximum(current, 0)) / np.pi
    assert (found[:4] == 0).all() and expected.max() > 500
    assert np.abs(found - expected).max() <= 1


def test_theta_fires_at_most_once_in_a_step():
    model, state, _ = uncoupled("theta")
    found = counts(model, state, 100, np.full((1, 30), 5000.0))
    assert (found <= 100).all() and found.sum() > 500


def test_leaky_rate_is_that_of_theory():
    """After a reset, ln(I / (I - 1)) units to the next spike, rounded up to steps."""
    model, state, _ = uncoupled("leaky", dt=0.2, constant_input=0)
    state.v[:] = 0.0
    current = np.concatenate([[0.0, 0.5, 0.999], np.geomspace(1.01, 4.0, 27)])
    trial, _ = model.run(state, 5000, current[None])
    interval = np.ceil(np.log(current[3:] / (current[3:] - 1)) / 0.02)
    assert (trial.spike_neuron >= 3).all()
    for neuron, steps in enumerate(interval, 3):
        times = trial.spike_step[trial.spike_neuron == neuron]
        assert times[0] == steps and (np.diff(times) == steps).all() and times.size > 5


def test_izhikevichs_five_types():
    """His table of 2003, in equal parts; a fast spiking neuron fires most under equal input."""
    model, state, _ = uncoupled(
        "izhikevich", neurons=50, dt=0.5, constant_input=0, current_scale=10
    )
    table = [
        (0.02, 0.2, -65, 8),
        (0.02, 0.2, -55, 4),
        (0.02, 0.2, -50, 2),
        (0.1, 0.2, -65, 2),
        (0.02, 0.25, -65, 2),
    ]
    np.testing.assert_array_equal(model.kernel.kind.T, np.repeat(table, 10, axis=0))
    fired = counts(model, state, 2000, np.ones((1, 50))).reshape(5, 10).mean(axis=1)
    assert (fired > 5).all() and fired.argmax() == 3 and fired.argmin() == 0


@pytest.mark.parametrize("neuron", ["theta", "leaky", "izhikevich", "rate"])
def test_silenced_neurons_send_nothing_but_go_on(neuron):
    model, state, _ = uncoupled(neuron)
    _, free, _ = uncoupled(neuron)
    state.silenced[::3] = True
    external = np.full((1, 30), 3.0)
    trial, _ = model.run(state, 400, external)
    reference, _ = model.run(free, 400, external)
    np.testing.assert_array_equal(state.v, free.v)
    assert not state.r[::3].any() and not np.isin(trial.spike_neuron, np.arange(0, 30, 3)).any()
    others = np.arange(30) % 3 > 0
    np.testing.assert_array_equal(state.r[others], free.r[others])
    assert free.r.all()
    heard = reference.spike_neuron % 3 > 0
    np.testing.assert_array_equal(trial.spike_neuron, reference.spike_neuron[heard])
    np.testing.assert_array_equal(trial.spike_step, reference.spike_step[heard])


def test_input_rows_are_repeated_from_the_position_on():
    """Row ``position`` and those after, round and round."""
    model, state, _ = uncoupled("rate", neurons=2)
    expected, external = state.v.copy(), np.array([[1.0, -1.0], [2.0, 0.5], [-3.0, 0.0]])
    for rows, position, steps in (([0, 1, 2, 0], 0, 4), ([2, 0, 1, 2, 0], 5, 5)):
        model.run(state, steps, external, position=position)
        for row in rows:
            expected += 0.1 * (external[row] - expected)
        np.testing.assert_allclose(state.v, expected, rtol=1e-12)


@settings(deadline=None)
@given(st.floats(-1000, 1000), st.floats(0.01, 10))
def test_softplus_equals_oracle(x, c):
    found, expected = softplus(x, c), literal.softplus(x, c)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-300)
    assert found[0] >= max(x, 0) * (1 - 1e-15) and 0 <= found[1] <= 1


@pytest.mark.parametrize("c", C)
@pytest.mark.parametrize(
    ("transfer", "oracle"),
    [(theta_rate, literal.theta_transfer), (leaky_rate, literal.lif_transfer)],
)
def test_transfer_equals_oracle(transfer, oracle, c):
    x = np.concatenate([np.linspace(-60 * c, 60 * c, 121), np.linspace(-5, 20, 101)])
    x = x[x / c > -600]
    found = np.array([transfer(value, c) for value in x])
    expected = np.array([oracle(value, c) for value in x])
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=0)
    assert (found[:, 1] > 0).all()
    order = np.argsort(x)
    assert (np.diff(found[order, 0]) >= 0).all()


@pytest.mark.parametrize("c", C)
@pytest.mark.parametrize("transfer", [theta_rate, leaky_rate])
def test_slope_is_the_derivative(transfer, c):
    for x in np.linspace(-5 * c, 4, 60):
        h = 1e-4 * c
        expected = (transfer(x + h, c)[0] - transfer(x - h, c)[0]) / (2 * h)
        assert transfer(x, c)[1] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("transfer", [theta_rate, leaky_rate])
def test_transfer_far_below_threshold_is_zero(transfer):
    """Where the smoothed input is 0 in numbers, the slope would be 0 / 0."""
    for x in (-1e3, -1e300):
        assert transfer(x, 0.1) == (0.0, 0.0)
    for x in (-74.0, -73.0, -50.0):  # numbers with fewer and fewer digits
        value, slope = transfer(x, 0.1)
        assert 0 <= value < 1e-2 and 0 <= slope < 1 and np.isfinite([value, slope]).all()


def test_transfer_becomes_that_of_the_neuron_as_c_falls():
    x = np.array([0.1, 0.5, 2.0])
    sharp = [theta_rate(value, 1e-3)[0] for value in x]
    np.testing.assert_allclose(sharp, np.sqrt(x) / np.pi, rtol=1e-3)
    sharp = [leaky_rate(1 + value, 1e-3)[0] for value in x]
    np.testing.assert_allclose(sharp, 1 / np.log((1 + x) / x), rtol=1e-3)
    assert theta_rate(0.0, 0.1)[0] == pytest.approx(0.084, abs=5e-4)  # section 2.1


def test_unit_of_time():
    assert MS_PER_UNIT == 10.0
    kernel = rls.kernel_parameters(small(network={"tau_s": 20, "dt": 1}).network)
    assert (kernel.dt, kernel.jump) == (0.1, 0.5)
    assert kernel.decay == pytest.approx(np.exp(-0.05), rel=1e-8) and kernel.decay != np.exp(-0.05)
