"""The Gaussian quasi-likelihood of scaled transitions, for all starts at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.estimators.neural.networks import Architecture, Outputs, forward
from stochtext.estimators.neural.preparation import ScaledTransitions
from stochtext.estimators.neural.splitting import HeldOut

__all__ = ["Objective", "log_density"]

CHUNK_ELEMENTS = 150_000


def log_density(outputs: Outputs, response: Any, rate: Any) -> Any:
    """Log density of each response under each start, a tensor of shape (M, n).

    Notes
    -----
    Euler's one-step law in scaled units: response ~ N(rate * drift, L L'),
    L = diag(exp(log_scale)) (I + lower). The residual is divided by the
    diagonal and then solved forward through the unit lower triangle.
    """
    dim = response.shape[1]
    white = (response - rate * outputs.drift) * (-outputs.log_scale).exp()
    lower = outputs.lower
    if lower.shape[2]:
        white = _solve_constant(white, lower) if lower.shape[1] == 1 else _solve(white, lower)
    log_det = outputs.log_scale.sum(-1)
    return -0.5 * (white * white).sum(-1) - log_det - 0.5 * dim * math.log(2 * math.pi)


def _solve(white: Any, lower: Any) -> Any:
    """Forward substitution with another triangle at every transition."""
    import torch

    columns, start = [white[..., 0]], 0
    for row in range(1, white.shape[2]):
        value = white[..., row]
        for column in range(row):
            value = value - lower[..., start + column] * columns[column]
        columns.append(value)
        start += row
    return torch.stack(columns, dim=-1)


def _solve_constant(white: Any, lower: Any) -> Any:
    """Forward substitution with one triangle a start."""
    import torch

    dim = white.shape[2]
    rows, columns = np.tril_indices(dim, -1)
    triangle = torch.eye(dim, dtype=white.dtype, device=white.device).repeat(len(white), 1, 1)
    triangle[:, rows, columns] = lower[:, 0]
    solved = torch.linalg.solve_triangular(
        triangle, white.transpose(1, 2), upper=False, unitriangular=True
    )
    return solved.transpose(1, 2)


@dataclass
class Objective:
    """Penalised negative mean log density of each start on its own training transitions.

    Attributes
    ----------
    architecture : Architecture
    inputs, response, rate : Tensor
        The scaled transitions.
    train : Tensor of shape (M, n)
        Weights of each start's training transitions; rows sum to one.
    held_out : Tensor of shape (3, M, n)
        Weights of its held-out transitions: all, first half, second half.
    penalty : Tensor of shape (M, P)
        Ridge precision of each parameter, per unit of training weight.
    """

    architecture: Architecture
    inputs: Any
    response: Any
    rate: Any
    train: Any
    held_out: Any
    penalty: Any

    @classmethod
    def build(
        cls,
        architecture: Architecture,
        data: ScaledTransitions,
        split: HeldOut,
        ridge: float,
        device: str,
    ) -> Objective:
        """Move the data to the device.

        Parameters
        ----------
        architecture : Architecture
        data : ScaledTransitions
        split : HeldOut
            What each start does not see.
        ridge : float
            Precision of the Gaussian prior on the networks' weights.
        device : str
        """
        import torch

        def tensor(value: FloatArray) -> Any:
            return torch.as_tensor(np.ascontiguousarray(value), dtype=torch.float64, device=device)

        train = data.weight * split.train
        total = train.sum(axis=1, keepdims=True)
        halves = np.stack([np.ones_like(split.half), split.half, ~split.half])
        test = data.weight * (split.test & halves[:, None, :])
        test = test / np.maximum(test.sum(axis=2, keepdims=True), 1e-300)
        penalty = ridge * architecture.penalised() / total
        return cls(
            architecture, tensor(data.inputs), tensor(data.response), tensor(data.rate),
            tensor(train / total), tensor(test), tensor(penalty),
        )  # fmt: skip

    def value_and_gradient(self, flat: Any) -> tuple[Any, Any, Any]:
        """Return loss (M,), its gradient (M, P) and held-out losses (3, M), detached.

        Starts do not interact, so the gradient of the sum holds each start's own.
        """
        flat = flat.detach().requires_grad_(True)
        loss = 0.5 * (self.penalty * flat * flat).sum(1)
        loss.sum().backward()
        loss, held_out = loss.detach(), 0.0 * self.held_out[:, :, 0]
        for rows in self._chunks():
            terms = self._terms(flat, rows)
            part = -(self.train[:, rows] * terms).sum(1)
            part.sum().backward()
            loss = loss + part.detach()
            held_out = held_out - (self.held_out[:, :, rows] * terms.detach()).sum(2)
        return loss, flat.grad, held_out

    def log_densities(self, flat: Any, drift: FloatArray | None = None) -> FloatArray:
        """Log density of every transition under every start, shape (M, n).

        Parameters
        ----------
        flat : ndarray of shape (M, P)
        drift : ndarray of shape (M, n, d), optional
            Scaled drifts to use instead of the networks'.
        """
        import torch

        flat = torch.as_tensor(flat, device=self.inputs.device)
        other = None if drift is None else torch.as_tensor(drift, device=self.inputs.device)
        with torch.no_grad():
            parts = [
                self._terms(flat, rows, None if other is None else other[:, rows]).cpu().numpy()
                for rows in self._chunks()
            ]
        return np.concatenate(parts, axis=1)

    def drifts(self, flat: FloatArray) -> FloatArray:
        """Scaled drift of every start at every transition, shape (M, n, d)."""
        import torch

        parameters = torch.as_tensor(flat, device=self.inputs.device)
        with torch.no_grad():
            parts = [
                forward(self.architecture, parameters, self.inputs[rows]).drift.cpu().numpy()
                for rows in self._chunks()
            ]
        return np.concatenate(parts, axis=1)

    def _terms(self, flat: Any, rows: slice, drift: Any = None) -> Any:
        outputs = forward(self.architecture, flat, self.inputs[rows])
        if drift is not None:
            outputs = Outputs(drift, outputs.log_scale, outputs.lower)
        return log_density(outputs, self.response[rows], self.rate[rows])

    def _chunks(self) -> list[slice]:
        # hidden layers that stay in the processor's cache make a pass three times faster
        width = max(self.architecture.widest(), 1) * len(self.train)
        size = max(256, CHUNK_ELEMENTS // width)
        return [slice(k, k + size) for k in range(0, len(self.inputs), size)]
