"""Engines whose steps are short enough for their networks.

Law of this file: substeps only grow.
"""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.estimators.neural.networks.stiffness import needed_substeps
from stochtext.estimators.neural.training.engine import Engine

__all__ = ["refined", "with_densities"]

# Substeps beyond which a row without a density is given up.
_MOST = 96


def refined(engine: Engine, theta: FloatArray) -> Engine:
    """Return an engine with the substeps that one start needs; the same where it has them.

    Parameters
    ----------
    engine : Engine
    theta : ndarray of shape (P,)
    """
    wanted = needed_substeps(engine.architecture, theta, engine.data, engine.scaling)
    if np.any(wanted > engine.substeps):
        engine = engine.with_substeps(np.maximum(wanted, engine.substeps))
    return with_densities(engine, theta)


def with_densities(engine: Engine, theta: FloatArray) -> Engine:
    """Return an engine with twice the substeps where a row has no density, while that helps.

    Parameters
    ----------
    engine : Engine
    theta : ndarray of shape (P,)

    Notes
    -----
    The stiffness is known at both ends of a step. A drift that is steep between them takes the
    covariance below zero within too long a Runge-Kutta step.
    """
    while True:
        none = ~np.isfinite(engine.losses(theta[None])[0]) & (engine.substeps < _MOST)
        if not none.any():
            return engine
        more = np.minimum(2 * engine.substeps, _MOST)
        engine = engine.with_substeps(np.where(none, more, engine.substeps))
