"""The results as Markdown: goals beside what was measured, then all times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.speed.goals import GOALS, Goal

__all__ = ["markdown", "verdict"]


def markdown(record: Mapping[str, Any]) -> str:
    """Return the page of a stored record."""
    results, name = record["results"], record["benchmark"]
    parts = [
        f"# Speed of the {name}",
        f"Written by `python -m benchmarks.speed --sets {name}`; the numbers are in `{name}.json`.",
        _machine(record),
        "## Goals",
        _goals(results["rows"]),
        "\n".join(f"- {note}" for note in results["notes"]),
        "## Times",
        "Medians; path-steps unless a name says otherwise. Only numbers of one table are to be "
        "compared.",
        *(_times(title, timed) for title, timed in results["timings"].items()),
    ]
    return "\n\n".join(parts) + "\n"


def verdict(row: str, value: float) -> str:
    """Return whether a row reached its stretch goal, its goal, or neither."""
    goal = GOALS[row]
    if goal.goal is None:
        return "no goal"
    if goal.reached(value, goal.stretch):
        return "stretch reached"
    return "reached" if goal.reached(value, goal.goal) else "**missed**"


def _machine(record: Mapping[str, Any]) -> str:
    machine = record["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    return "\n".join(
        [
            f"- Date: {record['date']}",
            f"- Machine: {machine['processor']}, {machine['cores']} cores, "
            f"{', '.join(machine['vectors']) or 'no vector flags known'}, {machine['system']}",
            f"- How: {record['results']['how']}",
            f"- Versions: {versions}",
        ]
    )


def _goals(rows: Mapping[str, float]) -> str:
    lines = [
        "| row | what | goal | stretch | measured | |",
        "|---|---|---:|---:|---:|---|",
    ]
    ours = {row.split()[0] for row in rows}
    for row, goal in GOALS.items():
        if row.split()[0] not in ours:
            continue
        value = rows.get(row)
        shown = "–" if value is None else _number(value, goal)
        result = "not measured" if value is None else verdict(row, value)
        lines.append(
            f"| {row} | {goal.about} | {_bound(goal, goal.goal)} | {_bound(goal, goal.stretch)} "
            f"| {shown} | {result} |"
        )
    return "\n".join(lines)


def _bound(goal: Goal, value: float | None) -> str:
    if value is None:
        return ""
    return f"{'≥' if goal.least else '≤'} {_number(value, goal)}"


def _number(value: float, goal: Goal) -> str:
    digits = 0 if value == int(value) or value >= 100 else 1 if value >= 10 else 2
    shown = f"{value:,.{digits}f}"
    return f"{shown} {goal.unit}".rstrip()


def _times(title: str, timed: Mapping[str, Mapping[str, Any]]) -> str:
    lines = [f"### {title}", "", "| | ns per unit | median, s | least, s | most, s | repeats |"]
    lines.append("|---|---:|---:|---:|---:|---:|")
    for name, summary in timed.items():
        ns = f"{summary['ns_per_unit']:,.3g}" if "ns_per_unit" in summary else ""
        ns = f"{summary['ns_per_unit']:,.0f}" if ns and summary["ns_per_unit"] >= 1000 else ns
        seconds = " | ".join(f"{summary[key]:.4g}" for key in ("median_s", "min_s", "max_s"))
        lines.append(f"| {name} | {ns} | {seconds} | {summary['repeats']} |")
    return "\n".join(lines)
