"""What knows the uncertainty of fitted curves, or says why there is none."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process

__all__ = ["CurveErrors", "CurveTriple", "NoErrors"]

CurveTriple = tuple[FloatArray, FloatArray, str | None]


class CurveErrors(Protocol):
    """What knows the uncertainty of fitted curves.

    ``drift`` and ``covariance`` return estimate, standard error and, where the
    latter is NaN, the reason. ``interval_centre`` returns the bias-corrected
    estimate on which intervals are centred.
    """

    def drift(self, x: FloatArray, t: FloatArray) -> CurveTriple:
        """Return the drift at states (n, d)."""

    def covariance(self, x: FloatArray, t: FloatArray) -> CurveTriple:
        """Return the covariance rate at states (n, d)."""

    def interval_centre(self, x: FloatArray, t: FloatArray, which: str) -> FloatArray:
        """Return the centre of the intervals of ``"drift"`` or ``"covariance"``."""

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return JSON-able values and arrays that restore the object."""


class NoErrors:
    """Curves without standard errors, and why.

    Parameters
    ----------
    process : Process
    reason : str
    """

    kind = "none"

    def __init__(self, process: Process, reason: str) -> None:
        self.process = process
        self.reason = reason

    def drift(self, x: FloatArray, t: FloatArray) -> CurveTriple:
        """Return the drift, NaN standard errors and the reason."""
        estimate = self.process.drift(x, t)
        return estimate, np.full_like(estimate, np.nan), self.reason

    def covariance(self, x: FloatArray, t: FloatArray) -> CurveTriple:
        """Return the covariance rate, NaN standard errors and the reason."""
        estimate = self.process.covariance(x, t)
        return estimate, np.full_like(estimate, np.nan), self.reason

    def interval_centre(self, x: FloatArray, t: FloatArray, which: str) -> FloatArray:
        """Return the estimate itself."""
        return self.drift(x, t)[0] if which == "drift" else self.covariance(x, t)[0]

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return what restores the object beside its process."""
        return {"kind": self.kind, "reason": self.reason}, {}

    @classmethod
    def from_dict(
        cls, config: dict[str, Any], arrays: dict[str, FloatArray], process: Process
    ) -> NoErrors:
        """Restore the object from what :meth:`to_dict` returned and the fitted process."""
        return cls(process, str(config["reason"]))
