"""stochtext fit: one model of some documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stochtext.cli.options import MODELS, corpus_options, output_options

__all__ = ["command"]


@click.command("fit", short_help="Fit a model to documents, test it and report.")
@corpus_options
@click.option("--model", type=click.Choice(MODELS), default="neural", show_default=True)
@output_options
@click.option("--save", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Keep the fitted results; stochtext.load reads them.")  # fmt: skip
@click.option("--refits", type=click.IntRange(min=0), metavar="N",
              help="Simulated data sets, each fitted anew, behind the p-values of the residual "
              "tests, 19 or more; 0 leaves those that need none. Default 199 for the linear "
              "model, 0 for the others, whose fits take longer.")  # fmt: skip
@click.option("--check", is_flag=True,
              help="End with exit code 1 if there are no detectable dynamics or a residual test "
              "rejects.")  # fmt: skip
def command(**options: Any) -> int:
    """Fit a model to documents, test it and report.

    FILES are .txt files, folders of them, or JSON and JSONL files. Every document
    becomes a trajectory of its sentences; the order control says how much of what is
    fitted is order and how much is only the level of each document.
    """
    from stochtext.cli.fitting import run_fit

    return run_fit(**options)
