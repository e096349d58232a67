"""The likelihood of processes that know the derivative of their exact log density."""

from __future__ import annotations

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.transitions.likelihood import DifferenceLikelihood

__all__ = ["ScoreLikelihood"]


class ScoreLikelihood(DifferenceLikelihood):
    """A likelihood whose gradient is the sum of the scores that the process gives.

    A family without a formula for its score is differentiated numerically.
    """

    def value_and_gradient(self, vector: FloatArray) -> tuple[float, FloatArray]:
        """Return the negative weighted log likelihood and its exact gradient."""
        value = self.value(vector)
        if not np.isfinite(value):
            return np.inf, np.full(len(vector), np.nan)
        scores = self._exact_scores(vector)
        if scores is None:
            return super().value_and_gradient(vector)
        return value, -scores.sum(axis=0)

    def scores(self, vector: FloatArray) -> FloatArray:
        """Return the weighted score of each row."""
        scores = self._exact_scores(vector)
        return super().scores(vector) if scores is None else scores

    def _exact_scores(self, vector: FloatArray) -> FloatArray | None:
        x, x_next, t = self._steps
        try:
            with np.errstate(all="ignore"):
                process = self._family.from_vector(vector)
                scores = process.transition_score(x, x_next, self._dt, t, self._clock_dt)  # type: ignore[attr-defined]
        except InputError:
            return np.full((len(x), len(vector)), np.nan)
        if scores is None or self._weight is None:
            return scores
        with np.errstate(invalid="ignore"):
            weight = self._weight[:, None]
            return np.where(weight > 0.0, weight * scores, 0.0)
