"""From a trained ensemble to what knows the uncertainty of its curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from stochtext._shared.exceptions import StochtextError
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, IntArray
from stochtext.estimators.neural.errors.uncertainty import (
    ErrorFunctions,
    error_functions,
    laplace_factor,
    written_errors,
)
from stochtext.estimators.neural.networks.members import Member
from stochtext.estimators.neural.noise.expectation_maximisation import NoiseFit
from stochtext.estimators.neural.selection.ensemble import EnsembleFit, process_arrays
from stochtext.estimators.neural.settings import Settings
from stochtext.estimators.neural.training.engine import Engine
from stochtext.estimators.neural.training.stages import Stages
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.base import Process
from stochtext.processes.fitted.extrapolated import part_of_type
from stochtext.processes.fitted.networks.covariate_network import CovariateNetwork
from stochtext.processes.fitted.networks.network import NetworkProcess
from stochtext.results.inference.curves.curve_errors import CurveErrors, NoErrors
from stochtext.results.inference.curves.ensemble_errors import EnsembleErrors, factor_coordinates

__all__ = ["bootstrap_errors", "clusters_of", "ensemble_errors", "refitted_errors"]

_STATES = 600
_FEWEST_CLUSTERS = 20
_BLOCKS = 50
_FEWEST_REFITS = 10
_REFITS = 50
NOT_FINITE = "the errors of the networks' parameters are not finite numbers"


def clusters_of(sample: TransitionSample) -> IntArray:
    """Return a code for each transition: its trajectory or group, or blocks of few of them."""
    codes = sample.cluster[sample.trajectory]
    if len(np.unique(codes)) >= _FEWEST_CLUSTERS:
        return np.asarray(codes)
    length = max(1, -(-sample.n // _BLOCKS))
    begins = np.flatnonzero(np.diff(sample.trajectory, prepend=sample.trajectory[0] - 1))
    counts = np.diff(np.append(begins, sample.n))
    pieces, first = [], 0
    for count in counts:
        blocks = max(1, round(count / length))
        pieces.append(first + np.arange(count) * blocks // count)
        first += blocks
    return np.concatenate(pieces)


def ensemble_errors(
    process: Process,
    engine: Engine,
    members: Sequence[Member],
    sample: TransitionSample,
    *,
    method: str = "ensemble",
    noise: NoiseFit | None = None,
) -> CurveErrors:
    """Return the errors of the average of trained starts.

    Parameters
    ----------
    process : Process
        The fitted one.
    engine : Engine
        Of the transitions that the starts were trained on.
    members : sequence of Member
        Those that are averaged.
    sample : TransitionSample
        The transitions of ``engine``, row by row.
    method : {"ensemble", "laplace"}
        "laplace" takes the start with the best objective alone.
    noise : NoiseFit, optional
        What gave the transitions, if they are points of the law of states behind noise: they
        know less than they seem.
    """
    used = list(members)
    if method == "laplace":
        used = [min(used, key=lambda member: member.objective)]
    cluster, weight = clusters_of(sample), engine.data.weight
    factors = []
    for member in used:
        own = engine
        if member.architecture != engine.architecture:
            own = engine.for_architecture(member.architecture)
        factors.append(
            laplace_factor(own, member, weight, cluster, hidden_states=noise is not None)
        )
    if not all(np.isfinite(factor).all() for factor in factors):
        return NoErrors(process, NOT_FINITE)
    rows = _reference_rows(sample)
    inputs = engine.data.inputs[rows]
    errors = error_functions(used, factors, engine.scaling, inputs)
    if noise is not None and not noise.known:
        own = engine.for_architecture(used[0].architecture)
        variance = level_variance(own, used[0], sample, cluster, noise)
        errors = with_level(errors, variance)
    return written_errors(
        process, errors, sample.x[rows], sample.t[rows], method=method,
        df=len(np.unique(cluster)) - 1, z=inputs,
    )  # fmt: skip


def level_variance(
    engine: Engine, member: Member, sample: TransitionSample, cluster: IntArray, noise: NoiseFit
) -> FloatArray:
    """Return the variance of the log factor's level when the noise is estimated beside it, (d,).

    Notes
    -----
    Scores given the observations, of the level and of the log variance of the noise, are summed
    in clusters; their outer products are the information of the observations (Fisher's
    identity), which has what the two have in common.
    """
    codes, labels = np.unique(cluster, return_inverse=True)
    own = engine.scores(member.parameters)[:, member.architecture.slices()["covariance.log_scale"]]
    level = np.zeros((len(codes), own.shape[1]))
    np.add.at(level, labels, own * engine.data.weight[:, None])
    states, count = noise.states, len(labels) // len(np.unique(noise.place))
    spread = np.diagonal(states.covariance, axis1=1, axis2=2)
    excess = 0.5 * (((noise.observed - states.mean) ** 2 + spread) / noise.variance - 1.0)
    seen = np.zeros_like(level)
    np.add.at(seen, labels[::count], excess[noise.place])
    found = np.empty(own.shape[1])
    for j in range(own.shape[1]):
        both = np.stack([level[:, j], seen[:, j]], axis=1)
        found[j] = np.linalg.pinv(both.T @ both, hermitian=True)[0, 0]
    return found


def with_level(errors: ErrorFunctions, variance: FloatArray) -> ErrorFunctions:
    """Return errors whose covariance rate has a level as uncertain as told, at the least."""
    d = len(variance)
    rows, columns = np.tril_indices(d)
    moves = []
    for j in range(d):
        place = int(np.flatnonzero((rows == j) & (columns == j))[0])
        known = (errors.covariance[:, place] ** 2).sum(axis=1).mean()
        move = np.zeros((*errors.covariance.shape[:2], 1))
        move[:, place] = np.sqrt(max(variance[j] - known, 0.0))
        moves.append(move)
    return replace(errors, covariance=np.concatenate([errors.covariance, *moves], axis=2))


def refitted_errors(
    process: Process, sample: TransitionSample, learned: EnsembleFit, settings: Settings
) -> CurveErrors:
    """Return the errors seen in refits of the networks that were kept, each from a new start.

    Parameters
    ----------
    process : Process
        The fitted one.
    sample : TransitionSample
        The transitions that were learned from.
    learned : EnsembleFit
    settings : Settings
    """
    if isinstance(process, CovariateNetwork):
        return NoErrors(process, "the bootstrap is not offered with covariates or group effects")
    stages = Stages(learned.data, learned.scaling, settings)

    def refit(weight: FloatArray, b: int) -> Process | None:
        try:
            model = stages.linear(weight)
            for k in range(len(learned.blocks)):
                model = stages.grown(model, learned.blocks[: k + 1], weight, b)
        except (StochtextError, np.linalg.LinAlgError):
            return None
        theta = model.trained.parameters
        member = Member(model.architecture, theta, model.trained.ridge, 0.0)
        one = replace(learned, members=[member], kept=np.ones(1, dtype=bool))
        form = model.architecture.form
        return NetworkProcess(process_arrays(one), form=form, clock=process.clock)

    return bootstrap_errors(process, sample, refit, n_boot=_REFITS, seed=settings.seed)


def bootstrap_errors(
    process: Process,
    sample: TransitionSample,
    refit: Callable[[FloatArray, int], Process | None],
    *,
    n_boot: int,
    seed: np.random.SeedSequence,
) -> CurveErrors:
    """Return the errors seen in refits to resampled trajectories, or blocks of few of them.

    Parameters
    ----------
    process : Process
        The fitted one.
    sample : TransitionSample
    refit : callable
        From weights of the transitions and the number of the refit to a process, or None
        where there is none.
    n_boot : int
    seed : SeedSequence
    """
    _, cluster = np.unique(clusters_of(sample), return_inverse=True)
    count = int(cluster.max()) + 1
    rows = _reference_rows(sample)
    x, t = sample.x[rows], sample.t[rows]
    network = part_of_type(process, NetworkProcess)
    lower = np.asarray(np.linalg.cholesky(network.covariance(x, t)), dtype=np.float64)
    drifts, rates = [], []
    for b in range(n_boot):
        drawn = generator(seed, "resampled clusters", b).integers(0, count, count)
        found = refit(sample.weight * np.bincount(drawn, minlength=count)[cluster], b)
        if found is not None:
            own = part_of_type(found, NetworkProcess)
            drifts.append(own.drift(x, t))
            rates.append(own.covariance(x, t))
    if len(drifts) < _FEWEST_REFITS:
        return NoErrors(process, f"only {len(drifts)} of {n_boot} bootstrap refits succeeded")
    errors = ErrorFunctions(_spread(drifts), factor_coordinates(_spread(rates), lower))
    written: EnsembleErrors = written_errors(
        process, errors, x, t, method="bootstrap", df=min(count, len(drifts)) - 1
    )
    return written


def _spread(values: list[FloatArray]) -> FloatArray:
    """Return deviations from the mean whose squares sum to the variance, refits last."""
    stacked = np.stack(values, axis=-1)
    moved = (stacked - stacked.mean(axis=-1, keepdims=True)) / np.sqrt(len(values) - 1)
    return np.asarray(moved, dtype=np.float64)


def _reference_rows(sample: TransitionSample) -> IntArray:
    """Return transitions whose states stand for all, spread over the sample."""
    used = np.flatnonzero(sample.weight > 0)
    places = np.linspace(0, len(used) - 1, min(_STATES, len(used))).round().astype(int)
    return np.asarray(used[np.unique(places)])
