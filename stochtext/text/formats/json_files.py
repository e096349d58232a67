"""Objects out of JSON: one a line, or an array of them.

Law: malformed JSON is reported with its file and line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stochtext._shared.exceptions import InputError
from stochtext.text.formats.decoding import TextSource

__all__ = ["json_objects", "jsonl_objects"]

_ARRAY_BYTES_PER_CHARACTER = 100

Found = Iterator[tuple[str, dict[str, Any]]]


def jsonl_objects(path: Path, source: TextSource) -> Found:
    """Yield the objects of a file with one on each line.

    Parameters
    ----------
    path : Path
        The file.
    source : TextSource
        How it is read.
    """
    for number, line in source.lines(path):
        where = f"{path}, line {number}"
        yield where, _as_object(_parse(line, where), where)


def json_objects(path: Path, source: TextSource) -> Found:
    """Yield the objects of an array; an array of messages is one conversation.

    Parameters
    ----------
    path : Path
        The file.
    source : TextSource
        How it is read.
    """
    whole = source.read(path, limit=_ARRAY_BYTES_PER_CHARACTER * source.max_chars)
    array = _parse(whole, str(path))
    if isinstance(array, dict) and isinstance(array.get("messages", array.get("choices")), list):
        array = [array]
    if not isinstance(array, list):
        raise InputError(
            f"{path}: expected an array of objects, found {type(array).__name__}. For one object "
            "a line use the suffix .jsonl or format='jsonl'."
        )
    if array and all(isinstance(r, dict) and {"role", "content"} <= r.keys() for r in array):
        array = [{"messages": array}]
    for i, record in enumerate(array):
        where = f"{path}, record {i}"
        yield where, _as_object(record, where)


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
