"""Losses, their gradients and Jacobians of whitened moments. Imported late: loads numba."""

from __future__ import annotations

from typing import Any

from stochtext._shared.compilation.decorators import kernel, routine
from stochtext._shared.compilation.intrinsics import borrowed, wide_vectors
from stochtext._shared.compilation.lanes import fused, load, spread, store
from stochtext._shared.compilation.products import part_of
from stochtext.estimators.neural.passes.matrices import factorise_rows, whiten_cotangent
from stochtext.estimators.neural.passes.rows import copy_rows, fill_rows
from stochtext.estimators.neural.passes.steps import strip_back, strip_forward
from stochtext.processes.compiled.elementary.logarithm import log64

__all__ = ["jacobians", "laws", "score_cotangent", "set_cotangent", "sums", "weigh"]

LANES = 16


@routine
def weigh(shape: Any, here: Any, y: Any, end: Any, law: Any) -> None:
    """Write L (d d), u = L^-1 (x' - m) (d) and minus the log density to law."""
    wide_vectors()
    p, d = shape[0], shape[1]
    factorise_rows(y, end + d, d, law, 0)
    u, last = d * d, d * d + d
    store(law, last, spread(0.5 * d * 1.8378770664093453))
    loss = part_of(law, last * LANES, LANES)
    for j in range(d):
        white = load(here, 1 + 2 * p - d + j) - load(y, end + j)
        for k in range(j):
            white = fused(-load(law, j * d + k), load(law, u + k), white)
        white = white / load(law, j * d + j)
        store(law, u + j, white)
        own = part_of(law, (u + j) * LANES, LANES)
        size = part_of(law, (j * d + j) * LANES, LANES)
        for i in range(LANES):
            loss[i] += 0.5 * own[i] * own[i] + log64(size[i])


@routine
def set_cotangent(law: Any, d: Any, bars: Any, at: Any) -> None:
    """Turn the cotangents of L^-1 dm (d) and L^-1 dV L^-T (d d) into those of m and V."""
    wide_vectors()
    for back in range(d):
        j = d - 1 - back
        mean = load(bars, at + j)
        for q in range(j + 1, d):
            mean = fused(-load(law, q * d + j), load(bars, at + q), mean)
        store(bars, at + j, mean / load(law, j * d + j))
    whiten_cotangent(law, 0, d, bars, at + d)


@routine
def score_cotangent(law: Any, d: Any, bars: Any) -> None:
    """Write the derivative of the log density by the whitened moments."""
    wide_vectors()
    copy_rows(law, d * d, d, bars, 0)
    for j in range(d):
        for k in range(d):
            product = load(law, d * d + j) * load(law, d * d + k)
            store(bars, d + j * d + k, 0.5 * (product - (1.0 if j == k else 0.0)))


@kernel
def laws(
    theta: Any, shape: Any, layers: Any, units: Any, data: Any, n_sub: Any, euler: Any,
    here: Any, tape: Any, stages: Any, extra: Any, y: Any, law: Any, out: Any,
) -> None:  # fmt: skip
    """Write whitened residuals and minus the log density, d + 1 rows a strip."""
    wide_vectors()
    theta, shape, layers, units, data, n_sub, here, tape, stages, extra, y, law = borrowed(
        (theta, shape, layers, units, data, n_sub, here, tape, stages, extra, y, law)
    )
    (out,) = borrowed((out,))
    d = shape[1]
    for strip in range(n_sub.shape[0]):
        end = strip_forward(
            theta, shape, layers, units, data, strip, n_sub[strip], here, tape, stages, extra, y,
            euler,
        )  # fmt: skip
        weigh(shape, here, y, end, law)
        copy_rows(law, d * d, d + 1, out, strip * (d + 1))


@kernel
def sums(
    theta: Any, shape: Any, layers: Any, units: Any, data: Any, n_sub: Any, euler: Any,
    here: Any, tape: Any, stages: Any, extra: Any, y: Any, law: Any, bars: Any, small: Any,
    grad: Any, weight: Any, out: Any,
) -> None:  # fmt: skip
    """Write losses and add the weighted gradient of their sum to ``grad``, a column a lane."""
    wide_vectors()
    theta, shape, layers, units, data, n_sub, here, tape, stages, extra, y, law = borrowed(
        (theta, shape, layers, units, data, n_sub, here, tape, stages, extra, y, law)
    )
    bars, small, grad, weight, out = borrowed((bars, small, grad, weight, out))
    d = shape[1]
    for strip in range(n_sub.shape[0]):
        end = strip_forward(
            theta, shape, layers, units, data, strip, n_sub[strip], here, tape, stages, extra, y,
            euler,
        )  # fmt: skip
        weigh(shape, here, y, end, law)
        copy_rows(law, d * d + d, 1, out, strip)
        score_cotangent(law, d, bars)
        for k in range(d + d * d):
            store(bars, k, load(bars, k) * -load(weight, strip))
        set_cotangent(law, d, bars, 0)
        strip_back(
            theta, shape, layers, units, here, n_sub[strip], tape, stages, extra, y, bars, 1,
            small, grad, 0, euler,
        )  # fmt: skip


@kernel
def jacobians(
    theta: Any, shape: Any, layers: Any, units: Any, data: Any, n_sub: Any, euler: Any,
    here: Any, tape: Any, stages: Any, extra: Any, y: Any, law: Any, bars: Any, small: Any,
    grad: Any, probes: Any, scores: Any, out: Any,
) -> None:  # fmt: skip
    """Write, for every transition and probe, the gradient of the probed whitened moments.

    ``probes`` (k, d + d d, n or 1) hold cotangents of L^-1 dm and L^-1 dV L^-T; with
    ``scores`` there is one probe, the derivative of the log density. ``out`` is (P, k, n).
    """
    wide_vectors()
    theta, shape, layers, units, data, n_sub, here, tape, stages, extra, y, law = borrowed(
        (theta, shape, layers, units, data, n_sub, here, tape, stages, extra, y, law)
    )
    bars, small, grad, probes, out = borrowed((bars, small, grad, probes, out))
    d, size = shape[1], shape[1] + shape[1] * shape[1]
    many, count, strips = out.shape[0], out.shape[1], n_sub.shape[0]
    for strip in range(strips):
        end = strip_forward(
            theta, shape, layers, units, data, strip, n_sub[strip], here, tape, stages, extra, y,
            euler,
        )  # fmt: skip
        weigh(shape, here, y, end, law)
        for probe in range(count):
            if scores:
                score_cotangent(law, d, bars)
            else:
                for k in range(size):
                    if probes.shape[2] == 1:
                        cot = spread(probes[probe, k, 0])
                    else:
                        cot = load(probes, (probe * size + k) * strips + strip)
                    store(bars, probe * size + k, cot)
            set_cotangent(law, d, bars, probe * size)
        fill_rows(grad, 0, count * many, 0.0)
        strip_back(
            theta, shape, layers, units, here, n_sub[strip], tape, stages, extra, y, bars, count,
            small, grad, many, euler,
        )  # fmt: skip
        for k in range(many):
            for probe in range(count):
                store(out, (k * count + probe) * strips + strip, load(grad, probe * many + k))
