"""Exact densities against long arithmetic, other packages, quadrature and differences."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import kstest, multivariate_normal, norm

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext.processes import (
    CEV,
    CKLS,
    BrownianMotion,
    CoxIngersollRoss,
    DoubleWell,
    FellerDiffusion,
    GeometricBrownianMotion,
    Gompertz,
    InverseFeller,
    Jacobi,
    KesslerSorensen,
    OrnsteinUhlenbeck,
    RadialOrnsteinUhlenbeck,
    ThreeHalves,
    TrendingOrnsteinUhlenbeck,
)
from stochtext.processes.named.bessel_order import order_slope
from stochtext.transitions import ExactDensity
from stochtext.transitions.likelihood import DifferenceLikelihood

EXACT = ExactDensity()
CIR_PATH = [
    1.0,
    1.1013589188924462,
    0.87750898474781391,
    0.64731324173764715,
    0.5710559023048104,
    0.51459852383719462,
]
GBM_PATH = [
    1.0,
    1.0344405780360093,
    1.0699526951362941,
    1.0358843937528008,
    1.0378428443319898,
    1.040406957815631,
]
#: Process, start and length of a step, for every kind of known transition in one dimension.
KNOWN = {
    "bessel": (CoxIngersollRoss(0.8, 1.0, 0.4), 1.1, 0.5),
    "reflected": (CoxIngersollRoss(0.5, 0.2, 0.8), 0.3, 0.6),
    "feller": (FellerDiffusion(0.4, 0.2, 0.5), 1.1, 0.5),
    "elastic": (CEV(0.1, 0.3, 1.4), 1.2, 0.5),
    "three halves": (ThreeHalves(2.0, 0.5, 0.8), 0.7, 0.5),
    "inverse": (InverseFeller(0.8, 1.0, 0.4), 0.9, 0.5),
    "radial": (RadialOrnsteinUhlenbeck(1.0, 1.0, 1.0), 0.7, 0.5),
    "gompertz": (Gompertz(1.0, 0.5, 0.2), 2.0, 0.5),
    "geometric": (GeometricBrownianMotion(0.1, 0.4), 1.2, 0.5),
    "jacobi": (Jacobi(1.0, 0.4, 0.5), 0.3, 0.5),
    "tangent": (KesslerSorensen(1.0, 1.0), 0.3, 0.5),
    "brownian": (BrownianMotion(0.3, 0.8), 0.3, 0.5),
    "ornstein": (OrnsteinUhlenbeck(1.0, 0.5, 0.6), 0.3, 0.5),
}
#: Upper tails that end later than a normal one does.
HEAVY = {"inverse": 60, "elastic": 4000, "three halves": 40000, "geometric": 60}
WITH_SCORE = ["bessel", "reflected", "feller", "elastic", "three halves", "inverse", "radial"] + [
    "gompertz",
    "geometric",
]


def reach(name):
    """Return states between which a step ends, all but 1e-12 of the time."""
    process, x, dt = KNOWN[name]
    low, high = process.domain[0]
    scale = math.sqrt(process.covariance([[x]])[0, 0, 0] * dt)
    return max(low, x - 12 * scale), min(high, x + HEAVY.get(name, 14) * scale)


@pytest.mark.parametrize(
    ("process", "path", "dt", "source", "expected"),
    [
        (
            CoxIngersollRoss(0.8, 1.0, 0.4),
            CIR_PATH,
            0.1,
            "mpmath 1.3, 40 digits",
            [
                0.7820532836169338,
                -0.29596066393837983,
                -1.0795147628484278,
                0.9277091688590999,
                1.077388126974715,
            ],
        ),
        (
            CoxIngersollRoss(1.5, 0.8, 0.5),
            CIR_PATH,
            0.1,
            "mpmath 1.3, 40 digits",
            [
                0.5395045906896992,
                0.3242049381001923,
                -0.18745371790005425,
                0.9665354117059414,
                1.053302150610455,
            ],
        ),
        (
            GeometricBrownianMotion(0.08, 0.25),
            GBM_PATH,
            0.05,
            "R package sde 2.0.18, pymle-diffusion 0.0.9",
            [
                1.773373621674148,
                1.7406952163395044,
                1.7362402286443348,
                1.928029426239768,
                1.9256098778017368,
            ],
        ),
        (
            GeometricBrownianMotion(0.2, 0.4),
            GBM_PATH,
            0.05,
            "R package sde 2.0.18, pymle-diffusion 0.0.9",
            [
                1.412843630737367,
                1.3794622916983297,
                1.36800001512675,
                1.4570176031805886,
                1.4548265149594921,
            ],
        ),
    ],
)
def test_figures_of_long_arithmetic_and_other_packages(process, path, dt, source, expected):
    x = np.array(path)
    found = EXACT.log_density(process, x[:-1], x[1:], 0.0, dt)
    np.testing.assert_allclose(found, expected, rtol=2e-12, err_msg=source)


@pytest.mark.parametrize(
    ("dt", "expected"),
    [
        (0.1, 0.0138859197603005),
        (1.0, 1.88822078177582),
        (2.0, 0.80463052206696),
        (5.0, 0.390214318589503),
    ],
)
def test_square_root_density_does_not_explode_for_long_steps(dt, expected):
    # sde 2.0.18 has 891.8, 4.7e6 and 1e15 at dt = 1, 2 and 5; the figures are mpmath's.
    found = EXACT.log_density(CoxIngersollRoss(0.8, 1.0, 0.4), [0.2], [0.5], 0.0, dt)
    assert math.exp(found[0]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", KNOWN)
def test_density_integrates_to_one_and_its_integral_is_the_pit(name):
    process, x, dt = KNOWN[name]
    low, high = reach(name)
    middle = EXACT.log_density(process, [x], [x], 0.0, dt)
    assert EXACT.knows(process)
    assert np.isfinite(middle[0])

    def density(y):
        value = EXACT.log_density(process, [x], [y], 0.0, dt)[0]
        return math.exp(value) if not math.isnan(value) else 0.0

    below = quad(density, low, x, epsabs=1e-12, limit=400)[0]
    above = quad(density, x, min(high, 3 * x + 2), epsabs=1e-12, limit=400)[0]
    above += quad(density, 3 * x + 2, high, epsabs=1e-12, limit=400)[0] if high > 3 * x + 2 else 0
    # Reflection at zero leaves an integrable pole that quadrature resolves to 1e-6.
    tolerance = 1e-6 if name == "reflected" else 1e-8
    assert below + above == pytest.approx(1.0, abs=tolerance)
    pit = EXACT.pit(process, [x], [x], 0.0, dt)[0, 0]
    assert pit == pytest.approx(below, abs=tolerance)
    residual = EXACT.residuals(process, [x], [x], 0.0, dt)[0, 0]
    assert residual == pytest.approx(norm.ppf(pit), abs=1e-9)


@pytest.mark.parametrize(
    ("parameters", "x", "x_next", "dt", "expected"),
    [
        ((0.8, 1.0, 0.4), 1.0, 8.0, 0.1, 29.78207074322682),
        ((0.8, 1.0, 0.4), 1.0, 0.05, 0.1, -13.06771079762742),
        ((0.8, 1.0, 0.4), 1.0, 0.001, 0.1, -17.35312617387475),
        ((0.8, 1.0, 0.4), 1.0, 3.0, 0.1, 11.98942538671654),
        ((0.5, 0.2, 0.8), 0.3, 0.01, 0.6, -1.139711176626376),
        ((0.8, 1.0, 0.4), 1.0, 20.0, 0.1, 56.37539506543994),
    ],
)
def test_residuals_keep_their_digits_in_both_tails(parameters, x, x_next, dt, expected):
    # mpmath 1.3 with 40 digits: Poisson mixture of incomplete gamma functions.
    found = EXACT.residuals(CoxIngersollRoss(*parameters), [x], [x_next], 0.0, dt)
    assert found[0, 0] == pytest.approx(expected, rel=1e-11)


def test_tails_below_the_floating_point_range_join_those_above_it():
    process = CoxIngersollRoss(0.8, 1.0, 0.4)
    levels = np.linspace(10.3, 10.9, 61)
    scores = process.transition_normal_scores([1.0], levels, 0.1)[:, 0]
    assert scores[0] < 37.0 < scores[-1]
    # A kink where one formula takes over from the other would show in the third difference.
    assert np.abs(np.diff(scores, 3)).max() < 1e-7
    low = process.transition_normal_scores([1.0], [1e-30, 1e-60], 0.1)[:, 0]
    assert -np.inf < low[1] < low[0] < -37.0


@pytest.mark.parametrize("name", WITH_SCORE)
def test_score_is_the_derivative_of_the_log_density(name):
    process, x, _ = KNOWN[name]
    rng = generator(3, name)
    starts = x * np.exp(0.3 * rng.normal(size=30))
    ends = starts * np.exp(0.1 * rng.normal(size=30))
    dt = rng.uniform(0.02, 1.0, size=30)
    found = process.transition_score(starts, ends, dt)
    vector = process.to_vector()
    for k, value in enumerate(vector):
        h = 1e-4 * max(abs(value), 0.1)

        def at(factor, k=k, h=h):
            moved = vector.copy()
            moved[k] += factor * h
            return process.from_vector(moved).transition_log_density(starts, ends, dt)

        expected = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)
        np.testing.assert_allclose(found[:, k], expected, rtol=2e-8, atol=2e-8)


def test_score_of_an_absorbed_process_is_the_derivative_too():
    process = CEV(0.1, 0.3, 0.6)
    found = process.transition_score([1.1, 0.9], [1.2, 0.7], 0.4)
    vector = process.to_vector()
    for k in range(3):
        step = 1e-5 * np.eye(3)[k]
        rise = [
            process.from_vector(vector + s * step).transition_log_density(
                [1.1, 0.9], [1.2, 0.7], 0.4
            )
            for s in (1, -1)
        ]
        np.testing.assert_allclose(found[:, k], (rise[0] - rise[1]) / 2e-5, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("order", "z", "expected"),
    [
        (-0.9, 1e-3, 10.42372994047048),
        (-0.3, 20.0, -2.287188600202856),
        (0.0, 150.0, -4.31748811353631),
        (30.0, 1.0, -3.4180315144358597),
        (250.0, 300.0, -5.7699423026790315),
        (3.0, 1e4, -8.517493206413361),
    ],
)
def test_derivative_of_the_bessel_function_by_its_order(order, z, expected):
    # mpmath 1.3 with 30 digits: d log besseli(order, z) / d order - log(z / 2).
    assert order_slope(order, np.array([z]))[0] == pytest.approx(expected, rel=1e-13)


def test_interpolated_order_derivative_equals_the_series():
    z = generator(1, "arguments").uniform(0.0, 190.0, size=400)
    for order in (-0.4, 0.5, 9.0, 60.0):
        alone = np.array([order_slope(order, z[k : k + 1])[0] for k in range(0, 400, 40)])
        np.testing.assert_allclose(order_slope(order, z)[::40], alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "process",
    [
        CoxIngersollRoss(0.9, 1.1, 0.5),
        GeometricBrownianMotion([0.1, 0.2], [[0.3, 0.0], [0.1, 0.2]]),
        Jacobi(1.0, 0.4, 0.5),
        OrnsteinUhlenbeck(1.0, 0.5, 0.6),
    ],
)
def test_likelihood_has_the_value_and_gradient_of_differences(process):
    rng = generator(5, type(process).__name__)
    x = rng.uniform(0.3, 0.6, size=(60, process.dim))
    x_next = x * np.exp(0.1 * rng.normal(size=x.shape))
    dt, weight = rng.uniform(0.1, 0.6, size=60), rng.integers(0, 3, size=60)
    arguments = (process, x, x_next, 0.0, dt)
    likelihood = EXACT.likelihood(*arguments, weight=weight)
    by_differences = DifferenceLikelihood(EXACT, *arguments, weight=weight)
    vector = 1.1 * process.to_vector()
    value, gradient = likelihood.value_and_gradient(vector)
    expected, its_gradient = by_differences.value_and_gradient(vector)
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient, its_gradient, rtol=1e-6, atol=1e-6)
    scores = likelihood.scores(vector)
    np.testing.assert_allclose(-scores.sum(axis=0), gradient, rtol=1e-6, atol=1e-6)
    assert not scores[weight == 0].any()
    rows = likelihood.log_density(vector)
    assert -float(weight @ rows) == pytest.approx(value, rel=1e-12)


def test_likelihood_of_impossible_data_or_parameters_is_infinite():
    impossible = EXACT.likelihood(CoxIngersollRoss(), [1.0, 1.0], [1.1, -0.1], 0.0, 0.1)
    value, gradient = impossible.value_and_gradient(np.array([0.8, 1.0, 0.4]))
    assert value == np.inf
    assert np.isnan(gradient).all()
    possible = EXACT.likelihood(CoxIngersollRoss(), [1.0], [1.1], 0.0, 0.1)
    value, gradient = possible.value_and_gradient(np.array([0.8, 1.0, 0.0]))
    assert value == np.inf
    assert np.isnan(gradient).all()


def test_density_is_zero_where_the_process_cannot_go():
    process = CoxIngersollRoss(0.8, 1.0, 0.4)
    found = EXACT.log_density(process, np.ones(4), [-0.5, np.inf, np.nan, 0.0], 0.0, 0.1)
    np.testing.assert_array_equal(found, [-np.inf, -np.inf, np.nan, -np.inf])
    residuals = EXACT.residuals(process, np.ones(4), [-0.5, np.inf, np.nan, 0.0], 0.0, 0.1)
    np.testing.assert_array_equal(residuals[:, 0], [-np.inf, np.inf, np.nan, -np.inf])


def test_plane_lognormal_pit_is_rosenblatts_transform_of_the_logarithm():
    sigma = np.array([[0.3, 0.0], [0.1, 0.2]])
    process = GeometricBrownianMotion([0.1, 0.2], sigma)
    x, y, dt = np.array([[1.0, 2.0]]), np.array([[1.1, 1.8]]), 0.4
    mean = np.log(x[0]) + (np.array([0.1, 0.2]) - 0.5 * np.sum(sigma**2, axis=1)) * dt
    rate = sigma @ sigma.T * dt
    first = norm.cdf(np.log(y[0, 0]), mean[0], math.sqrt(rate[0, 0]))
    centre = mean[1] + rate[1, 0] / rate[0, 0] * (np.log(y[0, 0]) - mean[0])
    second = norm.cdf(np.log(y[0, 1]), centre, math.sqrt(rate[1, 1] - rate[1, 0] ** 2 / rate[0, 0]))
    np.testing.assert_allclose(EXACT.pit(process, x, y, 0.0, dt)[0], [first, second], rtol=1e-12)
    joint = multivariate_normal(mean, rate).logpdf(np.log(y[0])) - np.log(y[0]).sum()
    assert EXACT.log_density(process, x, y, 0.0, dt)[0] == pytest.approx(joint, rel=1e-12)
    with pytest.raises(InputError, match="2 coordinates"):
        process.transition_cdf(x, y, dt)


@pytest.mark.parametrize("name", ["bessel", "gompertz", "three halves", "geometric"])
def test_residuals_of_exact_paths_are_standard_normal(name):
    process, x, dt = KNOWN[name]
    rng = generator(7, name)
    n = 400
    if process.exact_normals:
        ends = process.exact_step(np.full((n, 1), x), 0.0, dt, None, rng.normal(size=(n, 1)))
    else:
        ends = process.exact_step_uniform(np.full(n, x), dt, rng.uniform(size=n))
    residuals = EXACT.residuals(process, np.full(n, x), ends, 0.0, dt)[:, 0]
    assert kstest(residuals, "norm").pvalue > 0.01


@pytest.mark.parametrize("name", ["bessel", "gompertz", "ornstein", "jacobi"])
def test_moments_are_those_of_the_density(name):
    process, x, dt = KNOWN[name]
    low, high = reach(name)
    y, weight = np.polynomial.legendre.leggauss(600)
    y, weight = 0.5 * (low + high) + 0.5 * (high - low) * y, 0.5 * (high - low) * weight
    density = np.exp(EXACT.log_density(process, np.full(600, x), y, 0.0, dt))
    density = np.where(np.isnan(density), 0.0, density) * weight
    mean, covariance = EXACT.moments(process, [x], 0.0, dt)
    assert mean[0, 0] == pytest.approx(density @ y, rel=1e-7)
    assert covariance[0, 0, 0] == pytest.approx(density @ (y - mean[0, 0]) ** 2, rel=1e-6)


def test_moments_without_a_formula_are_integrated():
    process, x, dt = KesslerSorensen(1.0, 0.8), np.array([-1.3, 0.1, 0.9]), 0.2
    mean, covariance = EXACT.moments(process, x, 0.0, dt)
    for row in range(3):

        def moment(y, power, row=row):
            value = process.transition_density([x[row]], [y], dt)[0]
            return float(np.nan_to_num(value)) * y**power

        ends = (-np.pi / 2, np.pi / 2)
        first = quad(moment, *ends, args=(1,), epsabs=1e-12, limit=200)[0]
        second = quad(moment, *ends, args=(2,), epsabs=1e-12, limit=200)[0]
        assert mean[row, 0] == pytest.approx(first, abs=1e-8)
        assert covariance[row, 0, 0] == pytest.approx(second - first**2, abs=1e-8)


def test_what_is_not_known_is_refused():
    for process in (DoubleWell(), CKLS()):
        assert not EXACT.knows(process)
    for family in (OrnsteinUhlenbeck(), TrendingOrnsteinUhlenbeck(), CoxIngersollRoss()):
        assert EXACT.knows(family)
    with pytest.raises(InputError, match="no exact transition"):
        EXACT.residuals(DoubleWell(1.0, 1.0, 0.7), [0.0], [0.1], 0.0, 0.1)
    with pytest.raises(InputError, match="same shape"):
        EXACT.log_density(CoxIngersollRoss(0.8, 1.0, 0.4), [1.0, 1.0], [1.0], 0.0, 0.1)
    with pytest.raises(InputError, match="in row 0"):
        EXACT.log_density(CoxIngersollRoss(0.8, 1.0, 0.4), [-1.0], [1.0], 0.0, 0.1)


def test_distribution_function_on_an_interval_is_the_integral_of_the_density():
    for process, x, levels in (
        (Jacobi(1.0, 0.4, 0.5), 0.3, [0.05, 0.3, 0.8]),
        (KesslerSorensen(1.0, 1.0), 0.3, [-1.0, 0.1, 1.2]),
    ):
        for level in levels:

            def density(y, process=process, x=x):
                return float(np.nan_to_num(process.transition_density([x], [y], 0.4)[0]))

            expected = quad(density, process.domain[0][0], level, epsabs=1e-12, limit=200)[0]
            found = process.transition_cdf([x], [level], 0.4)[0]
            assert found == pytest.approx(expected, abs=1e-9)
