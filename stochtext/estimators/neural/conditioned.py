"""What covariates of trajectories change in the calls of an estimator."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray, RandomState
from stochtext.estimators.base import SDEEstimator
from stochtext.estimators.neural.covariates import at_values
from stochtext.estimators.neural.streams.transition_stream import TransitionStream
from stochtext.estimators.reading import read_states
from stochtext.estimators.sample import states_on_clock, transition_sample
from stochtext.processes.base import Process
from stochtext.processes.fitted.networks.covariate_network import CovariateNetwork
from stochtext.results.covariate_rows import row_by_row
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.reading import is_panel

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ConditionedEstimator"]


class ConditionedEstimator(SDEEstimator):
    """An estimator whose process may depend on covariates of the trajectory.

    A panel that is scored or predicted brings its own values in its metadata. ``predict_*``
    and ``simulate`` take ``covariates=``, a mapping of names to a number or a label; what is
    left out stands at its reference. A fit that is interrupted or fails leaves nothing behind.
    """

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        dt: Any = None,
        times: Any = None,
        groups: Any = None,
        **options: Any,
    ) -> Self:
        """Fit the process to trajectories; see :meth:`SDEEstimator.fit`.

        ``X`` may also be a :class:`TransitionStream`, with nothing beside it.
        """
        self._forget()
        try:
            if isinstance(X, TransitionStream):
                _check_alone(dt=dt, times=times, groups=groups, **options)
                self._fit_stream(X)
                return self
            return super().fit(X, y, dt=dt, times=times, groups=groups, **options)
        except BaseException:  # an interrupt too leaves nothing half-fitted
            self._forget()
            raise

    def predict_drift(self, x: Any, t: Any = None, *, covariates: Any = None) -> FloatArray:
        """Return the fitted drift at states, an array of shape (n, d).

        Parameters
        ----------
        x : array_like of shape (n, d)
        t : float or array_like of shape (n,), optional
            Position on the process's clock; default 0.
        covariates : mapping of name to number or label, optional
            Default: the means of the covariates and the average of the groups.
        """
        return self._process_at(covariates).drift(read_states(self, x), 0.0 if t is None else t)

    def predict_diffusion(self, x: Any, t: Any = None, *, covariates: Any = None) -> FloatArray:
        """Return the lower Cholesky factor of the covariance rate, shape (n, d, d)."""
        rate = self.predict_covariance(x, t, covariates=covariates)
        return np.asarray(np.linalg.cholesky(rate), dtype=np.float64)

    def predict_covariance(self, x: Any, t: Any = None, *, covariates: Any = None) -> FloatArray:
        """Return the fitted covariance rate a = sigma sigma', shape (n, d, d)."""
        process = self._process_at(covariates)
        return process.covariance(read_states(self, x), 0.0 if t is None else t)

    def predict(
        self, X: Any, *, dt: Any = None, times: Any = None, covariates: Any = None
    ) -> FloatArray:
        """Return E[X(t + dt) | X(t) = row] for each state; see :meth:`SDEEstimator.predict`."""
        process = self._process_at(covariates)
        if not isinstance(self.process_, CovariateNetwork):
            return super().predict(X, dt=dt, times=times)
        if not is_panel(X) and times is None:
            return self._with_process(process, super().predict, X, dt=dt)
        panel = self._read_again(X, dt, times)
        arguments = states_on_clock(panel, self._clock())

        def means(at: Process, rows: Any) -> FloatArray:
            x, t, steps, pace = (a[rows] for a in arguments)
            return self.transition_.moments(at, x, t, steps, clock_dt=pace)[0]

        return row_by_row(self.process_, panel, panel.trajectory_index, means)

    def simulate(
        self,
        x0: Any = None,
        *,
        dt: float | None = None,
        n_steps: int | None = None,
        n_paths: int | None = None,
        random_state: RandomState = None,
        covariates: Any = None,
        **options: Any,
    ) -> Trajectories:
        """Simulate the fitted process, at ``covariates``; see :meth:`SDEEstimator.simulate`."""
        found: Trajectories = self._with_process(
            self._process_at(covariates), super().simulate, x0, dt=dt, n_steps=n_steps,
            n_paths=n_paths, random_state=random_state, **options,
        )  # fmt: skip
        return found

    @abstractmethod
    def _fit_stream(self, stream: TransitionStream) -> None:
        """Fit to a stream and set what ``fit`` sets."""

    def _process_at(self, covariates: Any) -> Process:
        check_is_fitted(self)
        return at_values(self.process_, covariates)

    def _with_process(self, process: Process, call: Any, *values: Any, **options: Any) -> Any:
        """Call a method of the base with another process."""
        fitted, self.process_ = self.process_, process
        try:
            return call(*values, **options)
        finally:
            self.process_ = fitted

    def _log_density(self, panel: Trajectories) -> FloatArray:
        if not isinstance(self.process_, CovariateNetwork):
            return super()._log_density(panel)
        sample = transition_sample(panel, clock=self._clock())

        def densities(process: Process, rows: Any) -> FloatArray:
            s = sample.subset(rows)
            return self.transition_.log_density(
                process, s.x, s.x_next, s.t, s.dt, clock_dt=s.clock_dt
            )

        return row_by_row(self.process_, panel, sample.trajectory, densities)

    def _forget(self) -> None:
        """Drop everything that a fit has set."""
        for name in [name for name in vars(self) if name.endswith("_") and name[0] != "_"]:
            delattr(self, name)


def _check_alone(**given: Any) -> None:
    for name, value in given.items():
        if value is not None:
            raise InputError(
                f"`{name}` was given together with a TransitionStream, whose pieces know their "
                f"own times. Leave `{name}` out."
            )
