"""Draws of the fitted process from the sampling law of its estimate.

Law of this file: a draw is a whole process, so that whatever depends on the process gets an
interval from the same draws; where there is no honest law there is no draw, and the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, RandomState
from stochtext.processes.base import Process
from stochtext.results.inference.draws.shifted_process import ShiftedProcess

__all__ = ["ProcessDraws", "process_draws"]

ONE_COORDINATE = (
    "curves of more than one coordinate have no joint law of their errors from which to draw"
)
NO_JOINT = "the errors of this fit are known state by state only, not jointly"
OUT_OF_RANGE = (
    "most draws from the normal law of the estimates lie outside the range of the parameters: the "
    "law does not describe them; use a bootstrap"
)
_GRID = 81
_ROUNDS = 20
_SMALLEST_SHARE = 0.5


@dataclass(frozen=True)
class ProcessDraws:
    """Processes drawn around a fitted one.

    Attributes
    ----------
    processes : tuple of Process
        Empty where there is no honest law to draw from.
    reason : str or None
        Why there are none.
    source : str
        What they were drawn from, in words.
    df : float
        Degrees of freedom of the standard errors behind the law; infinite for a normal law.
    """

    processes: tuple[Process, ...]
    reason: str | None
    source: str
    df: float = np.inf


def process_draws(results: Any, n_draws: int, random_state: RandomState) -> ProcessDraws:
    """Return draws of the process behind results.

    Parameters
    ----------
    results : SDEResults
    n_draws : int
    random_state : None, int, Generator or SeedSequence

    Notes
    -----
    Parameters are drawn from the normal law with their estimated covariance, truncated to
    their range. Curves with a joint law of their errors (kernel, bins) are drawn at nodes
    around their bias-corrected centre, drift and logarithm of the covariance rate
    independently, and interpolated; ensembles of networks draw their own members.
    """
    if hasattr(results, "free") and hasattr(results, "covariances"):
        return _parameter_draws(results, n_draws, random_state)
    return _curve_draws(results, n_draws, random_state)


def _parameter_draws(results: Any, n_draws: int, random_state: RandomState) -> ProcessDraws:
    process: Process = results.process
    every = list(process.free_parameters)
    names = [name for name in every if name in results.free]
    covariance = _covariance(results, names)
    source = "the normal law of the estimates"
    if not np.isfinite(covariance).all():
        why = results.covariances.reason or "a standard error is not known"
        return ProcessDraws((), f"no draws of the parameters: {why}", source)
    place = [every.index(name) for name in names]
    low, high = np.array(process.bounds()).reshape(-1, 2).T
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    rng = generator(random_state, "parameter draws")
    centre, kept, tried = process.to_vector(), [], 0
    for _ in range(_ROUNDS):
        tried += n_draws
        theta = np.tile(centre, (n_draws, 1))
        theta[:, place] += rng.standard_normal((n_draws, len(names))) @ root.T
        inside = np.all((theta >= low) & (theta <= high), axis=1)
        kept += list(theta[inside])
        if len(kept) < _SMALLEST_SHARE * tried:
            return ProcessDraws((), OUT_OF_RANGE, source)
        if len(kept) >= n_draws:
            break
    drawn = tuple(process.from_vector(vector) for vector in kept[:n_draws])
    return ProcessDraws(drawn, None, source, float(results.df_resid))


def _covariance(results: Any, names: list[str]) -> FloatArray:
    """Return the covariance of the process's own parameters, held ones as known."""
    own = getattr(results, "_law_covariance", None)
    if own is not None and names == list(results.process.free_parameters):
        return np.asarray(own())
    place = [results.free.index(name) for name in names]
    return np.asarray(results._covariance()[np.ix_(place, place)])


def _curve_draws(results: Any, n_draws: int, random_state: RandomState) -> ProcessDraws:
    errors = getattr(results, "errors", None)
    own = getattr(errors, "draws", None)
    if own is not None:
        drawn = tuple(own(n_draws, random_state=random_state))
        reason = None if drawn else getattr(errors, "reason", None) or NO_JOINT
        return ProcessDraws(drawn, reason, "the members of the ensemble and their errors")
    source = "the joint law of the errors of the curves"
    if results.record.dim > 1:
        return ProcessDraws((), ONE_COORDINATE, source)
    line = results.support.line(0, _GRID)
    found = [_known_law(errors, line, which) for which in ("drift", "covariance")]
    if any(law is None for law in found):
        return ProcessDraws((), _why_unknown(errors, line), source)
    shifts = _drawn_shifts(results, found, n_draws, random_state)
    drawn = tuple(ShiftedProcess(results.process, *shift) for shift in shifts)
    return ProcessDraws(drawn, None, source)


def _why_unknown(errors: Any, line: FloatArray) -> str:
    if not hasattr(errors, "joint_covariance") and hasattr(errors, "interval_centre"):
        said = getattr(errors, "reason", None)
        return said or NO_JOINT
    found = (getattr(errors, w)(line, np.zeros(len(line)))[2] for w in ("drift", "covariance"))
    return "; ".join(dict.fromkeys(reason for reason in found if reason)) or NO_JOINT


def _known_law(
    errors: Any, line: FloatArray, which: str
) -> tuple[FloatArray, FloatArray, FloatArray] | None:
    """Return nodes, centre and covariance of the errors where they are known."""
    zeros = np.zeros(len(line))
    joint = getattr(errors, "joint_covariance", None)
    nodes = getattr(errors, "independent_nodes", None)
    if nodes is not None:
        line, zeros, joint = nodes[:, None], np.zeros(len(nodes)), None
    elif joint is None:
        return None
    _, se, _ = getattr(errors, which)(line, zeros)
    centre = errors.interval_centre(line, zeros, which).reshape(len(line))
    known = np.isfinite(se.reshape(len(line))) & np.isfinite(centre)
    if which == "covariance":
        known &= centre > 0
    if known.sum() < 2:
        return None
    if joint is None:
        covariance = np.diag(se.reshape(len(line))[known] ** 2)
    else:
        covariance = joint(line[known], which)[0]
    return line[known, 0], centre[known], covariance


def _drawn_shifts(
    results: Any, found: list[Any], n_draws: int, random_state: RandomState
) -> list[tuple[FloatArray, FloatArray, FloatArray, FloatArray]]:
    """Return nodes and shifts of the drift and of the log covariance rate, one pair a draw."""
    process = results.process
    drawn = []
    for which, (nodes, centre, covariance) in zip(("drift", "covariance"), found, strict=True):
        fitted = getattr(process, which)(nodes[:, None]).reshape(len(nodes))
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        rng = generator(random_state, "curve draws", which)
        noise = rng.standard_normal((n_draws, len(nodes))) @ root.T
        if which == "drift":
            shift = centre - fitted + noise
        else:
            shift = np.log(centre / fitted) + noise / centre
        drawn.append((nodes, shift))
    (b_nodes, b_shift), (a_nodes, a_shift) = drawn
    return [(b_nodes, b_shift[k], a_nodes, a_shift[k]) for k in range(n_draws)]
