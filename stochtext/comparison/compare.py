"""compare: cross-validated log densities of several models on the same transitions."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from stochtext._shared.exceptions import InputError, SampleSizeWarning
from stochtext._shared.progress import progress
from stochtext._shared.random import generator, seed_sequence
from stochtext._shared.typing import BoolArray, RandomState
from stochtext.comparison.coordinates import check_before_fitting, check_common_coordinates
from stochtext.comparison.folds import Design, split
from stochtext.comparison.result import Comparison
from stochtext.comparison.rules import Rule, has_horizon
from stochtext.comparison.scoring import Outcome, fit_and_score
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.reading import as_trajectories

__all__ = ["compare"]

FEW_CLUSTERS = 10


def compare(
    estimators: Mapping[str, Any],
    X: Any,
    *,
    cv: Any = 5,
    scoring: str = "log",
    horizon: int = 1,
    n_samples: int = 200,
    random_state: RandomState = None,
    n_jobs: int | None = None,
    dt: Any = None,
    times: Any = None,
    groups: Any = None,
) -> Comparison:
    r"""Compare models by the log density that they give to transitions they have not seen.

    Parameters
    ----------
    estimators : mapping of str to estimator
        Estimators, or pipelines of trajectory transformers and an estimator. They
        are copied, not changed.
    X : Trajectories, list of arrays, 3-D array, or array_like of shape (T, d)
        As in ``fit``.
    cv : int or BlockedTimeSplit, default 5
        Number of folds. Trajectories (groups, if there are any) are shuffled into
        folds; fewer of them than ``cv`` are left out one at a time. One path is cut
        into blocks of time, with a gap if ``BlockedTimeSplit(n_splits, gap)`` is given.
    scoring : {"log", "crps", "energy"}, default "log"
        Log density; or minus the continuous ranked probability score (mean over the
        coordinates) or the energy score of sampled forecasts, in the units of the data.
    horizon : int, default 1
        How many steps ahead forecasts are scored.
    n_samples : int, default 200
        Sampled paths behind a forecast, where its law is not known.
    random_state : int, Generator, SeedSequence or None
        Seed of the folds and samples, and of every model whose own ``random_state`` is None.
    n_jobs : int, optional
        Processes, as in joblib. The numbers do not depend on it.
    dt, times, groups : optional
        As in ``fit``, for plain arrays.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If a model cannot be fitted (naming it), or if the scores would be densities
        in different coordinates.

    Notes
    -----
    The score is the mean over all held-out transitions of

    .. math:: \log p(x_{k+h} \mid x_k)

    in nats for a horizon h, or minus a proper score of samples from that law, so that
    larger is better. Forecasts are those of the fitted model, without the uncertainty of its
    coefficients. All models of a fold are sampled with the same random numbers.

    Differences from the best model are averaged over the same transitions.
    Their standard errors are clustered by trajectory (or group), with t(M - 1)
    quantiles for M clusters; for one path they are Newey-West. The log determinants
    of invertible transformers are added, so that a model of scaled data and a model
    of raw data compare; different maps that lose information are refused.

    Between two equally wrong models the test rejects equality at the 5 % level in 3.1
    to 7.3 % of samples of 5 to 50 trajectories, and in 1.4 to 1.8 % of samples of one
    path of 200 or 1000 transitions (1000 samples each;
    ``benchmarks/calibration/comparison_size.py``).

    Examples
    --------
    >>> import stochtext as st
    >>> X = st.simulate(
    ...     st.OrnsteinUhlenbeck(1.0, 0.0, 0.5), 1.0, dt=0.2, n_steps=30, n_paths=20, random_state=0
    ... )
    >>> models = {"constant": st.LinearSDE(), "moving": st.LinearSDE(trend="linear")}
    >>> st.compare(models, X, random_state=0).to_frame()["rank"].tolist()
    [1, 2]
    """
    models = _read_models(estimators)
    panel = as_trajectories(X, dt=dt, times=times, groups=groups)
    rule = Rule.checked(scoring, horizon, n_samples)
    root = seed_sequence(random_state)
    design = split(panel, cv, root)
    kept = _kept(design, rule)
    check_before_fitting(models, panel)
    outcomes = _run(models, design, rule, root, n_jobs)
    for k in range(len(design.folds)):
        check_common_coordinates({name: outcomes[name][k].coordinates for name in models})
    _check_clocks(panel, outcomes)
    _warn(outcomes, design)
    return _collect(panel, design, rule, kept, outcomes)


def _read_models(estimators: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(estimators, Mapping) or not estimators:
        raise InputError(
            "`estimators` must be a mapping such as {'linear': LinearSDE(), 'neural': NeuralSDE()} "
            f"with at least one model; got {type(estimators).__name__}."
        )
    for name, model in estimators.items():
        if isinstance(model, type):
            raise InputError(f"Model {name!r} is a class; pass an instance, {model.__name__}().")
        if not hasattr(model, "fit"):
            raise InputError(
                f"Model {name!r} of type {type(model).__name__} cannot be fitted. compare refits "
                "every model on the same folds: pass estimators, not results."
            )
    return {str(name): model for name, model in estimators.items()}


def _kept(design: Design, rule: Rule) -> BoolArray:
    """Return which transitions have a state at the horizon, in the same fold."""
    kept = np.zeros(sum(len(fold.rows) for fold in design.folds), dtype=bool)
    for fold in design.folds:
        kept[fold.rows] = has_horizon(fold.test, rule.horizon)
    if kept.sum() < 2:
        raise InputError(
            f"No held-out trajectory has {rule.horizon} steps or more; use a smaller `horizon`."
        )
    return kept


def _run(
    models: dict[str, Any], design: Design, rule: Rule, root: np.random.SeedSequence,
    n_jobs: int | None,
) -> dict[str, list[Outcome]]:  # fmt: skip
    n = len(design.folds)
    seeds = [int(generator(root, "fit", k).integers(2**31 - 1)) for k in range(n)]
    tasks = [(name, k) for name in models for k in range(n)]
    calls = (
        delayed(fit_and_score)(
            name, models[name], design.folds[k], seeds[k], f"{k + 1} of {n}", rule
        )
        for name, k in tasks
    )
    parallel = Parallel(n_jobs=n_jobs, return_as="generator")
    outcomes: dict[str, list[Outcome]] = {name: [] for name in models}
    done = progress(parallel(calls), label="comparing", total=len(tasks))
    for (name, _), outcome in zip(tasks, done, strict=True):
        outcomes[name].append(outcome)
    return outcomes


def _check_clocks(panel: Trajectories, outcomes: dict[str, list[Outcome]]) -> None:
    if panel.n_trajectories > 1:
        return
    for name, parts in outcomes.items():
        if any(part.clock == "relative" for part in parts):
            raise InputError(
                f"Model {name!r} runs on the relative clock, but there is one path only: blocks "
                "of it have no position of their own. Use clock='time', or more trajectories."
            )


def _warn(outcomes: dict[str, list[Outcome]], design: Design) -> None:
    if design.cluster is not None and design.n_clusters < FEW_CLUSTERS:
        warnings.warn(
            f"Standard errors of the differences rest on {design.n_clusters} clusters; they are "
            f"rough below {FEW_CLUSTERS}.",
            SampleSizeWarning,
            stacklevel=3,
        )
    for (category, text), names in _shared_warnings(outcomes).items():
        warnings.warn(f"{names}: {text}", category, stacklevel=3)


def _shared_warnings(
    outcomes: dict[str, list[Outcome]],
) -> dict[tuple[type[Warning], str], str]:
    """Return each warning once, with the models that it came from."""
    found: dict[tuple[type[Warning], str], list[str]] = {}
    for name, parts in outcomes.items():
        for category, text in _distinct(parts).items():
            found.setdefault((category, text), []).append(repr(name))
    return {
        warned: f"Model{'s' if len(names) > 1 else ''} {', '.join(names)}"
        for warned, names in found.items()
    }


def _distinct(parts: list[Outcome]) -> dict[type[Warning], str]:
    """Return the first warning of each category and in how many fits it came."""
    found: dict[type[Warning], list[str]] = {}
    for part in parts:
        for category in {c for c, _ in part.warned}:
            first = next(text for c, text in part.warned if c is category)
            found.setdefault(category, []).append(first)
    return {
        category: f"{texts[0]} (in {len(texts)} of {len(parts)} fits)"
        for category, texts in found.items()
    }


def _collect(
    panel: Trajectories, design: Design, rule: Rule, kept: BoolArray,
    outcomes: dict[str, list[Outcome]],
) -> Comparison:  # fmt: skip
    ids = panel.ids[panel.transitions().trajectory]
    columns = {name: np.empty(len(kept)) for name in outcomes}
    for name, parts in outcomes.items():
        for fold, part in zip(design.folds, parts, strict=True):
            columns[name][fold.rows] = part.score
    frame = pd.DataFrame(columns, index=pd.Index(ids, name="trajectory"))
    return Comparison(
        frame[kept],
        None if design.cluster is None else design.cluster[kept],
        held_out=design.kind,
        n_trajectories=panel.n_trajectories,
        n_outside=pd.Series({n: sum(p.n_outside for p in ps) for n, ps in outcomes.items()}),
        fit_seconds=pd.Series({n: np.mean([p.seconds for p in ps]) for n, ps in outcomes.items()}),
        remarks=_remarks(outcomes),
        rule=rule,
    )


def _remarks(outcomes: dict[str, list[Outcome]]) -> tuple[str, ...]:
    remarks = []
    reductions = {p.coordinates.described for ps in outcomes.values() for p in ps} - {""}
    if reductions:
        remarks.append(
            f"Scores are densities in the coordinates behind {', '.join(sorted(reductions))}, "
            "fitted in each fold; they compare within this table only."
        )
    remarks += [
        f"{names} warned: {text}" for (_, text), names in _shared_warnings(outcomes).items()
    ]
    return tuple(remarks)
