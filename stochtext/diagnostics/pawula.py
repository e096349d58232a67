"""Whether increments have the fourth moment of a diffusion (Pawula's theorem).

Law of the room: only standardised increments come in; no pairs are formed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_float_array

__all__ = ["PawulaTest", "kurtosis_score", "pawula_test"]

_FEWEST = 20


@dataclass(frozen=True)
class PawulaTest:
    """Result of :func:`pawula_test`.

    Attributes
    ----------
    statistic : float
        Standard normal for a diffusion; large with jumps.
    pvalue : float
        One-sided; NaN if no cell has twenty increments.
    n : int
        Increments in the cells used.
    n_cells : int
    """

    statistic: float
    pvalue: float
    n: int
    n_cells: int


def pawula_test(
    increments: ArrayLike, cell: ArrayLike, expected_excess: ArrayLike | None = None
) -> PawulaTest:
    r"""Test whether the fourth Kramers-Moyal coefficient is zero, as for a diffusion.

    Parameters
    ----------
    increments : array_like of shape (n,)
        Increments less the drift's part, divided by the root of dt and of the local variance.
    cell : array_like of int of shape (n,)
        Cell of the state before each increment.
    expected_excess : array_like of shape (n_cells,), optional
        Excess kurtosis that a diffusion with state-dependent noise shows over one sampling
        interval, by cell number; default zero.

    Returns
    -------
    PawulaTest

    Notes
    -----
    For a diffusion the fourth cumulant of an increment is of higher order in dt than
    ``D4 dt``, so that the kurtosis is 3 in every cell. The kurtoses of the cells are
    transformed to normal scores :math:`z_c` and combined as
    :math:`\sum_c \sqrt{n_c} z_c / \sqrt{\sum_c n_c}`. The test is one-sided: jumps add to
    the fourth cumulant.

    References
    ----------
    Pawula, R. F. (1967), Approximation of the linear Boltzmann equation by the
    Fokker-Planck equation, Physical Review 162, 186-188.
    Anscombe, F. J. and Glynn, W. J. (1983), Distribution of the kurtosis statistic b2 for
    normal samples, Biometrika 70, 227-234.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.diagnostics import pawula_test
    >>> rng = np.random.default_rng(0)
    >>> z, cell = rng.standard_normal(4000), rng.integers(0, 8, 4000)
    >>> pawula_test(z, cell).pvalue > 0.05
    True
    >>> jumps = 3 * rng.standard_normal(4000) * (rng.random(4000) < 0.02)
    >>> pawula_test(z + jumps, cell).pvalue < 1e-6
    True
    """
    z, places = as_float_array("increments", increments), np.asarray(cell)
    if z.ndim != 1 or places.shape != z.shape or not np.all(np.isfinite(z)):
        raise InputError("`increments` must be finite and, like `cell`, one for each step.")
    size = int(places.max()) + 1 if len(places) else 0
    expected = np.zeros(size) if expected_excess is None else expected_excess
    excess = as_float_array("expected_excess", expected)
    count = np.bincount(places, minlength=size)
    centred = z - (np.bincount(places, z, size) / np.maximum(count, 1))[places]
    second = np.bincount(places, centred**2, size)
    fourth = np.bincount(places, centred**4, size)
    used = (count >= _FEWEST) & (second > 0)
    if not used.any():
        return PawulaTest(float("nan"), float("nan"), 0, 0)
    n = count[used].astype(np.float64)
    scores = kurtosis_score(n * fourth[used] / second[used] ** 2 - excess[:size][used], n)
    statistic = float(np.sqrt(n) @ scores / np.sqrt(n.sum()))
    return PawulaTest(statistic, float(norm.sf(statistic)), int(n.sum()), int(used.sum()))


def kurtosis_score(kurtosis: FloatArray, n: FloatArray) -> FloatArray:
    """Return Anscombe and Glynn's normal score of a sample kurtosis of n normal numbers."""
    mean = 3 * (n - 1) / (n + 1)
    variance = 24 * n * (n - 2) * (n - 3) / ((n + 1) ** 2 * (n + 3) * (n + 5))
    standard = (kurtosis - mean) / np.sqrt(variance)
    skew = 6 * (n**2 - 5 * n + 2) / ((n + 7) * (n + 9))
    skew = skew * np.sqrt(6 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3)))
    shape = 6 + 8 / skew * (2 / skew + np.sqrt(1 + 4 / skew**2))
    base = (1 - 2 / shape) / np.maximum(1 + standard * np.sqrt(2 / (shape - 4)), 1e-6)
    score: FloatArray = (1 - 2 / (9 * shape) - np.cbrt(base)) / np.sqrt(2 / (9 * shape))
    return score
