"""Base of the named processes: a formula written once, evaluated by NumPy and as machine code."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from stochtext._shared.exceptions import InputError, PerformanceWarning
from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process
from stochtext.processes.parameters import parameter_value

if TYPE_CHECKING:
    from stochtext.processes.compiled.source import CoefficientSource
    from stochtext.processes.compiled.tracing.formulas import TracedFormulas

__all__ = ["FormulaProcess"]

_ANYWHERE = (-np.inf, np.inf)


class FormulaProcess(Process):
    """A process whose drift and diffusion are formulas in the coordinates.

    Subclasses implement ``_drift_formula`` and ``_diffusion_formula`` with arithmetic, ``abs``,
    ``**`` and NumPy functions such as ``np.sqrt``. The same formulas are evaluated on arrays
    (`drift`, `diffusion`) and turned into machine code with their exact derivatives.

    Parameters
    ----------
    params : mapping of str to float, array_like or None
        Values by name; None marks a value that is still to be estimated.
    dim : int or None
        Number of coordinates d; None while it is not known.
    noise : {"additive", "diagonal", "general"}
        How the diffusion depends on the state.
    noise_dim : int, optional
        Number of noise sources m; d if not given.
    shapes : mapping of str to tuple of int, optional
        Shapes of the parameters that are arrays; all others are numbers.
    diagonal : bool, optional
        Whether ``_diffusion_formula`` gives the diagonal of sigma rather than its rows; by
        default it does unless ``noise`` is "general".
    clock : {"time", "relative"}, default "time"
        What the argument t is, see `Process`.

    Raises
    ------
    InputError
        If a value has a wrong shape, is not finite, or lies outside ``_bounds``.
    """

    #: Closed interval in which the entries of a parameter must lie; its ends are
    #: themselves allowed as values, but not as estimates.
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {}

    def __init__(
        self,
        params: Mapping[str, Any],
        *,
        dim: int | None,
        noise: str,
        noise_dim: int | None = None,
        shapes: Mapping[str, tuple[int, ...]] | None = None,
        diagonal: bool | None = None,
        clock: str = "time",
    ) -> None:
        shapes = shapes or {}
        values = {
            name: self._checked_value(name, value, shapes.get(name, ()))
            for name, value in params.items()
        }
        super().__init__(
            dim=dim,
            noise=noise,
            noise_dim=dim if noise_dim is None else noise_dim,
            params=values,
            clock=clock,
        )
        self._shapes = dict(shapes)
        self._diagonal = noise != "general" if diagonal is None else diagonal

    def _checked_value(self, name: str, value: Any, shape: tuple[int, ...]) -> Any:
        checked = parameter_value(name, value)
        if checked is None:
            return None
        if np.shape(checked) != shape:
            wanted = f"have shape {shape}" if shape else "be a number"
            raise InputError(f"`{name}` of {type(self).__name__} must {wanted}; got {value!r}.")
        low, high = self._bounds.get(name, _ANYWHERE)
        if not np.all((np.asarray(checked) >= low) & (np.asarray(checked) <= high)):
            interval = f">= {low:g}" if np.isinf(high) else f"in [{low:g}, {high:g}]"
            raise InputError(f"`{name}` must be a number {interval}; got {value!r}.")
        return checked

    # -- the formulas ----------------------------------------------------------------------

    @staticmethod
    @abstractmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        """Return the d components of the drift.

        ``x`` holds d components, each an array of shape (n,) or a symbol; ``p`` maps names to
        numbers and arrays, or to symbols and arrays of symbols.
        """

    @staticmethod
    @abstractmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        """Return the diagonal of sigma (d components), or d rows of m components."""

    # -- evaluation ------------------------------------------------------------------------

    def _drift(self, x: FloatArray, t: FloatArray) -> FloatArray:
        with np.errstate(all="ignore"):
            components = self._drift_formula(t, list(x.T), self._params)
        return _stacked(components, len(x))

    def _diffusion(self, x: FloatArray, t: FloatArray) -> FloatArray:
        with np.errstate(all="ignore"):
            components = self._diffusion_formula(t, list(x.T), self._params)
        if self._diagonal:
            sigma = np.zeros((*x.shape, x.shape[1]))
            each = np.arange(x.shape[1])
            sigma[:, each, each] = _stacked(components, len(x))
            return sigma
        return np.stack([_stacked(row, len(x)) for row in components], axis=1)

    def machine_code(self, prefix: str = "") -> CoefficientSource | None:
        """Return the formulas and their derivatives as source text of machine code.

        Parameters
        ----------
        prefix : str, default ""
            What the names in the text begin with.

        Warns
        -----
        PerformanceWarning
            If a formula cannot be recorded on symbols; the result is None then.
        """
        from stochtext.processes.compiled.tracing.expression import Untraceable
        from stochtext.processes.compiled.tracing.source import flat_parameters

        self.require_specified()
        shapes = tuple((name, np.shape(value)) for name, value in self._params.items())
        try:
            source = _source(type(self), self.dim or 1, shapes, self._diagonal, prefix)
        except Untraceable as error:
            warnings.warn(
                f"The formulas of {type(self).__name__} are evaluated by NumPy, which is slow, "
                f"because they cannot be compiled: {error}.",
                PerformanceWarning,
                stacklevel=4,
            )
            return None
        return replace(source, theta=flat_parameters(self._params))

    def formulas(self) -> TracedFormulas | None:
        """Return drift and diffusion as expressions of t, x and the free parameters."""
        from stochtext.processes.compiled.tracing.expression import Untraceable
        from stochtext.processes.compiled.tracing.formulas import traced_formulas

        vector = self._parameter_vector
        try:
            return traced_formulas(
                self._drift_formula,
                self._diffusion_formula,
                self.dim or 1,
                vector.shapes,
                vector.places,
            )
        except Untraceable:
            return None

    @property
    def formulas_key(self) -> Hashable:
        """The class, and the shapes that its formulas are traced with."""
        vector = self._parameter_vector
        return (type(self), self.dim, tuple(vector.shapes.items()), vector.places, self.clock)

    # -- parameters ------------------------------------------------------------------------

    def _parameter_bounds(self) -> Mapping[str, tuple[float, float]]:
        return self._bounds

    def _parameter_shape(self, name: str) -> tuple[int, ...]:
        return self._shapes.get(name, ())


@lru_cache(maxsize=128)
def _source(
    family: type[FormulaProcess],
    dim: int,
    shapes: tuple[tuple[str, tuple[int, ...]], ...],
    diagonal: bool,
    prefix: str,
) -> CoefficientSource:
    """Return the source of the formulas, which is the same for all parameter values."""
    from stochtext.processes.compiled.tracing.source import traced_source

    return traced_source(
        family._drift_formula,
        family._diffusion_formula,
        dim,
        {name: np.zeros(shape) for name, shape in shapes},
        diagonal=diagonal,
        prefix=prefix,
    )


def _stacked(components: Sequence[Any], n: int) -> FloatArray:
    """Return n rows of components, each one number per state or one for all states."""
    rows = np.empty((n, len(components)))
    for j, component in enumerate(components):
        rows[:, j] = component
    return rows
