"""Which projection an argument means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, RandomState
from stochtext._shared.validation import check_choice, check_integer
from stochtext.text.projections.random_directions import RandomDirections
from stochtext.text.projections.targeted import TargetedDirections
from stochtext.trajectories.pca import TrajectoryPCA
from stochtext.trajectories.tica import TrajectoryTICA

__all__ = ["PROJECTIONS", "RunningVariance", "make_projection", "prefix_of", "variance_shares"]

PROJECTIONS = ("pca", "whitened_pca", "tica", "pls", "random", "none")
_ROWS = 65_536
_PREFIXES = {
    "pca": "pc", "whitened_pca": "wpc", "tica": "ic", "pls": "pls", "random": "rd", "none": "e",
}  # fmt: skip


def make_projection(
    kind: str | None,
    n_components: Any,
    *,
    lag: int,
    n_whitened: int | None,
    target: str | Sequence[str] | None,
    random_state: RandomState,
) -> Any:
    """Return an unfitted projection; None for none.

    Parameters
    ----------
    kind : str or None
        One of ``PROJECTIONS``; None is ``"none"``.
    n_components, lag, n_whitened, target, random_state
        As in ``TextTrajectories``.
    """
    name = "none" if kind is None else check_choice("projection", kind, PROJECTIONS)
    if target is not None and name != "pls":
        raise InputError(f"`target` is for projection='pls'; got projection={kind!r}.")
    if name == "none":
        return None
    if name in ("pca", "whitened_pca"):
        return TrajectoryPCA(n_components, whiten=name == "whitened_pca")
    if name == "tica":
        among = n_whitened
        if among is not None and n_components is not None:
            among = max(check_integer("n_whitened", among), n_components)
        return TrajectoryTICA(n_components, lag=lag, n_whitened=among)
    if name == "pls":
        return TargetedDirections(n_components, target="position" if target is None else target)
    seed = int(generator(random_state, "projection").integers(2**31))
    return RandomDirections(n_components, random_state=seed)


def prefix_of(kind: str | None) -> str:
    """Return what the names of the coordinates begin with."""
    return _PREFIXES["none" if kind is None else kind]


class RunningVariance(NamedTuple):
    """Variance of the columns of arrays that come one after the other.

    Sums are taken about the mean of the first array, so that no digits are lost.
    """

    n: int = 0
    reference: Any = 0.0
    total: Any = 0.0
    squares: Any = 0.0

    def updated(self, values: FloatArray) -> RunningVariance:
        """Return the state after a further array of shape (n, p)."""
        reference = values.mean(axis=0) if self.n == 0 else self.reference
        count, total, squares = self.n, self.total, self.squares
        for start in range(0, len(values), _ROWS):
            part = values[start : start + _ROWS] - reference
            count, total = count + len(part), total + part.sum(axis=0)
            squares = squares + np.einsum("ij,ij->j", part, part)
        return RunningVariance(count, reference, total, squares)

    @property
    def value(self) -> FloatArray:
        """Variance of each column so far."""
        return np.maximum(self.squares / self.n - np.square(self.total / self.n), 0.0)


def variance_shares(variance: FloatArray, projection: Any) -> FloatArray:
    """Return the share of the variance of the states that goes with each coordinate.

    Parameters
    ----------
    variance : ndarray of shape (p,)
        Of the states before the projection.
    projection : transformer or None
        The fitted projection.
    """
    if hasattr(projection, "explained_variance_ratio_"):
        return np.asarray(projection.explained_variance_ratio_)
    along = variance if projection is None else np.square(projection.patterns_).sum(axis=1)
    total = variance.sum()
    return along / total if total > 0 else np.zeros(along.size)
