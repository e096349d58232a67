"""All numbers of the adequacy page but the ladder, each with its interval and its control."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.analysis.adequacy.ladder.ladder import LINEAR_MAP, NONLINEAR, Ladder
from stochtext.analysis.adequacy.ladder.scores import difference
from stochtext.analysis.adequacy.residual_checks import autocorrelation, held_out_gain, tails
from stochtext.analysis.adequacy.structure import lags_for, structure_function, structure_values
from stochtext.analysis.clusters import Jackknifed
from stochtext.analysis.quantities import Quantity
from stochtext.comparison.folds import Design
from stochtext.diagnostics.long_memory import fluctuation_analysis
from stochtext.trajectories.panel import Trajectories

__all__ = ["CONTRASTS", "Parts", "check_quantities", "memory_quantities"]

STRUCTURE, LEFT = "Structure function", "What a rung leaves"
MEMORY, CONTRAST = "Memory and position", "Ladder: nats per unit that one rung gains over another"
INNOVATION_LAGS = (1, 2, 3)
#: (better, worse) rungs whose difference decides the verdict.
CONTRASTS = (
    ("OU", "document level + noise"),
    ("OU + noise", "OU"),
    ("OU + noise, document mean", "OU + noise"),
    ("OU, document mean", "OU"),
    ("position-OU", "OU"),
    (NONLINEAR, LINEAR_MAP),
)


@dataclass(frozen=True)
class Parts:
    """What the checks are made from.

    Attributes
    ----------
    judged : Trajectories
        The documents everything is judged on.
    design : Design
    quick : list of Design
        Of shuffled copies.
    cluster, rows : ndarray of int
        Cluster of each trajectory and of each transition.
    ladder : Ladder
    others : list of Ladder
        Of shuffled copies.
    """

    judged: Trajectories
    design: Design
    quick: list[Design]
    cluster: IntArray
    rows: IntArray
    ladder: Ladder
    others: list[Ladder]


def check_quantities(parts: Parts, alpha: float) -> list[Quantity]:
    """Return structure function, contrasts of rungs, innovations, tails, memory, position."""
    return [
        *_structure(parts, alpha),
        *_contrasts(parts, alpha),
        *_left_over(parts, alpha),
        *_memory(parts, alpha),
        *memory_quantities(parts.judged, MEMORY),
    ]


def memory_quantities(panel: Trajectories, part: str) -> list[Quantity]:
    """Return the exponent of detrended fluctuations of each coordinate, with its control.

    Parameters
    ----------
    panel : Trajectories
    part : str
        Heading.
    """
    rows = []
    for j, column in enumerate(panel.columns):
        found = fluctuation_analysis(panel, column=j, n_control=99, random_state=0)
        note = found.meaning if np.isnan(found.exponent) else (
            f"range of shuffled copies {found.control_lower:.2f} .. {found.control_upper:.2f}"
        )  # fmt: skip
        rows.append(
            Quantity(
                part,
                "memory exponent (DFA)",
                column,
                found.exponent,
                control=found.control_exponent,
                pvalue=found.pvalue,
                note=note,
            )  # fmt: skip
        )
    return rows


def _structure(parts: Parts, alpha: float) -> list[Quantity]:
    lags = lags_for(parts.judged)
    found = structure_function(parts.judged, lags, parts.cluster, alpha).values
    copies = [_tested(design) for design in parts.quick]
    control = np.mean([structure_values(copy, lags) for copy in copies], axis=0)
    names = [*(f"V({lag})" for lag in lags), "nugget 2 V(1) - V(2)"]
    return [
        _quantity(STRUCTURE, name, "", found, k, float(control[k])) for k, name in enumerate(names)
    ]


def _tested(design: Design) -> Trajectories:
    return Trajectories.concat([
        fold.test.with_ids([f"{k}/{i}" for i in range(fold.test.n_trajectories)])
        for k, fold in enumerate(design.folds)
    ])  # fmt: skip


def _contrasts(parts: Parts, alpha: float) -> list[Quantity]:
    rows = []
    columns = parts.judged.columns
    for better, worse in CONTRASTS:
        places: list[int | None] = [None]
        if (better, worse) == ("OU + noise", "OU") and len(columns) > 1:
            places += list(range(len(columns)))
        for j in places:
            found = difference(parts.ladder, better, worse, parts.rows, alpha, j)
            other = [difference(c, better, worse, _own_rows(c, parts), alpha, j).value[0]
                     for c in parts.others]  # fmt: skip
            where = "" if j is None else columns[j]
            name = f"{better} - {worse}"
            rows.append(_quantity(CONTRAST, name, where, found, 0, float(np.mean(other))))
    return rows


def _own_rows(ladder: Ladder, parts: Parts) -> IntArray:
    n = len(ladder.spread)
    return parts.rows if len(parts.rows) == n else np.arange(n)


def _left_over(parts: Parts, alpha: float) -> list[Quantity]:
    rows, owner = [], parts.judged.transitions().trajectory
    for rung, residual in parts.ladder.innovation.items():
        for j, column in enumerate(parts.judged.columns):
            found = autocorrelation(residual[:, j], owner, parts.rows, INNOVATION_LAGS, alpha)
            other = [
                autocorrelation(
                    c.innovation[rung][:, j],
                    _owners(c, owner),
                    _own_rows(c, parts),
                    INNOVATION_LAGS,
                    alpha,
                ).value  # fmt: skip
                for c in parts.others
            ]
            for k, lag in enumerate(INNOVATION_LAGS):
                control = float(np.mean([o[k] for o in other]))
                name = f"correlation of innovations at lag {lag}"
                rows.append(_quantity(LEFT, name, f"{rung}, {column}", found, k, control))
    for j, column in enumerate(parts.judged.columns):
        found = tails(parts.ladder.innovation["OU"][:, j], parts.rows, alpha)
        other = [tails(c.innovation["OU"][:, j], _own_rows(c, parts), alpha).value
                 for c in parts.others]  # fmt: skip
        for k, name in enumerate(("excess kurtosis", "Pawula ratio M4 / (3 M2^2)")):
            control = float(np.mean([o[k] for o in other]))
            rows.append(_quantity(LEFT, name, f"OU, {column}", found, k, control))
    return rows


def _owners(ladder: Ladder, owner: IntArray) -> IntArray:
    return owner if len(owner) == len(ladder.spread) else np.zeros(len(ladder.spread), dtype=int)


def _memory(parts: Parts, alpha: float) -> list[Quantity]:
    found = held_out_gain(parts.design, parts.judged, parts.rows, alpha)
    copies = [_gain_of(design, alpha) for design in parts.quick]
    names = ("R2 of the state (linear)", "R2 of the position u alone",
             "R2 gained by the history of the document")  # fmt: skip
    rows = []
    for k, name in enumerate(names):
        control = np.array([c[k] for c in copies])
        pvalue = float((1 + np.sum(control >= found.value[k])) / (1 + len(control)))
        # In shuffled copies history tells the level better than one state does.
        pvalue = float("nan") if k == 2 else pvalue
        rows.append(_quantity(MEMORY, name, "", found, k, float(control.mean()), pvalue))
    return rows


def _gain_of(design: Design, alpha: float) -> FloatArray:
    panel = _tested(design)
    cluster = np.zeros(panel.n_transitions, dtype=np.int64)
    return held_out_gain(design, panel, cluster, alpha).value


def _quantity(
    part: str, name: str, where: str, found: Jackknifed, k: int, control: float,
    pvalue: float = float("nan"),
) -> Quantity:  # fmt: skip
    return Quantity(
        part, name, where, float(found.value[k]), float(found.lower[k]), float(found.upper[k]),
        control, pvalue,
    )  # fmt: skip
