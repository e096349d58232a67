"""What cannot be recorded is refused in one line that says why."""

import numpy as np
import pytest

from stochtext._shared.exceptions import PerformanceWarning
from stochtext.processes.compiled.tracing.expression import Graph, Untraceable
from stochtext.processes.compiled.tracing.source import traced_source
from stochtext.processes.compiled.tracing.tracer import trace
from stochtext.processes.formula import FormulaProcess

TABLE = {True: 1.0, False: -1.0}


def endless(t, x, p):
    value = x[0]
    while abs(value) > 1e-3:
        value = value / 2
    return value


def huge(t, x, p):
    value = x[0]
    for _ in range(5000):
        value = np.sin(value) + value
    return value


def careful(t, x, p):
    try:
        return 1.0 / x[0]
    except ZeroDivisionError:
        return 0.0


def many_ends(t, x, p):
    total = 0.0
    for k in range(10):
        total = total * 2 + (1.0 if x[0] > k * np.sin(x[0] + total) else 0.0)
    return total


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda t, x, p: TABLE[x[0] > 0], "as a key"),
        (lambda t, x, p: TABLE.get(x[0], 1.0), "as a key"),
        (lambda t, x, p: int(x[0]), "plain number"),
        (lambda t, x, p: [1, 2][round(x[0])], "plain number"),
        (lambda t, x, p: np.random.default_rng(0).normal(), "random"),  # noqa: NPY002
        (lambda t, x, p: np.array([x[0]]).astype(int), "plain number"),
        (lambda t, x, p: np.array([x[0]], dtype=int), "int64"),
        (lambda t, x, p: 1j * x[0], "complex"),
        (lambda t, x, p: "text", "no number"),
        (lambda t, x, p: None, "no number"),
        (lambda t, x, p: x[0].nothing, "AttributeError"),
        (lambda t, x, p: x[0][0], "TypeError"),
        (lambda t, x, p: [x[0], [x[0], 1.0]], "ValueError"),
        (lambda t, x, p: [x[0]] if x[0] > 0 else [x[0], 1.0], "another shape"),
        (lambda t, x, p: np.linalg.solve(np.array([[x[0]]]), [1.0]), "plain numbers only"),
        (lambda t, x, p: p["missing"], "KeyError"),
        (careful, "catches exceptions"),
        (lambda t, x, p: careful(t, x, p), "catches exceptions"),
        (endless, "more than 64"),
        (many_ends, "more than 64"),
        (huge, "more than 4000 operations"),
    ],
)
def test_reason_is_one_line(function, said):
    with pytest.raises(Untraceable, match=said) as caught:
        trace(function, 1, {})
    assert "\n" not in str(caught.value)


def test_shape_that_does_not_fit_is_refused():
    with pytest.raises(Untraceable, match=r"drift has shape \(2,\), not \(3,\)"):
        traced_source(lambda t, x, p: x[:2], lambda t, x, p: 1.0, 3, {}, diagonal=True)
    with pytest.raises(Untraceable, match=r"diffusion has shape \(\), not \(3, m\)"):
        traced_source(lambda t, x, p: x, lambda t, x, p: 1.0, 3, {}, diagonal=False)


def test_symbol_outside_of_a_trace_decides_nothing():
    with pytest.raises(Untraceable, match="outside of a trace"):
        bool(Graph().symbol("t") > 0)


def test_large_derivatives_are_left_out():
    def drift(t, x, p):
        value = x[0] * x[1]
        for k in range(300):
            value = np.sin(value + k * x[1]) * x[0] + value
        return [value, value]

    source = traced_source(drift, lambda t, x, p: 1.0, 2, {}, diagonal=True)
    assert source.provides == {"correction"}


class _Unrecorded(FormulaProcess):
    def __init__(self, a=None):
        super().__init__({"a": a}, dim=1, noise="additive")

    @staticmethod
    def _drift_formula(t, x, p):
        return [np.interp(x[0], [0.0, 1.0], [0.0, p["a"]])]

    @staticmethod
    def _diffusion_formula(t, x, p):
        return [1.0]


def test_formula_that_cannot_be_recorded_is_left_to_numpy_with_a_warning():
    process = _Unrecorded(2.0)
    np.testing.assert_array_equal(process.drift([0.5]), [[1.0]])
    with pytest.warns(PerformanceWarning, match="_Unrecorded are evaluated by NumPy"):
        assert process.machine_code() is None
