"""How a group is measured, and what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.speed.timing import Candidate, interleaved

__all__ = ["Found", "Plan"]


@dataclass(frozen=True)
class Plan:
    """Settings of a run.

    Parameters
    ----------
    repeats : int
        Timed runs of every candidate.
    divisor : int
        The sizes are divided by it; 1 is the measurement, more is a quick look.
    """

    repeats: int = 7
    divisor: int = 1


@dataclass
class Found:
    """What a group found.

    Parameters
    ----------
    rows : dict of str to float
        Value of each row of ``goals.GOALS``.
    timings : dict of str to dict
        Seconds and nanoseconds per unit of every candidate, by set of interleaved candidates.
    notes : list of str
        What a reader must know.
    """

    rows: dict[str, float] = field(default_factory=dict)
    timings: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def time(
        self, title: str, candidates: Mapping[str, Candidate], plan: Plan, **options: Any
    ) -> dict[str, float]:
        """Time candidates together, keep the numbers and return nanoseconds per unit."""
        timed = interleaved(candidates, plan.repeats, **options)
        self.timings[title] = timed
        return {name: summary["ns_per_unit"] for name, summary in timed.items()}
