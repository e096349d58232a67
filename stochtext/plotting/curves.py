"""Drift and covariance rate along one coordinate, with their uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_float_array
from stochtext.plotting.figures import new_axes
from stochtext.plotting.palette import BAND_ALPHA, DATA, REFERENCE, series_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_covariance", "plot_drift"]

_ESTIMATE = "stochtext-estimate"


def plot_drift(
    x: ArrayLike,
    estimate: ArrayLike,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    states: ArrayLike | None = None,
    truth: ArrayLike | None = None,
    label: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a drift b(x) along one coordinate.

    Parameters
    ----------
    x : array_like of shape (n,)
        States, in any order.
    estimate : array_like of shape (n,)
        Drift at ``x``; NaN leaves a gap.
    lower, upper : array_like of shape (n,), optional
        Limits of the interval, both or neither.
    states : array_like of shape (k,), optional
        Observed states; their histogram stands behind the curve, without scale.
    truth : array_like of shape (n,), optional
        The known drift at ``x``.
    label : str, optional
        Name of the curve in the legend.
    ax : Axes, optional
        Where to draw; a new figure by default. Curves drawn on the same axes
        get different colours.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If the lengths differ.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.plotting import plot_drift
    >>> x = np.linspace(-1, 1, 5)
    >>> ax = plot_drift(x, -x, -x - 0.1, -x + 0.1, truth=-x, label="fitted")
    >>> ax.get_ylabel()
    'drift $b(x)$'
    """
    axes = _curve(x, estimate, lower, upper, states, truth, label, ax)
    axes.set_ylabel("drift $b(x)$")
    axes.axhline(0.0, color=REFERENCE, linewidth=0.6, zorder=1)
    return axes


def plot_covariance(
    x: ArrayLike,
    estimate: ArrayLike,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    states: ArrayLike | None = None,
    truth: ArrayLike | None = None,
    label: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    r"""Draw an entry of the covariance rate a(x) = sigma(x) sigma(x)^T along one coordinate.

    Parameters
    ----------
    x : array_like of shape (n,)
        States, in any order.
    estimate : array_like of shape (n,)
        Covariance rate at ``x``; NaN leaves a gap.
    lower, upper : array_like of shape (n,), optional
        Limits of the interval, both or neither.
    states : array_like of shape (k,), optional
        Observed states; their histogram stands behind the curve, without scale.
    truth : array_like of shape (n,), optional
        The known covariance rate at ``x``.
    label : str, optional
        Name of the curve in the legend.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If the lengths differ.

    Examples
    --------
    >>> from stochtext.plotting import plot_covariance
    >>> plot_covariance([0.0, 1.0], [0.5, 0.6]).get_xlabel()
    'state $x$'
    """
    axes = _curve(x, estimate, lower, upper, states, truth, label, ax)
    axes.set_ylabel(r"covariance rate $a(x) = \sigma(x)\,\sigma(x)^{T}$")
    return axes


def _curve(
    x: ArrayLike,
    estimate: ArrayLike,
    lower: ArrayLike | None,
    upper: ArrayLike | None,
    states: ArrayLike | None,
    truth: ArrayLike | None,
    label: str | None,
    ax: Axes | None,
) -> Axes:
    points = _flat("x", x, None)
    n = points.size
    curve = _flat("estimate", estimate, n)
    if (lower is None) != (upper is None):
        raise InputError("Give both `lower` and `upper`, or neither.")
    order = np.argsort(points, kind="stable")
    axes = new_axes(ax)
    if states is not None:
        _draw_density(axes, _flat("states", states, None))
    colour = series_colour(sum(line.get_gid() == _ESTIMATE for line in axes.lines))
    if lower is not None and upper is not None:
        low, high = _flat("lower", lower, n)[order], _flat("upper", upper, n)[order]
        axes.fill_between(points[order], low, high, color=colour, alpha=BAND_ALPHA, linewidth=0)
    axes.plot(points[order], curve[order], color=colour, label=label, gid=_ESTIMATE, zorder=3)
    if truth is not None:
        known = _flat("truth", truth, n)[order]
        axes.plot(
            points[order], known, color=REFERENCE, linestyle="--", linewidth=1.1, label="truth"
        )
    axes.set_xlabel("state $x$")
    if label is not None or truth is not None:
        axes.legend(frameon=False)
    return axes


def _draw_density(axes: Axes, states: FloatArray) -> None:
    finite = states[np.isfinite(states)]
    if finite.size == 0:
        return
    height, edges = np.histogram(finite, bins=min(60, max(10, int(np.sqrt(finite.size)))))
    # Heights are fractions of the axes, so that the curve's scale stays untouched.
    axes.stairs(
        0.25 * height / height.max(),
        edges,
        fill=True,
        color=DATA,
        alpha=0.35,
        transform=axes.get_xaxis_transform(),
        zorder=0,
    )


def _flat(name: str, value: ArrayLike, n: int | None) -> FloatArray:
    array = as_float_array(name, value)
    if array.size != max(array.shape, default=1) or (n is not None and array.size != n):
        wanted = "(n,)" if n is None else f"({n},) like `x`"
        raise InputError(f"`{name}` must have shape {wanted}; got {array.shape}.")
    return array.ravel()
