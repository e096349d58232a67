"""Turn the bytes of a file into text, within a size limit.

Law: what cannot be decoded is reported with its path and byte offset, and a
file that is too long is refused before it is read.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stochtext._shared.exceptions import EncodingError, InputError, ResourceLimitError
from stochtext._shared.validation import check_choice, check_integer

__all__ = ["TextSource"]

_SURROGATE = re.compile("[\ud800-\udfff]")
_BYTES_PER_CHARACTER = 4
_JSON_BYTES_PER_CHARACTER = 6
_LINE_MARGIN = 1_000_000


@dataclass(frozen=True)
class TextSource:
    """How files are read.

    Parameters
    ----------
    encoding : str
        Name of the codec.
    errors : {"strict", "replace", "ignore"}
        What to do with bytes that are not valid in ``encoding``.
    max_chars : int
        Longest document allowed, in characters.
    """

    encoding: str = "utf-8"
    errors: str = "strict"
    max_chars: int = 5_000_000

    def __post_init__(self) -> None:
        check_choice("errors", self.errors, ("strict", "replace", "ignore"))
        check_integer("max_chars", self.max_chars)
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise InputError(f"`encoding` {self.encoding!r} is unknown to Python.") from None

    def read(self, path: Path, *, limit: int | None = None) -> str:
        """Return the text of a whole file, with universal line ends.

        Parameters
        ----------
        path : Path
            The file.
        limit : int, optional
            Largest size in bytes; by default what ``max_chars`` allows.
        """
        most = _BYTES_PER_CHARACTER * self.max_chars if limit is None else limit
        size = path.stat().st_size
        if size > most:
            raise ResourceLimitError(
                f"{path} has {size:,} bytes, more than a document of max_chars="
                f"{self.max_chars:,} characters can have; nothing was read. Split it, or raise "
                "`max_chars`."
            )
        text = self.decode(path.read_bytes(), path)
        if limit is None:
            self.check_length(text, str(path))
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def lines(self, path: Path) -> Iterator[tuple[int, str]]:
        """Yield the number and text of each line that is not blank.

        Parameters
        ----------
        path : Path
            The file.
        """
        if codecs.lookup(self.encoding).name.startswith(("utf-16", "utf-32")):
            raise InputError(f"{path}: JSON Lines cannot be read as {self.encoding}; use UTF-8.")
        most = _JSON_BYTES_PER_CHARACTER * self.max_chars + _LINE_MARGIN
        offset = 0
        with path.open("rb") as stream:
            number = 0
            while line := stream.readline(most + 1):
                number += 1
                if len(line) > most:
                    raise ResourceLimitError(
                        f"{path}, line {number}: longer than {most:,} bytes, more than a document "
                        f"of max_chars={self.max_chars:,} characters needs. Raise `max_chars`."
                    )
                text = self.decode(line, path, offset)
                offset += len(line)
                if text.strip():
                    yield number, text

    def decode(self, data: bytes, path: Path, offset: int = 0) -> str:
        """Return ``data``, found at ``offset`` in the file, as text."""
        mark = 0
        if offset == 0 and data.startswith(codecs.BOM_UTF8) and self._is_utf8:
            mark = len(codecs.BOM_UTF8)
        try:
            text = data[mark:].decode(self.encoding, self.errors)
        except UnicodeDecodeError as error:
            place = offset + mark + error.start
            raise EncodingError(
                f"{path}: not valid {self.encoding} at byte {place} "
                f"(0x{data[mark + error.start]:02x}: {error.reason}). {_advice(data, offset)}"
            ) from None
        return self.check_surrogates(text, f"{path}, byte offset {offset}")

    def check_surrogates(self, text: str, where: str) -> str:
        """Return ``text`` without lone surrogates, or refuse it."""
        found = _SURROGATE.search(text)
        if found is None:
            return text
        if self.errors == "strict":
            before = len(text[: found.start()].encode("utf-8"))
            raise EncodingError(
                f"{where}: lone surrogate U+{ord(found.group()):04X} at character {found.start()} "
                f"(byte {before} of the text): it is no valid Unicode. Repair the file, or pass "
                "errors='replace'."
            )
        return _SURROGATE.sub("\ufffd" if self.errors == "replace" else "", text)

    def check_length(self, text: str, where: str) -> None:
        """Refuse a document of more than ``max_chars`` characters."""
        if len(text) > self.max_chars:
            raise ResourceLimitError(
                f"{where}: {len(text):,} characters, more than max_chars={self.max_chars:,}. "
                "Split the document, or raise `max_chars`."
            )

    @property
    def _is_utf8(self) -> bool:
        return codecs.lookup(self.encoding).name == "utf-8"


def _advice(data: bytes, offset: int) -> str:
    """Say what to do with bytes that cannot be decoded."""
    if offset == 0 and data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "The file begins like UTF-16: pass encoding='utf-16'."
    return (
        "Pass the file's own encoding (for example encoding='cp1252'), or errors='replace' to "
        "put U+FFFD in the place of such bytes."
    )
