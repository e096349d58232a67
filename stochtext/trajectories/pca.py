"""Principal components of all states of a panel."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.transformer import PanelTransformer, orient

__all__ = ["TrajectoryPCA", "principal_directions"]


def principal_directions(centred: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return sums of squares and directions (rows), largest first; min(n, d) of them."""
    n, d = centred.shape
    if n < d:
        _, singular, directions = np.linalg.svd(centred, full_matrices=False)
        return singular**2, directions
    squares, vectors = np.linalg.eigh(centred.T @ centred)
    return np.maximum(squares[::-1], 0.0), vectors[:, ::-1].T


class TrajectoryPCA(PanelTransformer):
    """Project the states on the directions in which they vary most.

    The directions pool all rows of all trajectories.

    Parameters
    ----------
    n_components : int, float or None, default None
        Number of components; a number between 0 and 1 asks for that share of
        the variance; None keeps all, min(N, d).
    whiten : bool, default False
        Scale every component to unit variance. A component without variance
        is divided by 1.

    Attributes
    ----------
    components_ : array of shape (k, d)
        Orthonormal directions, largest entry positive.
    explained_variance_, explained_variance_ratio_ : arrays of shape (k,)
        Variance along them (divisor N - 1), and its share of the whole.
    mean_ : array of shape (d,)
        Mean of all rows.
    n_components_ : int
        Number of components, k.
    rank_ : int
        Number of directions with variance.
    log_abs_det_jacobian_ : float or None
        ``log |det|`` of the map; 0 for a rotation, -sum log s.d. when whitened,
        None where the map reduces the dimension.
    n_features_in_ : int
        Number of columns, d.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.trajectories.pca import TrajectoryPCA
    >>> t = np.linspace(0.0, 1.0, 9)
    >>> TrajectoryPCA(n_components=1).fit(np.column_stack([t, t])).components_.round(3).tolist()
    [[0.707, 0.707]]
    """

    def __init__(self, n_components: float | None = None, *, whiten: bool = False) -> None:
        self.n_components = n_components
        self.whiten = whiten

    def partial_fit(self, X: Any, y: Any = None) -> TrajectoryPCA:
        """Learn from one part of a panel after another, keeping only sums.

        Parameters
        ----------
        X : Trajectories, list of arrays, (m, T, d) array, or (T, d) array
            The next trajectories.
        y : ignored
            For the sake of pipelines.

        Returns
        -------
        TrajectoryPCA
            What ``fit`` to all parts together would give, up to rounding.
        """
        panel = self._next_part(X)
        past = getattr(self, "_sums", None)
        # Sums are taken about the first part's mean, so that no digits are lost.
        reference = panel.values.mean(axis=0) if past is None else past[0]
        states = panel.values - reference
        sums = (len(states), states.sum(axis=0), states.T @ states)
        if past is not None:
            sums = tuple(a + b for a, b in zip(past[1:], sums, strict=True))
        n, total, squares = sums
        self._sums = (reference, n, total, squares)
        values, vectors = np.linalg.eigh(squares - np.outer(total, total) / n)
        self._learn(reference + total / n, np.maximum(values[::-1], 0.0), vectors[:, ::-1].T, n)
        return self

    def _fit_panel(self, panel: Trajectories) -> None:
        self.__dict__.pop("_sums", None)
        mean = panel.values.mean(axis=0)
        squares, directions = principal_directions(panel.values - mean)
        self._learn(mean, squares, directions, len(panel.values))

    def _learn(self, mean: FloatArray, squares: FloatArray, directions: FloatArray, n: int) -> None:
        """Set what is learned from sums of squares along directions."""
        d = mean.size
        variance = squares / (n - 1)
        k = self._number(variance)
        floor = max(n, d) * np.finfo(np.float64).eps * variance[0]
        spread = variance[:k] > floor
        self.mean_ = mean
        self.components_ = orient(directions[:k])
        self.explained_variance_ = variance[:k]
        total = variance.sum()
        self.explained_variance_ratio_ = variance[:k] / total if total > 0 else np.zeros(k)
        self.n_components_ = k
        self.rank_ = int((variance > floor).sum())
        scale = np.sqrt(np.where(spread, variance[:k], 1.0)) if self.whiten else np.ones(k)
        self.scale_: FloatArray = scale
        self.log_abs_det_jacobian_ = -float(np.log(scale).sum()) if k == d else None

    def _number(self, variance: FloatArray) -> int:
        wanted, available = self.n_components, variance.size
        if wanted is None:
            return available
        if isinstance(wanted, Integral) and not isinstance(wanted, bool):
            if 1 <= wanted <= available:
                return int(wanted)
        elif isinstance(wanted, Real) and 0.0 < wanted < 1.0:
            share = np.cumsum(variance) / max(variance.sum(), np.finfo(np.float64).tiny)
            return min(int(np.searchsorted(share, wanted, side="left")) + 1, available)
        raise InputError(
            f"`n_components` must be None, an integer from 1 to min(N, d) = {available} or a "
            f"share between 0 and 1; got {wanted!r}."
        )

    def _map(self, states: FloatArray) -> FloatArray:
        return (states - self.mean_) @ self.components_.T / self.scale_

    def _unmap(self, features: FloatArray) -> FloatArray:
        return (features * self.scale_) @ self.components_ + self.mean_

    def _output_names(self) -> tuple[str, ...]:
        return tuple(f"pc{j}" for j in range(self.n_components_))
