"""What local estimates share: they know some states, and another process knows the rest."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Continued"]


class Continued(Process):
    """A time-homogeneous process estimated locally and continued where there are no data.

    Parameters
    ----------
    dim : int
        Number of coordinates.
    continuation : Process or None
        Gives the coefficients where the local estimate is NaN; None leaves NaN.
    """

    def __init__(self, *, dim: int, continuation: Process | None) -> None:
        if continuation is not None and continuation.dim != dim:
            raise InputError(
                f"The continuation has {continuation.dim} coordinate(s), the process {dim}."
            )
        noise = "diagonal" if dim == 1 else "general"
        super().__init__(dim=dim, noise=noise, noise_dim=dim)
        self._coordinates = dim
        self.continuation = continuation

    @property
    def dim(self) -> int:
        """Number of coordinates d."""
        return self._coordinates

    @property
    def autonomous(self) -> bool:
        """Whether the coefficients are known not to depend on t."""
        return True

    @abstractmethod
    def local_drift(self, x: FloatArray) -> FloatArray:
        """Return the drift at states, shape (n, d); NaN where there are no data."""

    @abstractmethod
    def local_covariance(self, x: FloatArray) -> FloatArray:
        """Return the covariance rate at states, shape (n, d, d); NaN where there are no data."""

    @abstractmethod
    def _arrays(self) -> dict[str, FloatArray]:
        """Return the arrays that, with the settings, restore the process."""

    @classmethod
    @abstractmethod
    def _restore(
        cls,
        settings: Mapping[str, Any],
        arrays: Mapping[str, FloatArray],
        continuation: Process | None,
    ) -> Self:
        """Return the process that settings and arrays describe."""

    def _drift(self, x: FloatArray, t: FloatArray) -> FloatArray:
        value = self.local_drift(x)
        unknown = np.isnan(value).any(axis=1)
        if self.continuation is not None and unknown.any():
            value[unknown] = self.continuation.drift(x[unknown], t[unknown])
        return value

    def _covariance(self, x: FloatArray, t: FloatArray) -> FloatArray:
        value = self.local_covariance(x)
        unknown = np.isnan(value).any(axis=(1, 2))
        if self.continuation is not None and unknown.any():
            value[unknown] = self.continuation.covariance(x[unknown], t[unknown])
        return value

    def _diffusion(self, x: FloatArray, t: FloatArray) -> FloatArray:
        factor = self._covariance(x, t)
        known = np.isfinite(factor).all(axis=(1, 2))
        factor[known] = np.linalg.cholesky(factor[known])
        return factor

    def _replace(self, params: Mapping[str, Any]) -> Self:
        return self

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return a JSON-able description and the arrays it refers to."""
        config: dict[str, Any] = {"type": self.type_name, "settings": self._settings()}
        arrays = dict(self._arrays())
        if self.continuation is not None:
            config["continuation"], own = self.continuation.to_dict()
            arrays.update({f"continuation.{name}": value for name, value in own.items()})
        return config, arrays

    @classmethod
    def from_dict(cls, config: Mapping[str, Any], arrays: Mapping[str, FloatArray]) -> Self:
        """Restore a process from what ``to_dict`` returned."""
        from stochtext.processes.registry import process_from_dict

        start = "continuation."
        own = {k: v for k, v in arrays.items() if not k.startswith(start)}
        rest = {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}
        continuation = None
        if "continuation" in config:
            continuation = process_from_dict(config["continuation"], rest)
        return cls._restore(config["settings"], own, continuation)
