"""Results of maximum-likelihood fits: parameters with standard errors and tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from stochtext._shared.exceptions import InputError
from stochtext._shared.tables import frame_table
from stochtext._shared.typing import FloatArray, RandomState
from stochtext._shared.validation import check_choice, check_fraction
from stochtext.processes.base import Process
from stochtext.processes.support import Support
from stochtext.results.archive import with_prefix
from stochtext.results.base import SDEResults
from stochtext.results.inference.curves.prediction import CurveEstimate
from stochtext.results.inference.curves.simultaneous import common_quantile
from stochtext.results.inference.dynamics.mean_reversion import (
    MeanReversion,
    mean_reversion,
    reversion_notes,
)
from stochtext.results.inference.nested.likelihood_ratio import (
    LikelihoodRatioTest,
    likelihood_ratio_test,
    values_held,
)
from stochtext.results.inference.parameters import hypotheses
from stochtext.results.inference.parameters.coefficients import coefficient_table
from stochtext.results.inference.parameters.covariance import ParameterCovariances
from stochtext.results.inference.parameters.delta_method import delta_errors, delta_joint
from stochtext.results.inference.parameters.profile import check_profile, profile_intervals
from stochtext.results.inference.refits.bootstrap import BootstrapResults, bootstrap
from stochtext.results.inference.refits.refitting import Refitting
from stochtext.results.record import FitRecord
from stochtext.results.residuals import Residuals
from stochtext.transitions.base import TransitionDensity
from stochtext.transitions.registry import transition_density

__all__ = ["ParametricResults"]

TWO_STEPS = (
    "Two-step estimates: the diffusion from the quadratic variation, then the drift given it. "
    "They do not maximise the likelihood together (two_step=False does)."
)
INTERVALS = ("wald", "profile", "bootstrap", "cluster", "simultaneous")


class ParametricResults(SDEResults):
    """Results of a maximum-likelihood fit.

    Parameters
    ----------
    record, process, transition
        As in :class:`SDEResults`.
    support : Support, or callable that returns it
    residuals : Residuals, callable that returns them, or None
        A callable is called when they are first asked for.
    params : Series
        Estimates by name.
    covariances : ParameterCovariances
        Covariance matrices of the free parameters, in the order of ``free``.
    free : list of str
        Names of the parameters that were estimated; the others were held fixed.
    refitting : Refitting, optional
        The estimator and the data; None after :func:`stochtext.load`. Profile and
        bootstrap intervals, and tests of restrictions by name, need it.
    optima : callable, optional
        Returns what each search came to: parameters, ``llf``, ``converged``, ``iterations``.
    joint : bool, default True
        Whether all parameters maximise the likelihood together; False after two steps.
    """

    kind = "parametric"

    def __init__(
        self,
        record: FitRecord,
        process: Process,
        transition: TransitionDensity,
        support: Support | Callable[[], Support],
        residuals: Residuals | Callable[[], Residuals] | None,
        params: pd.Series,
        covariances: ParameterCovariances,
        free: list[str],
        *,
        refitting: Refitting | None = None,
        optima: Callable[[], pd.DataFrame] | None = None,
        joint: bool = True,
    ) -> None:
        self._support = support
        self._reversion: MeanReversion | None = None
        super().__init__(record, process, transition, support, residuals)  # type: ignore[arg-type]
        self.params = params
        self.covariances = covariances
        self.free = free
        self.refitting = refitting
        self._optima = optima
        self.joint = joint

    @property
    def support(self) -> Support:
        """Where the data were."""
        if callable(self._support):
            self._support = self._support()
        return self._support

    @support.setter
    def support(self, value: Support | Callable[[], Support]) -> None:
        self._support = value

    @property
    def optima(self) -> pd.DataFrame | None:
        """One row per search, the best first; None after :func:`stochtext.load`."""
        return None if self._optima is None else self._optima()

    @property
    def cov_type(self) -> str:
        """Type of the covariance behind ``bse`` and the intervals."""
        return self.covariances.default

    @property
    def df_resid(self) -> float:
        """Degrees of freedom of the t distribution: clusters minus one, or infinity."""
        return self.covariances.degrees_of_freedom(self.cov_type)

    @property
    def bse(self) -> pd.Series:
        """Standard errors; NaN for parameters held fixed or on a bound."""
        return self._errors(self.cov_type)

    @property
    def tvalues(self) -> pd.Series:
        """Estimates divided by their standard errors."""
        return self.params / self.bse

    @property
    def pvalues(self) -> pd.Series:
        """Two-sided p-values of a zero parameter."""
        size = np.abs(self.tvalues.to_numpy())
        tail = stats.norm.sf(size) if np.isinf(self.df_resid) else stats.t.sf(size, self.df_resid)
        return pd.Series(2 * tail, index=self.params.index)

    def conf_int(
        self,
        alpha: float = 0.05,
        method: str = "wald",
        *,
        cov_type: str | None = None,
        n_boot: int = 199,
        random_state: RandomState = None,
        n_jobs: int | None = None,
    ) -> pd.DataFrame:
        """Return intervals of level 1 - alpha, columns 0 and 1 as in statsmodels.

        Parameters
        ----------
        alpha : float, default 0.05
        method : {"wald", "profile", "bootstrap", "cluster", "simultaneous"}, default "wald"
            Estimate plus and minus quantile times error (``"cluster"``: the clustered one);
            what a likelihood ratio test does not reject; the basic parametric bootstrap, for
            mean reversion over few relaxation times; or intervals that hold all parameters
            together, by the quantile of the largest of the correlated t-ratios.
        cov_type : str, optional
            For ``"wald"`` and ``"profile"``; default that of the fit. A profile needs
            ``"nonrobust"``: the chi-square law of a likelihood ratio takes the model as
            right and the trajectories as independent.
        n_boot, random_state, n_jobs
            For ``"bootstrap"``, as in :meth:`bootstrap`.

        Returns
        -------
        DataFrame
            One row per parameter, NaN for those held fixed.
        """
        check_choice("method", method, INTERVALS)
        check_fraction("alpha", alpha)
        if method == "profile":
            return self._profile(alpha, cov_type or self.cov_type)
        if method == "bootstrap":
            draws = self.bootstrap(n_boot=n_boot, random_state=random_state, n_jobs=n_jobs)
            return draws.conf_int(alpha).reindex(self.params.index)
        kind = "cluster" if method == "cluster" else cov_type or self.cov_type
        errors = self.bse if kind == self.cov_type else self._errors(kind)
        quantile = self.covariances.quantile(alpha, kind)
        if method == "simultaneous":
            quantile = common_quantile(self.covariances, alpha, kind, random_state)
        half = quantile * errors
        return pd.DataFrame({0: self.params - half, 1: self.params + half})

    def cov_params(self, cov_type: str | None = None) -> pd.DataFrame:
        """Return the covariance matrix of the free parameters.

        Parameters
        ----------
        cov_type : {"nonrobust", "robust", "hac", "cluster"}, optional
            Default: that of the fit.
        """
        matrix = self.covariances.matrix(cov_type or self.cov_type)
        return pd.DataFrame(matrix, index=self.free, columns=self.free)

    def wald_test(self, hypothesis: Any, cov_type: str | None = None) -> hypotheses.WaldTest:
        """Test linear restrictions on the free parameters.

        Parameters
        ----------
        hypothesis : str, array_like of shape (q, k), or pair (R, q)
            ``"mu = 0"``; several restrictions are separated by commas.
        cov_type : str, optional
            Default: that of the fit.
        """
        kind = cov_type or self.cov_type
        return hypotheses.wald_test(
            self.params[self.free].to_numpy(),
            self.covariances.matrix(kind),
            hypotheses.linear_restrictions(self.free, hypothesis),
            n_clusters=self.covariances.n_clusters if kind == "cluster" else None,
        )

    def lr_test(
        self,
        restriction: Any,
        cov_type: str | None = None,
        *,
        n_boot: int = 0,
        random_state: RandomState = None,
        n_jobs: int | None = None,
    ) -> LikelihoodRatioTest:
        """Test values of parameters by the likelihood ratio.

        Parameters
        ----------
        restriction : str or ParametricResults
            ``"sigma = 0.5"``, several separated by commas; or the results of a restricted
            fit to the same data.
        cov_type : str, optional
            What is assumed, default that of the fit. Only with ``"nonrobust"`` (model right,
            trajectories independent) is there a p-value.
        n_boot : int, default 0
            Panels simulated under the restriction for the law of the ratio; 0 for chi-square,
            which a drift without mean reversion does not have: the p-value is NaN then.
        random_state, n_jobs : optional
            As in :meth:`bootstrap`.
        """
        options: dict[str, Any] = {"n_boot": n_boot, "random_state": random_state, "n_jobs": n_jobs}
        if isinstance(restriction, ParametricResults):
            return likelihood_ratio_test(self, restriction, cov_type, **options)
        if not isinstance(restriction, str):
            raise InputError(
                "`restriction` must be a string such as 'sigma = 0.5' or the results of a "
                f"restricted fit; got {type(restriction).__name__}."
            )
        restrictions = hypotheses.linear_restrictions(self.free, restriction)
        values = values_held(self.free, restrictions, restriction)
        restricted = self._refitting("This test").restricted(self.process, values)
        return likelihood_ratio_test(self, restricted, cov_type, **options)

    def bootstrap(
        self,
        kind: str = "parametric",
        n_boot: int = 199,
        random_state: RandomState = None,
        n_jobs: int | None = None,
    ) -> BootstrapResults:
        """Refit to bootstrap samples.

        Parameters
        ----------
        kind : {"parametric", "trajectory"}, default "parametric"
            Panels simulated from the fitted process with the first states, lengths and times
            of the data; or trajectories (groups, where there are) drawn with replacement.
        n_boot : int, default 199
            Number of samples; with 199 the 2.5 % points are order statistics.
        random_state : int, Generator, SeedSequence or None
        n_jobs : int, optional
            Processes, as in joblib. The numbers do not depend on it.

        Returns
        -------
        BootstrapResults
        """
        return bootstrap(
            self._refitting("The bootstrap"), self.process, self.params[self.free], kind=kind,
            n_boot=n_boot, random_state=random_state, n_jobs=n_jobs,
        )  # fmt: skip

    @property
    def mean_reversion(self) -> MeanReversion | None:
        """Mean reversion times total time, with the bias that follows; None without one."""
        if self._reversion is None and self.refitting is not None:
            panel = self.refitting.panel
            total = float(np.sum(panel.transitions().dt))
            self._reversion = mean_reversion(
                self.process, self.free, panel.values, total, panel.n_transitions,
                self.record.density,
            )  # fmt: skip
        return self._reversion

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return JSON-able values and arrays that restore the results, without the data."""
        config, arrays = super().to_dict()
        covariances = self.covariances
        config["names"] = [str(name) for name in self.params.index]
        config["free"] = self.free
        kept = ("n_clusters", "default", "reason")
        config["covariances"] = {name: getattr(covariances, name) for name in kept}
        reversion = self.mean_reversion
        config["mean_reversion"] = None if reversion is None else reversion.to_dict()
        config["joint"] = self.joint
        config["density_options"] = dict(self.transition.options)
        arrays["params"] = self.params.to_numpy(dtype=np.float64)
        arrays |= {f"covariance.{k}": v for k, v in covariances.matrices.items()}
        return config, arrays

    @classmethod
    def from_dict(cls, config: dict[str, Any], arrays: dict[str, FloatArray]) -> ParametricResults:
        """Restore results from what :meth:`to_dict` returned."""
        results = super().from_dict(config, arrays)
        assert isinstance(results, ParametricResults)
        results.joint = bool(config.get("joint", True))
        reversion = config.get("mean_reversion")
        results._reversion = None if reversion is None else MeanReversion(**reversion)
        if options := config.get("density_options"):
            results.transition = transition_density(results.record.density, **options)
        return results

    @classmethod
    def _own_parts(
        cls, config: dict[str, Any], arrays: dict[str, FloatArray], process: Process
    ) -> dict[str, Any]:
        matrices = with_prefix(arrays, "covariance.")
        return {
            "params": pd.Series(arrays["params"], index=config["names"]),
            "covariances": ParameterCovariances(matrices, **config["covariances"]),
            "free": list(config["free"]),
        }

    def _fitted_residuals(self) -> Residuals:
        if callable(self._residuals):
            self._residuals = self._residuals()
        return super()._fitted_residuals()

    def _refitting(self, what: str) -> Refitting:
        if self.refitting is None:
            raise InputError(
                f"{what} needs the data, and results restored from a file hold none. Fit again, "
                "or do it before saving."
            )
        return self.refitting

    def _errors(self, cov_type: str) -> pd.Series:
        variance = np.diag(self.cov_params(cov_type).to_numpy())
        with np.errstate(invalid="ignore"):
            errors = pd.Series(np.sqrt(variance), index=self.free)
        return errors.reindex(self.params.index)

    def _profile(self, alpha: float, cov_type: str) -> pd.DataFrame:
        refitting = self._refitting("A profile interval")
        check_profile(cov_type, self.joint)
        return profile_intervals(
            refitting, self.process, self.params, self._errors("nonrobust")[self.free],
            llf=self.llf, alpha=alpha,
        )  # fmt: skip

    def _tables(self, alpha: float) -> list[Any]:
        letter = "z" if np.isinf(self.df_resid) else "t"
        table = coefficient_table(
            self.params, self.bse, self.pvalues, self.conf_int(alpha), letter, alpha
        )
        return [frame_table(table)]

    def _notes(self) -> list[str]:
        notes = self.covariances.notes(len(self.free))
        if not self.joint:
            notes.append(TWO_STEPS)
        notes += reversion_notes(self.mean_reversion, self.process, self.free, self.support)
        if fixed := [name for name in self.params.index if name not in self.free]:
            notes.append(f"Held fixed: {', '.join(fixed)}.")
        return notes

    def _curve(self, x: FloatArray, t: FloatArray, which: str) -> CurveEstimate:
        arguments = (self.process, self.free, self._covariance(), x, t, which)
        return CurveEstimate(
            getattr(self.process, which)(x, t),
            delta_errors(*arguments),
            columns=self.record.columns,
            reason=self.covariances.reason,
            df=None if np.isinf(self.df_resid) else self.df_resid,
            joint=partial(delta_joint, *arguments),
        )

    def _covariance(self) -> FloatArray:
        matrix = self.covariances.matrix(self.cov_type)
        # A parameter on its bound is held there, as the errors of the others hold it.
        return matrix if self.covariances.reason else np.nan_to_num(matrix)
