"""Long memory by detrended fluctuation analysis, against controls without long memory.

Law of this file: no window reaches from one trajectory into the next, and no exponent is given
without what it would be for the same lengths without memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, IntArray, RandomState
from stochtext._shared.validation import check_choice, check_fraction, check_integer
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.reading import as_trajectories

__all__ = ["FluctuationAnalysis", "fluctuation_analysis"]

CONTROLS = ("shuffle", "autoregression")
FEWEST_WINDOWS = 8
N_SCALES = 12


@dataclass(frozen=True)
class FluctuationAnalysis:
    """Result of :func:`fluctuation_analysis`.

    Attributes
    ----------
    scales : ndarray of int of shape (k,)
        Window lengths, in sampling intervals.
    fluctuation : ndarray of shape (k,)
        Root mean square deviation from the trend in windows of that length.
    windows : ndarray of int of shape (k,)
        Number of windows.
    exponent : float
        Slope of log fluctuation against log scale: one half without memory.
    control_exponent, control_lower, control_upper : float
        Mean and 1 - alpha range of the exponents of the controls.
    pvalue : float
        Two-sided rank among the controls; NaN where there are too few scales.
    control : {"shuffle", "autoregression"}
    n : int
        Values used.
    n_control : int
    meaning : str
    """

    scales: IntArray
    fluctuation: FloatArray
    windows: IntArray
    exponent: float
    control_exponent: float
    control_lower: float
    control_upper: float
    pvalue: float
    control: str
    n: int
    n_control: int
    meaning: str

    def to_frame(self) -> pd.DataFrame:
        """Return one row a scale."""
        return pd.DataFrame(
            {"scale": self.scales, "fluctuation": self.fluctuation, "windows": self.windows}
        )


def fluctuation_analysis(
    X: Any,
    *,
    dt: Any = None,
    column: int = 0,
    order: int = 1,
    scales: Sequence[int] | None = None,
    control: str = "shuffle",
    n_control: int = 199,
    alpha: float = 0.05,
    random_state: RandomState = None,
) -> FluctuationAnalysis:
    r"""Estimate the memory exponent (Hurst) and compare it with controls.

    Parameters
    ----------
    X : Trajectories, array or list of arrays
        Series to analyse: increments or residuals where the question is about noise, states
        where it is about the process itself.
    dt : optional
        Sampling interval of plain arrays.
    column : int, default 0
        Which coordinate.
    order : int, default 1
        Degree of the polynomial taken out of each window.
    scales : sequence of int, optional
        Window lengths; by default twelve at equal ratios from ``order + 3`` to half of
        the longest trajectory, those with at least eight windows.
    control : {"shuffle", "autoregression"}, default "shuffle"
        ``"shuffle"`` permutes the values within each trajectory: no memory at all.
        ``"autoregression"`` simulates Gaussian autoregressions of order one with the observed
        correlation of neighbours: a memory of one step, which alone bends the fluctuations
        at short scales.
    n_control : int, default 199
    alpha : float, default 0.05
        Level of the range of the controls.
    random_state : int, Generator, SeedSequence or None

    Returns
    -------
    FluctuationAnalysis

    Notes
    -----
    The profile :math:`y_t = \sum_{s \le t} (x_s - \bar x)` of each trajectory is cut into
    windows of length s from either end; :math:`F(s)` is the root mean square of what is
    left after a polynomial is fitted to each window, over all trajectories, and the exponent
    the least-squares slope of :math:`\log F` on :math:`\log s`. Means of short trajectories
    bias it; controls of the same lengths share that bias.

    References
    ----------
    Peng, C.-K. et al. (1994). Mosaic organization of DNA nucleotides. Physical Review E 49,
    1685-1689.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.diagnostics import fluctuation_analysis
    >>> noise = np.random.default_rng(0).standard_normal((1000, 1))
    >>> found = fluctuation_analysis(noise, random_state=0)
    >>> round(found.exponent, 1), found.pvalue > 0.05
    (0.5, True)
    """
    panel = as_trajectories(X, dt=dt)
    check_choice("control", control, CONTROLS)
    check_fraction("alpha", alpha)
    degree = check_integer("order", order, minimum=1)
    draws = check_integer("n_control", n_control, minimum=19)
    paths = _series(panel, column, degree)
    chosen, windows = _scales(paths, degree, scales)
    n = sum(map(len, paths))
    if len(chosen) < 3:
        return _nothing(chosen, windows, control, n, "fewer than three scales have windows enough.")
    observed = _fluctuations([x[None] for x in paths], chosen, degree)[0]
    again = _fluctuations(
        _controls(paths, control, draws, generator(random_state, "fluctuation")), chosen, degree
    )
    exponent, others = float(_slopes(chosen, observed[None])[0]), _slopes(chosen, again)
    low, high = np.quantile(others, [alpha / 2, 1 - alpha / 2])
    below, above = int(np.sum(others <= exponent)), int(np.sum(others >= exponent))
    pvalue = min(1.0, 2 * (1 + min(below, above)) / (draws + 1))
    meaning = "the memory is not that of " + (
        "independent values." if control == "shuffle" else "an autoregression of order one."
    )
    return FluctuationAnalysis(
        chosen, observed, windows, exponent, float(others.mean()), float(low), float(high),
        pvalue, control, n, draws, meaning,
    )  # fmt: skip


def _nothing(
    scales: IntArray, windows: IntArray, control: str, n: int, reason: str
) -> FluctuationAnalysis:
    nan = math.nan
    return FluctuationAnalysis(
        scales, np.full(len(scales), nan), windows, nan, nan, nan, nan, nan, control, n, 0,
        f"not computed: {reason}",
    )  # fmt: skip


def _series(panel: Trajectories, column: int, degree: int) -> list[FloatArray]:
    if not 0 <= column < panel.n_features:
        raise InputError(f"`column` must be 0 to {panel.n_features - 1}; got {column}.")
    paths = [x[:, column] for x in panel.arrays()]
    paths = [x for x in paths if len(x) >= degree + 3]
    if any(np.ptp(x) <= 1e-12 * np.abs(x).max() for x in paths):
        raise InputError("A trajectory does not move, so that it has no fluctuations.")
    return paths


def _scales(
    paths: list[FloatArray], degree: int, scales: Sequence[int] | None
) -> tuple[IntArray, IntArray]:
    """Return the window lengths and the number of windows of each."""
    if scales is None:
        longest = max(map(len, paths), default=0) // 2
        low = degree + 3
        ratio = np.geomspace(low, max(low, longest), N_SCALES)
        wanted = np.unique(np.round(ratio).astype(np.int64))
    else:
        wanted = np.unique([check_integer("scales", s, minimum=degree + 2) for s in scales])
    windows = np.array([sum(_windows(len(x), s) for x in paths) for s in wanted], dtype=np.int64)
    enough = windows >= FEWEST_WINDOWS
    return wanted[enough].astype(np.int64), windows[enough]


def _windows(length: int, scale: int) -> int:
    return length // scale * (1 if length % scale == 0 else 2)


def _controls(
    paths: list[FloatArray], control: str, draws: int, rng: np.random.Generator
) -> list[FloatArray]:
    if control == "shuffle":
        return [rng.permuted(np.tile(x, (draws, 1)), axis=1) for x in paths]
    from scipy.signal import lfilter

    centred = [x - x.mean() for x in paths]
    memory = sum(x[1:] @ x[:-1] for x in centred) / sum(x[:-1] @ x[:-1] for x in centred)
    length = sum(map(len, paths)) / len(paths)
    memory = float(np.clip(memory + (1 + 3 * memory) / length, -0.995, 0.995))
    found = []
    for x in paths:
        noise = rng.standard_normal((draws, len(x)))
        noise[:, 0] /= math.sqrt(1 - memory**2)
        found.append(np.asarray(lfilter([1.0], [1.0, -memory], noise, axis=1)))
    return found


def _fluctuations(paths: list[FloatArray], scales: IntArray, degree: int) -> FloatArray:
    """Return F of each row over all paths, shape (rows, k)."""
    total = np.zeros((len(paths[0]), len(scales)))
    count = np.zeros(len(scales))
    for x in paths:
        profile = np.cumsum(x - x.mean(axis=1, keepdims=True), axis=1)
        for k, scale in enumerate(scales.tolist()):
            whole = profile.shape[1] // scale * scale
            if not whole:
                continue
            ends = [profile[:, :whole]]
            if whole < profile.shape[1]:
                ends.append(profile[:, -whole:])
            for piece in ends:
                total[:, k] += _deviation(piece.reshape(len(piece), -1, scale), degree)
                count[k] += whole
    return np.sqrt(total / count)


def _deviation(windows: FloatArray, degree: int) -> FloatArray:
    """Return the sum of squares that a polynomial leaves in each row's windows."""
    basis = np.linalg.qr(np.vander(np.linspace(-1, 1, windows.shape[2]), degree + 1))[0]
    left = windows - (windows @ basis) @ basis.T
    squares: FloatArray = np.einsum("ijk,ijk->i", left, left)
    return squares


def _slopes(scales: IntArray, fluctuation: FloatArray) -> FloatArray:
    position = np.log(scales)
    centred = position - position.mean()
    slopes: FloatArray = np.log(fluctuation) @ centred / (centred @ centred)
    return slopes
