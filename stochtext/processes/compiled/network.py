"""Small networks on many states at once: what stands between their matrix products.

States are taken in strips, or one by one. Everything about a strip stands in the rows of one array
``work``, a column a state. Factors and covariance rates have d rows for the diagonal, and then,
where they are not diagonal, the lower triangle by rows.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import inlined, routine
from stochtext._shared.compilation.intrinsics import bits_of, float_of, fma, wide_vectors
from stochtext._shared.compilation.products import add_sums, dense, part_of
from stochtext.processes.compiled.elementary.exponential import exp32, exp64, tanh32, tanh64

FLOAT = np.float64

__all__ = [
    "STRIP",
    "activate",
    "add_linear_part",
    "add_products_of_factor",
    "factorise",
    "hidden_state",
    "hidden_strip",
    "last_state",
    "last_strip",
    "scale_factor",
    "set_rows",
    "squash32",
    "squash64",
    "standardise",
    "whole_strips",
    "write_factor",
    "write_rows",
]

#: States side by side.
STRIP = 128 // np.dtype(FLOAT).itemsize
# A strip costs as much as this many states alone.
_STRIP_COST = STRIP // 3
_LARGEST_LOG_SCALE = 5.0

_SQUASH_ROUND64 = 6755399441055744.0
_SQUASH_ROUND32 = np.float32(12582912.0)
_SQUASH_PLACE64 = np.uint64(52)
_SQUASH_PLACE32 = np.uint32(23)
_SQUASH_ONE64 = np.uint64(0x3FF0000000000000)
_SQUASH_ONE32 = np.uint32(0x3F800000)
_SQUASH_SIGN64 = np.uint64(0x8000000000000000)
_SQUASH_SIGN32 = np.uint32(0x80000000)


@inlined
def whole_strips(lanes: Any) -> Any:
    """Return how many of the states are taken in strips; the others are taken one by one."""
    rest = lanes % STRIP
    return lanes if rest > _STRIP_COST else lanes - rest


# -- activation ------------------------------------------------------------------------------


@inlined
def squash64(x: Any) -> Any:
    """Return tanh(x) = (1 - e) / (1 + e), e = exp(-2 |x|); largest absolute error 4e-16."""
    size = abs(x)
    size = 20.0 if size > 20.0 else size
    turned = fma(size, -2.8853900817779268, _SQUASH_ROUND64)
    f = fma(size, -2.8853900817779268, _SQUASH_ROUND64 - turned)
    q = fma(4.4549605981865186e-10, f, 7.072585949269223e-09)
    q = fma(q, f, 1.0178062445845774e-07)
    q = fma(q, f, 1.321544258792169e-06)
    q = fma(q, f, 1.525273382983612e-05)
    q = fma(q, f, 0.0001540353044173605)
    q = fma(q, f, 0.0013333558146416936)
    q = fma(q, f, 0.009618129107606888)
    q = fma(q, f, 0.0555041086648216)
    q = fma(q, f, 0.24022650695910097)
    q = fma(q, f, 0.6931471805599453)
    power = float_of((bits_of(turned) << _SQUASH_PLACE64) + _SQUASH_ONE64)
    e = fma(power * f, q, power)
    above, below = 1.0 - e, 1.0 + e
    # 1 / below by Newton's method from a parabola: a division takes longer.
    guess = fma(fma(0.3232323232323232, below, -1.4545454545454546), below, 2.121212121212121)
    guess = fma(guess, fma(-below, guess, 1.0), guess)
    guess = fma(guess, fma(-below, guess, 1.0), guess)
    result = above * guess
    result = fma(guess, fma(-below, result, above), result)
    return float_of(bits_of(result) | (bits_of(x) & _SQUASH_SIGN64))


@inlined
def squash32(x: Any) -> Any:
    """Return tanh(x) in float32 as `squash64` does; largest absolute error 2e-7."""
    size = abs(x)
    size = np.float32(10.0) if size > np.float32(10.0) else size
    turned = fma(size, np.float32(-2.8853900817779268), _SQUASH_ROUND32)
    f = fma(size, np.float32(-2.8853900817779268), _SQUASH_ROUND32 - turned)
    q = fma(np.float32(0.0013407258949252304), f, np.float32(0.009671875070850178))
    q = fma(q, f, np.float32(0.05550308362638749))
    q = fma(q, f, np.float32(0.2402223462401098))
    q = fma(q, f, np.float32(0.6931472149114326))
    power = _float32_of((_bits32_of(turned) << _SQUASH_PLACE32) + _SQUASH_ONE32)
    e = fma(power * f, q, power)
    above, below = np.float32(1.0) - e, np.float32(1.0) + e
    guess = fma(np.float32(0.3232323232323232), below, np.float32(-1.4545454545454546))
    guess = fma(guess, below, np.float32(2.121212121212121))
    guess = fma(guess, fma(-below, guess, np.float32(1.0)), guess)
    result = above * guess
    result = fma(guess, fma(-below, result, above), result)
    return _float32_of(_bits32_of(result) | (_bits32_of(x) & _SQUASH_SIGN32))


@inlined
def _bits32_of(x: Any) -> Any:
    return np.float32(x).view(np.uint32)


@inlined
def _float32_of(bits: Any) -> Any:
    return np.uint32(bits).view(np.float32)


_squash = squash32 if FLOAT is np.float32 else squash64
_network_exp = exp32 if FLOAT is np.float32 else exp64
_network_tanh = tanh32 if FLOAT is np.float32 else tanh64


@routine
def activate(work: Any, first: Any, count: Any) -> None:
    """Replace rows by their tanh."""
    wide_vectors()
    width = work.shape[1]
    numbers = part_of(work, first * width, count * width)
    for k in range(numbers.size):
        numbers[k] = _squash(numbers[k])


# -- layers ----------------------------------------------------------------------------------


@routine
def hidden_strip(
    theta: Any, weight: Any, bias: Any, work: Any, x: Any, inputs: Any, y: Any, outputs: Any
) -> None:
    """Write a hidden layer of a strip."""
    wide_vectors()
    dense(theta, weight, bias, work, x, inputs, y, outputs, STRIP)
    activate(work, y, outputs)


@routine
def hidden_state(
    theta: Any, weight: Any, bias: Any, work: Any, x: Any, inputs: Any, y: Any, outputs: Any
) -> None:
    """Write a hidden layer of one state."""
    wide_vectors()
    dense(theta, weight, bias, work, x, inputs, y, outputs, 1)
    activate(work, y, outputs)


@routine
def last_strip(
    theta: Any, weight: Any, work: Any, x: Any, inputs: Any, y: Any, outputs: Any
) -> None:
    """Add the last layer of a strip."""
    wide_vectors()
    add_sums(theta, weight, work, x, inputs, y, outputs, STRIP)


@routine
def last_state(
    theta: Any, weight: Any, work: Any, x: Any, inputs: Any, y: Any, outputs: Any
) -> None:
    """Add the last layer of one state."""
    wide_vectors()
    add_sums(theta, weight, work, x, inputs, y, outputs, 1)


# -- inputs, linear part, outputs ------------------------------------------------------------


@routine
def standardise(
    t: Any, x: Any, first: Any, lanes: Any, theta: Any, inputs: Any, rows: Any, work: Any
) -> None:
    """Write (x - centre) / spread, with t below the state, and zeros up to row ``rows``.

    theta begins with the centre and 1 / spread; ``lanes`` states stand in the strip.
    """
    wide_vectors()
    d, all_lanes = x.shape
    for k in range(rows):
        value = FLOAT(0.0)
        if d <= k < inputs:
            value = FLOAT((t - theta[k]) * theta[inputs + k])
        if k >= d or lanes < work.shape[1]:
            for i in range(work.shape[1]):
                work[k, i] = value
        if k < d:
            centre, rate = theta[k], theta[inputs + k]
            states = part_of(x, k * all_lanes + first, lanes)
            for i in range(lanes):
                work[k, i] = (states[i] - centre) * rate


@routine
def set_rows(theta: Any, place: Any, work: Any, first: Any, count: Any) -> None:
    """Write one number of theta a row."""
    wide_vectors()
    for k in range(count):
        for i in range(work.shape[1]):
            work[first + k, i] = theta[place + k]


@routine
def add_linear_part(
    theta: Any, place: Any, work: Any, inputs: Any, first: Any, outputs: Any
) -> None:
    """Add slope z, with the slope of shape (outputs, inputs) in theta."""
    wide_vectors()
    for j in range(outputs):
        for k in range(inputs):
            slope = theta[place + j * inputs + k]
            for i in range(work.shape[1]):
                work[first + j, i] = fma(slope, work[k, i], work[first + j, i])


@inlined
def _write_row(work: Any, row: Any, out: Any, to: Any, first: Any, lanes: Any) -> None:
    # An index that may be negative, for all that LLVM knows, keeps it from storing vectors.
    target = part_of(out, to * out.shape[1] + first, lanes)
    for i in range(lanes):
        target[i] = work[row, i]


@routine
def write_rows(work: Any, row: Any, count: Any, out: Any, first: Any, lanes: Any) -> None:
    """Copy rows of the strip to where they belong."""
    wide_vectors()
    for k in range(count):
        _write_row(work, row + k, out, k, first, lanes)


# -- covariance rate -------------------------------------------------------------------------


@inlined
def _entry(d: Any, j: Any, k: Any) -> Any:
    """Return the row of entry (j, k) of a factor, k <= j."""
    return j if j == k else d + j * (j - 1) // 2 + k


@routine
def scale_factor(theta: Any, place: Any, work: Any, first: Any, d: Any, triangle: Any) -> None:
    """Turn log scales and lower triangle into a factor; theta holds log scales and units."""
    wide_vectors()
    for j in range(d):
        level, unit = theta[place + j], theta[place + d + j]
        for i in range(work.shape[1]):
            move = _network_tanh(work[first + j, i] / FLOAT(_LARGEST_LOG_SCALE))
            scale = _network_exp(fma(FLOAT(_LARGEST_LOG_SCALE), move, level))
            work[first + j, i] = unit * scale
        for k in range(j if triangle else 0):
            row = first + _entry(d, j, k)
            for i in range(work.shape[1]):
                work[row, i] *= work[first + j, i]


@routine
def add_products_of_factor(work: Any, first: Any, total: Any, d: Any, triangle: Any) -> None:
    """Add factor times its transpose."""
    wide_vectors()
    for j in range(d):
        for k in range(0 if triangle else j, j + 1):
            to = total + _entry(d, j, k)
            for q in range(0 if triangle else k, k + 1):
                left, right = first + _entry(d, j, q), first + _entry(d, k, q)
                for i in range(work.shape[1]):
                    work[to, i] = fma(work[left, i], work[right, i], work[to, i])


@routine
def factorise(work: Any, first: Any, d: Any, triangle: Any, members: Any) -> None:
    """Replace a sum of covariance rates by the lower Cholesky factor of their mean."""
    wide_vectors()
    for j in range(d):
        for k in range(0 if triangle else j, j + 1):
            at = first + _entry(d, j, k)
            for i in range(work.shape[1]):
                work[at, i] /= FLOAT(members)
            for q in range(0 if triangle else k, k):
                left, right = first + _entry(d, j, q), first + _entry(d, k, q)
                for i in range(work.shape[1]):
                    work[at, i] = fma(-work[left, i], work[right, i], work[at, i])
            if k < j:
                for i in range(work.shape[1]):
                    work[at, i] /= work[first + k, i]
            else:
                for i in range(work.shape[1]):
                    work[at, i] = math.sqrt(work[at, i])


@routine
def write_factor(work: Any, row: Any, d: Any, out: Any, first: Any, lanes: Any) -> None:
    """Write the d * d entries of a lower triangular matrix, zeros above the diagonal."""
    wide_vectors()
    for j in range(d):
        for k in range(j + 1):
            _write_row(work, row + _entry(d, j, k), out, j * d + k, first, lanes)
        for k in range(j + 1, d):
            for i in range(lanes):
                out[j * d + k, first + i] = FLOAT(0.0)
