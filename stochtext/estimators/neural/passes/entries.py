"""Losses, their gradients and Jacobians of whitened moments. Imported late: loads numba."""

from __future__ import annotations

import math
from typing import Any

from stochtext._shared.compilation.decorators import kernel, routine
from stochtext._shared.compilation.intrinsics import fma, wide_vectors
from stochtext.estimators.neural.passes.matrices import factorise_rows, whiten_cotangent
from stochtext.estimators.neural.passes.rows import copy_rows, fill_rows, row_of
from stochtext.estimators.neural.passes.steps import strip_back, strip_forward

__all__ = ["jacobians", "laws", "score_cotangent", "set_cotangent", "sums", "weigh"]

LANES = 16


@routine
def weigh(shape: Any, here: Any, y: Any, end: Any, law: Any) -> None:
    """Write L (d d), u = L^-1 (x' - m) (d) and minus the log density to law."""
    wide_vectors()
    p, d = shape[0], shape[1]
    factorise_rows(y, end + d, d, law, 0)
    u, loss = d * d, row_of(law, d * d + d)
    fill_rows(law, d * d + d, 1, 0.5 * d * 1.8378770664093453)
    for j in range(d):
        white, diagonal = row_of(law, u + j), row_of(law, j * d + j)
        seen, mean = row_of(here, 1 + 2 * p - d + j), row_of(y, end + j)
        for i in range(LANES):
            white[i] = seen[i] - mean[i]
        for k in range(j):
            below, known = row_of(law, j * d + k), row_of(law, u + k)
            for i in range(LANES):
                white[i] = fma(-below[i], known[i], white[i])
        for i in range(LANES):
            white[i] /= diagonal[i]
            loss[i] += 0.5 * white[i] * white[i] + math.log(diagonal[i])


@routine
def set_cotangent(law: Any, d: Any, bars: Any, at: Any) -> None:
    """Turn the cotangents of L^-1 dm (d) and L^-1 dV L^-T (d d) into those of m and V."""
    wide_vectors()
    for back in range(d):
        j = d - 1 - back
        mean, diagonal = row_of(bars, at + j), row_of(law, j * d + j)
        for q in range(j + 1, d):
            below, known = row_of(law, q * d + j), row_of(bars, at + q)
            for i in range(LANES):
                mean[i] = fma(-below[i], known[i], mean[i])
        for i in range(LANES):
            mean[i] /= diagonal[i]
    whiten_cotangent(law, 0, d, bars[at + d : at + d + d * d])


@routine
def score_cotangent(law: Any, d: Any, bars: Any) -> None:
    """Write the derivative of the log density by the whitened moments."""
    wide_vectors()
    copy_rows(law, d * d, d, bars, 0)
    for j in range(d):
        for k in range(d):
            one, two = row_of(law, d * d + j), row_of(law, d * d + k)
            cot = row_of(bars, d + j * d + k)
            for i in range(LANES):
                cot[i] = 0.5 * (one[i] * two[i] - (1.0 if j == k else 0.0))


@kernel
def laws(
    theta: Any, shape: Any, layers: Any, units: Any, data: Any, n_sub: Any, euler: Any,
    here: Any, tape: Any, stages: Any, extra: Any, y: Any, law: Any, out: Any,
) -> None:  # fmt: skip
    """Write whitened residuals and minus the log density, d + 1 rows a strip."""
    wide_vectors()
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
    d = shape[1]
    for strip in range(n_sub.shape[0]):
        end = strip_forward(
            theta, shape, layers, units, data, strip, n_sub[strip], here, tape, stages, extra, y,
            euler,
        )  # fmt: skip
        weigh(shape, here, y, end, law)
        copy_rows(law, d * d + d, 1, out, strip)
        score_cotangent(law, d, bars)
        w = row_of(weight, strip)
        for k in range(d + d * d):
            cot = row_of(bars, k)
            for i in range(LANES):
                cot[i] *= -w[i]
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
    ``scores`` there is one probe, the derivative of the log density. ``out`` is (n, k, P).
    """
    wide_vectors()
    d, size = shape[1], shape[1] + shape[1] * shape[1]
    count, many = out.shape[1], out.shape[2]
    for strip in range(n_sub.shape[0]):
        first = strip * LANES
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
                    for i in range(LANES):
                        column = (first + i) % probes.shape[2]
                        bars[probe * size + k, i] = probes[probe, k, column]
            set_cotangent(law, d, bars, probe * size)
        fill_rows(grad, 0, count * many, 0.0)
        strip_back(
            theta, shape, layers, units, here, n_sub[strip], tape, stages, extra, y, bars, count,
            small, grad, many, euler,
        )  # fmt: skip
        for i in range(LANES):
            for probe in range(count):
                for k in range(many):
                    out[first + i, probe, k] = grad[probe * many + k, i]
