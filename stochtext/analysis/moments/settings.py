"""setting_analysis: whether a setting of the generator changes paths or the ensemble."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator, seed_sequence
from stochtext._shared.tables import number
from stochtext._shared.typing import FloatArray, IntArray, RandomState
from stochtext._shared.validation import check_fraction, check_integer
from stochtext.analysis.clusters import cluster_codes
from stochtext.analysis.moments.variance import replicate_variance, within_path
from stochtext.analysis.quantities import Quantity
from stochtext.analysis.result import AnalysisResult
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.reading import as_trajectories

__all__ = ["Settings", "setting_analysis"]

WITHIN, BETWEEN = "Within a path, against the setting", "Between replicates, against the setting"
FEWEST = 8


class Settings(AnalysisResult):
    """Result of :func:`setting_analysis`; ``to_frame("settings")`` has one row a setting."""

    title = "A setting of the generator: the path and the ensemble"

    def plot(self, ax: Any = None) -> Any:
        """Draw diffusion within paths and variance between replicates by setting.

        Parameters
        ----------
        ax : array_like of two Axes, optional
        """
        from stochtext.plotting.analyses.settings import plot_settings

        return plot_settings(self.curves["settings"], axes=ax)


def setting_analysis(
    X: Any,
    by: str,
    *,
    n_permutations: int = 999,
    alpha: float = 0.05,
    random_state: RandomState = None,
) -> Settings:
    r"""Test whether a numeric setting goes with diffusion within paths, or between replicates.

    Parameters
    ----------
    X : Trajectories
        Generated documents; ``groups`` are the prompts (one prompt if there are none).
    by : str
        Numeric metadata column, such as ``"temperature"``.
    n_permutations : int, default 999
    alpha : float, default 0.05
    random_state : int, Generator, SeedSequence or None

    Returns
    -------
    Settings

    Raises
    ------
    InputError
        If the column is missing, is not numeric or has one value, or there are fewer than
        eight documents.

    Notes
    -----
    Per document: half the mean squared increment (diffusion), the variance about its own
    mean (dispersion), and the correlation of neighbours; each is correlated with the setting
    by Spearman's rank correlation (interval by Fisher's z with the variance
    1.06 / (n - 3) of Fieller, Hartley and Pearson 1957). Per setting: the variance between
    replicates of one prompt at the same step, and between their means. p-values are ranks
    among permutations of the settings over the documents of each prompt, two-sided within
    paths and one-sided (more variance with a larger setting) between replicates: exact if the
    setting means nothing.

    Examples
    --------
    >>> import numpy as np
    >>> import stochtext as st
    >>> rng = np.random.default_rng(0)
    >>> temperature = [0.3, 0.7, 1.0, 1.3] * 6
    >>> values = list(rng.standard_normal((24, 12, 2)))
    >>> X = st.Trajectories(values, metadata={"temperature": temperature})
    >>> "no evidence" in st.analysis.setting_analysis(X, "temperature", random_state=0).verdict()
    True
    """
    panel = as_trajectories(X)
    check_fraction("alpha", alpha)
    draws = check_integer("n_permutations", n_permutations, minimum=19)
    setting, prompt = _setting(panel, by), _prompts(panel)
    rng = generator(seed_sequence(random_state), "settings")
    orders = [_permuted(prompt, rng) for _ in range(draws)]
    statistics = _document_statistics(panel)
    values = panel.to_array(fill=np.nan)
    within = [_within(name, column, setting, orders, alpha) for name, column in statistics.items()]
    between = [_between(kind, values, setting, prompt, orders) for kind in ("step", "mean")]
    table = _by_setting(statistics, values, setting, prompt)
    return Settings(
        [*within, *between], sentences=_words(within, between, by, alpha),
        notes=[
            "estimate: Spearman's rank correlation with the setting, within paths over "
            "documents, between replicates over settings (which has no interval of its own).",
            "p-values: permutations of the settings over the documents of each prompt; there is "
            "no further control, as shuffled states have no increments to compare.",
        ],
        facts={
            "Setting": by, "Documents": panel.n_trajectories,
            "Settings": len(np.unique(setting)), "Prompts": len(np.unique(prompt)),
        },
        curves={"settings": table}, alpha=alpha,
    )  # fmt: skip


def _setting(panel: Trajectories, by: str) -> FloatArray:
    known = panel.metadata
    if by not in known:
        available = ", ".join(map(repr, known.columns)) or "none"
        raise InputError(f"`by` names no column of the metadata: {by!r}. Available: {available}.")
    column = pd.to_numeric(known[by], errors="coerce").to_numpy(dtype=np.float64)
    if not np.isfinite(column).all():
        bad = list(panel.ids[~np.isfinite(column)])[:5]
        raise InputError(f"Documents without a number in {by!r}: {bad}.")
    if len(np.unique(column)) < 2 or len(column) < FEWEST:
        raise InputError(
            f"{by!r} has {len(np.unique(column))} value(s) over {len(column)} documents; at least "
            f"two values and {FEWEST} documents are needed."
        )
    return column


def _prompts(panel: Trajectories) -> IntArray:
    if panel.groups is None:
        return np.zeros(panel.n_trajectories, dtype=np.int64)
    return cluster_codes(panel)


def _permuted(prompt: IntArray, rng: np.random.Generator) -> IntArray:
    """Return an order of the documents that keeps each within its prompt."""
    order = np.empty(len(prompt), dtype=np.int64)
    order[np.argsort(prompt, kind="stable")] = np.lexsort((rng.random(len(prompt)), prompt))
    return order


def _document_statistics(panel: Trajectories) -> dict[str, FloatArray]:
    sums = within_path(panel)
    neighbours = np.array([
        np.sum((x[1:] - x.mean(axis=0)) * (x[:-1] - x.mean(axis=0))) for x in panel.arrays()
    ])  # fmt: skip
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "diffusion within a path": 0.5 * sums[:, 0] / sums[:, 1],
            "dispersion within a path": sums[:, 2] / sums[:, 3],
            "correlation of neighbours": neighbours / sums[:, 2],
        }


def _within(
    name: str, column: FloatArray, setting: FloatArray, orders: list[IntArray], alpha: float
) -> Quantity:
    ranks, other = stats.rankdata(column), stats.rankdata(setting)
    observed = _correlation(ranks, other)
    drawn = np.array([_correlation(ranks, other[order]) for order in orders])
    # Ties in the setting leave rounding between equal statistics.
    pvalue = float((1 + np.sum(np.abs(drawn) >= abs(observed) - 1e-12)) / (1 + len(drawn)))
    half = stats.norm.ppf(1 - alpha / 2) * np.sqrt(1.06 / (len(column) - 3))
    centre = np.arctanh(np.clip(observed, -1 + 1e-12, 1 - 1e-12))
    low, high = np.tanh(centre - half), np.tanh(centre + half)
    return Quantity(WITHIN, name, "", observed, float(low), float(high), 0.0, pvalue)


def _between(
    kind: str, values: FloatArray, setting: FloatArray, prompt: IntArray, orders: list[IntArray]
) -> Quantity:
    levels = np.unique(setting)
    spread = partial(_spreads, values, prompt, kind=kind, levels=levels)
    observed = _trend(spread(setting), levels)
    drawn = np.array([_trend(spread(setting[order]), levels) for order in orders])
    name = "variance at the same step" if kind == "step" else "variance of the documents' means"
    if np.isnan(observed):
        return Quantity(
            BETWEEN, name, "", observed, note="fewer than three settings with replicates"
        )
    known = drawn[np.isfinite(drawn)]
    pvalue = float((1 + np.sum(known >= observed - 1e-12)) / (1 + len(known)))
    return Quantity(
        BETWEEN, name, "", observed, control=0.0, pvalue=pvalue, note="interval: not known",
    )  # fmt: skip


def _spreads(
    values: FloatArray, prompt: IntArray, setting: FloatArray, *, kind: str, levels: FloatArray
) -> FloatArray:
    """Return the variance between replicates of a prompt at each setting."""
    if kind == "mean":
        values = np.nanmean(values, axis=1, keepdims=True)
    found = []
    for level in levels:
        own = setting == level
        total = replicate_variance(values[own], prompt[own]).sum(axis=0)
        found.append(total[0] / total[1] if total[1] > 0 else np.nan)
    return np.array(found)


def _trend(spread: FloatArray, levels: FloatArray) -> float:
    known = np.isfinite(spread)
    if known.sum() < 3:
        return float("nan")
    return _correlation(stats.rankdata(spread[known]), stats.rankdata(levels[known]))


def _correlation(a: FloatArray, b: FloatArray) -> float:
    x, y = a - a.mean(), b - b.mean()
    size = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / size if size > 0 else 0.0


def _by_setting(
    statistics: dict[str, FloatArray], values: FloatArray, setting: FloatArray, prompt: IntArray
) -> pd.DataFrame:
    levels = np.unique(setting)
    frame = pd.DataFrame({"setting": setting, **statistics}).groupby("setting").mean()
    frame.insert(0, "documents", [int(np.sum(setting == level)) for level in levels])
    for kind, name in (("step", "between replicates"), ("mean", "between means of replicates")):
        frame[name] = _spreads(values, prompt, setting, kind=kind, levels=levels)
    return frame


def _words(within: list[Quantity], between: list[Quantity], by: str, alpha: float) -> list[str]:
    diffusion = within[0]
    test = f"rank correlation {number(diffusion.estimate, 2)}, permutation p = "
    test += number(diffusion.pvalue, 2)
    if diffusion.pvalue > alpha:
        said = (
            f"Within a path there is no evidence of dependence of the diffusion on {by} ({test})."
        )
    else:
        way = "grows" if diffusion.estimate > 0 else "falls"
        said = f"Within a path the diffusion {way} with {by} ({test})."
    parts = [
        f"{q.name}: rank correlation {number(q.estimate, 2)}, p = {number(q.pvalue, 2)}"
        for q in between
        if np.isfinite(q.estimate)
    ]
    if not parts:
        return [said, "Between replicates nothing can be said: no setting has several of a prompt."]
    return [said, f"Between replicates of a prompt, {'; '.join(parts)}."]
