"""What a format gives: one record a document, with where it was found.

Law: a record that cannot be read is reported with its file and place; no record
is skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from stochtext._shared.exceptions import InputError
from stochtext.text.formats.chat import conversation
from stochtext.text.formats.decoding import TextSource
from stochtext.text.turns import Turn, joined

__all__ = ["Fields", "Record", "as_records"]

# Names of the text in files that were not written for this package: alpaca_eval, HelpSteer.
_OTHER_TEXT_FIELDS = ("output", "response")
_CHAT_FIELDS = ("messages", "choices")


class Record(NamedTuple):
    """One document as read, not yet checked."""

    text: str
    id: Any
    metadata: dict[str, Any]
    turns: tuple[Turn, ...] | None = None


class Fields(NamedTuple):
    """Which fields of a table or of JSON objects mean what."""

    text: str = "text"
    id: str | None = "id"
    metadata: Sequence[str] | None = None
    role: str | None = None
    chat: bool = False


def as_records(
    objects: Iterable[tuple[str, dict[str, Any]]], source: TextSource, fields: Fields
) -> Iterator[Record]:
    """Yield a record for each object.

    Parameters
    ----------
    objects : iterable of (str, dict)
        Where an object was found, and the object.
    source : TextSource
        Limits.
    fields : Fields
        Which fields mean what.
    """
    field: str | None = None
    named = chat = False
    for position, (where, given) in enumerate(objects):
        if position == 0:
            chat = fields.chat or _is_chat(given, fields.text)
            field = None if chat else _text_field(given, fields.text)
            named = fields.id is not None and fields.id in given
        id = _id_of(given, fields.id, where, named)
        used = {fields.id, field, *(_CHAT_FIELDS if chat else ())}
        metadata = _metadata(given, used, fields.metadata, source, where)
        if chat:
            turns = conversation(given, where, source, fields.role)
            text = joined(turns)
            source.check_length(text, where)
            yield Record(text, id, metadata, turns)
        else:
            yield Record(_text_of(given, str(field), where, source), id, metadata)


def _is_chat(given: dict[str, Any], text: str) -> bool:
    """Tell a chat log: it has messages, and no field of the name asked for."""
    return text not in given and any(isinstance(given.get(name), list) for name in _CHAT_FIELDS)


def _text_field(given: dict[str, Any], text: str) -> str:
    """Return the name of the text field: ``text``, or a known other name if left at its default."""
    if text not in given and text == "text":
        return next((name for name in _OTHER_TEXT_FIELDS if name in given), text)
    return text


def _text_of(given: dict[str, Any], field: str, where: str, source: TextSource) -> str:
    if field not in given:
        raise InputError(
            f"{where}: there is no field {field!r}; available fields: {_names(given)}. Name the "
            "one with the document: text='...'."
        )
    value = given[field]
    if not isinstance(value, str):
        raise InputError(
            f"{where}: field {field!r} is of type {type(value).__name__}; a document is a string."
        )
    source.check_length(value, f"{where}, field {field!r}")
    return source.check_surrogates(value, f"{where}, field {field!r}")


def _id_of(given: dict[str, Any], field: str | None, where: str, named: bool) -> Any:
    if field is None or not (named or field in given):
        return None
    value = given.get(field)
    if named and isinstance(value, str | int) and not isinstance(value, bool):
        return value
    raise InputError(
        f"{where}: field {field!r} holds no id (a string or an integer) but {value!r}, or the "
        "records before it have none. Give every record one, or pass id=None to number the "
        "documents."
    )


def _metadata(
    given: dict[str, Any],
    used: set[str | None],
    wanted: Sequence[str] | None,
    source: TextSource,
    where: str,
) -> dict[str, Any]:
    """Return the scalar fields that have no other use, or those asked for."""
    if wanted is not None:
        missing = [name for name in wanted if name not in given]
        if missing:
            raise InputError(
                f"{where}: there is no field {missing[0]!r}, which `metadata` names; available "
                f"fields: {_names(given)}."
            )
    return {
        name: source.check_surrogates(value, where) if isinstance(value, str) else value
        for name, value in given.items()
        if (name not in used if wanted is None else name in wanted)
        and not isinstance(value, list | dict)
    }


def _names(given: dict[str, Any]) -> str:
    return ", ".join(map(repr, given)) or "none"
