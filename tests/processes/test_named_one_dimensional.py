"""The named processes of one dimension: published figures, limits, bad input, rough values."""

import numpy as np
import pytest
from scipy.special import kv
from scipy.stats import invgamma, t

import stochtext as st
from stochtext._shared.exceptions import InputError, UnspecifiedParameterError
from stochtext.processes import (
    CEV,
    CKLS,
    AitSahalia,
    BrownianMotion,
    CoxIngersollRoss,
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
    OrnsteinUhlenbeck,
    PearlVerhulst,
    Pearson,
    RadialOrnsteinUhlenbeck,
    ThreeHalves,
    stationary_law,
)


def test_hyperbolic_laws_have_bessel_constants():
    process = GeneralHyperbolic(0.6, 2.0, 0.7, 0.3, 0.9)
    root = np.sqrt(4.0 - 0.36)
    x = np.array([-0.5, 0.3, 1.5])
    expected = root / (2 * 2.0 * 0.7 * kv(1, 0.7 * root))
    expected = expected * np.exp(-2.0 * np.hypot(0.7, x - 0.3) + 0.6 * (x - 0.3))
    np.testing.assert_allclose(process.stationary_density(x), expected, rtol=1e-12)
    symmetric = Hyperbolic(0.81, 0.7, 0.9)
    np.testing.assert_allclose(
        symmetric.stationary_density(x),
        GeneralHyperbolic(0.0, 2.0, 0.7, 0.0, 0.9).stationary_density(x),
        rtol=1e-12,
    )


def test_other_named_stationary_laws_are_those_of_scipy():
    x = np.array([0.2, 0.5, 1.4])
    np.testing.assert_allclose(
        ModifiedCoxIngersollRoss(1.0, 0.6).stationary_density(x),
        t(1 + 2 / 0.36, scale=1 / np.sqrt(1 + 2 / 0.36)).pdf(x),
        rtol=1e-12,
    )
    np.testing.assert_allclose(
        InhomogeneousGeometricBrownianMotion(0.8, 0.5, 0.6).stationary_density(x),
        invgamma(1 + 1.6 / 0.36, scale=0.8 / 0.36).pdf(x),
        rtol=1e-12,
    )


def test_the_same_process_in_two_parametrisations_has_the_same_coefficients():
    x = np.array([0.3, 0.8, 1.7])
    pairs = [
        (ThreeHalves(0.64, 0.8 / 0.64, 0.4), InverseFeller(0.8, 1.0, 0.4)),
        (PearlVerhulst(0.5, 2.0, 0.6), Logistic(1.0, 0.5, 0.6)),
        (CoxIngersollRoss(0.8, 1.0, 0.4), FellerDiffusion(0.8, -0.8, 0.4)),
        (CoxIngersollRoss(0.8, 1.0, 0.4), CKLS(0.8, -0.8, 0.4, 0.5)),
        (InhomogeneousGeometricBrownianMotion(0.8, 1.0, 0.4), GeneralLinear(0.8, -0.8, 0.0, 0.4)),
        (OrnsteinUhlenbeck(0.8, 1.0, 0.4), Pearson(0.8, 1.0, 0.0, 0.0, 0.1)),
        (AitSahalia(0, 0.8, -0.8, 0, 0, 0, 0.16, 2.0), CKLS(0.8, -0.8, 0.4, 1.0)),
        (NonlinearSDE(0, 0.8, -0.8, 0, 0, 0, 0.4, 0.5), CKLS(0.8, -0.8, 0.4, 0.5)),
    ]
    for one, other in pairs:
        np.testing.assert_allclose(one.drift(x), other.drift(x), rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(one.covariance(x), other.covariance(x), rtol=1e-13)


def test_jacobi_density_says_where_its_series_does_not_reach():
    process = Jacobi(1.0, 0.5, 0.5)
    near, far = process.transition_density([0.5, 0.5], [0.5, 0.99], 1e-3)
    # A Gaussian step is right to a thousandth here.
    assert near == pytest.approx(1 / np.sqrt(2 * np.pi * 0.0625e-3), rel=1e-2)
    assert np.isnan(far)
    assert np.isnan(process.transition_density([0.5], [0.5], 1e-9)[0])
    assert process.transition_density([0.5], [1.2], 0.1)[0] == 0.0


def test_gompertz_growth_is_an_exponential_of_an_ornstein_uhlenbeck_process():
    process, root = Gompertz(0.5, 0.7, 0.4), OrnsteinUhlenbeck(0.7, 0.42 / 0.7, 0.4)
    x, z = np.array([[0.8], [1.9]]), np.array([[0.3], [-1.2]])
    expected = np.exp(root.exact_step(np.log(x), 0.0, 0.6, None, z))
    np.testing.assert_allclose(process.exact_step(x, 0.0, 0.6, None, z), expected, rtol=1e-13)


@pytest.mark.parametrize(
    "process",
    [
        CoxIngersollRoss(0.0, 1.0, 0.4),
        FellerDiffusion(0.3, 0.1, 0.4),
        FellerDiffusion(0.0, -0.5, 0.4),
        ThreeHalves(1.0, -0.5, 0.4),
        RadialOrnsteinUhlenbeck(1.0, 0.0, 1.0),
        CEV(0.1, 0.4, 0.5),
        Logistic(0.1, 0.5, 0.6),
        GinzburgLandau(1.0, 0.0, 0.6),
        Gompertz(0.5, 0.0, 0.4),
        Hyperbolic(-1.0, 1.0, 0.5),
        GeneralHyperbolic(2.0, 1.0, 1.0, 0.0, 0.5),
        InhomogeneousGeometricBrownianMotion(0.5, 0.0, 0.4),
        Jacobi(1.0, 0.0, 0.5),
        Pearson(0.0, 0.3, 0.0, 0.0, 0.7),
        ModifiedCoxIngersollRoss(0.0, 0.5),
        CKLS(-0.1, -0.5, 0.3, 0.75),
        CKLS(0.1, 0.5, 0.3, 0.75),
        AitSahalia(0.02, 0.1, 0.2, 0.3, 0.01, 0.0, 0.0, 1.0),
        NonlinearSDE(0.0, 0.1, -0.2, -0.3, 0.0, 0.0, 0.0, 1.0),
    ],
)
def test_without_a_stationary_law_its_density_is_refused(process):
    with pytest.raises(InputError, match="only for|no stationary"):
        process.stationary_density([0.5])


@pytest.mark.parametrize("process", [OrnsteinUhlenbeck(-1.0, 0.0, 1.0), BrownianMotion(0.0, 1.0)])
def test_quadrature_refuses_what_does_not_return(process):
    with pytest.raises(InputError, match="no stationary law"):
        stationary_law(process)


def test_infinite_moments_are_refused_not_computed():
    with pytest.raises(InputError, match="variance .* infinite"):
        InhomogeneousGeometricBrownianMotion(0.1, 0.5, 0.6).stationary_covariance()
    with pytest.raises(InputError, match="variance .* infinite"):
        CKLS(0.4, -0.5, 0.3, 1.4).stationary_covariance()
    assert ThreeHalves(-0.1, 0.5, 0.8).conditional_covariance([0.5], 0.1)[0, 0, 0] == np.inf
    with pytest.raises(InputError, match="1/2 or 1"):
        CKLS(0.4, -0.5, 0.3, 0.75).conditional_covariance([0.5], 0.1)
    with pytest.raises(InputError, match="1/2 <= gamma <= 1"):
        CKLS(0.4, -0.5, 0.3, 1.4).conditional_mean([0.5], 0.1)


def test_states_and_steps_outside_their_range_are_named():
    process = CoxIngersollRoss(0.8, 1.0, 0.4)
    with pytest.raises(InputError, match=r"-0\.1 in row 1"):
        process.conditional_mean([0.5, -0.1], 0.1)
    with pytest.raises(InputError, match="nan in row 0"):
        process.transition_density([np.nan], [0.5], 0.1)
    with pytest.raises(InputError, match="`dt`"):
        process.transition_density([0.5], [0.5], -0.1)
    with pytest.raises(InputError, match="without the ends"):
        ThreeHalves(2.0, 0.5, 0.8).transition_density([0.0], [0.5], 0.1)
    with pytest.raises(InputError, match="`uniforms`"):
        process.exact_step_uniform([0.5], 0.1, 1.5)
    with pytest.raises(InputError, match="exact step"):
        Jacobi(1.0, 0.5, 0.5).exact_step_uniform([0.5], 0.1, 0.5)
    assert process.transition_density([0.5], [-0.2], 0.1)[0] == 0.0
    assert np.isnan(process.transition_density([0.5], [np.nan], 0.1)[0])
    np.testing.assert_array_equal(process.stationary_density([-1.0, 0.0, np.inf]), 0.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CoxIngersollRoss(0.8, 1.0, -0.4), "sigma"),
        (lambda: CoxIngersollRoss([0.8, 1.0], 1.0, 0.4), "must be a number"),
        (lambda: CEV(0.1, 0.4, -0.5), "gamma"),
        (lambda: Jacobi(1.0, 1.5, 0.5), r"in \[0, 1\]"),
        (lambda: Pearson(1.0, 2.0, -1.0, 1.0, 0.0), "positive at its mean"),
        (lambda: CEV(0.1, 0.4, 1.0).transition_density([0.5], [0.5], 0.1), "GeometricBrownian"),
        (lambda: CoxIngersollRoss(0.8, 1.0, 0.0).transition_density([1], [1], 0.1), "sigma > 0"),
        (lambda: ThreeHalves(-1.0, 0.5, 0.8).transition_density([1], [1], 0.1), "explodes"),
        (lambda: stationary_law(st.DoubleWell(1.0, 1.0)), "no value for sigma"),
    ],
)
def test_parameters_that_make_no_process_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_families_name_their_parameters_and_bounds():
    family = CKLS()
    assert family.free_parameters == ("alpha", "beta", "sigma", "gamma")
    assert family.bounds()[2:] == ((0.0, np.inf), (0.0, np.inf))
    assert (family.dim, family.noise, family.autonomous) == (1, "diagonal", True)
    with pytest.raises(UnspecifiedParameterError, match="alpha, beta"):
        family.with_params(sigma=0.3, gamma=1.0).stationary_density([1.0])
    assert Hyperbolic().noise == KesslerSorensen().noise == "additive"


def test_domains_are_where_the_squared_diffusion_is_positive():
    assert Pearson().domain == ((-np.inf, np.inf),)
    assert Pearson(1.0, 0.5, -1.0, 1.0, 0.0).domain == ((0.0, 1.0),)
    assert Pearson(1.0, 0.5, 0.0, 2.0, -0.4).domain == ((0.2, np.inf),)
    assert Pearson(1.0, -0.5, 0.0, -2.0, -0.4).domain == ((-np.inf, -0.2),)
    assert Pearson(1.0, 3.0, 1.0, 0.0, -4.0).domain == ((2.0, np.inf),)
    assert Pearson(1.0, 3.0, 1.0, 0.0, 4.0).domain == ((-np.inf, np.inf),)
    assert CoxIngersollRoss().domain == ((0.0, np.inf),)


#: Start values are rough: they need to be of the right size, a likelihood does the rest.
ROUGH = {
    "cir": (CoxIngersollRoss(0.8, 1.0, 0.4), 1.0),
    "feller": (FellerDiffusion(0.8, -0.8, 0.4), 1.0),
    "three halves": (ThreeHalves(2.0, 0.5, 0.6), 0.5),
    "inverse feller": (InverseFeller(0.8, 1.0, 0.4), 1.0),
    "radial": (RadialOrnsteinUhlenbeck(1.0, 0.8, 0.7), 1.0),
    "ckls": (CKLS(0.8, -0.8, 0.4, 0.75), 1.0),
    "cev": (CEV(0.02, 0.4, 0.75), 1.0),
    "logistic": (Logistic(1.0, 0.5, 0.4), 1.8),
    "pearl verhulst": (PearlVerhulst(0.5, 2.0, 0.4), 1.8),
    "ginzburg landau": (GinzburgLandau(1.0, 0.8, 0.4), 1.0),
    "gompertz": (Gompertz(0.5, 0.7, 0.4), 1.5),
    "hyperbolic": (Hyperbolic(1.1, 0.7, 0.9), 0.0),
    "igbm": (InhomogeneousGeometricBrownianMotion(0.8, 0.5, 0.4), 0.5),
    "jacobi": (Jacobi(1.0, 0.4, 0.5), 0.4),
    "kessler sorensen": (KesslerSorensen(1.0, 0.8), 0.1),
    "modified cir": (ModifiedCoxIngersollRoss(1.0, 0.6), 0.1),
}


def transitions_of(process, start, n=100, steps=200, dt=0.02):
    """Return steps of n Euler paths drawn here: these tests do not depend on the simulator."""
    rng = np.random.default_rng(11)
    low, high = process.domain[0]
    x = np.full((steps + 1, n, 1), float(start))
    for k in range(steps):
        noise = process.diffusion(x[k])[:, :, 0] * np.sqrt(dt) * rng.standard_normal((n, 1))
        x[k + 1] = np.clip(x[k] + process.drift(x[k]) * dt + noise, low + 1e-3, high - 1e-3)
    return x[:-1].reshape(-1, 1), x[1:].reshape(-1, 1), np.full(n * steps, dt)


@pytest.mark.parametrize("name", ROUGH)
def test_start_values_are_of_the_right_size(name):
    process, start = ROUGH[name]
    rough = process.start_values(*transitions_of(process, start))
    assert set(rough) == set(process.params)
    family = process.with_params(**rough)
    assert np.all(np.isfinite(family.to_vector()))
    # Steps cut at the ends of the interval weigh most in the last one.
    slack = 0.15 if name == "kessler sorensen" else 0.05
    assert rough["sigma"] == pytest.approx(process.params["sigma"], rel=slack)
    truth = process.drift([start])[0, 0] - process.drift([1.3 * start + 0.1])[0, 0]
    found = family.drift([start])[0, 0] - family.drift([1.3 * start + 0.1])[0, 0]
    if name != "cev":
        assert found == pytest.approx(truth, rel=0.5)


@pytest.mark.parametrize("process", [GeneralLinear(), GeneralHyperbolic(), Pearson()])
def test_start_values_of_wider_families_make_a_process(process):
    rough = process.start_values(*transitions_of(OrnsteinUhlenbeck(1.0, 0.5, 0.4), 0.5))
    family = process.with_params(**rough)
    assert family.covariance([0.5])[0, 0, 0] == pytest.approx(0.16, rel=0.1)
    assert family.drift([1.0])[0, 0] < 0 < family.drift([0.0])[0, 0]


@pytest.mark.parametrize("process", [AitSahalia(), NonlinearSDE()])
def test_start_values_of_rate_models_make_a_process(process):
    rough = process.start_values(*transitions_of(CKLS(0.8, -0.8, 0.4, 0.75), 1.0))
    family = process.with_params(**rough)
    assert family.covariance([1.0])[0, 0, 0] == pytest.approx(0.16, rel=0.2)


@pytest.mark.parametrize(
    "process",
    [CoxIngersollRoss(), CKLS(), CEV(), ThreeHalves(), Logistic(), Gompertz(), Jacobi()],
)
def test_data_at_the_boundary_give_no_start_values(process):
    x = np.zeros((5, 1))
    assert process.start_values(x, x + 0.1, np.full(5, 0.1)) == {}


SIMULATED = {
    "cir": (CoxIngersollRoss(0.8, 1.0, 0.4), 0.6),
    "three halves": (ThreeHalves(2.0, 0.5, 0.6), 0.4),
    "jacobi": (Jacobi(1.0, 0.4, 0.5), 0.6),
}


@pytest.mark.parametrize("name", SIMULATED)
def test_moments_of_simulated_paths_lie_within_four_standard_errors(name):
    process, start = SIMULATED[name]
    paths = st.simulate(
        process, [start], dt=0.5, n_steps=1, n_paths=20000, n_substeps=100, random_state=5
    )  # fmt: skip
    end = paths.values[paths.offsets[1:] - 1, 0]
    mean = process.conditional_mean([start], 0.5)[0, 0]
    variance = process.conditional_covariance([start], 0.5)[0, 0, 0]
    squares = (end - mean) ** 2
    # Steps of 0.005: the scheme's own bias is a tenth of a standard error.
    assert abs(end.mean() - mean) < 4 * end.std() / np.sqrt(end.size)
    assert abs(squares.mean() - variance) < 4 * squares.std() / np.sqrt(end.size)


@pytest.mark.parametrize("name", ["cir", "three halves"])
def test_exact_steps_from_uniform_numbers_have_the_moments_of_the_law(name):
    process, start = SIMULATED[name]
    uniforms = (np.arange(20000) + 0.5) / 20000
    end = process.exact_step_uniform(np.full((20000, 1), start), 0.5, uniforms)[:, 0]
    assert np.all(np.diff(end) > 0)
    assert end.mean() == pytest.approx(process.conditional_mean([start], 0.5)[0, 0], rel=1e-4)
    variance = process.conditional_covariance([start], 0.5)[0, 0, 0]
    assert end.var() == pytest.approx(variance, rel=2e-3)
