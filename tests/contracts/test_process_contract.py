"""Every process is an immutable value with coefficients of one shape, and can be stored."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

import stochtext as st
from stochtext import processes
from stochtext.processes import (
    PROCESS_TYPES,
    BinnedProcess,
    ExtrapolatedProcess,
    KernelProcess,
    NetworkProcess,
    OrnsteinUhlenbeck,
    Support,
    TrendingOrnsteinUhlenbeck,
    process_from_dict,
)
from stochtext.processes.fitted.extrapolated import part_of_type
from stochtext.processes.fitted.gaussian_process import GaussianProcessDiffusion
from stochtext.processes.fitted.networks.covariate_coding import CovariateCoding
from stochtext.processes.fitted.networks.covariate_network import CovariateNetwork
from stochtext.simulation import simulate_jumps

KAPPA = np.array([[1.0, -0.5], [0.7, 0.8]])
FACTOR = np.array([[0.5, 0.0], [0.2, 0.4]])


def network():
    panel = st.datasets.load_double_well(n_steps=4000, dt=0.05, random_state=0)
    fit = st.NeuralSDE(hidden=(6,), diffusion_hidden=(2,), n_starts=1, random_state=0).fit(panel)
    assert fit.drift_ == "network"
    return part_of_type(fit.process_, NetworkProcess)


def kernel():
    x = np.linspace(-1, 1, 200)[:, None]
    noise = np.where(np.arange(200) % 2, 0.3, -0.3)[:, None]
    outside = OrnsteinUhlenbeck(1.0, 0.0, 0.3)
    return KernelProcess(x, -0.1 * x, np.full(200, 0.1), noise, bandwidth=0.2, continuation=outside)


def binned():
    return BinnedProcess(
        [np.array([-1.0, 0.0, 1.0])], np.array([[1.0], [0.0], [-1.0]]),
        np.full((3, 1, 1), 0.25), reach=np.array([0.5]),
        continuation=OrnsteinUhlenbeck(1.0, 0.0, 0.5),
    )  # fmt: skip


def extrapolated():
    support = Support.from_states(np.linspace(-2, 2, 50)[:, None])
    return ExtrapolatedProcess(
        st.DoubleWell(1.0, 1.0, 0.7), OrnsteinUhlenbeck(1.0, 0.0, 0.7), support
    )


def covariate_network():
    coding = CovariateCoding(("temperature",), (0.5,), ())
    arrays = {
        "centre": [0.1, 0.5], "spread": [1.0, 0.4], "drift_unit": [1.0], "noise_unit": [0.5],
        "drift.slope": [[[-1.0], [0.3]]], "drift.intercept": [[[0.2]]],
        "drift.layer0.weight": [[[0.5, -0.3], [0.2, 0.4]]], "drift.layer0.bias": [[[0.1, 0.0]]],
        "drift.layer1.weight": [[[0.4], [-0.2]]],
        "covariance.log_scale": [[[0.1]]], "covariance.lower": np.zeros((1, 1, 0)),
    }  # fmt: skip
    arrays = {name: np.asarray(array, dtype=np.float64) for name, array in arrays.items()}
    return CovariateNetwork(arrays, coding)


def gaussian_process():
    return GaussianProcessDiffusion(
        [[0.0, 0.5], [1.0, -0.5]], length=[1.0, 2.0], centre=[0.0, 0.0], scale=[1.0, 1.0],
        amplitude=[1.0, 0.5], coefficients=np.linspace(-1.0, 1.0, 10).reshape(2, 5),
        posterior=np.stack([np.eye(5), np.eye(5)]), rate=FACTOR @ np.transpose(FACTOR),
    )  # fmt: skip


MAKERS = {
    "ornstein_uhlenbeck": lambda: OrnsteinUhlenbeck(KAPPA, [0.1, -0.2], FACTOR),
    "trending_ornstein_uhlenbeck": lambda: TrendingOrnsteinUhlenbeck(
        KAPPA, [[0.0, 1.0], [2.0, 0.0]], FACTOR
    ),
    "spline_ornstein_uhlenbeck": lambda: processes.SplineOrnsteinUhlenbeck(
        KAPPA, [[0.0, 1.0], [2.0, 0.0], [1.0, 1.0]], FACTOR, knots=[0.0, 0.4, 1.0]
    ),
    "double_well": lambda: st.DoubleWell(1.0, 1.0, 0.7),
    "brownian_motion": lambda: st.BrownianMotion([0.1, -0.2], [[0.5, 0.1, 0.0], [0.2, 0.4, 0.3]]),
    "geometric_brownian_motion": lambda: st.GeometricBrownianMotion([0.1, -0.2], FACTOR),
    "duffing": lambda: processes.Duffing(-1.0, 1.0, 0.5, 0.6),
    "forced_duffing": lambda: processes.ForcedDuffing(-1.0, 1.0, 0.5, 0.3, 1.2, 0.6),
    "van_der_pol": lambda: processes.VanDerPol(0.7, 1.5, 0.6),
    "fitzhugh_nagumo": lambda: processes.FitzHughNagumo(0.4, 1.5, 0.8, 0.1, 0.6),
    "lorenz63": lambda: processes.Lorenz63(10.0, 28.0, 8 / 3, 0.5),
    "lotka_volterra": lambda: processes.LotkaVolterra(1.0, 0.5, 0.8, 0.2, 0.3, 0.4),
    "heston": lambda: processes.Heston(0.05, 1.5, 0.09, 0.4, -0.6),
    "stochastic_sir": lambda: processes.StochasticSIR(2.0, 0.5, 0.1, 0.2),
    "brusselator": lambda: processes.Brusselator(1.9, 0.1),
    "ait_sahalia": lambda: processes.AitSahalia(0.02, 0.1, -0.2, -0.3, 0.01, 0.02, 0.05, 1.5),
    "cev": lambda: processes.CEV(0.1, 0.4, 0.8),
    "ckls": lambda: processes.CKLS(0.4, -0.5, 0.3, 0.75),
    "cox_ingersoll_ross": lambda: processes.CoxIngersollRoss(0.8, 1.0, 0.4),
    "feller_diffusion": lambda: processes.FellerDiffusion(0.3, 0.4, 0.6),
    "general_hyperbolic": lambda: processes.GeneralHyperbolic(0.6, 2.0, 0.7, 0.3, 0.9),
    "general_linear": lambda: processes.GeneralLinear(0.4, -0.5, 0.3, 0.2),
    "ginzburg_landau": lambda: processes.GinzburgLandau(1.0, 0.8, 0.6),
    "gompertz": lambda: processes.Gompertz(0.5, 0.7, 0.4),
    "hyperbolic": lambda: processes.Hyperbolic(1.1, 0.7, 0.9),
    "inhomogeneous_geometric_brownian_motion": (
        lambda: processes.InhomogeneousGeometricBrownianMotion(0.8, 0.5, 0.6)
    ),
    "inverse_feller": lambda: processes.InverseFeller(0.8, 1.0, 0.4),
    "jacobi": lambda: processes.Jacobi(1.0, 0.4, 0.5),
    "kessler_sorensen": lambda: processes.KesslerSorensen(1.0, 0.8),
    "logistic": lambda: processes.Logistic(1.0, 0.5, 0.6),
    "modified_cox_ingersoll_ross": lambda: processes.ModifiedCoxIngersollRoss(1.0, 0.6),
    "nonlinear_sde": lambda: processes.NonlinearSDE(0.02, 0.1, -0.2, -0.3, 0.01, 0.02, 0.3, 1.5),
    "pearl_verhulst": lambda: processes.PearlVerhulst(0.5, 2.0, 0.6),
    "pearson": lambda: processes.Pearson(0.9, 0.8, 0.25, 0.1, 0.0),
    "radial_ornstein_uhlenbeck": lambda: processes.RadialOrnsteinUhlenbeck(1.0, 0.8, 0.7),
    "three_halves": lambda: processes.ThreeHalves(2.0, 0.5, 0.8),
    "extrapolated": extrapolated,
    "network": network,
    "kernel": kernel,
    "binned": binned,
    "polynomial": lambda: processes.PolynomialDiffusion(
        [[0.1, -1.0, 0.2], [0.0, 0.3, -0.5]], factor=FACTOR
    ),
    "jump_diffusion": lambda: processes.JumpDiffusion(
        OrnsteinUhlenbeck(0.5, 0.0, 0.7), 1.5, [0.1], [[1.2]]
    ),
    "gaussian_process": gaussian_process,
    "covariate_network": covariate_network,
}


@pytest.fixture(scope="module", params=sorted(PROCESS_TYPES))
def process(request):
    return MAKERS[request.param]()


def inside(domain, free):
    """Move numbers in [-1.5, 1.5] into the domain of the process, one column a coordinate."""
    columns = []
    for (low, high), column in zip(domain, free.T, strict=True):
        if np.isfinite(low) and np.isfinite(high):
            columns.append(low + (high - low) * (column + 2.0) / 4.0)
        elif np.isfinite(low) or np.isfinite(high):
            columns.append(low + np.exp(column) if np.isfinite(low) else high - np.exp(column))
        else:
            columns.append(column)
    return np.column_stack(columns)


@pytest.fixture
def states(process):
    return inside(process.domain, np.random.default_rng(1).uniform(-1.5, 1.5, (7, process.dim)))


def test_every_registered_type_is_under_contract():
    assert set(MAKERS) == set(PROCESS_TYPES)


def test_coefficients_have_one_row_a_state(process, states):
    n, d = states.shape
    assert process.drift(states, 0.3).shape == (n, d)
    sigma = process.diffusion(states, 0.3)
    assert sigma.shape == (n, d, process.noise_dim)
    assert process.covariance(states, 0.3).shape == (n, d, d)


def test_covariance_rate_is_the_square_of_the_diffusion(process, states):
    sigma = process.diffusion(states, 0.3)
    square = sigma @ np.swapaxes(sigma, 1, 2)
    np.testing.assert_allclose(process.covariance(states, 0.3), square, rtol=1e-10, atol=1e-12)


def test_a_state_alone_has_the_coefficients_it_has_in_a_batch(process, states):
    alone = np.vstack([process.drift(row[None, :], 0.3) for row in states])
    np.testing.assert_allclose(alone, process.drift(states, 0.3), rtol=1e-12, atol=1e-14)


def test_storage_gives_the_same_coefficients_back(process, states):
    config, arrays = process.to_dict()
    again = process_from_dict(json.loads(json.dumps(config)), arrays)
    np.testing.assert_array_equal(again.drift(states, 0.3), process.drift(states, 0.3))
    np.testing.assert_array_equal(again.covariance(states, 0.3), process.covariance(states, 0.3))
    assert (again.clock, again.noise, again.dim) == (process.clock, process.noise, process.dim)


def test_pickling_gives_the_same_coefficients_back(process, states):
    again = pickle.loads(pickle.dumps(process))
    np.testing.assert_array_equal(again.drift(states, 0.3), process.drift(states, 0.3))


def test_parameters_come_back_from_their_vector(process, states):
    again = process.from_vector(process.to_vector()) if process.free_parameters else process
    assert again.free_parameters == process.free_parameters
    np.testing.assert_allclose(
        again.covariance(states, 0.3), process.covariance(states, 0.3), rtol=1e-12
    )


def test_domain_is_an_interval_for_each_coordinate(process, states):
    assert len(process.domain) == process.dim
    assert all(low < high for low, high in process.domain)
    assert np.all(np.isfinite(process.drift(states, 0.3)))
    assert np.all(np.isfinite(process.diffusion(states, 0.3)))


def test_exact_steps_are_offered_or_refused(process, states):
    m = process.exact_normals
    if m is None:
        with pytest.raises(st.SchemeError, match="no exact step"):
            process.exact_step(states, 0.0, 0.1, 0.1, np.zeros((7, 1)))
        return
    moved = process.exact_step(states, 0.0, 0.1, 0.1, np.ones((7, m)))
    assert moved.shape == states.shape
    low, high = np.array(process.domain).T
    assert np.all((moved >= low) & (moved <= high))


def test_wrong_width_of_states_is_refused(process):
    with pytest.raises(st.InputError, match="shape"):
        process.drift(np.zeros((3, process.dim + 1)))


def test_simulation_starts_where_it_is_told_and_repeats(process):
    x0 = np.full(process.dim, 0.4)
    options = {"dt": 0.05, "n_steps": 6, "n_paths": 2, "random_state": 3}
    simulate = simulate_jumps if process.noise == "jump" else st.simulate
    first = simulate(process, x0, **options)
    np.testing.assert_array_equal(first.values[first.offsets[:-1]], np.tile(x0, (2, 1)))
    np.testing.assert_array_equal(first.values, simulate(process, x0, **options).values)
