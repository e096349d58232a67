"""A process whose drift is the posterior mean of a Gaussian process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy.linalg import solve_triangular
from scipy.spatial.distance import cdist

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_float_array, as_states
from stochtext.processes.base import Process
from stochtext.processes.fitted.continuation import Continued

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["GaussianProcessDiffusion", "InducedFeatures"]

# Added to the diagonal of the prior covariance of the inducing values, of which it is a share.
_JITTER = 1e-8


class InducedFeatures:
    """A line, and functions that span the Gaussian process at its inducing states.

    Parameters
    ----------
    inducing : ndarray of shape (m, d)
    length : ndarray of shape (d,)
        Length scales of the squared exponential kernel, in units of the coordinates.
    centre, scale : ndarrays of shape (d,)
        What the line is counted from and in.

    Notes
    -----
    With K the prior covariance of the inducing values and K = L L^T, the functions are
    L^{-1} k(z, x): with independent standard normal coefficients they have the covariance
    k(x, z) K^{-1} k(z, x') of the subset of regressors (Quiñonero-Candela and Rasmussen,
    2005, JMLR 6, 1939-1959, eq. 16).
    """

    def __init__(
        self, inducing: FloatArray, length: FloatArray, centre: FloatArray, scale: FloatArray
    ) -> None:
        self.inducing, self.length = inducing, length
        self.centre, self.scale = centre, scale
        prior = self._kernel(inducing)
        self._root = np.linalg.cholesky(prior + _JITTER * np.eye(len(inducing)))

    @property
    def n_linear(self) -> int:
        """Number of columns that belong to the line."""
        return len(self.length) + 1

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return 1, the scaled coordinates and the functions at states, shape (n, 1 + d + m)."""
        induced = solve_triangular(self._root, self._kernel(x).T, lower=True).T
        line = (x - self.centre) / self.scale
        return np.hstack([np.ones((len(x), 1)), line, induced])

    def _kernel(self, x: FloatArray) -> FloatArray:
        distance = cdist(x / self.length, self.inducing / self.length, "sqeuclidean")
        kernel: FloatArray = np.exp(-0.5 * distance)
        return kernel


class GaussianProcessDiffusion(Continued):
    """Posterior mean drift of a Gaussian process, with a constant covariance rate.

    Parameters
    ----------
    inducing : array_like of shape (m, d)
        States at which the posterior is held.
    length, centre, scale : array_like of shape (d,)
        See `InducedFeatures`.
    amplitude : array_like of shape (d,)
        Prior standard deviation of each component of the drift about its line.
    coefficients : array_like of shape (d, 1 + d + m)
        Posterior means of the coefficients of each component.
    posterior : array_like of shape (d, 1 + d + m, 1 + d + m)
        Their posterior covariances.
    rate : array_like of shape (d, d)
        Covariance rate.
    continuation : Process, optional

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.processes.fitted.gaussian_process import GaussianProcessDiffusion
    >>> process = GaussianProcessDiffusion(
    ...     [[0.0]], length=[1.0], centre=[0.0], scale=[1.0], amplitude=[1.0],
    ...     coefficients=[[0.0, -1.0, 0.0]], posterior=np.zeros((1, 3, 3)), rate=[[1.0]],
    ... )
    >>> process.drift([[0.5]])
    array([[-0.5]])
    """

    type_name: ClassVar[str] = "gaussian_process"

    def __init__(
        self,
        inducing: ArrayLike,
        *,
        length: ArrayLike,
        centre: ArrayLike,
        scale: ArrayLike,
        amplitude: ArrayLike,
        coefficients: ArrayLike,
        posterior: ArrayLike,
        rate: ArrayLike,
        continuation: Process | None = None,
    ) -> None:
        states = as_states("inducing", inducing, None)
        m, d = states.shape
        p = 1 + d + m
        super().__init__(dim=d, continuation=continuation)
        self._own = {
            "inducing": states,
            "length": _sized("length", length, (d,)),
            "centre": _sized("centre", centre, (d,)),
            "scale": _sized("scale", scale, (d,)),
            "amplitude": _sized("amplitude", amplitude, (d,)),
            "coefficients": _sized("coefficients", coefficients, (d, p)),
            "posterior": _sized("posterior", posterior, (d, p, p)),
            "rate": _sized("rate", rate, (d, d)),
        }
        self.features = InducedFeatures(
            states, *(self._own[name] for name in ("length", "centre", "scale"))
        )

    def local_drift(self, x: ArrayLike) -> FloatArray:
        """Return the posterior mean of the drift, shape (n, d)."""
        features = self.features(as_states("x", x, self.dim))
        return features @ self._own["coefficients"].T

    def drift_variance(self, x: ArrayLike) -> FloatArray:
        """Return the posterior variance of the drift, shape (n, d).

        The part of the prior that the inducing states do not span is added.
        """
        features = self.features(as_states("x", x, self.dim))
        spanned = np.einsum("np,jpq,nq->nj", features, self._own["posterior"], features)
        induced = features[:, self.features.n_linear :]
        left = np.maximum(1.0 - np.sum(induced**2, axis=1), 0.0)
        return spanned + left[:, None] * self._own["amplitude"] ** 2

    def local_covariance(self, x: ArrayLike) -> FloatArray:
        """Return the covariance rate, shape (n, d, d)."""
        n = len(as_states("x", x, self.dim))
        return np.tile(self._own["rate"], (n, 1, 1))

    def _settings(self) -> dict[str, Any]:
        return {}

    def _arrays(self) -> dict[str, FloatArray]:
        return dict(self._own)

    @classmethod
    def _restore(
        cls,
        settings: Mapping[str, Any],
        arrays: Mapping[str, FloatArray],
        continuation: Process | None,
    ) -> Self:
        given = dict(arrays)
        return cls(given.pop("inducing"), **given, continuation=continuation)

    def __repr__(self) -> str:
        width = ", ".join(f"{length:.4g}" for length in self._own["length"])
        count = len(self._own["inducing"])
        return f"GaussianProcessDiffusion({count} inducing states, length=({width}))"


def _sized(name: str, value: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    array = as_float_array(name, value)
    if array.shape != shape:
        raise InputError(f"`{name}` must have shape {shape}; got {array.shape}.")
    return array
