"""What Brownian motion and its exponential share: a rate mu and a factor sigma, in any dimension.

Law of this file: it knows how the two parameters are shaped, not what they mean.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import check_integer
from stochtext.processes.formula import FormulaProcess
from stochtext.processes.parameters import parameter_value

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["RateAndFactor"]


class RateAndFactor(FormulaProcess):
    """A process with a rate mu of shape (d,) and a factor sigma of shape (d, m).

    In one dimension both are numbers. ``_noise_type(d)`` says what sigma makes of the noise.
    """

    _cholesky_parameters: ClassVar[tuple[str, ...]] = ("sigma",)

    def __init__(
        self,
        mu: ArrayLike | None = None,
        sigma: ArrayLike | None = None,
        *,
        dim: int | None = None,
    ) -> None:
        params = {"mu": parameter_value("mu", mu), "sigma": parameter_value("sigma", sigma)}
        dim = self._common_dim(params, dim)
        if dim is not None:
            params = {name: self._fitting(name, value, dim) for name, value in params.items()}
        super().__init__(
            params,
            dim=dim,
            noise=self._noise_type(dim),
            noise_dim=dim if np.ndim(params["sigma"]) < 2 else np.shape(params["sigma"])[1],
            shapes=self._shapes_in(dim, params),
            diagonal=dim in (None, 1),
        )

    @staticmethod
    @abstractmethod
    def _noise_type(dim: int | None) -> str:
        """Return the type of the noise in ``dim`` dimensions."""

    @property
    def autonomous(self) -> bool:
        """The coefficients do not depend on t."""
        return True

    def with_dim(self, dim: int) -> Self:
        """Return the same family in ``dim`` dimensions; a fixed dimension must agree."""
        dim = check_integer("dim", dim)
        if self.dim is not None:
            return super().with_dim(dim)
        return type(self)(**{**self._params, "dim": dim})

    def _replace(self, params: Mapping[str, Any]) -> Self:
        return type(self)(**{**params, **self._settings()})

    def _settings(self) -> dict[str, Any]:
        unspecified_dim = self.dim is not None and not self.is_specified
        return {"dim": self.dim} if unspecified_dim else {}

    def _common_dim(self, params: Mapping[str, Any], dim: int | None) -> int | None:
        sizes = {
            name: 1 if np.ndim(value) == 0 else int(np.shape(value)[0])
            for name, value in params.items()
            if value is not None
        }
        if dim is not None:
            sizes["dim"] = check_integer("dim", dim)
        if len(set(sizes.values())) > 1:
            said = ", ".join(f"{name} has {size}" for name, size in sizes.items())
            raise InputError(
                f"The parameters of {type(self).__name__} disagree about the dimension: {said}. "
                "Give scalars for one coordinate; for d coordinates `mu` of length d and a "
                "matrix `sigma` with d rows."
            )
        return next(iter(sizes.values()), None)

    def _fitting(self, name: str, value: Any, dim: int) -> Any:
        if value is None:
            return None
        if dim == 1 and np.size(value) == 1:
            value = float(np.reshape(value, ()))
        rank = 0 if dim == 1 else (1 if name == "mu" else 2)
        if np.ndim(value) != rank or np.size(value) == 0:
            wanted = ("be a number", f"have shape ({dim},)", f"have shape ({dim}, m)")[rank]
            raise InputError(
                f"`{name}` of {type(self).__name__} must {wanted} in {dim} dimension(s); got "
                f"shape {np.shape(value)}."
            )
        if name == "sigma" and dim == 1 and value < 0:
            raise InputError(f"`sigma` must be a number >= 0; got {value!r}.")
        return value

    @staticmethod
    def _shapes_in(dim: int | None, params: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        if dim in (None, 1):
            return {}
        sigma = params["sigma"]
        return {"mu": (dim,), "sigma": (dim, dim) if sigma is None else np.shape(sigma)}

    def _parameter_bounds(self) -> Mapping[str, tuple[float, float]]:
        return {"sigma": (0.0, np.inf)} if (self.dim or 1) == 1 else {}

    @property
    def _mu(self) -> FloatArray:
        return np.atleast_1d(np.asarray(self._params["mu"], dtype=np.float64))

    @property
    def _sigma(self) -> FloatArray:
        return np.atleast_2d(np.asarray(self._params["sigma"], dtype=np.float64))

    @property
    def exact_normals(self) -> int | None:
        """One standard normal a noise source: the Brownian increment over sqrt(dt)."""
        return self.noise_dim
