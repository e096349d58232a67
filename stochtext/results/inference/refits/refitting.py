"""The estimator and the data behind a fit, for what needs further fits.

Law of this file: it knows no estimator, only what every one can do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray, Refittable
from stochtext.processes.base import Process
from stochtext.trajectories.panel import Trajectories

__all__ = ["Refitting"]


@dataclass(frozen=True)
class Refitting:
    """What a fit was made from.

    Attributes
    ----------
    estimator : Refittable
        An unfitted one with the same settings.
    panel : Trajectories
    weight : ndarray of shape (m,) or None
        One weight a trajectory; None if all are one.
    """

    estimator: Refittable
    panel: Trajectories
    weight: FloatArray | None

    @classmethod
    def of(
        cls, estimator: Refittable, panel: Trajectories, transition_weight: FloatArray
    ) -> Refitting:
        """Return it for an estimator with its settings of now.

        Parameters
        ----------
        estimator : Refittable
        panel : Trajectories
        transition_weight : ndarray of shape (n_transitions,)
            Weight of each transition: that of its trajectory.
        """
        weight = None
        if not np.all(transition_weight == 1.0):
            first = panel.offsets[:-1] - np.arange(panel.n_trajectories)
            weight = transition_weight[first]
        return cls(_like(estimator, {}), panel, weight)

    def fit(
        self,
        panel: Trajectories | None = None,
        weight: FloatArray | None = None,
        **settings: Any,
    ) -> Any:
        """Return the results of a fit with other data, weights or settings.

        Parameters
        ----------
        panel : Trajectories, optional
            Default: the data of the fit.
        weight : ndarray of shape (m,), optional
            Default: the weights of the fit.
        **settings
            Those that the estimator does not have are left out.
        """
        known = self.estimator.get_params(deep=False)
        estimator = _like(self.estimator, {k: v for k, v in settings.items() if k in known})
        weight = self.weight if weight is None else weight
        options = {} if weight is None else {"sample_weight": weight}
        return estimator.fit(self.panel if panel is None else panel, **options).results_

    def restricted(self, process: Process, values: Mapping[str, float]) -> Any:
        """Return the results of the fit with some entries held at given values.

        Parameters
        ----------
        process : Process
            Where the search for the others starts.
        values : mapping of str to float
            By the names of ``process.free_parameters``.

        Raises
        ------
        InputError
            If the estimator cannot hold parameters.
        """
        settings = self.estimator.get_params(deep=False)
        if not {"fixed", "start"} <= set(settings):
            raise InputError(
                f"{type(self.estimator).__name__} cannot hold parameters fixed, which this needs. "
                "Fit the same process with ParametricSDE."
            )
        held = settings["fixed"]
        held = (held,) if isinstance(held, str) else tuple(held)
        return self.fit(
            start=_start(process, values), fixed=(*held, *values), n_starts=1,
            cov_type="nonrobust",
        )  # fmt: skip


def _like(estimator: Refittable, settings: Mapping[str, Any]) -> Any:
    return type(estimator)(**{**estimator.get_params(deep=False), **settings})


def _start(process: Process, values: Mapping[str, float]) -> dict[str, Any]:
    vector = process.to_vector()
    names = list(process.free_parameters)
    for name, value in values.items():
        vector[names.index(name)] = value
    return dict(process.from_vector(vector).params)
