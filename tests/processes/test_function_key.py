"""Keys of user functions: the same function is known again, another one never taken for it."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from scipy import special

import stochtext as st
from stochtext.processes import SDE
from stochtext.processes.written.function_key import function_key
from stochtext.transitions import EulerDensity

LEVEL = 0.5
TABLE = np.array([1.0, 2.0])
SETTINGS = type("Settings", (), {"level": 0.5})()


def pull(x, rate=1.0):
    return rate * (LEVEL - x)


def drift(t, x, kappa):
    return kappa * pull(x)


def recursive(t, x):
    return -x if abs(x) < 1.0 else recursive(t, x / 2.0)


def flat(t, x, sigma=0.4):
    return sigma


def made(slope):
    return lambda t, x: -slope * x


class Method:
    slope = 1.0

    def drift(self, t, x):
        return -self.slope * x

    def __call__(self, t, x):
        return -self.slope * x

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 1


@pytest.mark.parametrize(
    "function",
    [
        drift, flat, recursive, made(2.0),
        lambda t, x: -np.tanh(x) + math.sin(t) * special.expit(x) + max(x, 0.0),
        lambda t, x: sum(TABLE[k] * x**k for k in range(2)),
    ],
)  # fmt: skip
def test_the_same_function_has_the_same_key(function):
    assert function_key(function) is not None
    assert function_key(function) == function_key(function)
    assert hash(function_key(function)) == hash(function_key(function))


def test_two_functions_of_the_same_text_have_keys_of_their_own():
    assert function_key(made(1.0)) != function_key(made(2.0))
    assert function_key(made(1.0)) != function_key(made(1.0))


def test_the_key_follows_the_numbers_that_the_function_reads(monkeypatch):
    seen = [function_key(drift)]
    monkeypatch.setitem(globals(), "LEVEL", 0.7)
    seen.append(function_key(drift))
    monkeypatch.setattr(pull, "__defaults__", (2.0,))
    seen.append(function_key(drift))
    monkeypatch.setitem(globals(), "pull", lambda x: -x)
    seen.append(function_key(drift))
    slopes = [1.0, 0.0]
    inner = made(slopes)
    seen.append(function_key(inner))
    slopes[0] = 1  # another type may be another branch
    seen.append(function_key(inner))
    slopes[1] = -0.0
    seen.append(function_key(inner))
    assert None not in seen
    assert len(set(seen)) == len(seen)
    assert len({function_key(lambda t, x: TABLE[0] * x)}) == 1
    before = function_key(last := lambda t, x: TABLE[0] * x)
    monkeypatch.setitem(globals(), "TABLE", np.array([1.5, 2.0]))
    assert function_key(last) != before


def import_inside(t, x):
    import stochtext

    return stochtext.anything * x


def with_attribute(t, x):
    return with_attribute.slope * x


with_attribute.slope = 1.0
not_yet = []
not_yet.append(not_yet)


@pytest.mark.parametrize(
    "function",
    [
        Method().drift, Method(), functools.partial(pull, rate=2.0), import_inside, with_attribute,
        lambda t, x: SETTINGS.level * x, lambda t, x: globals()["LEVEL"] * x,
        lambda t, x: Method.slope * x, lambda t, x: undefined_name * x,  # noqa: F821
        lambda t, x: st.anything * x, lambda t, x: len(not_yet) * x,
        np.vectorize(pull), np.frompyfunc(drift, 3, 1), np.sin, made(np.frompyfunc(pull, 1, 1)),
        made(np.poly1d([1.0, 2.0])), made(np.random.default_rng(0).normal), made({1.0, 2.0}),
    ],
)  # fmt: skip
def test_a_function_that_may_change_unseen_has_no_key(function):
    assert function_key(function) is None


def likelihood_at(process):
    x, y = np.array([0.2, 0.9]), np.array([0.3, 0.7])
    own = EulerDensity().likelihood(process, x, y, 0.0, 0.1)
    return own.value_and_gradient(process.to_vector())[0]


def test_likelihoods_of_one_sde_are_traced_once(monkeypatch):
    traced = []
    original = SDE.formulas
    monkeypatch.setattr(SDE, "formulas", lambda self: traced.append(1) or original(self))

    def own(t, x, kappa):
        return -kappa * x

    process = SDE(own, flat, params={"kappa": 1.0})
    assert process.formulas_key == process.with_params(kappa=3.0).formulas_key
    assert process.formulas_key == SDE(own, flat, params={"kappa": 2.0}).formulas_key
    first = likelihood_at(process)
    assert likelihood_at(process) == first
    likelihood_at(process.with_params(kappa=2.0))
    assert len(traced) == 1


def test_shapes_clock_and_roles_are_part_of_the_key():
    def one(t, x, a):
        return a * x

    keys = [
        SDE(one, flat).formulas_key,
        SDE(one, flat, clock="relative").formulas_key,
        SDE(one, flat, dim=2).formulas_key,
        SDE(one, one).formulas_key,
        SDE(flat, one).formulas_key,
        SDE(one, flat, params={"a": [1.0, 2.0]}, dim=2).formulas_key,
    ]
    assert len(set(keys)) == len(keys)


def test_a_likelihood_sees_a_number_that_was_changed_outside():
    slope = 1.0

    def own(t, x):
        return -slope * x

    process = SDE(own, flat)
    before = likelihood_at(process)
    slope = 5.0
    changed = likelihood_at(process)
    assert changed != before
    assert changed == likelihood_at(SDE(lambda t, x: -5.0 * x, flat))
