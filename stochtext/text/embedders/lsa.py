"""Latent semantic analysis: an embedder without weights, fitted on the corpus itself.

Law: the same corpus and seed give the same numbers; coordinates of two
corpora cannot be compared.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, RandomState
from stochtext._shared.validation import check_integer
from stochtext.trajectories.transformer import orient

__all__ = ["LsaEmbedder"]

SMALL = 200

_OVERSAMPLED = 10
_ITERATIONS = 8
_LOST = 1e-7


class LsaEmbedder(BaseEstimator):
    """TF-IDF and truncated SVD, scaled to unit length.

    Parameters
    ----------
    n_components : int
        Dimensions of the embedding; fewer if the corpus has not as many.
    min_df : int, optional
        Units that must contain a word for it to count. Default 3, or 1 in a corpus of
        fewer than 200 units.
    max_df : float, optional
        Largest share of the units that may contain a word. Default .05, or 1 in a
        corpus of fewer than 200 units: more frequent words are function words, which
        say more of the form of a sentence than of its subject.
    max_features : int, optional
        Most frequent words kept.
    random_state : int, Generator or None
        Seed of the randomised decomposition.

    Attributes
    ----------
    n_components_ : int
        Number q of dimensions of the embedding.
    explained_variance_ratio_ : ndarray of shape (q,)
        Share of the variance of the TF-IDF matrix.
    vectorizer_ : TfidfVectorizer
        Words and their weights, before rows are scaled.
    components_ : ndarray of shape (q, number of words)
        Leading right singular vectors of the TF-IDF matrix.

    Notes
    -----
    A word that occurs f > 0 times in a unit has weight (1 + log f) idf [1]_. A
    unit that shares no word with the training corpus gets the zero vector.
    Only for coordinates fitted on the same corpus do distances mean anything. The
    singular vectors come from eight subspace iterations on ten more directions than
    asked for, started at random [2]_.

    References
    ----------
    .. [1] Deerwester, S., Dumais, S. T., Furnas, G. W., Landauer, T. K. and
       Harshman, R. (1990). Indexing by latent semantic analysis. Journal of the
       American Society for Information Science 41(6), 391-407.
    .. [2] Halko, N., Martinsson, P. G. and Tropp, J. A. (2011). Finding structure with
       randomness. SIAM Review 53(2), 217-288, algorithm 4.4.

    Examples
    --------
    >>> from stochtext.text import LsaEmbedder
    >>> texts = ["a red apple", "a green apple", "a fast train", "a slow train"]
    >>> LsaEmbedder(n_components=2, random_state=0).fit(texts).encode(texts).shape
    (4, 2)
    """

    fits_corpus = True
    fingerprint = None

    def __init__(
        self,
        n_components: int = 64,
        *,
        min_df: int | None = None,
        max_df: float | None = None,
        max_features: int | None = 50_000,
        random_state: RandomState = 0,
    ) -> None:
        self.n_components = n_components
        self.min_df = min_df
        self.max_df = max_df
        self.max_features = max_features
        self.random_state = random_state

    def fit(self, texts: list[str], y: object = None) -> LsaEmbedder:
        """Learn words, weights and directions.

        Parameters
        ----------
        texts : list of str
            Units of the training corpus.
        y : None
            Ignored.

        Returns
        -------
        LsaEmbedder
            Itself.

        Raises
        ------
        InputError
            If the texts share too few words.
        """
        self._learn(texts)
        return self

    def fit_encode(self, texts: list[str]) -> FloatArray:
        """Learn from the texts and return their unit vectors, reading them once.

        Parameters
        ----------
        texts : list of str
            Units of the training corpus.

        Returns
        -------
        ndarray of shape (n, q)
            What ``fit(texts).encode(texts)`` returns.
        """
        return self._directions_of(self._learn(texts))

    def encode(self, texts: list[str]) -> FloatArray:
        """Return one unit vector a text.

        Parameters
        ----------
        texts : list of str
            Units.

        Returns
        -------
        ndarray of shape (n, q)
            Unit rows; zero for a text without a known word.
        """
        if not hasattr(self, "components_"):
            raise NotFittedError("This LsaEmbedder is not fitted yet: call fit(texts) first.")
        return self._directions_of(self.weigh(texts))

    def weigh(self, texts: list[str]) -> csr_matrix:
        """Return the TF-IDF weights of texts, rows of unit length.

        Parameters
        ----------
        texts : list of str
            Units.
        """
        return _unit_rows(self.vectorizer_.transform(texts))

    def _learn(self, texts: list[str]) -> csr_matrix:
        """Learn everything, and return the weights of the texts."""
        check_integer("n_components", self.n_components)
        small = len(texts) < SMALL
        vectorizer = TfidfVectorizer(
            sublinear_tf=True,
            min_df=self.min_df or (1 if small else 3),
            max_df=self.max_df or (1.0 if small else 0.05),
            max_features=self.max_features,
            norm=None,
            dtype=np.float32,
        )
        try:
            weights = _unit_rows(vectorizer.fit_transform(texts))
        except ValueError as error:
            raise InputError(
                f"Latent semantic analysis of {len(texts)} units failed: {error}. It needs words "
                "of two or more letters; give more text, or another embedder."
            ) from None
        largest = min(weights.shape) - 1
        if largest < 1:
            raise InputError(
                f"Latent semantic analysis needs at least two units and two words; got "
                f"{weights.shape[0]} units and {weights.shape[1]} words."
            )
        rng = generator(self.random_state, "svd")
        components, ratio = _leading_directions(weights, min(self.n_components, largest), rng)
        self.vectorizer_ = vectorizer
        self.components_ = components
        self.n_components_: int = len(components)
        self.explained_variance_ratio_: FloatArray = ratio
        return weights

    def _directions_of(self, weights: csr_matrix) -> FloatArray:
        """Return the projected weights, scaled to unit length."""
        rows = np.asarray(weights @ self.components_.T, dtype=np.float64)
        length = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        rows /= np.where(length > 0, length, 1.0)[:, None]
        return rows


def _unit_rows(weights: csr_matrix) -> csr_matrix:
    """Return rows of unit length, added up in one order whoever counted the words."""
    rows = csr_matrix(weights)
    rows.sort_indices()
    return normalize(rows, copy=False)


def _leading_directions(
    weights: csr_matrix, q: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], FloatArray]:
    """Return q right singular vectors and their shares of the variance."""
    words = weights.shape[1]
    width = min(q + _OVERSAMPLED, *weights.shape)
    basis = _orthonormal(rng.standard_normal((words, width), dtype=np.float32))
    turned = weights.T
    for _ in range(_ITERATIONS):
        basis = _orthonormal(turned @ (weights @ basis))
    image = weights @ basis
    _, vectors = np.linalg.eigh((image.T @ image).astype(np.float64))
    turn = vectors[:, : -q - 1 : -1].astype(np.float32)
    squares = np.asarray(weights.multiply(weights).mean(axis=0), dtype=np.float64)
    means = np.asarray(weights.mean(axis=0), dtype=np.float64)
    total = float((squares - means**2).sum())
    variance = (image @ turn).var(axis=0, dtype=np.float64)
    shares = variance / total if total > 0 else np.zeros(q)
    components = orient((basis @ turn).T.astype(np.float64))
    return components.astype(np.float32), shares


def _orthonormal(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an orthonormal basis of the columns; directions lost in rounding are left out."""
    squares, vectors = np.linalg.eigh((block.T @ block).astype(np.float64))
    kept = squares > _LOST * squares[-1]
    return block @ (vectors[:, kept] / np.sqrt(squares[kept])).astype(np.float32)
