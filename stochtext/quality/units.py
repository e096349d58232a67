"""Documents in any accepted form as units, one list or array each.

Law: no document disappears here; the short ones are counted by whoever asks.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import IntArray
from stochtext.text.documents import Documents
from stochtext.text.segmentation import segment
from stochtext.trajectories.panel import Trajectories

__all__ = ["UnitLists", "read_units"]


@dataclass(frozen=True)
class UnitLists:
    """Units of documents.

    Attributes
    ----------
    parts : list
        For each document a list of units, or a (T, p) array of embeddings.
    ids : Index
    embedded : bool
        Whether the parts are arrays.
    """

    parts: list[Any]
    ids: pd.Index
    embedded: bool

    @property
    def lengths(self) -> IntArray:
        """Number of units of each document."""
        return np.array([len(part) for part in self.parts], dtype=np.int64)

    def fingerprints(self) -> list[bytes]:
        """Return what is equal for equal documents."""
        return [_digest(part) for part in self.parts]


def read_units(documents: Any, unit: str) -> UnitLists:
    """Return the units of documents.

    Parameters
    ----------
    documents : Documents, list of str, list of list of str, Trajectories or arrays
        Empty texts have no units; they are kept.
    unit : str
        As in ``TextTrajectories``.

    Raises
    ------
    InputError
        If ``documents`` is none of these or empty.
    """
    if isinstance(documents, str | bytes):
        raise InputError("`documents` is a single string; pass a list of documents.")
    if isinstance(documents, Trajectories):
        return UnitLists([np.array(a) for a in documents.arrays()], documents.ids, True)
    if isinstance(documents, Documents):
        return UnitLists([segment(text, unit) for text in documents], documents.ids, False)
    parts = list(documents)
    if not parts:
        raise InputError("`documents` is empty; pass at least one document.")
    index = pd.RangeIndex(len(parts), name="id")
    if all(isinstance(part, str) for part in parts):
        units = [segment(text, unit) if text.strip() else [] for text in parts]
        return UnitLists(units, index, False)
    if all(isinstance(part, np.ndarray) and part.ndim == 2 for part in parts):
        return UnitLists(parts, index, True)
    if all(isinstance(part, list | tuple) and _all_texts(part) for part in parts):
        return UnitLists([list(part) for part in parts], index, False)
    kinds = sorted({type(part).__name__ for part in parts})
    raise InputError(
        "`documents` must be Documents, a list of texts, a list of lists of units, or a list of "
        f"(T, p) arrays of embeddings; got a list of {', '.join(kinds)}."
    )


def _all_texts(part: Any) -> bool:
    return all(isinstance(unit, str) for unit in part)


def _digest(part: Any) -> bytes:
    if isinstance(part, np.ndarray):
        shape = repr(part.shape).encode()
        return hashlib.sha256(
            shape + np.ascontiguousarray(part, dtype=np.float64).tobytes()
        ).digest()
    joined = "\x1f".join(part).encode("utf-8", "surrogatepass")
    return hashlib.sha256(joined).digest()
