"""Batched networks: every start of the ensemble is one slice of the same tensors.

All parameters of all starts live in one flat tensor of shape (M, P), which is
what the optimiser moves. torch is imported inside functions only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.estimators.neural.preparation import LinearModel
from stochtext.processes.fitted.network import LOG_SCALE_BOUND

__all__ = [
    "Architecture",
    "Outputs",
    "forward",
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
    """

    n_inputs: int
    dim: int
    drift_hidden: tuple[int, ...] | None
    covariance_hidden: tuple[int, ...] | None
    form: str
    linear_skip: bool = True

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
            listed += _layers("drift", self.n_inputs, self.drift_hidden, self.dim)
        if self.covariance_hidden is not None:
            outputs = self.dim + (low if self.form == "full" else 0)
            listed += _layers("covariance", self.n_inputs, self.covariance_hidden, outputs)
        return listed

    def size(self) -> int:
        """Return the number of parameters of one start."""
        return sum(math.prod(shape) for _, shape in self.blocks())

    def widest(self) -> int:
        """Return the width of the widest hidden layer."""
        return max((*(self.drift_hidden or ()), *(self.covariance_hidden or ())), default=0)

    def penalised(self) -> FloatArray:
        """1 for weights and hidden biases of the networks, 0 for the linear model, shape (P,)."""
        return np.concatenate(
            [np.full(math.prod(shape), float(".layer" in name)) for name, shape in self.blocks()]
        )

    def unpack(self, flat: Any) -> dict[str, Any]:
        """Return views of a flat (M, P) tensor or array by name, starts first."""
        views, start = {}, 0
        for name, shape in self.blocks():
            stop = start + math.prod(shape)
            views[name] = flat[:, start:stop].reshape(len(flat), *shape)
            start = stop
        return views


@dataclass(frozen=True)
class Outputs:
    """Tensors that the networks of M starts give at n inputs.

    Attributes
    ----------
    drift : Tensor of shape (M, n, d)
        Scaled drift.
    log_scale : Tensor of shape (M, n or 1, d)
        Logarithms of the diagonal of the Cholesky factor.
    lower : Tensor of shape (M, n or 1, d (d - 1) / 2)
        Strictly lower triangle of that factor by rows, each row divided by its diagonal.
    """

    drift: Any
    log_scale: Any
    lower: Any


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
            norm = 1.0 + rng.random((len(starts), 1, weight.shape[2]))
            draw = rng.standard_normal(weight.shape)
            weight[:] = draw * norm / np.linalg.norm(draw, axis=1, keepdims=True)
            bends = inputs[rng.integers(len(inputs), size=(len(starts), weight.shape[2]))]
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


def forward(architecture: Architecture, flat: Any, inputs: Any) -> Outputs:
    """Evaluate the networks of all starts.

    Parameters
    ----------
    architecture : Architecture
    flat : Tensor of shape (M, P)
    inputs : Tensor of shape (n, p)

    Notes
    -----
    drift = intercept + inputs @ slope + network(inputs). The log-diagonal
    of the Cholesky factor is a constant plus 5 tanh(network / 5), which keeps
    standard deviations within a factor exp(5) of the linear model's.
    """
    p = architecture.unpack(flat)
    drift = p["drift.intercept"]
    shared = inputs.expand(flat.shape[0], *inputs.shape)
    if "drift.slope" in p:
        drift = drift.baddbmm(shared, p["drift.slope"])
    if architecture.drift_hidden is not None:
        drift = drift + _network(p, "drift", len(architecture.drift_hidden), shared)
    log_scale, lower = p["covariance.log_scale"], p["covariance.lower"]
    if architecture.covariance_hidden is not None:
        out = _network(p, "covariance", len(architecture.covariance_hidden), shared)
        dim = architecture.dim
        log_scale = log_scale + LOG_SCALE_BOUND * (out[..., :dim] / LOG_SCALE_BOUND).tanh()
        if architecture.form == "full" and lower.shape[2]:
            lower = lower + out[..., dim:]
    if drift.shape[1] == 1:
        drift = drift.expand(-1, len(inputs), -1)
    return Outputs(drift, log_scale, lower)


def _network(p: dict[str, Any], room: str, depth: int, hidden: Any) -> Any:
    for k in range(depth):
        hidden = p[f"{room}.layer{k}.bias"].baddbmm(hidden, p[f"{room}.layer{k}.weight"]).tanh()
    return hidden.bmm(p[f"{room}.layer{depth}.weight"])
