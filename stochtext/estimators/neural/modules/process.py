"""A process whose coefficients are averages of trained modules, evaluated by torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext.estimators.neural.modules.user_modules import ModuleModel
from stochtext.estimators.neural.networks.preparation import Scaling
from stochtext.processes.base import Process

__all__ = ["ModuleProcess"]


class ModuleProcess(Process):
    """Drift and covariance rate, averages over trained models.

    It runs wherever torch does and is simulated through NumPy; it cannot be written to a file,
    because a file holds no code. Save the modules' ``state_dict`` instead.

    Parameters
    ----------
    models : sequence of ModuleModel
    scaling : Scaling
    clock : {"time", "relative"}
    """

    type_name = "modules"

    def __init__(self, models: Sequence[ModuleModel], scaling: Scaling, clock: str) -> None:
        self._models, self._scaling = list(models), scaling
        self._dim = len(scaling.drift_unit)
        self._timed = len(scaling.centre) > self._dim
        varies = any(m.diffusion_module is not None for m in self._models)
        super().__init__(
            dim=self._dim, noise="general" if varies else "additive", noise_dim=self._dim,
            clock=clock,
        )  # fmt: skip

    @property
    def autonomous(self) -> bool:
        """Whether t is not among the inputs."""
        return not self._timed

    def covariance(self, x: ArrayLike, t: ArrayLike = 0.0) -> FloatArray:
        """Return the covariance rate a(t, x), an array of shape (n, d, d)."""
        states, times = self._checked(x, t)
        factors = self._evaluated(states, times, 1) * self._spread[:, None]
        rate: FloatArray = (factors @ factors.swapaxes(-1, -2)).mean(axis=0)
        return rate

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Refuse: a file holds no code.

        Raises
        ------
        InputError
        """
        raise InputError(
            "A process of user-written modules cannot be stored, because a file holds no code. "
            "Save the `state_dict()` of each module in `modules_`, or pickle the "
            "estimator."
        )

    @property
    def _spread(self) -> FloatArray:
        return self._scaling.spread[: self._dim]

    def _drift(self, x: FloatArray, t: FloatArray) -> FloatArray:
        mean: FloatArray = self._evaluated(x, t, 0).mean(axis=0) * self._spread
        return mean

    def _diffusion(self, x: FloatArray, t: FloatArray) -> FloatArray:
        return np.asarray(np.linalg.cholesky(self.covariance(x, t)), dtype=np.float64)

    def _evaluated(self, x: FloatArray, t: FloatArray, part: int) -> FloatArray:
        """Return drift (0) or factor (1) of each model in standardised states."""
        import torch

        z = (x - self._scaling.centre[: self._dim]) / self._spread
        found = []
        with torch.no_grad():
            for model in self._models:
                device = model.linear["slope"].device
                arguments = (torch.as_tensor(a, dtype=torch.float64, device=device) for a in (z, t))
                found.append(model.coefficients(*arguments)[part].cpu().numpy())
        return np.stack(found)
