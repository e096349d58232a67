"""How much memory of mean reversion the data hold, and the bias that follows from little.

Estimates of a rate of mean reversion are biased upward by about 4 / T, whatever the sampling
interval (Tang and Chen, 2009): what counts is the rate times the total time T.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process
from stochtext.processes.support import Support

__all__ = ["MeanReversion", "mean_reversion", "memory_parameters", "moves_drift", "reversion_notes"]

ROWS = 256
FEW = 10.0
LINEAR = 1e-8
_ON_A_LINE = 9
# Relative differences of an information that are rounding.
_SAME = 1e-6
_NO_RETURN = (
    "WARNING: the fitted drift does not return to a level, where estimates of its parameters are "
    "not normal: Wald tests at 5 % rejected 15 to 22 % of true values near a unit root. Use "
    "lr_test(..., n_boot=199)."
)


@dataclass(frozen=True)
class MeanReversion:
    """The slowest rate at which a fitted process returns to its mean.

    Attributes
    ----------
    rate : float
        Per unit of time; for a nonlinear drift that of its linear regression on the
        observed states.
    total_time : float
        T: the lengths of all trajectories, added.
    parameter : str or None
        The parameter that is this rate, or its negative, if there is one.
    bias : float
        Approximate bias of the estimated rate; NaN where no formula is known.
    linear : bool
        Whether the drift is linear in the state.
    """

    rate: float
    total_time: float
    parameter: str | None
    bias: float
    linear: bool

    @property
    def memories(self) -> float:
        """The rate times the total time: how many relaxation times were observed."""
        return self.rate * self.total_time

    def notes(self) -> list[str]:
        """Return the sentences for a summary."""
        what = self.parameter or "rate of mean reversion"
        if not self.linear:
            what = "rate of mean reversion of the linearised drift"
        elif self.parameter is None:
            what = "slowest rate of mean reversion"
        value = f"{what} times total time = {self.rate:.4g} x {self.total_time:.4g} = "
        lines = [f"Mean reversion: {value}{self.memories:.3g}."]
        if self.memories < FEW:
            lines.append(self._warning())
        return lines

    def _warning(self) -> str:
        bias = ""
        if np.isfinite(self.bias):
            bias = f" The estimate is biased upward by about {self.bias:.3g} (Tang and Chen, 2009)."
        return (
            f"WARNING: fewer than {FEW:.0f} relaxation times were observed; Wald intervals of the "
            f"mean reversion cover too little.{bias} Use conf_int(method='bootstrap'), the basic "
            "parametric bootstrap; intervals of the mean are too short by every method."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the values, JSON-able."""
        return asdict(self)


def mean_reversion(
    process: Process, free: list[str], x: FloatArray, total_time: float, n: int, density: str
) -> MeanReversion | None:
    """Return the mean reversion of a fitted process, or None if there is none.

    Parameters
    ----------
    process : Process
    free : list of str
        Estimated parameters.
    x : ndarray of shape (N, d)
        Observed states.
    total_time : float
    n : int
        Number of transitions.
    density : str
        Name of the transition density.

    Notes
    -----
    The bias is that of an Ornstein-Uhlenbeck process with an estimated mean,
    (5 + 2 exp(kappa dt) + exp(2 kappa dt)) / (2 n dt), and with a known one
    (3 + exp(2 kappa dt)) / (2 n dt); with the Euler density that of the autoregression,
    (1 + 3 phi) / (n dt) and 2 phi / (n dt) with phi = 1 - kappa dt. All tend to 4 / T or
    2 / T. It is given for one dimension and a drift linear in the state.

    References
    ----------
    Tang and Chen (2009), Parameter estimation and bias correction for diffusion processes,
    Journal of Econometrics 149, 65-81, theorem 3.1.1. Kendall (1954), Note on bias in the
    estimation of autocorrelation, Biometrika 41, 403-404.
    """
    pick = np.linspace(0, len(x) - 1, min(len(x), ROWS)).astype(np.int64)
    states = x[pick]
    slope, linear = _slope(process, states)
    if slope is None:
        return None
    rate = float(np.linalg.eigvals(-slope).real.min())
    if not np.isfinite(rate) or rate <= 0:
        return None
    parameter, moving = None, 0
    if len(slope) == 1 and linear:
        parameter, moving = _parameter(process, free, states)
    bias = float("nan")
    if parameter is not None:
        bias = _bias(rate, total_time, n, known_mean=moving < 2, euler=density == "euler")
    return MeanReversion(rate, total_time, parameter, bias, linear)


def _slope(process: Process, x: FloatArray) -> tuple[FloatArray | None, bool]:
    """Return the matrix of the drift's linear regression on the states, and whether it is exact."""
    with np.errstate(all="ignore"):
        drift = process.drift(x)
    if not np.isfinite(drift).all():
        return None, False
    design = np.column_stack([np.ones(len(x)), x])
    coefficients, _, rank, _ = np.linalg.lstsq(design, drift, rcond=None)
    if rank < design.shape[1]:
        return None, False
    gap = np.abs(drift - design @ coefficients).max()
    size = np.abs(drift - drift.mean(axis=0)).max()
    return np.asarray(coefficients[1:].T, dtype=np.float64), bool(gap <= LINEAR * max(size, 1e-300))


def _parameter(process: Process, free: list[str], x: FloatArray) -> tuple[str | None, int]:
    """Return the parameter that is the slope up to its sign, and how many move the drift."""
    own, moving = [], 0
    base, _ = _slope(process, x)
    for name in free:
        other, step = _moved(process, name)
        slope, _ = _slope(other, x)
        if slope is None or base is None:
            return None, 0
        change = float(slope[0, 0] - base[0, 0]) / step
        if abs(change) > 1e-6:
            own.append((name, abs(abs(change) - 1.0) < 1e-6))
        moving += moves_drift(process, [name], x)
    return (own[0][0] if len(own) == 1 and own[0][1] else None), moving


def _moved(process: Process, name: str) -> tuple[Process, float]:
    """Return the process with one parameter changed a little, and by how much."""
    vector, k = process.to_vector(), list(process.free_parameters).index(name)
    change = 1e-4 * max(abs(vector[k]), 1e-2)
    vector[k] += change
    return process.from_vector(vector), change


def moves_drift(process: Process, names: Iterable[str], x: FloatArray) -> bool:
    """Whether the drift at states (n, d), along the clock, depends on one of the parameters."""
    t = np.linspace(0.0, 1.0, len(x))
    with np.errstate(all="ignore"):
        drift = process.drift(x, t)
        others = (_moved(process, name)[0].drift(x, t) for name in names)
        return any(not np.array_equal(other, drift, equal_nan=True) for other in others)


def memory_parameters(process: Process, names: Iterable[str], x: FloatArray) -> list[str]:
    """Return the parameters of the drift about which some states tell more than others.

    Parameters
    ----------
    process : Process
    names : iterable of str
    x : ndarray of shape (n, d)
        States.

    Notes
    -----
    The information of a parameter per unit of time is (db/dtheta)' a^-1 (db/dtheta). Where it
    does not depend on the state, as for the drift of a Brownian motion or of a geometric one,
    the estimate is normal whether the process returns to a level or not.
    """
    found = []
    with np.errstate(all="ignore"):
        drift, rate = process.drift(x), process.covariance(x)
        known = np.isfinite(rate).all(axis=(1, 2))
        inverse = np.linalg.pinv(rate[known], hermitian=True)
        for name in names:
            other, step = _moved(process, name)
            slope = (other.drift(x) - drift)[known] / step
            information = np.einsum("ni,nij,nj->n", slope, inverse, slope)
            information = information[np.isfinite(information)]
            if len(information) and np.ptp(information) > _SAME * information.max():
                found.append(name)
    return found


def reversion_notes(
    reversion: MeanReversion | None, process: Process, free: list[str], support: Support
) -> list[str]:
    """Return what a summary says of the mean reversion, or of its absence.

    Parameters
    ----------
    reversion : MeanReversion or None
    process : Process
    free : list of str
        Estimated parameters.
    support : Support
    """
    if reversion is not None:
        return reversion.notes()
    x = support.lines(_ON_A_LINE)
    slope, _ = _slope(process, x)
    if slope is None or np.linalg.eigvals(-slope).real.min() > 0:
        return []
    return [_NO_RETURN] if memory_parameters(process, free, x) else []


def _bias(rate: float, total_time: float, n: int, *, known_mean: bool, euler: bool) -> float:
    step = rate * total_time / n
    if euler:
        phi = 1.0 - step
        return (2.0 * phi if known_mean else 1.0 + 3.0 * phi) / total_time
    if step > 20.0:
        return float("nan")
    grown = np.exp(2.0 * step)
    top = 3.0 + grown if known_mean else 5.0 + 2.0 * np.exp(step) + grown
    return float(top / (2.0 * total_time))
