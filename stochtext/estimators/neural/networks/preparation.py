"""Units in which the networks learn, and the closed-form linear model they start from.

States are standardised, increments are divided by the square root of the
realised variance, drifts are counted in the relaxation rate that an
Ornstein-Uhlenbeck process of the same spread would have. Pure numpy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stochtext._shared.exceptions import DegenerateDataError
from stochtext._shared.typing import FloatArray
from stochtext.estimators.sample import TransitionSample

__all__ = [
    "LinearModel",
    "ScaledTransitions",
    "Scaling",
    "check_noise",
    "gaussian",
    "linear_model",
    "scale_transitions",
    "too_few",
    "weighted_covariance",
]

SMALLEST_VARIANCE_SHARE = 1e-10
_FEWEST_TRANSITIONS = 100
_TRANSITIONS_PER_VARIABLE = 10


@dataclass(frozen=True)
class Scaling:
    """Units of inputs and outputs.

    Attributes
    ----------
    centre, spread : ndarrays of shape (p,)
        Mean and standard deviation of the network's inputs: the d coordinates
        and, if it sees time, the clock.
    drift_unit : ndarray of shape (d,)
        noise_unit**2 / (2 * spread), state units per unit of time.
    noise_unit : ndarray of shape (d,)
        Square root of the realised variance per unit of time.
    """

    centre: FloatArray
    spread: FloatArray
    drift_unit: FloatArray
    noise_unit: FloatArray

    def coordinate_units(self) -> FloatArray:
        """Units of drift (d) and noise (d) in standardised coordinates, one array."""
        spread = self.spread[: len(self.drift_unit)]
        return np.concatenate([self.drift_unit / spread, self.noise_unit / spread])


@dataclass(frozen=True)
class ScaledTransitions:
    """Transitions in the units of :class:`Scaling`.

    Attributes
    ----------
    inputs : ndarray of shape (n, p)
        Standardised states, then clock and covariates.
    following : ndarray of shape (n, d)
        Standardised states after the step.
    dt : ndarray of shape (n,)
    clock_rate : ndarray of shape (n, p - d)
        Change of the further inputs per unit of time: zero for covariates.
    response : ndarray of shape (n, d)
        (x_next - x) / (noise_unit sqrt(dt)).
    rate : ndarray of shape (n, d)
        sqrt(dt) drift_unit / noise_unit: what a unit of scaled drift adds to the response.
    weight : ndarray of shape (n,)
    log_jacobian : float
        Log density in data units minus log density of ``following``.
    """

    inputs: FloatArray
    following: FloatArray
    dt: FloatArray
    clock_rate: FloatArray
    response: FloatArray
    rate: FloatArray
    weight: FloatArray
    log_jacobian: float


@dataclass(frozen=True)
class LinearModel:
    """Affine scaled drift with one covariance: the skip of the networks.

    Attributes
    ----------
    intercept : ndarray of shape (d,)
    slope : ndarray of shape (p, d)
    covariance : ndarray of shape (d, d)
        Covariance of the response around its mean.
    """

    intercept: FloatArray
    slope: FloatArray
    covariance: FloatArray

    def log_density(self, data: ScaledTransitions, drift: FloatArray | None = None) -> FloatArray:
        """Log density of each response, with another scaled drift if one is given."""
        return gaussian(data.response - data.rate * self.drift(data, drift), self.covariance)

    def drift(self, data: ScaledTransitions, drift: FloatArray | None = None) -> FloatArray:
        """Scaled drift at each transition."""
        return self.intercept + data.inputs @ self.slope if drift is None else drift


def gaussian(residual: FloatArray, covariance: FloatArray) -> FloatArray:
    """Log density of centred Gaussian rows with one covariance."""
    factor = np.linalg.cholesky(covariance)
    white = np.linalg.solve(factor, residual.T)
    log_scale = np.log(np.diag(factor)).sum()
    return -0.5 * (white**2).sum(0) - log_scale - 0.5 * len(factor) * np.log(2 * np.pi)


def weighted_covariance(
    residual: FloatArray, weight: FloatArray, *, diagonal: bool = False
) -> FloatArray:
    """Second moment of ``residual``, kept positive definite when rows are few."""
    moment = (residual * weight[:, None]).T @ residual / weight.sum()
    if diagonal:
        moment = np.diag(np.diag(moment))
    # a residual that the regression annihilates has no variance left to divide by
    return moment + 1e-12 * np.diag(np.maximum(np.diag(moment), 1e-9))


def scale_transitions(
    sample: TransitionSample, *, with_clock: bool, extra: FloatArray | None = None
) -> tuple[ScaledTransitions, Scaling]:
    """Standardise a sample of transitions.

    Parameters
    ----------
    sample : TransitionSample
        Every coordinate moves at least once.
    with_clock : bool
        Whether the clock is an input of the networks.
    extra : ndarray of shape (n, q), optional
        Further inputs that do not change within a step.
    """
    columns = [sample.x, *([sample.t] if with_clock else []), *([] if extra is None else [extra])]
    raw = np.column_stack(columns)
    share = sample.weight / sample.weight.sum()
    centre = share @ raw
    spread = np.sqrt(share @ (raw - centre) ** 2)
    spread = np.where(spread > 1e-12 * (np.abs(centre) + 1e-300), spread, 1.0)
    step = sample.x_next - sample.x
    noise_unit = np.sqrt((share @ step**2) / (share @ sample.dt))
    still = np.flatnonzero(noise_unit == 0)
    if still.size:
        raise DegenerateDataError(
            f"Column {sample.panel.columns[still[0]]!r} never changes in a trajectory of positive "
            "weight, so its diffusion is zero. Remove the column."
        )
    drift_unit = noise_unit**2 / (2.0 * spread[: sample.dim])
    root = np.sqrt(sample.dt)[:, None]
    d = sample.dim
    clock_rate = np.zeros((sample.n, raw.shape[1] - d))
    if with_clock:
        clock_rate[:, 0] = sample.clock_dt / sample.dt / spread[d]
    data = ScaledTransitions(
        inputs=(raw - centre) / spread,
        following=(sample.x_next - centre[:d]) / spread[:d],
        dt=sample.dt,
        clock_rate=clock_rate,
        response=step / (noise_unit * root),
        rate=root * (drift_unit / noise_unit),
        weight=sample.weight,
        log_jacobian=-float(np.log(spread[:d]).sum()),
    )
    return data, Scaling(centre, spread, drift_unit, noise_unit)


def linear_model(
    data: ScaledTransitions, weight: FloatArray | None = None, *, diagonal: bool = False
) -> LinearModel:
    """Weighted least squares of the responses on the inputs, in closed form.

    Fewer weighted transitions than coefficients of one equation plus d leave
    no residual to estimate a covariance from; then the drift is zero and the
    covariance diagonal.

    Parameters
    ----------
    data : ScaledTransitions
    weight : ndarray of shape (n,), optional
        Instead of the weights of ``data``.
    diagonal : bool
        Whether the covariance has no correlations.
    """
    weight = data.weight if weight is None else weight
    used = weight > 0
    n_inputs, dim = data.inputs.shape[1], data.response.shape[1]
    if used.sum() <= n_inputs + 1 + dim:
        variance = weighted_covariance(data.response[used], weight[used], diagonal=True)
        return LinearModel(np.zeros(dim), np.zeros((n_inputs, dim)), variance)
    # `rate` is a column of sqrt(dt) times a constant a component: one design serves all
    unit = data.rate[used, :1]
    scale = data.rate[used][0] / unit[0]
    root = np.sqrt(weight[used])[:, None]
    design = unit * np.column_stack([np.ones(used.sum()), data.inputs[used]])
    solution = np.linalg.lstsq(root * design, root * data.response[used], rcond=None)[0] / scale
    residual = data.response[used] - design @ (solution * scale)
    covariance = weighted_covariance(residual, weight[used], diagonal=diagonal)
    return LinearModel(solution[0], solution[1:], covariance)


def check_noise(model: LinearModel, data: ScaledTransitions) -> None:
    """Refuse increments that the linear model explains without noise.

    Raises
    ------
    DegenerateDataError
        If some direction of the residuals has no variance.
    """
    size = np.sqrt((data.weight @ data.response**2) / data.weight.sum())
    share = model.covariance / np.outer(size, size)
    if np.linalg.eigvalsh(share)[0] <= SMALLEST_VARIANCE_SHARE:
        raise DegenerateDataError(
            "The increments have no noise in some direction (a coordinate is a function of the "
            "others, or moves along a straight line), so no transition density exists. Remove "
            "the redundant coordinate, or reduce the dimension with TrajectoryPCA."
        )


def too_few(data: ScaledTransitions, n_effective: float) -> str:
    """Return why there are too few transitions for networks; empty if there are enough."""
    variables = data.inputs.shape[1] + data.following.shape[1]
    needed = max(_FEWEST_TRANSITIONS, _TRANSITIONS_PER_VARIABLE * variables)
    if n_effective >= needed:
        return ""
    return (
        f"{len(data.inputs)} transitions are too few for networks ({needed} are needed): drift "
        "linear, covariance rate constant."
    )
