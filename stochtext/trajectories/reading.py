"""The door through which every public function reads its trajectories.

Whatever ``Trajectories`` takes is taken everywhere, and read in one way only.
"""

from __future__ import annotations

from typing import Any

from stochtext._shared.exceptions import InputError
from stochtext.trajectories.construction.values import check_finite, is_nested
from stochtext.trajectories.panel import Trajectories

__all__ = ["as_trajectories", "is_panel"]


def is_panel(X: Any) -> bool:
    """Say whether ``X`` is a panel: ``Trajectories``, a list of arrays, or three-dimensional.

    A two-dimensional array, a frame or a nested list of numbers is not: it is
    one trajectory.
    """
    if isinstance(X, Trajectories) or _is_list_of_panels(X) or is_nested(X):
        return True
    return getattr(X, "ndim", 0) == 3


def _is_list_of_panels(X: Any) -> bool:
    return isinstance(X, list | tuple) and any(isinstance(element, Trajectories) for element in X)


def as_trajectories(
    X: Any, *, dt: Any = None, times: Any = None, groups: Any = None, gaps: bool = False
) -> Trajectories:
    """Return ``X`` as a panel.

    Parameters
    ----------
    X : Trajectories, array, list of arrays, list of Trajectories or DataFrame
        A ``Trajectories`` passes through; a list of them is put together.
    dt : float or sequence of floats, optional
        Time between two rows, default 1; not with a ``Trajectories``.
    times : nested like ``X``, optional
        Observation times; not with a ``Trajectories``.
    groups : sequence of labels, optional
        One a trajectory; replaces the groups of a ``Trajectories``.
    gaps : bool, default False
        Whether the caller can handle missing values (NaN).

    Raises
    ------
    InputError
        If ``dt`` or ``times`` come with a ``Trajectories``, or if the data
        cannot be read as trajectories.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.trajectories.reading import as_trajectories
    >>> as_trajectories(np.zeros((4, 2)), dt=0.1)
    Trajectories(m=1, T=4, d=2 [x0, x1], n_transitions=3, dt=0.1)
    """
    if isinstance(X, Trajectories) or _is_list_of_panels(X):
        for name, value in (("dt", dt), ("times", times)):
            if value is not None:
                raise InputError(
                    f"`{name}` was given together with a Trajectories, which knows its own "
                    f"times. Leave `{name}` out."
                )
        panel = X if isinstance(X, Trajectories) else Trajectories.concat(X)
        if not gaps and panel.has_gaps:
            check_finite(panel.values, panel.offsets, panel.columns, panel.ids)
        return panel if groups is None else panel.with_groups(groups)
    missing = "keep" if gaps else "raise"
    return Trajectories(X, times, dt=1.0 if dt is None else dt, groups=groups, missing=missing)
