"""Results of a neural fit: curves with bands, what held-out data said, how training went."""

from __future__ import annotations

import warnings
from copy import copy
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import ConvergenceWarning, InputError
from stochtext._shared.tables import frame_table
from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process
from stochtext.processes.fitted.networks.covariate_network import CovariateNetwork
from stochtext.results.functional import FunctionalResults, frame_from_dict, frame_to_dict
from stochtext.results.inference.curves.curve_errors import NoErrors
from stochtext.results.inference.curves.ensemble_errors import EnsembleErrors, LogarithmicEstimate
from stochtext.results.inference.curves.prediction import CurveEstimate
from stochtext.results.inference.parameters.nugget import NuggetTest, nugget_test
from stochtext.results.inference.parameters.orthogonality_tests import (
    OrthogonalityTest,
    constant_covariance_test,
    linear_drift_test,
)
from stochtext.results.inference.refits.refitting import Refitting

__all__ = ["NeuralResults"]

COVERAGE = "benchmarks/coverage/results/neural.json"
METHODS = {
    "ensemble": (
        "robust Laplace of every start, mixed over starts, with half the variance between and an "
        "allowance for the bias of smoothing"
    ),
    "laplace": "robust Laplace of the best start, with an allowance for the bias of smoothing",
    "bootstrap": "refits to resampled trajectories or blocks",
}
_CENTRAL = "covered on average over the central states"
MEASURED = {
    "ensemble": (
        f"Of nominal 95 %, 93 to 98 % {_CENTRAL} in five designs, and no fewer than 88 % at any of "
        f"them ({COVERAGE})."
    ),
    "laplace": (
        f"Of nominal 95 %, 95 to 97 % {_CENTRAL} in one design, and no fewer than 90 % at any of "
        f"them ({COVERAGE})."
    ),
    "bootstrap": (
        f"Of nominal 95 %, 95 to 97 % {_CENTRAL} in one design, and no fewer than 83 % at any of "
        f"them ({COVERAGE})."
    ),
}
NO_DATA = (
    "These results were loaded from a file, which holds no data, and the test was not asked for "
    "before they were saved. Fit again, or ask before saving."
)


class NeuralResults(FunctionalResults):
    """Results of an ensemble of networks.

    Parameters
    ----------
    *parts
        As :class:`stochtext.results.FunctionalResults`.
    gains : DataFrame, optional
        Held-out gain of each network: columns ``block``, ``gain``, ``se``, ``kept``.
    history : DataFrame, optional
        Loss of every start by iteration: ``start``, ``iteration``, ``loss``.
    observation_noise : ndarray of shape (d, d), optional
        Covariance of the noise with which states were observed, if it was modelled.
    refitting : Refitting, optional
        Estimator and data, for the tests; a file does not keep it.
    tests : dict of str to dict, optional
        Tests computed before.
    **tables
        As :class:`stochtext.results.FunctionalResults`.
    """

    kind = "neural"

    def __init__(
        self,
        *parts: Any,
        gains: pd.DataFrame | None = None,
        history: pd.DataFrame | None = None,
        observation_noise: FloatArray | None = None,
        refitting: Refitting | None = None,
        tests: dict[str, dict[str, Any]] | None = None,
        **tables: Any,
    ) -> None:
        super().__init__(*parts, **tables)
        self.gains = pd.DataFrame() if gains is None else gains
        self.history = pd.DataFrame() if history is None else history
        self.observation_noise = observation_noise
        self.refitting = refitting
        self._tests = dict(tests or {})

    def get_drift(self, x: Any, t: Any = None, *, covariates: Any = None) -> CurveEstimate:
        """Return the drift at states ``x`` with its uncertainty.

        Parameters
        ----------
        x : array_like of shape (n, d)
        t : float or array_like of shape (n,), optional
            Position on the clock; default 0.
        covariates : mapping of name to number or label, optional
            Default: the means of the covariates and the average of the groups.
        """
        return FunctionalResults.get_drift(self.at(covariates), x, t)

    def get_covariance(self, x: Any, t: Any = None, *, covariates: Any = None) -> CurveEstimate:
        """Return the covariance rate at states ``x`` with its uncertainty; see ``get_drift``."""
        return FunctionalResults.get_covariance(self.at(covariates), x, t)

    def at(self, covariates: Any) -> NeuralResults:
        """Return the results whose curves stand at values of the covariates.

        Raises
        ------
        InputError
            If the fit has no such covariate, or has not seen such a level.
        """
        if covariates is None:
            return self
        if not isinstance(self.process, CovariateNetwork):
            raise InputError("The fit has no covariates: name some in the estimator.")
        other = copy(self)
        other.process = self.process.at(covariates)
        if isinstance(self.errors, EnsembleErrors):
            other.errors = self.errors.at(covariates)
        else:
            other.errors = NoErrors(other.process, getattr(self.errors, "reason", ""))
        return other

    def test_linearity(self) -> OrthogonalityTest:
        """Test "the drift is linear" on the fitted data; see :func:`linear_drift_test`.

        Returns
        -------
        OrthogonalityTest
            NaN with a reason where observations have noise, which bends the regression.

        Notes
        -----
        The test does not use the networks: its size holds whatever they learned. Sizes are
        measured in ``benchmarks/calibration/neural_tests.py``.
        """
        if "linearity" not in self._tests:
            self._tests["linearity"] = vars(self._linearity())
        return OrthogonalityTest(**self._tests["linearity"])

    def test_constant_diffusion(self) -> OrthogonalityTest:
        """Test "the covariance rate is constant" by a fit in which it is.

        The estimator is fitted once more with ``diffusion="constant"``, unless it was so;
        see :func:`constant_covariance_test`.
        """
        if "constant diffusion" not in self._tests:
            self._tests["constant diffusion"] = vars(self._constant_diffusion())
        return OrthogonalityTest(**self._tests["constant diffusion"])

    def test_nugget(self) -> NuggetTest:
        """Test "states were observed without noise"; see :func:`nugget_test`."""
        if "nugget" not in self._tests:
            steps = self._known_data().panel.transitions(clock=self.record.clock)
            sees_clock = not self.process.autonomous
            test = nugget_test(
                steps.x, steps.x_next, steps.dt, steps.trajectory,
                clock=steps.t if sees_clock else None, weight=self._transition_weight(),
            )  # fmt: skip
            self._tests["nugget"] = {
                k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in vars(test).items()
            }
        stored = self._tests["nugget"]
        arrays = {k: np.array(stored[k]) for k in ("variance", "se", "pvalues")}
        return NuggetTest(**{**stored, **arrays})

    def plot_training(self, ax: Any = None) -> Any:
        """Draw the loss of every start by iteration."""
        from stochtext.plotting.training import plot_training

        return plot_training(self.history, ax=ax)

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return JSON-able values and arrays that restore the results, without the data."""
        config, arrays = super().to_dict()
        config["gains"], config["tests"] = frame_to_dict(self.gains), self._tests
        config["history"] = list(self.history.columns)
        arrays["history"] = self.history.to_numpy(dtype=np.float32)
        if self.observation_noise is not None:
            arrays["observation_noise"] = self.observation_noise
        return config, arrays

    @classmethod
    def _own_parts(
        cls, config: dict[str, Any], arrays: dict[str, FloatArray], process: Process
    ) -> dict[str, Any]:
        own = super()._own_parts(config, arrays, process)
        if isinstance(own["errors"], EnsembleErrors):
            own["middle"]["covariance"] = LogarithmicEstimate.like(own["middle"]["covariance"])
        history = pd.DataFrame(arrays["history"].astype(np.float64), columns=config["history"])
        for name in ("start", "iteration"):
            if name in history:
                history[name] = history[name].astype(int)
        own["history"], own["gains"] = history, frame_from_dict(config["gains"])
        own["tests"], own["observation_noise"] = config["tests"], arrays.get("observation_noise")
        return own

    def _curve(self, x: FloatArray, t: FloatArray, which: str) -> CurveEstimate:
        errors = self.errors
        estimate, se, reason = getattr(errors, which)(x, t)
        if not isinstance(errors, EnsembleErrors):
            return CurveEstimate(estimate, se, columns=self.record.columns, reason=reason)
        form = CurveEstimate if which == "drift" else LogarithmicEstimate
        known = which not in errors.reasons
        return form(
            estimate, se, columns=self.record.columns, reason=reason,
            df=errors.df if np.isfinite(errors.df) else None,
            joint=partial(errors.joint_covariance, x, which, t) if known else None,
        )  # fmt: skip

    def _tables(self, alpha: float) -> list[Any]:
        tables = super()._tables(alpha)
        if len(self.gains):
            frame = self.gains.set_index("block")
            tables.append(frame_table(frame, "Held-out gain of the networks, nats per transition"))
        if self.observation_noise is not None:
            sd = np.sqrt(np.diag(self.observation_noise))
            frame = pd.DataFrame({"sd": sd}, index=list(self.record.columns))
            tables.append(frame_table(frame, "Observation noise"))
        return tables

    def _notes(self) -> list[str]:
        notes = super()._notes()
        if isinstance(self.errors, EnsembleErrors):
            notes.append(f"Bands: {METHODS[self.errors.method]}. {MEASURED[self.errors.method]}")
        for name, label in (
            ("linearity", "The drift is linear"),
            ("constant diffusion", "The covariance rate is constant"),
            ("nugget", "There is no observation noise"),
        ):
            if name in self._tests:
                notes.append(f"{label}: p = {self._tests[name]['pvalue']:.4g}.")
        return notes

    def _linearity(self) -> OrthogonalityTest:
        data = self._known_data()
        if self.observation_noise is not None:
            reason = "the states were observed with noise"
            return OrthogonalityTest("The drift is linear", np.nan, np.nan, 0, np.nan, reason)
        steps = data.panel.transitions(clock=self.record.clock)
        return linear_drift_test(
            steps.x, steps.x_next, steps.dt, weight=self._transition_weight(),
            clock=None if self.process.autonomous else steps.t,
        )  # fmt: skip

    def _constant_diffusion(self) -> OrthogonalityTest:
        data = self._known_data()
        if self.observation_noise is not None:
            reason, name = "the states were observed with noise", "The covariance rate is constant"
            return OrthogonalityTest(name, np.nan, np.nan, 0, np.nan, reason)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fit = data.fit(diffusion="constant", cov_type=None)
        x = data.panel.transitions().x
        return constant_covariance_test(fit.resid, x, weight=self._transition_weight())

    def _known_data(self) -> Refitting:
        if self.refitting is None:
            raise InputError(NO_DATA)
        return self.refitting

    def _transition_weight(self) -> FloatArray | None:
        data = self._known_data()
        if data.weight is None:
            return None
        return np.asarray(data.weight[data.panel.transitions().trajectory])
