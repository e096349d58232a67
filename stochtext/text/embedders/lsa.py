"""Latent semantic analysis: an embedder without weights, fitted on the corpus itself.

Law: the same corpus and seed give the same numbers; coordinates of two
corpora cannot be compared.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator
from sklearn.decomposition import TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, RandomState
from stochtext._shared.validation import check_integer

__all__ = ["LsaEmbedder"]

SMALL = 200


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
        Seed of the randomised SVD.

    Attributes
    ----------
    n_components_ : int
        Number q of dimensions of the embedding.
    explained_variance_ratio_ : ndarray of shape (q,)
        Share of the variance of the TF-IDF matrix.
    vectorizer_ : TfidfVectorizer
        Words and their weights.
    svd_ : TruncatedSVD
        The projection.

    Notes
    -----
    A word that occurs f > 0 times in a unit has weight (1 + log f) idf [1]_. A
    unit that shares no word with the training corpus gets the zero vector.
    Only for coordinates fitted on the same corpus do distances mean anything.

    References
    ----------
    .. [1] Deerwester, S., Dumais, S. T., Furnas, G. W., Landauer, T. K. and
       Harshman, R. (1990). Indexing by latent semantic analysis. Journal of the
       American Society for Information Science 41(6), 391-407.

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
        check_integer("n_components", self.n_components)
        small = len(texts) < SMALL
        vectorizer = TfidfVectorizer(
            sublinear_tf=True,
            min_df=self.min_df or (1 if small else 3),
            max_df=self.max_df or (1.0 if small else 0.05),
            max_features=self.max_features,
        )
        try:
            weights = csr_matrix(vectorizer.fit_transform(texts))
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
        seed = int(generator(self.random_state, "svd").integers(2**31))
        svd = TruncatedSVD(min(self.n_components, largest), random_state=seed)
        with np.errstate(invalid="ignore", divide="ignore"):
            svd.fit(weights)
        self.vectorizer_ = vectorizer
        self.svd_ = svd
        self.n_components_: int = svd.components_.shape[0]
        self.explained_variance_ratio_: FloatArray = svd.explained_variance_ratio_
        return self

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
        if not hasattr(self, "svd_"):
            raise NotFittedError("This LsaEmbedder is not fitted yet: call fit(texts) first.")
        rows = self.svd_.transform(self.vectorizer_.transform(texts))
        return np.asarray(normalize(rows), dtype=np.float64)
