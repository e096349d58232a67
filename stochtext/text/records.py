"""Documents out of JSON: one object a document, the rest of its fields as metadata.

Law: a record that cannot be read is reported with its file and line; no record
is skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext.text.decoding import TextSource
from stochtext.text.documents import Draft

__all__ = ["read_json", "read_jsonl"]

# Names of the text in files that were not written for this package: alpaca_eval, HelpSteer.
_OTHER_TEXT_FIELDS = ("output", "response")
_ARRAY_BYTES_PER_CHARACTER = 100

Record = tuple[str, dict[str, Any]]


def read_jsonl(path: Path, source: TextSource, text: str, id: str | None) -> Draft:
    """Read JSON Lines: one object a line.

    Parameters
    ----------
    path : Path
        The file.
    source : TextSource
        How it is read.
    text, id : str
        Fields with the document and with its id.
    """
    return _draft(path, list(_jsonl_records(path, source)), source, text, id)


def read_json(path: Path, source: TextSource, text: str, id: str | None) -> Draft:
    """Read a JSON file that holds one array of objects.

    Parameters
    ----------
    path : Path
        The file.
    source : TextSource
        How it is read.
    text, id : str
        Fields with the document and with its id.
    """
    whole = source.read(path, limit=_ARRAY_BYTES_PER_CHARACTER * source.max_chars)
    array = _parse(whole, str(path))
    if not isinstance(array, list):
        raise InputError(
            f"{path}: expected an array of objects, found {type(array).__name__}. For one object "
            "a line use the suffix .jsonl or format='jsonl'."
        )
    records = [(f"{path}, record {i}", _as_object(r, f"{path}, record {i}"))
               for i, r in enumerate(array)]  # fmt: skip
    return _draft(path, records, source, text, id)


def _jsonl_records(path: Path, source: TextSource) -> Iterator[Record]:
    for number, line in source.lines(path):
        where = f"{path}, line {number}"
        yield where, _as_object(_parse(line, where), where)


def _parse(text: str, where: str) -> Any:
    """Return the value that a JSON text stands for."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{where}: malformed JSON ({error.msg}, line {error.lineno} column {error.colno} of "
            "the record). Correct it or remove it."
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: JSON that cannot be read ({error}).") from None


def _as_object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(
            f"{where}: expected a JSON object with a text field, found {type(value).__name__}."
        )
    return value


def _draft(
    path: Path, records: list[Record], source: TextSource, text: str, id: str | None
) -> Draft:
    if not records:
        raise InputError(f"{path}: there is no record in the file.")
    field = _text_field(records[0][1], text)
    texts = [_text_of(record, field, where, source) for where, record in records]
    named = id if id is not None and any(id in record for _, record in records) else None
    ids = None if named is None else [_id_of(record, named, where) for where, record in records]
    rows = [
        {k: _clean(v, source, where) for k, v in record.items() if k not in (field, named)}
        for where, record in records
    ]
    scalars = [{k: v for k, v in row.items() if not isinstance(v, list | dict)} for row in rows]
    return Draft(texts, pd.DataFrame(scalars, index=range(len(texts))), ids)


def _text_field(record: dict[str, Any], text: str) -> str:
    """Return the name of the text field: ``text``, or a known other name if left at its default."""
    if text not in record and text == "text":
        return next((name for name in _OTHER_TEXT_FIELDS if name in record), text)
    return text


def _text_of(record: dict[str, Any], field: str, where: str, source: TextSource) -> str:
    if field not in record:
        available = ", ".join(map(repr, record)) or "none"
        raise InputError(
            f"{where}: there is no field {field!r}; available fields: {available}. Name the one "
            "with the document: text='...'."
        )
    value = record[field]
    if not isinstance(value, str):
        raise InputError(
            f"{where}: field {field!r} is of type {type(value).__name__}; a document is a string."
        )
    source.check_length(value, f"{where}, field {field!r}")
    return source.check_surrogates(value, f"{where}, field {field!r}")


def _id_of(record: dict[str, Any], field: str, where: str) -> str | int:
    value = record.get(field)
    if isinstance(value, str | int) and not isinstance(value, bool):
        return value
    raise InputError(
        f"{where}: field {field!r} holds no id (a string or an integer) but {value!r}. Give every "
        "record one, or pass id=None to number the documents."
    )


def _clean(value: Any, source: TextSource, where: str) -> Any:
    return source.check_surrogates(value, where) if isinstance(value, str) else value
