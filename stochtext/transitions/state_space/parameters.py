"""The parameters of a linear state-space model, as matrices and as one vector."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.processes.linear.mean_basis import MeanBasis, NaturalSpline

__all__ = ["Parameters", "Shape"]


@dataclass(frozen=True)
class Parameters:
    """Matrices of the model; those that a model lacks are None.

    Attributes
    ----------
    kappa : ndarray of shape (d, d)
    trend : ndarray of shape (q, d)
        Coefficients of the mean.
    factor, noise, effect : ndarray of shape (d, d)
        Lower factors of the covariance rate a, of R and of B.
    first : ndarray of shape (d,)
        Mean of the first state.
    spread : ndarray of shape (d, d)
        Lower factor of the covariance of the first state.
    """

    kappa: FloatArray
    trend: FloatArray
    factor: FloatArray
    noise: FloatArray | None = None
    effect: FloatArray | None = None
    first: FloatArray | None = None
    spread: FloatArray | None = None

    @property
    def rate(self) -> FloatArray:
        """The covariance rate a."""
        return self.factor @ self.factor.T

    def moved(self, shift: FloatArray, basis: MeanBasis) -> Parameters:
        """Return the parameters of X + shift."""
        first = None if self.first is None else self.first + shift
        one = np.eye(1, basis.size)[0]
        if isinstance(basis, NaturalSpline):
            one = np.ones(basis.size)
        return replace(self, trend=self.trend + np.outer(one, shift), first=first)

    def with_positive_diagonals(self) -> Parameters:
        """Return the same law with the signs of the factors' columns made unique."""
        values = {}
        for name in ("factor", "noise", "effect", "spread"):
            matrix = getattr(self, name)
            if matrix is not None:
                values[name] = matrix * np.where(np.diag(matrix) < 0, -1.0, 1.0)
        return replace(self, **values)


@dataclass(frozen=True)
class Shape:
    """Which parameters a model has, and their order in a vector.

    Attributes
    ----------
    dim : int
    n_terms : int
        Number q of coefficients of the mean.
    noise : {"none", "diagonal", "full"}
        What is estimated of R; ``"none"`` also where R is given.
    effect : bool
        Whether trajectories have means of their own.
    free_start : bool
        Whether the law of the first state is estimated.
    """

    dim: int
    n_terms: int
    noise: str
    effect: bool
    free_start: bool

    def _entries(self) -> Iterator[tuple[str, tuple[int, ...], tuple[np.ndarray, ...]]]:
        d = self.dim
        lower = np.tril_indices(d)
        square, rows = np.indices((d, d)), np.indices((self.n_terms, d))
        yield "kappa", (d, d), (square[0].ravel(), square[1].ravel())
        yield "trend", (self.n_terms, d), (rows[0].ravel(), rows[1].ravel())
        yield "factor", (d, d), lower
        if self.noise != "none":
            yield "noise", (d, d), lower if self.noise == "full" else (np.arange(d),) * 2
        if self.effect:
            yield "effect", (d, d), lower
        if self.free_start:
            yield "first", (d,), (np.arange(d),)
            yield "spread", (d, d), lower

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(len(index[0]) for _, _, index in self._entries())

    def pack(self, p: Parameters) -> FloatArray:
        """Return the parameters as one vector."""
        return np.concatenate([getattr(p, name)[index] for name, _, index in self._entries()])

    def unpack(self, theta: FloatArray) -> Parameters:
        """Return the matrices laid out by :meth:`pack`."""
        values, start = {}, 0
        for name, shape, index in self._entries():
            matrix = np.zeros(shape)
            matrix[index] = theta[start : start + len(index[0])]
            values[name] = matrix
            start += len(index[0])
        return Parameters(**values)

    def pack_rows(self, gradients: dict[str, FloatArray]) -> FloatArray:
        """Return gradients of shape (n, ...) by name as rows of shape (n, k)."""
        pieces = []
        for name, shape, index in self._entries():
            flat = gradients[name].reshape(len(gradients[name]), -1)
            pieces.append(flat[:, np.ravel_multi_index(index, shape)])
        return np.hstack(pieces)

    def names(self) -> tuple[str, ...]:
        """Return the name of each parameter that does not belong to the latent process."""
        words = {
            "noise": "noise", "effect": "effect", "first": "initial_mean",
            "spread": "initial_factor",
        }  # fmt: skip
        found = []
        for name, _, index in self._entries():
            if name not in words:
                continue
            places = np.column_stack(index).tolist()
            if name == "noise" and self.noise == "diagonal":
                places = [place[:1] for place in places]
            found += [_label(words[name], place, self.dim) for place in places]
        return tuple(found)

    def positions(self, *names: str) -> IntArray:
        """Return where the entries of some matrices stand in the vector."""
        known = {field.name for field in fields(Parameters)}
        assert set(names) <= known
        found, start = [], 0
        for name, _, index in self._entries():
            if name in names:
                found.append(np.arange(start, start + len(index[0])))
            start += len(index[0])
        return np.concatenate(found) if found else np.empty(0, dtype=np.int64)


def _label(word: str, place: list[int], dim: int) -> str:
    return word if dim == 1 else f"{word}[{','.join(str(k) for k in place)}]"
