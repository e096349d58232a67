"""Panels with Gauss-Lobatto nodes that resolve the coefficients and the waves of a generator.

Law of this file: panels are halved until their polynomials converge; nothing is fitted.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import BoolArray, FloatArray
from stochtext.transitions.spectral.coordinate import Coordinate
from stochtext.transitions.spectral.reach import Coefficients

__all__ = ["Panels", "Rule", "lobatto", "resolved_panels"]

#: Nodes per wave length that give the fastest waves to rounding error.
_PER_WAVE = 5.5
#: Largest change of the log of an eigenfunction's envelope over a panel.
_CHANGE = 5.0
_CONVERGED = 1e-11
_SHORTEST = 1.0 / 32.0
_STIFFEST = 1e5
_SURVEY = 2049
_MAX_ROUNDS = 40


class Rule(NamedTuple):
    """Nodes and weights on [-1, 1], and matrices that act on values at the nodes."""

    nodes: FloatArray
    weights: FloatArray
    derivative: FloatArray
    integral: FloatArray
    coefficients: FloatArray
    barycentric: FloatArray


@lru_cache(maxsize=8)
def lobatto(order: int) -> Rule:
    """Return the Gauss-Lobatto-Legendre rule of ``order + 1`` nodes."""
    legendre = np.polynomial.legendre
    top = np.zeros(order + 1)
    top[-1] = 1.0
    inner = legendre.legroots(legendre.legder(top))
    nodes = np.concatenate([[-1.0], np.sort(inner.real), [1.0]])
    vander = legendre.legvander(nodes, order)
    weights = 2.0 / (order * (order + 1.0) * vander[:, -1] ** 2)
    analysis = np.linalg.inv(vander)
    slopes = np.column_stack(
        [legendre.legval(nodes, legendre.legder(row)) for row in _basis(order)]
    )
    areas = np.column_stack(
        [legendre.legval(nodes, legendre.legint(row, lbnd=-1)) for row in _basis(order)]
    )
    gaps = nodes[:, None] - nodes + np.eye(order + 1)
    barycentric = 1.0 / np.prod(gaps, axis=1)
    return Rule(nodes, weights, slopes @ analysis, areas @ analysis, analysis, barycentric)


def _basis(order: int) -> FloatArray:
    return np.eye(order + 1)


class Panels(NamedTuple):
    """Panels from edge to edge, with coefficients at their nodes, shape (panels, order + 1)."""

    edges: FloatArray
    y: FloatArray
    x: FloatArray
    slope: FloatArray
    rate: FloatArray
    #: (b / a) dx/dy, of which the integral is the log of the envelope.
    pull: FloatArray


def resolved_panels(
    coefficients: Coefficients,
    coordinate: Coordinate,
    ends: tuple[float, float],
    fastest: float,
    order: int,
    max_nodes: int,
) -> Panels:
    """Return panels that resolve the coefficients and waves of eigenvalue ``fastest``.

    Raises
    ------
    InputError
        If more than ``max_nodes`` nodes are needed.
    """
    longest = 2.0 * np.pi * order / (_PER_WAVE * np.sqrt(2.0 * fastest))
    edges = _first_edges(coefficients, coordinate, ends, longest)
    for _ in range(_MAX_ROUNDS):
        panels = _evaluated(coefficients, coordinate, edges, order)
        split = _unresolved(panels, longest, order)
        if not split.any() and len(edges) * order <= max_nodes:
            _check_stiffness(panels, fastest)
            return panels
        if (len(edges) + split.sum()) * order > max_nodes:
            raise InputError(
                f"The spectral density needs more than {max_nodes} nodes for steps as short as "
                "these over so wide a range of states. Raise `max_nodes`, or use "
                "density='hermite', which is accurate for short steps."
            )
        where = np.flatnonzero(split)
        edges = np.insert(edges, where + 1, 0.5 * (edges[where] + edges[where + 1]))
    return panels


def _first_edges(
    coefficients: Coefficients, coordinate: Coordinate, ends: tuple[float, float], longest: float
) -> FloatArray:
    """Return edges at about equal distances dl = dx / sigma."""
    y = np.linspace(*ends, _SURVEY)
    pace = coordinate.slope(y) / np.sqrt(coefficients(coordinate.state(y))[1])
    length = np.concatenate([[0.0], np.cumsum(0.5 * (pace[1:] + pace[:-1]) * np.diff(y))])
    if not np.isfinite(length[-1]):
        return np.linspace(*ends, 9)
    count = max(8, int(np.ceil(1.02 * length[-1] / longest)))
    edges = np.interp(np.linspace(0.0, length[-1], count + 1), length, y)
    edges[0], edges[-1] = ends
    return edges


def _check_stiffness(panels: Panels, fastest: float) -> None:
    """Refuse panels on which waves of the rounding error are faster than what is computed."""
    half = 0.5 * np.diff(panels.edges)[:, None]
    with np.errstate(divide="ignore"):
        stiffness = np.max(panels.rate / (panels.slope * half) ** 2)
    if stiffness > _STIFFEST * fastest:
        raise InputError(
            "The process comes so close to an end of its domain that the spectral density "
            "cannot be resolved there; it is for processes that stay away from the ends. Use "
            "density='exact' where the process knows its transition, or density='simulated'."
        )


def _evaluated(
    coefficients: Coefficients, coordinate: Coordinate, edges: FloatArray, order: int
) -> Panels:
    half = 0.5 * np.diff(edges)[:, None]
    y = edges[:-1, None] + half * (1.0 + lobatto(order).nodes)
    x, slope = coordinate.state(y), coordinate.slope(y)
    drift, rate = coefficients(x.ravel())
    rate = rate.reshape(x.shape)
    with np.errstate(all="ignore"):
        pull = drift.reshape(x.shape) / rate * slope
    bad = ~(np.isfinite(pull) & (rate > 0))
    if bad.any():
        raise InputError(
            f"The drift is not finite or the diffusion not positive at the state "
            f"{x[bad][0]:.6g}; the spectral density needs both."
        )
    return Panels(edges, y, x, slope, rate, pull)


def _unresolved(panels: Panels, longest: float, order: int) -> BoolArray:
    rule, half = lobatto(order), 0.5 * np.diff(panels.edges)
    length = half * ((panels.slope / np.sqrt(panels.rate)) @ rule.weights)
    change = half * (np.abs(panels.pull) @ rule.weights)
    split = (length > longest) | (change > _CHANGE)
    envelope = half[:, None] * (panels.pull @ rule.integral.T)
    for values in (
        # Values near one: what counts is the error relative to the largest.
        np.exp(envelope - envelope.max(axis=1, keepdims=True)),
        panels.pull * half[:, None],
        np.log(panels.slope / panels.rate),
        np.log(panels.slope),
    ):
        series = np.abs(values @ rule.coefficients.T)
        rough = series[:, -2:].max(axis=1) > _CONVERGED * np.maximum(1.0, series.max(axis=1))
        # At a kink no polynomial converges: there the panels just get small.
        split |= rough & (length > _SHORTEST * longest)
    return split
