"""Whatever documents come as, the units of each and what is known about them.

Law: a document with too few units is refused or listed, never padded and never
forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext._shared.validation import check_integer
from stochtext.text.documents import Documents, name_some
from stochtext.text.segmentation import segment
from stochtext.text.turns import Turn
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.reading import as_trajectories

__all__ = ["UnitCorpus", "as_units", "check_segmenter"]

Segmenter = str | Callable[[str], Any]


@dataclass(frozen=True)
class UnitCorpus:
    """Units of m documents, or their embeddings.

    Parameters
    ----------
    units : list of list of str or None
        The units of each document; None if embeddings were given.
    arrays : list of ndarray
        Embeddings (T_k, p) of each document, if ``units`` is None.
    ids : Index
        One id a document.
    metadata : DataFrame
        One row a document.
    groups : ndarray or None
        Group of each document, if embeddings came with one.
    dropped : list
        Ids of the documents left out.
    given : bool
        Whether somebody else cut the units.
    """

    units: list[list[str]] | None
    arrays: list[FloatArray]
    ids: pd.Index
    metadata: pd.DataFrame
    groups: Any
    dropped: list[Any]
    given: bool = False

    @property
    def flat(self) -> list[str]:
        """All units, document after document."""
        return [unit for units in self.units or [] for unit in units]

    @property
    def lengths(self) -> list[int]:
        """Number of units of each document."""
        return [len(part) for part in (self.arrays if self.units is None else self.units)]


def as_units(
    documents: Any,
    *,
    unit: str,
    language: str,
    window: int,
    stride: int | None,
    min_units: int,
    max_units: int | None,
    short: str,
    segmenter: Segmenter = "sentencex",
) -> UnitCorpus:
    """Return the units of documents in any of the accepted forms.

    Parameters
    ----------
    documents : Documents, list of str, list of list of str, Trajectories or arrays
        Texts, texts already cut into units, or embeddings.
    unit, language, window, stride
        As in ``segment``.
    min_units : int
        Fewest units of a document.
    max_units : int or None
        Units used of each document.
    short : {"raise", "drop"}
        What to do with documents of fewer units.
    segmenter : "sentencex" or callable
        What cuts a text into units; a callable gives a list of strings.

    Raises
    ------
    InputError
        If a document is short or empty, or the form is none of these.
    """
    if max_units is not None:
        check_integer("max_units", max_units, minimum=min_units)
    if isinstance(documents, str | bytes):
        raise InputError("`documents` is a single string; pass a list of documents.")
    if isinstance(documents, pd.Series | np.ndarray) and documents.dtype.kind in "OTU":
        documents = list(documents)
    if _is_list_of_texts(documents):
        documents = Documents(documents, empty=short)
    if isinstance(documents, Documents):
        if unit == "turn":
            units = _turn_units(documents)
        elif callable(segmenter):
            units = [
                _cut(segmenter, text, label)
                for label, text in zip(documents.ids, documents, strict=True)
            ]
        else:
            units = [
                segment(text, unit, language=language, window=window, stride=stride)
                for text in documents
            ]
        corpus = UnitCorpus(
            units, [], documents.ids, documents.metadata, None, list(documents.dropped)
        )
    elif _is_list_of_unit_lists(documents):
        corpus = _given_units(documents)
    else:
        corpus = _given_arrays(documents, min_units if short == "drop" else None)
    return _long_enough(corpus, min_units, max_units, short, unit)


def check_segmenter(segmenter: Any, unit: str) -> None:
    """Refuse what cuts nothing.

    Parameters
    ----------
    segmenter : "sentencex" or callable
        As in ``as_units``.
    unit : str
        What it cuts.
    """
    if segmenter == "sentencex":
        return
    if not callable(segmenter) or isinstance(segmenter, type):
        raise InputError(
            f"`segmenter` must be 'sentencex' or a callable from a text to a list of units; got "
            f"{segmenter!r}."
        )
    if unit not in ("sentence", "paragraph"):
        raise InputError(f"`segmenter` cuts sentences or paragraphs; got unit={unit!r}.")


def _cut(segmenter: Callable[[str], Any], text: str, label: Any) -> list[str]:
    """Return the units that somebody's callable gives, without blank ones."""
    given = segmenter(text)
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InputError(f"Document {label!r}: the segmenter returned {given!r:.80}, no list.")
    units = list(given)
    for k, part in enumerate(units):
        if not isinstance(part, str):
            raise InputError(
                f"Document {label!r}: unit {k} of the segmenter is {part!r:.80}, no text."
            )
    return [part.strip() for part in units if part.strip()]


def _turn_units(documents: Documents) -> list[list[str]]:
    """Return the turns of each document as its units."""
    if documents.turns is None:
        raise InputError(
            "unit='turn' needs documents with turns: read a chat log, or use "
            "Documents.from_turns(list of lists of outputs)."
        )
    return [[turn.content for turn in part if _says(turn)] for part in documents.turns]


def _says(turn: Turn) -> bool:
    return bool(turn.content.strip())


def _is_list_of_texts(documents: Any) -> bool:
    return (
        isinstance(documents, list | tuple)
        and len(documents) > 0
        and any(isinstance(item, str) for item in documents)
    )


def _is_list_of_unit_lists(documents: Any) -> bool:
    return isinstance(documents, list | tuple) and any(
        isinstance(item, list | tuple) and any(isinstance(unit, str) for unit in item)
        for item in documents
    )


def _given_units(documents: Any) -> UnitCorpus:
    """Check units that somebody else cut: they are texts with something in them."""
    units: list[list[str]] = []
    for k, item in enumerate(documents):
        if not isinstance(item, list | tuple):
            raise InputError(
                f"Document {k} is of type {type(item).__name__}; the others are lists of units."
            )
        for t, part in enumerate(item):
            if not isinstance(part, str) or not part.strip():
                raise InputError(f"Document {k}, unit {t}: {part!r} is no text. Remove it.")
        units.append(list(item))
    if any(units):
        Documents(["\n".join(item) or "-" for item in units])
    index = pd.RangeIndex(len(units), name="id")
    return UnitCorpus(units, [], index, pd.DataFrame(index=index), None, [], given=True)


def _given_arrays(documents: Any, drop_below: int | None) -> UnitCorpus:
    """Take embeddings; of a list, those too short to be a trajectory may be left out."""
    lost: list[int] = []
    if isinstance(documents, Trajectories) and documents.dt != 1.0:
        raise InputError(
            "Embeddings of documents are one unit apart, but the steps of this Trajectories are "
            "not 1. Use TrajectoryPCA or TrajectoryTICA on it directly."
        )
    if drop_below is not None and isinstance(documents, list | tuple):
        lost = [k for k, part in enumerate(documents) if len(part) < drop_below]
        kept = [k for k in range(len(documents)) if k not in set(lost)]
        panel = Trajectories([documents[k] for k in kept], ids=kept)
    else:
        panel = as_trajectories(documents)
    arrays = [np.asarray(part) for part in panel.arrays()]
    return UnitCorpus(None, arrays, panel.ids, panel.metadata, panel.groups, lost)


def _long_enough(
    corpus: UnitCorpus, min_units: int, max_units: int | None, short: str, unit: str
) -> UnitCorpus:
    """Cut documents at ``max_units``, and refuse or leave out the short ones."""
    keep = np.array(corpus.lengths) >= min_units
    lost = list(corpus.ids[~keep])
    if lost and (short == "raise" or not keep.any()):
        advice = "; pass short='drop' to leave them out" if short == "raise" else ""
        raise InputError(
            f"{len(lost)} of {len(keep)} documents have fewer than {min_units} units "
            f"(unit={unit!r}): {name_some(lost)}. A trajectory needs at least two states: use "
            f"longer documents or smaller units{advice}."
        )
    units = corpus.units
    return UnitCorpus(
        None if units is None else [u[:max_units] for u, k in zip(units, keep, strict=True) if k],
        [a[:max_units] for a, k in zip(corpus.arrays, keep, strict=False) if k],
        corpus.ids[keep],
        corpus.metadata.loc[keep],
        None if corpus.groups is None else np.asarray(corpus.groups)[keep],
        corpus.dropped + lost,
        corpus.given,
    )
