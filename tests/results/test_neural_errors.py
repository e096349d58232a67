from __future__ import annotations

import json

import numpy as np
import pytest

from stochtext.processes.fitted.networks.network import NetworkProcess
from stochtext.results.inference.curves.ensemble_errors import (
    EnsembleErrors,
    LogarithmicEstimate,
    factor_coordinates,
)
from stochtext.results.inference.curves.network_features import network_features
from stochtext.results.inference.curves.restoring import curve_errors_from_dict
from stochtext.results.neural import COVERAGE, MEASURED

D, HIDDEN, MEMBERS = 2, 3, 2


@pytest.fixture
def process() -> NetworkProcess:
    draw = np.random.default_rng(0).standard_normal
    ones = np.ones(D)
    arrays = {
        "centre": 0.1 * ones, "spread": 1.3 * ones, "drift_unit": 2.0 * ones,
        "noise_unit": np.array([0.7, 0.4]),
        "drift.slope": draw((MEMBERS, D, D)), "drift.intercept": draw((MEMBERS, 1, D)),
        "covariance.log_scale": 0.2 * draw((MEMBERS, 1, D)),
        "covariance.lower": 0.5 * draw((MEMBERS, 1, 1)),
        "covariance.layer0.weight": draw((MEMBERS, D, HIDDEN)),
        "covariance.layer0.bias": draw((MEMBERS, 1, HIDDEN)),
        "covariance.layer1.weight": 0.3 * draw((MEMBERS, HIDDEN, D + 1)),
    }  # fmt: skip
    return NetworkProcess(arrays)


@pytest.fixture
def errors(process: NetworkProcess) -> EnsembleErrors:
    draw = np.random.default_rng(1).standard_normal
    weights = {
        "drift": 0.1 * draw((4, D, 1 + D)).astype(np.float32),
        "covariance": 0.03 * draw((5, 3, 1 + D + MEMBERS * HIDDEN)).astype(np.float32),
    }
    return EnsembleErrors(process, weights, df=np.inf)


STATES = np.array([[0.0, 0.0], [0.5, -1.0], [1.5, 0.7]])
CLOCK = np.zeros(3)


def test_a_linear_drift_has_linear_features_and_a_network_its_last_units(process) -> None:
    linear = network_features(process, "drift", STATES, CLOCK)
    np.testing.assert_allclose(linear, np.hstack([np.ones((3, 1)), (STATES - 0.1) / 1.3]))
    features = network_features(process, "covariance", STATES, CLOCK)
    arrays = process.arrays
    hidden = np.tanh(
        linear[:, 1:] @ arrays["covariance.layer0.weight"][1] + arrays["covariance.layer0.bias"][1]
    )
    np.testing.assert_allclose(features[:, -HIDDEN:], hidden)


def test_standard_errors_are_those_of_draws(errors) -> None:
    drawn = errors.draws(1500, random_state=3)
    for which in ("drift", "covariance"):
        _, se, reason = getattr(errors, which)(STATES, CLOCK)
        assert reason is None
        values = np.array([getattr(one, which)(STATES) for one in drawn])
        # 1500 draws: 2 % of a standard deviation; curvature of the factor adds to it
        np.testing.assert_allclose(values.std(axis=0), se, rtol=0.12)


def test_draws_of_the_covariance_rate_are_positive_definite(process) -> None:
    weights = {
        "drift": np.zeros((1, D, 1 + D)),
        "covariance": np.full((3, 3, 1 + D + MEMBERS * HIDDEN), 0.5),
    }
    for one in EnsembleErrors(process, weights).draws(30, random_state=0):
        assert np.linalg.eigvalsh(one.covariance(STATES)).min() > 0


def test_joint_covariance_has_the_squared_errors_on_its_diagonal(errors) -> None:
    for which in ("drift", "covariance"):
        _, se, _ = getattr(errors, which)(STATES, CLOCK)
        joint = errors.joint_covariance(STATES, which)
        diagonal = np.sqrt(np.diagonal(joint, axis1=1, axis2=2)).T
        np.testing.assert_allclose(diagonal, se.reshape(3, -1))


def test_factor_coordinates_undo_what_they_describe() -> None:
    rng = np.random.default_rng(2)
    lower = np.tril(rng.normal(size=(4, 3, 3))) + 2 * np.eye(3)
    triangle = np.tril(rng.normal(size=(4, 3, 3)))
    half = lower @ triangle @ lower.transpose(0, 2, 1)
    moves = half + half.transpose(0, 2, 1)
    found = factor_coordinates(moves[..., None], lower)[..., 0]
    rows, columns = np.tril_indices(3)
    np.testing.assert_allclose(found, triangle[:, rows, columns], atol=1e-12)


def test_intervals_of_variances_are_positive_and_symmetric_for_the_logarithm() -> None:
    rate = np.array([[[1.0, 0.3], [0.3, 0.5]]])
    curve = LogarithmicEstimate(rate, np.full((1, 2, 2), 0.8), columns=("a", "b"))
    ends = curve.conf_int()[0]
    assert ends[0, 0, 0] > 0
    assert ends[1, 1, 0] > 0
    assert ends[0, 0, 0] * ends[0, 0, 1] == pytest.approx(1.0)
    assert ends[0, 1].mean() == pytest.approx(0.3)
    inside = curve.among(np.array([False, True]), "outside")
    assert isinstance(inside, LogarithmicEstimate)
    assert np.isnan(inside.conf_int()[0]).all()
    np.testing.assert_allclose(inside.conf_int()[1], ends)


def test_errors_come_back_from_a_file(errors, process) -> None:
    again = curve_errors_from_dict(*errors.to_dict(), process)
    np.testing.assert_array_equal(
        again.covariance(STATES, CLOCK)[1], errors.covariance(STATES, CLOCK)[1]
    )
    assert again.method == "ensemble"


def test_a_curve_without_errors_says_why_and_gives_no_draws(process) -> None:
    weights = {"drift": np.zeros((1, D, 3)), "covariance": np.zeros((1, 3, 9))}
    errors = EnsembleErrors(process, weights, reasons={"drift": "too few"})
    _, se, reason = errors.drift(STATES, CLOCK)
    assert np.isnan(se).all()
    assert reason == "too few"
    assert errors.draws(5, random_state=0) == []


@pytest.mark.parametrize("method", MEASURED)
def test_coverage_that_summaries_claim_is_that_of_the_stored_study(project_root, method):
    record = json.loads((project_root / COVERAGE).read_text("utf-8"))
    others = tuple(f", {name}" for name in MEASURED if name != "ensemble")
    designs = {
        name: design
        for name, design in record["designs"].items()
        if (name.endswith(f", {method}") if method != "ensemble" else not name.endswith(others))
    }
    assert len(designs) == {"ensemble": 5}.get(method, 1)
    curves = [d[which] for d in designs.values() for which in ("drift", "covariance")]
    means = [curve["coverage"] for curve in curves]
    assert record["samples"] >= 200
    assert f"{100 * min(means):.0f} to {100 * max(means):.0f} %" in MEASURED[method]
    lowest = 100 * min(curve["lowest point"] for curve in curves)
    assert f"no fewer than {int(lowest)} %" in MEASURED[method]
