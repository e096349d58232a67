"""The set of models that cannot be told from the best one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.optional import import_optional
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, IntArray, RandomState
from stochtext._shared.validation import check_choice, check_fraction, check_integer
from stochtext.comparison.elimination import eliminated
from stochtext.comparison.means import newey_west_lags

__all__ = ["model_confidence_set"]

_FEWEST = 5


def model_confidence_set(
    scores: pd.DataFrame,
    cluster: IntArray | None,
    alpha: float = 0.1,
    *,
    method: str = "studentized",
    n_boot: int = 1000,
    random_state: RandomState = 0,
) -> pd.DataFrame:
    """Return which models belong to the set that holds the best one with level 1 - alpha.

    Parameters
    ----------
    scores : DataFrame of shape (n, k)
        Of the same forecasts, larger is better.
    cluster : ndarray of int of shape (n,) or None
        The bootstrap draws clusters; for one path (None) blocks of time, as long as there
        are blocks.
    alpha : float, default 0.1
    method : {"studentized", "arch"}
        "arch" is the range statistic of the package arch.
    n_boot : int, default 1000
    random_state : int, Generator, SeedSequence or None, default 0

    Returns
    -------
    DataFrame
        One row a model, the last to leave first: ``pvalue`` (the smallest alpha at which
        the model leaves) and ``included``.

    Raises
    ------
    InputError
        If there are fewer than five clusters, or blocks, to be drawn.
    MissingDependencyError
        If ``method="arch"`` and that package is not installed.

    Notes
    -----
    Models leave one after the other while the largest studentized difference of two means is
    larger than resampled clusters explain, each of these over its own standard error. arch
    takes the standard error of the data for all of them, and for one path a stationary
    bootstrap of shorter blocks; its sets of 90 % hold the best model less often (the study in
    ``benchmarks/calibration/model_confidence_set.py``).

    References
    ----------
    Hansen, P. R., Lunde, A. and Nason, J. M. (2011), The model confidence set, Econometrica
    79, 453-497.
    """
    check_fraction("alpha", alpha)
    if scores.shape[1] < 2:
        raise InputError("A model confidence set needs two models or more.")
    if not np.isfinite(scores.to_numpy()).all():
        bad = [str(n) for n in scores if not np.isfinite(scores[n]).all()]
        raise InputError(f"The scores of {', '.join(bad)} are not finite; leave these models out.")
    draws = check_integer("n_boot", n_boot, minimum=100)
    rng = generator(random_state, "model confidence set")
    if check_choice("method", method, ("studentized", "arch")) == "arch":
        pvalue = _by_arch(scores, cluster, alpha, draws, rng)
    else:
        order, values = eliminated(scores.to_numpy(np.float64), _drawn(scores, cluster), draws, rng)
        pvalue = pd.Series(values, index=scores.columns[order])
    frame = pd.DataFrame({"pvalue": pvalue, "included": pvalue > alpha})
    frame.index.name = "model"
    return frame.sort_values("pvalue", ascending=False, kind="stable")


def _drawn(scores: pd.DataFrame, cluster: IntArray | None) -> IntArray:
    """Return which forecasts are drawn together."""
    n = len(scores)
    block = np.arange(n) // int(np.ceil(np.sqrt(n)))
    codes = block if cluster is None else np.unique(cluster, return_inverse=True)[1]
    if codes.max() + 1 < _FEWEST:
        unit = "blocks of one path" if cluster is None else "trajectories (groups)"
        raise InputError(
            f"A model confidence set draws {unit} again and needs {_FEWEST} of them or more; got "
            f"{int(codes.max()) + 1}."
        )
    return np.asarray(codes, dtype=np.int64)


def _by_arch(
    scores: pd.DataFrame, cluster: IntArray | None, alpha: float, n_boot: int,
    rng: np.random.Generator,
) -> pd.Series:  # fmt: skip
    arch = import_optional("arch.bootstrap", extra="inference", needed_by="model_confidence_set")
    losses, block = _losses(-scores.to_numpy(dtype=np.float64), cluster)
    found = arch.MCS(
        pd.DataFrame(losses, columns=scores.columns), size=alpha, block_size=block,
        reps=n_boot, method="R", bootstrap="stationary" if block > 1 else "circular", seed=rng,
    )  # fmt: skip
    found.compute()
    return found.pvalues["Pvalue"]


def _losses(losses: FloatArray, cluster: IntArray | None) -> tuple[FloatArray, int]:
    """Return independent rows of losses, or a series and the length of its blocks."""
    if cluster is None:
        return losses, max(newey_west_lags(len(losses)), 1)
    codes = np.unique(cluster, return_inverse=True)[1]
    m = int(codes.max()) + 1
    if m < 2:
        raise InputError("There is one cluster only: nothing can be drawn again.")
    sums = np.stack([np.bincount(codes, weights=column) for column in losses.T], axis=1)
    return sums * m / len(losses), 1
