"""Intervals of numbers that follow from the fitted process: rotation and stability."""

from __future__ import annotations

import numpy as np
import pytest

import stochtext as st
from stochtext.analysis.fields.rotation import rotation_quantities
from stochtext.analysis.process.lyapunov import largest_exponent, stability
from stochtext.results.inference.derived.spread import spread_of


def _turning(turn: float, seed: int) -> st.Trajectories:
    kappa = np.array([[0.5, -turn], [turn, 0.5]])
    process = st.OrnsteinUhlenbeck(kappa, np.zeros(2), 0.6 * np.eye(2))
    start = 0.6 * np.random.default_rng(seed).standard_normal((40, 2))
    return st.simulate(process, start, dt=1.0, n_steps=20, scheme="exact", random_state=seed)


def _rotation(turn: float, seed: int = 0):
    panel = _turning(turn, seed)
    fit = st.LinearSDE().fit(panel).results_
    return rotation_quantities(fit, panel.values, 0.0, spread_of(fit, 200, 0, None), 0.05)[0]


def test_interval_of_the_rotation_begins_at_zero_where_there_is_none():
    found = _rotation(0.0)
    assert found.pvalue > 0.05
    assert found.lower == 0.0
    assert found.upper > found.estimate > 0.0


def test_rotation_that_is_there_is_found_and_measured():
    found = _rotation(0.3)
    assert found.pvalue < 0.01
    # of an isotropic law: turn**2 / (turn**2 + rate**2)
    assert 0.0 < found.lower < 0.09 / 0.34 < found.upper


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_interval_of_a_lyapunov_exponent_holds_its_estimate_and_the_true_one(seed):
    well, root = st.DoubleWell(1.0, 1.0, 0.7), np.random.SeedSequence(seed)
    start = np.random.default_rng(seed).choice([-1.0, 1.0], (20, 1))
    panel = st.simulate(well, start, dt=0.1, n_steps=100, n_substeps=10, random_state=seed)
    fit = st.ParametricSDE(st.DoubleWell(), density="shoji_ozaki").fit(panel).results_
    spread = spread_of(fit, 100, root, None)
    found = stability(fit.process, panel, "", spread, 100, root, 0.05)
    assert found.lower < found.estimate < found.upper
    # E[b'(X)] under the stationary law, by quadrature
    x = np.linspace(-3, 3, 6001)
    density = np.exp((x**2 - x**4 / 2) / 0.49)
    exact = np.sum((1 - 3 * x**2) * density) / density.sum()
    assert found.lower < exact < found.upper


def test_exponent_of_a_double_well_is_the_mean_slope_of_its_drift():
    well, x = st.DoubleWell(1.0, 1.0, 0.7), np.linspace(-3, 3, 6001)
    density = np.exp((x**2 - x**4 / 2) / 0.49)
    exact = np.sum((1 - 3 * x**2) * density) / density.sum()
    states = np.array([[1.0], [-1.0]])
    value, error = largest_exponent(well, states, 0.1, 600, np.random.SeedSequence(1))
    assert value == pytest.approx(exact, abs=4 * error)
    assert error < 0.05
