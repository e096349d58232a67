"""Forecasts from every state of a panel where states are hidden: exact, from the filtered law.

Law of this file: what is forecast is the observation, noise included, from all observations of
the document so far.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.trajectories.panel import Trajectories

__all__ = ["HiddenForecasts", "hidden_forecasts"]


class HiddenForecasts(NamedTuple):
    """Means and standard deviations of normal forecasts, shape (N, h, d); NaN past the ends."""

    mean: FloatArray
    sd: FloatArray


def hidden_forecasts(model: Any, panel: Trajectories, horizons: tuple[int, ...]) -> HiddenForecasts:
    """Forecast each observation from those up to ``h`` rows before it.

    Parameters
    ----------
    model : StateSpaceModel
    panel : Trajectories
        Without missing values.
    horizons : tuple of int
    """
    filtered = model._filtered(panel)
    n, d = panel.values.shape
    if not np.array_equal(filtered.rows.place, np.arange(n)):
        raise InputError("Forecasts from every state need a panel without missing values.")
    laws, group = filtered.laws, filtered.rows.group
    level = model._mean(filtered)
    end = panel.offsets[1:][panel.trajectory_index]
    z, p = filtered.after.copy(), filtered.f[filtered.layout.node]
    found = np.full((2, n, len(horizons), d), np.nan)
    for h in range(1, horizons[-1] + 1):
        here = np.flatnonzero(np.arange(n) + h < end)
        to = here + h
        phi = laws.phi[group[to]]
        z[here] = np.einsum("nij,nj->ni", phi, z[here])
        pushed = np.einsum("nis,ns->ni", laws.forcing[group[to]], laws.drive[to])
        z[here, :d] += pushed
        p[here] = phi @ p[here] @ np.swapaxes(phi, 1, 2) + laws.q[group[to]]
        if h in horizons:
            k = horizons.index(h)
            found[0, here, k] = z[here, :d] + level[to]
            variance = np.diagonal(p[here, :d, :d] + laws.noise, axis1=1, axis2=2)
            found[1, here, k] = np.sqrt(variance)
    return HiddenForecasts(found[0], found[1])
