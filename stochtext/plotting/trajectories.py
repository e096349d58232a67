"""Paths: against time, or one coordinate against another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext.plotting.figures import new_axes
from stochtext.plotting.palette import OKABE_ITO, series_colour
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.reading import as_trajectories

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_trajectories"]

# Above this a vector picture is larger than its pixels.
_MOST_POINTS = 20_000


def plot_trajectories(
    X: Any,
    components: tuple[int, ...] | None = None,
    by_group: Any = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw every trajectory as a line.

    Parameters
    ----------
    X : Trajectories, or what they are made of
        The paths.
    components : tuple of one or two int, optional
        One coordinate is drawn against time, two against one another with a dot
        where each path starts. Default (0, 1), or (0,) if there is only one.
    by_group : True, str or sequence of m labels, optional
        Colour by the groups of the panel, by a column of its metadata, or by one
        label a trajectory; at most eight groups.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If a component or a group does not exist.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.plotting import plot_trajectories
    >>> ax = plot_trajectories([np.zeros((3, 2)), np.ones((5, 2))], by_group=["a", "b"])
    >>> len(ax.collections[0].get_segments())
    1
    """
    panel = as_trajectories(X)
    chosen = _components(components, panel.n_features)
    labels = _labels(by_group, panel)
    axes = new_axes(ax)
    for k, label in enumerate(dict.fromkeys(labels)):
        rows = [i for i, other in enumerate(labels) if other == label]
        _draw_lines(axes, panel, rows, chosen, series_colour(k), label)
    names = panel.columns
    axes.set_xlabel(names[chosen[0]] if len(chosen) == 2 else _time_label(panel))
    axes.set_ylabel(names[chosen[-1]])
    axes.autoscale_view()
    if by_group is not None:
        axes.legend(frameon=False)
    return axes


def _draw_lines(
    axes: Axes,
    panel: Trajectories,
    rows: list[int],
    chosen: tuple[int, ...],
    colour: str,
    label: str,
) -> None:
    from matplotlib.collections import LineCollection

    values, times = panel.arrays(), panel.time_arrays()
    if len(chosen) == 2:
        segments = [values[i][:, chosen] for i in rows]
    else:
        segments = [np.column_stack([times[i], values[i][:, chosen[0]]]) for i in rows]
    strength = float(np.clip(3.0 / np.sqrt(panel.n_trajectories), 0.25, 0.9))
    lines = LineCollection(
        segments,
        colors=colour,
        linewidths=1.0,
        alpha=strength,
        label=label or None,
        rasterized=len(panel.values) > _MOST_POINTS,
    )
    axes.add_collection(lines)
    if len(chosen) == 2:
        starts = np.array([segment[0] for segment in segments])
        axes.plot(*starts.T, linestyle="none", marker="o", markersize=3, color=colour)


def _components(components: tuple[int, ...] | None, d: int) -> tuple[int, ...]:
    chosen = tuple(range(min(d, 2))) if components is None else tuple(components)
    valid = all(isinstance(c, int | np.integer) and 0 <= c < d for c in chosen)
    if len(chosen) not in (1, 2) or not valid:
        raise InputError(
            f"`components` must be one or two of the coordinates 0..{d - 1}; got {components!r}."
        )
    return chosen


def _labels(by_group: Any, panel: Trajectories) -> list[str]:
    if by_group is None:
        return [""] * panel.n_trajectories
    groups = _groups(by_group, panel)
    if len(groups) != panel.n_trajectories:
        raise InputError(
            f"`by_group` must name a group for each of the {panel.n_trajectories} trajectories; "
            f"got {len(groups)}."
        )
    labels = [str(group) for group in groups]
    if len(set(labels)) > len(OKABE_ITO):
        raise InputError(
            f"`by_group` has {len(set(labels))} groups; at most {len(OKABE_ITO)} can be told apart."
        )
    return labels


def _groups(by_group: Any, panel: Trajectories) -> Any:
    if by_group is True:
        if panel.groups is None:
            raise InputError("The trajectories have no `groups`; give labels in `by_group`.")
        return panel.groups
    if isinstance(by_group, str):
        if by_group not in panel.metadata.columns:
            known = ", ".join(map(repr, panel.metadata.columns)) or "none"
            raise InputError(f"No metadata column {by_group!r}; there are: {known}.")
        return panel.metadata[by_group].to_numpy()
    return list(by_group)


def _time_label(panel: Trajectories) -> str:
    return f"time ({panel.time_unit})" if panel.time_unit else "time"
