"""Tables of stored accuracy studies: a row a design, a column a contender.

``{accuracy} systems drift`` shows ``drift`` of every contender of ``benchmarks/accuracy/results/
systems.json``; ``:designs:`` names a part of the designs, ``{ratios} systems`` shows the ratios.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from studies import _shown, _table

RESULTS = Path(__file__).parent.parent / "benchmarks" / "accuracy" / "results"


def setup(app: Any) -> dict[str, bool]:
    """Register the directives with Sphinx."""
    app.add_directive("accuracy", Accuracy)
    app.add_directive("ratios", Ratios)
    return {"parallel_read_safe": True}


class Accuracy(Directive):
    """One quantity of all contenders in all designs."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Any]] = {
        "designs": directives.unchanged,
        "contenders": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        """Return the table, and where it is stored."""
        name, quantity = self.arguments[0].split(maxsplit=1)
        record = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
        designs = {
            design: {c: _number(row, quantity) for c, row in rows.items() if c != "ratios"}
            for design, rows in record["designs"].items()
            if self.options.get("designs", "") in design
        }
        wanted = [c.strip() for c in self.options.get("contenders", "").split(";") if c.strip()]
        named = wanted or list(dict.fromkeys(c for rows in designs.values() for c in rows))
        rows = [(d, *(_shown(found.get(c)) for c in named)) for d, found in designs.items()]
        said = f"{quantity[0].upper()}{quantity[1:]}: {record['what']}; {_seeds(record, named)}, "
        said += f"{record['date']}, stored in benchmarks/accuracy/results/{name}.json."
        return [_table(("", *named), rows), nodes.paragraph(text=said)]


def _seeds(record: dict[str, Any], named: list[str]) -> str:
    """Return how many seeds (or paths) the shown cells are means over."""
    cells = (rows[c] for rows in record["designs"].values() for c in named if c in rows)
    counts = {cell.get("seeds", cell.get("paths")) for cell in cells} - {None}
    if not counts:
        return f"{record['replications']} seeds"
    low, high = min(counts), max(counts)
    if low == high:
        return "one seed" if high == 1 else f"{high} seeds"
    return f"{low} to {high} seeds, by cell"


class Ratios(Directive):
    """Ratios of the neural fit to others: of the means, and the 90th percentile over seeds."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        record = json.loads((RESULTS / f"{self.arguments[0]}.json").read_text("utf-8"))
        rows = [
            (design, what, _shown(ratio["of means"]), _shown(ratio["90th percentile"]))
            for design, found in record["designs"].items()
            for what, ratio in found.get("ratios", {}).items()
        ]
        return [_table(("", "ratio", "of means", "90th percentile"), rows)]


def _number(row: dict[str, Any], quantity: str) -> Any:
    """Return a number of a contender, or of what others published."""
    return row.get("published", row).get(quantity)
