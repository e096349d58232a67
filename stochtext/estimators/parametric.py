"""ParametricSDE: maximum likelihood for a named or user-written process."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize

from stochtext._shared.exceptions import (
    ConvergenceError,
    ConvergenceWarning,
    DegenerateDataError,
    InputError,
    SampleSizeWarning,
)
from stochtext._shared.typing import FloatArray
from stochtext._shared.validation import check_choice
from stochtext.estimators.base import Fit, SDEEstimator
from stochtext.estimators.inference import checked_covariances
from stochtext.estimators.linear_likelihood import LinearLikelihood
from stochtext.estimators.newton import Optimum, polish
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.base import Process
from stochtext.processes.linear.ornstein_uhlenbeck import OrnsteinUhlenbeck
from stochtext.processes.linear.trending_ornstein_uhlenbeck import TrendingOrnsteinUhlenbeck
from stochtext.processes.support import Support
from stochtext.results.parametric import ParametricResults
from stochtext.results.record import FitRecord
from stochtext.results.residuals import residuals_of
from stochtext.transitions.base import TransitionDensity
from stochtext.transitions.registry import transition_density

__all__ = ["ParametricSDE"]

DENSITY_NAMES = ("auto", "exact", "euler")
NO_NOISE = 1e-7


class ParametricSDE(SDEEstimator):
    r"""Maximum likelihood for the parameters of a process.

    .. math:: \hat\theta = \arg\max_\theta \sum_k \log p_\theta(x_{k+1} \mid x_k, \Delta_k)

    Parameters
    ----------
    process : Process
        A named or user-written process. Values that it has are where the search
        starts; values that it lacks are guessed from the data.
    density : {"auto", "exact", "euler"}, default "auto"
        Transition density. ``"auto"`` takes the exact one where it is known.
    start : mapping of str to float or array, optional
        Starting values by parameter name; they replace those of ``process``.
    fixed : iterable of str, default ()
        Parameters (``"sigma"``) or entries (``"kappa[0,1]"``) held at their start.
    bounds : mapping of str to (low, high), optional
        Bounds of parameters or entries; they replace those of the process.
    cov_type : {None, "nonrobust", "robust", "hac", "cluster"}, default None
        Covariance of the estimates. None: clustered by trajectory (or ``groups``)
        for panels, ``"nonrobust"`` for a single path.
    max_iter : int, default 500
        Iterations of the optimiser.

    Attributes
    ----------
    process_ : Process
        With the estimated values.
    results_ : ParametricResults

    Notes
    -----
    The likelihood is conditional on each first state. With the Euler density it
    is that of a Gaussian step of mean x + b dt and covariance a dt (Iacus, 2008,
    Simulation and Inference for SDEs, sec. 3.3.1): its estimates are those of the
    discretised process, with a bias that grows with dt.

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
        density: str = "auto",
        *,
        start: Mapping[str, Any] | None = None,
        fixed: Iterable[str] = (),
        bounds: Mapping[str, tuple[float, float]] | None = None,
        cov_type: str | None = None,
        max_iter: int = 500,
    ) -> None:
        self.process = process
        self.density = density
        self.start = start
        self.fixed = fixed
        self.bounds = bounds
        self.cov_type = cov_type
        self.max_iter = max_iter

    def _clock(self) -> str:
        if not isinstance(self.process, Process):
            given = self.process
            what = f"the class {given.__name__}" if isinstance(given, type) else repr(given)
            raise InputError(
                f"`process` must be a process such as OrnsteinUhlenbeck(), an instance; got {what}."
            )
        return self.process.clock

    def _fit_sample(self, sample: TransitionSample) -> Fit:
        family = self._started(sample)
        names = list(family.free_parameters)
        free = _free_entries(names, self.fixed)
        _check_size(sample, len(free))
        transition = self._transition(family)
        problem = _Problem(sample, family, transition, free)
        limits = _limits(names, family, self.bounds or {})[free]
        optimum = _maximise(problem, limits, self.max_iter)
        fitted = problem.process(optimum.theta)
        _check_noise(sample, transition, fitted)
        return self._report(sample, problem, optimum, fitted, limits)

    def _started(self, sample: TransitionSample) -> Process:
        family = self.process.with_dim(sample.dim)
        if self.start:
            family = family.with_params(**self.start)
        missing = [name for name, value in family.params.items() if value is None]
        held = [name for name in missing if name in set(self.fixed)]
        if held:
            raise InputError(
                f"`fixed` holds {', '.join(held)}, which has no value: give it in the process or "
                "as start={'name': value}."
            )
        if missing:
            guess = family.start_values(sample.x, sample.x_next, sample.dt)
            unknown = [name for name in missing if name not in guess]
            if unknown:
                raise InputError(
                    f"{type(family).__name__} needs starting values for {', '.join(unknown)}: "
                    "give them in the process or as start={'name': value}."
                )
            family = family.with_params(**{name: guess[name] for name in missing})
        return family

    def _transition(self, family: Process) -> TransitionDensity:
        name = check_choice("density", self.density, DENSITY_NAMES)
        if name == "auto":
            probe = family.transition_moments(np.zeros((1, family.dim or 1)), 1.0, 0.0, 1.0)
            name = "euler" if probe is None else "exact"
        return transition_density(name)

    def _report(
        self,
        sample: TransitionSample,
        problem: _Problem,
        optimum: Optimum,
        fitted: Process,
        limits: FloatArray,
    ) -> Fit:
        names = list(fitted.free_parameters)
        free = [names[k] for k in problem.free]
        covariances = checked_covariances(
            optimum, problem.scores(optimum.theta), sample, self.cov_type
        )
        record = FitRecord.of_panel(
            sample.panel, model=f"ParametricSDE({type(fitted).__name__})",
            density=problem.transition.name, llf=-optimum.value, clock=sample.clock,
            converged=optimum.converged, df_model=len(free),
            notes=_bound_notes(free, optimum.theta, limits), nobs=round(sample.n_effective),
        )  # fmt: skip
        results = ParametricResults(
            record, fitted, problem.transition, Support.from_states(sample.panel.values),
            residuals_of(sample.panel, fitted, problem.transition, sample.clock),
            pd.Series(fitted.to_vector(), index=names), covariances, free,
        )  # fmt: skip
        return Fit(fitted, problem.transition, results)


class _Problem:
    """The likelihood as a function of the free entries of the parameter vector."""

    def __init__(
        self,
        sample: TransitionSample,
        family: Process,
        transition: TransitionDensity,
        free: FloatArray,
    ) -> None:
        self.sample = sample
        self.family = family
        self.transition = transition
        self.free = free
        self.start = family.to_vector()
        self.linear = _linear_likelihood(sample, family, transition)

    def process(self, theta: FloatArray) -> Process:
        """Return the process with the free entries set."""
        return self.family.from_vector(self._vector(theta))

    def _vector(self, theta: FloatArray) -> FloatArray:
        vector = self.start.copy()
        vector[self.free] = theta
        return vector

    def log_density(self, theta: FloatArray) -> FloatArray:
        """Return the weighted log density of every transition."""
        s = self.sample
        density = self.transition.log_density(
            self.process(theta), s.x, s.x_next, s.t, s.dt, clock_dt=s.clock_dt
        )
        return s.weight * density

    def value(self, theta: FloatArray) -> float:
        """Return the negative log likelihood, infinite where it is not defined."""
        try:
            self.process(theta)
        except InputError:  # a difference step may leave the domain of a parameter
            return np.inf
        try:
            with np.errstate(all="ignore"):
                total = -float(self.log_density(theta).sum())
        except (DegenerateDataError, np.linalg.LinAlgError):
            return np.inf
        return total if np.isfinite(total) else np.inf

    def value_and_gradient(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Return the negative log likelihood and its gradient, exact or by differences."""
        if self.linear is not None:
            value, gradient = self.linear.value_and_gradient(self._vector(theta))
            return value, gradient[self.free]
        value, gradient = self.value(theta), np.empty_like(theta)
        for k in range(len(theta)):
            width = _width(theta, k)
            offset = np.zeros_like(theta)
            offset[k] = width
            ends = np.array([self.value(theta - offset), value, self.value(theta + offset)])
            known = ends[np.isfinite(ends)]  # at the edge of the domain one side is missing
            steps = max(len(known) - 1, 1)
            gradient[k] = (known[-1] - known[0]) / (steps * width) if known.size else np.nan
        return value, gradient

    def scores(self, theta: FloatArray) -> FloatArray:
        """Return the score of every transition, exact or by central differences."""
        if self.linear is not None:
            return self.linear.scores(self._vector(theta))[:, self.free]
        columns = []
        for k in range(len(theta)):
            width = _width(theta, k)
            offset = np.zeros_like(theta)
            offset[k] = width
            rise = self.log_density(theta + offset) - self.log_density(theta - offset)
            columns.append(rise / (2 * width))
        return np.stack(columns, axis=1)


def _linear_likelihood(
    sample: TransitionSample, family: Process, transition: TransitionDensity
) -> LinearLikelihood | None:
    if transition.name != "exact":
        return None
    if isinstance(family, OrnsteinUhlenbeck):
        return LinearLikelihood(sample, 0)
    if isinstance(family, TrendingOrnsteinUhlenbeck) and family.degree <= 1:
        return LinearLikelihood(sample, family.degree)
    return None


def _width(theta: FloatArray, k: int) -> float:
    return float(np.finfo(float).eps ** (1 / 3) * max(abs(theta[k]), 1e-2))


def _check_size(sample: TransitionSample, n_free: int) -> None:
    if sample.n < sample.dim + 2:
        raise InputError(
            f"ParametricSDE needs at least {sample.dim + 2} transitions in {sample.dim} "
            f"dimension(s), got {sample.n}. Observe longer or more trajectories."
        )
    if sample.n <= n_free:
        warnings.warn(
            f"ParametricSDE estimates {n_free} parameters from {sample.n} transitions: intervals "
            "are NaN. Observe longer or more trajectories, or hold parameters with `fixed=`.",
            SampleSizeWarning,
            stacklevel=5,
        )


def _check_noise(sample: TransitionSample, transition: TransitionDensity, fitted: Process) -> None:
    s = sample
    _, covariance = transition.moments(fitted, s.x, s.t, s.dt, clock_dt=s.clock_dt)
    noise = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2).max(axis=0))
    flat = np.flatnonzero(noise <= NO_NOISE * s.x.std(axis=0))
    if flat.size:
        raise DegenerateDataError(
            f"The one-step errors of column {s.panel.columns[flat[0]]!r} have no variance: the "
            "diffusion is zero there and the likelihood has no maximum. Remove the column, or "
            "observe data with noise."
        )


def _free_entries(names: list[str], fixed: Iterable[str]) -> FloatArray:
    held = {fixed} if isinstance(fixed, str) else set(fixed)
    _check_names("fixed", held, names)
    keep = [k for k, name in enumerate(names) if not {name, name.partition("[")[0]} & held]
    if not keep:
        raise InputError("`fixed` holds every parameter; nothing is left to estimate.")
    return np.array(keep)


def _limits(
    names: list[str], family: Process, own: Mapping[str, tuple[float, float]]
) -> FloatArray:
    _check_names("bounds", own, names)
    pairs = []
    for name, natural in zip(names, family.bounds(), strict=True):
        pair = own.get(name, own.get(name.partition("[")[0], natural))
        if len(pair) != 2 or not pair[0] < pair[1]:
            raise InputError(f"`bounds` of {name} must be (low, high) with low < high; got {pair}.")
        pairs.append(tuple(pair))
    return np.array(pairs, dtype=np.float64)


def _check_names(argument: str, given: Iterable[str], names: list[str]) -> None:
    unknown = set(given) - set(names) - {name.partition("[")[0] for name in names}
    if unknown:
        raise InputError(
            f"`{argument}` names {sorted(unknown)}, which are not parameters; there are {names}."
        )


def _maximise(problem: _Problem, limits: FloatArray, max_iter: int) -> Optimum:
    start = problem.start[problem.free]
    scale = np.maximum(np.abs(start), 1e-2 * np.abs(problem.start).max())
    scale[scale == 0.0] = 1.0
    n = problem.sample.n_effective
    low = np.where(limits[:, 0] == 0.0, 1e-8 * scale, limits[:, 0]) / scale
    high = limits[:, 1] / scale

    def objective(unit: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = problem.value_and_gradient(unit * scale)
        return value / n, gradient * scale / n

    if not np.isfinite(problem.value(start)):
        raise ConvergenceError(
            f"The log likelihood is not finite at the starting values {start.tolist()}; give "
            "others with `start=`."
        )
    search = optimize.minimize(
        objective, np.clip(start / scale, low, high), jac=True, method="L-BFGS-B",
        bounds=optimize.Bounds(low, high), options={"maxiter": max_iter, "ftol": 1e-14},
    )  # fmt: skip
    width = 1e-4 if problem.linear is None else 1e-5
    optimum = polish(objective, search.x, width).rescaled(scale, n)
    inside = (search.x > low * (1 + 1e-9)) & (search.x < high * (1 - 1e-9))
    if not optimum.converged and inside.all():
        warnings.warn(
            f"ParametricSDE stopped with a scaled gradient of {optimum.gradient_norm:.1e} after "
            f"{search.nit} iterations: {search.message}. Try other starting values.",
            ConvergenceWarning,
            stacklevel=4,
        )
    return optimum


def _bound_notes(names: list[str], theta: FloatArray, limits: FloatArray) -> tuple[str, ...]:
    near = np.any(np.isclose(theta[:, None], limits, rtol=1e-6, atol=1e-9), axis=1).tolist()
    return tuple(
        f"The estimate of {name} lies on a bound; its standard error is not reliable."
        for name, hit in zip(names, near, strict=True)
        if hit
    )
