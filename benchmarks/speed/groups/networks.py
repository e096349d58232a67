"""P16 and P17: a drift network in float32 against PyTorch, and against the machine."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from benchmarks.speed import ours
from benchmarks.speed.network_floor import (
    MATRIX,
    TANHS,
    matrix_product,
    multiply_adds,
    tanh_fill,
)
from benchmarks.speed.peers.torch_networks import (
    HIDDEN,
    NOISE,
    START,
    batched,
    compiled,
    drift_network,
    weights,
)
from benchmarks.speed.plan import Found, Plan
from benchmarks.speed.timing import Candidate
from benchmarks.speed.workloads import Size
from stochtext.processes import NetworkProcess

__all__ = ["measure"]

MANY = Size(10_240, 50)
ALONE = {"stochtext": 5_000, "torch": 500}


def measure(plan: Plan) -> Found:
    """Check that both simulate the same law, time all candidates and return the ratios."""
    found = Found()
    for dim in (2, 8):
        _measure_dim(found, plan, dim)
    return found


def _measure_dim(found: Found, plan: Plan, dim: int) -> None:
    network, many = drift_network(dim), MANY.divided(plan.divisor)
    process, start = _process(network, dim), np.full(dim, START)
    own = ours.final_only(process, start, many, dtype="float32")
    torch_run = batched(network, many.paths, many.steps)
    _check_same_law(own()[:, -1], torch_run().numpy())
    one = ours.final_only(process, start, Size(1, ALONE["stochtext"]), dtype="float32")
    candidates = {
        "stochtext": Candidate(own, many.work),
        "torch": Candidate(torch_run, many.work),
        "torch.compile": Candidate(compiled(network, many.paths, many.steps), many.work),
        "stochtext, one path": Candidate(one, float(ALONE["stochtext"])),
        "torch, one path": Candidate(batched(network, 1, ALONE["torch"]), float(ALONE["torch"])),
        "matrix product, per multiply-add": Candidate(matrix_product(), float(MATRIX**3)),
        "tanh, per value": Candidate(tanh_fill(), float(TANHS)),
    }
    ns = found.time(f"Network drift, d = {dim}, float32, 10,240 paths", candidates, plan)
    floor = (
        multiply_adds(dim, HIDDEN) * ns["matrix product, per multiply-add"]
        + 2 * HIDDEN * ns["tanh, per value"]
    )
    found.rows |= {
        f"P16 torch, d={dim}": ns["torch"] / ns["stochtext"],
        f"P16 torch.compile, d={dim}": ns["torch.compile"] / ns["stochtext"],
        f"P16 one path, d={dim}": ns["torch, one path"] / ns["stochtext, one path"],
        f"P17 d={dim}": ns["stochtext"] / floor,
    }
    found.notes.append(f"P17, d={dim}: the floor is {floor:.1f} ns a path-step.")


def _process(network: Any, dim: int) -> NetworkProcess:
    (w0, b0), (w1, b1), (w2, b2) = weights(network)
    one = np.ones(dim)
    return NetworkProcess(
        {
            "centre": 0.0 * one,
            "spread": one,
            "drift_unit": one,
            "noise_unit": one,
            "drift.slope": np.zeros((1, dim, dim)),
            "drift.intercept": b2.reshape(1, 1, dim),
            "drift.layer0.weight": w0[None],
            "drift.layer0.bias": b0.reshape(1, 1, -1),
            "drift.layer1.weight": w1[None],
            "drift.layer1.bias": b1.reshape(1, 1, -1),
            "drift.layer2.weight": w2[None],
            "covariance.log_scale": np.full((1, 1, dim), math.log(NOISE)),
            "covariance.lower": np.zeros((1, 1, dim * (dim - 1) // 2)),
        },
        form="diagonal",
    )


def _check_same_law(own: np.ndarray, theirs: np.ndarray) -> None:
    """Raise if mean or variance of a coordinate differ by more than five standard errors."""
    for j in range(own.shape[1]):
        a, b = own[:, j].astype(np.float64), theirs[:, j].astype(np.float64)
        centre = b.mean()
        for x, y in ((a, b), ((a - centre) ** 2, (b - centre) ** 2)):
            error = math.sqrt(x.var() / len(x) + y.var() / len(y))
            if not abs(x.mean() - y.mean()) <= 5.0 * error:
                raise AssertionError(f"Coordinate {j}: {x.mean():.6g} against {y.mean():.6g}.")
