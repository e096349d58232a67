"""Processes from plain functions: reading signatures, probing shapes, evaluating safely."""

import math
import pickle

import numpy as np
import pytest

from stochtext._shared.exceptions import InputError, PerformanceWarning, UnspecifiedParameterError
from stochtext.processes import SDE, OrnsteinUhlenbeck
from stochtext.processes.compiled.coefficients import CompiledCoefficients


def linear(t, x, kappa, mu):
    return kappa * (mu - x)


def constant(t, x, sigma):
    return sigma


def test_scalar_functions_give_the_named_process():
    params = {"kappa": 1.3, "mu": 0.4, "sigma": 0.7}
    process = SDE(linear, constant, params=params, noise="additive")
    named = OrnsteinUhlenbeck(1.3, 0.4, 0.7)
    x = np.linspace(-1, 2, 6)
    np.testing.assert_allclose(process.drift(x), named.drift(x))
    np.testing.assert_allclose(process.diffusion(x), named.diffusion(x))
    np.testing.assert_allclose(process.covariance(x), named.covariance(x))
    assert process.free_parameters == ("kappa", "mu", "sigma")
    assert (process.dim, process.noise, process.noise_dim) == (1, "additive", 1)


@pytest.mark.parametrize(
    "drift",
    [
        lambda t, x: -math.tanh(x),  # no arrays
        lambda t, x: 1.0 if x < 0 else -1.0,  # branches
        lambda t, x: -x - 0.1 * np.sum(x),  # another meaning for many states
        lambda t, x: -x / (1 + np.max(np.abs(x))),
    ],
    ids=["math", "branch", "sum", "max"],
)
def test_function_of_one_state_never_sees_the_other_states(drift):
    process = SDE(drift, lambda t, x: 1.0)
    x = np.array([-2.0, 0.3, 1.0, 5.0])
    expected = [drift(0.0, float(z)) for z in x]
    np.testing.assert_allclose(process.drift(x)[:, 0], expected, rtol=1e-15)


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_vector_state_has_one_dimension_for_any_number_of_states(n):
    matrix = np.array([[1.0, -0.5], [0.7, 0.8]])
    mu = np.array([0.3, -1.0])
    process = SDE(
        lambda t, x, a, mu: a @ (mu - x),
        lambda t, x: 0.1 + np.abs(x),
        params={"a": matrix, "mu": mu},
        dim=2,
    )
    x = np.arange(2.0 * n).reshape(n, 2)
    np.testing.assert_allclose(process.drift(x), (mu - x) @ matrix.T)
    np.testing.assert_allclose(process.diffusion(x)[:, 1, 1], 0.1 + np.abs(x[:, 1]))
    assert process.free_parameters[:4] == ("a[0,0]", "a[0,1]", "a[1,0]", "a[1,1]")


def test_general_noise_may_have_more_sources_than_coordinates():
    process = SDE(
        lambda t, x: -x,
        lambda t, x: np.array([[1.0, x[0], 0.0], [0.0, x[1], 2.0]]),
        dim=2,
        noise="general",
    )
    assert process.noise_dim == 3
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(process.diffusion(x)[1], [[1, 3, 0], [0, 4, 2]])


def test_time_reaches_the_functions_row_by_row():
    process = SDE(lambda t, x: t * x, lambda t, x: 1.0 + t)
    np.testing.assert_allclose(process.drift([1.0, 1.0], [0.5, 2.0])[:, 0], [0.5, 2.0])
    np.testing.assert_allclose(process.diffusion([1.0, 1.0], [0.5, 2.0])[:, 0, 0], [1.5, 3.0])


def test_where_the_formula_has_no_value_the_answer_is_nan():
    process = SDE(lambda t, x: math.log(x), lambda t, x: math.sqrt(x))
    drift = process.drift([2.0, -1.0, 0.0])[:, 0]
    assert drift[0] == pytest.approx(math.log(2))
    assert np.isnan(drift[1:]).all()


def test_power_without_a_real_value_is_nan():
    process = SDE(lambda t, x: -x, lambda t, x, gamma: x**gamma, params={"gamma": 0.7})
    sigma = process.diffusion([2.0, -1.0, 0.0])[:, 0, 0]
    np.testing.assert_allclose(sigma, [2.0**0.7, np.nan, 0.0])


def test_parameters_come_from_names_defaults_and_values():
    family = SDE(lambda t, x, kappa, mu=0.5: kappa * (mu - x), constant)
    assert dict(family.params) == {"kappa": None, "mu": 0.5, "sigma": None}
    with pytest.raises(UnspecifiedParameterError, match="kappa, sigma"):
        family.drift([0.0])
    fixed = family.with_params(kappa=1.0, sigma=0.2)
    assert fixed.drift([0.0])[0, 0] == 0.5
    np.testing.assert_array_equal(fixed.to_vector(), [1.0, 0.5, 0.2])


def test_bounds_are_kept_and_checked():
    process = SDE(linear, constant, bounds={"sigma": (0, np.inf)})
    assert process.bounds() == ((-np.inf, np.inf), (-np.inf, np.inf), (0.0, np.inf))
    assert process.from_vector([1.0, 2.0, 3.0]).bounds() == process.bounds()
    with pytest.raises(InputError, match="low < high"):
        SDE(linear, constant, bounds={"sigma": (1.0, 0.0)})


def test_keyword_only_parameters_are_passed_by_name():
    def drift(t, x, *, rate):
        return -rate * x

    process = SDE(drift, lambda t, x: 1.0, params={"rate": 2.0})
    assert process.drift([1.0])[0, 0] == -2.0


@pytest.mark.parametrize(
    ("drift", "diffusion", "options", "said"),
    [
        (OrnsteinUhlenbeck(1.0, 0.0, 1.0).drift, constant, {}, "method of a process"),
        (3.0, constant, {}, "must be a function"),
        (lambda x: -x, constant, {}, "t first and x second"),
        (lambda x, t: -x, constant, {}, "t first and x second"),
        (lambda t, x, *theta: -x, constant, {}, r"\*args"),
        (lambda t, x: np.array([x, x]), constant, {}, r"a float or one number.*\(2,\)"),
        (lambda t, x: -x, lambda t, x: np.eye(2), {"dim": 2}, r"\(2,\) numbers.*\(2, 2\)"),
        (lambda t, x: -x, lambda t, x: x, {"dim": 2, "noise": "general"}, r"\(2, m\) matrix"),
        (lambda t, x: -x[0], lambda t, x: x, {"dim": 2}, r"must return \(2,\) numbers"),
        (lambda t, x: -x, lambda t, x: x, {"noise": "additive"}, "depends on the state"),
        (lambda t, x: 1j * x, constant, {}, "real numbers"),
        (lambda t, x: None, constant, {}, "real numbers"),
        (lambda t, x: x.nothing, constant, {}, "AttributeError"),
        (linear, constant, {"params": {"kapa": 1.0}}, "kapa"),
        (linear, constant, {"params": [1.0]}, "map names"),
        (linear, constant, {"noise": "coloured"}, "noise"),
        (linear, constant, {"dim": 0}, "dim"),
    ],
)
def test_functions_that_do_not_fit_are_refused_at_construction(drift, diffusion, options, said):
    params = {"kappa": 1.0, "mu": 0.0, "sigma": 1.0}
    names = {"params": {k: v for k, v in params.items() if k == "sigma" and diffusion is constant}}
    with pytest.raises(InputError, match=said):
        SDE(drift, diffusion, **{**names, **options})


def test_compiled_functions_give_the_numbers_of_python():
    process = SDE(
        lambda t, x, a, mu: a @ (mu - x) + math.sin(t),
        lambda t, x, s: np.array([[s, x[0]], [0.0, math.exp(-(x[1] ** 2))]]),
        params={"a": np.array([[1.0, 0.2], [0.0, 2.0]]), "mu": np.array([1.0, 2.0]), "s": 0.3},
        dim=2,
        noise="general",
    )
    compiled = CompiledCoefficients(process.machine_code(), "float64")
    x = np.array([[0.5, 1.0], [2.0, -1.0], [0.1, 0.2]])
    drift, diffusion = np.empty((2, 3)), np.empty((4, 3))
    compiled.drift(0.7, x.T.copy(), compiled.theta, drift)
    compiled.diffusion(0.7, x.T.copy(), compiled.theta, diffusion)
    np.testing.assert_allclose(drift.T, process.drift(x, 0.7), rtol=1e-14)
    np.testing.assert_allclose(diffusion.T.reshape(3, 2, 2), process.diffusion(x, 0.7), rtol=1e-14)


def test_function_that_cannot_be_recorded_is_compiled_for_one_state_at_a_time():
    process = SDE(
        lambda t, x, a, b: -a[0] * x * int(b),  # a symbol has no plain integer
        lambda t, x: [[1.0, 2.0, x[0]], [0.0, 3.0, x[1]]],
        params={"a": np.array([[2.0, 1.0], [0.0, 3.0]]), "b": 2.0},
        dim=2,
        noise="general",
    )
    x = np.array([[0.5, 1.0], [2.0, -1.0], [0.1, 0.2]])
    compiled = CompiledCoefficients(process.machine_code(), "float64")
    drift, diffusion = np.empty((2, 3)), np.empty((6, 3))
    compiled.drift(0.7, x.T.copy(), compiled.theta, drift)
    compiled.diffusion(0.7, x.T.copy(), compiled.theta, diffusion)
    np.testing.assert_allclose(drift.T, process.drift(x, 0.7), rtol=1e-14)
    np.testing.assert_allclose(diffusion.T.reshape(3, 2, 3), process.diffusion(x, 0.7), rtol=1e-14)


def test_what_numba_cannot_compile_warns_and_says_so():
    table = {True: -1.0, False: 1.0}
    process = SDE(lambda t, x: table.get(x > 0), lambda t, x: 1.0)
    with pytest.warns(PerformanceWarning, match="numba cannot compile"):
        assert process.machine_code() is None


SLOPE = 1.0


def test_changed_global_is_simulated_with_its_new_value(monkeypatch):
    process = SDE(lambda t, x: -SLOPE * x, lambda t, x: 1.0)
    assert "FLOAT(2.0)" not in process.machine_code().text
    monkeypatch.setitem(globals(), "SLOPE", 2.0)
    assert "FLOAT(-2.0)" in process.machine_code().text


def test_function_that_changes_from_call_to_call_is_not_compiled():
    calls = []

    def drift(t, x):
        calls.append(t)
        return -x * (len(calls) % 2)

    with pytest.warns(PerformanceWarning, match="numba cannot compile|disagrees"):
        assert SDE(drift, lambda t, x: 1.0).machine_code() is None


def test_user_functions_pickle_but_are_not_stored():
    process = SDE(linear, constant, params={"kappa": 1.0, "mu": 0.0, "sigma": 1.0})
    again = pickle.loads(pickle.dumps(process))
    np.testing.assert_array_equal(again.drift([2.0]), process.drift([2.0]))
    with pytest.raises(InputError, match="cannot be stored"):
        process.to_dict()
