"""A process that is trusted inside the data's support and follows a stated rule outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext.processes.base import Process
from stochtext.processes.compiled.extrapolation_source import extrapolation_source
from stochtext.processes.support import Support

if TYPE_CHECKING:
    from typing_extensions import Self

    from stochtext.processes.compiled.source import CoefficientSource

__all__ = ["ExtrapolatedProcess", "part_of_type"]

Part = TypeVar("Part", bound=Process)


class ExtrapolatedProcess(Process):
    """One process where data were seen, another one elsewhere.

    Parameters
    ----------
    inside : Process
        Gives drift and diffusion where ``support`` contains the state.
    outside : Process
        Gives them everywhere else; usually a linear fit.
    support : Support
        Where data were seen.

    Raises
    ------
    InputError
        If the three do not have the same dimension, or the processes depend
        on different clocks.
    """

    type_name = "extrapolated"

    def __init__(self, inside: Process, outside: Process, support: Support) -> None:
        if not inside.dim == outside.dim == support.dim:
            raise InputError(
                f"The inner process has {inside.dim} dimension(s), the outer one {outside.dim}, "
                f"the support {support.dim}; they must agree."
            )
        timed = {process.clock for process in (inside, outside) if not process.autonomous}
        if len(timed) > 1:
            raise InputError(
                f"The inner process runs on the clock {inside.clock!r}, the outer one on "
                f"{outside.clock!r}; one process has one clock."
            )
        noise_dims = [p.noise_dim or 1 for p in (inside, outside)]
        super().__init__(
            dim=inside.dim,
            noise="general",
            noise_dim=max(noise_dims),
            clock=timed.pop() if timed else "time",
        )
        self.inside = inside
        self.outside = outside
        self.support = support

    @property
    def autonomous(self) -> bool:
        """Whether neither part depends on t."""
        return self.inside.autonomous and self.outside.autonomous

    @property
    def is_specified(self) -> bool:
        """Whether both parts are specified."""
        return self.inside.is_specified and self.outside.is_specified

    def _drift(self, x: FloatArray, t: FloatArray) -> FloatArray:
        result = np.empty(x.shape)
        for process, rows in self._parts(x):
            result[rows] = process.drift(x[rows], t[rows])
        return result

    def _diffusion(self, x: FloatArray, t: FloatArray) -> FloatArray:
        # Columns that a part does not have stay zero: the covariance rate is not changed.
        result = np.zeros((*x.shape, self.noise_dim or 1))
        for process, rows in self._parts(x):
            result[rows, :, : process.noise_dim] = process.diffusion(x[rows], t[rows])
        return result

    def covariance(self, x: ArrayLike, t: ArrayLike = 0.0) -> FloatArray:
        """Return the covariance rate of the part that holds at each state, shape (n, d, d)."""
        states, times = self._checked(x, t)
        result = np.empty((*states.shape, states.shape[1]))
        for process, rows in self._parts(states):
            result[rows] = process.covariance(states[rows], times[rows])
        return result

    def machine_code(self, prefix: str = "") -> CoefficientSource | None:
        """Return the coefficients as source text for the compiler, if both parts have it."""
        inside = self.inside.machine_code(f"{prefix}inside_")
        outside = self.outside.machine_code(f"{prefix}outside_")
        if inside is None or outside is None:
            return None
        lower, upper, radius = self.support.limits
        precision = self.support.precision.ravel()
        support = np.concatenate([lower, upper, self.support.center, precision, [radius]])
        return extrapolation_source(prefix, inside, outside, support)

    def _parts(self, x: FloatArray) -> list[tuple[Process, Any]]:
        known = self.support.contains(x)
        parts = [(self.inside, np.flatnonzero(known)), (self.outside, np.flatnonzero(~known))]
        return [(process, rows) for process, rows in parts if rows.size]

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return a JSON-able description and the arrays it refers to."""
        config: dict[str, Any] = {"type": self.type_name}
        arrays: dict[str, FloatArray] = {}
        for part in ("inside", "outside", "support"):
            config[part], own = getattr(self, part).to_dict()
            arrays.update({f"{part}.{name}": value for name, value in own.items()})
        return config, arrays

    @classmethod
    def from_dict(cls, config: Mapping[str, Any], arrays: Mapping[str, FloatArray]) -> Self:
        """Restore a process from what ``to_dict`` returned."""
        from stochtext.processes.registry import process_from_dict

        def own(part: str) -> dict[str, FloatArray]:
            start = f"{part}."
            return {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}

        return cls(
            process_from_dict(config["inside"], own("inside")),
            process_from_dict(config["outside"], own("outside")),
            Support.from_dict(config["support"], own("support")),
        )

    def __repr__(self) -> str:
        return f"ExtrapolatedProcess(inside={self.inside!r}, outside={self.outside!r})"


def part_of_type(process: Process, wanted: type[Part]) -> Part:
    """Return the process, or the innermost part of it, that has the type ``wanted``."""
    inner: Process | None = process
    while inner is not None and not isinstance(inner, wanted):
        inner = getattr(inner, "inside", None)
    if inner is None:
        raise InputError(f"{process!r} has no part of type {wanted.__name__}.")
    return inner
