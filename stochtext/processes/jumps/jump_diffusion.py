"""Diffusions with compound Poisson jumps.

Law of the room: drift and diffusion are those of the continuous part; the jumps stand beside
them, and no scheme for diffusions may run the process as if it had none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_float_array
from stochtext.processes.base import Process

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["JumpDiffusion"]

_OWN = ("jump_rate", "jump_mean", "jump_factor")


class JumpDiffusion(Process):
    """dX = b(X) dt + sigma(X) dW + xi dN: a diffusion with jumps xi ~ N(mean, factor factor').

    Parameters
    ----------
    continuous : Process
        Gives drift b and diffusion sigma; without dependence on a relative clock.
    jump_rate : float
        Expected number of jumps per unit of time, >= 0.
    jump_mean : array_like of shape (d,)
        Mean jump, in the unit of each coordinate.
    jump_factor : array_like of shape (d, d)
        Lower Cholesky factor of the jumps' covariance; for estimation only that counts.

    Notes
    -----
    The drift is that of the continuous part: the expected change per unit of time is
    ``b + jump_rate * jump_mean``. ``noise`` is ``"jump"``, which no scheme for diffusions
    supports: use :func:`stochtext.simulation.simulate_jumps`.

    References
    ----------
    Cont, R. and Tankov, P. (2004), Financial Modelling with Jump Processes, chapter 4.

    Examples
    --------
    >>> from stochtext.processes import JumpDiffusion, OrnsteinUhlenbeck
    >>> process = JumpDiffusion(OrnsteinUhlenbeck(0.5, 0.0, 0.75), 1.75, [0.0], [[1.58]])
    >>> process.drift([[1.0]]).tolist()
    [[-0.5]]
    """

    type_name = "jump_diffusion"
    _cholesky_parameters: ClassVar[tuple[str, ...]] = ("factor", "sigma", "jump_factor")

    def __init__(
        self,
        continuous: Process,
        jump_rate: float,
        jump_mean: ArrayLike,
        jump_factor: ArrayLike,
    ) -> None:
        d = continuous.dim
        if d is None or not continuous.is_specified or continuous.clock != "time":
            raise InputError(
                "The continuous part of a JumpDiffusion needs a dimension, a value for every "
                "parameter, and clock='time'."
            )
        own: dict[str, Any] = {
            "jump_rate": float(jump_rate),
            "jump_mean": _sized("jump_mean", jump_mean, (d,)),
            "jump_factor": _sized("jump_factor", jump_factor, (d, d)),
        }
        if not own["jump_rate"] >= 0 or not np.isfinite(own["jump_rate"]):
            raise InputError(f"`jump_rate` must be finite and >= 0; got {jump_rate!r}.")
        super().__init__(
            dim=d, noise="general", noise_dim=continuous.noise_dim,
            params={**continuous.params, **own},
        )  # fmt: skip
        self.continuous = continuous

    @property
    def noise(self) -> str:
        """How the process moves at random: "jump", which schemes for diffusions refuse."""
        return "jump"

    @property
    def autonomous(self) -> bool:
        """Whether the coefficients are known not to depend on t."""
        return self.continuous.autonomous

    @property
    def jump_rate(self) -> float:
        """Expected number of jumps per unit of time."""
        return float(self._params["jump_rate"])

    @property
    def jump_mean(self) -> FloatArray:
        """Mean jump, shape (d,)."""
        return np.asarray(self._params["jump_mean"])

    @property
    def jump_covariance(self) -> FloatArray:
        """Covariance of a jump, shape (d, d)."""
        factor = np.asarray(self._params["jump_factor"])
        return factor @ factor.T

    def _drift(self, x: FloatArray, t: FloatArray) -> FloatArray:
        return self.continuous.drift(x, t)

    def _diffusion(self, x: FloatArray, t: FloatArray) -> FloatArray:
        return self.continuous.diffusion(x, t)

    def _parameter_bounds(self) -> Mapping[str, tuple[float, float]]:
        return {"jump_rate": (0.0, np.inf)}

    def _replace(self, params: Mapping[str, Any]) -> Self:
        values = dict(params)
        own = {name: values.pop(name) for name in _OWN}
        return type(self)(self.continuous.with_params(**values), **own)

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return a JSON-able description and the arrays it refers to."""
        inner, inner_arrays = self.continuous.to_dict()
        config = {"type": self.type_name, "continuous": inner, "jump_rate": self.jump_rate}
        arrays = {f"continuous.{name}": value for name, value in inner_arrays.items()}
        arrays["jump_mean"] = self.jump_mean
        arrays["jump_factor"] = np.asarray(self._params["jump_factor"])
        return config, arrays

    @classmethod
    def from_dict(cls, config: Mapping[str, Any], arrays: Mapping[str, FloatArray]) -> Self:
        """Restore a process from what ``to_dict`` returned."""
        from stochtext.processes.registry import process_from_dict

        start = "continuous."
        inner = {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}
        return cls(
            process_from_dict(config["continuous"], inner), config["jump_rate"],
            arrays["jump_mean"], arrays["jump_factor"],
        )  # fmt: skip

    def __repr__(self) -> str:
        return (
            f"JumpDiffusion({self.continuous!r}, jump_rate={self.jump_rate:.6g}, "
            f"jump_mean={self.jump_mean.tolist()}, "
            f"jump_factor={np.asarray(self._params['jump_factor']).tolist()})"
        )


def _sized(name: str, value: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    array = as_float_array(name, value)
    if array.size == 1 and np.prod(shape) == 1:
        array = array.reshape(shape)
    if array.shape != shape or not np.all(np.isfinite(array)):
        raise InputError(f"`{name}` must be finite and have shape {shape}; got {value!r}.")
    return array
