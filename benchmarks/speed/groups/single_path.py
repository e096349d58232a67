"""P6: one long path, where nothing can be done side by side but the noise."""

from __future__ import annotations

import numpy as np

from benchmarks.speed import ours
from benchmarks.speed.peers import numpy_loops, sdeint_solvers
from benchmarks.speed.plan import Found, Plan
from benchmarks.speed.timing import Candidate
from benchmarks.speed.workloads import OU, Size, check_ou_path

__all__ = ["measure"]

STEPS = {"stochtext": 1_000_000, "Python loop": 100_000, "sdeint": 5_000}


def measure(plan: Plan) -> Found:
    """Check the laws, time all candidates per step and return the ratios."""
    found = Found()
    steps = {name: count // plan.divisor for name, count in STEPS.items()}
    runs = {
        "stochtext": ours.stored(ours.ornstein_uhlenbeck(), OU.x0, Size(1, steps["stochtext"])),
        "Python loop": numpy_loops.python_loop(steps["Python loop"]),
        "sdeint": sdeint_solvers.euler_ou(steps["sdeint"]),
    }
    for name, run in runs.items():
        check_ou_path(name, np.asarray(run()))
    candidates = {name: Candidate(run, float(steps[name])) for name, run in runs.items()}
    ns = found.time("W2: OU, one path, all steps", candidates, plan)
    found.rows = {
        "P6 Python loop": ns["Python loop"] / ns["stochtext"],
        "P6 sdeint": ns["sdeint"] / ns["stochtext"],
    }
    return found
