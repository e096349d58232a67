"""Results of estimators whose drift and diffusion are curves, not parameters."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.tables import frame_table
from stochtext._shared.typing import FloatArray
from stochtext._shared.validation import check_choice, check_fraction
from stochtext.processes.base import Process
from stochtext.processes.support import Support
from stochtext.results.archive import with_prefix
from stochtext.results.base import SDEResults
from stochtext.results.inference.curves.curve_errors import CurveErrors
from stochtext.results.inference.curves.prediction import BANDS, CurveEstimate
from stochtext.results.inference.curves.restoring import curve_errors_from_dict
from stochtext.results.record import FitRecord
from stochtext.results.residuals import Residuals
from stochtext.transitions.base import TransitionDensity

__all__ = ["FunctionalResults", "frame_from_dict", "frame_to_dict"]


class FunctionalResults(SDEResults):
    """Results whose uncertainty is that of curves.

    Parameters
    ----------
    record, process, transition, support, residuals
        As in :class:`SDEResults`.
    errors : CurveErrors
        What knows the uncertainty of the curves.
    tables : dict of str to DataFrame, optional
        Further tables of the summary, by title.
    middle : dict of str to CurveEstimate, optional
        ``"drift"`` and ``"covariance"`` at the mean state, if computed before: a
        file keeps them, so that the summary stays the same without the data.
    """

    kind = "functional"

    def __init__(
        self,
        record: FitRecord,
        process: Process,
        transition: TransitionDensity,
        support: Support,
        residuals: Residuals | None,
        errors: CurveErrors,
        tables: dict[str, pd.DataFrame] | None = None,
        middle: dict[str, CurveEstimate] | None = None,
    ) -> None:
        super().__init__(record, process, transition, support, residuals)
        self.errors = errors
        self.tables = tables or {}
        self._middle = middle

    @property
    def params(self) -> pd.Series:
        """Empty: the fit is a curve; use ``get_drift`` and ``get_covariance``."""
        return pd.Series(dtype=np.float64)

    @property
    def bse(self) -> pd.Series:
        """Empty, as ``params``."""
        return pd.Series(dtype=np.float64)

    @property
    def tvalues(self) -> pd.Series:
        """Empty, as ``params``."""
        return pd.Series(dtype=np.float64)

    @property
    def pvalues(self) -> pd.Series:
        """Empty, as ``params``."""
        return pd.Series(dtype=np.float64)

    def conf_int(
        self, alpha: float = 0.05, method: str = "pointwise", **options: Any
    ) -> pd.DataFrame:
        """Return an empty frame: intervals of curves are those of ``get_drift``.

        Parameters
        ----------
        alpha : float, default 0.05
        method : {"pointwise", "simultaneous"}, default "pointwise"
            As in ``get_drift(x).conf_int(alpha, method)``, where it counts.
        **options
            Those of fits with parameters; not used.
        """
        check_fraction("alpha", alpha)
        check_choice("method", method, BANDS)
        return pd.DataFrame({0: self.params, 1: self.params})

    def cov_params(self) -> pd.DataFrame:
        """Return an empty frame: there are no parameters."""
        return pd.DataFrame(dtype=np.float64)

    def wald_test(self, hypothesis: Any) -> None:
        """Refuse: there are no parameters to test.

        Raises
        ------
        InputError
        """
        raise InputError(
            f"{self.model} fits curves and has no parameters to test. Test models against each "
            "other with compare, or fit a LinearSDE or ParametricSDE."
        )

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return JSON-able values and arrays that restore the results, without the data."""
        config, arrays = super().to_dict()
        config["errors"], error_arrays = self.errors.to_dict()
        config["tables"] = [
            {"title": title, "frame": frame_to_dict(frame)} for title, frame in self.tables.items()
        ]
        arrays |= {f"errors.{k}": v for k, v in error_arrays.items()}
        config["middle"] = {which: curve.reason for which, curve in self.middle.items()}
        for which, curve in self.middle.items():
            df = np.broadcast_to(np.inf if curve.df is None else curve.df, curve.se.shape)
            parts = np.stack([curve.estimate, curve.se, curve.centre, df])
            arrays[f"middle.{which}"] = parts
        return config, arrays

    @classmethod
    def _own_parts(
        cls, config: dict[str, Any], arrays: dict[str, FloatArray], process: Process
    ) -> dict[str, Any]:
        own = with_prefix(arrays, "errors.")
        return {
            "errors": curve_errors_from_dict(config["errors"], own, process),
            "tables": {t["title"]: frame_from_dict(t["frame"]) for t in config["tables"]},
            "middle": {
                which: CurveEstimate(
                    estimate, se, columns=tuple(config["record"]["columns"]), reason=reason,
                    centre=centre, df=df,
                )
                for which, reason in config["middle"].items()
                for estimate, se, centre, df in [arrays[f"middle.{which}"]]
            },
        }  # fmt: skip

    def _curve(self, x: FloatArray, t: FloatArray, which: str) -> CurveEstimate:
        estimate, se, reason = getattr(self.errors, which)(x, t)
        centre = self.errors.interval_centre(x, t, which)
        df = joint = None
        if hasattr(self.errors, "freedom") and getattr(self.errors, "is_offered", True):
            df = self.errors.freedom(x, which)
        if hasattr(self.errors, "joint_covariance") and getattr(self.errors, "is_offered", True):
            joint = partial(self.errors.joint_covariance, x, which)
        return CurveEstimate(
            estimate, se, columns=self.record.columns, reason=reason, centre=centre, df=df,
            joint=joint,
        )  # fmt: skip

    @property
    def middle(self) -> dict[str, CurveEstimate]:
        """Drift and covariance rate at the mean state of the data."""
        if self._middle is None:
            x = self.support.center[None, :]
            t = 0.5 if self.record.clock == "relative" else 0.0
            self._middle = {
                "drift": self.get_drift(x, t),
                "covariance": self.get_covariance(x, t),
            }
        return self._middle

    def _tables(self, alpha: float) -> list[Any]:
        titles = {"drift": "Drift b", "covariance": "Covariance rate a"}
        frames = [
            frame_table(
                self.middle[which].summary_frame(alpha).droplevel("point"),
                title=f"{title} at the mean state",
            )
            for which, title in titles.items()
        ]
        return frames + [frame_table(frame, title) for title, frame in self.tables.items()]

    def _notes(self) -> list[str]:
        names = {"drift": "drift", "covariance": "covariance rate"}
        notes = [
            f"Standard errors of the {name}: {self.middle[which].reason}."
            for which, name in names.items()
            if self.middle[which].reason
        ]
        if np.isnan(self.df_model):
            notes.append(
                "AIC and BIC are NaN: the effective number of parameters of this fit is not "
                "known. Use compare for held-out scores."
            )
        return notes


def frame_to_dict(frame: pd.DataFrame) -> dict[str, Any]:
    """Return a frame as JSON-able values."""
    return dict(frame.astype(object).to_dict(orient="split"))


def frame_from_dict(values: dict[str, Any]) -> pd.DataFrame:
    """Return the frame stored by :func:`frame_to_dict`."""
    return pd.DataFrame(**values)
