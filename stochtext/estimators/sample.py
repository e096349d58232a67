"""What every estimator fits: the transitions of a panel, with weights and clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import DegenerateDataError, InputError
from stochtext._shared.typing import FloatArray, IntArray
from stochtext._shared.validation import as_float_array
from stochtext.trajectories.panel import Trajectories

__all__ = [
    "TransitionSample",
    "check_counts",
    "check_motion",
    "check_starts",
    "check_weight",
    "states_on_clock",
    "transition_sample",
]

# Within these, sums of sixth powers of states and of fourth powers of rates are numbers.
LARGEST, SMALLEST = 1e30, 1e-30
# Transitions that a sum of weights may stand for.
MOST = 1e15


@dataclass(frozen=True)
class TransitionSample:
    """The transitions of a panel, one row each, never across trajectories.

    Attributes
    ----------
    panel : Trajectories
        Where the transitions come from.
    x, x_next : ndarray of shape (n, d)
        States before and after each step.
    t : ndarray of shape (n,)
        Start of each step on ``clock``.
    dt : ndarray of shape (n,)
        Length of each step in the trajectories' own time.
    clock_dt : ndarray of shape (n,)
        Length of each step on ``clock`` (equal to ``dt`` for ``"time"``).
    trajectory : ndarray of int of shape (n,)
        Position of the step's trajectory in the panel.
    weight : ndarray of shape (n,)
        Weight of each step: that of its trajectory.
    cluster : ndarray of int of shape (m,)
        Cluster of each trajectory: itself, or its group.
    clock : {"time", "relative"}
    """

    panel: Trajectories
    x: FloatArray
    x_next: FloatArray
    t: FloatArray
    dt: FloatArray
    clock_dt: FloatArray
    trajectory: IntArray
    weight: FloatArray
    cluster: IntArray
    clock: str

    @property
    def n(self) -> int:
        """Number of transitions."""
        return len(self.dt)

    @property
    def dim(self) -> int:
        """Number of coordinates of the state."""
        return self.x.shape[1]

    @property
    def n_effective(self) -> float:
        """Sum of the weights."""
        return float(self.weight.sum())

    @property
    def typical_step(self) -> float:
        """The common sampling interval, or the median one."""
        return float(np.median(self.dt)) if self.panel.dt is None else self.panel.dt

    def subset(self, keep: np.ndarray) -> TransitionSample:
        """Return the transitions selected by a mask or an index array."""
        return TransitionSample(
            self.panel, self.x[keep], self.x_next[keep], self.t[keep], self.dt[keep],
            self.clock_dt[keep], self.trajectory[keep], self.weight[keep], self.cluster, self.clock,
        )  # fmt: skip


def transition_sample(
    panel: Trajectories, *, clock: str = "time", weight: FloatArray | None = None
) -> TransitionSample:
    """Lay out the transitions of ``panel`` on a clock.

    Parameters
    ----------
    panel : Trajectories
    clock : {"time", "relative"}
        What the time argument of the model means.
    weight : ndarray of shape (m,), optional
        One weight a trajectory.
    """
    if clock == "relative" and {"source_id", "piece"} <= set(panel.metadata.columns):
        raise InputError(
            "The trajectories are pieces of trajectories split at missing values, so their "
            "position in the whole is not known, which a relative clock needs. Use a model with "
            "clock='time', or fill the missing values first."
        )
    steps = panel.transitions(clock=clock)
    per_trajectory = np.ones(panel.n_trajectories) if weight is None else weight
    labels = np.arange(panel.n_trajectories) if panel.groups is None else panel.groups
    return TransitionSample(
        panel, steps.x, steps.x_next, steps.t, steps.dt, steps.clock_dt,
        steps.trajectory, per_trajectory[steps.trajectory], pd.factorize(labels)[0], clock,
    )  # fmt: skip


def check_weight(weight: object, n_trajectories: int) -> FloatArray | None:
    """Return one finite, non-negative weight a trajectory, or None."""
    if weight is None:
        return None
    array = as_float_array("sample_weight", weight)
    if array.shape != (n_trajectories,):
        raise InputError(
            f"`sample_weight` needs one weight per trajectory: shape ({n_trajectories},); "
            f"got {array.shape}."
        )
    bad = np.flatnonzero(~np.isfinite(array) | (array < 0))
    if bad.size:
        raise InputError(
            f"`sample_weight` must be finite and >= 0; trajectory {bad[0]} has {array[bad[0]]}."
        )
    if not array.any():
        raise InputError("`sample_weight` is zero for every trajectory; nothing is left to fit.")
    return array


def states_on_clock(
    panel: Trajectories, clock: str
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return every state with its clock position and the step that follows it.

    The last state of a trajectory is given the step before it.

    Returns
    -------
    x, t, dt, clock_dt : ndarrays of shapes (N, d), (N,), (N,), (N,)
    """
    position = panel.times if clock == "time" else panel.relative_times
    last = panel.offsets[1:] - 1
    dt = np.diff(panel.times, append=panel.times[-1])
    clock_dt = np.diff(position, append=position[-1])
    dt[last] = dt[last - 1]
    clock_dt[last] = clock_dt[last - 1]
    return panel.values, position, dt, clock_dt


def check_motion(panel: Trajectories) -> None:
    """Refuse a coordinate that never changes within any trajectory, or is out of range.

    Raises
    ------
    DegenerateDataError
        If it never changes, naming the column.
    InputError
        If powers of its states or changes are no numbers in floating point.
    """
    for name, column in zip(panel.columns, panel.values.T, strict=True):
        size = _largest(column)
        if size > LARGEST:
            raise _out_of_range(name, f"states up to {size:.3g}")
        move = np.diff(column)
        move[panel.offsets[1:-1] - 1] = 0.0  # from one trajectory to the next
        change = _largest(move)
        if change == 0.0:
            raise DegenerateDataError(
                f"Column {name!r} never changes in any trajectory, so its diffusion is zero and "
                "no transition density exists. Remove the column."
            )
        if change < SMALLEST:
            raise _out_of_range(name, f"changes of at most {change:.3g}")


def check_starts(sample: TransitionSample) -> None:
    """Refuse a sample whose steps all start from the same state, in some direction.

    Raises
    ------
    DegenerateDataError
    """
    used = sample.x[sample.weight > 0]
    if np.linalg.matrix_rank(used - used.mean(axis=0)) < sample.dim:
        raise DegenerateDataError(
            "All steps start from the same state (in some direction), so the data do not say how "
            "the drift depends on it. Observe trajectories of more than two states, or from other "
            "starts, or fit BrownianMotion with ParametricSDE."
        )


def _largest(values: FloatArray) -> float:
    """Return the largest absolute value, NaN left out unless there is nothing else."""
    high, low = float(values.max()), float(values.min())
    if high != high:
        high, low = float(np.fmax.reduce(values)), float(np.fmin.reduce(values))
    return max(high, -low)


def _out_of_range(name: object, what: str) -> InputError:
    return InputError(
        f"Column {name!r} has {what}: powers of them that a fit needs are too large or too small "
        "for floating point. Rescale the data, for instance with TrajectoryScaler."
    )


def check_counts(sample: TransitionSample) -> None:
    """Refuse sampling intervals and sums of weights that no fit can count with.

    Raises
    ------
    InputError
    """
    low, high = float(sample.dt.min()), float(sample.dt.max())
    if low < SMALLEST or high > LARGEST:
        raise InputError(
            f"The sampling intervals go from {low:.3g} to {high:.3g}; they must lie between "
            f"{SMALLEST:g} and {LARGEST:g}. Choose another unit of time."
        )
    if not 1.0 <= sample.n_effective <= MOST:
        raise InputError(
            "`sample_weight` counts trajectories (2 is the trajectory twice), and these weights "
            f"come to {sample.n_effective:.3g} transitions. Rescale them, for instance to a mean "
            "of one."
        )
