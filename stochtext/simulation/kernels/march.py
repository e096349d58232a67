"""A few long paths, one after the other: coefficients and step in one loop.

A tile of one path spends its time on calls. Here the coefficients stand in the same module, and
all sizes are constants of it, so that a step becomes a handful of instructions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import kernel
from stochtext._shared.compilation.intrinsics import stack_column
from stochtext.processes.compiled.called_back import diffusion, drift
from stochtext.processes.compiled.numerical_correction import correction as third
from stochtext.simulation.kernels.euler import step, workspace

FLOAT = np.float64
DIM = 1
NOISE_DIM = 1
DIFFUSION_ROWS = 1
THIRD_ROWS = 0
FURTHER_NUMBERS = 0
OWN = 1

__all__ = ["march"]

_STATE = (FLOAT(0.0),) * DIM
_DIFFUSION = (FLOAT(0.0),) * DIFFUSION_ROWS
_THIRD = (FLOAT(0.0),) * max(THIRD_ROWS, 1)


@kernel
def march(
    theta: Any, clock: Any, limits: Any, counts: Any, z: Any, further: Any, state: Any, out: Any
) -> int:
    """Advance one path through a block of steps; return the step at which it was lost, or -1.

    Parameters
    ----------
    theta, clock, limits
        As in ``loop.run``.
    counts : ndarray of int64
        Number of the block's first step, in the noise and in the run; steps of the block; steps
        from one saved state to the next.
    z : ndarray of shape (steps * m, 1)
    further : ndarray of shape (steps * further numbers, 1)
    state : ndarray of shape (d,)
        In: before the block. Out: after it.
    out : ndarray of shape (saved states, d)
    """
    now, first, steps, each = counts
    h = FLOAT(clock[2])
    x = stack_column(_STATE)
    b = stack_column(_STATE)
    s = stack_column(_DIFFUSION)
    c = stack_column(_THIRD)
    work = workspace(DIM, NOISE_DIM, DIFFUSION_ROWS, 1)
    for j in range(DIM):
        x[j, 0] = state[j]
    lost = -1
    for k in range(steps):
        t = clock[0] + (now + k) * clock[1]
        step(
            drift, diffusion, third, theta, t, clock[1], h, OWN, 0, limits, x, z, k * NOISE_DIM,
            further, k * FURTHER_NUMBERS, FURTHER_NUMBERS, b, s, c, work,
        )  # fmt: skip
        finite = True
        for j in range(DIM):
            finite = finite and abs(x[j, 0]) < np.inf
        if not finite:
            lost = first + k + 1
            break
        if (first + k + 1) % each == 0:
            for j in range(DIM):
                out[(first + k + 1) // each, j] = x[j, 0]
    for j in range(DIM):
        state[j] = x[j, 0]
    return lost
