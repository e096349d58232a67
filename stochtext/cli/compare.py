"""stochtext compare: several models of the same documents."""

from __future__ import annotations

from typing import Any

import click

from stochtext.cli.options import MODELS, corpus_options, output_options

__all__ = ["command"]


@click.command("compare", short_help="Compare models by held-out scores.")
@corpus_options
@click.option("--model", "models", type=click.Choice(MODELS), multiple=True,
              help="Model to compare; can be repeated. Default: all.")  # fmt: skip
@click.option("--folds", type=click.IntRange(2), default=5, show_default=True,
              help="Folds of documents.")  # fmt: skip
@output_options
def command(**options: Any) -> int:
    """Compare models by the log density they give to sentences they have not seen.

    FILES are .txt files, folders of them, or JSON and JSONL files. Differences are
    tested on the same held-out documents.
    """
    from stochtext.cli.fitting import run_compare

    return run_compare(**options)
