"""Product bins in state space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError, ResourceLimitError
from stochtext._shared.typing import FloatArray, IntArray
from stochtext._shared.validation import as_float_array
from stochtext.estimators.local.bandwidth import rule_bandwidth
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.fitted.bins.curve_table import column_limits

__all__ = ["Binning", "make_binning"]

_MOST_BINS = 200
_MOST_CELLS = 1_000_000


@dataclass(frozen=True)
class Binning:
    """Edges along each coordinate; bins are their products.

    Attributes
    ----------
    edges : tuple of d ndarrays of shapes (n_1 + 1,), ..., (n_d + 1,)
    """

    edges: tuple[FloatArray, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of bins along each coordinate."""
        return tuple(len(edges) - 1 for edges in self.edges)

    @property
    def size(self) -> int:
        """Number of bins."""
        return int(np.prod(self.shape))

    @property
    def axes(self) -> tuple[FloatArray, ...]:
        """Middles of the bins along each coordinate."""
        return tuple((edges[1:] + edges[:-1]) / 2 for edges in self.edges)

    @property
    def widths(self) -> FloatArray:
        """Width of the widest bin along each coordinate, shape (d,)."""
        return np.array([np.diff(edges).max() for edges in self.edges])

    @property
    def centers(self) -> FloatArray:
        """Middle of every bin, shape (size, d), the last coordinate running fastest."""
        grids = np.meshgrid(*self.axes, indexing="ij")
        return np.stack([grid.ravel() for grid in grids], axis=1)

    def assign(self, x: FloatArray) -> IntArray:
        """Return the flat number of each state's bin; -1 outside the edges."""
        places, inside = [], np.ones(len(x), dtype=bool)
        for j, edges in enumerate(self.edges):
            place = np.searchsorted(edges, x[:, j], side="right") - 1
            # The last edge belongs to the last bin.
            place[x[:, j] == edges[-1]] = len(edges) - 2
            inside &= (place >= 0) & (place <= len(edges) - 2)
            places.append(np.clip(place, 0, len(edges) - 2))
        flat: IntArray = np.ravel_multi_index(tuple(places), self.shape)
        return np.where(inside, flat, -1)


def make_binning(sample: TransitionSample, bins: Any, min_count: float) -> Binning:
    """Return the bins that ``bins`` asks for.

    Parameters
    ----------
    sample : TransitionSample
    bins : "auto", int, sequence of d ints, or sequence of d arrays of edges
        "auto" takes equal widths that shrink with the observed time like a kernel
        bandwidth, and fewer where the bins would hold too few transitions.
    min_count : float
        What a bin should hold.
    """
    d = sample.dim
    low, high = column_limits(sample.x)
    if isinstance(bins, str):
        if bins != "auto":
            raise InputError(f"`bins` must be 'auto', numbers of bins or edges; got {bins!r}.")
        wanted = (high - low) / rule_bandwidth(sample, "gaussian")
        affordable = max(1, int((sample.n_effective / min_count) ** (1.0 / d)))
        numbers = np.clip(np.ceil(wanted), 1, min(affordable, _MOST_BINS)).astype(np.int64)
        return _equal_bins(low, high, numbers)
    if np.ndim(bins) == 0:
        return _equal_bins(low, high, np.full(d, _number(bins)))
    parts = [bins] if d == 1 and np.ndim(bins[0]) == 0 and len(bins) > 1 else list(bins)
    if len(parts) != d:
        raise InputError(f"`bins` needs one entry for each of the {d} coordinates; got {bins!r}.")
    if all(np.ndim(part) == 0 for part in parts):
        return _equal_bins(low, high, np.array([_number(part) for part in parts]))
    return _checked(Binning(tuple(_edges(part) for part in parts)))


def _equal_bins(low: FloatArray, high: FloatArray, numbers: IntArray) -> Binning:
    if np.prod(numbers.astype(np.float64)) > _MOST_CELLS:
        _refuse(numbers)
    edges = [np.linspace(a, b, number + 1) for a, b, number in zip(low, high, numbers, strict=True)]
    return Binning(tuple(edges))


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"A number of bins must be an integer >= 1; got {value!r}.")
    return int(value)


def _edges(value: Any) -> FloatArray:
    edges = as_float_array("bins", value)
    if edges.ndim != 1 or len(edges) < 2 or not np.all(np.diff(edges) > 0):
        raise InputError("The edges of bins must be increasing and at least two; see `bins`.")
    return edges


def _checked(binning: Binning) -> Binning:
    if np.prod(np.array(binning.shape, dtype=np.float64)) > _MOST_CELLS:
        _refuse(np.array(binning.shape))
    return binning


def _refuse(numbers: IntArray) -> None:
    raise ResourceLimitError(
        f"{' x '.join(map(str, numbers))} bins are more than {_MOST_CELLS}; take fewer bins or "
        "method='kernel'."
    )
