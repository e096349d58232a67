"""Stationary density, potential, barriers and passage times of a fit of one coordinate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process
from stochtext.results.inference.derived.speed_measure import SpeedMeasure
from stochtext.results.inference.derived.spread import Spread
from stochtext.results.inference.derived.table import DerivedTable
from stochtext.results.inference.derived.zeros import (
    eigenvalues_at,
    matched_zeros,
    zeros_of_drift,
)

__all__ = [
    "POTENTIALS",
    "barrier_heights",
    "check_one_coordinate",
    "potential",
    "stationary_density",
]

POTENTIALS = ("drift", "effective")
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_PANELS = 24


def check_one_coordinate(results: Any, what: str) -> None:
    """Refuse several coordinates."""
    if results.record.dim != 1:
        raise InputError(
            f"{what} is offered for one coordinate; this fit has {results.record.dim}. Fit one "
            "coordinate, or simulate the process."
        )


def stationary_density(results: Any, x: FloatArray, spread: Spread, alpha: float) -> DerivedTable:
    """Return the stationary density at states; see ``SDEResults.stationary_density``."""
    if results.process.noise == "jump":
        raise InputError("The stationary density of a process with jumps is not offered.")
    if not results.process.autonomous:
        raise InputError("A process whose coefficients depend on time has no stationary density.")
    if results.record.dim == 1:
        states = x[:, 0]
        law = SpeedMeasure(results.process, results.support)
        estimate = np.exp(law.log_density(states))
        drawn = [np.exp(law.of_draw(p).log_density(states)) for p in spread.processes]
        reason = law.reason
    else:
        estimate, reason = _gaussian_density(results.process, x)
        drawn = [_gaussian_density(p, x)[0] for p in spread.processes]
    draws = np.array(drawn).reshape(len(drawn), len(x))
    se, low, high, share = spread.interval(estimate, draws, alpha, positive=True)
    frame = pd.DataFrame(
        {"density": estimate, "se": se, "lower": low, "upper": high,
         "reason": [reason or spread.missing(s) for s in share]},
        index=pd.MultiIndex.from_arrays(list(x.T), names=list(results.record.columns))
        if x.shape[1] > 1 else pd.Index(x[:, 0], name=results.record.columns[0]),
    )  # fmt: skip
    notes = (spread.describe(), "Intervals are pointwise.")
    return DerivedTable(frame, "Stationary density", notes)


def potential(
    results: Any, x: FloatArray, spread: Spread, alpha: float, kind: str, t: float
) -> DerivedTable:
    """Return the potential at states; see ``SDEResults.potential``."""
    check_one_coordinate(results, "The potential")
    centre = float(results.support.center[0])
    states = x[:, 0]
    estimate = _height(results.process, np.full(len(states), centre), states, kind, t)
    drawn = [_height(p, np.full(len(states), centre), states, kind, t) for p in spread.processes]
    draws = np.array(drawn).reshape(len(drawn), len(states))
    se, low, high, share = spread.interval(estimate, draws, alpha, positive=False)
    frame = pd.DataFrame(
        {"potential": estimate, "se": se, "lower": low, "upper": high,
         "reason": [spread.missing(s) for s in share]},
        index=pd.Index(states, name=results.record.columns[0]),
    )  # fmt: skip
    zero = f"The potential is zero at the mean state {centre:.4g}, where it has no error."
    return DerivedTable(frame, f"Potential ({kind})", (spread.describe(), zero))


def barrier_heights(
    results: Any, spread: Spread, alpha: float, kind: str, t: float
) -> DerivedTable:
    """Return barriers between neighbouring stable points; see ``SDEResults.barrier_heights``."""
    check_one_coordinate(results, "The height of a barrier")
    process, support = results.process, results.support
    zeros = zeros_of_drift(process, support, t)
    stable = np.array([eigenvalues_at(process, z, t)[0].real < 0 for z in zeros], dtype=bool)
    drawn = [matched_zeros(p, support, t, zeros, stable)[:, 0] for p in spread.processes]
    rows = []
    for well, top in _steps(stable):
        estimate = _height(process, zeros[well], zeros[top], kind, t)
        draws = np.array(
            [_known_height(p, own[[well]], own[[top]], kind, t)
             for p, own in zip(spread.processes, drawn, strict=True)]
        ).reshape(-1, 1)  # fmt: skip
        se, low, high, share = (
            float(part[0]) for part in spread.interval(estimate, draws, alpha, positive=True)
        )
        places = (float(zeros[well, 0]), float(zeros[top, 0]))
        rows.append((*places, float(estimate[0]), se, low, high, share, spread.missing(share)))
    columns = ["well", "top", "height", "se", "lower", "upper", "share", "reason"]
    frame = pd.DataFrame(rows, columns=columns)
    notes = [spread.describe()]
    if not rows:
        notes.append("There are no two wells with a barrier between them inside the support.")
    return DerivedTable(frame, f"Barrier heights of the potential ({kind})", tuple(notes))


def _steps(stable: FloatArray) -> list[tuple[int, int]]:
    """Return pairs of a stable point and a neighbouring unstable one."""
    places = range(len(stable))
    return [
        (k, k + side) for k in places if stable[k] for side in (-1, 1)
        if 0 <= k + side < len(stable) and not stable[k + side]
    ]  # fmt: skip


def _known_height(
    process: Process, low: FloatArray, high: FloatArray, kind: str, t: float
) -> FloatArray:
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        return np.full(1, np.nan)
    return _height(process, low, high, kind, t)


def _height(
    process: Process, start: FloatArray, end: FloatArray, kind: str, t: float
) -> FloatArray:
    """Return the potential at ``end`` minus that at ``start``, by quadrature."""
    edges = np.linspace(start, end, _PANELS + 1)
    half = 0.5 * np.diff(edges, axis=0)
    nodes = edges[:-1, None] + half[:, None] * (1.0 + _NODES[:, None])
    states = nodes.reshape(-1, 1)
    force = process.drift(states, t)[:, 0]
    if kind == "effective":
        force = 2.0 * force / process.covariance(states, t)[:, 0, 0]
    values = force.reshape(nodes.shape)
    return np.asarray(-np.einsum("pnk,n,pk->k", values, _WEIGHTS, half))


def _gaussian_density(process: Process, x: FloatArray) -> tuple[FloatArray, str | None]:
    """Return the stationary density of a linear process; NaN with the reason for others."""
    missing = np.full(len(x), np.nan)
    stationary = getattr(process, "stationary_covariance", None)
    if stationary is None or "mu" not in process.params:
        return missing, "offered in several coordinates for linear processes only; simulate others"
    try:
        covariance = np.atleast_2d(stationary())
    except InputError as error:
        return missing, str(error)
    moved = x - np.atleast_1d(process.params["mu"])
    sign, log_det = np.linalg.slogdet(2 * np.pi * covariance)
    if sign <= 0:
        return missing, "there is no stationary law"
    square = np.einsum("ni,ni->n", moved, np.linalg.solve(covariance, moved.T).T)
    return np.exp(-0.5 * (square + log_det)), None
