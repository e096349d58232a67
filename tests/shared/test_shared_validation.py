"""Checks at the door name the argument, the rule and what was given."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from stochtext._shared.exceptions import InputError
from stochtext._shared.validation import (
    as_float_array,
    as_states,
    check_choice,
    check_fraction,
    check_integer,
    check_positive,
)


def test_choice_is_returned_and_a_wrong_one_lists_the_choices():
    assert check_choice("scheme", "euler", ("euler", "milstein")) == "euler"
    with pytest.raises(InputError, match=r"`scheme` must be one of 'euler', 'milstein'; got 'Eu'"):
        check_choice("scheme", "Eu", ("euler", "milstein"))


@pytest.mark.parametrize("value", [None, 3, ["euler"], np.array(["euler", "x"])])
def test_choice_of_another_type_is_refused(value):
    with pytest.raises(InputError, match="`scheme`"):
        check_choice("scheme", value, ("euler",))


@pytest.mark.parametrize("value", [1, 0.5, np.float32(2.0), "3"])
def test_positive_number_becomes_a_float(value):
    found = check_positive("dt", value)
    assert type(found) is float
    assert found == float(value)


@pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf, "a", None, [1.0, 2.0]])
def test_number_that_is_not_positive_is_refused_with_its_value(value):
    with pytest.raises(InputError, match=r"`dt` must be a finite number > 0; got"):
        check_positive("dt", value)


def test_zero_is_allowed_only_on_request():
    assert check_positive("ridge", 0, zero=True) == 0.0
    with pytest.raises(InputError, match=r">= 0; got -0.1"):
        check_positive("ridge", -0.1, zero=True)


@pytest.mark.parametrize("value", [0.0, 1.0, 1.5, -0.2, np.nan])
def test_fraction_lies_strictly_between_zero_and_one(value):
    assert check_fraction("alpha", 0.05) == 0.05
    with pytest.raises(InputError, match="`alpha`"):
        check_fraction("alpha", value)


@pytest.mark.parametrize("value", [3, np.int32(3)])
def test_integer_becomes_an_int(value):
    found = check_integer("n", value)
    assert type(found) is int
    assert found == 3


@pytest.mark.parametrize("value", [0, -2, True, 3.0, "3", None])
def test_what_is_no_integer_or_too_small_is_refused(value):
    with pytest.raises(InputError, match=r"`n` must be an integer >= 1; got"):
        check_integer("n", value)


def test_integer_minimum_is_the_callers():
    assert check_integer("gap", 0, minimum=0) == 0
    with pytest.raises(InputError, match=">= 5; got 4"):
        check_integer("gap", 4, minimum=5)


@pytest.mark.parametrize(
    "value", [[1, 2], (1.0, 2.0), np.array([1, 2], dtype=np.int8), np.array([1, 2], dtype=object)]
)
def test_numbers_become_contiguous_float64(value):
    array = as_float_array("x", value)
    assert array.dtype == np.float64
    assert array.flags.c_contiguous
    np.testing.assert_array_equal(array, [1.0, 2.0])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([1 + 2j], "Complex data not supported: `x` has dtype complex128"),
        (np.array(["a", "b"]), "`x` must hold numbers"),
        (np.array([object()]), "`x` must hold numbers"),
        ([[1.0], [1.0, 2.0]], "`x` is not a rectangular array"),
        (sparse.csr_array(np.eye(2)), "`x` is a sparse matrix; dense"),
    ],
)
def test_what_numpy_would_change_quietly_is_refused(value, said):
    with pytest.raises(InputError, match=said):
        as_float_array("x", value)


@pytest.mark.parametrize("value", [np.array(["2020-01-01"], dtype="M8[D]"), np.array([3], "m8[s]")])
def test_dates_are_refused_because_their_number_depends_on_an_unseen_unit(value):
    with pytest.raises(InputError, match="`x`"):
        as_float_array("x", value)


@pytest.mark.parametrize(
    ("value", "dim", "shape"),
    [
        (1.0, 1, (1, 1)),
        ([1.0, 2.0, 3.0], 1, (3, 1)),
        ([1.0, 2.0, 3.0], None, (3, 1)),
        ([1.0, 2.0, 3.0], 3, (1, 3)),
        (np.zeros((4, 2)), 2, (4, 2)),
        (np.zeros((4, 2)), None, (4, 2)),
        (np.zeros((0, 2)), 2, (0, 2)),
    ],
)
def test_states_take_the_shape_of_the_dimension(value, dim, shape):
    assert as_states("x", value, dim).shape == shape


@pytest.mark.parametrize(
    ("value", "dim", "said"),
    [
        (np.zeros((4, 2)), 3, r"`x` must have shape \(n, 3\); got \(4, 2\)"),
        (1.0, 2, r"\(n, 2\); got \(\)"),
        ([1.0, 2.0], 3, r"\(n, 3\); got \(2,\)"),
        (np.zeros((2, 2, 2)), None, r"\(n, d\); got \(2, 2, 2\)"),
    ],
)
def test_states_of_another_shape_are_refused_with_both_shapes(value, dim, said):
    with pytest.raises(InputError, match=said):
        as_states("x", value, dim)
