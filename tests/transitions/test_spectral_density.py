"""The spectral density against closed forms, other programs' figures and what it must refuse."""

import copy
import math
import pickle

import numpy as np
import pytest

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext.processes import (
    CEV,
    SDE,
    BrownianMotion,
    CoxIngersollRoss,
    DoubleWell,
    FellerDiffusion,
    GeometricBrownianMotion,
    Gompertz,
    OrnsteinUhlenbeck,
    ThreeHalves,
)
from stochtext.transitions import ExactDensity, SpectralDensity, transition_density

SPECTRAL, EXACT = SpectralDensity(), ExactDensity()
WELL = DoubleWell(1.0, 1.0, 0.7)
WELL_PATH = [
    1.0,
    1.0218485126763055,
    1.1597821596884499,
    1.1696457236296995,
    1.1330494945850924,
    1.2223607171786928,
]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (
            (1.0, 1.0, 0.7),
            [
                0.9758486369759303,
                0.5476727102951073,
                0.9908803112979532,
                1.001358627825358,
                0.7548358289666305,
            ],
        ),
        (
            (0.5, 0.8, 0.9),
            [
                0.7146150764658247,
                0.4144920374692228,
                0.7273055428754835,
                0.7491810526188288,
                0.5588762019478277,
            ],
        ),
    ],
)
def test_double_well_has_the_figures_of_a_sinc_basis(parameters, expected):
    # Discrete variable representation in sinc functions, stable to 1e-9 in box and mesh.
    x = np.array(WELL_PATH)
    found = SPECTRAL.log_density(DoubleWell(*parameters), x[:-1], x[1:], 0.0, 0.05)
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def pairs(process, dt, n=60):
    """Return starts spread like the process's own and ends one exact step later."""
    rng = generator(11, type(process).__name__)
    x = {
        "OrnsteinUhlenbeck": lambda: 0.5 + 0.4 * rng.normal(size=n),
        "CoxIngersollRoss": lambda: rng.gamma(10.0, 0.1, size=n),
    }.get(type(process).__name__, lambda: np.exp(0.2 * rng.normal(size=n)))()
    mean, variance = EXACT.moments(process, x, 0.0, dt)
    end = mean[:, 0] + np.sqrt(variance[:, 0, 0]) * np.clip(rng.normal(size=n), -2.5, 2.5)
    return x, end


@pytest.mark.parametrize("dt", [0.05, 0.5, 20.0])
@pytest.mark.parametrize(
    "process",
    [OrnsteinUhlenbeck(1.0, 0.5, 0.6), CoxIngersollRoss(0.8, 1.0, 0.4), Gompertz(1.0, 1.2, 0.3)],
    ids=lambda process: type(process).__name__,
)
def test_closed_forms_are_met(process, dt):
    x, end = pairs(process, dt)
    ends = np.maximum(end, 0.05) if process.domain[0][0] == 0.0 else end
    arguments = (process, x, ends, 0.0, dt)
    np.testing.assert_allclose(
        SPECTRAL.log_density(*arguments), EXACT.log_density(*arguments), rtol=0, atol=1e-8
    )
    np.testing.assert_allclose(
        SPECTRAL.residuals(*arguments), EXACT.residuals(*arguments), rtol=0, atol=1e-7
    )
    np.testing.assert_allclose(SPECTRAL.pit(*arguments), EXACT.pit(*arguments), rtol=0, atol=1e-8)
    mean, variance = SPECTRAL.moments(process, x, 0.0, dt)
    its_mean, its_variance = EXACT.moments(process, x, 0.0, dt)
    np.testing.assert_allclose(mean, its_mean, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(variance, its_variance, rtol=1e-7)


@pytest.mark.parametrize(
    "process",
    [
        BrownianMotion(0.3, 0.8),
        OrnsteinUhlenbeck(-1.0, 0.5, 0.6),
        GeometricBrownianMotion(0.1, 0.4),
        ThreeHalves(2.0, 0.5, 0.8),
        CEV(0.1, 0.3, 0.6),
    ],
    ids=lambda process: type(process).__name__,
)
def test_processes_without_a_stationary_law_are_met_too(process):
    x, end = np.array([0.9, 1.1, 1.3]), np.array([1.0, 1.0, 1.5])
    found = SPECTRAL.log_density(process, x, end, 0.0, 0.2)
    np.testing.assert_allclose(found, EXACT.log_density(process, x, end, 0.0, 0.2), atol=1e-9)


def test_irregular_steps_share_one_expansion():
    process = OrnsteinUhlenbeck(1.0, 0.5, 0.6)
    rng = generator(2, "irregular")
    x, dt = 0.5 + 0.4 * rng.normal(size=80), np.exp(rng.uniform(-3.0, 1.5, size=80))
    end = x + 0.3 * np.sqrt(np.minimum(dt, 1.0)) * rng.normal(size=80)
    found = SPECTRAL.log_density(process, x, end, 0.0, dt)
    np.testing.assert_allclose(found, EXACT.log_density(process, x, end, 0.0, dt), atol=1e-9)


@pytest.mark.parametrize(
    "process", [WELL, SDE(lambda t, x: np.tanh(3 * x) - x, lambda t, x: 0.4 + 0.1 * np.sin(x))]
)
def test_density_integrates_to_one_and_its_integral_is_the_pit(process):
    nodes, weights = np.polynomial.legendre.leggauss(160)
    grid, weights = 0.4 + 2.2 * nodes, 2.2 * weights
    x = np.full(len(grid), 0.4)
    density = np.exp(SPECTRAL.log_density(process, x, grid, 0.0, 0.2))
    density = np.where(np.isnan(density), 0.0, density)
    assert density @ weights == pytest.approx(1.0, abs=1e-8)
    mean, variance = SPECTRAL.moments(process, [0.4], 0.0, 0.2)
    assert mean[0, 0] == pytest.approx(density * grid @ weights, abs=1e-8)
    assert variance[0, 0, 0] == pytest.approx(
        density * (grid - mean[0, 0]) ** 2 @ weights, abs=1e-8
    )

    level, lowest = 0.6, -1.45 if process is WELL else -0.6
    below = 0.5 * (level + lowest) + 0.5 * (level - lowest) * nodes
    part = np.exp(SPECTRAL.log_density(process, x, below, 0.0, 0.2)) @ weights
    expected = part * 0.5 * (level - lowest) / 2.2
    assert SPECTRAL.pit(process, [0.4], [level], 0.0, 0.2)[0, 0] == pytest.approx(
        expected,
        abs=2e-8,  # 1e-8 lies below ``lowest``
    )


def test_two_steps_are_one_long_step():
    nodes, weights = np.polynomial.legendre.leggauss(200)
    middle, weights = 2.5 * nodes, 2.5 * weights
    first = np.exp(SPECTRAL.log_density(WELL, np.full(200, 0.3), middle, 0.0, 0.4))
    second = np.exp(SPECTRAL.log_density(WELL, middle, np.full(200, -0.6), 0.0, 0.7))
    # What is not resolved is below 1e-12 of the whole.
    through = np.where(np.isnan(first * second), 0.0, first * second) @ weights
    whole = SPECTRAL.log_density(WELL, [0.3], [-0.6], 0.0, 1.1)[0]
    assert math.exp(whole) == pytest.approx(through, rel=1e-8)


def test_tunnelling_between_deep_wells_keeps_its_digits():
    # The two slowest eigenvalues are 0 and the rate of crossing, which is small.
    process = DoubleWell(1.0, 1.0, 0.25)
    found = SPECTRAL.log_density(process, [-1.0], [1.0], 0.0, 5.0)[0]
    nodes, weights = np.polynomial.legendre.leggauss(400)
    middle, weights = 1.8 * nodes, 1.8 * weights
    first = SPECTRAL.log_density(process, np.full(400, -1.0), middle, 0.0, 2.5)
    second = SPECTRAL.log_density(process, middle, np.full(400, 1.0), 0.0, 2.5)
    through = np.where(np.isnan(first + second), 0.0, np.exp(first + second)) @ weights
    # Where the first factor falls below 1e-8 of its peak it is not given, and missing here.
    assert math.exp(found) == pytest.approx(through, rel=2e-5)


@pytest.mark.parametrize("dt", [0.01, 1.0, 1000.0])
def test_far_tails_are_right_or_not_given(dt):
    process = OrnsteinUhlenbeck(1.0, 0.5, 0.6)
    x = np.full(97, 0.8)
    mean, variance = EXACT.moments(process, x, 0.0, dt)
    end = mean[:, 0] + np.sqrt(variance[:, 0, 0]) * np.linspace(-12.0, 12.0, 97)
    found = SPECTRAL.log_density(process, x, end, 0.0, dt)
    given = ~np.isnan(found)
    assert given[np.abs(np.linspace(-12.0, 12.0, 97)) < 4.0].all()
    expected = EXACT.log_density(process, x, end, 0.0, dt)
    np.testing.assert_allclose(found[given], expected[given], rtol=0, atol=1e-5)
    residuals = SPECTRAL.residuals(process, x, end, 0.0, dt)[:, 0]
    given = ~np.isnan(residuals)
    assert given[np.abs(np.linspace(-12.0, 12.0, 97)) < 4.0].all()
    np.testing.assert_allclose(residuals[given], np.linspace(-12.0, 12.0, 97)[given], atol=1e-4)


def test_units_do_not_matter():
    x, end = np.array([0.2, 0.9]), np.array([0.5, 1.1])
    plain = SPECTRAL.log_density(OrnsteinUhlenbeck(1.0, 0.5, 0.6), x, end, 0.0, 0.3)
    for scale, shift in ((1e6, 0.0), (1e-6, 0.0), (1.0, 1e5)):
        process = OrnsteinUhlenbeck(1.0, scale * 0.5 + shift, scale * 0.6)
        found = SPECTRAL.log_density(process, scale * x + shift, scale * end + shift, 0.0, 0.3)
        np.testing.assert_allclose(found + math.log(scale), plain, atol=1e-8)


def test_error_estimate_bounds_the_error_at_a_kink():
    smooth = SPECTRAL.error_estimate(WELL, [0.4, 0.1], [0.5, -0.2], 0.0, 0.3)
    assert smooth.max() < 1e-9
    kink = SDE(lambda t, x: -np.abs(x) * x, lambda t, x: 0.5 + 0.2 * np.abs(x))
    rough = SPECTRAL.error_estimate(kink, [0.4, 0.1], [0.5, -0.2], 0.0, 0.3)
    assert 1e-12 < rough.max() < 1e-4


@pytest.mark.parametrize(
    ("process", "x", "x_next", "dt", "said"),
    [
        (FellerDiffusion(0.0, 0.1, 0.9), 0.4, 0.5, 1.0, "run out"),
        (SDE(lambda t, x: x**3, lambda t, x: 0.5 + 0 * x), 0.4, 0.5, 0.3, "run out"),
        (CoxIngersollRoss(0.5, 0.2, 0.8), 0.1, 0.2, 0.5, "close to an end"),
        (SDE(lambda t, x: -x + np.cos(t), lambda t, x: 0.5 + 0 * x), 0.4, 0.5, 0.3, "on time"),
        (WELL.with_params(sigma=0.0), 0.4, 0.5, 0.3, "not positive"),
        (WELL, -1.0, 1.0, 1e-5, "more than 2000 nodes"),
        (CoxIngersollRoss(0.8, 1.0, 0.4), 0.0, 0.5, 0.3, "inside the domain"),
        (OrnsteinUhlenbeck(np.eye(2), [0.0, 0.0], np.eye(2)), [[0, 0]], [[0, 1]], 0.1, "has 2"),
    ],
)
def test_what_cannot_be_resolved_is_refused(process, x, x_next, dt, said):
    with pytest.raises(InputError, match=said):
        SPECTRAL.log_density(process, np.atleast_1d(x), np.atleast_1d(x_next), 0.0, dt)


def test_absorption_out_of_reach_does_no_harm():
    process = FellerDiffusion(0.0, 0.1, 0.3)
    found = SPECTRAL.log_density(process, [4.0, 5.0], [4.2, 5.2], 0.0, 0.1)
    np.testing.assert_allclose(
        found, EXACT.log_density(process, [4.0, 5.0], [4.2, 5.2], 0.0, 0.1), atol=1e-9
    )


def test_states_outside_the_domain_have_no_density():
    process = CoxIngersollRoss(0.8, 1.0, 0.4)
    ends = [1.1, -0.5, np.inf, np.nan]
    found = SPECTRAL.log_density(process, np.ones(4), ends, 0.0, 0.1)
    assert np.isfinite(found[0])
    assert np.isnan(found[3])
    np.testing.assert_array_equal(found[1:3], -np.inf)
    residuals = SPECTRAL.residuals(process, np.ones(4), ends, 0.0, 0.1)[:, 0]
    np.testing.assert_array_equal(residuals[1:], [-np.inf, np.inf, np.nan])


def test_likelihood_has_the_gradient_of_the_exact_one():
    process = CoxIngersollRoss(0.8, 1.0, 0.4)
    x, end = pairs(process, 0.5, n=40)
    arguments = (process, x, np.maximum(end, 0.1), 0.0, 0.5)
    value, gradient = SPECTRAL.likelihood(*arguments).value_and_gradient(process.to_vector())
    expected, its_gradient = EXACT.likelihood(*arguments).value_and_gradient(process.to_vector())
    assert value == pytest.approx(expected, abs=1e-7)
    np.testing.assert_allclose(gradient, its_gradient, rtol=1e-4, atol=1e-3)


def test_it_is_restored_by_name_and_by_pickle():
    density = SpectralDensity(order=14, max_nodes=900)
    step = (WELL, [0.4], [0.5], 0.0, 0.2)
    value = density.log_density(*step)
    for twin in (
        transition_density("spectral", **density.options),
        pickle.loads(pickle.dumps(density)),
        copy.deepcopy(density),
    ):
        assert twin.options == {"order": 14, "max_nodes": 900}
        np.testing.assert_array_equal(twin.log_density(*step), value)
    np.testing.assert_array_equal(density.log_density(*step), value)
