"""Derivatives of recorded functions against closed forms and against many-digit differences."""

import math

import mpmath
import numpy as np
import pytest

from stochtext.processes import SDE
from stochtext.processes.compiled.tracing.differentiation import derivatives
from stochtext.processes.compiled.tracing.evaluation import evaluated
from stochtext.processes.compiled.tracing.expression import Graph, Untraceable

STATES = np.array([0.21, 0.5, 0.83])


@pytest.mark.parametrize(
    ("name", "exact"),
    [
        ("sqrt", mpmath.sqrt),
        ("cbrt", mpmath.cbrt),
        ("exp", mpmath.exp),
        ("expm1", mpmath.expm1),
        ("exp2", lambda x: mpmath.power(2, x)),
        ("log", mpmath.log),
        ("log1p", mpmath.log1p),
        ("log2", lambda x: mpmath.log(x, 2)),
        ("log10", mpmath.log10),
        ("tanh", mpmath.tanh),
        ("sinh", mpmath.sinh),
        ("cosh", mpmath.cosh),
        ("sin", mpmath.sin),
        ("cos", mpmath.cos),
        ("tan", mpmath.tan),
        ("arctan", mpmath.atan),
        ("arcsin", mpmath.asin),
        ("arccos", mpmath.acos),
        ("arcsinh", mpmath.asinh),
        ("arctanh", mpmath.atanh),
        ("erf", mpmath.erf),
        ("erfc", mpmath.erfc),
        ("abs", abs),
        ("neg", lambda x: -x),
    ],
)
def test_derivative_of_each_function(name, exact):
    graph = Graph()
    x = graph.symbol("x", 0)
    slope = derivatives([graph.apply(name, x)], x)
    found = evaluated(slope, np.zeros(3), STATES[:, None], np.zeros(0))[:, 0]
    np.testing.assert_allclose(found, [float(mpmath.diff(exact, z)) for z in STATES], rtol=1e-13)


@pytest.mark.parametrize(
    ("formula", "slope"),
    [
        (lambda x: x**3 - 2 * x, lambda x: 3 * x**2 - 2),
        (lambda x: x * x * x, lambda x: 3 * x**2),
        (lambda x: x**-2.5, lambda x: -2.5 * x**-3.5),
        (lambda x: 2.0**x, lambda x: math.log(2.0) * 2.0**x),
        (lambda x: x**x, lambda x: x**x * (np.log(x) + 1)),
        (lambda x: 1 / x, lambda x: -1 / x**2),
        (lambda x: (x - 1) / (x + 1), lambda x: 2 / (x + 1) ** 2),
        (lambda x: 3 / (x * x), lambda x: -6 / x**3),
        (lambda x: (2 * x) % 0.7, lambda x: 2.0 + 0 * x),
        (lambda x: x // 0.3 + x, lambda x: 1.0 + 0 * x),
        (lambda x: abs(x - 0.5) * 2, lambda x: 2 * np.sign(x - 0.5)),
    ],
)
def test_derivative_of_formula(formula, slope):
    graph = Graph()
    x = graph.symbol("x", 0)
    states = np.array([0.2, 0.6, 0.9])
    rows = derivatives([formula(x)], x)
    found = evaluated(rows, np.zeros(3), states[:, None], np.zeros(0))[:, 0]
    np.testing.assert_allclose(found, slope(states), rtol=1e-14)


def test_functions_of_two_numbers():
    graph = Graph()
    x, y = graph.symbol("x", 0), graph.symbol("x", 1)
    states = np.array([[0.3, 2.0], [-1.2, 0.7]])
    a, b = states.T
    square = a * a + b * b
    expected = {
        "arctan2": (b / square, -a / square),
        "hypot": (a / np.sqrt(square), b / np.sqrt(square)),
        "copysign": (np.sign(a), 0 * a),
    }
    for name, slopes in expected.items():
        for symbol, slope in zip((x, y), slopes, strict=True):
            (row,) = derivatives([graph.apply(name, x, y)], symbol)
            found = evaluated([row], np.zeros(2), states, np.zeros(0))[:, 0]
            np.testing.assert_allclose(found, slope, rtol=1e-14)


def test_each_branch_has_its_own_derivative(run_text):
    process = SDE(lambda t, x: x**2 if x > 0 else -3 * x, lambda t, x: 1.0)
    x = np.array([[2.0], [-2.0]])
    found = run_text(process.machine_code(), "jacobian", 0.0, x, 1)
    np.testing.assert_array_equal(found[:, 0], [4.0, -3.0])


def test_jacobian_of_the_drift_is_row_by_row(run_text):
    process = SDE(
        lambda t, x, s, r: [s * (x[1] - x[0]), x[0] * (r - x[2]) - x[1], x[0] * x[1] - x[2]],
        lambda t, x: 0.1,
        params={"s": 10.0, "r": 28.0},
        dim=3,
    )
    x = np.array([[1.0, 2.0, 3.0]])
    found = run_text(process.machine_code(), "jacobian", 0.0, x, 9)
    expected = [[-10, 10, 0], [25, -1, -1], [2, 1, -1]]
    np.testing.assert_allclose(found.reshape(3, 3), expected, rtol=1e-15)


def test_correction_of_diagonal_noise_is_sigma_times_its_slope(run_text):
    process = SDE(
        lambda t, x: -x, lambda t, x, s: [s * x[0] * x[1], np.exp(x[1])], params={"s": 0.3}, dim=2
    )
    x = np.array([[0.5, 1.5], [-2.0, 0.1]])
    found = run_text(process.machine_code(), "correction", 0.0, x, 2)
    expected = np.column_stack([0.09 * x[:, 0] * x[:, 1] ** 2, np.exp(2 * x[:, 1])])
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("diffusion", "expected"),
    [
        (lambda t, x, s: s * math.sqrt(x), lambda x, s: s**2 / 2 + 0 * x),
        (lambda t, x, s: s * x**1.5, lambda x, s: 1.5 * s**2 * x**2),
        (lambda t, x, s: s * np.sqrt(x * (1 - x)), lambda x, s: s**2 * (1 - 2 * x) / 2),
        (lambda t, x, s: math.sqrt(s * max(x, 0.0)), lambda x, s: s / 2 + 0 * x),
        (lambda t, x, s: s * x**0.5 + 0.0, lambda x, s: s**2 / 2 + 0 * x),
    ],
)
def test_correction_has_a_value_where_a_root_is_zero(diffusion, expected, run_text):
    process = SDE(lambda t, x: -x, diffusion, params={"s": 0.3})
    x = np.array([[0.0], [0.25], [0.9]])
    found = run_text(process.machine_code(), "correction", 0.0, x, 1)
    np.testing.assert_allclose(found[:, 0], expected(x[:, 0], 0.3), rtol=1e-14, atol=1e-300)


def test_correction_of_a_power_is_one_power():
    process = SDE(
        lambda t, x: -x, lambda t, x, s, g: s * x**g, params={"s": 0.3, "g": 0.7}, noise="diagonal"
    )
    correction = process.machine_code().text.split("def correction")[1].split("@kernel")[0]
    assert correction.count("power(") == 1


def test_correction_of_general_noise_sums_over_coordinates(run_text):
    def sigma(x):
        return np.array([[x[0] * x[1], 0.5, x[1] ** 2], [np.sin(x[0]), x[0], 1.0]])

    process = SDE(
        lambda t, x: -x,
        lambda t, x: [[x[0] * x[1], 0.5, x[1] ** 2], [math.sin(x[0]), x[0], 1.0]],
        dim=2,
        noise="general",
    )
    x = np.array([[0.4, -1.1]])
    found = run_text(process.machine_code(), "correction", 0.0, x, 18).reshape(3, 2, 3)
    a, b = x[0]
    slopes = np.array([[[b, a], [0, 0], [0, 2 * b]], [[np.cos(a), 0], [1, 0], [0, 0]]])  # (j, q, k)
    expected = np.einsum("kp,jqk->pjq", sigma(x[0]), slopes)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_correction_of_heston_noise_has_a_value_at_zero_variance(run_text):
    process = SDE(
        lambda t, x: -x,
        lambda t, x: [[math.sqrt(x[1]) * x[0], 0.0], [0.2 * math.sqrt(x[1]), math.sqrt(x[1])]],
        dim=2,
        noise="general",
    )
    found = run_text(process.machine_code(), "correction", 0.0, np.array([[2.0, 0.0]]), 8)
    # p = 0: sigma_k0 d sigma_jq / d x_k; every root cancels against one below the line.
    expected = [[[0.2, 0.0], [0.02, 0.1]], [[1.0, 0.0], [0.1, 0.5]]]
    np.testing.assert_allclose(found.reshape(2, 2, 2), expected, rtol=1e-15, atol=1e-300)


def test_additive_noise_has_no_correction(run_text):
    process = SDE(lambda t, x: -x, lambda t, x: 2.0 + t, noise="additive")
    assert run_text(process.machine_code(), "correction", 1.0, np.ones((1, 1)), 1) == 0.0


def test_function_without_a_rule_leaves_the_derivative_to_others():
    graph = Graph()
    x = graph.symbol("x", 0)
    with pytest.raises(Untraceable, match="no derivative of gamma"):
        derivatives([graph.apply("gamma", x)], x)
    process = SDE(lambda t, x: -math.gamma(x), lambda t, x: x)
    assert process.machine_code().provides == {"correction"}
