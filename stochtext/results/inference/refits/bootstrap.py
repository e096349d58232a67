"""Bootstrap of a fit: refits to simulated or resampled trajectories.

Law of this file: replicate b depends on the seed and on b alone, whatever the number of jobs; a
refit that fails is counted, never replaced.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from stochtext._shared.exceptions import InputError, SampleSizeWarning, StochtextError
from stochtext._shared.random import generator, seed_sequence
from stochtext._shared.tables import Summary, frame_table, pairs_table
from stochtext._shared.typing import FloatArray, IntArray, RandomState
from stochtext._shared.validation import check_choice, check_fraction, check_integer
from stochtext.processes.base import Process
from stochtext.results.inference.refits.refitting import Refitting
from stochtext.results.inference.refits.replication import REPLICATES_AT_ONCE, replicated_panels

__all__ = ["KINDS", "BootstrapResults", "bootstrap", "pieces_of"]

KINDS = ("parametric", "trajectory")
METHODS = ("basic", "percentile", "normal")
MANY_FAILED = 0.05


@dataclass(frozen=True)
class BootstrapResults:
    """Refits to bootstrap samples.

    Attributes
    ----------
    params : Series
        The estimates, of the estimated parameters.
    draws : DataFrame
        One row per successful refit, one column per estimated parameter.
    kind : {"parametric", "trajectory"}
    n_boot : int
        Number of samples drawn.
    n_failed : int
        Samples whose simulation or refit failed or did not converge: they have no row.
    """

    params: pd.Series
    draws: pd.DataFrame
    kind: str
    n_boot: int
    n_failed: int

    @property
    def bias(self) -> pd.Series:
        """Mean of the draws minus the estimate."""
        return self.draws.mean() - self.params

    @property
    def bse(self) -> pd.Series:
        """Standard deviation of the draws."""
        return self.draws.std(ddof=1)

    def cov_params(self) -> pd.DataFrame:
        """Return the covariance matrix of the draws."""
        return self.draws.cov()

    def conf_int(self, alpha: float = 0.05, method: str = "basic") -> pd.DataFrame:
        """Return intervals of level 1 - alpha, columns 0 and 1.

        Parameters
        ----------
        alpha : float, default 0.05
        method : {"basic", "percentile", "normal"}, default "basic"
            ``"basic"`` reflects the quantiles of the draws at the estimate, 2 estimate -
            quantile, and so takes the bias out; ``"percentile"`` takes the quantiles
            themselves and doubles the bias; ``"normal"`` is the estimate minus the bias plus
            and minus normal quantiles of ``bse``.

        Notes
        -----
        The basic interval is the default because of mean reversion, whose estimates are
        biased upward: the percentile interval of the rate then covers far too little. The
        mean of a process observed over few relaxation times is covered too little by every
        method (``benchmarks/coverage/parametric.py`` measures all of them).

        References
        ----------
        Davison and Hinkley (1997), Bootstrap Methods and their Application, section 5.2.
        """
        check_choice("method", method, METHODS)
        tail = check_fraction("alpha", alpha) / 2
        if method == "normal":
            half = stats.norm.ppf(1 - tail) * self.bse
            centre = self.params - self.bias
            return pd.DataFrame({0: centre - half, 1: centre + half})
        if tail * (len(self.draws) + 1) < 1:
            raise InputError(
                f"An interval of level {1 - alpha:.4g} needs at least {int(np.ceil(1 / tail)) - 1} "
                f"successful refits, there are {len(self.draws)}. Increase `n_boot`."
            )
        # The (n + 1) p-th order statistics: n_boot = 199 gives the 5th from either end.
        ends = [
            pd.Series(
                np.quantile(self.draws.to_numpy(), p, axis=0, method="weibull"),
                index=self.draws.columns,
            )
            for p in (tail, 1 - tail)
        ]
        if method == "percentile":
            return pd.DataFrame({0: ends[0], 1: ends[1]})
        return pd.DataFrame({0: 2 * self.params - ends[1], 1: 2 * self.params - ends[0]})

    def summary(self, alpha: float = 0.05) -> Summary:
        """Return a table of estimates, bias, errors and basic intervals."""
        interval = self.conf_int(alpha)
        table = pd.DataFrame(
            {
                "coef": self.params,
                "bias": self.bias,
                "std err": self.bse,
                f"[{alpha / 2:.3g}": interval[0],
                f"{1 - alpha / 2:.3g}]": interval[1],
            }
        )
        head = pairs_table(
            [("Bootstrap", self.kind), ("Samples", self.n_boot)],
            [("Interval", "basic"), ("Failed refits", self.n_failed)],
            "Bootstrap of the fit",
        )
        return Summary([head, frame_table(table)])

    def __repr__(self) -> str:
        return self.summary().as_text()

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def bootstrap(
    refitting: Refitting,
    process: Process,
    params: pd.Series,
    *,
    kind: str = "parametric",
    n_boot: int = 199,
    random_state: RandomState = None,
    n_jobs: int | None = None,
) -> BootstrapResults:
    """Refit to bootstrap samples.

    Parameters
    ----------
    refitting : Refitting
    process : Process
        The fitted one.
    params : Series
        Its estimated parameters.
    kind, n_boot, random_state, n_jobs
        As in ``ParametricResults.bootstrap``.
    """
    from joblib import Parallel, delayed

    check_choice("kind", kind, KINDS)
    total = check_integer("n_boot", n_boot, minimum=2)
    seed = seed_sequence(random_state)
    clusters = _clusters(refitting) if kind == "trajectory" else None
    names = list(params.index)
    found = Parallel(n_jobs=n_jobs)(
        delayed(_refits)(refitting, process, names, seed, piece, clusters)
        for piece in pieces_of(total)
    )
    rows = np.concatenate(found)
    draws = rows[np.isfinite(rows).all(axis=1)]
    failed = total - len(draws)
    if failed > MANY_FAILED * total:
        warnings.warn(
            f"{failed} of {total} bootstrap refits failed or did not converge; intervals are about "
            "the others only.",
            SampleSizeWarning,
            stacklevel=3,
        )
    return BootstrapResults(params, pd.DataFrame(draws, columns=names), kind, total, failed)


def pieces_of(total: int) -> list[tuple[int, int]]:
    """Return first replicate and number of replicates of each task of a bootstrap."""
    return [
        (first, min(REPLICATES_AT_ONCE, total - first))
        for first in range(0, total, REPLICATES_AT_ONCE)
    ]


def _clusters(refitting: Refitting) -> IntArray:
    panel = refitting.panel
    labels = np.arange(panel.n_trajectories) if panel.groups is None else panel.groups
    codes, _ = pd.factorize(labels)
    if codes.max() < 1:
        raise InputError(
            "kind='trajectory' resamples trajectories (or groups) and there is one only. Use "
            "kind='parametric'."
        )
    return np.asarray(codes, dtype=np.int64)


def _refits(
    refitting: Refitting,
    process: Process,
    names: list[str],
    seed: np.random.SeedSequence,
    piece: tuple[int, int],
    clusters: IntArray | None,
) -> FloatArray:
    """Return the estimates of one piece of the replicates, NaN for a failure."""
    samples = _resampled if clusters is not None else _simulated
    rows = [
        _estimates(refitting, process, names, sample)
        for sample in samples(refitting, process, seed, piece, clusters)
    ]
    return np.array(rows)


def _simulated(
    refitting: Refitting, process: Process, seed: np.random.SeedSequence, piece: tuple[int, int],
    clusters: IntArray | None,
) -> Iterator[dict[str, Any] | None]:  # fmt: skip
    for panel in replicated_panels(process, refitting.panel, seed, *piece):
        yield None if panel is None else {"panel": panel}


def _resampled(
    refitting: Refitting, process: Process, seed: np.random.SeedSequence, piece: tuple[int, int],
    clusters: IntArray | None,
) -> Iterator[dict[str, Any] | None]:  # fmt: skip
    assert clusters is not None
    n = int(clusters.max()) + 1
    own = np.ones(len(clusters)) if refitting.weight is None else refitting.weight
    for b in range(piece[0], piece[0] + piece[1]):
        drawn = generator(seed, "resampled trajectories", b).integers(0, n, n)
        yield {"weight": own * np.bincount(drawn, minlength=n)[clusters]}


def _estimates(
    refitting: Refitting, process: Process, names: list[str], sample: dict[str, Any] | None
) -> FloatArray:
    missing = np.full(len(names), np.nan)
    if sample is None:
        return missing
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = refitting.fit(
                **sample, start=dict(process.params), n_starts=1, cov_type="nonrobust"
            )
    except (StochtextError, np.linalg.LinAlgError):
        return missing
    if not results.converged:
        return missing
    every = list(process.free_parameters)
    return np.asarray(results.process.to_vector()[[every.index(name) for name in names]])
