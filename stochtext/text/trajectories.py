"""Documents to trajectories: segment, embed, project.

Law: everything that is learned is learned from the training documents, no unit
is smoothed, and no document is left out without being named.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import NotFittedError

from stochtext._shared.exceptions import InputError, OverlapWarning
from stochtext._shared.typing import FloatArray, RandomState
from stochtext._shared.validation import check_choice, check_integer
from stochtext.text.corpus import UnitCorpus, as_units
from stochtext.text.documents import name_some
from stochtext.text.embedders.base import resolve_embedder
from stochtext.text.embedders.encoding import embed_texts
from stochtext.text.segmentation import UNITS
from stochtext.trajectories.panel import Trajectories

__all__ = ["PROJECTIONS", "TextTrajectories"]

PROJECTIONS = ("pca", "tica")


class TextTrajectories(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Turn documents into trajectories of their embeddings.

    Parameters
    ----------
    embedder : str, path or object
        ``"lsa"`` (no weights, fitted on the training documents), ``"minilm"``
        (the extra ``offline``), the name or folder of a sentence-transformers
        model, or an object with ``encode(list of str) -> (n, p)``.
    unit : {"sentence", "paragraph", "window"}
        What one step is.
    projection : {"pca", "tica", None}
        Directions of largest variance, the slowest directions, or all
        dimensions of the embedding.
    n_components : int, float or None
        Dimension of the trajectories; for ``"pca"`` also a share of the
        variance between 0 and 1; None keeps all.
    window, stride : int
        Words in a window, and between the starts of two windows (by default
        ``window``), for ``unit="window"``.
    language : str
        Language code of the sentence splitter.
    min_units : int
        Fewest units of a document, at least 2.
    max_units : int, optional
        Units used of each document, from its beginning.
    short : {"raise", "drop"}
        What to do with documents that are empty or have fewer than
        ``min_units`` units.
    lag : int
        Units between the two states that ``"tica"`` compares.
    n_whitened : int or None
        Leading principal directions among which ``"tica"`` looks; None takes
        all. Few keep chance correlations out.
    groups : str, optional
        Column of the metadata with the group of each document, such as the
        prompt that it answers.
    cache : bool or path
        Where embeddings are kept; True is the folder in ``STOCHTEXT_CACHE`` or
        the user's cache folder.
    batch_size : int
        Texts per call of the embedder.
    random_state : int, Generator or None
        Seed of what is random.
    show_progress : bool, optional
        Force the progress bar on or off; by default it depends on the terminal.

    Attributes
    ----------
    embedder_ : object
        The embedder; None if embeddings were given.
    projection_ : TrajectoryPCA, TrajectoryTICA or None
        The fitted projection.
    explained_variance_ratio_ : ndarray of shape (n_components,)
        Share of the variance of the embeddings along each coordinate.
    columns_ : tuple of str
        Names of the coordinates: ``pc1``, ``ic1`` or ``e1`` and so on.
    dropped_ : list
        Ids of the training documents left out.
    n_dropped_ : int
        Their number.
    n_units_ : int
        Units of the training documents.

    Raises
    ------
    InputError
        If a document is empty or short (see ``short``), or an argument is out
        of range.

    Notes
    -----
    ``documents`` is ``Documents``, a list of texts, a list of lists of units,
    or a list of (T_k, p) arrays of embeddings. Time is counted in units:
    ``dt = 1``. Windows that overlap share words, which makes every text, even a
    shuffled one, look like a diffusion: they warn.

    Examples
    --------
    >>> from stochtext.text import TextTrajectories
    >>> texts = ["Rain fell. The river rose. People left.", "Sun rose. Rain left. Birds sang."]
    >>> panel = TextTrajectories(n_components=2).fit_transform(texts)
    >>> panel.n_trajectories, panel.n_features, panel.columns
    (2, 2, ('pc1', 'pc2'))
    """

    def __init__(
        self,
        embedder: Any = "lsa",
        unit: str = "sentence",
        projection: str | None = "pca",
        n_components: int = 8,
        *,
        window: int = 32,
        stride: int | None = None,
        language: str = "en",
        min_units: int = 2,
        max_units: int | None = None,
        short: str = "raise",
        lag: int = 1,
        n_whitened: int | None = 40,
        groups: str | None = None,
        cache: bool | str | os.PathLike[str] = True,
        batch_size: int = 32,
        random_state: RandomState = 0,
        show_progress: bool | None = None,
    ) -> None:
        self.embedder = embedder
        self.unit = unit
        self.projection = projection
        self.n_components = n_components
        self.window = window
        self.stride = stride
        self.language = language
        self.min_units = min_units
        self.max_units = max_units
        self.short = short
        self.lag = lag
        self.n_whitened = n_whitened
        self.groups = groups
        self.cache = cache
        self.batch_size = batch_size
        self.random_state = random_state
        self.show_progress = show_progress

    def fit(self, documents: Any, y: Any = None) -> TextTrajectories:
        """Fit embedder and projection to the training documents.

        Parameters
        ----------
        documents : Documents, list of str, list of list of str or list of arrays
            The training documents.
        y : None
            Ignored.

        Returns
        -------
        TextTrajectories
            Itself.
        """
        self._fit_embed(documents)
        return self

    def fit_transform(self, documents: Any, y: Any = None, **fit_params: Any) -> Trajectories:
        """Fit and return the training trajectories, embedding them once.

        Parameters
        ----------
        documents : Documents, list of str, list of list of str or list of arrays
            The training documents.
        y : None
            Ignored.
        **fit_params : dict
            None are taken.

        Returns
        -------
        Trajectories
            One a document.
        """
        if fit_params:
            raise TypeError(f"fit_transform takes no {sorted(fit_params)}.")
        return self._project(self._fit_embed(documents))

    def transform(self, documents: Any) -> Trajectories:
        """Return the trajectories of documents in the fitted coordinates.

        Parameters
        ----------
        documents : Documents, list of str, list of list of str or list of arrays
            Any documents. With ``short="drop"`` the ids of the result tell
            which were kept.

        Returns
        -------
        Trajectories
            One a document, with its id and metadata; ``dt`` is one unit.
        """
        self._check_fitted()
        corpus = self._units(documents)
        raw = self._embed(corpus, self.embedder_)
        if raw.n_features != self.n_features_in_:
            raise InputError(
                f"The embeddings have {raw.n_features} dimensions; those of the fit had "
                f"{self.n_features_in_}."
            )
        return self._project(raw)

    def segment(self, documents: Any) -> list[list[str]]:
        """Return the units of each document, one list for each trajectory.

        Parameters
        ----------
        documents : Documents, list of str or list of list of str
            Any documents.

        Returns
        -------
        list of list of str
            Row t of trajectory k embeds unit t of list k.
        """
        corpus = self._units(documents)
        if corpus.units is None:
            raise InputError("Embeddings have no units to show; pass the documents themselves.")
        return corpus.units

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Return the names of the coordinates.

        Parameters
        ----------
        input_features : None
            Ignored.
        """
        self._check_fitted()
        return np.asarray(self.columns_, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "columns_")

    def _fit_embed(self, documents: Any) -> Trajectories:
        """Fit everything, assign all state at the end, and return the raw embeddings."""
        self._check_parameters()
        corpus = self._units(documents)
        embedder = None
        if corpus.units is not None:
            embedder = resolve_embedder(
                self.embedder, batch_size=self.batch_size, random_state=self.random_state
            )
            if getattr(embedder, "fits_corpus", False):
                embedder.fit(corpus.flat)  # type: ignore[attr-defined]
        raw = self._embed(corpus, embedder)
        projection = self._projection()
        if projection is not None:
            projection.fit(raw)
        self.embedder_, self.projection_ = embedder, projection
        self.explained_variance_ratio_ = _variance_shares(raw.values, projection)
        self.n_features_in_ = raw.n_features
        self.dropped_, self.n_dropped_ = corpus.dropped, len(corpus.dropped)
        self.n_units_ = int(raw.lengths.sum())
        width = self.explained_variance_ratio_.size
        prefix = {"pca": "pc", "tica": "ic", None: "e"}[self.projection]
        self.columns_ = tuple(f"{prefix}{j + 1}" for j in range(width))
        return raw

    def _check_parameters(self) -> None:
        check_choice("unit", self.unit, UNITS)
        if self.projection is not None:
            check_choice("projection", self.projection, PROJECTIONS)
        check_integer("batch_size", self.batch_size)
        check_integer("lag", self.lag)
        if self.stride is not None and self.unit != "window":
            raise InputError(
                f"`stride` applies to unit='window'; {self.unit}s follow one another as they are."
            )
        if self.stride is not None and self.stride < self.window:
            warnings.warn(
                f"Windows of {self.window} words every {self.stride} words overlap: neighbouring "
                "states share words, which makes even shuffled text look like a diffusion. "
                "Compare with a shuffled control, or leave `stride` at its default.",
                OverlapWarning,
                stacklevel=4,
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
        )

    def _embed(self, corpus: UnitCorpus, embedder: Any) -> Trajectories:
        values: FloatArray
        if corpus.units is None:
            values = np.concatenate(corpus.arrays)
        elif embedder is None:
            raise InputError(
                "The projection was fitted to given embeddings, so texts cannot be embedded now. "
                "Pass their embeddings, or fit to documents."
            )
        else:
            values = embed_texts(
                embedder,
                corpus.flat,
                cache=self.cache,
                batch_size=self.batch_size,
                show=self.show_progress,
            )
        return Trajectories.from_flat(
            values,
            corpus.lengths,
            dt=1.0,
            ids=corpus.ids,
            groups=self._groups(corpus),
            columns=[f"e{j + 1}" for j in range(values.shape[1])],
            metadata=corpus.metadata,
            time_unit=self.unit,
        )

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

    def _projection(self) -> Any:
        if self.projection is None:
            return None
        if self.projection == "pca":
            from stochtext.trajectories.pca import TrajectoryPCA

            return TrajectoryPCA(n_components=self.n_components)
        from stochtext.trajectories.tica import TrajectoryTICA

        among = self.n_whitened
        if among is not None and self.n_components is not None:
            among = max(check_integer("n_whitened", among), self.n_components)
        return TrajectoryTICA(n_components=self.n_components, lag=self.lag, n_whitened=among)

    def _project(self, raw: Trajectories) -> Trajectories:
        if self.projection_ is None:
            return raw
        values = self.projection_.transform(raw).values
        return Trajectories.from_flat(
            values,
            raw.lengths,
            dt=1.0,
            ids=raw.ids,
            groups=raw.groups,
            columns=self.columns_,
            metadata=raw.metadata,
            time_unit=raw.time_unit,
        )

    def _check_fitted(self) -> None:
        if not hasattr(self, "columns_"):
            raise NotFittedError(
                "This TextTrajectories is not fitted yet: call fit(documents) first."
            )


def _variance_shares(values: FloatArray, projection: Any) -> FloatArray:
    """Return the share of the variance that goes with each coordinate."""
    if hasattr(projection, "explained_variance_ratio_"):
        return projection.explained_variance_ratio_
    variance = values.var(axis=0)
    along = variance if projection is None else np.square(projection.patterns_).sum(axis=1)
    total = variance.sum()
    return along / total if total > 0 else np.zeros(along.size)
