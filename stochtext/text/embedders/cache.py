"""Embeddings on disk, so that no sentence is embedded twice.

Law: the cache may cost time, never an answer: what cannot be read, verified or
written is embedded again, and every write is whole or absent. It holds hashes
and numbers, no text and no pickle.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stochtext._shared.exceptions import InputError
from stochtext._shared.user_cache import user_cache

__all__ = ["EmbeddingStore", "cache_directory", "open_store"]

_TABLE = "CREATE TABLE IF NOT EXISTS rows (key BLOB PRIMARY KEY, row BLOB) WITHOUT ROWID"
_PER_QUERY = 500
_CHECK_BYTES = 8
_WAIT_SECONDS = 5.0

Row = NDArray[np.float32]


def cache_directory(cache: bool | str | os.PathLike[str] = True) -> Path | None:
    """Return the folder that a ``cache`` argument means; None for no cache.

    Parameters
    ----------
    cache : bool or path
        True is the folder in the environment variable ``STOCHTEXT_CACHE``, or
        else ``stochtext`` in the user's cache folder.

    Raises
    ------
    InputError
        If it is neither.
    """
    if isinstance(cache, str | os.PathLike) and str(cache):
        return Path(cache).expanduser()
    if not isinstance(cache, bool):
        raise InputError(f"`cache` must be True, False or a folder; got {cache!r}.")
    if not cache:
        return None
    return user_cache()


def open_store(
    cache: bool | str | os.PathLike[str], fingerprint: str | None
) -> EmbeddingStore | None:
    """Open the rows of one model; None if there is nothing to keep them under.

    Parameters
    ----------
    cache : bool or path
        As in ``cache_directory``.
    fingerprint : str or None
        What identifies the model.
    """
    folder = cache_directory(cache)
    if folder is None or fingerprint is None:
        return None
    name = hashlib.sha256(fingerprint.encode()).hexdigest()[:32]
    return EmbeddingStore(folder / "embeddings" / f"{name}.sqlite3")


class EmbeddingStore:
    """Rows of one model, keyed by the SHA-256 of their text.

    Parameters
    ----------
    path : Path
        The file; it is made when needed. Where it cannot be, the store stays
        empty and forgets what it is given.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
        self._attempt(self._connect)

    def __enter__(self) -> EmbeddingStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def get(self, texts: Sequence[str]) -> dict[str, Row]:
        """Return the rows that are known and whole.

        Parameters
        ----------
        texts : sequence of str
            Any texts.
        """
        by_key = {_key(text): text for text in texts}
        blobs = self._attempt(lambda c: _select(c, list(by_key))) or {}
        rows = {by_key[key]: _unpack(key, blob) for key, blob in blobs.items()}
        known = {text: row for text, row in rows.items() if row is not None}
        if len({row.size for row in known.values()}) > 1:
            return {}
        return known

    def put(self, texts: Sequence[str], rows: Row) -> None:
        """Keep rows; all of them or, if that fails, none.

        Parameters
        ----------
        texts : sequence of str
            n texts.
        rows : ndarray of shape (n, p)
            Their rows.
        """
        items = [(key, _pack(key, row)) for key, row in zip(map(_key, texts), rows, strict=True)]
        self._attempt(lambda c: _insert(c, items))

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _connect(self, _: Any = None) -> None:
        self._connection = sqlite3.connect(self.path, timeout=_WAIT_SECONDS)
        if not os.access(self.path, os.W_OK):
            return
        with self._connection:
            self._connection.execute(_TABLE)

    def _attempt(self, action: Any) -> Any:
        """Run an action; a damaged file is removed and the action run once more."""
        for _ in range(2):
            if self._connection is None and action != self._connect:
                return None
            try:
                return action(self._connection)
            except sqlite3.Error as error:
                damaged = _is_damage(error)
                self.close()
                if not (damaged and self._remove()):
                    return None
                if action != self._connect:
                    self._attempt(self._connect)
        return None

    def _remove(self) -> bool:
        try:
            self.path.unlink(missing_ok=True)
        except OSError:
            return False
        return True


def _is_damage(error: sqlite3.Error) -> bool:
    """Tell a damaged file from one that is locked, read-only or out of reach."""
    if isinstance(error, sqlite3.OperationalError):
        return str(error).startswith(("no such", "table rows has"))
    return isinstance(error, sqlite3.DatabaseError)


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _pack(key: bytes, row: Row) -> bytes:
    data = np.ascontiguousarray(row, dtype="<f4").tobytes()
    return hashlib.blake2b(data, key=key, digest_size=_CHECK_BYTES).digest() + data


def _unpack(key: bytes, blob: Any) -> Row | None:
    """Return the row, or None if it is not the one that was put in."""
    if not isinstance(blob, bytes) or (len(blob) - _CHECK_BYTES) % 4 or len(blob) <= _CHECK_BYTES:
        return None
    check, data = blob[:_CHECK_BYTES], blob[_CHECK_BYTES:]
    if hashlib.blake2b(data, key=key, digest_size=_CHECK_BYTES).digest() != check:
        return None
    return np.frombuffer(data, dtype="<f4").astype(np.float32)


def _select(connection: sqlite3.Connection, keys: list[bytes]) -> dict[bytes, Any]:
    found: dict[bytes, Any] = {}
    for start in range(0, len(keys), _PER_QUERY):
        part = keys[start : start + _PER_QUERY]
        marks = ",".join("?" * len(part))
        found.update(connection.execute(f"SELECT key, row FROM rows WHERE key IN ({marks})", part))
    return found


def _insert(connection: sqlite3.Connection, items: list[tuple[bytes, bytes]]) -> None:
    with connection:
        connection.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?)", items)
