"""One trained start, and what its parameters say at scaled inputs, in plain NumPy.

Law of this file: pure functions of ``(architecture, parameters, z)`` in the units of
``Scaling``; the drift in state units is ``drift_unit * drift``, the covariance rate
``noise_unit_i noise_unit_j covariance_ij``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.estimators.neural.networks.architecture import Architecture
from stochtext.processes.fitted.networks.network import LOG_SCALE_BOUND

__all__ = [
    "Member",
    "covariance",
    "covariance_jacobian",
    "drift",
    "drift_jacobian",
    "drift_slopes",
    "factor",
    "penalty",
]


@dataclass(frozen=True)
class Member:
    """One trained start.

    Attributes
    ----------
    architecture : Architecture
    parameters : ndarray of shape (P,)
    ridge : ndarray of shape (G,)
        Prior precision of each of ``architecture.groups()``, in nats of the summed log
        likelihood.
    objective : float
        Penalised negative log likelihood per unit of weight, in scaled units.
    history : ndarray of shape (n_iter,)
        The objective by iteration.
    """

    architecture: Architecture
    parameters: FloatArray
    ridge: FloatArray
    objective: float
    history: FloatArray = field(default_factory=lambda: np.empty(0))


def penalty(architecture: Architecture, ridge: FloatArray) -> FloatArray:
    """Return the prior precision of each parameter, zero outside the networks.

    Parameters
    ----------
    architecture : Architecture
    ridge : ndarray of shape (..., G)

    Returns
    -------
    ndarray of shape (..., P)
    """
    precision = np.zeros((*np.shape(ridge)[:-1], architecture.size()))
    for k, (_, part) in enumerate(architecture.groups()):
        precision[..., part] = np.asarray(ridge)[..., [k]]
    return precision


def drift(architecture: Architecture, parameters: FloatArray, z: FloatArray) -> FloatArray:
    """Return the scaled drift, shape (n, d)."""
    p = _named(architecture, parameters)
    out = np.broadcast_to(p["drift.intercept"], (len(z), architecture.dim))
    if "drift.slope" in p:
        out = out + z @ p["drift.slope"]
    if architecture.drift_hidden is not None:
        out = out + _activations(p, "drift", architecture.drift_hidden, z)[-1]
    return np.array(out)


def factor(architecture: Architecture, parameters: FloatArray, z: FloatArray) -> FloatArray:
    """Return the lower Cholesky factor of the scaled covariance rate, shape (n, d, d)."""
    scale, triangle = _factor_parts(architecture, parameters, z)
    return scale[:, :, None] * triangle


def covariance(architecture: Architecture, parameters: FloatArray, z: FloatArray) -> FloatArray:
    """Return the scaled covariance rate, shape (n, d, d)."""
    lower = factor(architecture, parameters, z)
    return lower @ lower.transpose(0, 2, 1)


def drift_jacobian(architecture: Architecture, parameters: FloatArray, z: FloatArray) -> FloatArray:
    """Return the derivatives of the scaled drift by the parameters, shape (n, d, P)."""
    d = architecture.dim
    jacobian = np.zeros((len(z), d, architecture.size()))
    parts = architecture.slices()
    for j in range(d):
        jacobian[:, j, parts["drift.intercept"].start + j] = 1.0
        if "drift.slope" in parts:
            jacobian[:, j, parts["drift.slope"].start + j : parts["drift.slope"].stop : d] = z
    if architecture.drift_hidden is not None:
        p = _named(architecture, parameters)
        _network_jacobian(p, parts, "drift", architecture.drift_hidden, z, jacobian)
    return jacobian


def drift_slopes(architecture: Architecture, parameters: FloatArray, z: FloatArray) -> FloatArray:
    """Return the derivatives of the scaled drift by the coordinates, shape (n, d, d).

    The second axis is the coordinate, the third the component of the drift.
    """
    p, d = _named(architecture, parameters), architecture.dim
    slopes = np.zeros((len(z), d, d))
    if "drift.slope" in p:
        slopes += p["drift.slope"][:d]
    if architecture.drift_hidden is not None:
        layers = _activations(p, "drift", architecture.drift_hidden, z)
        first = p["drift.layer0.weight"][:d]
        moved = np.broadcast_to(first, (len(z), *first.shape))
        for k in range(1, len(layers) - 1):
            moved = (moved * (1.0 - layers[k] ** 2)[:, None]) @ p[f"drift.layer{k}.weight"]
        slopes += moved
    return slopes


def covariance_jacobian(
    architecture: Architecture, parameters: FloatArray, z: FloatArray
) -> FloatArray:
    """Return the derivatives of the scaled covariance rate, shape (n, d, d, P)."""
    d, size = architecture.dim, architecture.size()
    p, parts = _named(architecture, parameters), architecture.slices()
    low = p["covariance.lower"].shape[1]
    outputs = np.zeros((len(z), d + low, size))
    if architecture.covariance_hidden is not None:
        hidden = architecture.covariance_hidden
        moves = d + (low if architecture.form == "full" else 0)
        _network_jacobian(p, parts, "covariance", hidden, z, outputs[:, :moves])
        out = _activations(p, "covariance", hidden, z)[-1][:, :d]
        outputs[:, :d] *= (1.0 - np.tanh(out / LOG_SCALE_BOUND) ** 2)[:, :, None]
    for j in range(d):
        outputs[:, j, parts["covariance.log_scale"].start + j] += 1.0
    for k in range(low):
        outputs[:, d + k, parts["covariance.lower"].start + k] += 1.0
    scale, triangle = _factor_parts(architecture, parameters, z)
    moved = (scale[:, :, None] * triangle)[..., None] * outputs[:, :d, None]
    if low:
        rows, columns = np.tril_indices(d, -1)
        moved[:, rows, columns] += scale[:, rows, None] * outputs[:, d:]
    lower = scale[:, :, None] * triangle
    half = np.einsum("nikp,njk->nijp", moved, lower)
    return half + half.transpose(0, 2, 1, 3)


def _named(architecture: Architecture, parameters: FloatArray) -> dict[str, FloatArray]:
    return {k: v[0] for k, v in architecture.unpack(np.atleast_2d(parameters)).items()}


def _activations(
    p: dict[str, FloatArray], room: str, hidden: tuple[int, ...], z: FloatArray
) -> list[FloatArray]:
    """Return inputs, hidden layers and outputs of one network."""
    layers = [z[:, : p[f"{room}.layer0.weight"].shape[0]]]
    for k in range(len(hidden)):
        weight, bias = (p[f"{room}.layer{k}.{part}"] for part in ("weight", "bias"))
        layers.append(np.tanh(layers[-1] @ weight + bias))
    return [*layers, layers[-1] @ p[f"{room}.layer{len(hidden)}.weight"]]


def _factor_parts(
    architecture: Architecture, parameters: FloatArray, z: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the diagonal of the factor and the unit triangle that it multiplies by rows."""
    p, n, d = _named(architecture, parameters), len(z), architecture.dim
    log_scale = np.broadcast_to(p["covariance.log_scale"], (n, d))
    lower = np.broadcast_to(p["covariance.lower"], (n, p["covariance.lower"].shape[1]))
    if architecture.covariance_hidden is not None:
        out = _activations(p, "covariance", architecture.covariance_hidden, z)[-1]
        log_scale = log_scale + LOG_SCALE_BOUND * np.tanh(out[:, :d] / LOG_SCALE_BOUND)
        if architecture.form == "full" and lower.shape[1]:
            lower = lower + out[:, d:]
    triangle = np.zeros((n, d, d))
    triangle[:, range(d), range(d)] = 1.0
    if lower.shape[1]:
        rows, columns = np.tril_indices(d, -1)
        triangle[:, rows, columns] = lower
    return np.exp(log_scale), triangle


def _network_jacobian(
    p: dict[str, FloatArray],
    parts: dict[str, slice],
    room: str,
    hidden: tuple[int, ...],
    z: FloatArray,
    into: FloatArray,
) -> None:
    """Write the derivatives of a network's outputs by its own parameters."""
    layers, n, depth = _activations(p, room, hidden, z), len(z), len(hidden)
    last = p[f"{room}.layer{depth}.weight"]
    n_outputs = last.shape[1]
    start = parts[f"{room}.layer{depth}.weight"].start
    for j in range(n_outputs):
        into[:, j, start + j : start + last.size : n_outputs] = layers[-2]
    back = np.broadcast_to(last.T, (n, *last.T.shape))
    for k in reversed(range(depth)):
        back = back * (1.0 - layers[k + 1] ** 2)[:, None]
        weight = np.einsum("ni,nju->njiu", layers[k], back)
        into[:, :n_outputs, parts[f"{room}.layer{k}.weight"]] = weight.reshape(n, n_outputs, -1)
        into[:, :n_outputs, parts[f"{room}.layer{k}.bias"]] = back
        back = back @ p[f"{room}.layer{k}.weight"].T
