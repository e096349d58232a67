"""stochtext embed: documents to trajectories in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stochtext.cli.options import corpus_options

__all__ = ["command"]


@click.command("embed", short_help="Turn documents into trajectories, and keep them.")
@corpus_options
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Seed of all that is random.")  # fmt: skip
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              required=True, help="Where to keep them, .npz or .parquet (extra 'io').")  # fmt: skip
def command(**options: Any) -> int:
    """Turn documents into trajectories of their sentences, and keep them.

    FILES are .txt, .md, .csv, .tsv, .parquet, .json and .jsonl files, or folders.
    Trajectories.load reads what is kept.
    """
    from stochtext.cli.corpus import options_of_corpus, read_corpus
    from stochtext.cli.telling import say

    output: Path = options.pop("output")
    corpus = read_corpus(**options_of_corpus(options), seed=options["seed"])
    corpus.panel.save(output)
    say(f"Written to {output}.")
    return 0
