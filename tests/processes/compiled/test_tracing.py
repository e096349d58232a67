"""Functions in many styles: the recorded code gives the numbers of Python."""

import functools
import math
import subprocess
import sys
from math import exp, tanh

import numba
import numpy as np
import numpy.linalg as la
import pytest

from stochtext.processes import SDE
from stochtext.processes.compiled.tracing.expression import Graph
from stochtext.processes.compiled.tracing.powers import multiplied_out
from stochtext.processes.compiled.tracing.source import traced_source
from stochtext.processes.compiled.tracing.tracer import trace

MATRIX = np.array([[1.0, -0.5], [0.7, 0.8]])
RATE = 0.7


def well(v):
    return v - v**3


def through_helpers(v):
    return RATE * well(v) if v > 0 else well(-v) / 2


def factorial_series(v, n=5):
    """Call itself, a bounded number of times."""
    return 1.0 if n == 0 else 1.0 + v / n * factorial_series(v, n - 1)


@numba.njit
def already_compiled(t, x):
    return -x * math.cosh(x / 10)


class Field:
    def __init__(self, strength):
        self.strength = strength

    def __call__(self, t, x):
        return -self.strength * np.sign(x) * abs(x) ** 1.5

    def method(self, t, x):
        return self.strength * math.atan(x)


def closure(rate):
    inner = well
    return lambda t, x: rate * inner(x) + math.pi


def local_import(t, x):
    import math as m

    from numpy import cos

    return m.sin(x) + cos(x * t)


def polynomial(t, x):
    total = 0.0
    for k in range(6):
        total += (-1) ** k * x**k / math.factorial(k)
    return total


def in_three_pieces(t, x):
    if x < -1:
        return -1.0 - x
    if -1 <= x < 1:
        return x * x
    return math.log(x) + 1


def assert_same(drift, run_text, dim=1, params=None, diffusion=None, low=-3.0, high=3.0):
    diffusion = diffusion or (lambda t, x: 1.0)
    process = SDE(drift, diffusion, dim=dim, params=params)
    source = process.machine_code()
    assert "@kernel" in source.text
    x = np.random.default_rng(5).uniform(low, high, size=(40, dim))
    for t in (0.0, 1.3):
        found = run_text(source, "drift", t, x, dim)
        np.testing.assert_allclose(found, process.drift(x, t), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    "drift",
    [
        lambda t, x: -math.tanh(x) + tanh(2 * x) * exp(-x * x),
        lambda t, x: 1.0 if x < 0 else -1.0,
        lambda t, x: x % 2.0 + x // 0.7,
        lambda t, x: max(x, 0.5, -x) - min(1.0, x),
        lambda t, x: max([x, t]) * 2,
        lambda t, x: np.maximum(x, 0.3) + np.minimum(x, -0.3) + np.clip(x, -1, 1),
        lambda t, x: np.where(x > 0.5, x**2, np.where(x < -0.5, -x, 0.25)),
        lambda t, x: math.copysign(1.0, x) * math.sqrt(abs(x)),
        lambda t, x: abs(x) ** 0.7 + (x * x) ** -1.5 + 2.0**x,
        lambda t, x: (abs(x) < 1) * x + (not x > 2),
        lambda t, x: np.logical_and(x > 0, x < 1) * 2.0 - ((x > 1) | (x < -1)),
        lambda t, x: math.floor(x) + math.ceil(x / 2) + math.trunc(x),
        lambda t, x: math.log1p(x * x) + math.expm1(-x) + math.erf(x) + math.hypot(x, 2.0),
        lambda t, x: math.atan2(x, 2.0) + np.arctan(x) + np.arcsinh(x) + np.log2(4 + x),
        lambda t, x: math.sinh(x) / math.cosh(x) + np.tan(x / 3) + math.log(9 + x, 2),
        lambda t, x: np.heaviside(x, 0.5) + np.square(x) + np.sign(x) + np.cbrt(x),
        lambda t, x: np.sin(2 * np.pi * t) * x + t,
        lambda t, x: through_helpers(x),
        lambda t, x: factorial_series(x),
        lambda t, x: float(x) + np.float64(x) + math.fsum([x, 1.0]) + sum([x, 2 * x]),
        lambda t, x: -x if isinstance(x, float) else 7.0,
        lambda t, x: np.array([x, 1.0], dtype=float)[0] * np.ones(2, dtype=np.float64)[1],
        lambda t, x: np.asarray(x).astype(float) * 2,
        lambda t, x: 3,
        lambda t, x: 1.0 / 0.5 - 0 * x,
        lambda t, x: np.array([-x]),
        lambda t, x: x if not (x > 1 or x < -1) else 1 / x,
        closure(0.3),
        local_import,
        polynomial,
        in_three_pieces,
        already_compiled,
        Field(0.4),
        Field(0.4).method,
        functools.partial(lambda rate, t, x: rate * x, 2.0),
    ],
)
def test_scalar_function_gives_the_numbers_of_python(drift, run_text):
    assert_same(drift, run_text)


def filled(t, x):
    out = np.zeros(2)
    out[0] = x[1]
    out[1] = -x[0] if x[0] > 0 else 0.0
    return out


def from_products(t, x, a, mu):
    y = mu - x
    return a @ y + a.T.dot(y) / 2 + np.dot(MATRIX, x) + np.sum(x**2) * np.eye(2)[0]


@pytest.mark.parametrize(
    ("drift", "params"),
    [
        (filled, {}),
        (from_products, {"a": MATRIX, "mu": np.array([0.5, -1.0])}),
        (lambda t, x, a: [a * x[0], x[0] * x[1]], {"a": 2.0}),
        (lambda t, x: (x[1], -x[0]), {}),
        (lambda t, x: np.array([well(v) for v in x]), {}),
        (lambda t, x: -x / (1 + np.max(np.abs(x))), {}),
        (lambda t, x: -x / (1 + x.max() - x.min()), {}),
        (lambda t, x: -x * np.linalg.norm(x) + la.norm(x, 1), {}),
        (lambda t, x: np.outer(x, x)[0] - x.mean(), {}),
        (lambda t, x: np.concatenate([x[1:], x[:1]]) + np.roll(x, 1), {}),
        (lambda t, x: np.stack([x[0] * x[1], t * x[0]]), {}),
        (lambda t, x: np.diag(x) @ x + np.full(2, x[0]) + np.zeros_like(x), {}),
        (lambda t, x: np.where(x > 0, x, -2 * x), {}),
        (lambda t, x: np.exp(-(x**2)) + np.tanh(x), {}),
        (lambda t, x: np.cumsum(x) - np.prod(x), {}),
        (lambda t, x: np.einsum("ij,j->i", MATRIX, x), {}),
        (lambda t, x, a: np.linalg.inv(MATRIX) @ x * a[1, 0], {"a": MATRIX}),
    ],
)
def test_vector_function_gives_the_numbers_of_python(drift, params, run_text):
    assert_same(drift, run_text, dim=2, params=params)


def test_general_diffusion_has_its_rows_in_row_major_order(run_text):
    process = SDE(
        lambda t, x: -x,
        lambda t, x, s: np.array([[s, x[0], 0.0], [0.0, x[1], math.exp(-t)]]),
        params={"s": 0.3},
        dim=2,
        noise="general",
    )
    x = np.array([[0.5, 1.0], [2.0, -1.0]])
    found = run_text(process.machine_code("it_"), "it_diffusion", 0.7, x, 6)
    np.testing.assert_allclose(found.reshape(2, 2, 3), process.diffusion(x, 0.7), rtol=1e-15)


def test_one_number_is_the_diffusion_of_all_coordinates(run_text):
    process = SDE(lambda t, x: -x, lambda t, x: 0.5, dim=3)
    found = run_text(process.machine_code(), "diffusion", 0.0, np.ones((2, 3)), 3)
    np.testing.assert_array_equal(found, np.full((2, 3), 0.5))


def test_nan_takes_the_same_side_of_a_decision_as_in_python(run_text):
    process = SDE(lambda t, x: 1.0 if x > 0 else 2.0, lambda t, x: 1.0)
    assert run_text(process.machine_code(), "drift", 0.0, np.array([[np.nan]]), 1) == 2.0


def test_text_holds_no_parameter_value():
    def text(value):
        params = {"a": value, "b": np.array([value, 2.0])}
        return traced_source(
            lambda t, x, p: p["a"] * x * (p["b"][0] if p["a"] > 1 else p["b"][1]),
            lambda t, x, p: p["a"],
            1,
            params,
            diagonal=True,
        ).text

    assert text(0.5) == text(3.25)


def test_same_function_written_twice_has_the_same_text():
    def make():
        def drift(t, x, p):
            scale = {name: p[name] for name in ("a", "b")}
            return sum(scale.values()) * math.tanh(x[0]) + max(x[0], p["a"], 0.1)

        return drift

    params = {"b": 1.0, "a": 2.0}
    one, two = (traced_source(make(), make(), 1, params, diagonal=True) for _ in range(2))
    assert one.text == two.text


def test_text_is_the_same_in_another_process():
    code = (
        "import math\n"
        "from stochtext.processes.compiled.tracing.source import traced_source\n"
        "f = lambda t, x, p: p['a'] * math.tanh(x[0]) + max(set([x[0] if x[0] > 1 else 1.0][:0]), "
        "default=0.5) * x[1] ** 0.3\n"
        "g = lambda t, x, p: abs(x[0]) * x[1] + math.sin(x[0])\n"
        "print(traced_source(f, g, 2, {'a': 1.0}, diagonal=True).text)\n"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1
    assert "tanh" in texts.pop()


def test_what_does_not_depend_on_the_state_stands_before_the_loop():
    process = SDE(
        lambda t, x, a: math.exp(-a * t) * x + math.sqrt(a), lambda t, x: 1.0, params={"a": 2.0}
    )
    before, loop = process.machine_code().text.split("def diffusion")[0].split("for i in")
    assert "math.exp" in before
    assert "math.sqrt" in before
    assert "exp" not in loop
    assert "sqrt" not in loop
    assert loop.count("fma(") == 1


def test_equal_parts_are_computed_once():
    process = SDE(lambda t, x: math.exp(x) + math.exp(x) ** 2, lambda t, x: 1.0)
    drift = process.machine_code().text.split("def diffusion")[0]
    assert drift.count("exp(v") == 1


def test_zero_times_a_variable_stays_and_keeps_nan(run_text):
    process = SDE(lambda t, x: 0.0 * x + 1.0, lambda t, x: 1.0)
    found = run_text(process.machine_code(), "drift", 0.0, np.array([[1.0], [np.inf]]), 1)
    np.testing.assert_array_equal(found[:, 0], [1.0, np.nan])


def test_integer_power_is_a_product_and_half_a_root():
    graph = Graph()
    x = graph.symbol("x", 0)

    def out(value):
        return repr(multiplied_out(graph, [value])[0]).replace("('x', 0)", "x")

    assert out(x**4) == "mul(mul(x, x), mul(x, x))"
    assert out(x**0.5) == "sqrt(x)"
    assert out(x**-1) == "div(1.0, x)"
    assert out(x**-1.5) == "div(1.0, mul(x, sqrt(x)))"
    assert out(x**0.7) == "pow(x, 0.7)"
    assert x**1 is x
    assert x * 1.0 is x
    assert x + 0 is x
    assert repr(x**0) == "1.0"


def test_decisions_form_a_tree_with_every_outcome():
    def signs(t, x, p):
        return sum(2.0**k if v > 0 else 0.0 for k, v in enumerate(x))

    traced = trace(signs, 3, {})
    assert traced.shape == ()
    source = traced_source(
        lambda t, x, p: [signs(t, x, p)] * 3, lambda t, x, p: 1.0, 3, {}, diagonal=True
    )
    assert source.text.split("def diffusion")[0].count(" if ") == 7


def test_far_arguments_of_sines_are_computed_again_exactly(run_text):
    process = SDE(lambda t, x: math.sin(x) * x, lambda t, x: 1.0)
    text = process.machine_code().text
    assert "if beyond:" in text
    x = np.array([[1.0], [1e15], [-1e300]])
    found = run_text(process.machine_code(), "drift", 0.0, x, 1)
    np.testing.assert_allclose(found, np.sin(x) * x, rtol=1e-15)
