"""Several fits side by side, as papers print them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.tables import Summary, frame_table, number
from stochtext._shared.validation import check_choice, check_fraction, check_integer
from stochtext.results.inference.parameters.same_data import check_same_data

__all__ = ["summary_table"]

UNCERTAINTIES = ("se", "ci", "none")


def summary_table(
    results: Mapping[str, Any] | Sequence[Any],
    *,
    uncertainty: str = "se",
    alpha: float = 0.05,
    digits: int = 4,
    same_data: bool = True,
) -> Summary:
    """Return one column a fit: parameters with errors below them, then how well they fit.

    Parameters
    ----------
    results : mapping of str to results, or sequence of results
        Results or fitted estimators; without names their models', numbered.
    uncertainty : {"se", "ci", "none"}, default "se"
        Standard errors in parentheses, or intervals in brackets, below the estimates.
    alpha : float, default 0.05
        Intervals have level 1 - alpha.
    digits : int, default 4
        Significant figures.
    same_data : bool, default True
        Refuse fits to different data, whose likelihoods do not compare. False leaves log
        likelihood, AIC and BIC out where data differ.

    Returns
    -------
    Summary
        ``as_text()``, ``as_html()``, ``as_latex()``, ``as_markdown()``.

    Raises
    ------
    InputError
        If there is nothing to show, or the data differ (naming the difference).

    Notes
    -----
    Curves have no parameters: for them the table shows drift and covariance rate at the mean
    state, with their errors.

    Examples
    --------
    >>> import stochtext as st
    >>> X = st.datasets.load_ornstein_uhlenbeck(random_state=0)
    >>> fits = {"linear": st.LinearSDE().fit(X), "moving": st.LinearSDE(trend="linear").fit(X)}
    >>> table = st.comparison.summary_table(fits)
    >>> "Log likelihood" in table.as_markdown()
    True
    """
    check_choice("uncertainty", uncertainty, UNCERTAINTIES)
    check_fraction("alpha", alpha)
    check_integer("digits", digits)
    named = _named(results)
    comparable = True
    try:
        check_same_data(named)
    except InputError:
        if same_data:
            raise
        comparable = False
    cells = {name: _estimates(own, uncertainty, alpha, digits) for name, own in named.items()}
    stubs = list(dict.fromkeys(stub for column in cells.values() for stub in column))
    rows: list[tuple[str, list[str]]] = []
    for stub in stubs:
        found = [column.get(stub, ("", "")) for column in cells.values()]
        rows.append((stub, [estimate for estimate, _ in found]))
        if uncertainty != "none":
            rows.append(("", [error for _, error in found]))
    facts = [_facts(own, comparable) for own in named.values()]
    rows += [(name, [number(column[name], digits) for column in facts]) for name in facts[0]]
    frame = pd.DataFrame(
        [values for _, values in rows], index=[stub for stub, _ in rows], columns=list(named)
    )
    return Summary([frame_table(frame, "Fits side by side")], _notes(named, uncertainty, alpha,
                                                                     comparable))  # fmt: skip


def _named(results: Any) -> dict[str, Any]:
    given = results
    if not isinstance(results, Mapping):
        listed = [getattr(own, "results_", own) for own in results]
        models = [getattr(own, "model", type(own).__name__) for own in listed]
        names = [
            model if models.count(model) == 1 else f"{model} ({models[:k].count(model) + 1})"
            for k, model in enumerate(models)
        ]
        given = dict(zip(names, listed, strict=True))
    named = {str(name): getattr(own, "results_", own) for name, own in given.items()}
    bad = [name for name, own in named.items() if not hasattr(own, "record")]
    if bad or not named:
        raise InputError(
            "`results` must hold results or fitted estimators"
            + (f"; {', '.join(map(repr, bad))} is neither." if bad else ", one at least.")
        )
    return named


def _estimates(
    results: Any, uncertainty: str, alpha: float, digits: int
) -> dict[str, tuple[str, str]]:
    if len(results.params):
        frame = pd.DataFrame({"estimate": results.params, "se": results.bse})
        frame[["low", "high"]] = results.conf_int(alpha).to_numpy()
    else:
        frame = _middle(results, alpha)
    found = {}
    for stub, row in frame.iterrows():
        error = ""
        if uncertainty == "se":
            error = f"({number(row['se'], digits)})" if np.isfinite(row["se"]) else "(–)"
        elif uncertainty == "ci":
            ends = f"{number(row['low'], digits)}, {number(row['high'], digits)}"
            error = f"[{ends}]" if np.isfinite(row["low"]) else "[–]"
        found[str(stub)] = (number(float(row["estimate"]), digits), error)
    return found


def _middle(results: Any, alpha: float) -> pd.DataFrame:
    """Return the curves at the mean state."""
    parts = []
    for which, letter in (("drift", "b"), ("covariance", "a")):
        frame = results.middle[which].summary_frame(alpha).droplevel("point")
        frame.columns = pd.Index(["estimate", "se", "low", "high"])
        frame.index = pd.Index([f"{letter}[{name}] at the mean state" for name in frame.index])
        parts.append(frame)
    return pd.concat(parts)


def _facts(results: Any, comparable: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "Transitions": results.nobs,
        "Trajectories": results.n_trajectories,
        "Density": results.record.density,
        "Parameters": float(results.df_model),
    }
    if comparable:
        facts |= {"Log likelihood": results.llf, "AIC": results.aic, "BIC": results.bic}
    facts["Errors"] = getattr(results, "cov_type", "curve")
    return facts


def _notes(named: dict[str, Any], uncertainty: str, alpha: float, comparable: bool) -> list[str]:
    below = {
        "se": "Standard errors in parentheses.",
        "ci": f"Intervals of level {1 - alpha:.4g} in brackets.",
        "none": "",
    }[uncertainty]
    notes = [below] if below else []
    if len({own.record.density for own in named.values()}) > 1 and comparable:
        notes.append(
            "Likelihoods of different densities approximate the same one; compare them with care."
        )
    if not comparable:
        notes.append("The fits are to different data: likelihoods are left out.")
    return notes
