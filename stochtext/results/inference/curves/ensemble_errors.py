"""Errors of an ensemble of networks, as a few functions of the state with random coefficients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import stats

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, RandomState
from stochtext.processes.base import Process
from stochtext.processes.fitted.extrapolated import part_of_type
from stochtext.processes.fitted.networks.covariate_network import CovariateNetwork
from stochtext.processes.fitted.networks.network import NetworkProcess
from stochtext.results.inference.curves.curve_errors import CurveTriple
from stochtext.results.inference.curves.network_features import network_features
from stochtext.results.inference.curves.prediction import CurveEstimate
from stochtext.results.inference.draws.perturbed_process import PerturbedProcess

__all__ = ["CURVES", "EnsembleErrors", "LogarithmicEstimate", "factor_coordinates"]

CURVES = ("drift", "covariance")


class EnsembleErrors:
    """What knows the uncertainty of an ensemble of networks.

    Parameters
    ----------
    process : Process
        The fitted one; its networks give the functions in which errors are written.
    weights : dict of str to ndarray
        ``"drift"`` of shape (K, d, F) and ``"covariance"`` of shape (K', d (d + 1) / 2, F):
        the error of the curve is the sum over k of an independent standard normal number
        times ``features @ weights[k].T``. For the drift in state units; for the covariance
        rate a = L L' the lower triangle (by rows) of T in ``d a = L (T + T') L'``.
    method : {"ensemble", "laplace", "bootstrap"}
        How the errors were found.
    df : float
        Degrees of freedom of the quantiles: one less than the clusters.
    reasons : dict of str to str
        Why a curve, "drift" or "covariance", has no standard errors, if it has none.

    Notes
    -----
    Intervals of variances (the diagonal of a) are symmetric for the logarithm and so
    positive; draws of a are positive definite.
    """

    kind = "ensemble"

    def __init__(
        self,
        process: Process,
        weights: dict[str, FloatArray],
        *,
        method: str = "ensemble",
        df: float = np.inf,
        reasons: dict[str, str] | None = None,
    ) -> None:
        self.process = process
        self.network = part_of_type(process, NetworkProcess)
        self.weights = weights
        self._used = weights
        if isinstance(process, CovariateNetwork):
            self._used = _held(process, weights, process.coding.row())
        self.method = method
        self.df = float(df)
        self.reasons = dict(reasons or {})

    def at(self, values: Mapping[str, Any] | None) -> EnsembleErrors:
        """Return the errors at values of the covariates, of a process that has some."""
        process = self.process
        if not isinstance(process, CovariateNetwork):
            raise InputError("These errors belong to a fit without covariates.")
        weights = _held(process, self.weights, process.coding.row(values))
        return EnsembleErrors(
            process.at(values), weights, method=self.method, df=self.df, reasons=self.reasons
        )

    @property
    def reason(self) -> str | None:
        """Why there are no standard errors at all, or for one curve."""
        return "; ".join(dict.fromkeys(self.reasons.values())) or None

    def error_functions(self, x: FloatArray, t: FloatArray, which: str) -> FloatArray:
        """Return what each random coefficient multiplies, shape (n, c, K)."""
        features = network_features(self.network, which, x, t)
        weights = self._used[which].astype(np.float64)
        return np.einsum("nf,kcf->nck", features, weights)

    def drift(self, x: FloatArray, t: FloatArray) -> CurveTriple:
        """Return the drift and its standard errors."""
        estimate = self.network.drift(x, t)
        if "drift" in self.reasons:
            return estimate, np.full_like(estimate, np.nan), self.reasons["drift"]
        errors = self.error_functions(x, t, "drift")
        return estimate, np.sqrt((errors**2).sum(axis=2)), None

    def covariance(self, x: FloatArray, t: FloatArray) -> CurveTriple:
        """Return the covariance rate and its standard errors."""
        estimate = self.network.covariance(x, t)
        if "covariance" in self.reasons:
            return estimate, np.full_like(estimate, np.nan), self.reasons["covariance"]
        moves = self._covariance_moves(x, t)
        return estimate, np.sqrt((moves**2).sum(axis=3)), None

    def interval_centre(self, x: FloatArray, t: FloatArray, which: str) -> FloatArray:
        """Return the estimate itself."""
        values: FloatArray = getattr(self.network, which)(x, t)
        return values

    def joint_covariance(
        self, x: FloatArray, which: str, t: FloatArray | None = None
    ) -> FloatArray:
        """Return the covariance of the errors at all states together, shape (c, n, n).

        The components are the coordinates, or the entries of the covariance rate by rows.
        """
        clock = np.zeros(len(x)) if t is None else t
        if which == "drift":
            errors = self.error_functions(x, clock, which)
        else:
            errors = self._covariance_moves(x, clock).reshape(len(x), x.shape[1] ** 2, -1)
        return np.einsum("nck,mck->cnm", errors, errors)

    def draws(self, n_draws: int, *, random_state: RandomState = None) -> list[Process]:
        """Return processes drawn from the sampling law of the fitted one.

        Parameters
        ----------
        n_draws : int
        random_state : None, int, Generator or SeedSequence

        Returns
        -------
        list of Process
            Empty where a curve has no standard errors.
        """
        if self.reasons:
            return []
        drawn: list[Process] = []
        for k in range(n_draws):
            rng = generator(random_state, "ensemble draws", k)
            shrink = np.sqrt(rng.chisquare(self.df) / self.df) if np.isfinite(self.df) else 1.0
            moved = {
                which: np.tensordot(
                    rng.standard_normal(len(self._used[which])) / shrink, self._used[which], 1
                )
                for which in CURVES
            }
            drawn.append(PerturbedProcess(self.process, moved["drift"], moved["covariance"]))
        return drawn

    def _covariance_moves(self, x: FloatArray, t: FloatArray) -> FloatArray:
        """Return the error functions of the entries of the covariance rate, (n, d, d, K)."""
        lower = np.linalg.cholesky(self.network.covariance(x, t))
        triangle = _triangles(self.error_functions(x, t, "covariance"), x.shape[1])
        half = np.einsum("nij,njlk,nml->nimk", lower, triangle, lower, optimize=True)
        return half + half.transpose(0, 2, 1, 3)

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return what restores the object beside its process."""
        config = {"kind": self.kind, "method": self.method, "df": self.df, "reasons": self.reasons}
        return config, {f"weights.{which}": array for which, array in self.weights.items()}

    @classmethod
    def from_dict(
        cls, config: dict[str, Any], arrays: dict[str, FloatArray], process: Process
    ) -> EnsembleErrors:
        """Restore the object from what :meth:`to_dict` returned and the fitted process."""
        weights = {which: arrays[f"weights.{which}"] for which in CURVES}
        return cls(
            process, weights, method=str(config["method"]), df=float(config["df"]),
            reasons=dict(config["reasons"]),
        )  # fmt: skip


class LogarithmicEstimate(CurveEstimate):
    """A covariance rate whose intervals of variances are symmetric for the logarithm."""

    def _pointwise(self, alpha: float) -> FloatArray:
        """Return pointwise intervals of level 1 - alpha, positive for variances."""
        quantile = stats.t.ppf(1 - alpha / 2, np.inf if self.df is None else self.df)
        return self._from_logarithms(super()._pointwise(alpha), quantile * self.se)

    def simultaneous_band(
        self, alpha: float = 0.05, *, random_state: RandomState = 0
    ) -> FloatArray:
        """Return a band that holds the whole curve at these states with level 1 - alpha."""
        band = super().simultaneous_band(alpha, random_state=random_state)
        return self._from_logarithms(band, (band[..., 1] - band[..., 0]) / 2)

    @classmethod
    def like(cls, curve: CurveEstimate) -> LogarithmicEstimate:
        """Return the same estimate with such intervals."""
        return cls(
            curve.estimate, curve.se, columns=curve.columns, reason=curve.reason,
            centre=curve.centre, df=curve.df, joint=curve._joint,
        )  # fmt: skip

    def among(self, places: Any, reason: str | None) -> LogarithmicEstimate:
        """Return the same with these states at some places of more, NaN at the others."""
        return self.like(super().among(places, reason))

    def _from_logarithms(self, interval: FloatArray, half: FloatArray) -> FloatArray:
        interval = interval.copy()
        own = np.arange(self.centre.shape[-1])
        middle, width = self.centre[:, own, own], half[:, own, own]
        with np.errstate(over="ignore"):
            interval[:, own, own, 0] = middle * np.exp(-width / middle)
            interval[:, own, own, 1] = middle * np.exp(width / middle)
        return interval


def _held(
    process: CovariateNetwork, weights: dict[str, FloatArray], row: FloatArray
) -> dict[str, FloatArray]:
    return {which: process.held_weights(array, row) for which, array in weights.items()}


def factor_coordinates(moves: FloatArray, lower: FloatArray) -> FloatArray:
    """Return the lower triangle of T in ``moves = L (T + T') L'``.

    Parameters
    ----------
    moves : ndarray of shape (n, d, d, K)
        Small symmetric changes of covariance rates.
    lower : ndarray of shape (n, d, d)
        Their lower Cholesky factors.

    Returns
    -------
    ndarray of shape (n, d (d + 1) / 2, K)
    """
    inverse = np.linalg.inv(lower)
    white = np.einsum("nij,njlk,nml->nimk", inverse, moves, inverse, optimize=True)
    rows, columns = np.tril_indices(lower.shape[1])
    found: FloatArray = white[:, rows, columns]
    found[:, rows == columns] *= 0.5
    return found


def _triangles(listed: FloatArray, d: int) -> FloatArray:
    """Return lower triangular matrices (n, d, d, K) from their entries by rows."""
    rows, columns = np.tril_indices(d)
    triangle = np.zeros((len(listed), d, d, listed.shape[2]))
    triangle[:, rows, columns] = listed
    return triangle
