"""The ratio of sixth and fourth moments of increments against the lag: diffusion or jumps.

Law of the room: increments never reach from one trajectory into the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, RandomState
from stochtext._shared.validation import check_fraction, check_integer
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.reading import as_trajectories

__all__ = ["QRatio", "q_ratio"]

_LAGS_PER_BLOCK = 8
_FEWEST_BLOCKS = 20


@dataclass(frozen=True)
class QRatio:
    """Result of :func:`q_ratio`.

    Attributes
    ----------
    lags : ndarray of int of shape (k,)
    times : ndarray of shape (k,)
        Mean duration of each lag.
    ratio, lower, upper : ndarray of shape (k,)
        Q with its band, in the squared unit of the state; NaN ends where there are too few
        blocks for a bootstrap.
    slope, slope_lower, slope_upper : float
        Of log Q against log time: one for a diffusion, zero for jumps.
    n : ndarray of int of shape (k,)
        Increments used.
    """

    lags: np.ndarray
    times: FloatArray
    ratio: FloatArray
    lower: FloatArray
    upper: FloatArray
    slope: float
    slope_lower: float
    slope_upper: float
    n: np.ndarray

    def to_frame(self) -> pd.DataFrame:
        """Return one row a lag."""
        return pd.DataFrame(
            {"lag": self.lags, "time": self.times, "Q": self.ratio, "ci_lower": self.lower,
             "ci_upper": self.upper, "n": self.n}
        )  # fmt: skip


def q_ratio(
    X: Any,
    lags: Sequence[int] = (1, 2, 4, 8, 16),
    *,
    dt: Any = None,
    column: int = 0,
    alpha: float = 0.05,
    n_boot: int = 199,
    random_state: RandomState = None,
) -> QRatio:
    r"""Return Q = E[e^6] / (5 E[e^4]) of increments against their lag.

    Parameters
    ----------
    X : Trajectories, array or list of arrays
    lags : sequence of int
        Increasing, at least two.
    dt : optional
        Sampling interval of plain arrays.
    column : int, default 0
        Which coordinate.
    alpha : float, default 0.05
        The band and the interval of the slope have level 1 - alpha.
    n_boot : int, default 199
        Bootstrap samples of blocks eight times as long as the longest lag (of whole
        trajectories where those are shorter).
    random_state : int, Generator, SeedSequence or None

    Returns
    -------
    QRatio

    Notes
    -----
    Increments are taken less their linear regression on the state. For a diffusion
    Q is :math:`\sigma^2 \tau` and grows like the lag; with jumps it is the jumps'
    variance at short lags, whatever the lag. The slope is between those where jumps
    are rare or lags long; it is a description, with a bootstrap band, and no test.

    References
    ----------
    Lehnertz, K., Zabawa, L. and Tabar, M. R. R. (2018), Characterizing abrupt transitions
    in stochastic dynamics, New Journal of Physics 20, 113043.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.diagnostics import q_ratio
    >>> path = np.cumsum(np.random.default_rng(0).standard_normal(20_000))
    >>> round(q_ratio(path[:, None], dt=0.01, random_state=0).slope, 1)
    1.0
    """
    panel = as_trajectories(X, dt=dt)
    chosen = _checked_lags(lags, panel)
    check_fraction("alpha", alpha)
    sums = _block_sums(panel, column, chosen)
    total = sums.sum(axis=0)
    times, ratio = total[:, 1] / total[:, 0], total[:, 3] / (5 * total[:, 2])
    log_times = np.log(times)
    slope = _slope(log_times, ratio)
    lower, upper = np.full(len(chosen), np.nan), np.full(len(chosen), np.nan)
    slopes = np.full(2, np.nan)
    if len(sums) >= _FEWEST_BLOCKS:
        rng = generator(random_state, "q ratio")
        size = check_integer("n_boot", n_boot, minimum=19)
        drawn = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=size)
        again = np.tensordot(drawn.astype(np.float64), sums, axes=1)
        draws = again[..., 3] / (5 * again[..., 2])
        lower, upper = np.quantile(draws, [alpha / 2, 1 - alpha / 2], axis=0)
        slopes = np.quantile(
            [_slope(log_times, draw) for draw in draws], [alpha / 2, 1 - alpha / 2]
        )
    return QRatio(
        np.array(chosen), times, ratio, lower, upper, slope, float(slopes[0]), float(slopes[1]),
        total[:, 0].astype(np.int64),
    )  # fmt: skip


def _checked_lags(lags: Sequence[int], panel: Trajectories) -> tuple[int, ...]:
    chosen = tuple(check_integer("lags", lag, minimum=1) for lag in lags)
    if len(chosen) < 2 or any(b <= a for a, b in zip(chosen, chosen[1:], strict=False)):
        raise InputError(f"`lags` must be at least two increasing integers; got {lags!r}.")
    if chosen[-1] >= int(panel.lengths.max()):
        raise InputError(
            f"The longest lag is {chosen[-1]} steps, the longest trajectory has "
            f"{int(panel.lengths.max()) - 1}."
        )
    return chosen


def _block_sums(panel: Trajectories, column: int, lags: tuple[int, ...]) -> FloatArray:
    """Return sums over blocks of starts: number, duration, e**4, e**6, shape (B, k, 4)."""
    length = _LAGS_PER_BLOCK * lags[-1]
    parts = [
        (values[:, column], times)
        for values, times in zip(panel.arrays(), panel.time_arrays(), strict=True)
    ]
    blocks = [-(-len(x) // length) for x, _ in parts]
    first = np.cumsum([0, *blocks])
    sums = np.zeros((int(first[-1]), len(lags), 4))
    for place, lag in enumerate(lags):
        long = [(x, t, start) for (x, t), start in zip(parts, first, strict=False) if len(x) > lag]
        rows = [(x[:-lag], x[lag:] - x[:-lag], t[lag:] - t[:-lag]) for x, t, _ in long]
        code = np.concatenate([start + np.arange(len(x) - lag) // length for x, _, start in long])
        state, change, time = (np.concatenate(column_) for column_ in zip(*rows, strict=True))
        design = np.column_stack([time, time * (state - state.mean())])
        root = 1 / np.sqrt(time)[:, None]
        fitted = design @ np.linalg.lstsq(design * root, change * root[:, 0], rcond=1e-10)[0]
        fourth = (change - fitted) ** 4
        for k, values in enumerate(
            (np.ones_like(time), time, fourth, fourth * (change - fitted) ** 2)
        ):
            sums[:, place, k] = np.bincount(code, values, len(sums))
    return sums[sums[:, 0, 0] > 0]


def _slope(log_times: FloatArray, ratio: FloatArray) -> float:
    if not np.all(ratio > 0):
        return float("nan")
    return float(np.polyfit(log_times, np.log(ratio), 1)[0])
