"""One representation and one fitted process: what a document is scored by.

Law: everything that is learned, the embedder's words included, is learned from
the documents of the training part.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np

from stochtext._shared.exceptions import DiscretizationWarning, SampleSizeWarning
from stochtext._shared.typing import FloatArray
from stochtext.text.trajectories import TextTrajectories
from stochtext.trajectories.panel import Trajectories

__all__ = ["Scores", "ScoringModel", "neighbour_cosine"]


class Scores(NamedTuple):
    """Of each document: mean log density per transition, and mean neighbour cosine."""

    log_density: FloatArray
    cosine: FloatArray


class ScoringModel:
    """Embedding, projection and process, fitted to some documents.

    Parameters
    ----------
    embedding : TextTrajectories or None
        Fitted embedding without projection; None if documents are embeddings.
    projection : TextTrajectories
        Unfitted projection of embeddings.
    estimator : estimator
        Unfitted; this object keeps and fits it.
    """

    def __init__(
        self, embedding: TextTrajectories | None, projection: TextTrajectories, estimator: Any
    ) -> None:
        self.embedding = embedding
        self.projection = projection
        self.estimator = estimator

    def fit(self, embedded: list[FloatArray]) -> ScoringModel:
        """Fit projection and process to embedded documents."""
        panel = self.projection.fit_transform(embedded)
        with warnings.catch_warnings():
            # Both are about the uncertainty and the meaning of parameters; a score uses none.
            warnings.simplefilter("ignore", SampleSizeWarning)
            warnings.simplefilter("ignore", DiscretizationWarning)
            self.estimator.fit(panel)
        return self

    def embed(self, parts: list[Any]) -> list[FloatArray]:
        """Return the embeddings of documents."""
        if self.embedding is None:
            return [np.asarray(part, dtype=np.float64) for part in parts]
        raw: Trajectories = self.embedding.transform(parts)
        return [np.array(a) for a in raw.arrays()]

    def score(self, embedded: list[FloatArray]) -> Scores:
        """Score embedded documents."""
        panel = self.projection.transform(embedded)
        density = np.asarray(self.estimator.score_trajectories(panel), dtype=np.float64)
        return Scores(density, np.array([neighbour_cosine(part) for part in embedded]))


def neighbour_cosine(embedded: FloatArray) -> float:
    """Return the mean cosine of neighbouring units; NaN if no pair has one.

    A zero embedding, that of a unit without any known word, has no direction: its
    pairs are left out of the mean.
    """
    size = np.linalg.norm(embedded, axis=1)
    product = np.einsum("ij,ij->i", embedded[:-1], embedded[1:])
    weight = size[:-1] * size[1:]
    known = weight > 0
    return float(np.mean(product[known] / weight[known])) if known.any() else float("nan")
