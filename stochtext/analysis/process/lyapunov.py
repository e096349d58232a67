r"""The largest Lyapunov exponent: whether two paths under the same noise meet or part.

Law of this file: both paths see the same noise; what is averaged is the logarithm of how far
apart a small step moves them.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray
from stochtext.analysis.quantities import Quantity
from stochtext.processes.base import Process
from stochtext.processes.linear.process import LinearProcess
from stochtext.results.inference.derived.spread import Spread
from stochtext.trajectories.panel import Trajectories

__all__ = ["largest_exponent", "stability"]

LANES = 128
APART = 1e-6
SUBSTEPS = 20
BURN = 0.2
# Paths of draws are shorter than that of the estimate, but not than this.
FEWEST_STEPS = 10


def stability(
    process: Process, panel: Trajectories, part: str, spread: Spread, n_steps: int,
    root: np.random.SeedSequence, alpha: float,
) -> Quantity:  # fmt: skip
    """Return the largest exponent of a fitted process with its interval.

    Parameters
    ----------
    process : Process
    panel : Trajectories
        Its states are where paths start.
    part : str
        Of the analysis that shows it.
    spread : Spread
        Draws of the process.
    n_steps : int
        Sampling intervals, a tenth of them for a draw.
    root : SeedSequence
    alpha : float

    Notes
    -----
    Paths of draws are short. They see the noise of a path of the fit that is as short, and
    their differences from it are the spread of the process; the simulation error of the
    estimate comes on top of it.
    """
    name, dt = "largest Lyapunov exponent of the fit", float(np.median(panel.transitions().dt))
    value, error = largest_exponent(process, panel.values, dt, n_steps, root)
    fewer = max(n_steps // 10, FEWEST_STEPS)
    short = largest_exponent(process, panel.values, dt, fewer, root)[0]
    drawn = [largest_exponent(p, panel.values, dt, fewer, root)[0] for p in spread.processes]
    columns = value - short + np.reshape(drawn, (-1, 1))
    _, low, high, share = spread.interval(np.array([value]), columns, alpha, positive=False)
    lacking = not np.isfinite(low[0]) and spread.reason is None
    note = spread.missing(float(share[0])) if lacking else ""
    if error:
        note = f"{note} simulation error {error:.2g}".strip()
    chance = float(norm.isf(alpha / 2)) * error
    lower = value - np.hypot(max(value - low[0], 0.0), chance)
    upper = value + np.hypot(max(high[0] - value, 0.0), chance)
    return Quantity(part, name, "", value, float(lower), float(upper), note=note)


def largest_exponent(
    process: Process, states: FloatArray, dt: float, n_steps: int, root: np.random.SeedSequence
) -> tuple[float, float]:
    r"""Return the exponent per unit of time and its simulation error.

    Parameters
    ----------
    process : Process
    states : ndarray of shape (n, d)
        From where paths start.
    dt : float
        Sampling interval; the paths take twenty Euler steps in each.
    n_steps : int
        Sampling intervals.
    root : SeedSequence

    Notes
    -----
    For linear processes minus the slowest rate, exactly. Otherwise 128 pairs of paths start
    a small distance apart and are brought back to that distance after every step (Benettin
    et al. 1980, Meccanica 15); the error is that of the mean over pairs. A negative exponent
    says that paths forget where they began; the fixed sequence of noise is kept in both.

    Examples
    --------
    >>> import numpy as np
    >>> import stochtext as st
    >>> root = np.random.SeedSequence(0)
    >>> largest_exponent(st.OrnsteinUhlenbeck(0.5, 0.0, 1.0), np.zeros((1, 1)), 1.0, 10, root)
    (-0.5, 0.0)
    """
    if isinstance(process, LinearProcess):
        kappa = np.atleast_2d(np.asarray(process.params["kappa"], dtype=np.float64))
        return -float(np.linalg.eigvals(kappa).real.min()), 0.0
    rng = generator(root, "lyapunov")
    x = states[rng.integers(0, len(states), LANES)]
    d = x.shape[1]
    step = rng.standard_normal((LANES, d))
    scale = states.std(axis=0).max() or 1.0
    size = APART * scale
    gap = size * step / np.linalg.norm(step, axis=1, keepdims=True)
    h, burn = dt / SUBSTEPS, int(BURN * n_steps * SUBSTEPS)
    total, counted = np.zeros(LANES), 0
    for k in range(n_steps * SUBSTEPS):
        noise = np.sqrt(h) * rng.standard_normal((LANES, process.noise_dim or d))
        both = np.concatenate([x, x + gap])
        u = k / (n_steps * SUBSTEPS) if process.clock == "relative" else k * h
        moved = both + process.drift(both, u) * h
        moved = moved + np.einsum("nij,nj->ni", process.diffusion(both, u), np.tile(noise, (2, 1)))
        x, gap = moved[:LANES], moved[LANES:] - moved[:LANES]
        length = np.linalg.norm(gap, axis=1)
        if not np.isfinite(length).all() or (length == 0).any():
            return float("nan"), float("nan")
        if k >= burn:
            total += np.log(length / size)
            counted += 1
        gap = size * gap / length[:, None]
    rate = total / (counted * h)
    return float(rate.mean()), float(rate.std(ddof=1) / np.sqrt(LANES))
