"""What was fitted to what: the plain facts that head every summary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from stochtext.trajectories.panel import Trajectories

__all__ = ["FitRecord"]


@dataclass(frozen=True)
class FitRecord:
    """The facts of a fit.

    Attributes
    ----------
    model : str
        Name of the estimator.
    density : str
        Transition density that weighs the data: ``"exact"``, ``"euler"``, ...
    llf : float
        Log likelihood: the sum of the log transition densities.
    nobs : int
        Number of transitions.
    n_trajectories : int
    dim : int
        Number of coordinates d.
    columns : tuple of str
    clock : {"time", "relative"}
    dt_min, dt_max : float
        Shortest and longest sampling interval.
    time_unit : str or None
    converged : bool
    df_model : float
        Number of estimated parameters, or effective degrees of freedom; NaN if unknown.
    details : tuple of (str, object)
        Further labelled values for the head of the summary.
    notes : tuple of str
        Sentences below the tables.
    """

    model: str
    density: str
    llf: float
    nobs: int
    n_trajectories: int
    dim: int
    columns: tuple[str, ...]
    clock: str
    dt_min: float
    dt_max: float
    time_unit: str | None
    converged: bool
    df_model: float
    details: tuple[tuple[str, Any], ...] = ()
    notes: tuple[str, ...] = field(default=())

    @classmethod
    def of_panel(
        cls,
        panel: Trajectories,
        *,
        model: str,
        density: str,
        llf: float | Callable[[], float],
        clock: str = "time",
        converged: bool = True,
        df_model: float = float("nan"),
        details: tuple[tuple[str, Any], ...] = (),
        notes: tuple[str, ...] = (),
        nobs: int | None = None,
    ) -> FitRecord:
        """Return the record of a fit to ``panel``; a callable ``llf`` is called when asked."""
        dt = panel.transitions().dt if panel.dt is None else panel.dt
        kind = _LaterRecord if callable(llf) else cls
        return kind(
            model=model,
            density=density,
            llf=llf if callable(llf) else float(llf),  # type: ignore[arg-type]
            nobs=panel.n_transitions if nobs is None else nobs,
            n_trajectories=panel.n_trajectories,
            dim=panel.n_features,
            columns=tuple(map(str, panel.columns)),
            clock=clock,
            dt_min=float(np.min(dt)),
            dt_max=float(np.max(dt)),
            time_unit=panel.time_unit,
            converged=bool(converged),
            df_model=float(df_model),
            details=details,
            notes=notes,
        )

    @property
    def common_dt(self) -> float | None:
        """The sampling interval if there is only one, else None."""
        return self.dt_min if np.isclose(self.dt_min, self.dt_max, rtol=1e-9, atol=0) else None

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON-able values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> FitRecord:
        """Return the record stored by :meth:`to_dict`."""
        plain = dict(values)
        plain["columns"] = tuple(plain["columns"])
        plain["details"] = tuple((str(name), value) for name, value in plain["details"])
        plain["notes"] = tuple(plain["notes"])
        return cls(**plain)


class _LaterRecord(FitRecord):
    """A record whose log likelihood is computed when it is first asked for."""

    @property
    def llf(self) -> float:
        """Log likelihood: the sum of the log transition densities."""
        value = self.__dict__["_llf"]
        if callable(value):
            value = self.__dict__["_llf"] = float(value())
        return float(value)

    @llf.setter
    def llf(self, value: float | Callable[[], float]) -> None:
        self.__dict__["_llf"] = value

    def __getstate__(self) -> dict[str, Any]:
        # A copy or a file has the number, and not the data that it comes from.
        return {**self.__dict__, "_llf": self.llf}
