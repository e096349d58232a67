"""Turn the bytes of a file into text, within a size limit.

Law: what cannot be decoded is reported with its path and byte offset, and a
file that is too long is refused before it is read.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stochtext._shared.exceptions import EncodingError, InputError, ResourceLimitError
from stochtext._shared.validation import check_choice, check_integer

__all__ = ["TextSource", "TextStream"]

_SURROGATE = re.compile("[\ud800-\udfff]")
_BYTES_PER_CHARACTER = 4
_JSON_BYTES_PER_CHARACTER = 6
_LINE_MARGIN = 1_000_000
_SIGNATURES = {
    b"%PDF": "a PDF file",
    b"PK\x03\x04": "a ZIP archive, such as .docx, .xlsx or .epub",
    b"\x1f\x8b": "a gzip file",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"PAR1": "a Parquet file",
    b"{\\rtf": "an RTF document",
    b"\xd0\xcf\x11\xe0": "an old Office document",
}


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
        text = self.check_binary(text, data[mark:], path, offset + mark)
        return self.check_surrogates(text, f"{path}, byte offset {offset}")

    def check_binary(self, text: str, data: bytes, path: Path, offset: int) -> str:
        """Return ``text`` without NUL characters, or refuse it: no text has any."""
        kind = _signature(data) if offset == 0 else None
        if kind is None and "\0" not in text:
            return text
        if self.errors != "strict" and kind is None:
            return text.replace("\0", "\ufffd" if self.errors == "replace" else "")
        place = offset + max(data.find(b"\0"), 0)
        what = f"it begins like {kind}" if kind else f"there is a NUL at byte {place}"
        raise EncodingError(f"{path}: no text file but binary data ({what}). {_advice(data, 0)}")

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


class TextStream(io.TextIOBase):
    """The text of an open binary file, decoded as it is read.

    Parameters
    ----------
    stream : binary file
        The bytes.
    source : TextSource
        How they are read.
    path : Path
        The file, for messages.
    """

    def __init__(self, stream: io.BufferedIOBase, source: TextSource, path: Path) -> None:
        self._stream, self._source, self._path = stream, source, path
        name = "utf-8-sig" if codecs.lookup(source.encoding).name == "utf-8" else source.encoding
        self._decoder = codecs.getincrementaldecoder(name)(source.errors)
        self._offset = 0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def read(self, size: int | None = -1, /) -> str:
        """Return about ``size`` characters, all that are left by default."""
        text = ""
        while not text:
            data = self._stream.read(-1 if size is None or size < 0 else size)
            text = self._decoded(data)
            if not data:
                break
        return text

    def _decoded(self, data: bytes) -> str:
        pending = len(self._decoder.getstate()[0])
        try:
            text = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            place = self._offset - pending + error.start
            raise EncodingError(
                f"{self._path}: not valid {self._source.encoding} at byte {place} "
                f"({error.reason}). {_advice(data, self._offset)}"
            ) from None
        text = self._source.check_binary(text, data, self._path, self._offset)
        self._offset += len(data)
        return self._source.check_surrogates(text, f"{self._path}, before byte {self._offset}")


def _signature(data: bytes) -> str | None:
    """Return what binary data begin like, if they do."""
    return next((kind for mark, kind in _SIGNATURES.items() if data.startswith(mark)), None)


def _advice(data: bytes, offset: int) -> str:
    """Say what to do with bytes that cannot be decoded."""
    if offset == 0 and (kind := _signature(data)) is not None:
        return f"It begins like {kind}; extract its text first."
    if offset == 0 and data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "The file begins like UTF-16: pass encoding='utf-16'."
    if data[1::2].count(0) > len(data) // 4 or data[::2].count(0) > len(data) // 4:
        return "It may be UTF-16: pass encoding='utf-16-le' or 'utf-16-be'."
    return (
        "Pass the file's own encoding (for example encoding='cp1252'), or errors='replace' to "
        "put U+FFFD in the place of such bytes."
    )
