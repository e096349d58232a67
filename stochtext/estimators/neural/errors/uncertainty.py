"""Errors of drift and covariance rate of an ensemble: what data, ridge and starts leave open.

Law of this file: errors are functions of the state. Whatever found them (the curvature of each
start, the starts themselves, refits), they end as a few functions with independent standard
normal coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, IntArray
from stochtext.estimators.neural.networks.members import (
    Member,
    covariance,
    covariance_jacobian,
    drift,
    drift_jacobian,
    penalty,
)
from stochtext.estimators.neural.networks.preparation import Scaling
from stochtext.estimators.neural.training.engine import Engine
from stochtext.processes.base import Process
from stochtext.processes.fitted.extrapolated import part_of_type
from stochtext.processes.fitted.networks.covariate_network import CovariateNetwork
from stochtext.processes.fitted.networks.network import NetworkProcess
from stochtext.results.inference.curves.ensemble_errors import EnsembleErrors, factor_coordinates
from stochtext.results.inference.curves.network_features import features_of, network_features

__all__ = ["ErrorFunctions", "compressed", "error_functions", "laplace_factor", "written_errors"]

# Directions of a start's parameters that are kept, and functions of the whole ensemble.
_DIRECTIONS = 40
_FUNCTIONS = 32
_ENERGY = 0.999
_CHUNK = 100
# The expected information of so many rows is known to a few percent; scores are those of all.
_INFORMATION_ROWS = 2_500
_SINGULAR = 1e-4
# Share of the variance between starts that counts: their average still has some of it.
BETWEEN = 0.5
# Bias of a curve that is as smooth as the evidence wants, in its standard deviations and on
# average over the states: .40 to .68 on the first seeds of benchmarks/coverage/neural, whose
# record is of other ones. The prior variance D has only a part of it.
SMOOTHING_BIAS = 0.6
_FAR_START = 4.0
_LEAST_SHARE = 0.05


@dataclass(frozen=True)
class ErrorFunctions:
    """Errors at reference states, one column a standard normal coefficient.

    Attributes
    ----------
    drift : ndarray of shape (r, d, K)
        In state units.
    covariance : ndarray of shape (r, d (d + 1) / 2, K')
        Lower triangle of T in ``d a = L (T + T') L'``, a = L L' the fitted covariance rate.
    """

    drift: FloatArray
    covariance: FloatArray


def laplace_factor(
    engine: Engine,
    member: Member,
    weight: FloatArray,
    cluster: IntArray,
    *,
    hidden_states: bool = False,
) -> FloatArray:
    """Return a factor of ``H^-1 (M + D) H^-1``, the robust Laplace covariance of a start.

    Parameters
    ----------
    engine : Engine
    member : Member
    weight : ndarray of shape (n,)
    cluster : ndarray of int of shape (n,)
        Transitions of one cluster may depend on each other.
    hidden_states : bool
        Whether the rows are points of the law of states behind noise.

    Returns
    -------
    ndarray of shape (P, P)

    Notes
    -----
    H is the expected information plus the ridge D; M sums products of scores within clusters,
    with the factor c / (c - 1) for c clusters. D in the middle is the prior variance of what
    the ridge holds back: with M alone the ridge would count as unbiased. Behind noise H is
    the information of states that were not seen; it is multiplied by the share of it that M,
    whose scores are means given the observations, has.
    """
    ridge = penalty(member.architecture, member.ridge)
    rng, rows = generator(0, "fisher information"), np.flatnonzero(weight > 0)
    if len(rows) > _INFORMATION_ROWS:
        rows = np.sort(rng.choice(rows, _INFORMATION_ROWS, replace=False))
    information = engine.fisher(member.parameters, weight, rows=rows, rng=rng)
    scores = engine.scores(member.parameters) * weight[:, None]
    codes, labels = np.unique(cluster, return_inverse=True)
    sums = np.zeros((len(codes), scores.shape[1]))
    np.add.at(sums, labels, scores)
    sums *= np.sqrt(len(codes) / max(len(codes) - 1, 1))
    if hidden_states:
        information = information * _seen_share(information, sums, ridge)
    size = np.sqrt(np.diag(information) + ridge)
    size = np.where(size > 0, size, 1.0)
    scaled = (information + np.diag(ridge)) / np.outer(size, size)
    values, vectors = np.linalg.eigh(scaled)
    inverse = (vectors / np.maximum(values, 1e-9 * values[-1])) @ vectors.T
    middle = sums.T @ sums + np.diag(ridge)
    root_values, root = np.linalg.eigh(middle / np.outer(size, size))
    return np.asarray((inverse @ (root * np.sqrt(np.maximum(root_values, 0.0)))) / size[:, None])


def _seen_share(information: FloatArray, sums: FloatArray, ridge: FloatArray) -> float:
    """Return the share of the information of hidden states that observations have."""
    inverse = np.linalg.pinv(information + np.diag(ridge), hermitian=True)
    complete = float(np.einsum("ij,ji->", inverse, information))
    seen = float(np.einsum("ci,ij,cj->", sums, inverse, sums))
    return float(np.clip(seen / complete, _LEAST_SHARE, 1.0)) if complete > 0 else 1.0


def error_functions(
    members: Sequence[Member], factors: Sequence[FloatArray], scaling: Scaling, z: FloatArray,
    *, between: float = BETWEEN,
) -> ErrorFunctions:  # fmt: skip
    """Return the errors of the average of some starts at standardised inputs.

    Parameters
    ----------
    members : sequence of Member
    factors : sequence of ndarray of shape (P, P)
        Of the covariance of each start's parameters.
    scaling : Scaling
    z : ndarray of shape (r, p)
    between : float
        Share of the variance between starts that is added to the mean variance of one.

    Notes
    -----
    Where a network is in use, its curve's errors grow by sqrt(1 + b^2) with b =
    ``SMOOTHING_BIAS``, so that the mean square of bias and chance together is theirs. That
    covers on average over the states (Nychka, 1988), not at the worst of them.

    References
    ----------
    Nychka, D. (1988), Bayesian confidence intervals for smoothing splines, Journal of the
    American Statistical Association 83, 1134-1143.
    """
    drifts = np.stack([drift(m.architecture, m.parameters, z) for m in members])
    rates = np.stack([covariance(m.architecture, m.parameters, z) for m in members])
    lower = np.linalg.cholesky(rates.mean(axis=0))
    moved_drift, moved_rate = [], []
    for member, factor in zip(members, factors, strict=True):
        one, two = _member_moves(member, factor, z, lower)
        moved_drift.append(one / np.sqrt(len(members)))
        moved_rate.append(two / np.sqrt(len(members)))
    if len(members) > 1 and between > 0:
        moved_drift.append(between**0.5 * _deviations(drifts)[..., :])
        spread = _deviations(rates.reshape(len(members), len(z), -1))
        moves = spread.reshape(*rates.shape[1:], -1)
        moved_rate.append(between**0.5 * factor_coordinates(moves, lower))
    unit = scaling.drift_unit[None, :, None]
    grown = [
        np.sqrt(1.0 + SMOOTHING_BIAS**2) if any(hidden) else 1.0
        for hidden in (
            [m.architecture.drift_hidden for m in members],
            [m.architecture.covariance_hidden for m in members],
        )
    ]
    return ErrorFunctions(
        grown[0] * np.concatenate(moved_drift, axis=2) * unit,
        grown[1] * np.concatenate(moved_rate, axis=2),
    )


def _member_moves(
    member: Member, factor: FloatArray, z: FloatArray, lower: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the errors of one start in the directions of its parameters that matter."""
    architecture, theta = member.architecture, member.parameters
    parts = [z[k : k + _CHUNK] for k in range(0, len(z), _CHUNK)]
    lowers = [lower[k : k + _CHUNK] for k in range(0, len(z), _CHUNK)]
    rates = []
    for part, low in zip(parts, lowers, strict=True):
        moves = covariance_jacobian(architecture, theta, part) @ factor
        rates.append(factor_coordinates(moves, low))
    drifts = [drift_jacobian(architecture, theta, part) @ factor for part in parts]
    return _main_directions(np.concatenate(drifts)), _main_directions(np.concatenate(rates))


def _main_directions(moves: FloatArray) -> FloatArray:
    """Return the same variances with fewer columns."""
    flat = moves.reshape(-1, moves.shape[2])
    values, vectors = np.linalg.eigh(flat.T @ flat)
    kept: FloatArray = moves @ vectors[:, values.argsort()[::-1][:_DIRECTIONS]]
    return kept


def _deviations(curves: FloatArray) -> FloatArray:
    """Return the deviations of starts from their mean, far ones drawn in, (r, c, M).

    Their squares sum to a variance between starts in which a start further from the median
    than four times the median distance counts as one at that distance.
    """
    centre = np.median(curves, axis=0)
    distance = np.sqrt(((curves - centre) ** 2).sum(axis=2).mean(axis=1))
    typical = np.median(distance[distance > 0]) if np.any(distance > 0) else 1.0
    drawn_in = np.minimum(1.0, _FAR_START * typical / np.maximum(distance, 1e-300))
    near = centre + drawn_in[:, None, None] * (curves - centre)
    moved = (near - near.mean(axis=0)) / np.sqrt(len(curves) - 1)
    return np.asarray(moved.transpose(1, 2, 0))


def compressed(
    process: NetworkProcess | CovariateNetwork,
    errors: FloatArray,
    which: str,
    x: FloatArray,
    t: FloatArray,
    z: FloatArray | None = None,
) -> FloatArray:
    """Return weights (K, c, F) of few functions that have the variance of many.

    Parameters
    ----------
    process : NetworkProcess
    errors : ndarray of shape (r, c, K)
        Error functions at the states ``x``.
    which : {"drift", "covariance"}
    x : ndarray of shape (r, d)
    t : ndarray of shape (r,)
    z : ndarray of shape (r, p), optional
        All standardised inputs, where there are more than state and time.

    Notes
    -----
    Errors are written in the features of :func:`network_features` by least squares; what
    these miss is made up for by a factor for each component.
    """
    r, c, _ = errors.shape
    left, values, _ = np.linalg.svd(errors.reshape(r * c, -1), full_matrices=False)
    share = np.cumsum(values**2) / max(float((values**2).sum()), 1e-300)
    count = min(int(np.searchsorted(share, _ENERGY)) + 1, _FUNCTIONS)
    main = (left[:, :count] * values[:count]).reshape(r, c, count)
    if z is None and isinstance(process, NetworkProcess):
        features = network_features(process, which, x, t)
    else:
        features = features_of(process.arrays, which, np.asarray(z))
    scale = np.sqrt((features**2).mean(axis=0))
    scale = np.maximum(scale, 1e-2)  # units that a ridge has silenced
    solution = np.linalg.lstsq(features / scale, main.reshape(r, -1), rcond=_SINGULAR)[0]
    weights = (solution / scale[:, None]).reshape(-1, c, count)
    written = np.einsum("rf,fck->rck", features, weights)
    wanted, found = (errors**2).sum(axis=(0, 2)), (written**2).sum(axis=(0, 2))
    grown = np.sqrt(wanted / np.where(found > 0, found, 1.0))
    return np.asarray((weights * grown[None, :, None]).transpose(2, 1, 0), dtype=np.float32)


def written_errors(
    process: Process, errors: ErrorFunctions, x: FloatArray, t: FloatArray, *, method: str,
    df: float, z: FloatArray | None = None,
) -> EnsembleErrors:  # fmt: skip
    """Return errors at reference states, with inputs z, as something that knows them everywhere."""
    network: NetworkProcess | CovariateNetwork
    if isinstance(process, CovariateNetwork):
        network = process
    else:
        network, z = part_of_type(process, NetworkProcess), None
    weights = {
        which: compressed(network, getattr(errors, which), which, x, t, z)
        for which in ("drift", "covariance")
    }
    return EnsembleErrors(process, weights, method=method, df=df)
