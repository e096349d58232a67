"""Maximum likelihood with pymle, as its documentation does it."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["DENSITIES", "fit"]

DENSITIES = {"euler": "EulerDensity", "kessler": "KesslerDensity", "hermite": "AitSahaliaDensity"}
# pymle's own settings of scipy's trust-constr, without its report.
_QUIET = {"maxiter": 250, "gtol": 1e-6, "xtol": 1e-4, "verbose": 0}


def fit(
    model: str,
    density: str,
    path: np.ndarray,
    dt: float,
    guess: Sequence[float],
    bounds: Sequence[tuple[float, float]],
) -> Callable[[], Any]:
    """Return a function that fits and returns pymle's result.

    Parameters
    ----------
    model : {"OrnsteinUhlenbeck", "CIR", "CKLS"}
    density : {"euler", "kessler", "hermite"}
    path : ndarray of shape (n + 1,)
    dt : float
    guess, bounds : sequences
        As pymle asks for them: (kappa, mu, sigma), or (theta_1, ..., theta_4) of CKLS.

    Notes
    -----
    The diffusion of pymle's Ornstein-Uhlenbeck process is sigma, not sigma X as its docstring has
    it.
    """
    from pymle.core import TransitionDensity
    from pymle.fit.AnalyticalMLE import AnalyticalMLE
    from pymle.fit.Minimizer import ScipyMinimizer
    from pymle.models import CIR, CKLS, OrnsteinUhlenbeck

    kinds = {"CIR": CIR, "CKLS": CKLS, "OrnsteinUhlenbeck": OrnsteinUhlenbeck}

    def run() -> Any:
        weigher = getattr(TransitionDensity, DENSITIES[density])(kinds[model]())
        # It prints its first and last parameters.
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            minimizer = ScipyMinimizer(options=_QUIET)
            estimator = AnalyticalMLE(path, list(bounds), dt, density=weigher, minimizer=minimizer)
            return estimator.estimate_params(np.asarray(guess, dtype=float))

    return run
