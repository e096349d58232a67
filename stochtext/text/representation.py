"""What stands behind ``TextTrajectories``: from documents to raw embeddings.

Law: every step reads the parameters it needs and keeps nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray, RandomState
from stochtext._shared.validation import check_choice, check_integer
from stochtext.text.corpus import UnitCorpus, as_units, check_segmenter
from stochtext.text.documents import Documents, name_some
from stochtext.text.embedders.base import resolve_embedder
from stochtext.text.embedders.encoding import embed_corpus
from stochtext.text.overlap import Marks, smoothed
from stochtext.text.projections.choice import make_projection
from stochtext.text.segmentation import UNITS, split_sentences
from stochtext.text.streams import shuffled_parts
from stochtext.trajectories.panel import Trajectories

__all__ = ["Representation", "fit_projection"]


class Representation(BaseEstimator):
    """Documents to panels of raw embeddings, by the parameters of ``TextTrajectories``."""

    embedder: Any
    unit: str
    projection: str | None
    n_components: int
    target: str | Sequence[str] | None
    window: int
    stride: int | None
    segmenter: str | Callable[[str], Any]
    language: str
    min_units: int
    max_units: int | None
    short: str
    lag: int
    n_whitened: int | None
    smoothing: float | None
    groups: str | None
    cache: bool | str | os.PathLike[str]
    batch_size: int
    dtype: str
    random_state: RandomState
    show_progress: bool | None
    n_features_in_: int

    def _check_parameters(self) -> None:
        check_choice("unit", self.unit, UNITS)
        check_integer("batch_size", self.batch_size)
        check_integer("lag", self.lag)
        check_segmenter(self.segmenter, self.unit)
        if self.stride is not None and self.unit != "window":
            raise InputError(
                f"`stride` applies to unit='window'; {self.unit}s follow one another as they are."
            )

    def _new_embedder(self, corpus: UnitCorpus) -> Any:
        if corpus.units is None:
            return None
        return resolve_embedder(
            self.embedder,
            batch_size=self.batch_size,
            dtype=self.dtype,
            random_state=self.random_state,
        )

    def _new_projection(self) -> Any:
        return make_projection(
            self.projection,
            self.n_components,
            lag=self.lag,
            n_whitened=self.n_whitened,
            target=self.target,
            random_state=self.random_state,
        )

    def _units(self, documents: Any) -> UnitCorpus:
        return as_units(
            documents,
            unit=self.unit,
            language=self.language,
            window=self.window,
            stride=self.stride,
            min_units=check_integer("min_units", self.min_units, minimum=2),
            max_units=self.max_units,
            short=check_choice("short", self.short, ("raise", "drop")),
            segmenter=self.segmenter,
        )

    def _marks(self, corpus: UnitCorpus) -> Marks:
        step = None if self.unit != "window" else (self.stride or self.window)
        # Our own cuts do not overlap, and what turns share is what was said twice.
        cut_by_others = corpus.given or (callable(self.segmenter) and self.unit != "turn")
        return Marks.of(
            (corpus.units or []) if cut_by_others else [],
            share=0.0 if step is None else 1.0 - step / self.window,
            smoothing=self.smoothing,
        )

    def _embed(
        self,
        corpus: UnitCorpus,
        embedder: Any,
        *,
        learn: bool = False,
        order: np.random.Generator | None = None,
    ) -> Trajectories:
        values: FloatArray
        if corpus.units is None:
            values = np.concatenate(corpus.arrays)
        elif embedder is None:
            raise InputError(
                "The projection was fitted to given embeddings, so texts cannot be embedded now. "
                "Pass their embeddings, or fit to documents."
            )
        else:
            values = embed_corpus(
                embedder,
                corpus.flat,
                learn=learn,
                cache=self.cache,
                batch_size=self.batch_size,
                show=self.show_progress,
            )
        marks = self._marks(corpus)
        if order is not None:
            places = np.split(np.arange(len(values)), np.cumsum(corpus.lengths)[:-1])
            values = values[np.concatenate(shuffled_parts(places, order))]
        return Trajectories.from_flat(
            smoothed(values, corpus.lengths, marks.smoothing),
            corpus.lengths,
            dt=1.0,
            ids=corpus.ids,
            groups=self._groups(corpus),
            columns=[f"e{j + 1}" for j in range(values.shape[1])],
            metadata=marks.noted(corpus.metadata),
            time_unit=self.unit,
            copy=False,
            finite=True,
        )

    def _check_width(self, raw: Trajectories) -> None:
        if raw.n_features != self.n_features_in_:
            raise InputError(
                f"The embeddings have {raw.n_features} dimensions; those of the fit had "
                f"{self.n_features_in_}."
            )

    def _check_fitted(self) -> None:
        if not hasattr(self, "columns_"):
            raise NotFittedError(
                "This TextTrajectories is not fitted yet: call fit(documents) first."
            )

    def _embed_shuffled(
        self, documents: Any, embedder: Any, rng: np.random.Generator
    ) -> Trajectories:
        """Return raw embeddings of units that were shuffled before they could overlap."""
        corpus = self._units(documents)
        if self.unit != "window" or corpus.units is None or corpus.given:
            return self._embed(corpus, embedder, order=rng)
        known = documents
        if not isinstance(documents, Documents):
            known = Documents(list(documents), empty=self.short)
        texts = [" ".join(part) for part in shuffled_parts(map(split_sentences, known), rng)]
        return self._embed(self._units(Documents(texts, known.metadata, known.ids)), embedder)

    def _groups(self, corpus: UnitCorpus) -> Any:
        if self.groups is None:
            return corpus.groups
        if self.groups not in corpus.metadata:
            available = ", ".join(map(repr, corpus.metadata.columns)) or "none"
            raise InputError(
                f"`groups` names no column of the metadata: {self.groups!r}. Available: "
                f"{available}."
            )
        column = corpus.metadata[self.groups]
        if column.isna().any():
            missing = name_some(column.index[column.isna()])
            raise InputError(f"Documents without a value of {self.groups!r}: {missing}.")
        return column.to_numpy()


def fit_projection(projection: Any, raw: Trajectories, *, in_parts: bool) -> None:
    """Fit a projection to raw embeddings, or go on fitting it.

    Parameters
    ----------
    projection : transformer
        What is fitted.
    raw : Trajectories
        The embeddings.
    in_parts : bool
        Whether these are one part of several.
    """
    if not in_parts:
        projection.fit(raw)
    elif hasattr(projection, "partial_fit"):
        projection.partial_fit(raw)
    else:
        raise InputError(
            f"{type(projection).__name__} cannot be learned part by part; use projection='pca', "
            "'whitened_pca', 'tica', 'random' or 'none'."
        )
