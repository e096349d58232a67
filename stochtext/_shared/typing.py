"""Types that several rooms share, and the protocols through which lower rooms use higher ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    FloatArray: TypeAlias = NDArray[np.float64]
    IntArray: TypeAlias = NDArray[np.int64]
    BoolArray: TypeAlias = NDArray[np.bool_]
    RandomState: TypeAlias = (
        int | np.random.Generator | np.random.SeedSequence | np.random.RandomState | None
    )
else:
    FloatArray = IntArray = BoolArray = RandomState = ArrayLike = Any

__all__ = [
    "ArrayLike",
    "BoolArray",
    "FloatArray",
    "IntArray",
    "RandomState",
    "Refittable",
    "Vectorised",
]

Vectorised: TypeAlias = Callable[..., Any]


class Refittable(Protocol):
    """What bootstrap and cross-validation need of an estimator."""

    process_: Any
    results_: Any

    def fit(self, X: Any, y: Any = None, **options: Any) -> Any:
        """Fit to a panel of trajectories and return the estimator itself."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's arguments."""

    def score_trajectories(self, X: Any) -> FloatArray:
        """Return the mean log transition density of each trajectory."""
