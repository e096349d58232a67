"""The drift as a field over two coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stochtext._shared.exceptions import DegenerateDataError, InputError
from stochtext._shared.typing import FloatArray
from stochtext._shared.validation import as_states, check_integer
from stochtext.plotting.figures import new_axes
from stochtext.plotting.palette import DATA, SEQUENTIAL
from stochtext.processes.support import Support
from stochtext.trajectories.panel import Trajectories

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_field"]


def plot_field(
    process: Any,
    states: Any,
    *,
    t: float = 0.0,
    components: tuple[int, int] = (0, 1),
    n_grid: int = 30,
    ax: Axes | None = None,
) -> Axes:
    """Draw the phase portrait: streamlines of the drift where there were data.

    Parameters
    ----------
    process : Process or callable
        A process, or its drift: states (n, d) to (n, d). A callable is called
        with the states only, a process also with ``t``.
    states : Trajectories, array_like of shape (n, d), or Support
        Observed states; they are drawn behind, and nothing is drawn outside
        their support.
    t : float, default 0
        Position on the clock of the process.
    components : tuple of two int, default (0, 1)
        Coordinates of the plane; the others stay at their mean.
    n_grid : int, default 30
        Points of the grid along each coordinate.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If there are fewer than two coordinates or a component does not exist.
    DegenerateDataError
        If the states do not vary in one of the two coordinates.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.plotting import plot_field
    >>> states = np.random.default_rng(0).standard_normal((200, 2))
    >>> ax = plot_field(lambda x: -x, states)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('$x_{0}$', '$x_{1}$')
    """
    observed, support, names = _observed(states)
    pair = _plane(components, support)
    check_integer("n_grid", n_grid, minimum=5)
    along = [np.linspace(support.lower[c], support.upper[c], n_grid) for c in pair]
    points = np.tile(support.center, (n_grid * n_grid, 1))
    points[:, pair[0]], points[:, pair[1]] = (g.ravel() for g in np.meshgrid(*along))
    field = _drift(process, points, t)[:, pair]
    hidden = ~support.contains(points) | ~np.isfinite(field).all(axis=1)
    u, v = (np.ma.array(f, mask=hidden).reshape(n_grid, n_grid) for f in field.T)
    axes = new_axes(ax, 6.0, 4.8)
    if observed is not None:
        shown = observed[:: max(1, len(observed) // 3000)]
        axes.scatter(
            shown[:, pair[0]],
            shown[:, pair[1]],
            s=3,
            color=DATA,
            alpha=0.4,
            linewidths=0,
            rasterized=True,
        )
    if not hidden.all():
        _draw_streams(axes, along, u, v)
    axes.set_xlabel(names[pair[0]] if names else f"$x_{{{pair[0]}}}$")
    axes.set_ylabel(names[pair[1]] if names else f"$x_{{{pair[1]}}}$")
    return axes


def _draw_streams(axes: Axes, along: list[FloatArray], u: Any, v: Any) -> None:
    speed = np.ma.sqrt(u**2 + v**2)
    streams = axes.streamplot(
        along[0],
        along[1],
        u,
        v,
        color=speed,
        cmap=SEQUENTIAL,
        linewidth=1.1,
        arrowsize=0.9,
        density=1.1,
    )
    # Whatever was masked has no speed and must not stretch the scale.
    streams.lines.set_clim(float(speed.min()), float(speed.max()))
    figure = axes.get_figure()
    if figure is not None:
        figure.colorbar(streams.lines, ax=axes, label="speed $|b(x)|$")


def _observed(states: Any) -> tuple[FloatArray | None, Support, tuple[str, ...] | None]:
    if isinstance(states, Support):
        return None, states, None
    if isinstance(states, Trajectories):
        return states.values, Support.from_states(states.values), states.columns
    array = as_states("states", states, None)
    return array, Support.from_states(array), None


def _plane(components: tuple[int, int], support: Support) -> list[int]:
    d = len(support.center)
    pair = [int(c) for c in components]
    if len(pair) != 2 or pair[0] == pair[1] or not all(0 <= c < d for c in pair):
        raise InputError(
            f"`components` must be two different coordinates of 0..{d - 1}; got {components!r}."
        )
    for c in pair:
        if not support.lower[c] < support.upper[c]:
            raise DegenerateDataError(
                f"The states do not vary in component {c}: {support.lower[c]}."
            )
    return pair


def _drift(process: Any, points: FloatArray, t: float) -> FloatArray:
    if hasattr(process, "drift"):
        return np.asarray(process.drift(points, t), dtype=np.float64)
    if not callable(process):
        raise InputError(f"`process` must be a process or a callable; got {process!r}.")
    drift = np.asarray(process(points), dtype=np.float64)
    if drift.shape != points.shape:
        raise InputError(
            f"The drift must have the shape {points.shape} of the states; got {drift.shape}."
        )
    return drift
