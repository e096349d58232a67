"""What the fit of a state-space model hands to the estimator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.estimators.newton import Optimum
from stochtext.processes.base import Process
from stochtext.processes.linear.mean_basis import MeanBasis
from stochtext.transitions.state_space.model import StateSpaceModel

__all__ = ["Asked", "BoundaryTest", "StateSpaceFit"]


@dataclass(frozen=True)
class Asked:
    """What a fit was asked for: the arguments of ``fit_state_space``."""

    basis: MeanBasis
    observation_noise: Any = None
    mean_effect: str = "none"
    initial: str = "conditional"
    max_iter: int = 500


@dataclass(frozen=True)
class BoundaryTest:
    """A likelihood-ratio test of a variance that the null hypothesis sets to zero.

    Attributes
    ----------
    name : str
        ``"no noise"`` or ``"no random mean"``.
    statistic : float
        Twice the gain in log likelihood.
    pvalue : float
        NaN where the null distribution is not known; ``reference`` says why.
    reference : str
        What the statistic was compared with.
    llf_null : float
        Log likelihood of the fit without the variance.
    """

    name: str
    statistic: float
    pvalue: float
    reference: str
    llf_null: float


@dataclass(frozen=True)
class StateSpaceFit:
    """Maximum-likelihood fit of a :class:`StateSpaceModel`.

    Attributes
    ----------
    asked : Asked
    model : StateSpaceModel
        The fitted latent process, noise, random mean and law of the first states; it
        filters, predicts and smooths any panel (``log_density``, ``residuals``,
        ``predict``, ``smooth``).
    names : tuple of k str
        Names of the estimated parameters: ``process.free_parameters`` first, then
        ``noise...`` (standard deviations, or the lower factor of R for
        ``observation_noise="full"``), ``effect...`` (lower factor of B), and for
        ``initial="free"`` ``initial_mean...`` and ``initial_factor...``.
    optimum : Optimum
        ``theta`` in the order of ``names``; ``value`` is minus the log likelihood,
        ``hessian`` its second derivative.
    scores : ndarray of shape (m, k)
        Weighted score of each trajectory.
    innovations : ndarray of shape (n, d)
        Standardised one-step prediction errors, one row a transition of the sample,
        in its order; NaN where a coordinate is missing.
    llf : float
        Log likelihood; it holds the density of the first observations unless
        ``initial="conditional"``.
    n_observed : int
        Number of observed coordinates that the likelihood weighs.
    on_bound : tuple of str
        Parameters whose estimate is zero, the end of their range: no standard error.
    notes : tuple of str
        Sentences for the summary.
    """

    asked: Asked
    model: StateSpaceModel
    names: tuple[str, ...]
    optimum: Optimum
    scores: FloatArray
    innovations: FloatArray
    llf: float
    n_observed: int
    on_bound: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def free(self) -> np.ndarray:
        """Mask of the parameters inside their range, shape (k,)."""
        return ~np.isin(self.names, self.on_bound)

    @property
    def free_optimum(self) -> Optimum:
        """The optimum in the parameters inside their range, the others held at zero."""
        keep = self.free
        hessian = self.optimum.hessian[np.ix_(keep, keep)]
        return replace(self.optimum, theta=self.optimum.theta[keep], hessian=hessian)

    @property
    def process(self) -> Process:
        """The fitted latent process."""
        return self.model.process

    @property
    def noise_covariance(self) -> FloatArray:
        """R, shape (d, d); zero without noise."""
        return self.model.noise

    @property
    def effect_covariance(self) -> FloatArray | None:
        """B, shape (d, d), the covariance of the trajectories' own means; None if shared."""
        return self.model.effect
