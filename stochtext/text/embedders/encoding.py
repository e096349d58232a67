"""Embed many texts: each once, in batches, keeping what is done.

Law: a run that is interrupted loses at most the last seconds of its work.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError, StochtextWarning
from stochtext._shared.progress import progress
from stochtext._shared.typing import FloatArray
from stochtext._shared.validation import as_float_array
from stochtext.text.embedders.cache import EmbeddingStore, open_store

__all__ = ["embed_corpus", "embed_texts"]

_FLUSH_ROWS = 512
_FLUSH_SECONDS = 2.0


def embed_corpus(
    embedder: Any,
    texts: list[str],
    *,
    learn: bool,
    cache: bool | str | os.PathLike[str] = True,
    batch_size: int = 32,
    show: bool | None = None,
) -> FloatArray:
    """Return one row a text, fitting an embedder that is fitted to its corpus.

    Parameters
    ----------
    embedder : object with ``encode``
        One with ``fits_corpus`` learns from the texts, if it is to ``learn``; if it
        has ``fit_encode``, it reads them once for both.
    texts, cache, batch_size, show
        As in ``embed_texts``.
    learn : bool
        Whether the texts are training texts.
    """
    if learn and getattr(embedder, "fits_corpus", False):
        if hasattr(embedder, "fit_encode"):
            return _checked(embedder, texts, embedder.fit_encode)
        embedder.fit(texts)
    return embed_texts(embedder, texts, cache=cache, batch_size=batch_size, show=show)


def embed_texts(
    embedder: Any,
    texts: Sequence[str],
    *,
    cache: bool | str | os.PathLike[str] = True,
    batch_size: int = 32,
    show: bool | None = None,
) -> FloatArray:
    """Return one row a text.

    Parameters
    ----------
    embedder : object with ``encode``
        If it has a ``fingerprint`` its rows are kept on disk in single
        precision, and texts that repeat are embedded once.
    texts : sequence of str
        n texts, at least one.
    cache : bool or path
        Where rows are kept.
    batch_size : int
        Texts per call of ``encode``.
    show : bool, optional
        Force the progress bar on or off.

    Returns
    -------
    ndarray of shape (n, p)
        The embeddings.

    Raises
    ------
    InputError
        If ``encode`` returns no finite (n, p) array.
    """
    if getattr(embedder, "fits_corpus", False):
        return _checked(embedder, list(texts))
    fingerprint = getattr(embedder, "fingerprint", None)
    if not isinstance(fingerprint, str):
        _warn_truncated(embedder, list(texts))
        return np.concatenate([_checked(embedder, b) for b in _batches(texts, batch_size, show)])
    store = open_store(cache, fingerprint)
    unique = list(dict.fromkeys(texts))
    if store is None:
        rows = _encode_missing(embedder, unique, {}, None, batch_size, show)
    else:
        with store:
            rows = _encode_missing(embedder, unique, store.get(unique), store, batch_size, show)
    return np.stack([rows[text] for text in texts]).astype(np.float64)


def _encode_missing(
    embedder: Any,
    texts: list[str],
    known: dict[str, Any],
    store: EmbeddingStore | None,
    batch_size: int,
    show: bool | None,
) -> dict[str, Any]:
    """Return the rows of all texts; those not known are embedded, longest first."""
    missing = sorted((text for text in texts if text not in known), key=len, reverse=True)
    if not missing:
        return known
    _warn_truncated(embedder, missing)
    fresh: dict[str, Any] = {}
    kept, flushed = 0, time.monotonic()
    try:
        for batch in _batches(missing, batch_size, show):
            fresh.update(zip(batch, _checked(embedder, batch).astype(np.float32), strict=True))
            overdue = time.monotonic() - flushed > _FLUSH_SECONDS
            if overdue or len(fresh) - kept >= _FLUSH_ROWS:
                _flush(store, missing[kept : len(fresh)], fresh)
                kept, flushed = len(fresh), time.monotonic()
    finally:
        _flush(store, missing[kept : len(fresh)], fresh)
    width = {row.size for row in fresh.values()}
    if any(row.size not in width for row in known.values()):
        # The store holds rows of another width under this fingerprint: it is not believed.
        return _encode_missing(embedder, texts, fresh, store, batch_size, show)
    return {**known, **fresh}


def _flush(store: EmbeddingStore | None, texts: list[str], rows: dict[str, Any]) -> None:
    if store is not None and texts:
        store.put(texts, np.stack([rows[text] for text in texts]))


def _batches(texts: Sequence[str], size: int, show: bool | None) -> Any:
    starts = range(0, len(texts), size)
    for start in progress(starts, label="embedding", total=len(starts), show=show):
        yield list(texts[start : start + size])


def _checked(embedder: Any, texts: list[str], encode: Any = None) -> FloatArray:
    """Return what ``encode`` gives, as a finite (n, p) array."""
    rows = as_float_array("embedder.encode(texts)", (encode or embedder.encode)(texts))
    if rows.ndim != 2 or rows.shape[0] != len(texts) or rows.shape[1] == 0:
        raise InputError(
            f"`embedder.encode` returned shape {rows.shape} for {len(texts)} texts; it must "
            f"return one row a text: ({len(texts)}, p)."
        )
    bad = ~np.isfinite(rows).all(axis=1)
    if bad.any():
        first = texts[int(np.argmax(bad))]
        raise InputError(
            f"`embedder.encode` returned NaN or infinite values for {bad.sum()} of {len(texts)} "
            f"texts; the first is {first[:80]!r}."
        )
    return rows


def _warn_truncated(embedder: Any, texts: list[str]) -> None:
    if not hasattr(embedder, "count_truncated"):
        return
    count, most = embedder.count_truncated(texts)
    if count:
        warnings.warn(
            f"{count} of {len(texts)} units are longer than the {most} tokens that {embedder!r} "
            "reads; what follows is not embedded. Use shorter units.",
            StochtextWarning,
            stacklevel=2,
        )
