"""Forecasts several steps ahead: mean, intervals and samples, and how well they are calibrated."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator, seed_sequence
from stochtext._shared.typing import FloatArray, RandomState
from stochtext._shared.validation import as_float_array, check_choice, check_fraction, check_integer
from stochtext.diagnostics.proper_scores import crps_of_samples, energy_score_of_samples
from stochtext.results.inference.draws.process_draws import ProcessDraws, process_draws
from stochtext.results.inference.forecasting.calibration import calibration_frame
from stochtext.results.inference.forecasting.hidden import hidden_origins
from stochtext.results.inference.forecasting.laws import law_of
from stochtext.results.inference.forecasting.origins import Origins, read_horizons, read_origins
from stochtext.results.inference.forecasting.sampling import Samples, check_size, sample_forecasts

__all__ = ["Prediction", "get_prediction"]

KINDS = ("obs", "mean")
LOST = "some sampled paths left the floating-point range; intervals are NaN there"


class Prediction:
    """Forecasts from given states.

    Parameters
    ----------
    origins : Origins
    horizons : tuple of int
    samples : Samples
    draws : ProcessDraws
    columns : tuple of str
    law : str
        By what was sampled, in words.

    Attributes
    ----------
    horizons : tuple of int
        In steps.
    mean : ndarray of shape (n, h, d)
        Conditional mean given the fitted coefficients.
    mean_se : ndarray of shape (n, h, d)
        Its standard error: of the coefficients, not of the noise. NaN with ``reason``.
    mean_simulation_se : ndarray of shape (n, h, d)
        Monte Carlo error of ``mean``, zero where the mean is exact.
    samples : ndarray of shape (n, h, S, d)
        Of the future state, the coefficients drawn from their sampling law; of the fitted
        process alone where there is no such law.
    fitted_samples : ndarray of shape (n, h, S, d)
        Of the future state given the fitted coefficients.
    observed : ndarray of shape (n, h, d) or None
        What came, for forecasts from every state of a panel.
    reason : str or None
        Why there is no parameter uncertainty.
    """

    def __init__(
        self,
        origins: Origins,
        horizons: tuple[int, ...],
        samples: Samples,
        draws: ProcessDraws,
        columns: tuple[str, ...],
        law: str,
    ) -> None:
        self.horizons = horizons
        self.columns = columns
        self.law = law
        self.source = draws.source
        self.reason = draws.reason
        self.mean = samples.mean
        self.mean_simulation_se = samples.mean_simulation_se
        self.fitted_samples = samples.fitted
        self.samples = samples.fitted if samples.drawn is None else samples.drawn
        self.observed = origins.observed
        self.origins = origins
        self._draws, self._df = samples, draws.df
        lost = np.isnan(samples.fitted).any(axis=(2, 3)) & np.isfinite(
            np.cumsum(origins.dt, axis=1)[:, np.array(horizons) - 1]
        )
        if lost.any():
            self.reason = "; ".join(filter(None, [self.reason, LOST]))

    @cached_property
    def mean_se(self) -> FloatArray:
        """Standard error of the conditional mean; see the class."""
        found = self._draws
        if found.drawn is None or found.owner is None:
            return np.full(self.mean.shape, np.nan)
        # Both kinds of samples share their normals: the difference is that of the coefficients.
        gap = found.drawn - found.fitted
        count = np.bincount(found.owner)
        first = np.concatenate([[0], np.cumsum(count)[:-1]])
        means = np.add.reduceat(gap, first, axis=2) / count[:, None]
        if len(count) < 2:
            return np.full(self.mean.shape, np.nan)
        between = means.var(axis=2, ddof=1)
        free = max(len(found.owner) - len(count), 1)
        within = (np.add.reduceat(gap**2, first, axis=2) - count[:, None] * means**2).sum(axis=2)
        correction = within / free * np.mean(1.0 / count)
        return np.asarray(np.sqrt(np.maximum(between - correction, 0.0)))

    def conf_int(
        self, alpha: float = 0.05, *, kind: str = "obs", parameters: bool = True
    ) -> FloatArray:
        """Return intervals of level 1 - alpha.

        Parameters
        ----------
        alpha : float, default 0.05
        kind : {"obs", "mean"}, default "obs"
            Of the future state, or of its conditional mean.
        parameters : bool, default True
            Whether intervals of the state hold the uncertainty of the coefficients.

        Returns
        -------
        ndarray of shape (n, h, d, 2)
        """
        check_fraction("alpha", alpha)
        if check_choice("kind", kind, KINDS) == "obs":
            return np.stack(
                [self.quantile(p, parameters=parameters) for p in (alpha / 2, 1 - alpha / 2)],
                axis=-1,
            )
        half = stats.t.ppf(1 - alpha / 2, self._df) * self.mean_se
        return np.stack([self.mean - half, self.mean + half], axis=-1)

    def quantile(self, p: float, *, parameters: bool = True) -> FloatArray:
        """Return the p-quantile of each coordinate at each horizon, shape (n, h, d)."""
        level = check_fraction("p", p)
        samples = self.samples if parameters else self.fitted_samples
        # The (S + 1) p-th order statistic: the level then holds for any number of samples.
        return np.asarray(np.quantile(samples, level, axis=2, method="weibull"))

    def summary_frame(self, alpha: float = 0.05, *, parameters: bool = True) -> pd.DataFrame:
        """Return one row per point, horizon and coordinate, with the columns of statsmodels.

        Parameters
        ----------
        alpha : float, default 0.05
        parameters : bool, default True
            As in :meth:`conf_int`.

        Returns
        -------
        DataFrame
            Columns ``mean, mean_se, mean_ci_lower, mean_ci_upper, obs_ci_lower,
            obs_ci_upper``.
        """
        mean = self.conf_int(alpha, kind="mean")
        state = self.conf_int(alpha, parameters=parameters)
        return pd.DataFrame(
            {
                "mean": self.mean.ravel(),
                "mean_se": self.mean_se.ravel(),
                "mean_ci_lower": mean[..., 0].ravel(),
                "mean_ci_upper": mean[..., 1].ravel(),
                "obs_ci_lower": state[..., 0].ravel(),
                "obs_ci_upper": state[..., 1].ravel(),
            },
            index=self._index(),
        )

    def pit(self, observed: Any = None, *, parameters: bool = True) -> FloatArray:
        """Return where the observed states lie in the law of each coordinate, in (0, 1).

        Parameters
        ----------
        observed : array_like of shape (n, h, d), optional
            Default what came, for forecasts from every state of a panel.
        parameters : bool, default True

        Returns
        -------
        ndarray of shape (n, h, d)
            (rank + u) / (S + 1), u uniform by fixed random numbers: uniform if state and
            samples have one law, whatever S.
        """
        seen = self._observed(observed)
        samples = self.samples if parameters else self.fitted_samples
        below = (samples < seen[:, :, None]).sum(axis=2)
        spread = generator(0, "pit of samples").uniform(size=below.shape)
        known = np.isfinite(seen) & np.isfinite(samples).all(axis=2)
        return np.where(known, (below + spread) / (samples.shape[2] + 1), np.nan)

    def crps(self, observed: Any = None, *, parameters: bool = True) -> FloatArray:
        """Return the continuous ranked probability score, shape (n, h, d); small is good."""
        samples = self.samples if parameters else self.fitted_samples
        return crps_of_samples(samples, self._observed(observed))

    def energy_score(self, observed: Any = None, *, parameters: bool = True) -> FloatArray:
        """Return the energy score of whole states, shape (n, h); small is good."""
        samples = self.samples if parameters else self.fitted_samples
        return energy_score_of_samples(samples, self._observed(observed))

    def calibration(
        self, alpha: float = 0.05, observed: Any = None, *, parameters: bool = True
    ) -> pd.DataFrame:
        """Return how often the intervals held what came, by horizon and coordinate.

        Parameters
        ----------
        alpha : float, default 0.05
        observed : array_like of shape (n, h, d), optional
        parameters : bool, default True

        Returns
        -------
        DataFrame
            Columns ``n``, ``coverage`` (share of states inside), ``coverage_se`` (clustered
            by trajectory; NaN for one of them), ``pit_mean`` (0.5 if calibrated), ``pit_sd``
            (0.2887), ``crps``.
        """
        seen = self._observed(observed)
        interval = self.conf_int(alpha, parameters=parameters)
        return calibration_frame(
            seen, interval, self.pit(seen, parameters=parameters),
            self.crps(seen, parameters=parameters), self.origins.trajectory, self.horizons,
            self.columns,
        )  # fmt: skip

    def _observed(self, observed: Any) -> FloatArray:
        if observed is None:
            if self.observed is None:
                raise InputError(
                    "What came is not known: pass `observed` of shape "
                    f"{self.mean.shape}, or forecast a panel with origin='every'."
                )
            return self.observed
        seen = as_float_array("observed", observed)
        if seen.shape != self.mean.shape:
            raise InputError(
                f"`observed` must have shape {self.mean.shape} (states, horizons, coordinates); "
                f"got {seen.shape}."
            )
        return seen

    def _index(self) -> pd.MultiIndex:
        own = self.origins.index
        frame = own.to_frame(index=False)
        each = len(self.horizons) * len(self.columns)
        frame = frame.loc[frame.index.repeat(each)].reset_index(drop=True)
        frame["horizon"] = np.tile(np.repeat(self.horizons, len(self.columns)), len(own))
        frame["component"] = np.tile(self.columns, len(own) * len(self.horizons))
        return pd.MultiIndex.from_frame(frame)

    def __repr__(self) -> str:
        note = f"\nNo parameter uncertainty: {self.reason}" if self.reason else ""
        shown = self.summary_frame().to_string(max_rows=20, float_format="{:.4g}".format)
        return f"{shown}\nSampled: {self.law}.{note}"


def get_prediction(
    results: Any,
    X: Any,
    *,
    horizons: Any = (1,),
    dt: Any = None,
    t: Any = None,
    clock_dt: Any = None,
    origin: str = "last",
    n_samples: int = 1000,
    n_draws: int = 100,
    random_state: RandomState = None,
) -> Prediction:
    """Return forecasts; see :meth:`SDEResults.get_prediction`."""
    steps = read_horizons(horizons)
    size = check_integer("n_samples", n_samples, minimum=2)
    count = check_integer("n_draws", n_draws, minimum=0)
    seed = seed_sequence(random_state)
    origins = read_origins(results, X, steps, dt=dt, t=t, clock_dt=clock_dt, origin=origin)
    check_size(len(origins.x), len(steps), size, origins.x.shape[1])
    law = law_of(results.process, results.transition, getattr(results, "errors", None))
    draws = ProcessDraws((), "n_draws is 0", "") if count == 0 else process_draws(
        results, min(count, size), seed
    )  # fmt: skip
    if getattr(results, "hidden", False):
        origins = hidden_origins(results, X, origins, dt, origin)
    samples = sample_forecasts(law, results.process, draws.processes, origins, steps, size, seed)
    return Prediction(origins, steps, samples, draws, results.record.columns, law.said)
