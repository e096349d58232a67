"""Processes whose coefficients are interpolated between bins of observed transitions.

A bin without data has no coefficients, and a state between empty bins has none.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, BoolArray, FloatArray, IntArray
from stochtext._shared.validation import as_float_array, as_states
from stochtext.processes.base import Process
from stochtext.processes.fitted.continuation import Continued

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["BinnedProcess"]


class BinnedProcess(Continued):
    """A diffusion given by drift and covariance rate on a grid of bins.

    Parameters
    ----------
    centers : sequence of d arrays of shapes (n_1,), ..., (n_d,)
        Increasing positions of the bins along each coordinate. In one coordinate
        they may be the mean states of the bins.
    drift_values : array_like of shape (n_1, ..., n_d, d)
        Drift of each bin; NaN marks a bin without data.
    covariance_values : array_like of shape (n_1, ..., n_d, d, d)
        Covariance rate of each bin, symmetric and positive semi-definite.
    reach : array_like of shape (d,), optional
        How far beyond the first and the last position, and from a populated one,
        the coefficients still count; default the largest spacing.
    continuation : Process, optional
        Gives the coefficients where there is no local estimate; NaN without it.

    Notes
    -----
    Interpolation is linear between neighbouring populated bins in one coordinate,
    and multilinear over the populated corners of a cell in more, with weights that
    are non-negative and sum to one: an interpolated covariance rate stays positive.
    In one coordinate a gap wider than twice the reach is a gap: NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.processes.fitted.bins.binned import BinnedProcess
    >>> process = BinnedProcess([[0.0, 1.0]], [[1.0], [-1.0]], np.ones((2, 1, 1)))
    >>> process.drift([0.25]).tolist()
    [[0.5]]
    """

    type_name: ClassVar[str] = "binned"

    def __init__(
        self,
        centers: Sequence[ArrayLike],
        drift_values: ArrayLike,
        covariance_values: ArrayLike,
        *,
        reach: ArrayLike | None = None,
        continuation: Process | None = None,
    ) -> None:
        self.centers = tuple(as_float_array("centers", c) for c in centers)
        grid = tuple(len(c) for c in self.centers)
        d = len(grid)
        super().__init__(dim=d, continuation=continuation)
        for j, positions in enumerate(self.centers):
            if positions.ndim != 1 or not len(positions) or np.any(np.diff(positions) <= 0):
                raise InputError(f"`centers[{j}]` must be a non-empty increasing 1-D array.")
        self.drift_values = _sized("drift_values", drift_values, (*grid, d))
        self.covariance_values = _sized("covariance_values", covariance_values, (*grid, d, d))
        widest = [np.max(np.diff(c), initial=0.0) for c in self.centers]
        self.reach = _sized("reach", widest if reach is None else reach, (d,))
        known = np.isfinite(self.drift_values).all(axis=-1)
        known &= np.isfinite(self.covariance_values).all(axis=(-1, -2))
        self._known: BoolArray = np.asarray(known)
        if not self._known.any() and continuation is None:
            raise InputError("Every bin is empty; a BinnedProcess needs at least one with data.")

    def local_drift(self, x: ArrayLike) -> FloatArray:
        """Return the drift at states, shape (n, d); NaN where there are no data."""
        return self._interpolate(as_states("x", x, self.dim), self.drift_values)

    def local_covariance(self, x: ArrayLike) -> FloatArray:
        """Return the covariance rate at states, shape (n, d, d); NaN where there are no data."""
        return self._interpolate(as_states("x", x, self.dim), self.covariance_values)

    def _settings(self) -> dict[str, Any]:
        return {}

    def _arrays(self) -> dict[str, FloatArray]:
        arrays = {f"centers_{j}": c for j, c in enumerate(self.centers)}
        arrays["drift_values"] = self.drift_values
        arrays["covariance_values"] = self.covariance_values
        arrays["reach"] = self.reach
        return arrays

    @classmethod
    def _restore(
        cls,
        settings: Mapping[str, Any],
        arrays: Mapping[str, FloatArray],
        continuation: Process | None,
    ) -> Self:
        centers = [arrays[f"centers_{j}"] for j in range(len(arrays["reach"]))]
        return cls(
            centers, arrays["drift_values"], arrays["covariance_values"], reach=arrays["reach"],
            continuation=continuation,
        )  # fmt: skip

    def __repr__(self) -> str:
        grid = " x ".join(str(len(c)) for c in self.centers)
        return f"BinnedProcess({grid} bins, {int(self._known.sum())} with data)"

    def _interpolate(self, x: FloatArray, values: FloatArray) -> FloatArray:
        if self.dim == 1:
            return self._between_populated(x[:, 0], values)
        tail = values.shape[self.dim :]
        total = np.zeros((len(x), *tail))
        weight_sum = np.zeros(len(x))
        cells = [self._cell(x[:, j], j) for j in range(self.dim)]
        inside = np.all([near for _, _, near in cells], axis=0)
        for corner in itertools.product((0, 1), repeat=self.dim):
            place = tuple(
                np.minimum(low + step, len(c) - 1)
                for (low, _, _), step, c in zip(cells, corner, self.centers, strict=True)
            )
            shares = [s if step else 1 - s for (_, s, _), step in zip(cells, corner, strict=True)]
            weight = np.prod(shares, axis=0) * self._known[place]
            present = weight > 0
            rows = tuple(index[present] for index in place)
            share = weight[present].reshape(-1, *([1] * len(tail)))
            total[present] += share * values[rows]
            weight_sum += weight
        known = inside & (weight_sum > 0)
        total[known] /= weight_sum[known].reshape(-1, *([1] * len(tail)))
        total[~known] = np.nan
        return total

    def _cell(self, x: FloatArray, j: int) -> tuple[IntArray, FloatArray, BoolArray]:
        """Return the lower neighbour, the share of the upper one, and who is near the grid."""
        centers = self.centers[j]
        near = (x >= centers[0] - self.reach[j]) & (x <= centers[-1] + self.reach[j])
        low = np.clip(np.searchsorted(centers, x, side="right") - 1, 0, max(len(centers) - 2, 0))
        high = np.minimum(low + 1, len(centers) - 1)
        width = np.where(high > low, centers[high] - centers[low], 1.0)
        return low, np.clip((x - centers[low]) / width, 0.0, 1.0), near

    def _between_populated(self, x: FloatArray, values: FloatArray) -> FloatArray:
        known, reach = self._known, self.reach[0]
        result = np.full((len(x), *values.shape[1:]), np.nan)
        if not known.any():
            return result
        positions, values = self.centers[0][known], values[known]
        result.reshape(-1)[:] = np.interp(x, positions, values.reshape(-1))
        far = (x < positions[0] - reach) | (x > positions[-1] + reach)
        for k in np.flatnonzero(np.diff(positions) > 2 * reach):
            far |= (x > positions[k] + reach) & (x < positions[k + 1] - reach)
        result[far] = np.nan
        return result

    def _diffusion(self, x: FloatArray, t: FloatArray) -> FloatArray:
        if self.dim > 1:
            return super()._diffusion(x, t)
        with np.errstate(invalid="ignore"):
            return np.asarray(np.sqrt(self._covariance(x, t)))


def _sized(name: str, value: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    array = as_float_array(name, value)
    if array.shape != shape:
        raise InputError(f"`{name}` must have shape {shape}; got {array.shape}.")
    return array
