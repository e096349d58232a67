"""Local linear regression with statsmodels at a fixed bandwidth, as its documentation does it."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["local_linear"]


def local_linear(
    x: NDArray[np.float64],
    response: NDArray[np.float64],
    places: NDArray[np.float64],
    bandwidth: float,
) -> Callable[[], NDArray[np.float64]]:
    """Return a function that gives the fit at places (k,), Gaussian kernel."""
    from statsmodels.nonparametric.kernel_regression import KernelReg

    def run() -> NDArray[np.float64]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a generator that a fixed bandwidth does not use
            regression = KernelReg(response, x, var_type="c", reg_type="ll", bw=[bandwidth])
        mean, _ = regression.fit(places)
        return np.asarray(mean)

    return run
