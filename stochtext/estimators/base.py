"""The contract of every estimator: scikit-learn's calls on panels of trajectories.

A subclass says how transitions become a process and results; everything that
scikit-learn, ``compare`` and the user call is here.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from stochtext._shared.exceptions import DiscretizationWarning, InputError
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, IntArray, RandomState
from stochtext._shared.validation import check_integer, check_positive
from stochtext.estimators.coarseness import one_step_rates, white_directions
from stochtext.estimators.reading import carries_times, read_panel, read_states
from stochtext.estimators.sample import (
    TransitionSample,
    check_counts,
    check_motion,
    check_weight,
    states_on_clock,
    transition_sample,
)
from stochtext.processes.base import Process
from stochtext.results.base import SDEResults
from stochtext.results.inference.refits.refitting import Refitting
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.reading import is_panel
from stochtext.transitions.base import TransitionDensity

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Fit", "SDEEstimator"]


@dataclass(frozen=True)
class Fit:
    """What a subclass hands back: the process, how to weigh it, and what to say."""

    process: Process
    transition: TransitionDensity
    results: SDEResults


class SDEEstimator(BaseEstimator):
    """Base of all estimators of dX = b(t, X) dt + sigma(t, X) dW.

    Attributes
    ----------
    process_ : Process
        The fitted process.
    results_ : SDEResults
        What the fit says, with its uncertainty.
    n_features_in_ : int
        Number of coordinates d.
    dt_ : float or None
        The common sampling interval of the fitted panel; None if there is none.
    """

    __metadata_request__fit = {"sample_weight": None}

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
        """Fit the process to trajectories.

        Parameters
        ----------
        X : Trajectories, list of arrays, 3-D array, or array_like of shape (T, d)
            A two-dimensional array is **one** trajectory.
        y : None
            Ignored.
        dt : float or sequence, optional
            Sampling interval (one number, or one a trajectory); default 1.
        times : array_like, optional
            Observation times, nested as ``X``.
        groups : array_like of shape (m,), optional
            Cluster of each trajectory for clustered standard errors.
        **options
            ``sample_weight`` : array_like of shape (m,), one weight per
            trajectory (2 is the trajectory twice). It is kept out of the
            signature because scikit-learn reads a ``sample_weight`` there as
            one weight per row.

        Returns
        -------
        self

        Raises
        ------
        InputError
            If the data cannot be used; the message says where and what to do.
        """
        weight = options.pop("sample_weight", None)
        if options:
            raise TypeError(f"fit() got an unexpected keyword argument {next(iter(options))!r}")
        panel = read_panel(self, X, dt=dt, times=times, groups=groups, reset=True)
        check_motion(panel)
        sample = transition_sample(
            panel, clock=self._clock(), weight=check_weight(weight, panel.n_trajectories)
        )
        check_counts(sample)
        fit = self._fit_sample(sample)
        self._warn_if_coarse(sample)
        if fit.results.refitting is None:
            fit.results.refitting = Refitting.of(self, panel, sample.weight)
        self.process_ = fit.process
        self.transition_ = fit.transition
        self.results_ = fit.results
        self.dt_ = panel.dt
        self.first_states_ = panel.values[panel.offsets[:-1]].copy()
        self.typical_length_ = int(np.median(panel.lengths))
        return self

    @abstractmethod
    def _fit_sample(self, sample: TransitionSample) -> Fit:
        """Estimate the process from its transitions."""

    def _warn_if_coarse(self, sample: TransitionSample) -> None:
        """Warn where the sampling interval is too long to see a direction move."""
        sentence = white_directions(one_step_rates(sample), sample.typical_step)
        if sentence:
            warnings.warn(sentence, DiscretizationWarning, stacklevel=3)

    def _clock(self) -> str:
        """Return the clock of the process that this estimator fits."""
        return "time"

    def __sklearn_is_fitted__(self) -> bool:
        """Whether ``fit`` has finished."""
        return hasattr(self, "results_")

    def predict_drift(self, x: Any, t: Any = None) -> FloatArray:
        """Return the fitted drift at states, an array of shape (n, d).

        Parameters
        ----------
        x : array_like of shape (n, d)
        t : float or array_like of shape (n,), optional
            Position on the process's clock; default 0.
        """
        check_is_fitted(self)
        return self.process_.drift(read_states(self, x), 0.0 if t is None else t)

    def predict_diffusion(self, x: Any, t: Any = None) -> FloatArray:
        """Return the lower Cholesky factor of the covariance rate, shape (n, d, d)."""
        factor: FloatArray = np.linalg.cholesky(self.predict_covariance(x, t)).astype(np.float64)
        return factor

    def predict_covariance(self, x: Any, t: Any = None) -> FloatArray:
        """Return the fitted covariance rate a = sigma sigma', shape (n, d, d)."""
        check_is_fitted(self)
        return self.process_.covariance(read_states(self, x), 0.0 if t is None else t)

    def predict(self, X: Any, *, dt: Any = None, times: Any = None) -> FloatArray:
        """Return E[X(t + dt) | X(t) = row] for each state, an array of shape (n, d).

        Parameters
        ----------
        X : array_like of shape (n, d) or panel
            For a panel every state of every trajectory is predicted from, in order;
            the last of each uses the step before it. The rows of an array are
            independent states at clock position 0.
        dt, times : optional
            Steps ahead or observation times; the default is the ``dt`` of ``fit``.
        """
        check_is_fitted(self)
        if is_panel(X) or times is not None:
            panel = self._read_again(X, dt, times)
            return self._conditional_mean(*states_on_clock(panel, self._clock()))
        states = read_states(self, X)
        n = len(states)
        step = np.array(np.broadcast_to(self._default_dt(dt), (n,)), dtype=np.float64)
        pace = step if self._clock() == "time" else np.full(n, 1.0 / (self.typical_length_ - 1))
        return self._conditional_mean(states, np.zeros(n), step, pace)

    def score(self, X: Any, y: Any = None, *, dt: Any = None, times: Any = None) -> float:
        """Return the mean log transition density per transition.

        Parameters
        ----------
        X : as in ``fit``
        y : None
            Ignored.
        dt, times : optional
            As in ``fit``; the default for plain arrays is the ``dt`` of ``fit``.

        Returns
        -------
        float
            In nats per transition, in the coordinates of ``X``; ``-inf`` stays.
        """
        return float(self.score_transitions(X, dt=dt, times=times).mean())

    def score_trajectories(self, X: Any, *, dt: Any = None, times: Any = None) -> FloatArray:
        """Return the mean log transition density of each trajectory, shape (m,)."""
        panel = self._read_again(X, dt, times)
        density = self._log_density(panel)
        return np.array([piece.mean() for piece in np.split(density, _borders(panel))])

    def score_transitions(self, X: Any, *, dt: Any = None, times: Any = None) -> FloatArray:
        """Return the log transition density of each transition, in panel order."""
        return self._log_density(self._read_again(X, dt, times))

    def n_outside(self, X: Any, *, dt: Any = None, times: Any = None) -> int:
        """Return how many transitions start outside the support of the fitted data."""
        panel = self._read_again(X, dt, times)
        return int(np.sum(~self.results_.support.contains(panel.transitions().x)))

    def simulate(
        self,
        x0: Any = None,
        *,
        dt: float | None = None,
        n_steps: int | None = None,
        n_paths: int | None = None,
        random_state: RandomState = None,
        **options: Any,
    ) -> Trajectories:
        """Simulate the fitted process.

        Parameters
        ----------
        x0 : array_like of shape (d,) or (n_paths, d), optional
            Where to start; by default the observed first states are resampled.
        dt : float, optional
            Step; default that of ``fit``.
        n_steps : int, optional
            Number of steps; default the median of the fitted trajectories.
        n_paths : int, optional
            Number of paths; default 1, or one for each row of ``x0``.
        random_state : int, Generator, SeedSequence or None
        **options
            Passed to :func:`stochtext.simulate`.

        Returns
        -------
        Trajectories
        """
        from stochtext.simulation.simulate import simulate

        check_is_fitted(self)
        step = float(np.max(self._default_dt(dt)))
        length = check_integer("n_steps", n_steps or max(self.typical_length_ - 1, 1))
        if x0 is None:
            rng = generator(random_state, "initial states")
            rows = rng.integers(0, len(self.first_states_), size=n_paths or 1)
            x0, n_paths = self.first_states_[rows], None
        return simulate(
            self.process_, x0, dt=step, n_steps=length, n_paths=n_paths,
            random_state=random_state, **options,
        )  # fmt: skip

    def _read_again(self, X: Any, dt: Any, times: Any) -> Trajectories:
        check_is_fitted(self)
        if not carries_times(X) and times is None:
            dt = self._default_dt(dt)
        return read_panel(self, X, dt=dt, times=times, reset=False)

    def _default_dt(self, dt: Any) -> Any:
        if dt is not None:
            return dt if np.ndim(dt) else check_positive("dt", dt)
        if self.dt_ is None:
            raise InputError(
                "The fitted trajectories had no common dt, so there is no default: "
                "pass `dt=` or `times=`, or wrap the data in Trajectories."
            )
        return self.dt_

    def _log_density(self, panel: Trajectories) -> FloatArray:
        s = transition_sample(panel, clock=self._clock())
        return self.transition_.log_density(
            self.process_, s.x, s.x_next, s.t, s.dt, clock_dt=s.clock_dt
        )

    def _conditional_mean(
        self, x: FloatArray, t: FloatArray, dt: FloatArray, clock_dt: FloatArray
    ) -> FloatArray:
        mean, _ = self.transition_.moments(self.process_, x, t, dt, clock_dt=clock_dt)
        return mean


def _borders(panel: Trajectories) -> IntArray:
    return np.cumsum(panel.lengths - 1)[:-1]
