"""Which tests there are, what each asks, and what it needs.

Law of this file: a test that the data cannot carry has a reason here, before anything is
computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext.diagnostics.battery.hong_li import MOMENT_PAIRS
from stochtext.diagnostics.battery.sample import Layout
from stochtext.diagnostics.serial_correlation import MINIMUM_PAIRS

__all__ = ["STANDARD", "TESTS", "Entry", "chosen_tests", "reason_against"]

FEWEST_SURFACE = 50
ROWS_PER_MOMENT = 5


@dataclass(frozen=True)
class Entry:
    """One test: the group it is computed with, and what its rejection means."""

    group: str
    meaning: str


_POWERS = {
    (1, 1): "the level of the transforms depends on their past level: the drift misses memory.",
    (2, 2): "the spread of the transforms depends on their past spread: the diffusion misses a "
    "dependence on the state, on time or on something unobserved.",
    (3, 3): "the skewness of the transforms depends on its past.",
    (4, 4): "the tails of the transforms depend on their past: jumps or bursts cluster.",
    (1, 2): "the level of the transforms depends on their past spread.",
    (2, 1): "the spread of the transforms depends on their past level, as when noise grows on one "
    "side.",
}

TESTS: dict[str, Entry] = {
    "drift moments": Entry(
        "moments", "residuals depend on the state where they began: the drift has another shape."
    ),
    "diffusion moments": Entry(
        "moments",
        "the size of residuals depends on the state: the diffusion has another shape.",
    ),
    "Gaussianity moments": Entry(
        "moments",
        "residuals are skewed or heavy-tailed: jumps, or a fourth Kramers-Moyal coefficient that "
        "is not that of a diffusion (Pawula).",
    ),
    "Markov moments": Entry(
        "moments", "residuals depend on the residual before: the state does not hold all memory."
    ),
    "nugget": Entry(
        "nugget",
        "neighbouring residuals alternate: the states were observed with noise of their own.",
    ),
    "Hong-Li Q(1)": Entry(
        "surface",
        "neighbouring transforms are not independent and uniform: some part of the model is wrong.",
    ),
    "Hong-Li W(5)": Entry(
        "surface",
        "transforms up to five steps apart are not independent and uniform: some part of the model "
        "is wrong.",
    ),
    **{f"Hong-Li M({m},{k})": Entry("powers", meaning) for (m, k), meaning in _POWERS.items()},
    "Anderson-Darling": Entry(
        "uniformity", "the law of the residuals is not that of the model, tails included."
    ),
    "Cramer-von Mises": Entry("uniformity", "the law of the residuals is not that of the model."),
    "Kolmogorov-Smirnov": Entry("uniformity", "the law of the residuals is not that of the model."),
    "Ljung-Box": Entry(
        "correlation",
        "residuals are correlated in time, so the drift misses structure, or the state does not "
        "hold all memory (not Markov at this sampling interval).",
    ),
    "Ljung-Box on squares": Entry(
        "correlation",
        "the size of the residuals is correlated in time, so the diffusion misses a dependence on "
        "the state, on time or on something unobserved.",
    ),
    "ARCH-LM": Entry(
        "arch", "large steps follow large steps more than the fitted diffusion explains."
    ),
    "Jarque-Bera": Entry(
        "normality",
        "residuals are not normal: jumps, outliers, noise that depends on the state, or a sampling "
        "interval too long for a Gaussian step.",
    ),
    "jumps (bipower)": Entry(
        "bipower", "single residuals carry more variance than their neighbours: there are jumps."
    ),
    "marginal density": Entry(
        "marginal", "the states are not spread as the stationary law of the model says."
    ),
    "energy of steps": Entry(
        "energy",
        "states and the steps from them together are not those of paths simulated from the model.",
    ),
    "largest residual": Entry(
        "largest", "at least one step is larger than the model allows: a jump or an outlier."
    ),
}

STANDARD = (
    "drift moments", "diffusion moments", "Gaussianity moments", "Markov moments", "nugget",
    "Hong-Li Q(1)", "Hong-Li W(5)", "Hong-Li M(1,1)", "Hong-Li M(2,2)", "Anderson-Darling",
    "Ljung-Box", "Ljung-Box on squares", "ARCH-LM", "Jarque-Bera", "jumps (bipower)",
    "largest residual",
)  # fmt: skip

ORDER_OF_POWERS = [f"Hong-Li M({m},{k})" for m, k in MOMENT_PAIRS]


def chosen_tests(tests: str | Sequence[str]) -> tuple[str, ...]:
    """Return names of tests from ``"standard"``, ``"all"`` or a sequence of names."""
    if isinstance(tests, str):
        tests = {"standard": STANDARD, "all": tuple(TESTS)}.get(tests, (tests,))
    unknown = [name for name in tests if name not in TESTS]
    if unknown or not tests:
        raise InputError(
            f"`tests` must be 'standard', 'all' or names among {', '.join(TESTS)}; got "
            f"{unknown or tests!r}."
        )
    return tuple(dict.fromkeys(tests))


def reason_against(test: str, layout: Layout, d: int, n_scores: int) -> str:
    """Return why the rows cannot carry a test, empty if they can.

    Parameters
    ----------
    test : str
    layout : Layout
    d : int
        Coordinates that enter the test together.
    n_scores : int
        Columns of scores.
    """
    group, n = TESTS[test].group, len(layout)
    if group in ("uniformity", "normality", "largest", "marginal", "energy"):
        return _few(n, MINIMUM_PAIRS, "transitions")
    if group == "moments":
        return _few(n, max(MINIMUM_PAIRS, ROWS_PER_MOMENT * 2 * d + n_scores), "transitions")
    if group == "arch":
        lags = layout.lags_arch
        needed = max(MINIMUM_PAIRS, 4 * (lags + 1))
        return _few(len(layout.later(lags)), needed, f"transitions with {lags} before them")
    deepest = {
        "nugget": 1, "bipower": 2, "surface": layout.lags_surface, "powers": layout.lags_moments,
        "correlation": layout.lags,
    }[group]  # fmt: skip
    needed = FEWEST_SURFACE if group == "surface" else MINIMUM_PAIRS
    return _few(len(layout.later(deepest)), needed, f"pairs within trajectories at lag {deepest}")


def _few(count: int, needed: int, what: str) -> str:
    return "" if count >= needed else f"only {count} {what}; at least {needed} are needed."


def is_flat(values: np.ndarray) -> bool:
    """Whether a column of residuals does not vary."""
    return bool(np.any(np.ptp(values, axis=0) <= 1e-12 * np.abs(values).max(axis=0)))
