"""By what held-out forecasts are scored: log density, CRPS or energy score, h steps ahead.

Law: every score is proper and oriented so that larger is better; what one model is scored on,
every model is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import BoolArray, FloatArray
from stochtext._shared.validation import check_choice, check_integer
from stochtext.trajectories.panel import Trajectories

__all__ = ["SCORINGS", "Rule", "has_horizon"]

SCORINGS = ("log", "crps", "energy")
_TITLES = {
    "log": "log density [nats]",
    "crps": "minus CRPS, mean over coordinates",
    "energy": "minus energy score",
}


@dataclass(frozen=True)
class Rule:
    """A proper score of the forecast of a state.

    Attributes
    ----------
    name : {"log", "crps", "energy"}
    horizon : int
        Steps ahead.
    n_samples : int
        Sampled paths behind each forecast, where its law is not known.
    """

    name: str = "log"
    horizon: int = 1
    n_samples: int = 200

    @classmethod
    def checked(cls, scoring: Any, horizon: Any, n_samples: Any) -> Rule:
        """Return the rule of these arguments of ``compare``."""
        return cls(
            check_choice("scoring", scoring, SCORINGS),
            check_integer("horizon", horizon, minimum=1),
            check_integer("n_samples", n_samples, minimum=10),
        )

    @property
    def is_density(self) -> bool:
        """Whether scores are log densities, which change with the coordinates."""
        return self.name == "log"

    @property
    def title(self) -> str:
        """What the table shows."""
        ahead = "per transition" if self.horizon == 1 else f"{self.horizon} steps ahead"
        return f"Held-out {_TITLES[self.name]} {ahead}"

    @property
    def unit(self) -> str:
        """In what scores are told in a sentence."""
        if self.is_density and self.horizon == 1:
            return "nats per transition"
        word = "nats" if self.is_density else _TITLES[self.name].partition(",")[0]
        return f"{word}, {self.horizon} step{'s' if self.horizon > 1 else ''} ahead"

    @property
    def short(self) -> str:
        """A name for the axis of a picture."""
        word = {"log": "log density", "crps": "minus CRPS", "energy": "minus energy score"}
        return f"held-out {word[self.name]}, {self.horizon} step(s) ahead"

    def score(self, estimator: Any, test: Trajectories, undo: list[Any], seed: int) -> FloatArray:
        """Return the score of every transition's state ``horizon`` steps ahead.

        Parameters
        ----------
        estimator : fitted estimator
        test : Trajectories
            In the coordinates of the estimator.
        undo : list of transformers
            Invertible ones between the data and the estimator, the last one first.
        seed : int

        Returns
        -------
        ndarray of shape (n_transitions,)
            NaN where the trajectory ends before.
        """
        if self.is_density and self.horizon == 1:
            return np.asarray(estimator.score_transitions(test), dtype=np.float64)
        results = getattr(estimator, "results_", None)
        if not hasattr(results, "get_prediction"):
            raise InputError(
                f"scoring={self.name!r} with horizon={self.horizon} needs forecasts, which "
                f"{type(estimator).__name__} does not give: it has no results_.get_prediction."
            )
        if self.is_density:
            from stochtext.results.inference.forecasting.densities import horizon_log_density

            return horizon_log_density(results, test, self.horizon, self.n_samples, seed)
        return self._distance(results, test, undo, seed)

    def _distance(self, results: Any, test: Trajectories, undo: list[Any], seed: int) -> FloatArray:
        from stochtext.diagnostics.proper_scores import crps_of_samples, energy_score_of_samples

        forecast = results.get_prediction(
            test, horizons=(self.horizon,), origin="every", n_samples=self.n_samples, n_draws=0,
            random_state=seed,
        )  # fmt: skip
        samples = _undone(forecast.fitted_samples[:, 0], undo)
        seen = _undone(forecast.observed[:, 0], undo)
        if self.name == "crps":
            return -crps_of_samples(samples, seen).mean(axis=-1)
        return -energy_score_of_samples(samples, seen)


def has_horizon(panel: Trajectories, horizon: int) -> BoolArray:
    """Return which transitions start where a trajectory has ``horizon`` more states."""
    count = panel.lengths - 1
    left = np.concatenate([np.arange(n, 0, -1) for n in count])
    return np.asarray(left >= horizon)


def _undone(values: FloatArray, undo: list[Any]) -> FloatArray:
    """Return states in the coordinates of the data."""
    flat = values.reshape(-1, values.shape[-1])
    known = np.isfinite(flat).all(axis=1)
    rows = flat[known]
    for step in undo:
        rows = np.asarray(step.inverse_transform(rows))
    moved = np.full((len(flat), rows.shape[1]), np.nan)
    moved[known] = rows
    return moved.reshape(*values.shape[:-1], rows.shape[1])
