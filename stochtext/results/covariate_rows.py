"""Rows of a panel under the process that the covariates of their trajectory ask for.

Law of this file: a covariate belongs to a trajectory and does not change along it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray, IntArray
from stochtext.processes.base import Process
from stochtext.processes.fitted.networks.covariate_coding import CovariateCoding
from stochtext.processes.fitted.networks.covariate_network import CovariateNetwork
from stochtext.trajectories.panel import Trajectories

__all__ = ["each_combination", "label_column", "number_column", "row_by_row", "rows_of"]


def rows_of(coding: CovariateCoding, panel: Trajectories) -> FloatArray:
    """Return the columns of the coding for each trajectory, shape (m, k).

    Raises
    ------
    InputError
        If a metadata column is missing, or as :class:`CovariateCoding` says.
    """
    known: dict[str, Any] = {name: number_column(panel, name) for name in coding.names}
    known |= {name: label_column(panel, name) for name, _ in coding.groups}
    rows = [
        coding.row({name: column[k] for name, column in known.items()})
        for k in range(panel.n_trajectories)
    ]
    return np.array(rows).reshape(panel.n_trajectories, coding.n_columns)


def each_combination(
    family: CovariateNetwork, panel: Trajectories
) -> Iterator[tuple[Process, IntArray]]:
    """Yield each process that the panel asks for, and its trajectories."""
    kinds, which = np.unique(rows_of(family.coding, panel), axis=0, return_inverse=True)
    for k, row in enumerate(kinds):
        yield family.at_row(row), np.flatnonzero(which.ravel() == k)


def row_by_row(
    process: Process,
    panel: Trajectories,
    owner: IntArray,
    evaluate: Callable[[Process, Any], FloatArray],
) -> FloatArray:
    """Return ``evaluate(process, rows)`` for all rows, each under its trajectory's process.

    Parameters
    ----------
    process : Process
        One without covariates is the same for all rows.
    panel : Trajectories
    owner : ndarray of int of shape (n,)
        The trajectory of each row.
    evaluate : callable
        From a process and an index of rows to one result a row.
    """
    if not isinstance(process, CovariateNetwork):
        return evaluate(process, slice(None))
    parts = []
    for own, trajectories in each_combination(process, panel):
        rows = np.flatnonzero(np.isin(owner, trajectories))
        parts.append((rows, evaluate(own, rows)))
    found = np.empty((len(owner), *parts[0][1].shape[1:]))
    for rows, values in parts:
        found[rows] = values
    return found


def number_column(panel: Trajectories, name: str) -> FloatArray:
    """Return a metadata column of finite numbers, one a trajectory."""
    column = _column(panel, name)
    try:
        values = np.asarray(column, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(
            f"The covariate {name!r} must be numeric; for labels use `group_effects`."
        ) from None
    if not np.isfinite(values).all():
        raise InputError(f"The covariate {name!r} must be finite.")
    return values


def label_column(panel: Trajectories, name: str) -> list[Any]:
    """Return a metadata column of labels, one a trajectory."""
    values = _column(panel, name).tolist()
    return [value.item() if isinstance(value, np.generic) else value for value in values]


def _column(panel: Trajectories, name: str) -> Any:
    if name not in panel.metadata.columns:
        there = ", ".join(map(repr, panel.metadata.columns)) or "none"
        raise InputError(
            f"The trajectories have no metadata column {name!r}; they have {there}. Pass "
            "Trajectories(values, metadata=frame)."
        )
    column = panel.metadata[name]
    missing = np.flatnonzero(column.isna())
    if missing.size:
        raise InputError(f"The metadata column {name!r} is missing for trajectory {missing[0]}.")
    return column
