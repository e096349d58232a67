"""Read documents from files, folders and lists.

Law: the same files give the same documents in the same order on every machine,
and nothing that was asked for is left out without being counted.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.validation import check_choice, check_integer
from stochtext.text.documents import Documents, is_blank
from stochtext.text.formats.decoding import TextSource
from stochtext.text.formats.files import FORMATS, check_exists, records_of
from stochtext.text.formats.records import Fields, Record

__all__ = ["FORMATS", "read_documents", "stream_documents"]


def read_documents(
    path_or_list: Any,
    format: str = "auto",
    *,
    text: str = "text",
    id: str | None = "id",
    metadata: Sequence[str] | None = None,
    role: str | None = None,
    encoding: str = "utf-8",
    errors: str = "strict",
    max_chars: int = 5_000_000,
    empty: str = "raise",
    recursive: bool = False,
) -> Documents:
    """Read documents.

    Parameters
    ----------
    path_or_list : str, Path, list of Path, list of str or Documents
        A file, a folder, several of them (as ``Path`` objects), or the texts
        themselves (as strings).
    format : {"auto", "txt", "markdown", "folder", "jsonl", "json", "chat", "csv", "tsv", "parquet"}
        ``txt``: the file is one document. ``markdown``: the same, without its
        markup. ``folder``: every text and Markdown file in it is one, sorted by
        name. ``jsonl``: one JSON object a line, all its other scalar fields are
        metadata. ``json``: an array of such objects, as alpaca_eval writes it.
        ``chat``: either of them, with ``messages`` as chat services log them.
        ``csv``, ``tsv``, ``parquet``: tables with one document a row. ``auto``
        goes by the suffix, and takes objects with ``messages`` for chat logs.
    text : str
        The field with the document. Left at its default, ``output`` (alpaca_eval)
        and ``response`` (HelpSteer) are taken where ``text`` is missing.
    id : str or None
        The field with the id, where there is one; None numbers the documents.
    metadata : sequence of str, optional
        The fields kept as metadata; by default all that are no list or object.
    role : str, optional
        Of a conversation, the role whose turns are kept, such as
        ``"assistant"``; by default all.
    encoding : str
        Encoding of the files.
    errors : {"strict", "replace", "ignore"}
        What to do with bytes that are invalid in ``encoding``.
    max_chars : int
        Longest document allowed, in characters.
    empty : {"raise", "drop"}
        What to do with documents without a letter or digit. Those left out are
        listed in ``Documents.dropped``.
    recursive : bool
        Whether the folders inside a folder are read too; ``metadata["folder"]``
        then tells where a document was.

    Returns
    -------
    Documents
        Texts, metadata and ids.

    Raises
    ------
    InputError
        If a file or a field does not exist, a record is malformed, or a
        document is empty.
    EncodingError
        If a file is not valid in ``encoding``, with path and byte offset, or is
        binary.
    ResourceLimitError
        If a document is too long; it is not read.

    Examples
    --------
    >>> from stochtext.text import read_documents
    >>> read_documents(["One. Two.", "Three. Four."])
    <Documents: 2 texts (no metadata)>
    """
    check_choice("format", format, FORMATS)
    source = TextSource(encoding, errors, max_chars)
    if isinstance(path_or_list, Documents):
        return path_or_list
    fields = Fields(text, id, metadata, role)
    items = _as_items(path_or_list)
    if not items or not all(isinstance(item, Path) for item in items):
        _refuse_file_names(items)
        for position, item in enumerate(items):
            if isinstance(item, str):
                source.check_length(item, f"Document {position}")
        return Documents(items, empty=empty)
    found = []
    for path in items:
        records = list(records_of(path, format, source, fields, recursive))
        if not records:
            raise InputError(f"{path}: there is no record in the file.")
        found.append(records)
    if len(items) > 1:
        return _documents([r for part in _labelled(items, found) for r in part], 0, empty)
    return _documents(found[0], 0, empty)


def stream_documents(
    path_or_list: Any,
    format: str = "auto",
    *,
    chunk_size: int = 1_000,
    text: str = "text",
    id: str | None = "id",
    metadata: Sequence[str] | None = None,
    role: str | None = None,
    encoding: str = "utf-8",
    errors: str = "strict",
    max_chars: int = 5_000_000,
    empty: str = "drop",
    recursive: bool = False,
) -> Iterator[Documents]:
    r"""Yield documents in chunks, for corpora larger than memory.

    JSON Lines, tables and folders are read as they are needed; a JSON array is
    read whole. ``TextTrajectories`` takes the iterator in the place of documents.

    Parameters
    ----------
    path_or_list : str, Path or list of Path
        A file, a folder, or several of them.
    chunk_size : int
        Documents in a chunk; the last one may have fewer.
    format, text, id, metadata, role, encoding, errors, max_chars, empty, recursive
        As in ``read_documents``. By default empty documents are left out, and
        listed in the ``dropped`` of their chunk. A chunk without any document
        left is passed over.

    Yields
    ------
    Documents
        Up to ``chunk_size`` documents; numbered on over all chunks if they have
        no ids. Ids must be unique within a chunk.

    Raises
    ------
    InputError, EncodingError, ResourceLimitError
        As in ``read_documents``, when the place is reached.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "corpus.jsonl"
    >>> _ = path.write_text("\n".join(json.dumps({"text": f"Text {k}."}) for k in range(5)))
    >>> [len(chunk) for chunk in stream_documents(path, chunk_size=2)]
    [2, 2, 1]
    """
    check_choice("format", format, FORMATS)
    check_choice("empty", empty, ("raise", "drop"))
    size = check_integer("chunk_size", chunk_size)
    source = TextSource(encoding, errors, max_chars)
    paths = _as_items(path_or_list)
    if not paths or not all(isinstance(path, Path) for path in paths):
        raise InputError("`stream_documents` reads files: pass a path or a list of Path objects.")
    for path in paths:
        check_exists(path)
    fields = Fields(text, id, metadata, role)
    return _chunks(paths, format, source, fields, recursive, size, empty)


def _chunks(
    paths: list[Path], format: str, source: TextSource, fields: Fields, recursive: bool,
    size: int, empty: str,
) -> Iterator[Documents]:  # fmt: skip
    done = 0
    records = (
        _with_file(record, path) if len(paths) > 1 else record
        for path in paths
        for record in records_of(path, format, source, fields, recursive)
    )
    while chunk := list(islice(records, size)):
        nothing = empty == "drop" and all(is_blank(record.text) for record in chunk)
        if not nothing:
            yield _documents(chunk, done, empty)
        done += len(chunk)


def _as_items(given: Any) -> list[Any]:
    """Return paths, or the items of a list as they are."""
    if isinstance(given, str | os.PathLike):
        return [Path(given)]
    if not isinstance(given, Iterable):
        raise InputError(f"Documents are read from a path or a list; got {given!r}.")
    items = list(given)
    if items and all(isinstance(item, os.PathLike) for item in items):
        return [Path(item) for item in items]
    return items


def _documents(records: list[Record], first: int, empty: str) -> Documents:
    """Check records; those without an id are numbered from ``first`` on."""
    numbers = range(first, first + len(records))
    ids: Any = [r.id if r.id is not None else n for n, r in zip(numbers, records, strict=True)]
    if all(record.id is None for record in records):
        ids = pd.RangeIndex(first, first + len(records), name="id")
    table = pd.DataFrame([record.metadata for record in records], index=range(len(records)))
    turns = None
    if any(record.turns is not None for record in records):
        turns = [record.turns or () for record in records]
    return Documents([record.text for record in records], table, ids, empty=empty, turns=turns)


def _refuse_file_names(items: list[Any]) -> None:
    """Texts that are names of files were surely meant as files."""
    if not items or not all(isinstance(i, str) and 0 < len(i) < 1024 for i in items):
        return
    if all("\n" not in i and "\0" not in i and Path(i).exists() for i in items):
        raise InputError(
            "The strings in the list are names of existing files, but a list of strings holds the "
            "documents themselves. Pass the files as pathlib.Path objects."
        )


def _labelled(paths: list[Path], found: list[list[Record]]) -> list[list[Record]]:
    """Name the file of each record; ids that clash or are missing get the path in front."""
    ids = [record.id for part in found for record in part]
    clash = len(set(ids)) < len(ids) or None in ids
    return [
        [
            _with_file(r._replace(id=f"{path}:{k if r.id is None else r.id}") if clash else r, path)
            for k, r in enumerate(part)
        ]
        for path, part in zip(paths, found, strict=True)
    ]


def _with_file(record: Record, path: Path) -> Record:
    return record._replace(metadata={"file": path.name, **record.metadata})
