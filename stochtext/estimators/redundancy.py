"""Which regressors the data do not identify, and how to say so."""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import BoolArray, FloatArray

__all__ = ["REDUNDANT", "independent_columns", "independent_in"]

REDUNDANT = (
    "The data do not identify {names}: on these states the terms are combinations of those before "
    "them, to the digits of floating point, and were left out. Where the states lie far from "
    "zero, subtract their mean."
)
# Columns of which less than this share is not a combination of the others are left out.
_RANK_TOLERANCE = 1e-10


def independent_columns(design: FloatArray, weight: FloatArray) -> BoolArray:
    """Return which columns of a regression are no combination of those before them.

    Parameters
    ----------
    design : ndarray of shape (n, k)
    weight : ndarray of shape (n,)
    """
    rows = design * np.sqrt(weight)[:, None]
    size = np.linalg.norm(rows, axis=0)
    triangle = np.linalg.qr(rows / np.where(size > 0, size, 1.0), mode="r")
    return independent_in(np.asarray(triangle, dtype=np.float64))


def independent_in(triangle: FloatArray) -> BoolArray:
    """Return the same from the triangle of the regressors, shape (rows, k)."""
    size = np.linalg.norm(triangle, axis=0)
    diagonal = np.zeros(triangle.shape[1])
    diagonal[: min(triangle.shape)] = np.abs(np.diag(triangle))
    return np.asarray(diagonal > _RANK_TOLERANCE * np.maximum(size, 1e-300))
