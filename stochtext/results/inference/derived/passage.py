"""Mean first-passage times: by quadrature in one coordinate, by simulation in several."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, RandomState
from stochtext._shared.validation import as_states, check_integer, check_positive
from stochtext.results.inference.derived.speed_measure import SpeedMeasure
from stochtext.results.inference.derived.spread import Spread
from stochtext.results.inference.derived.table import DerivedTable

__all__ = ["mean_first_passage"]

_STEPS = 10
_MOST_DRAWS = 100
_NO_RETURN = (
    "the mean is not finite, or the state is never seen: the process does not return from the "
    "end behind the start"
)


def mean_first_passage(
    results: Any,
    start: Any,
    target: Any,
    spread: Spread,
    alpha: float,
    *,
    component: int,
    n_paths: int,
    max_time: float | None,
    random_state: RandomState,
) -> DerivedTable:
    """Return the mean time to a target; see ``SDEResults.mean_first_passage``."""
    if results.process.noise == "jump":
        raise InputError("Passage times of jump diffusions are not offered.")
    if not results.process.autonomous:
        raise InputError("Mean passage times need coefficients that do not depend on time.")
    x = as_states("start", start, results.record.dim)
    ends = _ends(target, x, component)
    if results.record.dim == 1:
        return _by_quadrature(results, x[:, 0], ends, spread, alpha)
    if len(x) != 1:
        raise InputError("Several coordinates: one `start` at a time.")
    return _by_simulation(
        results, x, ends, spread, alpha, component=component, max_time=max_time,
        n_paths=check_integer("n_paths", n_paths, minimum=100), random_state=random_state,
    )  # fmt: skip


def _ends(target: Any, x: FloatArray, component: int) -> tuple[float | None, float | None]:
    """Return lower and upper barrier, None where there is none."""
    values = np.atleast_1d(np.asarray(target, dtype=np.float64))
    if values.shape not in ((1,), (2,)) or not np.isfinite(values).all():
        raise InputError(
            f"`target` must be a number, or two numbers around the start; got {target!r}."
        )
    check_integer("component", component, minimum=0)
    own = x[:, component]
    if len(values) == 2:
        low, high = np.sort(values)
        if not np.all((own > low) & (own < high)):
            raise InputError(f"`start` must lie strictly between {low:g} and {high:g}.")
        return float(low), float(high)
    goal = float(values[0])
    if np.all(own < goal):
        return None, goal
    if np.all(own > goal):
        return goal, None
    raise InputError("All starts must lie on one side of the target, and not on it.")


def _by_quadrature(
    results: Any, x: FloatArray, ends: tuple[float | None, float | None], spread: Spread,
    alpha: float,
) -> DerivedTable:  # fmt: skip
    law = SpeedMeasure(results.process, results.support)
    estimate = _times(law, x, ends)
    drawn = [_times(law.of_draw(process), x, ends) for process in spread.processes]
    draws = np.array(drawn).reshape(len(drawn), len(x))
    se, low, high, share = spread.interval(estimate, draws, alpha, positive=True)
    reasons = [
        _NO_RETURN if np.isnan(value) else spread.missing(float(s))
        for value, s in zip(estimate, share, strict=True)
    ]
    frame = pd.DataFrame(
        {"time": estimate, "simulation_se": 0.0, "se": se, "lower": low, "upper": high,
         "reason": reasons},
        index=pd.Index(x, name="start"),
    )  # fmt: skip
    return DerivedTable(frame, _title(ends), (spread.describe(), "The mean is by quadrature."))


def _times(law: SpeedMeasure, x: FloatArray, ends: tuple[float | None, float | None]) -> FloatArray:
    low, high = ends
    if low is not None and high is not None:
        return np.array([law.mean_exit(float(start), low, high) for start in x])
    goal = high if high is not None else low
    assert goal is not None
    return np.array([law.mean_passage(float(start), goal) for start in x])


def _by_simulation(
    results: Any, x: FloatArray, ends: tuple[float | None, float | None], spread: Spread,
    alpha: float, *, component: int, n_paths: int, max_time: float | None,
    random_state: RandomState,
) -> DerivedTable:  # fmt: skip
    from stochtext.simulation.first_passage import first_passage_times

    dt = results.record.dt_min / _STEPS
    limit = check_positive(
        "max_time", results.record.dt_max * 1e4 if max_time is None else max_time
    )
    seed = int(generator(random_state, "passages").integers(2**31))
    asked: dict[str, Any] = {
        "lower": ends[0], "upper": ends[1], "dt": dt, "max_time": limit, "component": component,
    }  # fmt: skip
    passages = first_passage_times(
        results.process, x[0], n_paths=n_paths, random_state=seed, **asked
    )
    estimate, error = passages.restricted_mean()
    late = float(passages.censored.mean())
    reason = ""
    if late:
        reason = f"{100 * late:.3g} % of the paths had not arrived at {limit:g}: a lower bound"
    each = max(n_paths // 10, 100)
    # Noise of its own for every draw: what the draws share could not be told from the spread.
    means = [
        first_passage_times(
            process, x[0], n_paths=each, random_state=seed + 1 + k, **asked
        ).restricted_mean()
        for k, process in enumerate(spread.processes[:_MOST_DRAWS])
    ]
    se, low, high = _between(estimate, np.array(means).reshape(-1, 2), spread, alpha)
    if late:
        se = low = high = np.nan
    elif np.isnan(se) and spread.reason is None:
        reason = "the noise of the simulation hides that of the estimates; use more `n_paths`"
    frame = pd.DataFrame(
        {"time": [estimate], "simulation_se": [error], "se": [se], "lower": [low],
         "upper": [high], "reason": [reason or spread.reason or ""]},
        index=pd.Index([", ".join(f"{v:.4g}" for v in x[0])], name="start"),
    )  # fmt: skip
    note = f"The mean is over {n_paths} simulated paths, with step {dt:.3g}."
    return DerivedTable(frame, _title(ends), (spread.describe(), note))


def _between(
    estimate: float, means: FloatArray, spread: Spread, alpha: float
) -> tuple[float, float, float]:
    """Return error and interval on the log scale, the noise of simulation taken out."""
    from scipy import stats

    if len(means) < 2 or not estimate > 0:
        return np.nan, np.nan, np.nan
    noise = np.mean((means[:, 1] / means[:, 0]) ** 2)
    variance = np.log(means[:, 0]).var(ddof=1) - noise
    if not variance > 0:
        return np.nan, np.nan, np.nan
    spread_of_log = np.sqrt(variance)
    half = stats.t.ppf(1 - alpha / 2, spread.df) * spread_of_log
    ends = estimate * np.exp([-half, half])
    return float(estimate * spread_of_log), float(ends[0]), float(ends[1])


def _title(ends: tuple[float | None, float | None]) -> str:
    return "Mean first passage time to " + " or ".join(f"{e:g}" for e in ends if e is not None)
