"""Documents to trajectories: segment, embed, project.

Law: everything that is learned is learned from the training documents, no unit
is smoothed, and no document is left out without being named.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.base import TransformerMixin

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext._shared.typing import RandomState
from stochtext.text.overlap import check_overlap
from stochtext.text.projections.choice import (
    PROJECTIONS,
    RunningVariance,
    prefix_of,
    variance_shares,
)
from stochtext.text.representation import Representation, fit_projection
from stochtext.text.streams import is_stream
from stochtext.trajectories.panel import Trajectories

__all__ = ["PROJECTIONS", "TextTrajectories"]


class TextTrajectories(TransformerMixin, Representation, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Turn documents into trajectories of their embeddings.

    Parameters
    ----------
    embedder : str, path or object
        ``"lsa"`` (no weights, fitted on the training documents), ``"minilm"``
        (the extra ``offline``), the name or folder of a sentence-transformers
        model, or an object with ``encode(list of str) -> (n, p)``.
    unit : {"sentence", "paragraph", "turn", "window"}
        What one step is; turns are those of chat logs and loops.
    projection : {"pca", "whitened_pca", "tica", "pls", "random", "none"} or None
        Directions of largest variance, the same scaled to unit variance, the
        slowest directions, those that say most about ``target``, random
        directions, or all dimensions of the embedding.
    n_components : int, float or None
        Dimension of the trajectories; for PCA also a share of the variance
        between 0 and 1; None keeps all.
    target : "position" or sequence of str, optional
        What ``"pls"`` looks for: the relative position in the document
        (default), or columns of the metadata.
    window, stride : int
        Words in a window, and between the starts of two windows (by default
        ``window``), for ``unit="window"``.
    segmenter : "sentencex" or callable
        What cuts sentences or paragraphs; a callable from a text to a list.
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
    smoothing : float, optional
        Weight of the new unit in an exponential moving average of embeddings,
        below 1. It manufactures dynamics, and warns.
    groups : str, optional
        Column of the metadata with the group of each document, such as the
        prompt that it answers.
    cache : bool or path
        Where embeddings are kept; True is the folder in ``STOCHTEXT_CACHE`` or
        the user's cache folder.
    batch_size : int
        Texts per call of the embedder.
    dtype : {"float32", "bfloat16"}
        Arithmetic of an embedder given by name; ``"bfloat16"`` is two to three
        times as fast on recent processors.
    random_state : int, Generator or None
        Seed of what is random.
    show_progress : bool, optional
        Force the progress bar on or off; by default it depends on the terminal.

    Attributes
    ----------
    embedder_ : object
        The embedder; None if embeddings were given.
    projection_ : transformer or None
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
    a list of (T_k, p) arrays of embeddings, or an iterator of such parts, as
    ``stream_documents`` gives it: then ``"lsa"`` learns its words from the first
    part. Time is counted in units, ``dt = 1``; the relative position in the
    document is ``relative_times`` of the panel.

    Windows that overlap and averages share material between neighbours, which
    makes every text, even a shuffled one, look like a diffusion. They warn, the
    panel's metadata say so in the columns ``overlap`` and ``smoothing``, and
    ``shuffled_control`` gives what there is to compare with.

    Examples
    --------
    >>> from stochtext.text import TextTrajectories
    >>> texts = ["Rain fell. The river rose. People left.", "Sun rose. Rain left. Birds sang."]
    >>> panel = TextTrajectories(n_components=2).fit_transform(texts)
    >>> panel.n_trajectories, panel.n_features, panel.columns
    (2, 2, ('pc1', 'pc2'))
    """

    embedder_: Any
    projection_: Any
    dropped_: list[Any]
    n_units_: int

    def __init__(
        self,
        embedder: Any = "lsa",
        unit: str = "sentence",
        projection: str | None = "pca",
        n_components: int = 8,
        *,
        target: str | Sequence[str] | None = None,
        window: int = 32,
        stride: int | None = None,
        segmenter: str | Callable[[str], Any] = "sentencex",
        language: str = "en",
        min_units: int = 2,
        max_units: int | None = None,
        short: str = "raise",
        lag: int = 1,
        n_whitened: int | None = 40,
        smoothing: float | None = None,
        groups: str | None = None,
        cache: bool | str | os.PathLike[str] = True,
        batch_size: int = 32,
        dtype: str = "float32",
        random_state: RandomState = 0,
        show_progress: bool | None = None,
    ) -> None:
        self.embedder = embedder
        self.unit = unit
        self.projection = projection
        self.n_components = n_components
        self.target = target
        self.window = window
        self.stride = stride
        self.segmenter = segmenter
        self.language = language
        self.min_units = min_units
        self.max_units = max_units
        self.short = short
        self.lag = lag
        self.n_whitened = n_whitened
        self.smoothing = smoothing
        self.groups = groups
        self.cache = cache
        self.batch_size = batch_size
        self.dtype = dtype
        self.random_state = random_state
        self.show_progress = show_progress

    def fit(self, documents: Any, y: Any = None) -> TextTrajectories:
        """Fit embedder and projection to the training documents.

        Parameters
        ----------
        documents : Documents, list of str, list of list of str, list of arrays or iterator of them
            The training documents.
        y : None
            Ignored.

        Returns
        -------
        TextTrajectories
            Itself.
        """
        if is_stream(documents):
            self.__dict__.pop("_variance", None)
            for part in documents:
                self.partial_fit(part)
            if not hasattr(self, "_variance"):
                raise InputError("The iterator holds no documents; it may be used up.")
            return self
        self._learn(documents)
        return self

    def partial_fit(self, documents: Any, y: Any = None) -> TextTrajectories:
        """Go on fitting with further training documents, which need not be kept.

        Parameters
        ----------
        documents : Documents, list of str, list of list of str or list of arrays
            The next training documents. An embedder that is fitted to a corpus,
            as ``"lsa"`` is, sees those of the first call only.
        y : None
            Ignored.

        Returns
        -------
        TextTrajectories
            Itself. The projection is that of all parts together.
        """
        self._learn(documents, past=getattr(self, "_variance", None) or RunningVariance())
        return self

    def fit_transform(self, documents: Any, y: Any = None, **fit_params: Any) -> Trajectories:
        """Fit and return the training trajectories, embedding them once.

        Parameters
        ----------
        documents : Documents, list of str, list of list of str or list of arrays
            The training documents.
        y : None
            Ignored.
        **fit_params
            None are taken.

        Returns
        -------
        Trajectories
            One a document.
        """
        if fit_params:
            raise TypeError(f"fit_transform takes no {sorted(fit_params)}.")
        if is_stream(documents):
            raise InputError("An iterator can be read once: fit to one, then transform another.")
        return self._project(self._learn(documents))

    def transform(self, documents: Any) -> Trajectories:
        """Return the trajectories of documents in the fitted coordinates.

        Parameters
        ----------
        documents : Documents, list of str, list of list of str, list of arrays or iterator of them
            Any documents. With ``short="drop"`` the result's ids tell the kept ones.

        Returns
        -------
        Trajectories
            One a document, with its id and metadata; ``dt`` is one unit.
        """
        self._check_fitted()
        if is_stream(documents):
            parts = [self.transform(part) for part in documents]
            if not parts:
                raise InputError("The iterator holds no documents; it may be used up.")
            return Trajectories.concat(parts)
        raw = self._embed(self._units(documents), self.embedder_)
        self._check_width(raw)
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

    def shuffled_control(self, documents: Any, *, random_state: RandomState = 0) -> Trajectories:
        """Return trajectories of the same documents without order.

        Units are shuffled within each document *before* windows are cut and averages
        taken: what dynamics these trajectories show was made by the representation.
        Units that were cut elsewhere are shuffled as they are, overlap and all.

        Parameters
        ----------
        documents : Documents, list of str, list of list of str or list of arrays
            Any documents.
        random_state : int, Generator or None
            Seed of the order.

        Returns
        -------
        Trajectories
            With the ids of the documents.
        """
        self._check_fitted()
        rng = generator(random_state, "shuffled control")
        raw = self._embed_shuffled(documents, self.embedder_, rng)
        self._check_width(raw)
        return self._project(raw)

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

    def _learn(self, documents: Any, past: RunningVariance | None = None) -> Trajectories:
        """Fit everything, assign all state at the end, and return the raw embeddings.

        ``past`` is what earlier parts of the corpus left, empty for the first of them.
        """
        self._check_parameters()
        go_on = past is not None and past.n > 0
        corpus = self._units(documents)
        embedder = self.embedder_ if go_on else self._new_embedder(corpus)
        raw = self._embed(corpus, embedder, learn=not go_on)
        if go_on:
            self._check_width(raw)
        check_overlap(self._marks(corpus), stacklevel=4)
        projection = self.projection_ if go_on else self._new_projection()
        variance = (RunningVariance() if past is None else past).updated(raw.values)
        if projection is not None:
            fit_projection(projection, raw, in_parts=past is not None)
        self.embedder_, self.projection_ = embedder, projection
        self.explained_variance_ratio_ = variance_shares(variance.value, projection)
        self.n_features_in_ = raw.n_features
        self.dropped_ = [*(self.dropped_ if go_on else []), *corpus.dropped]
        self.n_dropped_ = len(self.dropped_)
        self.n_units_ = int(raw.lengths.sum()) + (self.n_units_ if go_on else 0)
        width = self.explained_variance_ratio_.size
        self.columns_ = tuple(f"{prefix_of(self.projection)}{j + 1}" for j in range(width))
        self.__dict__.pop("_variance", None)
        if past is not None:
            self._variance = variance
        return raw

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
