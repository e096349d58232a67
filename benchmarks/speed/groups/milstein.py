"""P5: geometric Brownian motion by Milstein's scheme, all steps stored."""

from __future__ import annotations

import numpy as np

from benchmarks.speed import ours
from benchmarks.speed.peers import diffrax_solvers, torchsde_solvers
from benchmarks.speed.plan import Found, Plan
from benchmarks.speed.timing import Candidate
from benchmarks.speed.workloads import GBM, Size, check_gbm

__all__ = ["measure"]

SIZE = Size(10_000, 100)


def measure(plan: Plan) -> Found:
    """Check the laws, time all candidates and return the ratios."""
    found, size = Found(), SIZE.divided(plan.divisor)
    runs = {
        "stochtext": ours.stored(ours.gbm(), GBM.x0, size, scheme="milstein"),
        "diffrax": diffrax_solvers.milstein_gbm(size),
        "torchsde": torchsde_solvers.milstein_gbm(size),
    }
    check_gbm("stochtext", runs["stochtext"]()[:, -1], size.steps)
    check_gbm("diffrax", np.asarray(runs["diffrax"]())[:, size.steps - 1], size.steps)
    check_gbm("torchsde", runs["torchsde"]()[-1].numpy(), size.steps)
    runs["stochtext, Euler"] = ours.stored(ours.gbm(), GBM.x0, size, scheme="euler")
    candidates = {name: Candidate(run, size.work) for name, run in runs.items()}
    ns = found.time("GBM, 10,000 x 100, all steps, Milstein", candidates, plan)
    found.rows = {
        "P5 diffrax": ns["diffrax"] / ns["stochtext"],
        "P5 torchsde": ns["torchsde"] / ns["stochtext"],
        "P5 Milstein / Euler": ns["stochtext"] / ns["stochtext, Euler"],
    }
    return found
