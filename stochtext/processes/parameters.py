"""Named parameters of mixed shape as one vector of free numbers, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_float_array

__all__ = ["ParameterVector", "lower_factor", "parameter_value", "shown"]


def parameter_value(name: str, value: Any) -> Any:
    """Return a parameter as None, a finite float or a finite read-only array."""
    if value is None:
        return None
    array = as_float_array(name, value)
    if not np.all(np.isfinite(array)):
        raise InputError(f"`{name}` must be finite; got {value!r}.")
    if np.ndim(value) == 0:
        return float(array.item())
    array = array.copy()
    array.setflags(write=False)
    return array


def shown(value: Any) -> str:
    """Return a parameter as the repr of a process shows it."""
    if value is None:
        return "?"
    if np.ndim(value) == 0:
        return f"{float(value):.6g}"
    return np.array2string(np.asarray(value), precision=6, separator=", ", threshold=50).replace(
        "\n", ""
    )


def lower_factor(matrix: FloatArray) -> FloatArray:
    """Return the lower factor L with non-negative diagonal and L L^T = matrix matrix^T.

    It exists also for a singular matrix, for which a Cholesky routine stops.
    """
    triangle = np.asarray(np.linalg.qr(np.asarray(matrix).T, mode="r")).T
    signs = np.where(np.diag(triangle) < 0, -1.0, 1.0)
    return np.tril(triangle * signs)


class ParameterVector:
    """The order in which the entries of named parameters stand in a vector.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        Shape of each parameter, () for a number.
    cholesky : tuple of str
        Square parameters of which only the lower factor of M M^T is free.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], cholesky: tuple[str, ...]) -> None:
        self._shapes = dict(shapes)
        self._cholesky = frozenset(n for n in cholesky if len(self._shapes.get(n, ())) == 2)
        self._entries = [
            (name, index)
            for name, shape in self._shapes.items()
            for index in np.ndindex(*shape)
            if name not in self._cholesky or index[0] >= index[1]
        ]

    @property
    def names(self) -> tuple[str, ...]:
        """One name per free number, such as ``kappa[0,1]``."""
        return tuple(
            name + (f"[{','.join(map(str, index))}]" if index else "")
            for name, index in self._entries
        )

    @property
    def places(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Parameter and index of each free number."""
        return tuple(self._entries)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter, () for a number."""
        return dict(self._shapes)

    def pack(self, params: Mapping[str, Any]) -> FloatArray:
        """Return the free numbers, NaN for a parameter that is None."""
        values = {
            name: lower_factor(value) if name in self._cholesky and value is not None else value
            for name, value in params.items()
        }
        numbers = [
            np.nan if values[name] is None else np.asarray(values[name])[index]
            for name, index in self._entries
        ]
        return np.array(numbers, dtype=np.float64)

    def unpack(self, vector: ArrayLike) -> dict[str, Any]:
        """Return the parameters that hold the numbers of ``vector``."""
        numbers = as_float_array("vector", vector)
        if numbers.shape != (len(self._entries),):
            raise InputError(
                f"`vector` must have shape ({len(self._entries)},), one number for each of "
                f"{', '.join(self.names) or 'no parameters'}; got {numbers.shape}."
            )
        params = {name: np.zeros(shape) for name, shape in self._shapes.items()}
        for (name, index), number in zip(self._entries, numbers, strict=True):
            params[name][index] = number
        return {name: value if value.ndim else float(value) for name, value in params.items()}

    def bounds(self, own: Mapping[str, tuple[float, float]]) -> tuple[tuple[float, float], ...]:
        """Return one (low, high) pair per free number."""
        anywhere = (-np.inf, np.inf)
        pairs = []
        for name, index in self._entries:
            diagonal = name in self._cholesky and index[0] == index[1]
            pairs.append((0.0, np.inf) if diagonal else own.get(name, anywhere))
        return tuple((float(low), float(high)) for low, high in pairs)
