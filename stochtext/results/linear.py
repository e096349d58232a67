"""Results of linear SDEs: time constants, rotations and the stationary law, with errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext._shared.tables import frame_table
from stochtext._shared.typing import FloatArray, IntArray, RandomState
from stochtext._shared.validation import as_states, check_fraction
from stochtext.diagnostics.battery.sample import OneStepSample
from stochtext.processes.base import Process
from stochtext.processes.linear.process import LinearProcess
from stochtext.results.archive import with_prefix
from stochtext.results.inference.curves.prediction import CurveEstimate
from stochtext.results.inference.dynamics.linear_dynamics import (
    Eigenvalues,
    eigenvalues_with_errors,
    stationary_gradient,
)
from stochtext.results.inference.dynamics.mean_reversion import MeanReversion, mean_reversion
from stochtext.results.inference.dynamics.one_step import OneStep, WhiteDirections
from stochtext.results.inference.dynamics.time_constants import CLOSE, time_constant_frame
from stochtext.results.inference.parameters.delta_method import delta_errors, delta_joint
from stochtext.results.inference.refits.bootstrap import BootstrapResults
from stochtext.results.parametric import ParametricResults
from stochtext.trajectories.panel import Trajectories
from stochtext.transitions.state_space.model import StateSpaceModel

__all__ = ["LinearResults"]

HIDDEN = "This fit has observation noise, a random mean, missing values or a law of the first state"


class LinearResults(ParametricResults):
    """Results of :class:`stochtext.LinearSDE`.

    Besides what :class:`ParametricResults` has:

    Parameters
    ----------
    one_step : OneStep or None
        Unrestricted one-step regression; None where states are hidden.
    white : WhiteDirections or None
    law : mapping of str to ndarray, optional
        Covariances of the process's free parameters with the held rates taken as known;
        default those of the fit. Quantities that do not depend on the held rates have
        their errors from here.
    observed : StateSpaceModel, optional
        What filters observations of a hidden process: has ``residuals(panel)``.
    tests : mapping of str to callable, optional
        Tests of "no noise" and "no random mean".
    """

    kind = "linear"

    def __init__(
        self,
        *args: Any,
        one_step: OneStep | None = None,
        white: WhiteDirections | None = None,
        law: Mapping[str, FloatArray] | None = None,
        observed: StateSpaceModel | None = None,
        tests: Mapping[str, Callable[..., Any]] | None = None,
        hidden: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.one_step = one_step
        self.white = white
        self.observed = observed
        self.hidden = hidden
        self._law = law
        self._tests = dict(tests or {})

    # -- quantities of the dynamics --------------------------------------------------------

    @property
    def kappa(self) -> FloatArray:
        """Rate matrix of return to the mean, shape (d, d)."""
        return np.atleast_2d(np.asarray(self.process.params["kappa"], dtype=np.float64))

    @property
    def eigenvalues(self) -> np.ndarray:
        """Eigenvalues of kappa, the slowest first; complex."""
        return self._eigenvalues().values

    @property
    def one_step_matrix(self) -> FloatArray:
        """Step matrix of the unrestricted regression, whatever its eigenvalues."""
        return self._regression().matrix

    def predict_unrestricted(self, x: Any, t: Any = 0.0) -> FloatArray:
        """Return the unrestricted least-squares prediction of the next state, shape (n, d).

        Parameters
        ----------
        x : array_like of shape (n, d)
        t : float or array_like of shape (n,), default 0.0
            Position on the clock at the start of the step.
        """
        regression, states = self._regression(), as_states("x", x, self.record.dim)
        values = _basis_values(self.process, np.broadcast_to(t, len(states)).astype(np.float64))
        prediction: FloatArray = states @ regression.matrix.T + values @ regression.levels
        return prediction

    def time_constants(
        self,
        alpha: float = 0.05,
        *,
        t: float = 0.0,
        n_draws: int = 400,
        bootstrap: BootstrapResults | None = None,
        random_state: RandomState = 0,
    ) -> pd.DataFrame:
        """Return rates, time constants, half-lives and periods, the slowest direction first.

        Parameters
        ----------
        alpha : float, default 0.05
            Intervals have level 1 - alpha.
        bootstrap : BootstrapResults, optional
            Intervals from refits, as in :meth:`SDEResults.time_constants`.
        t, n_draws, random_state
            As there; the delta method needs none of them.

        Returns
        -------
        DataFrame
            One row an eigenvalue lambda of kappa: ``rate`` = Re lambda, ``time_constant`` =
            1 / rate, ``half_life`` = log 2 / rate, ``period`` = 2 pi / abs(Im lambda), with
            standard errors (``_se``) and ends of intervals (``_lower``, ``_upper``), and a
            ``note`` where they are NaN. The interval of a time constant holds the
            reciprocals of the Wald interval of its rate, without end if that holds zero.

        Notes
        -----
        On panels of 20 and 100 paths and one path of 400 steps (d = 1 and 2, R = 300;
        ``benchmarks/coverage/linear_time_constants.py``) the intervals of time constants
        cover 94.0 to 96.7 % and those of periods 95.3 to 96.0 % where eigenvalues are
        distinct; Wald on the time constant itself covers down to 90.3 %, on its logarithm
        down to 93.0 %. With eigenvalues 0.85 and 1.15 per unit of time 56 to 98 % of the
        samples offer an interval, and those cover 91.7 to 96.9 %.
        """
        if bootstrap is not None:
            return super().time_constants(
                alpha, t=t, n_draws=n_draws, bootstrap=bootstrap, random_state=random_state
            )
        found = self._eigenvalues()
        quantile = self.covariances.quantile(check_fraction("alpha", alpha), self.cov_type)
        bound = None if self.white is None else self.white.bound
        return time_constant_frame(found, quantile, bound, self.covariances.reason)

    def stationary_law(self, alpha: float = 0.05) -> pd.DataFrame:
        """Return mean and covariance of the stationary law with delta-method intervals.

        Parameters
        ----------
        alpha : float, default 0.05

        Returns
        -------
        DataFrame
            Rows ``mean[j]`` (for a mean that does not move) and ``covariance[i,j]``; columns
            ``estimate``, ``se``, ``lower``, ``upper``. Estimates are NaN where an
            eigenvalue of kappa has no positive real part: there is no stationary law.

        Notes
        -----
        In the same study intervals of covariances cover 92.3 to 97.0 %, but 90 % where one
        or 20 paths hold 160 to 320 units of time at a rate of 0.4 to 0.5: Wald intervals of
        a variance are too short there.
        """
        quantile = self.covariances.quantile(check_fraction("alpha", alpha), self.cov_type)
        names, estimate, gradient = self._stationary()
        covariance = self._law_covariance()
        variance = np.sum((gradient @ covariance) * gradient, axis=1)
        se = np.where(np.isnan(estimate), np.nan, np.sqrt(np.maximum(variance, 0.0)))
        return pd.DataFrame(
            {"estimate": estimate, "se": se, "lower": estimate - quantile * se,
             "upper": estimate + quantile * se},
            index=pd.Index(names, name="quantity"),
        )  # fmt: skip

    def _stationary(self) -> tuple[list[str], FloatArray, FloatArray]:
        """Return names, estimates and gradients in the process's free parameters."""
        process, columns, d = self.process, self.record.columns, self.record.dim
        assert isinstance(process, LinearProcess)
        names_of = list(process.free_parameters)
        rows, cols = np.tril_indices(d)
        names = [f"covariance[{columns[i]},{columns[j]}]" for i, j in zip(rows, cols, strict=True)]
        gradient = np.full((len(rows), len(names_of)), np.nan)
        estimate = np.full(len(rows), np.nan)
        if self.eigenvalues.real.min() > 0:
            stationary = process.stationary_covariance()
            estimate = stationary[rows, cols]
            lower = np.linalg.cholesky(process.covariance(np.zeros((1, d)))[0])
            by_kappa, by_factor = stationary_gradient(self.kappa, lower, stationary)
            gradient = np.zeros_like(gradient)
            gradient[:, _places(names_of, "kappa")] = by_kappa.reshape(len(rows), -1)
            gradient[:, _places(names_of, "sigma")] = by_factor[:, rows, cols]
        if "mu" not in process.params:
            return names, estimate, gradient
        mean = np.zeros((d, len(names_of)))
        mean[np.arange(d), _places(names_of, "mu")] = 1.0
        values = np.atleast_1d(process.params["mu"]).astype(np.float64)
        if np.isnan(estimate).any():
            values = np.full(d, np.nan)
        return (
            [f"mean[{c}]" for c in columns] + names,
            np.concatenate([values, estimate]),
            np.vstack([mean, gradient]),
        )

    # -- tests -----------------------------------------------------------------------------

    def noise_test(self, **options: Any) -> Any:
        """Test that there is no observation noise, by the likelihood ratio.

        Parameters
        ----------
        **options
            ``n_boot`` (default 0: the asymptotic law on the boundary) and ``random_state``.
        """
        return self._test("noise", "observation_noise='diagonal' or 'full'", options)

    def mean_effect_test(self, **options: Any) -> Any:
        """Test that the trajectories share one mean, by the likelihood ratio.

        Options are those of :meth:`noise_test`.
        """
        return self._test("effect", "mean_effect='random'", options)

    def _test(self, name: str, wanted: str, options: dict[str, Any]) -> Any:
        if name not in self._tests:
            raise InputError(
                f"This test needs a fit with {wanted}, not restored from a file. Fit again."
            )
        return self._tests[name](**options)

    def one_step_sample(
        self, panel: Trajectories, scores: bool = True
    ) -> tuple[OneStepSample, IntArray]:
        """Return what the model leaves of a panel.

        Where the process is hidden the residuals are the innovations of the filter, and rows
        with a missing coordinate are left out.
        """
        if not self.hidden:
            return super().one_step_sample(panel, scores)
        resid, steps = self._filter().residuals(panel), panel.transitions()
        whole = np.isfinite(resid).all(axis=1) & np.isfinite(steps.x).all(axis=1)
        pit = norm.cdf(resid[whole])
        return OneStepSample(resid[whole], pit, steps.x[whole]), steps.trajectory[whole]

    def replicates(
        self, panel: Trajectories, seed: np.random.SeedSequence, first: int, count: int
    ) -> list[Trajectories | None]:
        """Return panels simulated from the fit, observation noise included."""
        if not self.hidden:
            return super().replicates(panel, seed, first, count)
        streams = [generator(seed, "bootstrap", first + b) for b in range(count)]
        return [self._filter().simulate(panel, rng) for rng in streams]

    def _filter(self) -> StateSpaceModel:
        if self.observed is None:
            raise InputError(f"{HIDDEN}, which this file, of an older version, lacks. Fit again.")
        return self.observed

    def bootstrap(
        self,
        kind: str = "parametric",
        n_boot: int = 199,
        random_state: RandomState = None,
        n_jobs: int | None = None,
    ) -> BootstrapResults:
        """Refit to bootstrap samples; arguments as in :meth:`ParametricResults.bootstrap`."""
        if self.hidden and kind == "parametric":
            raise InputError(f"{HIDDEN}; use kind='trajectory', or cov_type='cluster'.")
        return super().bootstrap(kind, n_boot, random_state, n_jobs)

    @property
    def mean_reversion(self) -> MeanReversion | None:
        """Mean reversion times total time; None without one."""
        if self._reversion is None and self.refitting is not None:
            panel = self.refitting.panel
            states = panel.values[np.isfinite(panel.values).all(axis=1)]
            names = [name for name in self.process.free_parameters if name in self.free]
            total = float(np.sum(panel.transitions().dt))
            self._reversion = mean_reversion(
                self.process, names, states, total, panel.n_transitions, self.record.density
            )
        return self._reversion

    # -- storage ---------------------------------------------------------------------------

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return JSON-able values and arrays that restore the results, without the data."""
        config, arrays = super().to_dict()
        config["white"] = None if self.white is None else asdict(self.white)
        config["hidden"] = self.hidden
        if self.one_step is not None:
            arrays |= {f"one_step.{k}": v for k, v in vars(self.one_step).items()}
        if self._law is not None:
            arrays |= {f"law.{k}": self._law[k] for k in self._law}
        if self.observed is not None:
            config["observed"], own = self.observed.to_dict()
            arrays |= {f"observed.{k}": v for k, v in own.items()}
        return config, arrays

    @classmethod
    def _own_parts(
        cls, config: dict[str, Any], arrays: dict[str, FloatArray], process: Process
    ) -> dict[str, Any]:
        own = super()._own_parts(config, arrays, process)
        one_step, law = with_prefix(arrays, "one_step."), with_prefix(arrays, "law.")
        white = config["white"]
        return {
            **own,
            "one_step": OneStep(**one_step) if one_step else None,
            "white": None if white is None else WhiteDirections(**white),
            "law": law or None,
            "hidden": bool(config["hidden"]),
            "observed": _observed(config.get("observed"), with_prefix(arrays, "observed.")),
        }

    # -- inside ----------------------------------------------------------------------------

    def _regression(self) -> OneStep:
        if self.one_step is None:
            raise InputError(f"{HIDDEN}; there is no regression of one state on another.")
        return self.one_step

    def _eigenvalues(self) -> Eigenvalues:
        place = _places(list(self.process.free_parameters), "kappa")
        return eigenvalues_with_errors(self.kappa, self._law_covariance()[np.ix_(place, place)])

    def _law_covariance(self) -> FloatArray:
        """Return the covariance of the process's free parameters, held rates as known."""
        names = list(self.process.free_parameters)
        if self._law is not None:
            return self._law[self.cov_type]
        place = [self.free.index(name) for name in names]
        return self._covariance()[np.ix_(place, place)]

    def _curve(self, x: FloatArray, t: FloatArray, which: str) -> CurveEstimate:
        names = [name for name in self.process.free_parameters if name in self.free]
        place = [self.free.index(name) for name in names]
        covariance = self._covariance()[np.ix_(place, place)]
        return CurveEstimate(
            getattr(self.process, which)(x, t),
            delta_errors(self.process, names, covariance, x, t, which),
            columns=self.record.columns,
            reason=self.covariances.reason,
            df=None if np.isinf(self.df_resid) else self.df_resid,
            joint=partial(delta_joint, self.process, names, covariance, x, t, which),
        )

    def _tables(self, alpha: float) -> list[Any]:
        frame = self.time_constants(alpha)
        shown = frame[["rate", "time_constant", "time_constant_lower", "time_constant_upper",
                       "half_life", "period"]].set_axis(
            ["rate", "time const.", f"[{alpha / 2:.3g}", f"{1 - alpha / 2:.3g}]", "half-life",
             "period"], axis=1,
        )  # fmt: skip
        shown.index = pd.Index([f"direction {k + 1}" for k in range(len(shown))])
        return [*super()._tables(alpha), frame_table(shown)]

    def _notes(self) -> list[str]:
        notes = super()._notes()
        if self.white is not None:
            notes += self.white.sentences(self.record.dim)
        frame = self.time_constants()
        near = int((frame["note"] == CLOSE).sum())
        if near:
            notes.append(f"{near} eigenvalue(s) of kappa have no standard error: {CLOSE}.")
        return notes


def _places(names: list[str], word: str) -> list[int]:
    return [k for k, name in enumerate(names) if name.partition("[")[0] == word]


def _observed(config: Any, arrays: dict[str, FloatArray]) -> StateSpaceModel | None:
    return None if config is None else StateSpaceModel.from_dict(config, arrays)


def _basis_values(process: Process, t: FloatArray) -> FloatArray:
    """Return the functions that the mean is a sum of at clock readings, shape (n, q)."""
    basis = getattr(process, "mean_basis", None)
    values: FloatArray = np.ones((len(t), 1)) if basis is None else basis.derivatives(t)[0]
    return values
