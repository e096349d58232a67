"""Tables of stored studies and timings, so that a page cannot say other numbers than its record.

``{study} coverage/linear_panels`` shows the leaves of ``benchmarks/coverage/results/linear_panels
.json``; ``{calibration} goodness_of_fit`` one column a design and one row a test; ``{speed}
estimation P18 P19`` the rows of a speed table whose numbers begin so. A study whose seal is broken
(numbers changed, or the code that it measured) ends the build.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from sphinx.errors import ExtensionError

import stochtext

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
sys.path.append(str(BENCHMARKS.parent))

from benchmarks.sealing import broken_seal  # noqa: E402


def setup(app: Any) -> dict[str, bool]:
    """Register the directives with Sphinx."""
    app.add_directive("study", Study)
    app.add_directive("calibration", Calibration)
    app.add_directive("speed", Speed)
    return {"parallel_read_safe": True}


#: Below this the standard error of a rate near 5 per cent is above one and a half per cent.
FEW = 200


class Study(Directive):
    """The numbers of one stored study, one line a design and quantity."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {
        "only": directives.unchanged,
        "designs": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        """Return what was measured, the table, and where it is stored."""
        kind, _, name = self.arguments[0].partition("/")
        record = stored(kind, name)
        if record is None:
            return [_not_run(kind, name)]
        designs = record.get("designs") or record["cells"]
        rows = [
            (design, quantity, _shown(value))
            for design, values in designs.items()
            if self.options.get("designs", "") in design
            for quantity, value in _leaves(values)
            if self.options.get("only", "") in quantity
        ]
        samples = record.get("samples") or record.get("replications")
        about = record.get("what", "coverage of nominal 95 % intervals")
        said = f"{about[0].upper()}{about[1:]}; {samples} samples per design, "
        said += f"stored in benchmarks/{kind}/results/{name}.json."
        if samples is not None and samples < FEW:
            said += " So few samples are a first look, and no measured rate."
        return [_table(("design", "quantity", "measured"), rows), nodes.paragraph(text=said)]


class Calibration(Directive):
    """Rates of a sealed study: one row a test, one column a cell."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {
        "cells": directives.unchanged_required,
        "rates": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        """Return the table and what stands behind its columns."""
        name, which = self.arguments[0], self.options.get("rates", "bootstrap")
        record = stored("calibration", name)
        if record is None:
            return [_not_run("calibration", name)]
        start = self.options["cells"]
        cells = {k: v for k, v in record["designs"].items() if k.startswith(start)}
        if not cells:
            raise self.error(f"{name} has no cell that begins with {start!r}")
        measured = {k: v for k, v in cells.items() if isinstance(v, dict)}
        tests = list(dict.fromkeys(test for v in measured.values() for test in v[which]))
        head = ["test", *(k.partition(": ")[2] for k in cells)]
        rows: list[list[str]] = [["replications", *(_replications(v) for v in cells.values())]]
        rows += [
            [test, *(_shown(v[which].get(test)) if k in measured else "not run"
                     for k, v in cells.items())]
            for test in tests
        ]  # fmt: skip
        said = f"{record['what'].capitalize()} ({which}), stored in benchmarks/calibration/results/"
        return [_table(tuple(head), rows), nodes.paragraph(text=f"{said}{name}.json.")]


class Speed(Directive):
    """Rows of a stored speed table."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return the lines of the goals table whose row begins with a name asked for."""
        name, *wanted = self.arguments[0].split()
        page = BENCHMARKS / "speed" / "results" / f"{name}.md"
        lines = [
            [cell.strip().replace("**", "") for cell in line.strip().strip("|").split("|")]
            for line in page.read_text("utf-8").splitlines()
            if line.startswith("| P")
        ]
        rows = [line for line in lines if line[0].split()[0] in wanted]
        if not rows:
            raise self.error(f"{page.name} has no row {' or '.join(wanted)}")
        head = ("row", "what", "goal", "stretch", "measured", "")
        said = f"Ratios of one run, stored in benchmarks/speed/results/{name}.md."
        return [_table(head, rows), nodes.paragraph(text=said)]


def stored(kind: str, name: str) -> dict[str, Any] | None:
    """Return a stored study, None if nobody ran it; a broken seal ends the build."""
    path = BENCHMARKS / kind / "results" / f"{name}.json"
    if not path.exists():
        return None
    record: dict[str, Any] = json.loads(path.read_text("utf-8"))
    problem = broken_seal(record, stochtext.__version__)
    if problem:
        raise ExtensionError(f"{path.relative_to(BENCHMARKS.parent)}: {problem}.")
    return record


def _not_run(kind: str, name: str) -> nodes.paragraph:
    said = f"Not run: python -m benchmarks.{kind}.{name} has left no record."
    return nodes.paragraph(text=said)


def _replications(cell: Any) -> str:
    return f"{cell['replications']}" if isinstance(cell, dict) else "0"


def _leaves(values: Any, path: str = "") -> list[tuple[str, Any]]:
    if not isinstance(values, dict):
        return [(path, values)]
    return [
        leaf
        for key, value in values.items()
        for leaf in _leaves(value, f"{path}, {key}" if path else str(key))
    ]


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(one) for one in value)
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(head: tuple[str, ...], rows: list[Any]) -> nodes.table:
    table, group = nodes.table(), nodes.tgroup(cols=len(head))
    table += group
    for _ in head:
        group += nodes.colspec(colwidth=1)
    header, body = nodes.thead(), nodes.tbody()
    header += _row(head)
    for row in rows:
        body += _row(row)
    group += [header, body]
    return table


def _row(cells: Any) -> nodes.row:
    row = nodes.row()
    for cell in cells:
        entry = nodes.entry()
        entry += nodes.paragraph(text=str(cell))
        row += entry
    return row
