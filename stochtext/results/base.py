"""What every fit says: facts, curves, residuals, tests, tables. Knows no estimator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from os import PathLike
from typing import Any, ClassVar

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.tables import Summary, pairs_table
from stochtext._shared.typing import FloatArray, IntArray, RandomState
from stochtext._shared.validation import as_states
from stochtext.diagnostics.battery.sample import OneStepSample
from stochtext.diagnostics.calibration_table import GoodnessOfFit
from stochtext.processes.base import Process, per_state
from stochtext.processes.registry import process_from_dict
from stochtext.processes.support import Support
from stochtext.results.archive import with_prefix, write_archive
from stochtext.results.drawing import DrawnResults
from stochtext.results.inference.calibration.judgement import Asked, judged
from stochtext.results.inference.calibration.scores import score_columns
from stochtext.results.inference.curves.prediction import CurveEstimate
from stochtext.results.inference.refits.refitting import Refitting
from stochtext.results.inference.refits.replication import replicated_panels
from stochtext.results.quantities import DerivedQuantities
from stochtext.results.record import FitRecord
from stochtext.results.residuals import Residuals, residuals_of
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.reading import as_trajectories
from stochtext.transitions.base import TransitionDensity
from stochtext.transitions.registry import transition_density

__all__ = ["SDEResults"]

CONVENTION = (
    "dX = b dt + sigma dW; b is the drift, sigma the diffusion (lower Cholesky factor), "
    "a = sigma sigma' the covariance rate. Kramers-Moyal: D1 = b, D2 = a/2."
)
OUTSIDE = "NaN where the state lies outside the support of the fitted data"


class SDEResults(DerivedQuantities, DrawnResults, ABC):
    """Base of all results.

    Parameters
    ----------
    record : FitRecord
        The facts of the fit.
    process : Process
        The fitted process.
    transition : TransitionDensity
        The transition density that weighed the data.
    support : Support
        Where the data were.
    residuals : Residuals or None
        Of the fitted data; None after :func:`stochtext.load`, which restores no data.
    """

    kind: ClassVar[str] = ""

    def __init__(
        self,
        record: FitRecord,
        process: Process,
        transition: TransitionDensity,
        support: Support,
        residuals: Residuals | None,
    ) -> None:
        self.record = record
        self.process = process
        self.transition = transition
        self.support = support
        self.refitting: Refitting | None = None
        self._residuals = residuals

    @property
    def model(self) -> str:
        """Name of the estimator."""
        return self.record.model

    @property
    def llf(self) -> float:
        """Log likelihood: the sum of the log transition densities."""
        return self.record.llf

    @property
    def nobs(self) -> int:
        """Number of transitions."""
        return self.record.nobs

    @property
    def n_trajectories(self) -> int:
        """Number of trajectories."""
        return self.record.n_trajectories

    @property
    def converged(self) -> bool:
        """Whether the optimisation met its criterion (True for closed forms)."""
        return self.record.converged

    @property
    def df_model(self) -> float:
        """Number of estimated parameters, or effective degrees of freedom."""
        return self.record.df_model

    @property
    def aic(self) -> float:
        """Akaike's criterion -2 llf + 2 df_model; NaN if ``df_model`` is unknown."""
        return -2 * self.llf + 2 * self.df_model

    @property
    def bic(self) -> float:
        """Schwarz's criterion -2 llf + log(nobs) df_model; NaN if ``df_model`` is unknown."""
        return -2 * self.llf + np.log(self.nobs) * self.df_model

    @property
    def resid(self) -> FloatArray:
        """Standardised residuals, an array of shape (n_transitions, d)."""
        return self._fitted_residuals().resid

    @property
    def pit(self) -> FloatArray:
        """Probability integral transforms, an array of shape (n_transitions, d)."""
        return self._fitted_residuals().pit

    def get_drift(self, x: Any, t: Any = None) -> CurveEstimate:
        """Return the drift at states ``x`` with its uncertainty.

        Parameters
        ----------
        x : array_like of shape (n, d)
        t : float or array_like of shape (n,), optional
            Position on the clock; default 0.

        Returns
        -------
        CurveEstimate
            NaN outside the support of the data.
        """
        return self._inside(as_states("x", x, self.record.dim), t, "drift")

    def get_covariance(self, x: Any, t: Any = None) -> CurveEstimate:
        """Return the covariance rate at states ``x`` with its uncertainty.

        Parameters
        ----------
        x : array_like of shape (n, d)
        t : float or array_like of shape (n,), optional
            Position on the clock; default 0.
        """
        return self._inside(as_states("x", x, self.record.dim), t, "covariance")

    def goodness_of_fit(
        self,
        X: Any = None,
        *,
        dt: Any = None,
        times: Any = None,
        n_boot: int = 199,
        random_state: RandomState = None,
        n_jobs: int | None = None,
        parameters: str = "estimated",
        tests: str | Sequence[str] = "standard",
        by_component: bool = False,
        alpha: float = 0.05,
    ) -> GoodnessOfFit:
        """Test whether the fitted model is correct.

        Parameters
        ----------
        X : as in ``fit``, optional
            Other data; default the fitted ones.
        dt, times : optional
            As in ``fit``, for plain arrays.
        n_boot : int, default 199
            Data sets simulated from the fit, on the same time grids, each fitted anew; 0 leaves
            only the tests whose limit law holds, on the fitted data. A warning says
            beforehand if this takes longer than a minute.
        random_state : int, Generator, SeedSequence or None
        n_jobs : int, optional
            Processes of joblib; the numbers do not depend on it.
        parameters : {"estimated", "known"}, default "estimated"
            ``"known"`` takes them as the truth, and nothing is fitted anew. A fit taken as the
            truth is rejected far too often on other data.
        tests : "standard", "all", or sequence of names, default "standard"
        by_component : bool, default False
            Also one row per test and coordinate.
        alpha : float, default 0.05
            Level at which the summary speaks of a rejection.

        Returns
        -------
        GoodnessOfFit
            One row a test; a p-value that cannot be honest is NaN, and its row says why.
        """
        asked = Asked(n_boot, random_state, n_jobs, parameters, tests, by_component, alpha)
        target = None if X is None else self._as_panel(X, dt, times)
        stored = self._fitted_residuals() if X is None and self.refitting is None else None
        columns = self.record.columns
        return judged(self, target, asked, columns=columns, residuals=stored)

    def one_step_sample(
        self, panel: Trajectories, scores: bool = True
    ) -> tuple[OneStepSample, IntArray]:
        """Return what the model leaves of the steps of a panel, and their trajectories."""
        if self.refitting is not None and panel is self.refitting.panel:
            left = self._fitted_residuals()
        else:
            left = residuals_of(panel, self.process, self.transition, self.record.clock)
        free = getattr(self, "free", None) if scores else None
        columns = score_columns(self.process, self.transition, free or (), panel, left.resid)
        return OneStepSample(left.resid, left.pit, left.x, columns), left.trajectory

    def replicates(
        self, panel: Trajectories, seed: np.random.SeedSequence, first: int, count: int
    ) -> list[Trajectories | None]:
        """Return panels simulated from the fit: first states, lengths and times of ``panel``."""
        return replicated_panels(self.process, panel, seed, first, count)

    def simulate(self, x0: Any, **options: Any) -> Trajectories:
        """Simulate the fitted process; options as in :func:`stochtext.simulate`."""
        from stochtext.simulation.simulate import simulate

        return simulate(self.process, x0, **options)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the results to ``path``; see :func:`stochtext.load`.

        The file holds no data, with one exception: a kernel fit is its transitions.
        """
        write_archive(path, *self.to_dict())

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return JSON-able values and arrays that restore the results, without the data.

        Raises
        ------
        InputError
            If the process is a user-written function, which no file can hold.
        """
        process, process_arrays = self.process.to_dict()
        support, support_arrays = self.support.to_dict()
        config = {
            "kind": self.kind,
            "record": self.record.to_dict(),
            "process": process,
            "support": support,
        }
        arrays = {f"process.{k}": v for k, v in process_arrays.items()}
        arrays |= {f"support.{k}": v for k, v in support_arrays.items()}
        return config, arrays

    @classmethod
    def from_dict(cls, config: dict[str, Any], arrays: dict[str, FloatArray]) -> SDEResults:
        """Restore results from what :meth:`to_dict` returned."""
        record = FitRecord.from_dict(config["record"])
        process = process_from_dict(config["process"], with_prefix(arrays, "process."))
        support = Support.from_dict(config["support"], with_prefix(arrays, "support."))
        common = (record, process, transition_density(record.density), support, None)
        return cls(*common, **cls._own_parts(config, arrays, process))

    @classmethod
    def _own_parts(
        cls, config: dict[str, Any], arrays: dict[str, FloatArray], process: Process
    ) -> dict[str, Any]:
        """Return the constructor's arguments that only the subclass has."""
        return {}

    def summary(self, alpha: float = 0.05) -> Summary:
        """Return the tables of the fit.

        Parameters
        ----------
        alpha : float
            Intervals have level 1 - alpha.
        """
        tables = [self._head(), *self._tables(alpha)]
        return Summary(tables, [*self._notes(), *self.record.notes, CONVENTION])

    def __repr__(self) -> str:
        return self.summary().as_text()

    def _repr_html_(self) -> str:
        return self.summary().as_html()

    def _head(self) -> Any:
        r = self.record
        unit = f" {r.time_unit}" if r.time_unit else ""
        dt = f"{r.dt_min:.4g}{unit}"
        if r.common_dt is None:
            dt = f"{r.dt_min:.4g} to {r.dt_max:.4g}{unit}"
        left = [
            ("Model", r.model),
            ("Transition density", r.density),
            ("Dimension", r.dim),
            ("Trajectories", r.n_trajectories),
            ("Transitions", r.nobs),
            ("Sampling interval", dt),
            ("Clock", r.clock),
        ]
        right = [
            ("Log likelihood", f"{r.llf:.3f}"),
            ("per transition", f"{r.llf / r.nobs:.4f}"),
            ("Parameters", r.df_model),
            ("AIC", f"{self.aic:.2f}"),
            ("BIC", f"{self.bic:.2f}"),
            ("Converged", r.converged),
            *r.details,
        ]
        return pairs_table(left, right, "SDE estimation results")

    def _tables(self, alpha: float) -> list[Any]:
        """Tables below the head; a subclass adds its own."""
        return []

    def _notes(self) -> list[str]:
        """Sentences that the subclass adds to the summary."""
        return []

    @abstractmethod
    def _curve(self, x: FloatArray, t: FloatArray, which: str) -> CurveEstimate:
        """Drift or covariance rate at states inside the support."""

    def _inside(self, x: FloatArray, t: Any, which: str) -> CurveEstimate:
        position = per_state("t", 0.0 if t is None else t, len(x))
        inside = self.support.contains(x)
        if inside.any():
            return self._curve(x[inside], position[inside], which).among(inside, OUTSIDE)
        shape = (len(x), self.record.dim) + ((self.record.dim,) if which == "covariance" else ())
        nothing = np.full(shape, np.nan)
        reason = OUTSIDE if len(x) else None
        return CurveEstimate(nothing, nothing.copy(), columns=self.record.columns, reason=reason)

    def _fitted_residuals(self) -> Residuals:
        if self._residuals is None:
            raise InputError(
                "These results were loaded from a file, which holds no data: residuals are not "
                "available. Pass the data, as in results.goodness_of_fit(X)."
            )
        return self._residuals

    def _as_panel(self, X: Any, dt: Any, times: Any) -> Trajectories:
        if not isinstance(X, Trajectories) and times is None and dt is None:
            dt = self.record.common_dt
            if dt is None:
                raise InputError(
                    "The fitted trajectories had no common dt: pass `dt=` or `times=`, or wrap "
                    "the data in Trajectories."
                )
        panel = as_trajectories(X, dt=dt, times=times)
        if panel.n_features != self.record.dim:
            raise InputError(
                f"X has {panel.n_features} columns, the fit had {self.record.dim}: "
                f"{', '.join(self.record.columns)}."
            )
        own, named = self.record.columns, tuple(map(str, panel.columns))
        plain = tuple(f"x{j}" for j in range(self.record.dim))
        if named != own and plain not in (named, own):
            raise InputError(
                f"X has columns {', '.join(named)}, the fit had {', '.join(own)}: rename them."
            )
        if panel.time_unit != self.record.time_unit:
            raise InputError(
                f"X has time unit {panel.time_unit!r}, the fit had {self.record.time_unit!r}; "
                "rates would not compare. Convert the times."
            )
        return panel
