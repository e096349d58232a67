"""Which format a path has, and the records in it.

Law: a folder is read in the order of names, whatever the file system's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stochtext._shared.exceptions import InputError
from stochtext.text.formats.decoding import TextSource
from stochtext.text.formats.json_files import json_objects, jsonl_objects
from stochtext.text.formats.markdown import plain_text
from stochtext.text.formats.records import Fields, Record, as_records
from stochtext.text.formats.tables import csv_objects, parquet_objects

__all__ = ["FORMATS", "check_exists", "records_of"]

FORMATS = (
    "auto", "txt", "markdown", "folder", "jsonl", "json", "chat", "csv", "tsv", "parquet",
)  # fmt: skip

_SUFFIXES = {
    ".txt": "txt", ".text": "txt", "": "txt", ".md": "markdown", ".markdown": "markdown",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json",
    ".csv": "csv", ".tsv": "tsv", ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip
_IN_FOLDERS = (".txt", ".text", ".md", ".markdown")


def records_of(
    path: Path, format: str, source: TextSource, fields: Fields, recursive: bool
) -> Iterator[Record]:
    """Yield the records of a file or folder, reading as far as needed.

    Parameters
    ----------
    path : Path
        The file or folder.
    format : str
        One of ``FORMATS``.
    source : TextSource
        How files are read.
    fields : Fields
        Which fields mean what.
    recursive : bool
        Whether folders inside the folder are read too.
    """
    check_exists(path)
    kind = _format_of(path) if format == "auto" else format
    if (kind == "folder") != path.is_dir():
        raise InputError(f"{path} is {'a' if path.is_dir() else 'no'} folder; got format={kind!r}.")
    if kind == "folder":
        return _folder(path, source, recursive)
    if kind in ("txt", "markdown"):
        return iter([_document(path, kind, source, path.stem, {"file": path.name})])
    if kind == "chat":
        fields = fields._replace(chat=True)
        kind = "json" if path.suffix.lower() == ".json" else "jsonl"
    if kind == "jsonl":
        objects = jsonl_objects(path, source)
    elif kind == "json":
        objects = json_objects(path, source)
    elif kind == "parquet":
        objects = parquet_objects(path)
    else:
        objects = csv_objects(path, source, fields.text, "\t" if kind == "tsv" else ",")
    return as_records(objects, source, fields)


def check_exists(path: Path) -> None:
    """Refuse a path that leads nowhere.

    Parameters
    ----------
    path : Path
        The path.
    """
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
            "another one of those that `read_documents` names."
        )
    return kind


def _folder(folder: Path, source: TextSource, recursive: bool) -> Iterator[Record]:
    found = folder.rglob("*") if recursive else folder.iterdir()
    paths = [p for p in found if p.suffix.lower() in _IN_FOLDERS and p.is_file()]
    if not paths:
        inside = " or below it" if recursive else "; pass recursive=True to look below it"
        raise InputError(f"{folder}: there is no .txt or .md file in the folder{inside}.")
    names = {p: p.relative_to(folder).as_posix() for p in paths}
    stems = {p: names[p][: -len(p.suffix)] for p in paths}
    twice = len(set(stems.values())) < len(stems)
    return _folder_records(folder, sorted(names, key=names.__getitem__), twice, source, recursive)


def _folder_records(
    folder: Path, paths: list[Path], suffixed: bool, source: TextSource, recursive: bool
) -> Iterator[Record]:
    for path in paths:
        name = path.relative_to(folder).as_posix()
        about = {"file": name}
        if recursive:
            about["folder"] = path.relative_to(folder).parent.as_posix()
        label = name if suffixed else name[: -len(path.suffix)]
        yield _document(path, _SUFFIXES[path.suffix.lower()], source, label, about)


def _document(
    path: Path, kind: str, source: TextSource, label: str, about: dict[str, str]
) -> Record:
    text = source.read(path)
    return Record(plain_text(text) if kind == "markdown" else text, label, about)
