"""From draws of a process to standard errors and intervals of what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray, RandomState
from stochtext._shared.validation import check_fraction, check_integer
from stochtext.processes.base import Process
from stochtext.results.inference.draws.process_draws import process_draws
from stochtext.results.inference.refits.bootstrap import BootstrapResults

__all__ = ["Spread", "spread_of"]

#: Share of the draws in which a quantity must exist for an interval.
LEAST_SHARE = 0.95


@dataclass(frozen=True)
class Spread:
    """Draws of a process, and how intervals are made of them.

    Attributes
    ----------
    processes : tuple of Process
    reason : str or None
        Why there are none.
    source : str
        What they were drawn from, in words.
    df : float
        Degrees of freedom of the errors behind them.
    reflected : bool
        Whether intervals reflect the quantiles at the estimate (refits of a bootstrap), or
        take them as they are (draws from the law of the estimates).
    """

    processes: tuple[Process, ...]
    reason: str | None
    source: str
    df: float = np.inf
    reflected: bool = False

    def interval(
        self, estimate: FloatArray, draws: FloatArray, alpha: float, *, positive: bool
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return standard error, lower and upper end, and share of the draws that exist.

        Parameters
        ----------
        estimate : ndarray of shape (k,)
        draws : ndarray of shape (n_draws, k)
            NaN where the quantity does not exist in a draw.
        alpha : float
        positive : bool
            Whether reflection is of the logarithm.

        Returns
        -------
        tuple of four ndarrays of shape (k,)
            NaN where fewer than 95 % of the draws have the quantity.
        """
        tail = float(stats.norm.sf(stats.t.isf(check_fraction("alpha", alpha) / 2, self.df)))
        if not len(draws):
            missing = np.full(len(estimate), np.nan)
            return missing, missing, missing, missing
        known = np.isfinite(draws)
        share = known.mean(axis=0)
        enough = (share >= LEAST_SHARE) & (known.sum(axis=0) * tail >= 1) & np.isfinite(estimate)
        filled = np.where(enough, draws, 0.0)
        low, high = np.nanquantile(filled, [tail, 1 - tail], axis=0, method="weibull")
        se = np.nanstd(filled, axis=0, ddof=1)
        if self.reflected:
            low, high = _reflect(estimate, low, high, positive)
        ends = (np.where(enough, value, np.nan) for value in (se, low, high))
        se, low, high = ends
        return se, low, high, share

    def missing(self, share: float) -> str:
        """Return why there is no interval of a quantity that exists in a share of the draws."""
        if self.reason is not None:
            return self.reason
        return f"exists in {100 * share:.0f} % of the draws only" if share < LEAST_SHARE else ""

    def describe(self) -> str:
        """Return where intervals come from, in words."""
        if self.reason is not None:
            return f"No intervals: {self.reason}."
        how = "reflected quantiles" if self.reflected else "quantiles"
        return f"Intervals: {how} of {len(self.processes)} draws from {self.source}."


def spread_of(
    results: Any,
    n_draws: int,
    random_state: RandomState,
    bootstrap: BootstrapResults | None,
) -> Spread:
    """Return draws of the process behind results.

    Parameters
    ----------
    results : SDEResults
    n_draws : int
        At least 100; not used with a bootstrap.
    random_state : None, int, Generator or SeedSequence
    bootstrap : BootstrapResults or None
        Refits to be used instead of the law of the estimates.
    """
    if bootstrap is None:
        count = check_integer("n_draws", n_draws, minimum=100)
        found = process_draws(results, count, random_state)
        return Spread(found.processes, found.reason, found.source, found.df)
    process = results.process
    names = list(process.free_parameters) if hasattr(results, "free") else []
    place = [k for k, name in enumerate(names) if name in bootstrap.draws.columns]
    if not isinstance(bootstrap, BootstrapResults) or not place:
        raise InputError("`bootstrap` must be what results.bootstrap() of the same fit returned.")
    vectors = np.tile(process.to_vector(), (len(bootstrap.draws), 1))
    vectors[:, place] = bootstrap.draws[[names[k] for k in place]].to_numpy()
    drawn = tuple(process.from_vector(vector) for vector in vectors)
    return Spread(drawn, None, f"the {bootstrap.kind} bootstrap", reflected=True)


def _reflect(
    estimate: FloatArray, low: FloatArray, high: FloatArray, positive: bool
) -> tuple[FloatArray, FloatArray]:
    if not positive:
        return 2 * estimate - high, 2 * estimate - low
    with np.errstate(all="ignore"):
        return estimate**2 / high, estimate**2 / low
