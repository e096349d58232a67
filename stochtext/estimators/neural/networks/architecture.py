"""Which networks there are, how their parameters lie in one flat vector, where they start."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.estimators.neural.networks.preparation import LinearModel

__all__ = [
    "Architecture",
    "initial_parameters",
    "n_off_diagonal",
    "set_constant_covariance",
]


@dataclass(frozen=True)
class Architecture:
    """Which networks there are and how their parameters lie in the flat vector.

    Attributes
    ----------
    n_inputs, dim : int
    drift_hidden, covariance_hidden : tuple of int, or None
        Widths of the hidden layers; None switches the network off.
    form : {"full", "constant-correlation", "diagonal"}
        What of the covariance rate depends on the state.
    linear_skip : bool
        Whether the drift has an affine part.
    n_linear : int
        How many of the last inputs act on the drift through its affine part alone.
    """

    n_inputs: int
    dim: int
    drift_hidden: tuple[int, ...] | None
    covariance_hidden: tuple[int, ...] | None
    form: str
    linear_skip: bool = True
    n_linear: int = 0

    def blocks(self) -> list[tuple[str, tuple[int, ...]]]:
        """Names and shapes of the parameters of one start, in the order they are stored."""
        low = n_off_diagonal(self.dim) if self.form != "diagonal" else 0
        listed: list[tuple[str, tuple[int, ...]]] = []
        if self.linear_skip or self.drift_hidden is None:
            listed.append(("drift.slope", (self.n_inputs, self.dim)))
        listed += [
            ("drift.intercept", (1, self.dim)),
            ("covariance.log_scale", (1, self.dim)),
            ("covariance.lower", (1, low)),
        ]
        if self.drift_hidden is not None:
            seen = self.n_inputs - self.n_linear
            listed += _layers("drift", seen, self.drift_hidden, self.dim)
        if self.covariance_hidden is not None:
            outputs = self.dim + (low if self.form == "full" else 0)
            listed += _layers("covariance", self.n_inputs, self.covariance_hidden, outputs)
        return listed

    def size(self) -> int:
        """Return the number of parameters of one start."""
        return sum(math.prod(shape) for _, shape in self.blocks())

    def slices(self) -> dict[str, slice]:
        """Where each array stands in the flat vector of one start."""
        found, start = {}, 0
        for name, shape in self.blocks():
            found[name] = slice(start, start + math.prod(shape))
            start += math.prod(shape)
        return found

    def groups(self) -> list[tuple[str, slice]]:
        """Layers of the networks, which share one ridge each, with their place.

        The bias of a hidden layer belongs to its layer; what belongs to no group is not
        penalised.
        """
        parts = self.slices()
        return [
            (name.removesuffix(".weight"), slice(part.start, parts.get(
                name.replace(".weight", ".bias"), part).stop))
            for name, part in parts.items()
            if name.endswith(".weight")
        ]  # fmt: skip

    def unpack(self, flat: FloatArray) -> dict[str, FloatArray]:
        """Return views of a flat (M, P) array by name, starts first."""
        views, start = {}, 0
        for name, shape in self.blocks():
            stop = start + math.prod(shape)
            views[name] = flat[:, start:stop].reshape(len(flat), *shape)
            start = stop
        return views


def n_off_diagonal(dim: int) -> int:
    """Return the number of entries below the diagonal."""
    return dim * (dim - 1) // 2


def _layers(
    room: str, n_inputs: int, hidden: tuple[int, ...], n_outputs: int
) -> list[tuple[str, tuple[int, ...]]]:
    listed: list[tuple[str, tuple[int, ...]]] = []
    width = n_inputs
    for k, units in enumerate(hidden):
        listed += [
            (f"{room}.layer{k}.weight", (width, units)),
            (f"{room}.layer{k}.bias", (1, units)),
        ]
        width = units
    listed.append((f"{room}.layer{len(hidden)}.weight", (width, n_outputs)))
    return listed


def initial_parameters(
    architecture: Architecture,
    starts: list[LinearModel],
    inputs: FloatArray,
    rng: np.random.Generator,
) -> FloatArray:
    """Draw the parameters of each start; the networks' outputs are zero at the beginning.

    The first layer's units have random directions, with their bends at
    observed states; deeper layers are Glorot-normal.

    Parameters
    ----------
    architecture : Architecture
    starts : list of LinearModel
        What each start's affine drift and covariance begin with.
    inputs : ndarray of shape (n, p)
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (M, P)
    """
    flat = np.zeros((len(starts), architecture.size()))
    views = architecture.unpack(flat)
    for m, model in enumerate(starts):
        _set_linear(views, m, model)
    for name in views:
        if not name.endswith(".weight") or _is_output(name, views):
            continue
        weight = views[name]
        if ".layer0." in name:
            norm = 0.5 + 0.5 * rng.random((len(starts), 1, weight.shape[2]))
            draw = rng.standard_normal(weight.shape)
            weight[:] = draw * norm / np.linalg.norm(draw, axis=1, keepdims=True)
            rows = rng.integers(len(inputs), size=(len(starts), weight.shape[2]))
            bends = inputs[rows][..., : weight.shape[1]]
            views[name.replace("weight", "bias")][:, 0] = -np.einsum("mhp,mph->mh", bends, weight)
        else:
            weight[:] = rng.standard_normal(weight.shape) * np.sqrt(2.0 / sum(weight.shape[1:]))
    return flat


def _is_output(name: str, views: dict[str, Any]) -> bool:
    return name.replace("weight", "bias") not in views


def _set_linear(views: dict[str, Any], m: int, model: LinearModel) -> None:
    views["drift.intercept"][m, 0] = model.intercept
    if "drift.slope" in views:
        views["drift.slope"][m] = model.slope
    set_constant_covariance(views, m, model.covariance)


def set_constant_covariance(views: dict[str, Any], m: int, covariance: FloatArray) -> None:
    """Write one member's constant covariance, as log-diagonal and scaled lower triangle."""
    factor = np.linalg.cholesky(covariance)
    diagonal = np.diag(factor)
    views["covariance.log_scale"][m, 0] = np.log(diagonal)
    if views["covariance.lower"].shape[2]:
        rows, columns = np.tril_indices(len(diagonal), -1)
        views["covariance.lower"][m, 0] = (factor / diagonal[:, None])[rows, columns]
