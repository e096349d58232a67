"""``python -m stochtext``: the command line, wherever scripts are not on the path."""

from __future__ import annotations

from stochtext.cli import main

if __name__ == "__main__":
    main(prog_name="stochtext")
