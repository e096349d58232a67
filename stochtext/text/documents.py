"""The texts that somebody brings, with what is known about them.

Law: a document is valid Unicode with at least one letter or digit, or it is not
here; what was left out is listed by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import EncodingError, InputError
from stochtext._shared.validation import check_choice
from stochtext.text.turns import Turn, as_turn, joined

__all__ = ["Documents", "is_blank", "name_some"]

_LETTER = re.compile(r"[^\W_]")
_TAG = re.compile(r"<[A-Za-z/!?][^<>]*>")


class Documents(Sequence[str]):
    """Texts in order, one id each, with a table of metadata.

    Indexing with an integer gives a text; with a slice, a mask or a list of
    positions it gives ``Documents``. Iteration gives the texts.

    Parameters
    ----------
    texts : iterable of str
        The documents.
    metadata : DataFrame or mapping of columns, optional
        One row a document, in the order of ``texts``.
    ids : sequence, optional
        One unique id a document; by default 0, 1, 2, ...
    empty : {"raise", "drop"}
        What to do with documents without a letter or digit (empty, white space,
        punctuation or nothing but tags): refuse them, or leave them out and list
        them in ``dropped``.
    turns : sequence of sequences, optional
        The turns of each document, where it is a conversation or a loop.

    Attributes
    ----------
    texts : list of str
        The documents.
    metadata : DataFrame
        One row a document; its index are the ids.
    ids : Index
        The ids.
    turns : list of tuple of Turn, or None
        The turns of each document, if they were given.
    dropped : list
        Ids of the documents left out for being empty.

    Raises
    ------
    InputError
        If a text is no string, is empty, or lengths and ids do not fit.
    EncodingError
        If a text holds a lone surrogate, which no file can hold, or a NUL
        character, which no text does.

    Examples
    --------
    >>> from stochtext.text import Documents
    >>> documents = Documents(["One. Two.", "Three. Four."], {"author": ["a", "b"]})
    >>> documents[documents.metadata["author"] == "b"].texts
    ['Three. Four.']
    """

    def __init__(
        self,
        texts: Iterable[str],
        metadata: pd.DataFrame | Mapping[str, Any] | None = None,
        ids: Iterable[Any] | None = None,
        *,
        empty: str = "raise",
        turns: Iterable[Iterable[Any]] | None = None,
    ) -> None:
        check_choice("empty", empty, ("raise", "drop"))
        if isinstance(texts, str | bytes):
            raise InputError(
                "`texts` is a single string; give a list of documents, or read a file with "
                "`read_documents(path)`."
            )
        given = list(texts)
        index = _as_ids(ids, len(given))
        table = _as_metadata(metadata, index)
        _check_texts(given, index)
        parts = None if turns is None else _as_turns(turns, index)
        blank = np.array([is_blank(text) for text in given], dtype=bool)
        if blank.any() and empty == "raise":
            raise InputError(
                f"{blank.sum()} of {len(given)} documents are empty, white space or markup "
                f"without a letter or digit: {name_some(index[blank])}. Remove them, or pass "
                "empty='drop' to leave them out."
            )
        if not (~blank).any():
            raise InputError("There is no document: `texts` is empty or holds only white space.")
        self.texts: list[str] = [text for text, drop in zip(given, blank, strict=True) if not drop]
        self.turns: list[tuple[Turn, ...]] | None = (
            None if parts is None else [p for p, drop in zip(parts, blank, strict=True) if not drop]
        )
        self.ids: pd.Index = index[~blank]
        self.metadata: pd.DataFrame = table.loc[~blank]
        self.dropped: list[Any] = list(index[blank])

    @classmethod
    def from_turns(
        cls,
        turns: Iterable[Iterable[Any]],
        metadata: pd.DataFrame | Mapping[str, Any] | None = None,
        ids: Iterable[Any] | None = None,
        *,
        empty: str = "raise",
    ) -> Documents:
        """Return conversations, or the successive outputs of loops, as documents.

        Parameters
        ----------
        turns : sequence of sequences
            The turns of each document: strings, ``Turn`` objects or messages with
            ``content``.
        metadata, ids, empty
            As in the constructor.

        Examples
        --------
        >>> loop = ["The sea is calm.", "Calm is the sea.", "The sea is calm."]
        >>> [len(turns) for turns in Documents.from_turns([loop]).turns]
        [3]
        """
        if isinstance(turns, str):
            raise InputError("`turns` is a single string; give a list of lists of outputs.")
        given = list(turns)
        index = _as_ids(ids, len(given))
        parts = _as_turns(given, index)
        return cls([joined(part) for part in parts], metadata, index, empty=empty, turns=parts)

    @property
    def n_documents(self) -> int:
        """Number of documents."""
        return len(self.texts)

    @property
    def n_dropped(self) -> int:
        """Number of documents left out for being empty."""
        return len(self.dropped)

    @property
    def shape(self) -> tuple[int]:
        """One axis, the documents: scikit-learn then splits them with their metadata."""
        return (len(self.texts),)

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[str]:
        return iter(self.texts)

    @overload
    def __getitem__(self, key: int) -> str: ...

    @overload
    def __getitem__(self, key: Any) -> Any: ...

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, int | np.integer) and not isinstance(key, bool):
            return self.texts[key]
        if isinstance(key, tuple) and len(key) == 2 and key[1] is Ellipsis:
            key = key[0]  # the form in which scikit-learn takes rows
        positions = np.arange(len(self.texts))
        try:
            chosen = positions[key if isinstance(key, slice) else np.asarray(key)]
        except (IndexError, ValueError) as error:
            raise InputError(f"Documents cannot be indexed with {key!r}: {error}.") from None
        if chosen.size == 0:
            raise InputError("The selection holds no document.")
        texts = [self.texts[i] for i in chosen]
        turns = None if self.turns is None else [self.turns[i] for i in chosen]
        return Documents(texts, self.metadata.iloc[chosen], self.ids[chosen], turns=turns)

    def __repr__(self) -> str:
        columns = ", ".join(map(str, self.metadata.columns)) or "no metadata"
        dropped = f", {self.n_dropped} dropped" if self.n_dropped else ""
        return f"<Documents: {len(self)} texts ({columns}){dropped}>"


def name_some(ids: Iterable[Any], limit: int = 8) -> str:
    """List ids in a message, the first few by name."""
    names = [repr(i.item() if isinstance(i, np.generic) else i) for i in ids]
    rest = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {rest} more" if rest > 0 else "")


def _as_ids(ids: Iterable[Any] | None, n: int) -> pd.Index:
    """Return the ids as an index of length ``n`` without repetitions."""
    if ids is None:
        return pd.RangeIndex(n, name="id")
    index = pd.Index(list(ids), name="id")
    if len(index) != n:
        raise InputError(f"`ids` has {len(index)} entries for {n} documents.")
    if index.has_duplicates:
        twice = index[index.duplicated()].unique()
        raise InputError(f"`ids` must be unique; these occur more than once: {name_some(twice)}.")
    return index


def _as_metadata(metadata: Any, index: pd.Index) -> pd.DataFrame:
    """Return the metadata as a frame indexed by the ids."""
    if metadata is None:
        return pd.DataFrame(index=index)
    try:
        table = pd.DataFrame(metadata)
    except ValueError as error:
        raise InputError(f"`metadata` is no table: {error}.") from None
    if len(table) != len(index):
        raise InputError(f"`metadata` has {len(table)} rows for {len(index)} documents.")
    return table.set_axis(index, axis=0)


def _as_turns(turns: Iterable[Iterable[Any]], index: pd.Index) -> list[tuple[Turn, ...]]:
    """Return the turns of each document, checked."""
    given = list(turns)
    if len(given) != len(index):
        raise InputError(f"`turns` has {len(given)} entries for {len(index)} documents.")
    parts = []
    for label, part in zip(index, given, strict=True):
        if isinstance(part, str) or not isinstance(part, Iterable):
            raise InputError(
                f"Document {label!r}: its turns are {part!r:.80}; give a list of outputs."
            )
        found = tuple(as_turn(t, f"Document {label!r}, turn {k}") for k, t in enumerate(part))
        parts.append(found)
    return parts


def is_blank(text: str) -> bool:
    """Tell whether a text has no letter or digit, its tags apart."""
    if _LETTER.search(text) is None:
        return True
    return text.lstrip()[:1] == "<" and _LETTER.search(_TAG.sub(" ", text)) is None


def _check_texts(texts: list[Any], index: pd.Index) -> None:
    """Refuse what is no text or could not be written to a file."""
    for label, text in zip(index, texts, strict=True):
        if not isinstance(text, str):
            raise InputError(
                f"Document {label!r} is of type {type(text).__name__}; documents are strings."
            )
        if "\0" in text:
            raise EncodingError(
                f"Document {label!r} holds a NUL at character {text.index(chr(0))}: it is binary "
                "data, no text."
            )
        if text.isascii():
            continue
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            offset = len(text[: error.start].encode("utf-8"))
            raise EncodingError(
                f"Document {label!r} holds a lone surrogate (U+{ord(text[error.start]):04X}) at "
                f"character {error.start} (byte {offset}): it is no valid Unicode. Repair it, or "
                "read the file with errors='replace'."
            ) from None
