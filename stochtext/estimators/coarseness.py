"""Whether the sampling interval is so long that a direction looks like white noise."""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.estimators.sample import TransitionSample

__all__ = ["one_step_rates", "outlasts_memory", "white_directions"]

# A direction whose memory falls below exp(-3) = 5 % within a step cannot be told from none.
WHITE = 3.0
FEWEST = 20


def white_directions(rates: FloatArray, step: float) -> str | None:
    """Return a sentence that counts the white directions, or None if there are none.

    Parameters
    ----------
    rates : ndarray of shape (d,)
        Real parts of the rates of mean reversion, per unit of time.
    step : float
        Sampling interval.
    """
    count = int(np.sum(rates * step > WHITE))
    if count == 0:
        return None
    return (
        f"{count} of {len(rates)} directions are white at this sampling: their time constant is "
        f"below dt/{WHITE:.0f} = {step / WHITE:.3g}, which is an upper bound only."
    )


def outlasts_memory(sample: TransitionSample) -> bool:
    """Return whether a step is longer than the shortest time constant of a one-step regression."""
    return bool(np.any(one_step_rates(sample) * sample.typical_step > 1.0))


def one_step_rates(sample: TransitionSample) -> FloatArray:
    """Return the rates of mean reversion that a one-step regression implies.

    A direction without positive memory has an infinite rate. Empty for fewer
    than 20 transitions per regressor, where the regression itself is noise.
    """
    if sample.n < FEWEST * (sample.dim + 1):
        return np.empty(0)
    if sample.weight.min() == sample.weight.max():
        x, following = (a - a.mean(axis=0) for a in (sample.x, sample.x_next))
        weighted = x.T
    else:
        weight = sample.weight / sample.n_effective
        x, following = (a - weight @ a for a in (sample.x, sample.x_next))
        weighted = (weight[:, None] * x).T
    slopes, *_ = np.linalg.lstsq(weighted @ x, weighted @ following, rcond=None)
    memory = np.linalg.eigvals(slopes.T)
    real = np.abs(memory.imag) < 1e-12
    size = np.where(real, np.maximum(memory.real, 0.0), np.abs(memory))
    with np.errstate(divide="ignore"):
        return -np.log(size) / sample.typical_step
