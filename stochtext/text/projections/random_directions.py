"""Directions that no data chose: what any projection must beat."""

from __future__ import annotations

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext._shared.typing import RandomState
from stochtext._shared.validation import check_integer
from stochtext.text.projections.linear_map import LinearMap
from stochtext.trajectories.panel import Trajectories

__all__ = ["RandomDirections"]


class RandomDirections(LinearMap):
    """Project the states on orthonormal directions drawn uniformly.

    Parameters
    ----------
    n_components : int
        Number of directions.
    random_state : int, Generator or None
        Seed.

    Examples
    --------
    >>> import numpy as np
    >>> RandomDirections(2).fit_transform(np.eye(4)).shape
    (4, 2)
    """

    _prefix = "rd"

    def __init__(self, n_components: int = 8, *, random_state: RandomState = 0) -> None:
        self.n_components = n_components
        self.random_state = random_state

    def partial_fit(self, X: object, y: object = None) -> RandomDirections:
        """Learn from the first part; the directions need no more.

        Parameters
        ----------
        X : Trajectories
            The next trajectories.
        y : ignored
            For the sake of pipelines.
        """
        return self if hasattr(self, "components_") else self.fit(X)

    def _fit_panel(self, panel: Trajectories) -> None:
        p = panel.n_features
        k = check_integer("n_components", self.n_components)
        if k > p:
            raise InputError(f"`n_components` is {k}, but the states have {p} dimensions.")
        rng = generator(self.random_state, "random directions")
        # With the signs of the triangle's diagonal the rotation is uniform.
        rotation, triangle = np.linalg.qr(rng.standard_normal((p, k)))
        self.components_ = (rotation * np.sign(np.diagonal(triangle))).T
        self.patterns_ = self.components_
        self.mean_ = panel.values.mean(axis=0)
        total = float(panel.values.var(axis=0).sum())
        along = self._map(panel.values).var(axis=0)
        self.explained_variance_ratio_ = along / total if total > 0 else np.zeros(k)
