"""Results of maximum-likelihood fits: parameters with standard errors and tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from stochtext._shared.tables import frame_table
from stochtext._shared.typing import FloatArray
from stochtext._shared.validation import check_fraction
from stochtext.processes.base import Process
from stochtext.processes.support import Support
from stochtext.results.archive import with_prefix
from stochtext.results.base import SDEResults
from stochtext.results.inference.covariance import ParameterCovariances
from stochtext.results.inference.hypotheses import WaldTest, linear_restrictions, wald_test
from stochtext.results.inference.prediction import CurveEstimate
from stochtext.results.record import FitRecord
from stochtext.results.residuals import Residuals
from stochtext.transitions.base import TransitionDensity

__all__ = ["ParametricResults"]


class ParametricResults(SDEResults):
    """Results of a maximum-likelihood fit.

    Parameters
    ----------
    record, process, transition, support, residuals
        As in :class:`SDEResults`.
    params : Series
        Estimates by name.
    covariances : ParameterCovariances
        Covariance matrices of the free parameters, in the order of ``free``.
    free : list of str
        Names of the parameters that were estimated; the others were held fixed.
    """

    kind = "parametric"

    def __init__(
        self,
        record: FitRecord,
        process: Process,
        transition: TransitionDensity,
        support: Support,
        residuals: Residuals | None,
        params: pd.Series,
        covariances: ParameterCovariances,
        free: list[str],
    ) -> None:
        super().__init__(record, process, transition, support, residuals)
        self.params = params
        self.covariances = covariances
        self.free = free

    @property
    def cov_type(self) -> str:
        """Type of the covariance behind ``bse`` and the intervals."""
        return self.covariances.default

    @property
    def df_resid(self) -> float:
        """Degrees of freedom of the t distribution: clusters minus one, or infinity."""
        return float(self.covariances.n_clusters - 1) if self.cov_type == "cluster" else np.inf

    @property
    def bse(self) -> pd.Series:
        """Standard errors; NaN for parameters held fixed."""
        variance = np.diag(self.cov_params().to_numpy())
        with np.errstate(invalid="ignore"):
            errors = pd.Series(np.sqrt(variance), index=self.free)
        return errors.reindex(self.params.index)

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

    def conf_int(self, alpha: float = 0.05) -> pd.DataFrame:
        """Return Wald intervals of level 1 - alpha, columns 0 and 1 as in statsmodels."""
        half = self._quantile(alpha) * self.bse
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

    def wald_test(self, hypothesis: Any, cov_type: str | None = None) -> WaldTest:
        """Test linear restrictions on the free parameters.

        Parameters
        ----------
        hypothesis : str, array_like of shape (q, k), or pair (R, q)
            ``"mu = 0"``; several restrictions are separated by commas.
        cov_type : str, optional
            Default: that of the fit.
        """
        kind = cov_type or self.cov_type
        return wald_test(
            self.params[self.free].to_numpy(),
            self.covariances.matrix(kind),
            linear_restrictions(self.free, hypothesis),
            n_clusters=self.covariances.n_clusters if kind == "cluster" else None,
        )

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return JSON-able values and arrays that restore the results, without the data."""
        config, arrays = super().to_dict()
        covariances = self.covariances
        config["names"] = [str(name) for name in self.params.index]
        config["free"] = self.free
        config["covariances"] = {
            "n_clusters": covariances.n_clusters,
            "default": covariances.default,
            "reason": covariances.reason,
        }
        arrays["params"] = self.params.to_numpy(dtype=np.float64)
        arrays |= {f"covariance.{k}": v for k, v in covariances.matrices.items()}
        return config, arrays

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

    def _quantile(self, alpha: float) -> float:
        level = 1 - check_fraction("alpha", alpha) / 2
        df = self.df_resid
        return float(stats.norm.ppf(level) if np.isinf(df) else stats.t.ppf(level, df))

    def _tables(self, alpha: float) -> list[Any]:
        letter = "z" if np.isinf(self.df_resid) else "t"
        interval = self.conf_int(alpha)
        table = pd.DataFrame(
            {
                "coef": self.params,
                "std err": self.bse,
                letter: self.tvalues.map("{:.3f}".format),
                f"P>|{letter}|": self.pvalues.map("{:.3f}".format),
                f"[{alpha / 2:.3g}": interval[0],
                f"{1 - alpha / 2:.3g}]": interval[1],
            }
        )
        return [frame_table(table)]

    def _notes(self) -> list[str]:
        notes = [f"Standard errors: {self._describe_covariance()}."]
        if self.covariances.reason:
            notes.append(f"Standard errors are NaN: {self.covariances.reason}")
        k, m = len(self.free), self.covariances.n_clusters
        if self.cov_type == "cluster" and k > m / 2:
            notes.append(
                f"{k} parameters against {m} clusters: the clustered covariance has rank at most "
                f"{m}; prefer a bootstrap over trajectories."
            )
        fixed = [name for name in self.params.index if name not in self.free]
        if fixed:
            notes.append(f"Held fixed: {', '.join(fixed)}.")
        return notes

    def _describe_covariance(self) -> str:
        m = self.covariances.n_clusters
        return {
            "nonrobust": "inverse observed information, normal quantiles",
            "robust": "sandwich, normal quantiles",
            "hac": "Newey-West sandwich within trajectories, normal quantiles",
            "cluster": f"sandwich clustered over {m} trajectories or groups, t({m - 1}) quantiles",
        }[self.cov_type]

    def _curve(self, x: FloatArray, t: FloatArray, which: str) -> CurveEstimate:
        """Delta method: the gradient of the curve by central differences in each parameter."""
        estimate = getattr(self.process, which)(x, t)
        names = list(self.process.free_parameters)
        theta = self.process.to_vector()
        columns = []
        for name in self.free:
            k = names.index(name)
            step = 1e-5 * max(abs(theta[k]), float(np.abs(theta).max()) * 1e-3, 1e-8)
            ends = []
            for sign in (1, -1):
                moved = theta.copy()
                moved[k] += sign * step
                ends.append(getattr(self.process.from_vector(moved), which)(x, t))
            columns.append((ends[0] - ends[1]) / (2 * step))
        gradient = np.stack(columns, axis=-1)
        variance = np.einsum("...k,kl,...l->...", gradient, self._covariance(), gradient)
        df = None if np.isinf(self.df_resid) else self.df_resid
        return CurveEstimate(
            estimate,
            np.sqrt(np.maximum(variance, 0.0)),
            columns=self.record.columns,
            reason=self.covariances.reason,
            df=df,
        )

    def _covariance(self) -> FloatArray:
        return self.covariances.matrix(self.cov_type)
