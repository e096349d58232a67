"""How covariates and groups of a trajectory become inputs of a model.

Law of this file: numbers and labels in, columns out; nothing is ever guessed for a label that
was not seen in the fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["CovariateCoding"]


@dataclass(frozen=True)
class CovariateCoding:
    """Names, reference values and levels.

    Attributes
    ----------
    names : tuple of str
        Numeric covariates, one column each, in their own units.
    reference : tuple of float
        Their means over the fitted trajectories, taken where none is given.
    groups : tuple of (str, tuple of labels)
        Group variables with their levels. A variable with G levels has G - 1 columns: 1 for
        its level, -1 in all of them for the last one, 0 for the average of the levels, so
        that the effects add up to zero.
    """

    names: tuple[str, ...]
    reference: tuple[float, ...]
    groups: tuple[tuple[str, tuple[Any, ...]], ...] = ()

    @property
    def n_linear(self) -> int:
        """Number of columns of the groups, which come last."""
        return sum(len(levels) - 1 for _, levels in self.groups)

    @property
    def n_columns(self) -> int:
        """Number of columns of covariates and groups."""
        return len(self.names) + self.n_linear

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of covariates and group variables."""
        return (*self.names, *(name for name, _ in self.groups))

    def row(self, values: Mapping[str, Any] | None = None) -> FloatArray:
        """Return the columns at one combination of values.

        Parameters
        ----------
        values : mapping of name to number or label, optional
            What is left out stands at its reference: the mean of a covariate, the average of
            the groups.

        Raises
        ------
        InputError
            For a name that the fit did not have, a level that it has not seen, or a value
            that is no finite number.
        """
        given = dict(values or {})
        unknown = [name for name in given if name not in self.variables]
        if unknown:
            raise InputError(
                f"The fit has no covariate {unknown[0]!r}; it has "
                f"{', '.join(map(repr, self.variables)) or 'none'}."
            )
        numbers = [
            _number(name, given.get(name, mean))
            for name, mean in zip(self.names, self.reference, strict=True)
        ]
        parts = [_contrast(name, levels, given) for name, levels in self.groups]
        return np.concatenate([np.array(numbers, dtype=np.float64), *parts])

    def said(self) -> str:
        """Return a sentence about where curves stand that are asked for without covariates."""
        parts = [
            f"{name} = {mean:.4g} (the mean)"
            for name, mean in zip(self.names, self.reference, strict=True)
        ]
        parts += [f"the average of the {len(levels)} levels of {n}" for n, levels in self.groups]
        return f"Curves without `covariates=` are at {', '.join(parts)}."

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able values that restore the coding."""
        groups = [[name, [_plain(level) for level in levels]] for name, levels in self.groups]
        return {"names": list(self.names), "reference": list(self.reference), "groups": groups}

    @classmethod
    def from_dict(cls, config: Mapping[str, Any]) -> Self:
        """Restore a coding from what ``to_dict`` returned."""
        groups = tuple((name, tuple(levels)) for name, levels in config["groups"])
        return cls(tuple(config["names"]), tuple(config["reference"]), groups)


def _number(name: str, value: Any) -> float:
    if np.ndim(value) or isinstance(value, str | bytes):
        raise InputError(f"The covariate {name!r} must be one number; got {value!r}.")
    number = float(value)
    if not np.isfinite(number):
        raise InputError(f"The covariate {name!r} must be finite; got {value!r}.")
    return number


def _contrast(name: str, levels: tuple[Any, ...], given: Mapping[str, Any]) -> FloatArray:
    columns = np.zeros(len(levels) - 1)
    if name not in given:
        return columns
    level = _plain(given[name])
    if level not in levels:
        raise InputError(
            f"{name!r} has no level {level!r} in the fitted data; it has "
            f"{', '.join(map(repr, levels))}. Leave it out for the average of the levels."
        )
    place = levels.index(level)
    if place < len(columns):
        columns[place] = 1.0
    else:
        columns[:] = -1.0
    return columns


def _plain(level: Any) -> Any:
    """Return the label as a plain Python value, as a file keeps it."""
    return level.item() if isinstance(level, np.generic) else level
