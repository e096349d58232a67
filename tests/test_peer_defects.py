"""Defects of other packages that a user would not see, and that must not be here.

Most have their test beside the code that it concerns; here stand those that concern several
parts, or that only a whole fit shows. Each test names package and version.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import stochtext as st
from stochtext.transitions import ExactDensity, HermiteDensity, transition_density
from stochtext.transitions.registry import DENSITIES

RATES = st.CoxIngersollRoss(0.8, 1.0, 0.4)
NONE_HERE = {"jump_euler", "strang"}  # for processes with jumps, or with additive noise
SCALAR = sorted(set(DENSITIES) - NONE_HERE)


@pytest.fixture(scope="module")
def rates():
    return st.simulate(RATES, 1.0, dt=0.1, n_steps=2000, scheme="exact", random_state=3)


@pytest.mark.parametrize("order", [2, 3, 4])
def test_expansion_of_the_square_root_process_is_of_high_order(rates, order):
    """pymle-diffusion 0.0.9: 1535.595 where the exact sum of 2000 steps is 1537.439.

    That is 9.2e-4 a step, at kappa = .8, mu = 1, sigma = .4, dt = .1; R's sde 2.0.18,
    HPloglik, is 5.7e-6 a step off (1537.428).
    """
    s = rates.transitions()
    exact = ExactDensity().log_density(RATES, s.x, s.x_next, 0.0, 0.1)
    found = HermiteDensity(order).log_density(RATES, s.x, s.x_next, 0.0, 0.1)
    assert np.isfinite(found).all()
    limit = {2: 5e-5, 3: 2e-6, 4: 1e-7}[order]
    assert abs(np.mean(found - exact)) < limit
    assert np.sqrt(np.mean((found - exact) ** 2)) < 3 * limit


@pytest.mark.parametrize("name", SCALAR)
def test_an_impossible_row_is_never_floored(name):
    """pymle-diffusion 0.0.9 floors every density at 1e-30: an impossible row costs 69.1.

    No density here gives that to a row that it cannot explain, and no likelihood with such a
    row is finite; those with Gaussian steps hold all states for possible, at a price.
    """
    x, y = np.array([1.0, 1.0, 0.9]), np.array([1.1, -30.0, 1.0])
    density = transition_density(name)
    rows = density.log_density(RATES, x, y, 0.0, 0.1)
    assert np.isfinite(rows[[0, 2]]).all()
    assert rows[1] == -np.inf or rows[1] < -1000.0
    value, _ = density.likelihood(RATES, x, y, 0.0, 0.1).value_and_gradient(RATES.to_vector())
    if np.isneginf(rows[1]):
        assert value == np.inf
    else:
        assert value == pytest.approx(-rows.sum(), rel=1e-8)


@pytest.mark.parametrize("density", ["exact", "hermite", "spectral", "simulated"])
def test_a_fit_to_impossible_data_is_refused(rates, density):
    """The same floor lets pymle-diffusion 0.0.9 fit a square-root process to negative states."""
    states = rates.values.copy()[:200]
    states[100] = -0.5
    with pytest.raises(st.InputError, match="row 100.*domain"):
        st.ParametricSDE(st.CoxIngersollRoss(), density).fit(states, dt=0.1)


def test_a_density_far_in_the_tail_is_small_and_not_the_floor():
    """A state 30 standard deviations away has a log density of -450, not of log(1e-30) = -69."""
    process = st.OrnsteinUhlenbeck(1.0, 0.5, 0.6)
    far = 0.5 + 30.0 * 0.6 * np.sqrt(-np.expm1(-0.2) / 2.0)
    exact = ExactDensity().log_density(process, [0.5], [far], 0.0, 0.1)[0]
    scale = 0.36 * -np.expm1(-0.2) / 2.0
    assert exact == pytest.approx(-0.5 * np.log(2 * np.pi * scale) - 450.0, rel=1e-12)


def test_constant_diffusion_and_long_steps_can_be_asked_for():
    """pydaddy 1.0.0 takes order 0 for "not given", and raises a shape error at dt = 2."""
    path = st.simulate(
        st.OrnsteinUhlenbeck(0.1, 0.0, 0.5), 0.0, dt=2.0, n_steps=4000, scheme="exact",
        random_state=1,
    )  # fmt: skip
    results = st.SparseSDE(degree=0, selection=None).fit(path).results_
    change = np.diff(path.values[:, 0])
    assert results.params["drift[0,0]"] == pytest.approx(change.mean() / 2.0, abs=1e-12)
    assert results.params["factor[0,0]"] ** 2 == pytest.approx(np.mean(change**2) / 2.0, rel=1e-3)
    assert st.KramersMoyalSDE().fit(path).results_.coefficients["D2"].notna().any()


def test_importing_the_package_silences_no_warnings():
    """pydaddy 1.0.0 calls warnings.filterwarnings("ignore") when it is imported."""
    code = (
        "import warnings, stochtext as st\n"
        "for name in dir(st): getattr(st, name, None)\n"
        "everything = ('ignore', None, Warning, None)\n"
        "assert everything not in [f[:4] for f in warnings.filters]\n"
    )
    subprocess.run([sys.executable, "-W", "default", "-c", code], check=True, timeout=120)


def test_noise_of_a_panel_takes_no_boundary_for_an_increment():
    """pydaddy 1.0.0 joins trials before it takes residuals, and kramersmoyal 0.4.1 has no trials.

    Trajectories far apart then look like a diffusion that is orders of magnitude too large.
    """
    process = st.OrnsteinUhlenbeck(1.0, 0.0, 0.5)
    starts = 100.0 * np.arange(30.0)
    paths = [
        st.simulate(process, 0.0, dt=0.05, n_steps=100, random_state=k).values + starts[k]
        for k in range(30)
    ]
    joined = np.mean(np.diff(np.concatenate(paths)[:, 0]) ** 2) / 0.05
    assert joined > 100.0
    for model in (
        st.KramersMoyalSDE(bins=[np.array([-100.0, 1e4])]), st.SparseSDE(degree=0),
        st.ParametricSDE(st.processes.BrownianMotion(), "euler"),
    ):  # fmt: skip
        rate = model.fit(paths, dt=0.05).predict_covariance([[1000.0]])[0, 0, 0]
        assert rate == pytest.approx(0.25, rel=0.1)
