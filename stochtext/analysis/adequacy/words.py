"""The verdict of the adequacy page, from its numbers.

Law of this file: every sentence names the number that it rests on.
"""

from __future__ import annotations

from stochtext._shared.tables import number
from stochtext._shared.typing import IntArray
from stochtext.analysis.adequacy.ladder.ladder import LINEAR_MAP, NONLINEAR, Ladder
from stochtext.analysis.adequacy.ladder.scores import difference
from stochtext.analysis.adequacy.single_documents import DocumentTests
from stochtext.analysis.order_result import OrderControl
from stochtext.analysis.quantities import Quantity

__all__ = ["NONE", "sentences"]

NONE, NOISY, DIFFUSIVE, OPEN = "no detectable dynamics", "noise + slow OU", "diffusive", "open"
SMALL_NUGGET = 0.1


def sentences(
    ladder: Ladder, order: OrderControl, documents: DocumentTests, found: list[Quantity],
    rows: IntArray, alpha: float,
) -> tuple[str, list[str]]:  # fmt: skip
    """Return the kind of dynamics, one of four words, and what was found, in sentences."""
    if not order.detected(alpha):
        return NONE, [order.verdict(alpha), _single(documents, alpha)]
    kind, first = _kind(ladder, found, rows, alpha)
    said = [first, order.verdict(alpha)]
    for better, worse, words in (
        ("OU + noise, document mean", "OU + noise", "Documents keep levels of their own"),
        ("position-OU", "OU", "The mean moves with the position in the document"),
        (NONLINEAR, LINEAR_MAP, "The drift is not linear"),
    ):
        gain = difference(ladder, better, worse, rows, alpha)
        if gain.lower[0] > 0:
            said.append(
                f"{words}: {better} beats {worse} by {number(float(gain.value[0]), 2)} nats per "
                f"unit ({number(float(gain.lower[0]), 2)} .. {number(float(gain.upper[0]), 2)})."
            )
    history = _named(found, "R2 gained by the history of the document")
    if history.lower > max(history.control, 0.0):
        said.append(
            f"The last state does not hold all memory: history adds {number(history.estimate, 2)} "
            f"to R2 (with shuffled states {number(history.control, 2)})."
        )
    return kind, [*said, _single(documents, alpha)]


def _kind(ladder: Ladder, found: list[Quantity], rows: IntArray, alpha: float) -> tuple[str, str]:
    gain = difference(ladder, "OU + noise", "OU", rows, alpha)
    nugget = _named(found, "nugget 2 V(1) - V(2)")
    share = f"{100 * nugget.estimate:.0f} % of the variance is new at every state"
    if gain.lower[0] > 0:
        return NOISY, (
            f"Noise and a slow process: {share}, and an Ornstein-Uhlenbeck process seen through "
            f"noise beats one without by {number(float(gain.value[0]), 2)} nats per unit "
            f"({number(float(gain.lower[0]), 2)} .. {number(float(gain.upper[0]), 2)})."
        )
    if nugget.upper < SMALL_NUGGET or (gain.upper[0] < 0.005 and nugget.estimate < 0.3):
        return DIFFUSIVE, f"Diffusive: observation noise is not needed ({share})."
    return OPEN, (
        f"There are dynamics, but whether states are observed with noise is open: {share}; noise "
        f"adds {number(float(gain.value[0]), 2)} nats per unit "
        f"({number(float(gain.lower[0]), 2)} .. {number(float(gain.upper[0]), 2)})."
    )


def _named(found: list[Quantity], name: str) -> Quantity:
    return next(q for q in found if q.name == name)


def _single(documents: DocumentTests, alpha: float) -> str:
    if not documents.n:
        return "No document is long enough for a test of its own."
    said = (
        f"Of {documents.n} documents {100 * documents.share:.0f} % show dynamics by themselves "
        f"(permutation test at {100 * alpha:.3g} %; interval {100 * documents.lower:.0f} to "
        f"{100 * documents.upper:.0f} %)"
    )
    if documents.lower <= alpha:
        return f"{said}, no more than chance would give: a fit to one document fits noise."
    return f"{said}; pool the documents of a source, and do not fit the others one by one."
