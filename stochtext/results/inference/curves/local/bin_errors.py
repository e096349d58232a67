"""Standard errors of interpolated bin coefficients, where their coverage has been measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from stochtext._shared.typing import BoolArray, FloatArray, IntArray
from stochtext.processes.base import Process
from stochtext.processes.fitted.bins.binned import BinnedProcess
from stochtext.processes.fitted.extrapolated import part_of_type
from stochtext.results.inference.curves.local.discretization import LONGEST_STEP, DiscretizationBias

Curve: TypeAlias = Callable[[FloatArray], FloatArray]

__all__ = ["BinErrors", "too_coarse"]

MANY_COORDINATES = (
    "not offered between bins of more than one coordinate, where their coverage has not been "
    "measured; results_.coefficients has those of D1 and D2 in each bin"
)
EMPTY = "NaN where bins hold too few transitions"
COARSE = "NaN where the sampling interval is too long for the finite-time correction"
WIDE = "NaN where averaging over a bin moves the curve by more than 30 % of the standard error"

_TOLERATED_BIAS = 0.3


class BinErrors:
    """What knows the uncertainty of binned coefficients.

    Parameters
    ----------
    process : BinnedProcess
    state : ndarray of shape (k,)
        Mean states of the bins with data, increasing (first coordinate).
    drift_se, covariance_se : ndarray of shape (k,)
        Standard errors of D1 and of a = 2 D2 there.
    pilot : DiscretizationBias or None
        Smooth pilot curves, in one coordinate.
    corrected : bool
        Whether the coefficients were corrected for the finite sampling interval.
    df : float, optional
        Degrees of freedom of the intervals' t quantile (clustered errors); default the normal.
    smooth : bool, default False
        Whether neighbours are kernel averages of the same transitions.

    Notes
    -----
    Bins are uncorrelated given their states, so an interpolated value with shares w has
    the variance ``sum w**2 se**2``. Neighbouring kernel averages are taken as fully
    correlated: their standard errors are interpolated.
    """

    kind = "binned"

    def __init__(
        self,
        process: BinnedProcess,
        state: FloatArray,
        drift_se: FloatArray,
        covariance_se: FloatArray,
        pilot: DiscretizationBias | None,
        corrected: bool,
        *,
        df: float | None = None,
        smooth: bool = False,
    ) -> None:
        self.process = process
        self.df = df
        self._smooth = smooth
        self._pilot, self._corrected = pilot, corrected
        self._state, self._d1_se, self._a_se = state, drift_se, covariance_se

    def drift(self, x: FloatArray, t: FloatArray) -> tuple[FloatArray, FloatArray, str | None]:
        """Return drift, standard error and why the latter is NaN somewhere."""
        estimate = self.process.local_drift(x)
        if self._pilot is None:
            return estimate, np.full_like(estimate, np.nan), MANY_COORDINATES
        bias = None if self._corrected else self._pilot.drift
        se, reason = self._errors(x, estimate[:, 0], self._d1_se, self._pilot.b, bias)
        return estimate, se[:, None], reason

    def covariance(self, x: FloatArray, t: FloatArray) -> tuple[FloatArray, FloatArray, str | None]:
        """Return covariance rate, standard error and why the latter is NaN somewhere."""
        estimate = self.process.local_covariance(x)
        if self._pilot is None:
            return estimate, np.full_like(estimate, np.nan), MANY_COORDINATES
        bias = None if self._corrected else self._pilot.covariance
        se, reason = self._errors(x, estimate[:, 0, 0], self._a_se, self._pilot.a, bias)
        return estimate, se[:, None, None], reason

    def interval_centre(self, x: FloatArray, t: FloatArray, which: str) -> FloatArray:
        """Return the estimate itself."""
        return self.process.local_drift(x) if which == "drift" else self.process.local_covariance(x)

    @property
    def independent_nodes(self) -> FloatArray | None:
        """States of the bins, whose errors are uncorrelated; None where they overlap."""
        return None if self._smooth or self._pilot is None else self._state

    @property
    def is_offered(self) -> bool:
        """Whether the errors at different states are known together."""
        return self.independent_nodes is not None

    def joint_covariance(self, x: FloatArray, which: str) -> FloatArray:
        """Return the covariance of the errors at all states together, shape (1, n, n)."""
        se = self._d1_se if which == "drift" else self._a_se
        low, high, share = neighbours(self._state, x[:, 0])
        weight = np.zeros((len(x), len(self._state)))
        weight[np.arange(len(x)), low] += 1 - share
        weight[np.arange(len(x)), high] += share
        return np.asarray((weight * np.nan_to_num(se) ** 2) @ weight.T)[None]

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return what restores the object beside its process."""
        arrays = {"state": self._state, "drift_se": self._d1_se, "covariance_se": self._a_se}
        config: dict[str, Any] = {"kind": self.kind, "corrected": self._corrected, "pilot": None,
                                  "df": self.df, "smooth": self._smooth}  # fmt: skip
        if self._pilot is not None:
            config["pilot"] = self._pilot.to_dict()
        return config, arrays

    @classmethod
    def from_dict(
        cls, config: dict[str, Any], arrays: dict[str, FloatArray], process: Process
    ) -> BinErrors:
        """Restore the object from what :meth:`to_dict` returned and the fitted process."""
        pilot = config["pilot"]
        return cls(
            part_of_type(process, BinnedProcess), arrays["state"], arrays["drift_se"],
            arrays["covariance_se"],
            None if pilot is None else DiscretizationBias.from_dict(pilot),
            bool(config["corrected"]), df=config["df"], smooth=bool(config["smooth"]),
        )  # fmt: skip

    def _errors(
        self, x: FloatArray, estimate: FloatArray, se: FloatArray, curve: Curve, bias: Curve | None
    ) -> tuple[FloatArray, str | None]:
        """Interpolate standard errors and keep those whose intervals were found to cover."""
        if self._pilot is None or not len(self._state):
            return np.full(len(x), np.nan), EMPTY
        states = x[:, 0]
        low, high, share = neighbours(self._state, states)
        combined = np.add if self._smooth else np.hypot
        error = combined((1 - share) * se[low], share * se[high])
        line = (1 - share) * curve(self._state[low]) + share * curve(self._state[high])
        bends = np.abs(line - curve(states)) > _TOLERATED_BIAS * error
        empty = np.isnan(estimate)
        long = too_coarse(self._pilot, states, error, bias)
        reasons = [
            sentence
            for sentence, bad in ((EMPTY, empty), (COARSE, long & ~empty), (WIDE, bends & ~empty))
            if bad.any()
        ]
        return np.where(empty | long | bends, np.nan, error), "; ".join(reasons) or None


def too_coarse(
    pilot: DiscretizationBias, x: FloatArray, se: FloatArray, bias: Curve | None
) -> BoolArray:
    """Return where the sampling interval is too long for the correction, or for none."""
    long: BoolArray = pilot.stiffness(x) > LONGEST_STEP
    if bias is not None:
        with np.errstate(invalid="ignore"):
            long |= np.abs(bias(x)) > _TOLERATED_BIAS * se
    return long


def neighbours(positions: FloatArray, x: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the populated bins on both sides of each state and the share of the upper one."""
    low = np.clip(np.searchsorted(positions, x, side="right") - 1, 0, len(positions) - 1)
    high = np.minimum(low + 1, len(positions) - 1)
    width = np.where(high > low, positions[high] - positions[low], 1.0)
    return low, high, np.clip((x - positions[low]) / width, 0.0, 1.0)
