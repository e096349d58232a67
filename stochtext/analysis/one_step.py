"""One-step errors of a fit on any panel: raw, and standardised as the fit itself does.

Law: where states are hidden the error is the filter's innovation, and rows that nothing
predicts are NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.trajectories.panel import Trajectories

__all__ = ["one_step_errors", "slowest_row"]


def one_step_errors(fit: Any, panel: Trajectories) -> FloatArray:
    """Return the next state less its prediction, shape (n, d)."""
    observed = getattr(fit, "observed", None)
    target = panel.transitions().x_next
    if observed is not None:
        predicted = np.delete(observed.predict(panel), panel.offsets[1:] - 1, axis=0)
        return np.asarray(target - predicted)
    s = panel.transitions(fit.process.clock)
    mean, _ = fit.transition.moments(fit.process, s.x, s.t, s.dt, clock_dt=s.clock_dt)
    return np.asarray(target - mean)


def slowest_row(frame: Any) -> Any:
    """Return the row of a frame of time constants with the slowest rate; None without one."""
    known = frame[frame["rate"].notna() & (frame["rate"] > 0)]
    return None if known.empty else known.sort_values("rate").iloc[0]
