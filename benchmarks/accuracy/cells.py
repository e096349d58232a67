"""Runs that can be stopped and resumed: every finished cell is stored before the next begins."""

from __future__ import annotations

import argparse
import datetime
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed

from benchmarks.record import versions
from stochtext._shared.progress import progress

__all__ = ["Cell", "options_of", "run_cells"]

#: Names that say which measurement it is; the last is the seed.
Cell = tuple[Any, ...]


def options_of(about: str, output: Path, replications: int) -> argparse.Namespace:
    """Read the command line of a study of cells."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--replications", type=int, default=replications, help="seeds")
    parser.add_argument("--jobs", type=int, default=1, help="processes; the numbers do not change")
    parser.add_argument("--only", default="", help="designs whose name contains this")
    parser.add_argument("--contenders", default="", help="contenders whose name contains this")
    parser.add_argument(
        "--again", default=None, metavar="NAME", help="measure contenders of this name anew"
    )
    parser.add_argument("--output", type=Path, default=output)
    return parser.parse_args()


def run_cells(
    cells: Iterable[Cell],
    measure: Callable[..., dict[str, Any]],
    summarise: Callable[[list[dict[str, Any]]], dict[str, Any]],
    options: argparse.Namespace,
    what: str,
    **facts: Any,
) -> dict[str, Any]:
    """Measure the cells that the stored file lacks; store all of them after each.

    Parameters
    ----------
    cells : iterable of (design, contender, seed)
    measure : callable
        From design, contender and seed to numbers.
    summarise : callable
        From all stored cells to what the tables show, by design.
    options : Namespace
        Of ``options_of``.
    what : str
        What the numbers are.
    **facts
        Stored beside the numbers.

    Returns
    -------
    dict
        The summary.
    """
    done = _stored(options.output, options.again)
    missing = [cell for cell in cells if cell not in done and _wanted(cell, options)]
    calls = (delayed(_measured)(measure, cell) for cell in missing)
    results = Parallel(n_jobs=options.jobs, return_as="generator_unordered")(calls)
    summary: dict[str, Any] = summarise(list(done.values()))
    for cell, numbers in progress(results, label="cells", total=len(missing)):
        keys = dict(zip(("design", "contender", "seed"), cell, strict=True))
        done[cell] = {**keys, **numbers, "versions": versions("scikit-learn", "statsmodels")}
        summary = summarise(list(done.values()))
        _store(options.output, done, summary, what, facts)
    return summary


def _measured(measure: Callable[..., dict[str, Any]], cell: Cell) -> tuple[Cell, dict[str, Any]]:
    return cell, measure(*cell)


def _wanted(cell: Cell, options: argparse.Namespace) -> bool:
    return options.only in cell[0] and options.contenders in cell[1]


def _stored(path: Path, again: str | None) -> dict[Cell, dict[str, Any]]:
    if not path.exists():
        return {}
    record = json.loads(path.read_text("utf-8"))
    kinds = record["versions"]
    cells = [{**one, "versions": kinds[one["versions"]]} for one in record["cells_measured"]]
    return {
        (one["design"], one["contender"], one["seed"]): one
        for one in cells
        if again is None or again not in one["contender"]
    }


def _store(
    path: Path,
    done: dict[Cell, dict[str, Any]],
    summary: dict[str, Any],
    what: str,
    facts: dict[str, Any],
) -> None:
    """Write everything beside ``path`` and move it there."""
    kinds: list[dict[str, str]] = []
    rows = []
    for cell in sorted(done, key=str):
        one = done[cell]
        if one["versions"] not in kinds:
            kinds.append(one["versions"])
        rows.append({**one, "versions": kinds.index(one["versions"])})
    seeds = {cell[-1] for cell in done}
    record = {
        "what": what,
        "replications": len(seeds),
        "date": datetime.date.today().isoformat(),
        "versions": kinds,
        **facts,
        "designs": summary,
        "cells_measured": rows,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)
