"""Read documents from files, folders and lists.

Law: the same files give the same documents in the same order on every machine,
and nothing that was asked for is left out without being counted.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.validation import check_choice
from stochtext.text.decoding import TextSource
from stochtext.text.documents import Documents, Draft
from stochtext.text.records import read_json, read_jsonl

__all__ = ["FORMATS", "read_documents"]

FORMATS = ("auto", "txt", "folder", "jsonl", "json")

_SUFFIXES = {
    ".txt": "txt", ".text": "txt", ".md": "txt", "": "txt",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json",
}  # fmt: skip


def read_documents(
    path_or_list: Any,
    format: str = "auto",
    *,
    text: str = "text",
    id: str | None = "id",
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
    format : {"auto", "txt", "folder", "jsonl", "json"}
        ``txt``: the file is one document. ``folder``: every ``.txt`` file in
        it is one, sorted by name. ``jsonl``: one JSON object a line, all its
        other scalar fields are metadata. ``json``: an array of such objects,
        as alpaca_eval writes it. ``auto`` goes by the suffix.
    text : str
        The field with the document. Left at its default, ``output`` and
        ``response`` are taken where ``text`` is missing.
    id : str or None
        The field with the id, where there is one; None numbers the documents.
    encoding : str
        Encoding of the files.
    errors : {"strict", "replace", "ignore"}
        What to do with bytes that are invalid in ``encoding``.
    max_chars : int
        Longest document allowed, in characters.
    empty : {"raise", "drop"}
        What to do with documents that are empty or white space. Those left
        out are listed in ``Documents.dropped``.
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
        If a file is not valid in ``encoding``; with path and byte offset.
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
    if isinstance(path_or_list, str | os.PathLike):
        draft = _read_path(Path(path_or_list), format, source, text, id, recursive)
        return Documents(*draft, empty=empty)
    if not isinstance(path_or_list, Iterable):
        raise InputError(f"Documents are read from a path or a list; got {path_or_list!r}.")
    items = list(path_or_list)
    if items and all(isinstance(item, os.PathLike) for item in items):
        paths = [Path(item) for item in items]
        drafts = [_read_path(path, format, source, text, id, recursive) for path in paths]
        return Documents(*_concatenate(paths, drafts), empty=empty)
    _refuse_file_names(items)
    for position, item in enumerate(items):
        if isinstance(item, str):
            source.check_length(item, f"Document {position}")
    return Documents(items, empty=empty)


def _read_path(
    path: Path, format: str, source: TextSource, text: str, id: str | None, recursive: bool
) -> Draft:
    _check_exists(path)
    kind = _format_of(path) if format == "auto" else format
    if (kind == "folder") != path.is_dir():
        raise InputError(f"{path} is {'a' if path.is_dir() else 'no'} folder; got format={kind!r}.")
    if kind == "folder":
        return _read_folder(path, source, recursive)
    if kind == "jsonl":
        return read_jsonl(path, source, text, id)
    if kind == "json":
        return read_json(path, source, text, id)
    return Draft([source.read(path)], pd.DataFrame({"file": [path.name]}), [path.stem])


def _check_exists(path: Path) -> None:
    try:
        exists = path.exists()
    except (OSError, ValueError):  # a name too long for the system, or with a NUL in it
        exists = False
    if not exists:
        name = str(path)
        shown = name if len(name) <= 200 else f"{name[:200]}..."
        raise InputError(
            f"There is no file or folder {shown!r}. To use a text itself, pass it in a list."
        )


def _format_of(path: Path) -> str:
    if path.is_dir():
        return "folder"
    kind = _SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise InputError(
            f"{path}: the suffix {path.suffix!r} tells no format; pass format='txt', 'jsonl' or "
            "'json'."
        )
    return kind


def _read_folder(folder: Path, source: TextSource, recursive: bool) -> Draft:
    found = folder.rglob("*") if recursive else folder.iterdir()
    paths = [p for p in found if p.suffix.lower() == ".txt" and p.is_file()]
    if not paths:
        inside = " or below it" if recursive else "; pass recursive=True to look below it"
        raise InputError(f"{folder}: there is no .txt file in the folder{inside}.")
    paths.sort(key=lambda p: p.relative_to(folder).as_posix())
    names = [p.relative_to(folder).as_posix() for p in paths]
    metadata = {"file": names}
    if recursive:
        metadata["folder"] = [p.relative_to(folder).parent.as_posix() for p in paths]
    ids = [name[: -len(".txt")] for name in names]
    return Draft([source.read(p) for p in paths], pd.DataFrame(metadata), ids)


def _refuse_file_names(items: list[Any]) -> None:
    """Texts that are names of files were surely meant as files."""
    if not items or not all(isinstance(i, str) and 0 < len(i) < 1024 for i in items):
        return
    if all("\n" not in i and "\0" not in i and Path(i).exists() for i in items):
        raise InputError(
            "The strings in the list are names of existing files, but a list of strings holds the "
            "documents themselves. Pass the files as pathlib.Path objects."
        )


def _concatenate(paths: list[Path], drafts: list[Draft]) -> Draft:
    """Join what several paths gave; ids that clash or are missing get the path in front."""
    labels = [range(len(d.texts)) if d.ids is None else d.ids for d in drafts]
    ids: list[Any] = [label for part in labels for label in part]
    if len(set(ids)) < len(ids) or any(d.ids is None for d in drafts):
        ids = [
            f"{path}:{label}" for path, part in zip(paths, labels, strict=True) for label in part
        ]
    tables = [
        d.metadata if "file" in d.metadata else d.metadata.assign(file=path.name)
        for path, d in zip(paths, drafts, strict=True)
    ]
    texts = [text for draft in drafts for text in draft.texts]
    return Draft(texts, pd.concat(tables, ignore_index=True), ids)
