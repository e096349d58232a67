"""Forecasts where states are hidden behind noise: from the filtered law to noisy observations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.results.inference.forecasting.origins import Origins
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.reading import is_panel

__all__ = ["hidden_origins"]


def hidden_origins(results: Any, X: Any, origins: Origins, dt: Any, origin: str) -> Origins:
    """Return where forecasts of hidden states start.

    Plain states are taken as known, and the forecasts are of states. For a panel they start
    from the law of the last state given all observations of its trajectory, and are of
    observations, with their noise.

    Raises
    ------
    InputError
        Where the filter is not at hand, or trajectories have means of their own.
    """
    if not (isinstance(X, Trajectories) or is_panel(X)):
        return origins
    model = results.observed
    if model is None:
        raise InputError(
            "These results were loaded from a file, which does not hold the filter of a fit with "
            "observation noise. Fit again, or pass states that are known."
        )
    if model.effect is not None:
        raise InputError(
            "Trajectories of this fit have means of their own, which forecasts do not know. Pass "
            "states, or fit with mean_effect='none'."
        )
    if origin != "last":
        raise InputError("Hidden states are forecast from the last of each trajectory only.")
    panel = results._as_panel(X, dt, None)
    mean, covariance = model.smooth(panel)
    rows = panel.offsets[1:] - 1
    return replace(
        origins, x=mean[rows], start_factor=_root(covariance[rows]),
        noise_factor=_root(np.atleast_2d(model.noise)),
    )  # fmt: skip


def _root(covariance: FloatArray) -> FloatArray:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :])
