"""One root for every error, built-in parents for code that knows nothing of this package."""

from __future__ import annotations

import pytest

import stochtext as st
from stochtext._shared import exceptions

BUILT_IN_PARENT = {
    "ConvergenceError": RuntimeError,
    "DegenerateDataError": ValueError,
    "EncodingError": ValueError,
    "InputError": ValueError,
    "MissingDependencyError": ImportError,
    "ModelFileError": ValueError,
    "ModelNotFoundError": OSError,
    "ResourceLimitError": ValueError,
    "SchemeError": ValueError,
    "SimulationError": ArithmeticError,
    "UnspecifiedParameterError": ValueError,
}
WARNINGS = [name for name in exceptions.__all__ if name.endswith("Warning")]


def test_every_class_is_an_error_or_a_warning_of_the_package():
    errors = {name for name in exceptions.__all__ if name.endswith("Error")}
    assert errors == {*BUILT_IN_PARENT, "StochtextError"}
    assert errors | set(WARNINGS) == set(exceptions.__all__)


@pytest.mark.parametrize("name", sorted(BUILT_IN_PARENT))
def test_error_has_the_root_and_its_built_in_parent(name):
    error = getattr(exceptions, name)
    assert issubclass(error, exceptions.StochtextError)
    assert issubclass(error, BUILT_IN_PARENT[name])


@pytest.mark.parametrize("name", WARNINGS)
def test_warning_has_the_root_and_is_a_user_warning(name):
    warning = getattr(exceptions, name)
    assert issubclass(warning, exceptions.StochtextWarning)
    assert issubclass(warning, UserWarning)


@pytest.mark.parametrize("name", exceptions.__all__)
def test_class_is_reachable_from_the_face_and_documented(name):
    assert getattr(st, name) is getattr(exceptions, name)
    assert getattr(exceptions, name).__doc__.endswith(".")


@pytest.mark.parametrize(
    "name",
    [
        "DegenerateDataError",
        "EncodingError",
        "ModelFileError",
        "ResourceLimitError",
        "SchemeError",
        "UnspecifiedParameterError",
    ],
)
def test_what_the_caller_gave_wrong_is_an_input_error(name):
    assert issubclass(getattr(exceptions, name), exceptions.InputError)
