"""Slow directions of a panel: time-lagged independent component analysis."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.exceptions import DegenerateDataError, InputError
from stochtext._shared.typing import FloatArray
from stochtext._shared.validation import check_integer
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.transformer import PanelTransformer, orient

__all__ = ["TrajectoryTICA"]


class TrajectoryTICA(PanelTransformer):
    """Project the states on the directions that forget their past most slowly.

    Parameters
    ----------
    n_components : int or None, default None
        Number of components; None keeps all directions with variance.
    lag : int, default 1
        Rows between the two ends of a pair. Pairs never cross from one
        trajectory to the next.
    n_whitened : int or None, default None
        Number of leading principal directions among which slow ones are
        sought; None takes all with variance. With many columns and few rows
        a small number keeps chance correlations out.

    Attributes
    ----------
    components_ : array of shape (k, d)
        Weights; ``(x - mean_) @ components_.T`` has unit variance over the
        ends of the pairs, and no correlation.
    patterns_ : array of shape (k, d)
        Change of the state that goes with one unit of a component; what
        ``inverse_transform`` adds up.
    eigenvalues_ : array of shape (k,)
        Autocorrelation of the components at ``lag``, in [-1, 1], largest first.
    timescales_ : array of shape (k,)
        ``-lag * dt / log(eigenvalue)`` in units of time. NaN where the
        eigenvalue is not positive, or where the steps of the data differ;
        infinite for a component that is constant within each trajectory.
    mean_ : array of shape (d,)
        Mean over both ends of the pairs.
    n_components_ : int
        Number of components, k.
    rank_ : int
        Number of directions with variance.
    n_null_directions_ : int
        Directions without variance, d - ``rank_``; they are dropped.
    log_abs_det_jacobian_ : float or None
        ``log |det|`` of the map; None where it reduces the dimension.
    n_features_in_ : int
        Number of columns, d.

    Raises
    ------
    DegenerateDataError
        In ``fit``, if fewer directions have variance than there are components.

    Notes
    -----
    With the pairs (x, x') pooled, m the mean of all ends, C0 the mean of
    [(x-m)(x-m)' + (x'-m)(x'-m)'] / 2 and C1 that of [(x-m)(x'-m)' +
    (x'-m)(x-m)'] / 2, the components solve C1 w = lambda C0 w: the
    eigenvectors of C1 after whitening with C0. Both ends enter C0, which
    keeps lambda in [-1, 1].

    References
    ----------
    .. [1] L. Molgedey and H. G. Schuster (1994), Separation of a mixture of
       independent signals using time delayed correlations, Phys. Rev. Lett. 72.
    .. [2] G. Pérez-Hernández et al. (2013), Identification of slow molecular
       order parameters for Markov model construction, J. Chem. Phys. 139.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.trajectories.tica import TrajectoryTICA
    >>> t = np.arange(200)
    >>> x = np.column_stack([5.0 * (-1.0) ** t, np.sin(0.02 * t)])
    >>> TrajectoryTICA().fit(x).eigenvalues_.round(2).tolist()
    [1.0, -1.0]
    """

    def __init__(
        self, n_components: int | None = None, *, lag: int = 1, n_whitened: int | None = None
    ) -> None:
        self.n_components = n_components
        self.lag = lag
        self.n_whitened = n_whitened

    def partial_fit(self, X: Any, y: Any = None) -> TrajectoryTICA:
        """Learn from one part of a panel after another, keeping only sums.

        Parameters
        ----------
        X : Trajectories, list of arrays, (m, T, d) array, or (T, d) array
            The next trajectories.
        y : ignored
            For the sake of pipelines.

        Returns
        -------
        TrajectoryTICA
            What ``fit`` to all parts together would give, up to rounding.
        """
        panel = self._next_part(X)
        lag = check_integer("lag", self.lag)
        past = getattr(self, "_sums", None)
        # Sums are taken about the first part's mean, so that no digits are lost.
        reference = panel.values.mean(axis=0) if past is None else past[0]
        dt = panel.dt if past is None or past[1] == panel.dt else None
        sums = (len(panel.values), *_lagged_sums(panel, lag, reference))
        if past is not None:
            sums = tuple(a + b for a, b in zip(past[2:], sums, strict=True))
        self._sums = (reference, dt, *sums)
        self._learn(*_covariances(reference, *sums[1:]), sums[0], dt)
        return self

    def _fit_panel(self, panel: Trajectories) -> None:
        self.__dict__.pop("_sums", None)
        moments = _lagged_covariances(panel, check_integer("lag", self.lag))
        self._learn(*moments, len(panel.values), panel.dt)

    def _learn(
        self, mean: FloatArray, c0: FloatArray, c1: FloatArray, n_rows: int, dt: float | None
    ) -> None:
        """Set what is learned from the covariances."""
        lag = self.lag
        whitener, rank = self._whitener(c0, n_rows)
        k = rank if self.n_components is None else self.n_components
        eigenvalues, vectors = np.linalg.eigh(whitener @ c1 @ whitener.T)
        order = np.argsort(-eigenvalues, kind="stable")[:k]
        self.mean_ = mean
        self.components_ = orient(vectors[:, order].T @ whitener)
        self.patterns_ = self.components_ @ c0
        self.eigenvalues_ = np.clip(eigenvalues[order], -1.0, 1.0)
        self.timescales_ = _timescales(self.eigenvalues_, lag, dt)
        self.n_components_ = len(self.components_)
        self.rank_ = rank
        self.n_null_directions_ = mean.size - rank
        square = self.n_components_ == mean.size
        self.log_abs_det_jacobian_ = (
            float(np.linalg.slogdet(self.components_)[1]) if square else None
        )

    def _whitener(self, c0: FloatArray, n_rows: int) -> tuple[FloatArray, int]:
        variance, directions = np.linalg.eigh(c0)
        variance, directions = variance[::-1], directions[:, ::-1].T
        floor = max(n_rows, len(c0)) * np.finfo(np.float64).eps * max(variance[0], 0.0)
        rank = int((variance > floor).sum())
        kept = rank
        if self.n_whitened is not None:
            kept = min(check_integer("n_whitened", self.n_whitened), rank)
        wanted = 1
        if self.n_components is not None:
            wanted = check_integer("n_components", self.n_components)
        if wanted > kept:
            limit = "" if kept == rank else f", and n_whitened keeps {kept} of them"
            raise DegenerateDataError(
                f"{wanted} component(s) are wanted, but the data vary in only {rank} of "
                f"{len(c0)} directions{limit}. Ask for fewer components or give more data."
            )
        return directions[:kept] / np.sqrt(variance[:kept])[:, None], rank

    def _map(self, states: FloatArray) -> FloatArray:
        return (states - self.mean_) @ self.components_.T

    def _unmap(self, features: FloatArray) -> FloatArray:
        return features @ self.patterns_ + self.mean_

    def _output_names(self) -> tuple[str, ...]:
        return tuple(f"slow{j}" for j in range(self.n_components_))


def _lagged_covariances(panel: Trajectories, lag: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    first, second = _ends(panel, lag)
    mean = (first.mean(axis=0) + second.mean(axis=0)) / 2
    first, second = first - mean, second - mean
    c0 = (first.T @ first + second.T @ second) / (2 * len(first))
    c1 = first.T @ second / len(first)
    return mean, c0, (c1 + c1.T) / 2


def _lagged_sums(panel: Trajectories, lag: int, reference: FloatArray) -> tuple[Any, ...]:
    """Return the number of pairs and the sums of both ends and of their products."""
    first, second = (end - reference for end in _ends(panel, lag))
    squares = first.T @ first + second.T @ second
    return len(first), first.sum(axis=0), second.sum(axis=0), squares, first.T @ second


def _covariances(
    reference: FloatArray,
    n: int,
    first: FloatArray,
    second: FloatArray,
    squares: FloatArray,
    products: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return mean and covariances from sums about a reference."""
    shift = (first + second) / (2 * n)
    c0 = squares / (2 * n) - np.outer(shift, shift)
    c1 = (products - np.outer(first, shift) - np.outer(shift, second)) / n + np.outer(shift, shift)
    return reference + shift, c0, (c1 + c1.T) / 2


def _ends(panel: Trajectories, lag: int) -> tuple[FloatArray, FloatArray]:
    """Return the two ends of all pairs within a trajectory."""
    lengths, offsets = panel.lengths, panel.offsets
    position = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    start = np.flatnonzero(position < np.repeat(lengths, lengths) - lag)
    if start.size == 0:
        raise InputError(
            f"No trajectory has more than lag={lag} rows (the longest has {lengths.max()}). "
            "Choose a smaller `lag`."
        )
    return panel.values[start], panel.values[start + lag]


def _timescales(eigenvalues: FloatArray, lag: int, dt: float | None) -> FloatArray:
    times = np.full(eigenvalues.shape, np.nan)
    if dt is None:
        return times
    # 1 - lambda is half the relative mean squared change: below rounding there is none.
    frozen = eigenvalues >= 1.0 - 1e-12
    decaying = (eigenvalues > 0) & ~frozen
    times[decaying] = -lag * dt / np.log(eigenvalues[decaying])
    times[frozen] = np.inf
    return times
