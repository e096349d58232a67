"""Text that Markdown and the HTML inside it show as it is.

Law: no character of the data becomes markup.
"""

from __future__ import annotations

import re

__all__ = ["markdown_line", "markdown_table"]

_MARKS = re.compile(r"([\\`*\[\]|])")


def markdown_line(text: object) -> str:
    """Return a text as one line without markup."""
    line = " ".join(str(text).split())
    return _MARKS.sub(r"\\\1", _without_tags(line)).replace(">", "&gt;")


def markdown_table(text: str) -> str:
    """Return a rendered table whose cells hold no HTML."""
    return _without_tags(text)


def _without_tags(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
