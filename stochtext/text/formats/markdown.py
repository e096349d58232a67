r"""Markdown to plain text: what a reader reads, without the marks that shape it.

Law: prose is kept word for word and in order; code blocks, front matter, tags
and addresses are no prose. The work grows linearly with the length of the text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

__all__ = ["plain_text"]

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_RULE = re.compile(r"[ \t]*(?:[-*_=][ \t]*){3,}$|[ \t]*[-=]{2,}[ \t]*$")
_TABLE_RULE = set(" \t:|-")
_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]+|$)")
_QUOTE = re.compile(r"(?: {0,3}> ?)+")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?")
_DEFINITION = re.compile(r" {0,3}\[[^\[\]]{1,200}\]:[ \t]*\S")
_COMMENT = re.compile(r"<!--|-->")
_IMAGE_OR_LINK = re.compile(
    r"!?\[([^\[\]]*)\](?:\([^()\n]*(?:\([^()\n]*\)[^()\n]*)?\)|\[[^\[\]]*\])"
)
_NOTE = re.compile(r"\[\^[^\[\]]{1,100}\]")
_ADDRESS = re.compile(r"<(?:https?://|mailto:)[^<>\s]*>")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_OPENING = re.compile(r"(?<![\w*_~\\])(?:\*{1,3}|_{1,3}|~~)(?=[^\s*_~])")
_CLOSING = re.compile(r"(?<=[^\s*_~\\])(?:\*{1,3}|_{1,3}|~~)(?![\w*_~])")
_TICKS = re.compile(r"`+")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def plain_text(markdown: str) -> str:
    r"""Return the prose of a Markdown document.

    Headings and list items become paragraphs of their own; links and images
    give their text; fenced code, comments, tags and front matter are left out.

    Parameters
    ----------
    markdown : str
        The document.

    Examples
    --------
    >>> plain_text("# A *title*\n\nSee [the book](http://x.org), **now**.")
    'A title\n\nSee the book, now.'
    """
    lines = "\n".join(_blocks(_without_comments(markdown).split("\n")))
    text = html.unescape(_inline(lines))
    paragraphs = re.split(r"\n[ \t]*(?:\n[ \t]*)+", text)
    return "\n\n".join(part.strip() for part in paragraphs if part.strip())


def _without_comments(text: str) -> str:
    """Leave out what stands between comment marks."""
    kept, depth, last = [], 0, 0
    for mark in _COMMENT.finditer(text):
        if mark.group() == "<!--" and depth == 0:
            kept.append(text[last : mark.start()])
            depth, last = 1, mark.end()
        elif mark.group() == "-->" and depth == 1:
            depth, last = 0, mark.end()
    kept.append(text[last:] if depth == 0 else "")
    return "".join(kept)


def _blocks(lines: list[str]) -> Iterator[str]:
    """Yield lines without the marks of blocks, blank lines around what stands alone."""
    fence = ""
    for line in lines[_front_matter(lines) :]:
        opened = _FENCE.match(line)
        if fence:
            closes = opened and opened.group(1).startswith(fence)
            fence = "" if closes and not line.strip().strip("`~") else fence
            continue
        if opened:
            fence = opened.group(1)
            yield ""
            continue
        quote = _QUOTE.match(line)
        yield from _block(line[quote.end() :] if quote else line)


def _block(line: str) -> Iterator[str]:
    if _RULE.match(line) or _DEFINITION.match(line):
        yield ""
        return
    if "|" in line:
        if set(line) <= _TABLE_RULE:
            return
        if line.lstrip().startswith("|"):
            yield from ("", ", ".join(c.strip() for c in line.strip().strip("|").split("|")), "")
            return
    heading = _HEADING.match(line)
    if heading:
        yield from ("", line[heading.end() :].rstrip().rstrip("#").rstrip(), "")
        return
    item = _ITEM.match(line)
    if item:
        yield ""
    yield line[item.end() :] if item else line


def _front_matter(lines: list[str]) -> int:
    """Return the number of lines of the settings at the top."""
    if lines[0].strip() not in ("---", "+++"):
        return 0
    end = next((k for k, line in enumerate(lines[1:], 1) if line.strip() == lines[0].strip()), 0)
    return end + 1 if end else 0


def _inline(text: str) -> str:
    """Return the text without the marks inside lines."""
    for _ in range(2):  # an image inside a link
        text = _IMAGE_OR_LINK.sub(r"\1", text)
    for pattern in (_NOTE, _ADDRESS, _TAG, _OPENING, _CLOSING, _TICKS):
        text = pattern.sub("", text)
    return _ESCAPED.sub(r"\1", text)
