"""The test of a diffusion against jumps that goes with a table of coefficients."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stochtext._shared.typing import IntArray
from stochtext.diagnostics.pawula import pawula_test
from stochtext.estimators.kramers_moyal.pilots import LinePilot, SpacePilot
from stochtext.estimators.sample import TransitionSample

__all__ = ["pawula_by_coordinate"]


def pawula_by_coordinate(
    sample: TransitionSample, place: IntArray, size: int, pilot: LinePilot | SpacePilot
) -> pd.DataFrame:
    """Return the test of D4 = 0 for each coordinate: statistic, pvalue, n, n_cells.

    Increments are standardised with the pilot's variance rate, so that its change within a
    bin is no kurtosis; the leading kurtosis that state-dependent noise has over one sampling
    interval is taken off.
    """
    x, dt = sample.x, sample.dt
    change = sample.x_next - x
    scale = pilot.scale(x)
    excess = pilot.kurtosis(x) * dt[:, None]
    count = np.maximum(np.bincount(place, minlength=size), 1)
    rows = []
    for j in range(sample.dim):
        usable = np.isfinite(scale[:, j])
        own = np.where(usable, scale[:, j], np.nanmean(scale[:, j]) if usable.any() else 1.0)
        expected = np.bincount(place, excess[:, j], size) / count
        drift = np.bincount(place, change[:, j], size) / np.maximum(
            np.bincount(place, dt, size), 1e-300
        )
        z = (change[:, j] - drift[place] * dt) / np.sqrt(own * dt)
        test = pawula_test(z, place, expected)
        rows.append((test.statistic, test.pvalue, test.n, test.n_cells))
    return pd.DataFrame(
        rows, index=list(sample.panel.columns), columns=["statistic", "pvalue", "n", "n_cells"]
    )
