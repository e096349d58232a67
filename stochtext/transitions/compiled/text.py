"""The source text of one pass over all rows: sums in a fixed order, in blocks of lanes."""

from __future__ import annotations

from collections.abc import Callable

from stochtext.processes.compiled.tracing.emission import (
    Emission,
    HoistedLines,
    LoopBody,
    loop_groups,
)
from stochtext.processes.compiled.tracing.expression import Expression
from stochtext.transitions.compiled.sums import RowSums

__all__ = ["LANES", "pass_text"]

#: Number of partial sums of each term; a power of two. Row i adds to partial sum i % LANES.
LANES = 512

_HEAD = """
@kernel
def likelihood(x, theta, n, sums, out):
    wide_vectors()
"""
# A factor of a sum needs no last bit, and no subnormal result.
_EXPONENTIAL = "\nexp = swift_exp64\n"
_REDUCTION = f"""
    for k in range(sums.shape[0]):
        width = {LANES // 2}
        while width > 0:
            for i in range(width):
                sums[k, i] += sums[k, i + width]
            width //= 2
"""


def pass_text(
    sums: RowSums,
    place: Callable[[int], tuple[int, int]],
    first_sum: int,
    weight_row: int | None,
) -> tuple[tuple[str, ...], str]:
    """Return the modules that the text needs, and the text of ``likelihood``.

    Parameters
    ----------
    sums : RowSums
        Its first total is the log density, the others are the derivatives.
    place : callable
        Returns row and shift of a coordinate.
    first_sum : int
        Where the sum of the weights stands in theta; the fixed sums follow.
    weight_row : int or None
        Row of the weights in the data; None: all weights are one.

    Notes
    -----
    ``likelihood(x, theta, n, sums, out)`` writes the negative sums over n rows to ``out``.
    ``sums`` is working space of shape (terms, LANES), zero at the start. The order of every
    sum is fixed by the text: there are no fast-math flags.
    """
    emission = Emission("")
    coefficients = [c for total in sums.totals for c, _, _ in total]
    before = HoistedLines([*coefficients, *sums.terms])
    lines = [f"    {line}" for line in before.lines]
    lines += [
        f"    for first in range(0, n, {LANES}):",
        f"        count = min({LANES}, n - first)",
    ]
    for first, last in loop_groups(sums.terms) if sums.terms else []:
        lines += _loop(emission, sums.terms, first, last, before, place, weight_row)
    totals = _totals(sums, before, emission, first_sum)
    text = _HEAD + "\n".join(lines) + _REDUCTION + "\n".join(totals) + "\n"
    return emission.sources, emission.text() + (_EXPONENTIAL if "exp(" in text else "") + text


def _loop(
    emission: Emission,
    terms: list[Expression],
    first: int,
    last: int,
    before: HoistedLines,
    place: Callable[[int], tuple[int, int]],
    weight_row: int | None,
) -> list[str]:
    # Indices of slices start at zero: LLVM then sees that no index is negative.
    views: dict[str, str] = {}

    def view(row: int, shift: int) -> str:
        name = f"x{row}_{shift}"
        views[name] = f"x[{row}, first + {shift}:first + {shift} + count]"
        return f"{name}[i]"

    body = LoopBody(emission, terms[first:last], before, lambda j: view(*place(j)))
    # A sine that is right for any argument: a pass cannot be made twice.
    lines = [f"            {line}" for line in body.lines(body.periodic)]
    weight = None if weight_row is None else view(weight_row, 0)
    for k in range(first, last):
        name = body.name(terms[k])
        added = f"sum{k}[i] + {name}"
        if weight is not None:
            added = f"fma({weight}, {name}, sum{k}[i])"
        views[f"sum{k}"] = f"sums[{k}, :count]"
        lines.append(f"            sum{k}[i] = {added}")
    heads = [f"        {name} = {value}" for name, value in views.items()]
    return [*heads, "        for i in range(count):", *lines]


def _totals(sums: RowSums, before: HoistedLines, emission: Emission, first_sum: int) -> list[str]:
    lines = []
    for row, total in enumerate(sums.totals):
        parts = []
        for coefficient, kind, k in total:
            constant = coefficient.operation == "constant"
            name = emission.constant(coefficient.value) if constant else before.name(coefficient)
            value = {
                "one": f"theta[{first_sum}]",
                "fixed": f"theta[{first_sum + 1 + k}]",
                "term": f"sums[{k}, 0]",
            }[kind]
            parts.append(f"{name} * {value}")
        lines.append(f"    out[{row}] = -({' + '.join(parts) or '0.0'})")
    return lines
