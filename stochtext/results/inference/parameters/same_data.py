"""Whether results are of the same data, and what differs if not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError

__all__ = ["check_same_data", "data_difference"]

_FACTS = {
    "dim": "coordinates",
    "columns": "columns",
    "n_trajectories": "trajectories",
    "nobs": "transitions",
    "time_unit": "time unit",
    "dt_min": "shortest sampling interval",
    "dt_max": "longest sampling interval",
}


def data_difference(first: Any, second: Any) -> str | None:
    """Return in words what differs between the data of two results; None if nothing is known to.

    Parameters
    ----------
    first, second : SDEResults
        Restored ones hold no data: then only the facts of their records compare.
    """
    for name, word in _FACTS.items():
        own, other = getattr(first.record, name), getattr(second.record, name)
        if own != other and not _close(own, other):
            return f"{word}: {_shown(own)} against {_shown(other)}"
    states = [_states(results) for results in (first, second)]
    if states[0] is None or states[1] is None or states[0] is states[1]:
        return None
    one, other = states
    if one.shape != other.shape:
        return f"number of states: {len(one)} against {len(other)}"
    unequal = (one != other) & ~(np.isnan(one) & np.isnan(other))
    different = np.flatnonzero(unequal.any(axis=1))
    return f"states: the first that differs is row {different[0]}" if different.size else None


def check_same_data(results: Mapping[str, Any]) -> None:
    """Refuse results of different data.

    Raises
    ------
    InputError
        Naming two of them and what differs.
    """
    (name, reference), *others = results.items()
    for other, own in others:
        difference = data_difference(reference, own)
        if difference:
            raise InputError(
                f"{name!r} and {other!r} were fitted to different data ({difference}), so their "
                "likelihoods and scores do not compare. Fit them to the same trajectories."
            )


def _states(results: Any) -> Any:
    """Return the states of the data where results still hold them."""
    refitting = getattr(results, "refitting", None)
    if refitting is not None:
        return refitting.panel.values
    return None


def _close(own: Any, other: Any) -> bool:
    numbers = isinstance(own, float) and isinstance(other, float)
    return numbers and bool(np.isclose(own, other, rtol=1e-9, atol=0.0))


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
