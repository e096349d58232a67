"""Whether steps are too long for the drift and covariance rate of the process itself."""

from __future__ import annotations

import math

import numpy as np

from stochtext.estimators.sample import TransitionSample

__all__ = ["COARSE", "is_coarse"]

COARSE = (
    "Steps are longer than the shortest time constant of a linear fit: drift and covariance rate "
    "are those of one sampling interval, by Euler's density. transition='cubature' asks for those "
    "of the process."
)
_FORGOTTEN = math.exp(-1.0)


def is_coarse(sample: TransitionSample) -> bool:
    """Return whether a step is longer than the shortest time constant of a linear fit.

    Parameters
    ----------
    sample : TransitionSample

    Notes
    -----
    The regression of the changes on state and constant gives the step matrix B of the median
    step; an eigenvalue below 1/e has a time constant below the step.
    """
    if sample.n <= 2 * (sample.dim + 1):
        return False
    root = np.sqrt(sample.weight)[:, None]
    centre, spread = sample.x.mean(axis=0), sample.x.std(axis=0)
    spread = np.where(spread > 0.0, spread, 1.0)
    states = (sample.x - centre) / spread
    change = (sample.x_next - sample.x) / spread
    design = np.column_stack([np.ones(sample.n), states]) * sample.dt[:, None]
    slope = np.linalg.lstsq(root * design, root * change, rcond=None)[0][1:]
    step = np.eye(sample.dim) + slope * float(np.median(sample.dt))
    return bool(np.abs(np.linalg.eigvals(step)).min() < _FORGOTTEN)
