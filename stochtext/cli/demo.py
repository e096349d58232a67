"""stochtext demo: the whole story on the bundled texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stochtext.cli.options import not_zero

__all__ = ["command"]


@click.command("demo", short_help="See the whole story on bundled texts.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              default=Path("stochtext_demo.html"), show_default=True,
              help="The report, .html or .md.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Seed of all that is random.")  # fmt: skip
@click.option("--jobs", type=int, callback=not_zero, default=1, show_default=True,
              help="Processes; -1 is all cores. The numbers do not depend on it.")  # fmt: skip
@click.option("--per-group", type=click.IntRange(6), hidden=True)
@click.option("--permutations", type=click.IntRange(1), default=199, hidden=True)
@click.option("--folds", type=click.IntRange(2), default=5, hidden=True)
def command(**options: Any) -> None:
    """See the whole story on bundled texts: no network, no weights, no display needed.

    Documents become trajectories; the order control says what is dynamics; a neural, a
    kernel, a Kramers-Moyal and a linear model are fitted, compared and tested; three
    groups of texts are scored; one page with tables and pictures is written.
    """
    from stochtext.cli.demonstration import run_demo

    run_demo(**options)
