"""Data that a likelihood cannot use, refused with the place and the remedy."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import numpy as np

from stochtext._shared.exceptions import (
    DegenerateDataError,
    InputError,
    SampleSizeWarning,
    UnspecifiedParameterError,
)
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.base import Process
from stochtext.processes.linear.process import LinearProcess

__all__ = ["REDUNDANT", "check_domain", "check_linear_noise", "check_noise", "check_size"]

REDUNDANT = (
    "The one-step errors have no noise in some direction (a coordinate is a function of the "
    "others, or moves without noise), so the likelihood has no maximum. Remove the redundant "
    "coordinate, or reduce the dimension with TrajectoryPCA."
)
NO_NOISE = 1e-7
ROWS = 64


def check_size(sample: TransitionSample, n_free: int) -> None:
    """Refuse too few transitions; warn where there are no more than parameters."""
    if sample.n < sample.dim + 2:
        raise InputError(
            f"ParametricSDE needs at least {sample.dim + 2} transitions in {sample.dim} "
            f"dimension(s), got {sample.n}. Observe longer or more trajectories."
        )
    if sample.n <= n_free:
        warnings.warn(
            f"ParametricSDE estimates {n_free} parameters from {sample.n} transitions: intervals "
            "are NaN. Observe longer or more trajectories, or hold parameters with `fixed=`.",
            SampleSizeWarning,
            stacklevel=5,
        )


def check_noise(sample: TransitionSample, fitted: Process) -> None:
    """Refuse data whose likelihood has no maximum because the noise vanishes.

    Raises
    ------
    DegenerateDataError
        Naming the column.
    """
    pick = np.linspace(0, sample.n - 1, min(sample.n, ROWS)).astype(np.int64)
    rate = np.diagonal(fitted.covariance(sample.x[pick], sample.t[pick]), axis1=1, axis2=2)
    noise = np.sqrt((rate * sample.dt[pick, None]).max(axis=0))
    flat = np.flatnonzero(noise <= NO_NOISE * sample.x.std(axis=0))
    if flat.size:
        raise DegenerateDataError(
            f"The one-step errors of column {sample.panel.columns[flat[0]]!r} have no variance: "
            "the diffusion is zero there and the likelihood has no maximum. Remove the column, or "
            "observe data with noise."
        )


def check_linear_noise(sample: TransitionSample, family: Process, fixed: Iterable[str]) -> None:
    """Refuse increments that an affine drift explains exactly, for a family that has all of them.

    Raises
    ------
    DegenerateDataError
    """
    held = {fixed} if isinstance(fixed, str) else set(fixed)
    if not isinstance(family, LinearProcess) or any(name.startswith("sigma") for name in held):
        return
    # A few rows with noise are enough to know; without noise there all rows must answer.
    pick = np.linspace(0, sample.n - 1, min(sample.n, ROWS)).astype(np.int64)
    if _is_exact(sample.subset(pick)) and _is_exact(sample):
        raise DegenerateDataError(REDUNDANT)


def _is_exact(sample: TransitionSample) -> bool:
    """Whether the regression of dX / dt on X leaves no errors in some direction."""
    d, root = sample.dim, np.sqrt(sample.dt)[:, None]
    if sample.n <= d + 1 + d:
        return False
    states = sample.x - sample.x.mean(axis=0)
    size = states.std(axis=0)
    design = np.column_stack([np.ones(sample.n), states / np.where(size > 0, size, 1.0)]) * root
    moves = (sample.x_next - sample.x) / root
    moves = moves / np.maximum(np.sqrt(np.mean(moves**2, axis=0)), np.finfo(np.float64).tiny)
    error = moves - design @ np.linalg.lstsq(design, moves, rcond=1e-12)[0]
    return bool(np.linalg.svd(error, compute_uv=False)[-1] <= NO_NOISE * np.sqrt(sample.n))


def check_domain(sample: TransitionSample, family: Process) -> None:
    """Refuse states in which the process cannot be, as far as its domain is known.

    Raises
    ------
    InputError
        Naming trajectory, row and column of the first.
    """
    panel = sample.panel
    try:
        domain = family.domain
    except UnspecifiedParameterError:  # it depends on parameters that are to be estimated
        return
    for j, (low, high) in enumerate(domain):
        if np.isinf(low) and np.isinf(high):
            continue
        column = panel.values[:, j]
        outside = np.flatnonzero((column < low) | (column > high))
        if outside.size:
            k = int(outside[0])
            trajectory = int(np.searchsorted(panel.offsets, k, side="right")) - 1
            row = k - int(panel.offsets[trajectory])
            raise InputError(
                f"Trajectory {trajectory}, row {row}, column {panel.columns[j]!r}: the state "
                f"{column[k]:.6g} lies outside the domain [{low:g}, {high:g}] of "
                f"{type(family).__name__}, as do {outside.size - 1} others. Choose another "
                "process, or transform the data."
            )
