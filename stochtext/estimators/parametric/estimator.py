"""ParametricSDE: maximum likelihood for a named or user-written process."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import ConvergenceWarning, InputError
from stochtext._shared.typing import FloatArray, RandomState
from stochtext._shared.validation import check_choice, check_integer
from stochtext.estimators.base import Fit, SDEEstimator
from stochtext.estimators.inference import checked_covariances
from stochtext.estimators.parametric.checks import (
    check_domain,
    check_linear_noise,
    check_noise,
    check_size,
)
from stochtext.estimators.parametric.density import chosen_density
from stochtext.estimators.parametric.problem import Problem
from stochtext.estimators.parametric.search import METHODS, Attempt
from stochtext.estimators.parametric.solution import Settings, Solution, close_optima, solve
from stochtext.estimators.parametric.start import free_entries, limits_of, rebounded, started
from stochtext.estimators.parametric.two_step import solve_in_two_steps
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.base import Process
from stochtext.processes.support import Support
from stochtext.results.inference.refits.refitting import Refitting
from stochtext.results.parametric import ParametricResults
from stochtext.results.record import FitRecord
from stochtext.results.residuals import residuals_of
from stochtext.transitions.base import TransitionDensity
from stochtext.transitions.ito_taylor.euler import EulerDensity

__all__ = ["ParametricSDE"]


class ParametricSDE(SDEEstimator):
    r"""Maximum likelihood for the parameters of a process.

    .. math:: \hat\theta = \arg\max_\theta \sum_k \log p_\theta(x_{k+1} \mid x_k, \Delta_k)

    Parameters
    ----------
    process : Process
        A named or user-written process. Values that it has are where the search
        starts; values that it lacks are guessed from the data.
    density : str or TransitionDensity, default "auto"
        Transition density: a name such as ``"exact"``, ``"euler"``, ``"shoji_ozaki"``
        (``stochtext.transitions.DENSITIES`` has all) or an object with its options.
        ``"auto"`` is described below.
    start : mapping of str to float or array, optional
        Starting values by parameter name; they replace those of ``process``.
    fixed : iterable of str, default ()
        Parameters (``"sigma"``) or entries (``"kappa[0,1]"``) held at their start.
    bounds : mapping of str to (low, high), optional
        Bounds of parameters or entries; they replace those of the process.
    n_starts : int, default 1
        Searches: the first from the start or guess, the others from values spread
        around it. All optima are kept in ``results_.optima``; several that are nearly as
        likely as the best warn.
    method : {"l-bfgs-b", "trust"}, default "l-bfgs-b"
        What searches where Newton steps from the start do not lead to a maximum:
        L-BFGS-B within the bounds, or a trust region in coordinates without bounds.
    two_step : bool, default False
        Whether to estimate the diffusion first, from the quadratic variation alone, and
        then the drift with the diffusion held. The default is joint maximum likelihood.
    cov_type : {None, "nonrobust", "robust", "hac", "cluster"}, default None
        Covariance of the estimates. None: clustered by trajectory (or ``groups``)
        for panels, ``"nonrobust"`` for a single path.
    max_iter : int, default 500
        Iterations of the optimiser.
    random_state : int, Generator, SeedSequence or None
        Seed of the further starts.

    Attributes
    ----------
    process_ : Process
        With the estimated values.
    results_ : ParametricResults

    Notes
    -----
    The likelihood is conditional on each first state, and every transition counts: where
    one has no density the likelihood is minus infinity, and at the start that is an error
    which names it.

    ``density="auto"`` is the exact density where the process has one; else, in one dimension
    and for coefficients whose formulas are known, ``"shoji_ozaki"``, whose bias is of a
    higher order in dt than that of the Euler density; else ``"euler"``. All are defined
    wherever the diffusion is not zero. With the Euler density the likelihood is
    that of a Gaussian step of mean x + b dt and covariance a dt (Iacus, 2008, Simulation
    and Inference for SDEs, sec. 3.3.1): its estimates are those of the discretised
    process, with a bias that grows with dt.

    A fit has converged if the gradient vanishes in all parameters but those on a bound,
    where it must point outward. Those have no standard error, and the errors of the others
    hold them there. Where the likelihood is flat in some direction the data do not
    identify the parameters: the summary names the direction, and errors are NaN.

    References
    ----------
    Iacus, S. M. (2008), Simulation and Inference for Stochastic Differential Equations,
    Springer. Kessler, M. (1997), Estimation of an ergodic diffusion from discrete
    observations, Scandinavian Journal of Statistics 24, 211-229 (two steps).

    Examples
    --------
    >>> import stochtext as st
    >>> X = st.simulate(st.DoubleWell(1.0, 1.0, 0.7), 1.0, dt=0.02, n_steps=5000,
    ...                 n_substeps=10, random_state=3)
    >>> fit = st.ParametricSDE(st.DoubleWell(), density="euler").fit(X)
    >>> list(fit.results_.params.index)
    ['alpha', 'beta', 'sigma']
    """

    _required_parameters = ("process",)

    def __init__(
        self,
        process: Process,
        density: str | TransitionDensity = "auto",
        *,
        start: Mapping[str, Any] | None = None,
        fixed: Iterable[str] = (),
        bounds: Mapping[str, tuple[float, float]] | None = None,
        n_starts: int = 1,
        method: str = "l-bfgs-b",
        two_step: bool = False,
        cov_type: str | None = None,
        max_iter: int = 500,
        random_state: RandomState = None,
    ) -> None:
        self.process = process
        self.density = density
        self.start = start
        self.fixed = fixed
        self.bounds = bounds
        self.n_starts = n_starts
        self.method = method
        self.two_step = two_step
        self.cov_type = cov_type
        self.max_iter = max_iter
        self.random_state = random_state

    def _clock(self) -> str:
        if not isinstance(self.process, Process):
            given = self.process
            what = f"the class {given.__name__}" if isinstance(given, type) else repr(given)
            raise InputError(
                f"`process` must be a process such as OrnsteinUhlenbeck(), an instance; got {what}."
            )
        return self.process.clock

    def _fit_sample(self, sample: TransitionSample) -> Fit:
        settings = self._settings()
        check_domain(sample, self.process.with_dim(sample.dim))
        check_linear_noise(sample, self.process, self.fixed)
        family = started(self.process, sample, self.start, self.fixed)
        names = list(family.free_parameters)
        free = free_entries(names, self.fixed)
        check_size(sample, len(free))
        limits = limits_of(names, family, self.bounds or {})[free]
        family = rebounded(family, self.bounds or {})
        transition = chosen_density(self.density, family)
        if self.two_step:
            solution = solve_in_two_steps(sample, family, transition, free, limits, settings)
        else:
            problem = Problem(sample, family, transition, free)
            if not (self.start or self.process.is_specified or problem.is_possible):
                euler = Problem(sample, family, EulerDensity(), free)
                problem = problem.started_at(solve(euler, limits, settings).process)
            solution = solve(problem, limits, settings)
        check_noise(sample, solution.process)
        self._warn(solution, [names[k] for k in free])
        return self._report(sample, transition, solution, [names[k] for k in free], limits)

    def _settings(self) -> Settings:
        return Settings(
            check_integer("n_starts", self.n_starts),
            check_choice("method", self.method, METHODS),
            check_integer("max_iter", self.max_iter),
            self.random_state,
        )

    def _report(
        self,
        sample: TransitionSample,
        transition: TransitionDensity,
        solution: Solution,
        free: list[str],
        limits: FloatArray,
    ) -> Fit:
        optimum, fitted = solution.optimum, solution.process
        covariances = checked_covariances(optimum, solution.scores, sample, self.cov_type, free)
        record = FitRecord.of_panel(
            sample.panel, model=f"ParametricSDE({type(fitted).__name__})",
            density=transition.name, llf=-optimum.value, clock=sample.clock,
            converged=optimum.converged, df_model=len(free),
            details=(("Estimation", "two-step" if self.two_step else "joint"),),
            notes=_bound_notes(free, solution, limits), nobs=round(sample.n_effective),
        )  # fmt: skip
        results = ParametricResults(
            record, fitted, transition, partial(Support.from_states, sample.panel.values),
            partial(residuals_of, sample.panel, fitted, transition, sample.clock),
            pd.Series(fitted.to_vector(), index=list(fitted.free_parameters)), covariances, free,
            refitting=Refitting.of(self, sample.panel, sample.weight),
            optima=partial(_table, solution.attempts, free), joint=not self.two_step,
        )  # fmt: skip
        return Fit(fitted, transition, results)

    def _warn(self, solution: Solution, names: list[str]) -> None:
        optimum = solution.optimum
        if not optimum.converged:
            warnings.warn(
                f"ParametricSDE stopped with a scaled gradient of {optimum.gradient_norm:.1e}: "
                f"{solution.message}. Increase max_iter (now {self.max_iter}), or try other "
                "starting values, n_starts > 1, or method='trust'.",
                ConvergenceWarning,
                stacklevel=4,
            )
        close = close_optima(solution.attempts)
        if len(close) > 1:
            gap = close[1].optimum.value - close[0].optimum.value
            other = dict(zip(names, np.round(close[1].optimum.theta, 6).tolist(), strict=False))
            warnings.warn(
                f"{len(close)} distinct optima are nearly as likely: the second best, {other}, has "
                f"a log likelihood lower by {gap:.2g} only. See results_.optima; intervals are "
                "about the best one alone.",
                ConvergenceWarning,
                stacklevel=4,
            )


def _table(attempts: list[Attempt], names: list[str]) -> pd.DataFrame:
    """Return one row per start: what it came to."""
    rows = [
        {
            **dict(zip(names, attempt.optimum.theta.tolist(), strict=False)),
            "llf": -attempt.optimum.value,
            "converged": attempt.optimum.converged,
            "iterations": attempt.iterations,
            "message": attempt.message,
        }
        for attempt in attempts
    ]
    return pd.DataFrame(rows)


def _bound_notes(names: list[str], solution: Solution, limits: FloatArray) -> tuple[str, ...]:
    held = solution.optimum.held
    if held is None:
        return ()
    theta = solution.optimum.theta
    notes = []
    for k in np.flatnonzero(held):
        low, high = limits[k]
        bound = low if abs(theta[k] - low) < abs(theta[k] - high) else high
        notes.append(
            f"The estimate of {names[k]} lies on its bound {bound:.6g}: it has no standard error "
            "(NaN), and those of the others hold it there. conf_int(method='profile') gives its "
            "one-sided interval."
        )
    return tuple(notes)
