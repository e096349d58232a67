"""A linear SDE seen through noise: what is known once its parameters are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.processes.linear.mean_basis import MeanBasis, NaturalSpline, Polynomials
from stochtext.processes.linear.ornstein_uhlenbeck import OrnsteinUhlenbeck
from stochtext.processes.linear.process import LinearProcess
from stochtext.processes.linear.spline_ornstein_uhlenbeck import SplineOrnsteinUhlenbeck
from stochtext.processes.linear.trending_ornstein_uhlenbeck import TrendingOrnsteinUhlenbeck
from stochtext.processes.registry import process_from_dict
from stochtext.trajectories.panel import Trajectories
from stochtext.transitions.state_space.draw import draw
from stochtext.transitions.state_space.filter import Filtered
from stochtext.transitions.state_space.layout import rows_of
from stochtext.transitions.state_space.likelihood import Model, StateSpaceLikelihood
from stochtext.transitions.state_space.parameters import Parameters, Shape
from stochtext.transitions.state_space.smoother import smoothed

__all__ = ["StateSpaceModel", "transition_rows"]

_ARRAYS = ("noise", "effect", "initial_mean", "initial_covariance")


@dataclass(frozen=True)
class StateSpaceModel:
    """Y_k = X(t_k) + e_k with e_k ~ N(0, R), where X is an Ornstein-Uhlenbeck process.

    Attributes
    ----------
    process : LinearProcess
        The latent process.
    clock : {"time", "relative"}
        What its mean moves with.
    noise : ndarray of shape (d, d)
        Covariance R of the observation noise; zero without noise.
    effect : ndarray of shape (d, d) or None
        Covariance B of the trajectories' own means around the common one.
    initial : {"conditional", "stationary", "free", "unweighed"}
        Law of the first state: flat, stationary around the mean, N(initial_mean,
        initial_covariance), or stationary without weighing the density of the first
        observation.
    initial_mean, initial_covariance : ndarray of shape (d,), (d, d), or None
        For ``initial="free"``.
    """

    process: LinearProcess
    clock: str
    noise: FloatArray
    effect: FloatArray | None = None
    initial: str = "conditional"
    initial_mean: FloatArray | None = None
    initial_covariance: FloatArray | None = None

    @classmethod
    def of(cls, p: Parameters, model: Model, clock: str) -> StateSpaceModel:
        """Return the model with these parameters."""
        return cls(
            latent_process(p, model.basis, clock),
            clock,
            model.noise if p.noise is None else p.noise @ p.noise.T,
            None if p.effect is None else p.effect @ p.effect.T,
            model.initial,
            p.first,
            None if p.spread is None else p.spread @ p.spread.T,
        )

    def with_parameters(self, theta: FloatArray, noise: str) -> StateSpaceModel:
        """Return the same kind of model with other parameters.

        Parameters
        ----------
        theta : ndarray of shape (k,)
            In the order of the names of a fit.
        noise : {"none", "diagonal", "full"}
            What of it is noise; "none" keeps the given one.
        """
        basis, _ = mean_of(self.process)
        shape = Shape(
            len(self.noise), basis.size, noise, self.effect is not None, self.initial == "free"
        )
        model = Model(shape, basis, self.initial, self.noise)
        return StateSpaceModel.of(shape.unpack(theta), model, self.clock)

    def log_density(self, panel: Trajectories) -> FloatArray:
        """Return the log density of each observation given those before it, shape (n,).

        One row a transition, in panel order. Missing coordinates add nothing; a row
        that is only conditioned on has 0. For first observations see
        :meth:`first_log_density`.
        """
        filtered = self._filtered(panel)
        density = _in_place(filtered.log_density[:, None], filtered, len(panel.values), 0.0)
        return density[_later(panel), 0]

    def first_log_density(self, panel: Trajectories) -> FloatArray:
        """Return the log density of each first observation, shape (m,); 0 if conditional."""
        filtered = self._filtered(panel)
        return filtered.log_density[filtered.rows.first]

    def residuals(self, panel: Trajectories) -> FloatArray:
        """Return standardised one-step prediction errors, shape (n, d); NaN where missing."""
        return transition_rows(self._filtered(panel), panel)

    def predict(self, panel: Trajectories) -> FloatArray:
        """Return E[Y(t + dt) | all observations up to t] from every row, shape (N, d).

        The last row of a trajectory is taken to be followed by a step like the one
        before it. NaN before the first row that the filter starts from.
        """
        filtered = self._filtered(panel, ahead=True)
        d, n = panel.n_features, len(panel.values)
        found = filtered.before[:, :d] + self._mean(filtered)
        rows = filtered.rows.place
        result = np.full((2 * n, d), np.nan)
        result[rows[rows >= 0]] = found[rows >= 0]
        last = panel.offsets[1:] - 1
        following = np.roll(result[:n], -1, axis=0)
        following[last] = result[n + last]
        following[:-1][np.isin(np.arange(n - 1), self._unreached(filtered, n))] = np.nan
        return following

    def smooth(self, panel: Trajectories) -> tuple[FloatArray, FloatArray]:
        """Return mean (N, d) and covariance (N, d, d) of X given all observations."""
        filtered = self._filtered(panel)
        mean, covariance = smoothed(filtered)
        d, n = panel.n_features, len(panel.values)
        level = mean[:, :d] + self._mean(filtered)
        spread = covariance[:, :d, :d].reshape(-1, d * d)
        return (
            _in_place(level, filtered, n, np.nan),
            _in_place(spread, filtered, n, np.nan).reshape(n, d, d),
        )

    def simulate(
        self, panel: Trajectories, rng: np.random.Generator, *, observed: bool = True
    ) -> Trajectories:
        """Return a panel drawn from the model at the times of ``panel``, noise included.

        Parameters
        ----------
        panel : Trajectories
            Whose times, lengths and, for ``initial="conditional"``, first rows are kept.
        rng : Generator
        observed : bool, default True
            False: the latent states without the noise.
        """
        likelihood, p = self._likelihood(panel)
        known = likelihood.laws(p, likelihood.rows, likelihood.jets)
        if known is None:
            raise InputError("There is no stationary law to draw first states from.")
        away = likelihood.rows.y - likelihood.jets[:, 0] @ p.trend
        states = draw(known[0], likelihood.rows, away, rng, observed=observed)
        rows = likelihood.rows.place
        values = panel.values.copy()
        level = likelihood.jets[:, 0] @ p.trend
        values[rows[rows >= 0]] = (states + level)[rows >= 0]
        return panel.with_values(values)

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return JSON-able values and arrays that restore the model."""
        process, arrays = self.process.to_dict()
        own = {name: getattr(self, name) for name in _ARRAYS}
        config = {"process": process, "clock": self.clock, "initial": self.initial}
        return config, {
            **{f"process.{name}": value for name, value in arrays.items()},
            **{name: value for name, value in own.items() if value is not None},
        }

    @classmethod
    def from_dict(cls, config: dict[str, Any], arrays: dict[str, FloatArray]) -> StateSpaceModel:
        """Restore a model from what :meth:`to_dict` returned."""
        own = {k.removeprefix("process."): v for k, v in arrays.items() if k.startswith("process.")}
        process = process_from_dict(config["process"], own)
        if not isinstance(process, LinearProcess):
            raise InputError(f"A state space needs a linear process; got {type(process).__name__}.")
        rest = {name: arrays.get(name) for name in _ARRAYS[1:]}
        return cls(process, config["clock"], arrays["noise"], initial=config["initial"], **rest)

    def _likelihood(
        self, panel: Trajectories, *, ahead: bool = False
    ) -> tuple[StateSpaceLikelihood, Parameters]:
        d = panel.n_features
        basis, trend = mean_of(self.process)
        shape = Shape(d, basis.size, "none", self.effect is not None, self.initial == "free")
        model = Model(shape, basis, self.initial, self.noise)
        rows = rows_of(panel, self.clock, complete_start=model.flat, knots=basis.knots, ahead=ahead)
        p = Parameters(
            np.atleast_2d(self.process.params["kappa"]).astype(np.float64), trend,
            np.atleast_2d(self.process.params["sigma"]).astype(np.float64), None,
            _root(self.effect), self.initial_mean, _root(self.initial_covariance),
        )  # fmt: skip
        return StateSpaceLikelihood(model, rows, np.ones(panel.n_trajectories)), p

    def _filtered(self, panel: Trajectories, *, ahead: bool = False) -> Filtered:
        likelihood, p = self._likelihood(panel, ahead=ahead)
        filtered = likelihood.filtered(p)
        if filtered is None:
            raise InputError(
                "The model gives these times no density: an innovation has a singular covariance, "
                "or there is no stationary law."
            )
        return filtered

    def _mean(self, filtered: Filtered) -> FloatArray:
        basis, trend = mean_of(self.process)
        return basis.derivatives(filtered.rows.clock)[0] @ trend

    @staticmethod
    def _unreached(filtered: Filtered, n: int) -> FloatArray:
        """Return the rows before the first filtered one of each trajectory."""
        used = filtered.rows.place
        return np.setdiff1d(np.arange(n), used[(used >= 0) & (used < n)])


def latent_process(p: Parameters, basis: MeanBasis, clock: str) -> LinearProcess:
    """Return the process with these parameters."""
    if isinstance(basis, NaturalSpline):
        return SplineOrnsteinUhlenbeck(
            p.kappa, p.trend, p.factor, knots=np.array(basis.places), clock=clock
        )
    if basis.degree > 0:
        return TrendingOrnsteinUhlenbeck(p.kappa, p.trend, p.factor, clock=clock)
    if len(p.kappa) == 1:
        return OrnsteinUhlenbeck(p.kappa[0, 0], p.trend[0, 0], p.factor[0, 0])
    return OrnsteinUhlenbeck(p.kappa, p.trend[0], p.factor)


def mean_of(process: LinearProcess) -> tuple[MeanBasis, FloatArray]:
    """Return the functions that the mean is a sum of, and their coefficients (q, d)."""
    if isinstance(process, SplineOrnsteinUhlenbeck):
        return NaturalSpline(tuple(process.knots.tolist())), np.array(process.params["levels"])
    if isinstance(process, TrendingOrnsteinUhlenbeck):
        return Polynomials(process.degree), np.array(process.params["trend"])
    return Polynomials(0), np.atleast_1d(process.params["mu"]).astype(np.float64)[None]


def transition_rows(filtered: Filtered, panel: Trajectories) -> FloatArray:
    """Return standardised innovations, one row a transition of the panel; NaN where missing."""
    scaled = np.where(np.isfinite(filtered.rows.y), filtered.scaled, np.nan)
    if filtered.laws.flat:
        scaled[filtered.rows.first] = np.nan
    return _in_place(scaled, filtered, len(panel.values), np.nan)[_later(panel)]


def _in_place(values: FloatArray, filtered: Filtered, n: int, missing: float) -> FloatArray:
    rows = filtered.rows.place
    result = np.full((n, values.shape[1]), missing)
    result[rows[rows >= 0]] = values[rows >= 0]
    return result


def _later(panel: Trajectories) -> np.ndarray:
    later = np.ones(len(panel.values), dtype=bool)
    later[panel.offsets[:-1]] = False
    return later


def _root(covariance: FloatArray | None) -> FloatArray | None:
    if covariance is None:
        return None
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
