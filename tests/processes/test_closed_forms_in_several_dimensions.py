"""Closed forms in several dimensions against simulated paths: within four standard errors."""

import numpy as np
import pytest

import stochtext as st
from stochtext.processes import BrownianMotion, Duffing, GeometricBrownianMotion, Heston

N_PATHS = 20000
STEPS = 200
ROOT = np.array([[0.4, 0.0], [-0.2, 0.3]])
CASES = {
    "brownian": (BrownianMotion([0.1, -0.3], ROOT), [0.5, 1.0]),
    "geometric": (GeometricBrownianMotion([0.1, -0.3], ROOT), [0.5, 1.0]),
    # Feller's ratio 2 kappa theta / xi^2 = 6.75: no Euler step comes near zero.
    "heston": (Heston(0.05, 1.5, 0.09, 0.2, -0.6), [0.0, 0.2]),
}


def ends(process, x0, horizon, seed):
    panel = st.simulate(
        process, x0, dt=horizon / STEPS, n_steps=STEPS, n_paths=N_PATHS, save_every=STEPS,
        random_state=seed,
    )  # fmt: skip
    return panel.values[panel.offsets[1:] - 1]


def assert_moments(sample, mean, covariance):
    """Compare a sample's moments with those claimed, in standard errors of the sample."""
    n = len(sample)
    away = sample - mean
    np.testing.assert_array_less(np.abs(away.mean(axis=0)), 4 * sample.std(axis=0) / np.sqrt(n))
    products = away[:, :, None] * away[:, None, :]
    error = products.std(axis=0) / np.sqrt(n)
    np.testing.assert_array_less(np.abs(products.mean(axis=0) - covariance), 4 * error)


@pytest.mark.parametrize("name", sorted(CASES))
def test_conditional_moments_are_those_of_simulated_paths(name):
    process, x0 = CASES[name]
    sample = ends(process, x0, 0.5, seed=1)
    mean = process.conditional_mean([x0], 0.5)[0]
    assert_moments(sample, mean, process.conditional_covariance([x0], 0.5)[0])


def test_duffing_paths_forget_their_start_and_have_the_boltzmann_gibbs_moments():
    process = Duffing(0.5, 0.8, 1.5, 1.0)
    # After T = 8 the start weighs exp(-0.75 T) = 0.002; steps of 0.01 bias the variances
    # by less than one percent, which is one standard error.
    panel = st.simulate(
        process, [0.0, 0.0], dt=0.04, n_steps=200, n_paths=N_PATHS, save_every=200,
        n_substeps=4, random_state=2,
    )  # fmt: skip
    sample = panel.values[panel.offsets[1:] - 1]
    assert_moments(sample, process.stationary_mean(), process.stationary_covariance())
