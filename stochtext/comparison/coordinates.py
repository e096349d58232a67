"""In which coordinates a score is a density, so that only like is compared with like.

Law: log densities are comparable in the same coordinates only. An invertible
map is undone by its Jacobian; a map that loses information must be the same in
every model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import joblib
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from stochtext._shared.exceptions import InputError
from stochtext.trajectories.panel import Trajectories

__all__ = [
    "Coordinates",
    "check_before_fitting",
    "check_common_coordinates",
    "coordinates_of",
    "invertible_steps",
    "split_model",
]


class Coordinates(NamedTuple):
    """What a fitted pipeline does to its input.

    Attributes
    ----------
    log_jacobian : float
        Sum of ``log |det|`` of the invertible maps behind the last one that is not.
    reduction : str or None
        Fingerprint of all maps up to the last one that is not invertible.
    described : str
        Those maps in words.
    """

    log_jacobian: float
    reduction: str | None
    described: str


def split_model(model: Any) -> tuple[list[Any], Any]:
    """Return the transformers and the estimator of a model (of a search: its best one)."""
    model = getattr(model, "best_estimator_", model)
    if not isinstance(model, Pipeline):
        return [], model
    steps = [step for _, step in model.steps]
    return [s for s in steps[:-1] if s is not None and s != "passthrough"], steps[-1]


def coordinates_of(transformers: list[Any]) -> Coordinates:
    """Return what fitted transformers do to the coordinates."""
    behind = invertible_steps(transformers)
    jacobian = float(sum(step.log_abs_det_jacobian_ for step in behind))
    before = transformers[: len(transformers) - len(behind)]
    if not before:
        return Coordinates(jacobian, None, "")
    fingerprint = joblib.hash([(type(step).__name__, step.get_params()) for step in before])
    return Coordinates(jacobian, fingerprint, " -> ".join(map(repr, before)))


def invertible_steps(transformers: list[Any]) -> list[Any]:
    """Return the fitted transformers behind the last one that loses information."""
    logs = [getattr(step, "log_abs_det_jacobian_", None) for step in transformers]
    lossy = [k for k, value in enumerate(logs) if value is None]
    return transformers[lossy[-1] + 1 :] if lossy else list(transformers)


def check_common_coordinates(found: Mapping[str, Coordinates]) -> None:
    """Refuse models whose scores are densities of different things.

    Raises
    ------
    InputError
        Naming two models and what each does.
    """
    (first, reference), *others = found.items()
    for name, coordinates in others:
        if coordinates.reduction != reference.reduction:
            what = coordinates.described or "no map that loses information"
            raise InputError(
                f"Models {first!r} and {name!r} give densities of different things: "
                f"{reference.described or 'no map that loses information'} against {what}. "
                "Their scores do not compare: transform first, compare after."
            )


def check_before_fitting(models: Mapping[str, Any], panel: Trajectories) -> None:
    """Fit the transformers alone and refuse early, before any model is fitted."""
    found = {}
    for name, model in models.items():
        transformers = [clone(step) for step in split_model(model)[0]]
        seen: Any = panel
        for step in transformers:
            seen = step.fit_transform(seen)
        found[name] = coordinates_of(transformers)
    check_common_coordinates(found)
