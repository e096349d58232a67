"""Standard errors of bins: kept where their coverage has been measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stochtext.estimators.kramers_moyal.coefficients import BinCoefficients
from stochtext.processes.fitted.binned import BinnedProcess
from stochtext.results.inference.bin_errors import BinErrors, too_coarse
from stochtext.results.inference.discretization import DiscretizationBias

__all__ = ["bin_errors", "honest_errors"]


def bin_errors(
    process: BinnedProcess, bins: BinCoefficients, pilot: DiscretizationBias | None, corrected: bool
) -> BinErrors:
    """Return what knows the uncertainty of the curves between ``bins``."""
    known = bins.known
    return BinErrors(
        process, bins.mean_state[known, 0], bins.d1_se[known, 0], 2 * bins.d2_se[known, 0, 0],
        pilot, corrected,
    )  # fmt: skip


def honest_errors(
    bins: BinCoefficients, pilot: DiscretizationBias | None, corrected: bool
) -> BinCoefficients:
    """Return the bins with NaN in place of standard errors whose coverage is not known.

    In more than one coordinate those of D1 are kept: they are the errors of the mean
    change over one step, whatever its length.
    """
    d1_se, d2_se = bins.d1_se.copy(), bins.d2_se.copy()
    if pilot is None:
        d2_se[:] = np.nan
    else:
        x = bins.mean_state[:, 0]
        biases = (None, None) if corrected else (pilot.drift, pilot.covariance)
        d1_se[too_coarse(pilot, x, d1_se[:, 0], biases[0])] = np.nan
        d2_se[too_coarse(pilot, x, 2 * d2_se[:, 0, 0], biases[1])] = np.nan
    return replace(bins, d1_se=d1_se, d2_se=d2_se)
