"""One model, one fold: fit to the training part, weigh the test part.

Law: a task knows its own seed and nothing of the others, so that it does not
matter where and in which order tasks are computed.
"""

from __future__ import annotations

import time
import warnings
from typing import Any, NamedTuple

from sklearn.base import clone

from stochtext._shared.exceptions import InputError, SampleSizeWarning, StochtextError
from stochtext._shared.typing import FloatArray
from stochtext.comparison.coordinates import (
    Coordinates,
    coordinates_of,
    invertible_steps,
    split_model,
)
from stochtext.comparison.folds import Fold
from stochtext.comparison.rules import Rule

__all__ = ["Outcome", "fit_and_score", "seeded"]


class Outcome(NamedTuple):
    """What one fit gave.

    Attributes
    ----------
    score : ndarray of shape (n,)
        Of each test transition, in the coordinates of the data; NaN where the trajectory
        ends before the horizon.
    n_outside : int
        Test transitions that start outside the support of the training data.
    seconds : float
        Time of the fit.
    clock : str
        Clock of the fitted model.
    coordinates : Coordinates
    warned : list of (type, str)
        Distinct warnings of the fit.
    """

    score: FloatArray
    n_outside: int
    seconds: float
    clock: str
    coordinates: Coordinates
    warned: list[tuple[type[Warning], str]]


def fit_and_score(
    name: str, model: Any, fold: Fold, seed: int, which: str, rule: Rule | None = None
) -> Outcome:
    """Fit a fresh copy of ``model`` and return its held-out scores.

    Parameters
    ----------
    name : str
        Name of the model, for messages.
    model : estimator
        Not changed.
    fold : Fold
    seed : int
        For every parameter ``random_state`` that is None.
    which : str
        Which fold this is, for messages, such as ``"3 of 5"``.
    rule : Rule, optional
        Default the log density one step ahead.
    """
    twin = seeded(clone(model), seed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        start = time.perf_counter()
        try:
            twin.fit(fold.train)
        except Exception as error:
            raise _named(error, f"Model {name!r} could not be fitted (fold {which})") from error
        seconds = time.perf_counter() - start
        try:
            score, outside, coordinates = _weigh(twin, fold, rule or Rule(), seed)
        except Exception as error:
            raise _named(error, f"Model {name!r} could not be scored (fold {which})") from error
    record = getattr(getattr(split_model(twin)[1], "results_", None), "record", None)
    # Few data for standard errors of parameters: none of those is used here.
    kept = [w for w in caught if not issubclass(w.category, SampleSizeWarning)]
    warned = {(w.category, str(w.message)): None for w in kept}
    clock = getattr(record, "clock", "time")
    return Outcome(score, outside, seconds, clock, coordinates, list(warned))


def _weigh(twin: Any, fold: Fold, rule: Rule, seed: int) -> tuple[FloatArray, int, Coordinates]:
    transformers, estimator = split_model(twin)
    test: Any = fold.test
    for step in transformers:
        test = step.transform(test)
    coordinates = coordinates_of(transformers)
    undo = invertible_steps(transformers)[::-1]
    score = rule.score(estimator, test, undo, seed)
    if score.shape != fold.rows.shape:
        raise InputError(f"{score.shape} scores were given for {len(fold.rows)} transitions")
    shift = coordinates.log_jacobian if rule.is_density else 0.0
    return score + shift, int(estimator.n_outside(test)), coordinates


def seeded(model: Any, seed: int) -> Any:
    """Give every ``random_state`` of a model that is None this seed.

    All models of a fold get the same number: reductions that are random stay
    the same map in every pipeline.

    Parameters
    ----------
    model : estimator
        Changed in place and returned.
    seed : int
    """
    unset = [
        key for key, value in model.get_params(deep=True).items()
        if value is None and key.rpartition("__")[2] == "random_state"
    ]  # fmt: skip
    return model.set_params(**dict.fromkeys(unset, seed)) if unset else model


def _named(error: Exception, lead: str) -> Exception:
    message = f"{lead}: {error}"
    if isinstance(error, StochtextError):
        return type(error)(message)
    if isinstance(error, ValueError):
        return InputError(message)
    return StochtextError(f"{lead}: {type(error).__name__}: {error}")
