"""Standard errors of coefficients: kept where their coverage has been measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stochtext.estimators.kramers_moyal.coefficients import BinCoefficients
from stochtext.estimators.kramers_moyal.pilots import LinePilot, SpacePilot
from stochtext.processes.fitted.bins.binned import BinnedProcess
from stochtext.results.inference.curves.local.bin_errors import BinErrors, too_coarse
from stochtext.results.inference.curves.local.discretization import LONGEST_STEP, DiscretizationBias

__all__ = ["COARSE_REASON", "bin_errors", "honest_errors"]

COARSE_REASON = (
    "Standard errors of D1 and D2 are NaN where the sampling interval (times the longest lag) "
    "is too long for the finite-time correction, or for none."
)


def bin_errors(
    process: BinnedProcess,
    bins: BinCoefficients,
    pilot: LinePilot | SpacePilot,
    *,
    corrected: bool,
    longest: int,
    df: float | None,
    smooth: bool,
) -> BinErrors:
    """Return what knows the uncertainty of the curves between bins or nodes."""
    known = bins.known
    order = np.argsort(bins.mean_state[known, 0])
    line = _line(pilot, longest)
    return BinErrors(
        process, bins.mean_state[known, 0][order], bins.d1_se[known, 0][order],
        2 * bins.d2_se[known, 0, 0][order], line, corrected, df=df, smooth=smooth,
    )  # fmt: skip


def honest_errors(
    bins: BinCoefficients,
    pilot: LinePilot | SpacePilot,
    dt: float,
    *,
    corrected: bool,
    longest: int,
) -> BinCoefficients:
    """Return the bins with NaN in place of standard errors whose coverage is not known.

    In more than one coordinate those of an uncorrected D1 are kept: they are the errors of
    the mean change over one step, whatever its length.
    """
    d1_se, d2_se = bins.d1_se.copy(), bins.d2_se.copy()
    x = bins.mean_state
    if isinstance(pilot, SpacePilot):
        long = pilot.slope(x) * dt * longest > LONGEST_STEP
        if corrected:
            d1_se[long] = np.nan
        else:
            long[:] = True
        d2_se[long] = np.nan
        return replace(bins, d1_se=d1_se, d2_se=d2_se)
    line = _line(pilot, longest)
    assert line is not None
    biases = (None, None) if corrected else (line.drift, line.covariance)
    d1_se[too_coarse(line, x[:, 0], d1_se[:, 0], biases[0])] = np.nan
    d2_se[too_coarse(line, x[:, 0], 2 * d2_se[:, 0, 0], biases[1])] = np.nan
    return replace(bins, d1_se=d1_se, d2_se=d2_se)


def _line(pilot: LinePilot | SpacePilot, longest: int) -> DiscretizationBias | None:
    if isinstance(pilot, SpacePilot):
        return None
    return replace(pilot.bias, dt=pilot.bias.dt * longest)
