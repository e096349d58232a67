"""How commands speak: headlines, sentences and tables on standard output."""

from __future__ import annotations

import textwrap

import click

from stochtext._shared.tables import Summary

__all__ = ["headline", "say", "table", "warn"]

WIDTH = 100


def headline(text: str) -> None:
    """Print a headline."""
    click.echo()
    click.echo(click.style(text, bold=True))
    click.echo("-" * len(text))


def say(text: str) -> None:
    """Print a paragraph."""
    click.echo(textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False))


def table(summary: Summary) -> None:
    """Print tables, with their notes folded to the width of the page."""
    for line in summary.as_text().splitlines():
        if len(line) <= WIDTH or not line.startswith("["):
            click.echo(line.rstrip())
        else:
            click.echo(textwrap.fill(line, WIDTH, subsequent_indent="    "))


def warn(text: str) -> None:
    """Print a line of warning on standard error."""
    click.echo(f"warning: {' '.join(text.split())}", err=True)
