"""Every error and warning class of the package.

Input errors are also ``ValueError``: code that expects the conventions of
scikit-learn keeps working, and ``except StochtextError`` catches everything
that the package raises on purpose.
"""

from __future__ import annotations

__all__ = [
    "ConvergenceError",
    "ConvergenceWarning",
    "DegenerateDataError",
    "DiscretizationWarning",
    "EncodingError",
    "InputError",
    "MissingDependencyError",
    "ModelFileError",
    "ModelNotFoundError",
    "OverlapWarning",
    "PerformanceWarning",
    "ResourceLimitError",
    "SampleSizeWarning",
    "SchemeError",
    "SimulationError",
    "SimulationWarning",
    "StochtextError",
    "StochtextWarning",
    "UnspecifiedParameterError",
]


class StochtextError(Exception):
    """Base class of all errors raised on purpose by the package."""


class InputError(StochtextError, ValueError):
    """An argument or a data set cannot be used as given."""


class DegenerateDataError(InputError):
    """The data do not vary enough to identify the model."""


class UnspecifiedParameterError(InputError):
    """A process is a family: some of its parameters have no value yet."""


class SchemeError(InputError):
    """A simulation scheme does not support the process it was given."""


class EncodingError(InputError):
    """A text file is not valid in the expected encoding."""


class ResourceLimitError(InputError):
    """A request would exceed a size limit; nothing was allocated."""


class ModelFileError(InputError):
    """A saved model is damaged, of another format, or fails its checksum."""


class ModelNotFoundError(StochtextError, OSError):
    """An embedding model is neither on this machine nor reachable."""


class MissingDependencyError(StochtextError, ImportError):
    """A feature needs an optional package that is not installed."""


class ConvergenceError(StochtextError, RuntimeError):
    """An optimisation ended without any usable parameters."""


class SimulationError(StochtextError, ArithmeticError):
    """A simulated path left the floating-point range and this was forbidden."""


class StochtextWarning(UserWarning):
    """Base class of all warnings issued by the package."""


class SampleSizeWarning(StochtextWarning):
    """Too few data for the uncertainty that was asked for."""


class ConvergenceWarning(StochtextWarning):
    """An optimisation stopped before its convergence criterion."""


class DiscretizationWarning(StochtextWarning):
    """The sampling interval is long compared with the fitted time scale."""


class SimulationWarning(StochtextWarning):
    """Some simulated paths left the floating-point range."""


class PerformanceWarning(StochtextWarning):
    """A slow path was taken where a fast one exists."""


class OverlapWarning(StochtextWarning):
    """A representation overlaps or smooths its units and so creates dynamics."""
