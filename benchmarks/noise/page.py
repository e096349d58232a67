"""The results as Markdown: how many tests, the most unusual p-values, and each that stands out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scipy import stats

__all__ = ["FAILED", "WEAK", "counts", "markdown"]

#: A p-value this close to 0 or 1 is weak, or a failure.
WEAK, FAILED = 1e-4, 1e-10


def counts(pvalues: Mapping[str, float]) -> dict[str, Any]:
    """Return the number of tests, of weak and of failed ones, and the p-value of the least.

    ``least`` is the smallest distance of a p-value to 0 or 1, ``chance`` the probability that
    the least of as many independent tests is that small.
    """
    distances = [min(p, 1.0 - p) for p in pvalues.values()]
    least = min(distances)
    return {
        "tests": len(distances),
        "weak": sum(FAILED <= d < WEAK for d in distances),
        "failed": sum(d < FAILED for d in distances),
        "least": least,
        "chance": float(stats.binom.sf(0, len(distances), min(2.0 * least, 1.0))),
    }


def markdown(record: Mapping[str, Any]) -> str:
    """Return the page of a stored record."""
    sets = record["results"]["sets"]
    total = {key: sum(found[key] for found in sets.values()) for key in ("tests", "weak", "failed")}
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    parts = [
        "# Quality of the noise",
        "Written by `python -m benchmarks.noise`; all p-values are in `noise.json`.",
        "\n".join(
            [
                f"- Date: {record['date']}",
                f"- Machine: {record['machine']['processor']}",
                f"- Versions: {versions}",
                f"- Batteries: {', '.join(f'{k} {v}' for k, v in record['batteries'].items())}",
                f"- Not installed, so not run: {', '.join(record['missing']) or 'none'}",
                f"- Weak: within {WEAK:g} of 0 or 1; failed: within {FAILED:g}.",
                f"- {total['tests']} tests, {total['weak']} weak, {total['failed']} failed; "
                f"{2 * WEAK * total['tests']:.2g} weak ones are expected of perfect noise.",
            ]
        ),
        _orders(record["results"]["orders"]),
        _table(sets),
        _unusual(sets),
    ]
    return "\n\n".join(parts) + "\n"


def _orders(orders: Mapping[str, str]) -> str:
    return "\n".join(f"- {name}: {about}" for name, about in orders.items())


def _table(sets: Mapping[str, Mapping[str, Any]]) -> str:
    lines = [
        "| what | tests | weak | failed | nearest to 0 or 1 | chance of one so near | CPU, s |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, found in sets.items():
        lines.append(
            f"| {name} | {found['tests']} | {found['weak']} | {found['failed']} "
            f"| {found['least']:.2g} | {found['chance']:.2g} | {found['cpu_s']} |"
        )
    return "\n".join(lines)


def _unusual(sets: Mapping[str, Mapping[str, Any]]) -> str:
    lines = [
        f"- {name}: {test}, p = {p:.3g}"
        for name, found in sets.items()
        for test, p in found["p-values"].items()
        if min(p, 1.0 - p) < WEAK
    ]
    return "\n".join(["Weak or failed:", "", *(lines or ["- none"])])
