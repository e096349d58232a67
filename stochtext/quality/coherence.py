"""Score documents by how well a process fitted to reference documents explains them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError

from stochtext._shared.exceptions import InputError
from stochtext._shared.progress import progress
from stochtext._shared.random import generator, seed_sequence
from stochtext._shared.typing import FloatArray, RandomState
from stochtext._shared.validation import check_integer
from stochtext.comparison.folds import fold_codes
from stochtext.comparison.scoring import seeded
from stochtext.estimators.linear import LinearSDE
from stochtext.quality.ranks import cross_conformal_pvalues, fold_zscores
from stochtext.quality.scoring_model import ScoringModel
from stochtext.quality.units import UnitLists, read_units
from stochtext.text.embedders.base import resolve_embedder
from stochtext.text.trajectories import TextTrajectories

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["CoherenceScorer"]

COLUMNS = ["score", "zscore", "pvalue", "cosine", "n_units", "assessable", "reason"]


class CoherenceScorer(BaseEstimator):
    r"""Score documents against a reference corpus.

    Parameters
    ----------
    embedder : str, path or object
        As in :class:`stochtext.text.TextTrajectories`.
    estimator : estimator, optional
        The process; default ``LinearSDE(trend="linear")``, whose mean moves with
        the position in the document.
    projection : {"pca", "tica", None}
        As in ``TextTrajectories``.
    n_components : int or None, default 8
        Dimension of the trajectories.
    n_folds : int, default 5
        Parts of the reference; each is scored by a model fitted to the others.
    min_units : int, default 5
        Documents with fewer units are not assessed.
    unit : {"sentence", "paragraph", "window"}
        What one step is.
    cache : bool or path
        Where embeddings are kept, as in ``TextTrajectories``.
    random_state : int, Generator, SeedSequence or None
        Seed of the folds and of all that is random.

    Attributes
    ----------
    reference_scores_ : DataFrame
        The reference documents, scored by models that have not seen them.
    models_ : list of ScoringModel
        One a fold.

    Notes
    -----
    ``score`` is the mean log transition density per unit, averaged over the models
    of the folds. ``zscore`` is its distance from the reference in standard
    deviations within folds. ``pvalue`` is the two-sided cross-conformal p-value of
    the hypothesis that the document was drawn like the reference: it is a rank
    among out-of-fold reference scores, needs no distribution, and can be as small
    as 2 / (m + 1) for m reference documents; it is conservative where the models of
    the folds differ much. A low score means unlike the
    reference, not bad; a very high one, as of repetitions, is unlike it too.
    ``cosine`` is the mean cosine of neighbouring units, for which nothing is fitted.

    The embedder ``"lsa"`` knows only the words of the reference. Units of other words
    come to lie in the middle, where the density is high: with it, a document of
    another vocabulary can score high. An embedder that is not fitted to the reference
    (``"minilm"``), or embeddings fitted to all documents, do not have this weakness.

    A document that is one of the reference documents is scored by the model that
    has not seen it.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.quality import CoherenceScorer
    >>> rng = np.random.default_rng(0)
    >>> reference = [rng.standard_normal((12, 6)) for _ in range(20)]
    >>> scorer = CoherenceScorer(n_components=2).fit(reference)
    >>> odd = scorer.score_documents([10 + rng.standard_normal((12, 6))])
    >>> float(odd["pvalue"].iloc[0].round(3)), bool(odd["score"].iloc[0] < -10)
    (0.095, True)
    """

    def __init__(
        self,
        embedder: Any = "lsa",
        estimator: Any = None,
        projection: str | None = "pca",
        n_components: int | None = 8,
        n_folds: int = 5,
        min_units: int = 5,
        *,
        unit: str = "sentence",
        cache: Any = True,
        random_state: RandomState = 0,
    ) -> None:
        self.embedder = embedder
        self.estimator = estimator
        self.projection = projection
        self.n_components = n_components
        self.n_folds = n_folds
        self.min_units = min_units
        self.unit = unit
        self.cache = cache
        self.random_state = random_state

    def fit(self, reference_documents: Any, y: Any = None) -> Self:
        """Fit to documents that are as they should be.

        Parameters
        ----------
        reference_documents : Documents, list of str, list of list of str or arrays
            Texts, texts cut into units, or (T, p) arrays of embeddings.
        y : None
            Ignored.

        Raises
        ------
        InputError
            If fewer reference documents than folds have enough units.
        """
        check_integer("min_units", self.min_units, minimum=3)
        n_folds = check_integer("n_folds", self.n_folds, minimum=2)
        units = read_units(reference_documents, self.unit)
        long = np.flatnonzero(units.lengths >= self.min_units)
        if len(long) < max(n_folds, 3):
            raise InputError(
                f"{len(long)} of {len(units.parts)} reference documents have min_units="
                f"{self.min_units} units; n_folds={n_folds} needs at least {max(n_folds, 3)}."
            )
        root = seed_sequence(self.random_state)
        fold = fold_codes(len(long), n_folds, root)
        parts = [units.parts[k] for k in long]
        models, scores, cosine = self._cross_fit(parts, fold, units.embedded, root)
        known = units.fingerprints()
        self.embedded_ = units.embedded
        self.models_, self.fold_ = models, fold
        self._reference, self._cosine = scores, cosine
        self._position = {known[k]: j for j, k in reversed(list(enumerate(long)))}
        self.reference_scores_ = self._frame(units)
        return self

    def score_documents(self, documents: Any) -> pd.DataFrame:
        """Score documents.

        Parameters
        ----------
        documents : as in ``fit``

        Returns
        -------
        DataFrame
            One row a document, indexed by id: ``score, zscore, pvalue, cosine,
            n_units, assessable, reason``. A document with fewer than ``min_units``
            units is not assessable: its numbers are NaN, and ``reason`` says why.
        """
        if not hasattr(self, "models_"):
            raise NotFittedError("This CoherenceScorer is not fitted yet: call fit first.")
        units = read_units(documents, self.unit)
        if units.embedded != self.embedded_:
            given, fitted = ("embeddings", "texts") if units.embedded else ("texts", "embeddings")
            raise InputError(f"The scorer was fitted to {fitted}; it cannot score {given}.")
        return self._frame(units)

    def __sklearn_is_fitted__(self) -> bool:
        """Whether ``fit`` has finished."""
        return hasattr(self, "models_")

    def _cross_fit(
        self, parts: list[Any], fold: Any, embedded: bool, root: np.random.SeedSequence
    ) -> tuple[list[ScoringModel], FloatArray, FloatArray]:
        """Return one model a fold, and the out-of-fold scores and cosines."""
        frozen = None if embedded else self._frozen_embedding(parts)
        models: list[ScoringModel] = []
        warned: dict[type[Warning], str] = {}
        scores, cosine = np.empty(len(parts)), np.empty(len(parts))
        for k in progress(range(int(fold.max()) + 1), label="fitting reference"):
            inside, outside = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
            embedding = frozen
            if not embedded and frozen is None:
                embedding = self._front(None, None).fit([parts[j] for j in outside])
            seed = int(generator(root, "fit", k).integers(2**31 - 1))
            model = ScoringModel(
                embedding,
                self._front(self.projection, self.n_components),
                seeded(clone(self._process()), seed),
            )
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                model.fit(model.embed([parts[j] for j in outside]))
            warned.update({w.category: str(w.message) for w in caught})
            scores[inside], cosine[inside] = model.score(model.embed([parts[j] for j in inside]))
            models.append(model)
        for category, message in warned.items():
            warnings.warn(f"Fitting to the reference: {message}", category, stacklevel=3)
        return models, scores, cosine

    def _frozen_embedding(self, parts: list[Any]) -> TextTrajectories | None:
        """Return the embedding of all folds, unless the embedder is fitted to a corpus."""
        embedder = resolve_embedder(self.embedder, random_state=0)
        if getattr(embedder, "fits_corpus", False):
            return None
        return self._front(None, None, embedder).fit(parts)

    def _front(
        self, projection: str | None, n_components: int | None, embedder: Any = None
    ) -> TextTrajectories:
        return TextTrajectories(
            self.embedder if embedder is None else embedder,
            unit=self.unit,
            projection=projection,
            n_components=n_components,  # type: ignore[arg-type]
            cache=self.cache,
            random_state=0,
        )

    def _process(self) -> Any:
        return LinearSDE(trend="linear") if self.estimator is None else self.estimator

    def _frame(self, units: UnitLists) -> pd.DataFrame:
        lengths = units.lengths
        position = [self._position.get(mark, -1) for mark in units.fingerprints()]
        known = np.array(position, dtype=np.int64)
        long = lengths >= self.min_units
        scores = np.full((len(lengths), len(self.models_)), np.nan)
        cosine = np.full(len(lengths), np.nan)
        fresh = np.flatnonzero(long & (known < 0))
        if fresh.size:
            scores[fresh], cosine[fresh] = self._score([units.parts[k] for k in fresh])
        seen = np.flatnonzero(long & (known >= 0))
        frame = self._table(scores, cosine, lengths, units.ids)
        if seen.size:
            place = known[seen]
            frame.iloc[seen, :4] = self._reference_table()[place]
        return frame

    def _score(self, parts: list[Any]) -> tuple[FloatArray, FloatArray]:
        """Return the scores under each model, and the mean cosine."""
        shared = self.models_[0].embedding
        embedded = self.models_[0].embed(parts)
        found = []
        for model in self.models_:
            if model.embedding is not shared:
                embedded = model.embed(parts)
            found.append(model.score(embedded))
        return (
            np.column_stack([s.log_density for s in found]),
            np.mean([s.cosine for s in found], axis=0),
        )

    def _table(
        self, scores: FloatArray, cosine: FloatArray, lengths: Any, ids: pd.Index
    ) -> pd.DataFrame:
        long = lengths >= self.min_units
        pvalues = cross_conformal_pvalues(scores, self._reference, self.fold_)
        reasons = [
            "" if n >= self.min_units else f"{n} units; min_units={self.min_units} are needed"
            for n in lengths
        ]
        columns = (
            scores.mean(axis=1),
            fold_zscores(scores, self._reference, self.fold_),
            np.where(long, pvalues, np.nan),
            cosine,
            lengths,
            long,
            reasons,
        )
        return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), index=ids)

    def _reference_table(self) -> FloatArray:
        """Return score, zscore, pvalue and cosine of the reference documents.

        Out-of-fold scores are exchangeable, so each is ranked among all others.
        """
        scores, fold = self._reference, self.fold_
        n_folds = len(self.models_)
        ahead = np.sum(scores[:, None] >= scores[None, :], axis=1)
        behind = np.sum(scores[:, None] <= scores[None, :], axis=1)
        pvalue = np.minimum(1.0, 2 * np.minimum(ahead, behind) / len(scores))
        # Under the other models a reference document is in sample: its own fold counts.
        own = np.stack([
            np.where(fold == k, scores, scores[fold == k].mean()) for k in range(n_folds)
        ])  # fmt: skip
        zscore = fold_zscores(own.T, scores, fold) * n_folds
        return np.column_stack([scores, zscore, pvalue, self._cosine])
