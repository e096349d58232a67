"""The functions of one state whose integrals make up the expansion, as expressions.

With mu = b / sigma - sigma' / 2, the drift of the process transformed to unit diffusion, and
D f = sigma f', the derivative along the transformed coordinate,

    lambda = -(mu^2 + D mu) / 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stochtext._shared.exceptions import InputError
from stochtext.processes.base import Process
from stochtext.processes.compiled.tracing.differentiation import derivatives
from stochtext.processes.compiled.tracing.expression import (
    Expression,
    Graph,
    Untraceable,
    reachable,
)
from stochtext.processes.compiled.tracing.formulas import TracedFormulas
from stochtext.processes.compiled.tracing.powers import joined_product, multiplied_out

__all__ = ["ALONG", "LocalFunctions", "local_functions"]

#: Which derivatives D^m lambda an order needs; each order also needs those before it.
ALONG = {1: (0,), 2: (0, 2), 3: (0, 2, 1, 4), 4: (0, 2, 1, 4, 3, 6)}

_MOST_NODES = 20000


class LocalFunctions:
    """Rows of expressions for one family and one order.

    Attributes
    ----------
    along : list of Expression
        1 / sigma, b / sigma^2 and the derivatives of lambda in the order of ``ALONG``.
    sigma : list of Expression
        The diffusion, which counts at the two ends of a step.
    along_pulled, sigma_pulled : list of Expression
        One row a parameter: the sum over those functions of the symbol ("x", 1 + r) times the
        derivative of function r by the parameter.
    """

    def __init__(self, formulas: TracedFormulas, order: int) -> None:
        graph = formulas.graph
        graph.allow(_MOST_NODES)
        b, sigma = formulas.drift[0], formulas.diffusion[0][0]
        x = graph.symbol("x", 0)
        along = [graph.apply("div", 1.0, sigma), joined_product(graph, b, 1.0 / (sigma * sigma))]
        mu = joined_product(graph, 1.0 / sigma, b) - 0.5 * _slope(sigma, x)
        slopes = [-0.5 * (mu * mu + _along_path(graph, sigma, mu, x))]
        for _ in range(max(ALONG[order])):
            slopes.append(_along_path(graph, sigma, slopes[-1], x))
        along += [slopes[m] for m in ALONG[order]]
        self.along = multiplied_out(graph, along)
        self.sigma = multiplied_out(graph, [sigma])
        self.along_pulled = _pulled(graph, along, formulas.theta)
        self.sigma_pulled = _pulled(graph, [sigma], formulas.theta)


def _slope(function: Expression, symbol: Expression) -> Expression:
    slope = derivatives([function], symbol)[0]
    return function.graph.constant(0.0) if slope is None else slope


def _along_path(graph: Graph, sigma: Expression, function: Expression, x: Expression) -> Expression:
    """Return sigma f', without factors that cancel."""
    slope = _slope(function, x)
    return slope if slope.is_number(0.0) else joined_product(graph, sigma, slope)


def _pulled(
    graph: Graph, functions: Sequence[Expression], theta: Sequence[Expression]
) -> list[Expression]:
    rows = []
    for parameter in theta:
        total: Any = graph.constant(0.0)
        for r, slope in enumerate(derivatives(functions, parameter)):
            if slope is not None:
                total = total + graph.symbol("x", 1 + r) * slope
        rows.append(total)
    return multiplied_out(graph, rows)


def local_functions(process: Process, order: int) -> LocalFunctions:
    """Return the functions of a process, refusing what has no such expansion.

    Raises
    ------
    InputError
        If the process has several dimensions, depends on time or has no formulas.
    """
    name = type(process).__name__
    if process.dim not in (None, 1) or process.noise_dim not in (None, 1):
        raise InputError(
            f"density='hermite' is for one dimension; {name} has d = {process.dim} and "
            f"{process.noise_dim} noise sources. Use 'shoji_ozaki', or 'strang' for additive noise."
        )
    formulas = process.formulas()
    if formulas is None:
        raise InputError(
            f"density='hermite' needs the drift and diffusion of {name} as formulas: write them "
            "with plain arithmetic, `math` and `numpy`, or use 'simulated'."
        )
    if _depends_on_time([*formulas.drift, *formulas.diffusion[0]]):
        raise InputError(
            f"density='hermite' is for coefficients that do not depend on time; those of {name} "
            "do. Use 'shoji_ozaki'."
        )
    try:
        return LocalFunctions(formulas, order)
    except Untraceable as error:
        raise InputError(
            f"density='hermite' of order {order} needs derivatives of the formulas of {name}, "
            f"but {error}. Use a lower order or 'simulated'."
        ) from None


def _depends_on_time(rows: Sequence[Expression]) -> bool:
    return any(node.operation == "symbol" and node.value == ("t",) for node in reachable(rows))
