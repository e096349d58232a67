"""P7 to P12: the simulation against its own noise and against itself; free of other packages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.speed import ours
from benchmarks.speed.own_noise import buffer_fill, tile_fill
from benchmarks.speed.plan import Found, Plan
from benchmarks.speed.timing import Candidate
from benchmarks.speed.workloads import OU, W1, Size

__all__ = ["measure"]

PLANE = Size(5_000, 1_000)
NORMALS = 2**20


def measure(plan: Plan) -> Found:
    """Time all candidates together and return the ratios."""
    found, size, plane = Found(), W1.divided(plan.divisor), PLANE.divided(plan.divisor)
    process, start = ours.ornstein_uhlenbeck(), OU.x0
    candidates = {
        "OU, final only": Candidate(ours.final_only(process, start, size), size.work),
        "noise fill": tile_fill(size),
        "OU, every 10th": Candidate(ours.stored(process, start, size, every=10), size.work),
        "OU, all steps": Candidate(ours.stored(process, start, size), size.work),
        "contiguous write": Candidate(_write(size), size.work),
        "2-D, all steps": Candidate(
            ours.stored(ours.two_dimensional(), [start, start], plane), plane.work
        ),
        "double well, final only": Candidate(
            ours.final_only(ours.double_well(), start, size), size.work
        ),
        "math.tanh drift, final only": Candidate(
            ours.final_only(ours.tanh_by_name(), start, size), size.work
        ),
    }
    ns = found.time("Floors: W1 and 2-D 5,000 x 1,000", candidates, plan)
    normals = found.time("2^20 normal numbers", _normals(), plan)
    time_major = ns["OU, final only"] + ns["contiguous write"]
    found.rows = {
        "P7": ns["OU, final only"] / ns["noise fill"],
        "P8": normals["numpy PCG64"] / normals["stochtext"],
        "P9": ns["OU, every 10th"] / ns["OU, final only"],
        "P10": ns["OU, all steps"] / time_major,
        "P11": ns["2-D, all steps"] / ns["OU, all steps"],
        "P12": ns["math.tanh drift, final only"] / ns["double well, final only"],
    }
    found.notes = [
        "P10: the package has no time-major layout. The divisor is the least that one could take: "
        "W1 with the final state only, plus one contiguous write of the same bytes."
    ]
    return found


def _write(size: Size) -> Callable[[], Any]:
    out = np.zeros((size.paths, size.steps + 1))
    row = np.linspace(0.0, 1.0, size.steps + 1)
    return lambda: np.copyto(out, row)


def _normals() -> dict[str, Candidate]:
    rng = np.random.Generator(np.random.PCG64(1))
    buffer = np.zeros(NORMALS)
    return {
        "stochtext": buffer_fill(NORMALS),
        "numpy PCG64": Candidate(lambda: rng.standard_normal(out=buffer), float(NORMALS)),
    }
