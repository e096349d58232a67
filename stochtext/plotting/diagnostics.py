"""Residual diagnostics in four panels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import beta, binom, norm

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_float_array, check_fraction, check_integer
from stochtext.plotting.figures import new_figure, tidy
from stochtext.plotting.palette import BAND_ALPHA, DATA, REFERENCE, series_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_residual_diagnostics", "within_autocorrelation"]

_MOST_POINTS = 600


def plot_residual_diagnostics(
    resid: ArrayLike,
    pit: ArrayLike,
    trajectory: ArrayLike,
    *,
    lags: int = 10,
    level: float = 0.95,
    fig: Figure | None = None,
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """Draw the PIT histogram, the Q-Q plot and the autocorrelations of residuals.

    Parameters
    ----------
    resid : array_like of shape (n, d) or (n,)
        Whitened residuals: standard normal and independent under the model.
    pit : array_like of the same shape
        Probability integral transforms: uniform on [0, 1] under the model.
    trajectory : array_like of shape (n,)
        Trajectory of each residual; the rows of a trajectory stand together in
        order of time, and no lag pair joins two trajectories.
    lags : int, default 10
        Number of lags; those without a pair are left out.
    level : float, default 0.95
        Pointwise level of the bands.
    fig : Figure, optional
        An empty figure to draw on; a new one by default.
    axes : sequence of four Axes, optional
        Where to draw instead, in any arrangement of one figure.

    Returns
    -------
    Figure
        With four axes: PIT, Q-Q, autocorrelation of the residuals and of their
        squares. Components are pooled: under the model they are independent.

    Raises
    ------
    InputError
        If shapes disagree or a value is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.stats import norm
    >>> from stochtext.plotting import plot_residual_diagnostics
    >>> resid = np.random.default_rng(0).standard_normal((200, 1))
    >>> figure = plot_residual_diagnostics(resid, norm.cdf(resid), np.repeat(np.arange(10), 20))
    >>> len(figure.axes)
    4
    """
    residuals, uniforms, codes = _read(resid, pit, trajectory)
    check_fraction("level", level)
    check_integer("lags", lags)
    panels = _panels(fig, axes)
    upper_left, upper_right, lower_left, lower_right = panels
    _draw_pit(tidy(upper_left), uniforms.ravel(), level)
    _draw_quantiles(tidy(upper_right), residuals.ravel(), level)
    _draw_autocorrelation(tidy(lower_left), residuals, codes, lags, level)
    _draw_autocorrelation(tidy(lower_right), residuals**2, codes, lags, level)
    lower_left.set_title("Autocorrelation of residuals", fontsize=10)
    lower_right.set_title("Autocorrelation of squared residuals", fontsize=10)
    figure: Figure = upper_left.figure
    return figure


def _panels(fig: Figure | None, axes: Sequence[Axes] | None) -> list[Any]:
    if axes is None:
        figure = new_figure(8.0, 6.0) if fig is None else fig
        return list(figure.subplots(2, 2).ravel())
    panels = list(np.ravel(np.asarray(axes, dtype=object)))
    if len(panels) != 4:
        raise InputError(f"`axes` must be four axes; got {len(panels)}.")
    return panels


def within_autocorrelation(
    values: FloatArray, trajectory: np.ndarray, lags: int
) -> tuple[FloatArray, FloatArray]:
    """Return autocorrelations from pairs within trajectories, and the numbers of pairs.

    Parameters
    ----------
    values : ndarray of shape (n, d)
        Series, in order within each trajectory.
    trajectory : ndarray of shape (n,)
        Trajectory of each row; equal values stand together.
    lags : int
        Longest lag.

    Returns
    -------
    correlation : ndarray of shape (lags,)
        Mean over pairs and components of the product of deviations, relative to
        the variance; NaN at a lag without pairs.
    pairs : ndarray of shape (lags,)
        Number of pairs within trajectories.
    """
    centred = values - values.mean(axis=0)
    deviation = centred / np.sqrt(np.mean(centred**2, axis=0))
    correlation, pairs = np.full(lags, np.nan), np.zeros(lags)
    for k in range(1, lags + 1):
        same = trajectory[k:] == trajectory[:-k]
        pairs[k - 1] = np.count_nonzero(same)
        if pairs[k - 1]:
            correlation[k - 1] = np.mean((deviation[k:] * deviation[:-k])[same])
    return correlation, pairs


def _draw_pit(axes: Axes, uniforms: FloatArray, level: float) -> None:
    n = uniforms.size
    bins = int(np.clip(n // 20, 5, 20))
    low, high = binom.ppf([(1 - level) / 2, (1 + level) / 2], n, 1 / bins)
    axes.axhspan(low, high, color=series_colour(0), alpha=2 * BAND_ALPHA, linewidth=0, zorder=3)
    axes.hist(uniforms, bins=bins, range=(0.0, 1.0), color=DATA, edgecolor="white")
    axes.axhline(n / bins, color=REFERENCE, linewidth=0.8, linestyle="--")
    axes.set_xlim(0.0, 1.0)
    axes.set_title(f"PIT histogram, {100 * level:.3g} % binomial band", fontsize=10)
    axes.set_xlabel("probability integral transform")
    axes.set_ylabel("count")


def _draw_quantiles(axes: Axes, residuals: FloatArray, level: float) -> None:
    n = residuals.size
    rank = np.arange(1, n + 1)
    if n > _MOST_POINTS:
        # All of the tails and an even share of the middle keep a drawn page small.
        tail = _MOST_POINTS // 6
        middle = np.linspace(tail, n - tail - 1, _MOST_POINTS - 2 * tail).astype(int)
        rank = rank[np.unique(np.r_[:tail, middle, n - tail : n])]
    expected = norm.ppf((rank - 0.5) / n)
    low, high = (
        norm.ppf(beta.ppf(q, rank, n + 1 - rank)) for q in (0.5 - level / 2, 0.5 + level / 2)
    )
    axes.fill_between(expected, low, high, color=series_colour(0), alpha=BAND_ALPHA, linewidth=0)
    axes.plot(expected, expected, color=REFERENCE, linewidth=0.8, linestyle="--")
    axes.plot(
        expected,
        np.sort(residuals)[rank - 1],
        linestyle="none",
        marker="o",
        markersize=2.5,
        color=series_colour(0),
    )
    axes.set_title(f"Q-Q plot, {100 * level:.3g} % pointwise band", fontsize=10)
    axes.set_xlabel("standard normal quantile")
    axes.set_ylabel("residual")


def _draw_autocorrelation(
    axes: Axes, values: FloatArray, trajectory: np.ndarray, lags: int, level: float
) -> None:
    correlation, pairs = within_autocorrelation(values, trajectory, min(lags, len(values) - 1))
    lag = np.arange(1, len(pairs) + 1)[pairs > 0]
    correlation, pairs = correlation[pairs > 0], pairs[pairs > 0]
    half = norm.ppf((1 + level) / 2) / np.sqrt(pairs * values.shape[1])
    axes.fill_between(
        lag, -half, half, step="mid", color=series_colour(0), alpha=BAND_ALPHA, linewidth=0
    )
    axes.axhline(0.0, color=REFERENCE, linewidth=0.8)
    axes.vlines(lag, 0.0, correlation, color=series_colour(0), linewidth=1.6)
    axes.plot(lag, correlation, linestyle="none", marker="o", markersize=4, color=series_colour(0))
    reach = 1.15 * max([0.1, *np.abs(correlation), *half[np.isfinite(half)]])
    axes.set_ylim(-min(reach, 1.2), min(reach, 1.2))
    axes.set_xlabel("lag within a trajectory")


def _read(
    resid: ArrayLike, pit: ArrayLike, trajectory: ArrayLike
) -> tuple[FloatArray, FloatArray, np.ndarray]:
    residuals, uniforms = as_float_array("resid", resid), as_float_array("pit", pit)
    codes = np.asarray(trajectory)
    if residuals.ndim == 1:
        residuals, uniforms = residuals[:, None], uniforms.reshape(len(uniforms), -1)
    if residuals.ndim != 2 or uniforms.shape != residuals.shape or codes.shape != (len(residuals),):
        raise InputError(
            "`resid` and `pit` must have the same shape (n, d) and `trajectory` shape (n,); got "
            f"{np.shape(resid)}, {np.shape(pit)} and {codes.shape}."
        )
    if len(residuals) < 2:
        raise InputError(f"At least two residuals are needed; got {len(residuals)}.")
    for name, array in (("resid", residuals), ("pit", uniforms)):
        bad = np.argwhere(~np.isfinite(array))
        if bad.size:
            raise InputError(
                f"`{name}` is {array[tuple(bad[0])]} in row {bad[0][0]}, component {bad[0][1]}; "
                "give finite rows only."
            )
    if uniforms.min() < 0 or uniforms.max() > 1:
        raise InputError(
            f"`pit` must lie in [0, 1]; it reaches from {uniforms.min():.4g} to "
            f"{uniforms.max():.4g}."
        )
    return residuals, uniforms, codes
