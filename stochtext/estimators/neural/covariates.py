"""Covariates and groups of trajectories that the parameters of an estimator name."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.exceptions import DegenerateDataError, InputError
from stochtext.processes.base import Process
from stochtext.processes.fitted.networks.covariate_coding import CovariateCoding
from stochtext.processes.fitted.networks.covariate_network import CovariateNetwork
from stochtext.results.covariate_rows import label_column, number_column
from stochtext.trajectories.panel import Trajectories

__all__ = ["at_values", "coding_of"]


def coding_of(panel: Trajectories, covariates: Any, group_effects: Any) -> CovariateCoding | None:
    """Return how the named metadata columns are coded, None if none is named.

    Raises
    ------
    InputError
        If a column is missing, is named twice, is not numeric or has missing values.
    DegenerateDataError
        If a column has one value only.
    """
    names, groups = _names("covariates", covariates), _names("group_effects", group_effects)
    if not names and not groups:
        return None
    twice = [name for k, name in enumerate((*names, *groups)) if name in (*names, *groups)[:k]]
    if twice:
        raise InputError(f"{twice[0]!r} is named twice among `covariates` and `group_effects`.")
    columns = {name: number_column(panel, name) for name in names}
    still = [name for name, values in columns.items() if np.ptp(values) == 0]
    if still:
        raise DegenerateDataError(
            f"The covariate {still[0]!r} has the same value in all trajectories; remove it."
        )
    means = tuple(float(values.mean()) for values in columns.values())
    return CovariateCoding(names, means, tuple((name, _levels(panel, name)) for name in groups))


def at_values(process: Process, values: Any) -> Process:
    """Return the process at values of its covariates.

    Raises
    ------
    InputError
        If it has none and some are given, or as :class:`CovariateCoding` says.
    """
    if isinstance(process, CovariateNetwork):
        return process if values is None else process.at(values)
    if values:
        raise InputError(
            "`covariates` were given, but the fit has none: name metadata columns in "
            "`covariates=` or `group_effects=` of the estimator."
        )
    return process


def _names(kind: str, given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        raise InputError(f"`{kind}` must be a sequence of names: ({given!r},), not {given!r}.")
    return tuple(str(name) for name in given)


def _levels(panel: Trajectories, name: str) -> tuple[Any, ...]:
    levels = sorted(set(label_column(panel, name)), key=lambda level: (str(type(level)), level))
    if len(levels) < 2:
        raise DegenerateDataError(
            f"The group variable {name!r} has one level only, {levels[0]!r}; remove it."
        )
    return tuple(levels)
