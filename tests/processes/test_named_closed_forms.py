"""Closed forms of the one-dimensional processes against quadrature and their own equations."""

import numpy as np
import pytest

from stochtext.processes import (
    CEV,
    CKLS,
    AitSahalia,
    CoxIngersollRoss,
    DoubleWell,
    FellerDiffusion,
    GeneralHyperbolic,
    GeneralLinear,
    GinzburgLandau,
    Gompertz,
    Hyperbolic,
    InhomogeneousGeometricBrownianMotion,
    InverseFeller,
    Jacobi,
    KesslerSorensen,
    Logistic,
    ModifiedCoxIngersollRoss,
    NonlinearSDE,
    PearlVerhulst,
    Pearson,
    RadialOrnsteinUhlenbeck,
    ThreeHalves,
    stationary_law,
)

#: Processes with a transition density: (process, a start, a length of step).
TRANSITIONS = {
    "cir": (CoxIngersollRoss(0.8, 1.0, 0.4), 0.7, 0.5),
    "cir without Feller's condition": (CoxIngersollRoss(0.5, 0.2, 0.8), 0.3, 0.6),
    "cir of low noise": (CoxIngersollRoss(1.0, 1.0, 0.01), 0.9, 0.3),
    "feller growing": (FellerDiffusion(0.3, 0.4, 0.6), 0.5, 1.0),
    "feller critical": (FellerDiffusion(0.3, 0.0, 0.6), 0.5, 1.0),
    "feller absorbed": (FellerDiffusion(0.0, -0.2, 0.6), 0.5, 1.0),
    "three halves": (ThreeHalves(2.0, 0.5, 0.8), 0.6, 0.4),
    "inverse feller": (InverseFeller(0.8, 1.0, 0.4), 1.3, 0.5),
    "radial": (RadialOrnsteinUhlenbeck(1.0, 0.8, 0.7), 0.9, 0.5),
    "radial reflecting": (RadialOrnsteinUhlenbeck(0.1, 0.8, 0.7), 0.4, 0.5),
    "bessel": (RadialOrnsteinUhlenbeck(0.5, 0.0, 0.7), 0.9, 0.5),
    "cev below one half": (CEV(0.1, 0.4, 0.3), 0.6, 0.7),
    "cev square root": (CEV(0.1, 0.8, 0.5), 0.6, 0.7),
    "cev": (CEV(-0.2, 1.2, 0.8), 0.6, 0.9),
    "cev above one": (CEV(0.3, 0.5, 1.8), 0.8, 0.7),
    "jacobi": (Jacobi(1.0, 0.4, 0.5), 0.3, 0.6),
    "jacobi reaching its ends": (Jacobi(0.6, 0.5, 0.9), 0.3, 0.6),
    "kessler sorensen": (KesslerSorensen(1.0, 0.8), 0.5, 0.4),
    "gompertz": (Gompertz(0.5, 0.7, 0.4), 0.8, 0.6),
    "gompertz without limit": (Gompertz(0.2, 0.0, 0.4), 0.8, 0.6),
}

#: Processes with conditional moments but no transition density.
MOMENTS = {
    "ckls square root": (CKLS(0.4, -0.5, 0.3, 0.5), 0.7, 0.5),
    "ckls proportional": (CKLS(0.4, -0.5, 0.3, 1.0), 0.7, 0.5),
    "igbm": (InhomogeneousGeometricBrownianMotion(0.8, 0.5, 0.6), 0.7, 0.5),
    "general linear": (GeneralLinear(0.4, -0.5, 0.3, 0.2), 0.7, 0.5),
    "general linear growing": (GeneralLinear(0.4, 0.5, -0.3, 0.2), 0.7, 0.5),
    "pearson skew t": (Pearson(0.9, 0.3, 0.25, 0.2, 0.7), 0.7, 0.5),
    "modified cir": (ModifiedCoxIngersollRoss(1.0, 0.6), 0.7, 0.5),
}

STATIONARY = {
    "cir": CoxIngersollRoss(0.8, 1.0, 0.4),
    "cir without Feller's condition": CoxIngersollRoss(0.5, 0.2, 0.8),
    "feller": FellerDiffusion(0.3, -0.4, 0.6),
    "three halves": ThreeHalves(2.0, 0.5, 0.8),
    "inverse feller": InverseFeller(0.8, 1.0, 0.4),
    "radial": RadialOrnsteinUhlenbeck(1.0, 0.8, 0.7),
    "radial reflecting": RadialOrnsteinUhlenbeck(0.1, 0.8, 0.7),
    "cev above one": CEV(0.3, 0.5, 1.8),
    "jacobi": Jacobi(1.0, 0.4, 0.5),
    "jacobi reaching its ends": Jacobi(0.6, 0.5, 0.9),
    "kessler sorensen": KesslerSorensen(1.0, 0.8),
    "gompertz": Gompertz(0.5, 0.7, 0.4),
    "logistic": Logistic(1.0, 0.5, 0.6),
    "pearl verhulst": PearlVerhulst(0.5, 2.0, 0.6),
    "ginzburg landau": GinzburgLandau(1.0, 0.8, 0.6),
    "hyperbolic": Hyperbolic(1.1, 0.7, 0.9),
    "general hyperbolic": GeneralHyperbolic(0.6, 2.0, 0.7, 0.3, 0.9),
    "igbm": InhomogeneousGeometricBrownianMotion(0.8, 0.5, 0.6),
    "general linear": GeneralLinear(0.4, -0.5, 0.3, 0.0),
    "pearson normal": Pearson(0.9, 0.3, 0.0, 0.0, 0.7),
    "pearson gamma": Pearson(0.9, 0.8, 0.0, 0.3, 0.1),
    "pearson gamma mirrored": Pearson(0.9, -0.8, 0.0, -0.3, 0.1),
    "pearson beta": Pearson(0.9, 0.3, -0.4, 0.1, 0.5),
    "pearson inverse gamma": Pearson(0.9, 0.8, 0.25, 0.0, 0.0),
    "pearson inverse gamma mirrored": Pearson(0.9, -0.8, 0.25, 0.0, 0.0),
    "pearson F": Pearson(0.9, 0.8, 0.25, 0.1, 0.0),
    "pearson F mirrored": Pearson(0.9, -0.8, 0.25, 0.1, 0.0),
    "pearson skew t": Pearson(0.9, 0.3, 0.25, 0.2, 0.7),
    "modified cir": ModifiedCoxIngersollRoss(1.0, 0.6),
    "ckls": CKLS(0.4, -0.5, 0.3, 0.75),
    "ckls steep": CKLS(0.4, -0.5, 0.3, 1.7),
    "ait sahalia": AitSahalia(0.02, 0.1, -0.2, -0.3, 0.01, 0.02, 0.05, 1.5),
    "nonlinear": NonlinearSDE(0.02, 0.1, -0.2, -0.3, 0.01, 0.02, 0.3, 1.5),
}


def grid(process, n=20001, reach=60.0):
    """Return states and weights of the trapezoidal rule in a stretched coordinate."""
    low, high = process.domain[0]
    if process.params.get("sigma") == 0.01:
        reach = 3.0
    y = np.linspace(-reach, reach, n)
    if np.isinf(low) and np.isinf(high):
        x, slope = np.sinh(y), np.cosh(y)
    elif np.isinf(high):
        x, slope = low + np.exp(y), np.exp(y)
    elif np.isinf(low):
        x, slope = high - np.exp(-y), np.exp(-y)
    else:
        share = 1 / (1 + np.exp(-y))
        x, slope = low + (high - low) * share, (high - low) * share / (1 + np.exp(y))
    inside = (x > low) & (x < high) & (slope > 0)
    return x[inside], (slope * (y[1] - y[0]))[inside]


def resolved(density):
    """Return a density without the NaN that marks what a series cannot give: tails below 1e-9."""
    return np.where(np.isnan(density), 0.0, density)


def transition(process, x, dt):
    states, weights = grid(process)
    return states, weights, resolved(process.transition_density([x], states, dt))


@pytest.mark.parametrize("name", TRANSITIONS)
def test_transition_density_and_what_is_at_zero_make_one(name):
    process, x, dt = TRANSITIONS[name]
    _, weights, density = transition(process, x, dt)
    gone = 0.0
    if name.startswith("cev") and process.params["gamma"] < 1 or name == "feller absorbed":
        gone = process.transition_cdf([x], [0.0], dt)[0]
        assert 0.001 < gone < 0.9
    # 1e-7: the trapezoidal rule; tails of Jacobi series that are left out weigh 1e-9.
    assert weights @ density + gone == pytest.approx(1.0, abs=1e-7)


@pytest.mark.parametrize("name", TRANSITIONS)
def test_transition_density_obeys_chapman_and_kolmogorov(name):
    process, x, dt = TRANSITIONS[name]
    states, weights, first = transition(process, x, 0.4 * dt)
    centre = np.sum(weights * first * states)
    targets = np.array([0.8, 1.0, 1.3]) * centre
    if name == "cir of low noise":
        targets = centre + np.array([-0.004, 0.0, 0.003])
    for target in targets:
        second = resolved(process.transition_density(states, [target], 0.6 * dt))
        whole = process.transition_density([x], [target], dt)[0]
        used = weights * first > 1e-16
        assert np.sum((weights * first * second)[used]) == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize("name", TRANSITIONS)
def test_transition_density_solves_the_backward_equation_of_the_process(name):
    process, x, dt = TRANSITIONS[name]
    states, weights, density = transition(process, x, dt)
    y = [np.sum(weights * density * states)]
    h, k = 1e-4 * x, 1e-4 * dt

    def p(z, s):
        return process.transition_density([z], y, s)[0]

    time_slope = (p(x, dt + k) - p(x, dt - k)) / (2 * k)
    slope = (p(x + h, dt) - p(x - h, dt)) / (2 * h)
    bend = (p(x + h, dt) - 2 * p(x, dt) + p(x - h, dt)) / h**2
    drift, rate = process.drift([x])[0, 0], process.covariance([x])[0, 0, 0]
    size = abs(drift * slope) + abs(0.5 * rate * bend)
    # Differences over a ten-thousandth: truncation and rounding both near 1e-6.
    tolerance = 3e-3 if name == "cir of low noise" else 1e-4
    assert time_slope == pytest.approx(drift * slope + 0.5 * rate * bend, abs=tolerance * size)


@pytest.mark.parametrize("name", [n for n in TRANSITIONS if not n.startswith(("jac", "kess"))])
def test_distribution_function_integrates_the_density_and_exact_step_inverts_it(name):
    process, x, dt = TRANSITIONS[name]
    states, weights, density = transition(process, x, dt)
    mean = np.sum(weights * density * states)
    for level in (0.97 * mean, mean, 1.02 * mean):
        above = states > level
        # The first panel above the level is cut: integrate in the cell by its density.
        edge = 0.5 * weights[above][0]
        tail = np.sum((weights * density)[above]) - edge * density[above][0]
        tail += (
            (states[above][0] - level)
            * 0.5
            * (density[above][0] + process.transition_density([x], [level], dt)[0])
        )
        cdf = process.transition_cdf([x], [level], dt)[0]
        assert 1 - cdf == pytest.approx(tail, abs=2e-4)
        back = process.exact_step_uniform([x], dt, cdf)
        assert back[0, 0] == pytest.approx(level, rel=1e-8)


@pytest.mark.parametrize("name", [n for n in TRANSITIONS if not n.startswith("kess")])
def test_conditional_moments_agree_with_the_transition_density(name):
    process, x, dt = TRANSITIONS[name]
    states, weights, density = transition(process, x, dt)
    mean = np.sum(weights * density * states)
    absorbed = 1.0 - weights @ density
    variance = np.sum(weights * density * (states - mean) ** 2) + max(absorbed, 0.0) * mean**2
    assert process.conditional_mean([x], dt)[0, 0] == pytest.approx(mean, rel=1e-6)
    assert process.conditional_covariance([x], dt)[0, 0, 0] == pytest.approx(variance, rel=2e-5)


@pytest.mark.parametrize("name", MOMENTS)
def test_conditional_moments_solve_the_backward_equation_of_the_process(name):
    process, x, dt = MOMENTS[name]
    h, k = 1e-3 * x, 1e-3 * dt
    drift, rate = process.drift([x])[0, 0], process.covariance([x])[0, 0, 0]

    def first(z, s):
        return process.conditional_mean([z], s)[0, 0]

    def second(z, s):
        return process.conditional_covariance([z], s)[0, 0, 0] + first(z, s) ** 2

    for moment in (first, second):
        time_slope = (moment(x, dt + k) - moment(x, dt - k)) / (2 * k)
        slope = (moment(x + h, dt) - moment(x - h, dt)) / (2 * h)
        bend = (moment(x + h, dt) - 2 * moment(x, dt) + moment(x - h, dt)) / h**2
        assert time_slope == pytest.approx(drift * slope + 0.5 * rate * bend, rel=1e-5)
        assert moment(x, 1e-9) == pytest.approx(x if moment is first else x**2, rel=1e-7)


def euler_paths(process, x, span, steps, rng):
    """Return the ends of Euler paths that never cross the ends of the domain."""
    low, high = process.domain[0]
    h = span / steps
    for _ in range(steps):
        noise = process.diffusion(x)[:, :, 0] * np.sqrt(h) * rng.standard_normal(x.shape)
        x = np.clip(x + process.drift(x) * h + noise, low + 1e-9, high - 1e-9)
    return x[:, 0]


#: Where a boundary is reached Euler's scheme has a bias of its own.
REACHED = ("absorbed", "reflecting", "without Feller", "reaching", "cev", "critical", "growing")


@pytest.mark.parametrize(
    "name", [n for n in {**TRANSITIONS, **MOMENTS} if not any(w in n for w in (*REACHED, "kess"))]
)
def test_conditional_moments_agree_with_euler_paths(name):
    process, x, dt = {**TRANSITIONS, **MOMENTS}[name]
    rng = np.random.default_rng(3)
    end = euler_paths(process, np.full((20000, 1), x), dt, 100, rng)
    mean = process.conditional_mean([x], dt)[0, 0]
    squares = (end - mean) ** 2
    # Four standard errors; the scheme's bias at a hundred steps is a fraction of one.
    assert abs(end.mean() - mean) < 4 * end.std() / np.sqrt(end.size)
    variance = process.conditional_covariance([x], dt)[0, 0, 0]
    assert abs(squares.mean() - variance) < 4 * squares.std() / np.sqrt(end.size)


@pytest.mark.parametrize("name", [n for n in STATIONARY if not any(w in n for w in REACHED)])
def test_euler_paths_that_start_stationary_stay_so(name):
    process = STATIONARY[name]
    states, weights = grid(process)
    cumulative = np.cumsum(weights * process.stationary_density(states))
    rng = np.random.default_rng(4)
    start = np.interp(rng.uniform(size=10000), cumulative, states)[:, None]
    end = euler_paths(process, start, 0.5, 50, rng)
    for level in (0.25, 0.5, 0.75):
        below = np.mean(end <= np.interp(level, cumulative, states))
        assert abs(below - level) < 4 * np.sqrt(level * (1 - level) / end.size)


@pytest.mark.parametrize("name", STATIONARY)
def test_stationary_density_has_mass_one_and_the_moments_of_the_process(name):
    process = STATIONARY[name]
    states, weights = grid(process)
    density = process.stationary_density(states)
    assert weights @ density == pytest.approx(1.0, abs=1e-8)
    mean = np.sum(weights * density * states)
    assert process.stationary_mean()[0] == pytest.approx(mean, rel=1e-7, abs=1e-7)
    variance = np.sum(weights * density * (states - mean) ** 2)
    assert process.stationary_covariance()[0, 0] == pytest.approx(variance, rel=1e-6)


@pytest.mark.parametrize("name", STATIONARY)
def test_stationary_density_has_no_probability_current(name):
    process = STATIONARY[name]
    centre = process.stationary_mean()[0]
    spread = np.sqrt(process.stationary_covariance()[0, 0])
    x = centre + spread * np.array([-0.5, 0.1, 0.6])
    h = 1e-5 * spread

    def flow(z):
        return 0.5 * process.covariance(z)[:, 0, 0] * process.stationary_density(z)

    current = process.drift(x)[:, 0] * process.stationary_density(x)
    current -= (flow(x + h) - flow(x - h)) / (2 * h)
    scale = np.max(flow(x)) / spread
    np.testing.assert_allclose(current, 0.0, atol=1e-6 * scale)


@pytest.mark.parametrize("name", STATIONARY)
def test_closed_form_is_what_the_speed_measure_gives(name):
    process = STATIONARY[name]
    law = stationary_law(process)
    centre = process.stationary_mean()[0]
    spread = np.sqrt(process.stationary_covariance()[0, 0])
    x = centre + spread * np.array([-0.5, 0.1, 0.6, 1.2])
    np.testing.assert_allclose(np.exp(law.log_density(x)), process.stationary_density(x), rtol=1e-9)
    assert law.mean == pytest.approx(centre, rel=1e-8, abs=1e-8)
    assert law.variance == pytest.approx(spread**2, rel=1e-7)


@pytest.mark.parametrize("name", sorted(set(TRANSITIONS) & set(STATIONARY)))
def test_stationary_density_is_kept_by_the_transition(name):
    process, _, dt = TRANSITIONS[name]
    states, weights = grid(process, n=6001)
    density = process.stationary_density(states)
    for target in process.stationary_mean()[0] + np.sqrt(
        process.stationary_covariance()[0, 0]
    ) * np.array([-0.4, 0.3, 1.0]):
        arriving = resolved(process.transition_density(states, [target], dt))
        assert np.sum(weights * density * arriving) == pytest.approx(
            process.stationary_density([target])[0], rel=1e-6
        )


def test_shifted_proportional_noise_has_an_inverse_gamma_law_beyond_its_fixed_point():
    process = GeneralLinear(0.4, -0.5, 0.3, 0.2)
    y = np.linspace(-9, 30, 40001)
    x = -1.5 + np.exp(y)
    density = process.stationary_density(x)
    weights = np.exp(y) * (y[1] - y[0])
    assert weights @ density == pytest.approx(1.0, abs=1e-9)
    mean = np.sum(weights * density * x)
    assert process.stationary_mean()[0] == pytest.approx(mean, rel=1e-9)
    variance = np.sum(weights * density * (x - mean) ** 2)
    assert process.stationary_covariance()[0, 0] == pytest.approx(variance, rel=1e-9)
    assert process.stationary_density([-1.6])[0] == 0.0


def test_quadrature_of_the_speed_measure_meets_the_double_well():
    for sigma in (0.7, 0.1, 0.02):
        process = DoubleWell(1.0, 1.0, sigma)
        law = stationary_law(process)
        x = np.array([-1.0, 0.97, 1.01])
        np.testing.assert_allclose(
            np.exp(law.log_density(x)), process.stationary_density(x), rtol=1e-9
        )
