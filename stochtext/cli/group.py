"""The program: subcommands that load when they are called, and its manners.

Law: exit code 0 is done, 1 is a check that failed, 2 is bad input, told in one
sentence on standard error and never by a traceback.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any, NoReturn

import click

from stochtext._shared.exceptions import StochtextError, StochtextWarning
from stochtext._version import __version__

__all__ = ["main"]

COMMANDS = {
    "demo": "stochtext.cli.demo",
    "embed": "stochtext.cli.embed",
    "fit": "stochtext.cli.fit",
    "compare": "stochtext.cli.compare",
    "info": "stochtext.cli.info",
}


class Program(click.Group):
    """A group whose commands live in modules of their own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of a first visit."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Load a command."""
        module = COMMANDS.get(name)
        return None if module is None else import_module(module).command

    def main(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        *,
        standalone_mode: bool = True,
        **options: Any,
    ) -> Any:
        """Run the program, and end it with an exit code."""
        run = partial(super().main, args, prog_name, standalone_mode=False, **options)
        if not standalone_mode:
            return run()
        try:
            with _own_warnings_only():
                outcome: object = run()
        except click.ClickException as error:
            _end(error.format_message())
        except (StochtextError, OSError) as error:
            if isinstance(error, BrokenPipeError):
                _end_of_pipe()
            _end(str(error))
        except (KeyboardInterrupt, click.Abort):
            _end("interrupted", 130)
        except SystemExit:  # click's own way to end at a closed pipe
            _end_of_pipe()
        sys.exit(outcome if isinstance(outcome, int) else 0)


@click.group(
    cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, "-V", "--version", prog_name="stochtext")
def main() -> None:
    """Fit stochastic differential equations to texts, test them, and report.

    Start with: stochtext demo
    """


@contextmanager
def _own_warnings_only() -> Iterator[None]:
    """Show each warning of this package once, as a line; those of others are not ours to show."""
    seen: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *rest: Any, **options: Any) -> None:
        line = _one_line(str(message))
        if issubclass(category, StochtextWarning) and line not in seen:
            seen.add(line)
            click.echo(f"warning: {line}", err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", category=StochtextWarning)
        warnings.showwarning = show
        yield


def _end(message: str, code: int = 2) -> NoReturn:
    click.echo(f"stochtext: {_one_line(message)}", err=True)
    sys.exit(code)


def _end_of_pipe() -> NoReturn:
    # Whoever read our output has left; the interpreter must not complain at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)


def _one_line(text: str) -> str:
    return " ".join(text.split())
