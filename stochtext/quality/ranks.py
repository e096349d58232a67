"""Where a score stands among reference scores: ranks with a guarantee, and z-scores.

Law: a p-value comes from ranks of scores that were all computed out of sample.
"""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray

__all__ = ["cross_conformal_pvalues", "fold_zscores", "two_sided"]


def two_sided(lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Return the two-sided p-value of two one-sided ones."""
    return np.minimum(1.0, 2 * np.minimum(lower, upper))


def cross_conformal_pvalues(
    scores: FloatArray, reference: FloatArray, fold: IntArray
) -> FloatArray:
    r"""Return two-sided p-values of new scores among out-of-fold reference scores.

    Parameters
    ----------
    scores : ndarray of shape (n, K)
        Of each new document under the model of each fold.
    reference : ndarray of shape (m,)
        Of each reference document under the model fitted without its fold.
    fold : ndarray of int of shape (m,)

    Notes
    -----
    The lower p-value of a document with scores :math:`s_k` is

    .. math:: p = \frac{1 + \sum_k \#\{i \in \text{fold } k : r_i \le s_k\}}{m + 1}:

    a document is compared with reference documents under the same model, which has
    seen neither (Vovk, 2015).

    References
    ----------
    Vovk, V. (2015). Cross-conformal predictors. Annals of Mathematics and
    Artificial Intelligence 74, 9-28.
    """
    own = scores[:, fold]
    m = len(reference)
    lower = (1 + np.sum(reference <= own, axis=1)) / (m + 1)
    upper = (1 + np.sum(reference >= own, axis=1)) / (m + 1)
    return two_sided(lower, upper)


def fold_zscores(scores: FloatArray, reference: FloatArray, fold: IntArray) -> FloatArray:
    """Return mean deviations from the reference of each fold, over the spread within folds.

    Parameters
    ----------
    scores : ndarray of shape (n, K)
    reference : ndarray of shape (m,)
    fold : ndarray of int of shape (m,)
    """
    n_folds = scores.shape[1]
    centre = np.array([reference[fold == k].mean() for k in range(n_folds)])
    moved = reference - centre[fold]
    spread = np.sqrt(np.sum(moved**2) / max(len(reference) - n_folds, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((scores - centre).mean(axis=1) / spread, dtype=np.float64)
