"""How many substeps a transition needs under given networks."""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.estimators.neural.networks.architecture import Architecture
from stochtext.estimators.neural.networks.members import drift_slopes
from stochtext.estimators.neural.networks.preparation import ScaledTransitions, Scaling

__all__ = ["needed_substeps", "stiffness"]

# A substep is at most this long against the time scale of the drift: its error is below 1e-3.
_LONGEST = 0.5
_COUNTS = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24])


def stiffness(
    architecture: Architecture,
    parameters: FloatArray,
    data: ScaledTransitions,
    scaling: Scaling,
) -> FloatArray:
    """Return the norm of the drift's derivative times dt at both ends of each step, (n,).

    Parameters
    ----------
    architecture : Architecture
    parameters : ndarray of shape (P,)
    data : ScaledTransitions
    scaling : Scaling
    """
    d = architecture.dim
    unit, _ = np.split(scaling.coordinate_units(), 2)
    found = np.zeros(len(data.dt))
    later = np.column_stack([data.following, data.inputs[:, d:]])
    for z in (data.inputs, later):
        slopes = drift_slopes(architecture, parameters, z) * unit
        found = np.maximum(found, np.sqrt((slopes**2).sum(axis=(1, 2))))
    return np.asarray(found * data.dt)


def needed_substeps(
    architecture: Architecture,
    parameters: FloatArray,
    data: ScaledTransitions,
    scaling: Scaling,
) -> IntArray:
    """Return the Runge-Kutta steps that each transition is cut into, (n,)."""
    longest = stiffness(architecture, parameters, data, scaling) / _LONGEST
    wanted = np.clip(np.ceil(longest), 1, _COUNTS[-1])
    return np.asarray(_COUNTS[np.searchsorted(_COUNTS, wanted)])
