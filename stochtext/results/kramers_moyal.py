"""Results of a Kramers-Moyal fit: curves, and the table of coefficients behind them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process
from stochtext.results.functional import FunctionalResults, frame_from_dict, frame_to_dict

__all__ = ["KramersMoyalResults"]


class KramersMoyalResults(FunctionalResults):
    """Results with the table of coefficients.

    Parameters
    ----------
    *parts
        As :class:`stochtext.results.FunctionalResults`.
    coefficients : DataFrame
        One row a bin (or a state, for kernel averages): position, count, D1 with its
        standard error, D2 with its standard error, higher orders, Pawula ratio.
    **tables
        As :class:`stochtext.results.FunctionalResults`.
    """

    kind = "kramers-moyal"

    def __init__(self, *parts: Any, coefficients: pd.DataFrame, **tables: Any) -> None:
        super().__init__(*parts, **tables)
        self.coefficients = coefficients

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return JSON-able values and arrays that restore the results."""
        config, arrays = super().to_dict()
        config["coefficients"] = frame_to_dict(self.coefficients)
        return config, arrays

    @classmethod
    def _own_parts(
        cls, config: dict[str, Any], arrays: dict[str, FloatArray], process: Process
    ) -> dict[str, Any]:
        own = super()._own_parts(config, arrays, process)
        return {**own, "coefficients": frame_from_dict(config["coefficients"])}
