"""SparseSDE: polynomial drift and diffusion with the terms that the data ask for."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import partial
from math import comb

import numpy as np
import pandas as pd
from scipy import optimize

from stochtext._shared.exceptions import ConvergenceWarning, InputError, SampleSizeWarning
from stochtext._shared.typing import BoolArray, FloatArray
from stochtext._shared.validation import check_choice, check_integer
from stochtext.estimators.base import Fit, SDEEstimator
from stochtext.estimators.inference import MappedCovariances, checked_covariances
from stochtext.estimators.newton import Optimum, polish
from stochtext.estimators.redundancy import REDUNDANT
from stochtext.estimators.sample import TransitionSample
from stochtext.estimators.sparse.centred import CentredLikelihood
from stochtext.estimators.sparse.selection import CRITERIA
from stochtext.estimators.sparse.start import select_terms
from stochtext.processes.named.polynomial import PolynomialDiffusion
from stochtext.processes.support import Support
from stochtext.results.inference.parameters.covariance import ParameterCovariances
from stochtext.results.record import FitRecord
from stochtext.results.residuals import residuals_of
from stochtext.results.sparse import SparseResults
from stochtext.transitions.base import TransitionDensity
from stochtext.transitions.registry import transition_density

__all__ = ["SparseSDE"]

_HIGHEST_DEGREE = 7
CONDITIONAL = (
    "The terms were chosen by {criterion} on the same data: standard errors are those of the "
    "chosen model, as if its terms had been known."
)
ONE_INTERVAL = (
    "With the Euler density drift and covariance rate are those of one sampling interval, and so "
    "are their intervals: the longer it is, the further they are from those of the process."
)


class SparseSDE(SDEEstimator):
    """Polynomial drift and diffusion with few terms, by selection and maximum likelihood.

    Parameters
    ----------
    degree : int from 0 to 7, default 3
        Highest degree of the monomials of the drift.
    diffusion_degree : int from 0 to 7, default 0
        Highest degree of the covariance rate: 0 is a constant diffusion, which may be
        correlated between coordinates; otherwise the noises are independent and a_jj is a
        polynomial of all coordinates.
    selection : {"bic", "aic", None}, default "bic"
        How terms are chosen; None keeps all.
    density : str, default "auto"
        Transition density of the final fit, see :class:`ParametricSDE`. ``"auto"`` is
        ``"shoji_ozaki"`` for one coordinate with a constant diffusion, whose errors are of
        a higher order in dt, and else ``"euler"``, whose covariance rate is that of one
        sampling interval.
    cov_type : {None, "nonrobust", "robust", "hac", "cluster"}, default None
        Covariance of the estimates. None: clustered by trajectory (or ``groups``) for
        panels, ``"nonrobust"`` for a single path.
    max_iter : int, default 500
        Iterations of the optimiser.

    Attributes
    ----------
    process_ : PolynomialDiffusion
    results_ : SparseResults
        With ``results_.equation()``.

    Notes
    -----
    Terms are dropped one by one from the weighted regression of dX / dt on all monomials
    (of e^2 / dt for the covariance rate), the one with the smallest t value first; the
    criterion chooses among the models on that path. The kept coefficients are then
    estimated together by maximum likelihood. Which terms are zero depends on the origin
    and, for products, on the axes of the coordinates.

    References
    ----------
    Brunton, Proctor and Kutz (2016), Discovering governing equations from data by sparse
    identification of nonlinear dynamical systems, PNAS 113, 3932-3937. Boninsegna, Nüske
    and Clementi (2018), Sparse learning of stochastic dynamical equations, Journal of
    Chemical Physics 148, 241723.

    Examples
    --------
    >>> import stochtext as st
    >>> from stochtext.estimators import SparseSDE
    >>> truth = st.DoubleWell(1.0, 1.0, 0.7)
    >>> X = st.simulate(truth, 1.0, dt=0.01, n_steps=2000, n_paths=20, random_state=1)
    >>> fit = SparseSDE(degree=5).fit(X)
    >>> [name for name, value in fit.results_.params.items() if value]
    ['drift[0,1]', 'drift[0,3]', 'factor[0,0]']
    """

    def __init__(
        self,
        degree: int = 3,
        diffusion_degree: int = 0,
        *,
        selection: str | None = "bic",
        density: str = "auto",
        cov_type: str | None = None,
        max_iter: int = 500,
    ) -> None:
        self.degree = degree
        self.diffusion_degree = diffusion_degree
        self.selection = selection
        self.density = density
        self.cov_type = cov_type
        self.max_iter = max_iter

    def _fit_sample(self, sample: TransitionSample) -> Fit:
        degree, diffusion_degree = self._checked_degrees()
        _check_size(sample, degree, diffusion_degree)
        name = self.density
        if name == "auto":
            name = "shoji_ozaki" if sample.dim == 1 and diffusion_degree == 0 else "euler"
        transition = transition_density(name)
        start, free, redundant = select_terms(sample, degree, diffusion_degree, self.selection)
        self._check_freedom(sample, int(free.sum()))
        likelihood = CentredLikelihood(sample, start, transition, free)
        optimum = _maximised(likelihood, sample.n_effective, self.max_iter)
        vector = start.to_vector()
        vector[free] = likelihood.to_parameters @ optimum.theta
        names = [name for name, keep in zip(start.free_parameters, free, strict=True) if keep]
        own = checked_covariances(
            optimum, partial(likelihood.scores, optimum.theta), sample, self.cov_type
        )
        mapped = MappedCovariances(own.matrices, likelihood.to_parameters, None)
        covariances = replace(own, matrices=mapped)
        fitted = start.from_vector(vector)
        return self._report(sample, fitted, transition, optimum, covariances, names, redundant)

    def _checked_degrees(self) -> tuple[int, int]:
        if self.selection is not None:
            check_choice("selection", self.selection, tuple(CRITERIA))
        degrees = []
        for name in ("degree", "diffusion_degree"):
            degree = check_integer(name, getattr(self, name), minimum=0)
            if degree > _HIGHEST_DEGREE:
                raise InputError(f"`{name}` must be at most {_HIGHEST_DEGREE}; got {degree}.")
            degrees.append(degree)
        return degrees[0], degrees[1]

    def _check_freedom(self, sample: TransitionSample, n_free: int) -> None:
        used = int(np.count_nonzero(sample.weight))
        if used <= n_free:
            warnings.warn(
                f"SparseSDE estimates {n_free} parameters from {used} transitions: intervals are "
                "NaN. Observe longer or more trajectories, or lower the degrees.",
                SampleSizeWarning,
                stacklevel=4,
            )

    def _report(
        self,
        sample: TransitionSample,
        process: PolynomialDiffusion,
        transition: TransitionDensity,
        optimum: Optimum,
        covariances: ParameterCovariances,
        free: list[str],
        redundant: BoolArray,
    ) -> Fit:
        names = list(process.free_parameters)
        notes = [] if self.selection is None else [CONDITIONAL.format(criterion=self.selection)]
        if transition.name == "euler":
            notes.append(ONE_INTERVAL)
        if redundant.any():
            unknown = ", ".join(names[k] for k in np.flatnonzero(redundant))
            notes.append(REDUNDANT.format(names=unknown))
        record = FitRecord.of_panel(
            sample.panel, model="SparseSDE", density=transition.name, llf=-optimum.value,
            clock=sample.clock, converged=optimum.converged, df_model=len(free), notes=tuple(notes),
            nobs=round(sample.n_effective),
        )  # fmt: skip
        results = SparseResults(
            record, process, transition, Support.from_states(sample.panel.values),
            residuals_of(sample.panel, process, transition, sample.clock),
            pd.Series(process.to_vector(), index=names), covariances, free,
        )  # fmt: skip
        return Fit(process, transition, results)


def _maximised(likelihood: CentredLikelihood, n: float, max_iter: int) -> Optimum:
    """Return the maximum of the likelihood near the start, in its directions."""
    start = likelihood.start
    scale = np.where(start == 0.0, 1.0, np.abs(start))

    def objective(unit: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = likelihood.value_and_gradient(unit * scale)
        return value / n, gradient * scale / n

    search = optimize.minimize(
        objective, start / scale, jac=True, method="L-BFGS-B",
        options={"maxiter": max_iter, "ftol": 1e-14},
    )  # fmt: skip
    optimum = polish(objective, search.x).rescaled(scale, n)
    if not optimum.converged:
        warnings.warn(
            f"SparseSDE stopped with a scaled gradient of {optimum.gradient_norm:.1e}. "
            "Increase max_iter or lower the degree.",
            ConvergenceWarning,
            stacklevel=4,
        )
    return optimum


def _check_size(sample: TransitionSample, degree: int, diffusion_degree: int) -> None:
    d, used = sample.dim, int(np.count_nonzero(sample.weight))
    n_terms = comb(d + degree, degree)
    extra = comb(d + diffusion_degree, diffusion_degree) if diffusion_degree else d
    if used < n_terms + extra:
        raise InputError(
            f"SparseSDE has {n_terms} monomials in each of {d} equations and needs at least "
            f"{n_terms + extra} transitions, got {used} (n_samples={used + 1} for one "
            "trajectory). Lower `degree` or `diffusion_degree`, or observe more."
        )
