"""P1 to P4: Ornstein-Uhlenbeck, all steps stored, against packages that do many paths at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.speed import ours
from benchmarks.speed.peers import (
    diffrax_solvers,
    jax_scan,
    numpy_loops,
    sdepy_processes,
    torchsde_solvers,
)
from benchmarks.speed.plan import Found, Plan
from benchmarks.speed.timing import Candidate
from benchmarks.speed.workloads import OU, W1, W3, Size, check_ou

__all__ = ["measure"]


def measure(plan: Plan) -> Found:
    """Check that all candidates have the same law, time them and return the ratios."""
    found = Found()
    many_steps, many_paths = W1.divided(plan.divisor), W3.divided(plan.divisor)
    ns = found.time("W1: OU, 10,000 x 1,000, all steps", _candidates(many_steps, True), plan)
    found.rows |= _ratios("P1", ns, "numpy")
    found.rows |= _ratios("P2", ns, "jax float64", "jax float32")
    found.rows |= _ratios("P3", ns, "diffrax", "torchsde", "sdepy")
    ns = found.time("W3: OU, 100,000 x 100, all steps", _candidates(many_paths, False), plan)
    found.rows |= _ratios("P4", ns, "diffrax", "torchsde", "numpy", "sdepy")
    return found


def _candidates(size: Size, with_jax: bool) -> dict[str, Candidate]:
    # Where the final states are in what a run returns.
    runs: dict[str, tuple[Any, Any]] = {
        "stochtext": (
            ours.stored(ours.ornstein_uhlenbeck(), OU.x0, size),
            lambda paths: paths[:, -1, 0],
        ),
        "numpy": (numpy_loops.vectorised(size), lambda paths: paths[-1]),
        "diffrax": (diffrax_solvers.euler_ou(size), lambda paths: paths[:, size.steps - 1]),
        "torchsde": (torchsde_solvers.euler_ou(size), lambda paths: paths[-1, :, 0]),
        "sdepy": (sdepy_processes.euler_ou(size), lambda paths: paths[-1]),
    }
    if with_jax:
        runs["jax float64"] = (jax_scan.scan(size, "float64"), lambda paths: paths[-1])
        runs["jax float32"] = (jax_scan.scan(size, "float32"), lambda paths: paths[-1])
    for name, (run, final) in runs.items():
        check_ou(name, final(np.asarray(run())), size.steps)
    return {name: Candidate(run, size.work) for name, (run, _) in runs.items()}


def _ratios(row: str, ns: dict[str, float], *peers: str) -> dict[str, float]:
    return {f"{row} {peer}": ns[peer] / ns["stochtext"] for peer in peers}
