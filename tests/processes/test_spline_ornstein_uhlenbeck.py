"""The process whose mean is a spline: its transition is the integral that defines it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg
from scipy.integrate import quad_vec
from scipy.interpolate import CubicSpline

import stochtext as st
from stochtext.processes import SplineOrnsteinUhlenbeck, process_from_dict

KAPPA = np.array([[1.0, 0.4], [-0.3, 0.6]])
KNOTS = [0.0, 0.3, 0.7, 1.0]
LEVELS = np.random.default_rng(0).standard_normal((4, 2))
PROCESS = SplineOrnsteinUhlenbeck(KAPPA, LEVELS, 0.3 * np.eye(2), knots=KNOTS)


def test_mean_is_scipys_natural_spline_and_straight_outside():
    u = np.linspace(0.0, 1.0, 41)
    theirs = CubicSpline(KNOTS, LEVELS, bc_type="natural")
    np.testing.assert_allclose(PROCESS.mean_level(u), theirs(u), atol=1e-13)
    beyond = PROCESS.mean_level([1.0, 1.5, 2.0])
    np.testing.assert_allclose(np.diff(beyond, 2, axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(beyond[1] - beyond[0], 0.5 * theirs(1.0, 1), atol=1e-12)


@pytest.mark.parametrize(
    ("t", "dt", "clock_dt"), [(0.1, 0.7, 0.15), (0.25, 2.0, 0.6), (0.9, 1.0, 0.3), (0.3, 5.0, 0.4)]
)
def test_transition_mean_is_the_integral_over_the_moving_mean(t, dt, clock_dt):
    x = np.array([[0.4, -1.0]])
    mean, covariance = PROCESS.transition_moments(x, dt, t, clock_dt)

    def pull(s):
        decay = linalg.expm(-KAPPA * (dt - s))
        return decay @ KAPPA @ PROCESS.mean_level([t + clock_dt / dt * s])[0]

    points = [(k - t) * dt / clock_dt for k in KNOTS if t < k < t + clock_dt]
    integral = quad_vec(pull, 0, dt, epsabs=1e-13, epsrel=1e-13, points=points or None)[0]
    np.testing.assert_allclose(mean[0], linalg.expm(-KAPPA * dt) @ x[0] + integral, atol=1e-12)
    stationary = linalg.solve_continuous_lyapunov(KAPPA, 0.09 * np.eye(2))
    phi = linalg.expm(-KAPPA * dt)
    np.testing.assert_allclose(covariance[0], stationary - phi @ stationary @ phi.T, atol=1e-13)


def test_simulated_mean_is_that_of_the_transitions():
    paths = st.simulate(PROCESS, [0.0, 0.0], dt=0.05, n_steps=20, n_paths=4000, n_substeps=20,
                        random_state=1)  # fmt: skip
    ends = paths.values[paths.offsets[1:] - 1]
    mean = np.zeros((1, 2))
    for k in range(20):
        mean = PROCESS.transition_moments(mean, 0.05, k / 20, 1 / 20)[0]
    error = ends.std(axis=0) / np.sqrt(4000)
    # Substeps of 0.0025 leave a bias of 0.003 at most.
    assert np.all(np.abs(ends.mean(axis=0) - mean[0]) < 4 * error + 0.003)


def test_machine_code_and_formulas_are_the_drift():
    states = np.random.default_rng(2).standard_normal((6, 2))
    clock = np.array([-0.1, 0.0, 0.2, 0.5, 0.9, 1.2])
    level = PROCESS.mean_level(clock)
    np.testing.assert_allclose(PROCESS.drift(states, clock), (level - states) @ KAPPA.T, atol=1e-13)
    assert PROCESS.formulas() is not None
    symbols = {"levels": PROCESS.params["levels"]}
    traced = np.array([PROCESS._level_formula(t, symbols) for t in clock])
    np.testing.assert_allclose(traced, level, atol=1e-13)


def test_dictionary_and_vector_restore_the_process():
    again = process_from_dict(*PROCESS.to_dict())
    np.testing.assert_array_equal(again.to_vector(), PROCESS.to_vector())
    np.testing.assert_array_equal(again.knots, PROCESS.knots)
    moved = PROCESS.from_vector(PROCESS.to_vector() + 1.0)
    np.testing.assert_allclose(moved.params["levels"], LEVELS + 1.0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"knots": [0.0]}, "two or more"),
        ({"knots": [0.0, 0.0, 1.0]}, "increase"),
        ({"knots": [0.0, np.inf]}, "finite"),
        ({"levels": [1.0, 2.0], "knots": [0.0, 0.5, 1.0]}, "one row for each of the 3 knots"),
    ],
)
def test_bad_knots_are_refused(arguments, said):
    with pytest.raises(st.InputError, match=said):
        SplineOrnsteinUhlenbeck(**arguments)


def test_a_relative_clock_needs_its_step():
    with pytest.raises(st.InputError, match="clock_dt"):
        PROCESS.transition_moments([[0.0, 0.0]], 0.1, 0.0)
