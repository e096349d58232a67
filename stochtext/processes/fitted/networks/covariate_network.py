"""Networks that see the covariates of a trajectory beside its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext.processes.base import Process
from stochtext.processes.fitted.extrapolated import ExtrapolatedProcess
from stochtext.processes.fitted.networks.covariate_coding import CovariateCoding
from stochtext.processes.fitted.networks.network import NetworkProcess
from stochtext.processes.support import Support

if TYPE_CHECKING:
    from typing_extensions import Self

    from stochtext.processes.compiled.source import CoefficientSource

__all__ = ["CovariateNetwork", "at_covariates"]


def at_covariates(arrays: Mapping[str, ArrayLike], row: FloatArray) -> dict[str, FloatArray]:
    """Return networks of the state alone: those of ``arrays`` with the last inputs held.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        As for :class:`NetworkProcess`, with ``len(row)`` further inputs at the end of
        ``centre``, ``spread`` and ``drift.slope``. The first layer of a network sees as many
        inputs as its weights have rows, which may leave out the last ones.
    row : ndarray of shape (k,)
        Values of the further inputs.
    """
    found = {name: np.asarray(array, dtype=np.float64) for name, array in arrays.items()}
    base = len(found["centre"]) - len(row)
    z = (row - found["centre"][base:]) / found["spread"][base:]
    held = np.einsum("k,mkd->md", z, found["drift.slope"][:, base:])
    found["drift.intercept"] = found["drift.intercept"] + held[:, None]
    found["drift.slope"] = found["drift.slope"][:, :base]
    for room in ("drift", "covariance"):
        weight = found.get(f"{room}.layer0.weight")
        if weight is not None:
            bias, seen = f"{room}.layer0.bias", weight[:, base:]
            held = np.einsum("k,mkh->mh", z[: seen.shape[1]], seen)
            found[bias] = found[bias] + held[:, None]
            found[f"{room}.layer0.weight"] = weight[:, :base]
    for name in ("centre", "spread"):
        found[name] = found[name][:base]
    return found


class CovariateNetwork(Process):
    """Drift and covariance rate that also depend on covariates of the trajectory.

    As a process it stands at the reference: the means of the covariates and the average of
    the groups. ``at`` gives the process at other values.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Parameters as in ``at_covariates``.
    coding : CovariateCoding
    form, clock : str
        As for :class:`NetworkProcess`.
    outside : mapping of str to ndarray, optional
        Parameters of the continuation where ``support`` does not contain the state.
    support : Support, optional
        With ``outside``.
    """

    type_name = "covariate_network"

    def __init__(
        self,
        arrays: Mapping[str, ArrayLike],
        coding: CovariateCoding,
        *,
        form: str = "full",
        clock: str = "time",
        outside: Mapping[str, ArrayLike] | None = None,
        support: Support | None = None,
    ) -> None:
        if (outside is None) != (support is None):
            raise InputError("`outside` and `support` of a CovariateNetwork come together.")
        self._arrays = {k: np.array(v, dtype=np.float64) for k, v in arrays.items()}
        self._outside = None if outside is None else dict(outside)
        self._form, self.coding, self.support = form, coding, support
        self._clock_name = clock
        #: The process at the reference.
        self.inside = self.at()
        one = self.inside
        super().__init__(
            dim=one.dim, noise=one.noise, noise_dim=one.noise_dim or one.dim, clock=one.clock
        )

    def at(self, values: Mapping[str, Any] | None = None) -> Process:
        """Return the process at values of the covariates.

        Parameters
        ----------
        values : mapping of name to number or label, optional
            As in :meth:`CovariateCoding.row`.
        """
        return self.at_row(self.coding.row(values))

    def at_row(self, row: FloatArray) -> Process:
        """Return the process at one row of columns of the coding."""
        inside = self._network(self._arrays, row, self._form)
        if self._outside is None or self.support is None:
            return inside
        return ExtrapolatedProcess(inside, self._network(self._outside, row, "full"), self.support)

    def _network(
        self, arrays: Mapping[str, ArrayLike], row: FloatArray, form: str
    ) -> NetworkProcess:
        return NetworkProcess(at_covariates(arrays, row), form=form, clock=self._clock_name)

    @property
    def arrays(self) -> Mapping[str, FloatArray]:
        """Units and parameters by name, with the further inputs."""
        return dict(self._arrays)

    def held_weights(self, weights: FloatArray, row: FloatArray) -> FloatArray:
        """Return weights (..., F) of features of all inputs as weights of those of the state.

        Parameters
        ----------
        weights : ndarray of shape (..., F)
            Of 1, all standardised inputs, and further features.
        row : ndarray of shape (k,)
            Values of the further inputs.
        """
        p, base = len(self._arrays["centre"]), len(self._arrays["centre"]) - len(row)
        z = (row - self._arrays["centre"][base:]) / self._arrays["spread"][base:]
        constant = weights[..., :1] + (weights[..., 1 + base : 1 + p] @ z)[..., None]
        parts = [constant, weights[..., 1 : 1 + base], weights[..., 1 + p :]]
        return np.concatenate(parts, axis=-1)

    @property
    def autonomous(self) -> bool:
        """Whether t is not among the inputs."""
        return self.inside.autonomous

    def covariance(self, x: ArrayLike, t: ArrayLike = 0.0) -> FloatArray:
        """Return the covariance rate at the reference, shape (n, d, d)."""
        return self.inside.covariance(x, t)

    def machine_code(self, prefix: str = "") -> CoefficientSource | None:
        """Return the coefficients at the reference as source text for the compiler."""
        return self.inside.machine_code(prefix)

    def _drift(self, x: FloatArray, t: FloatArray) -> FloatArray:
        return self.inside.drift(x, t)

    def _diffusion(self, x: FloatArray, t: FloatArray) -> FloatArray:
        return self.inside.diffusion(x, t)

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return a JSON-able description and the arrays it refers to."""
        config: dict[str, Any] = {
            "type": self.type_name,
            "form": self._form,
            "clock": self._clock_name,
            "coding": self.coding.to_dict(),
            "support": None,
        }
        arrays = {f"inside.{name}": array for name, array in self._arrays.items()}
        if self._outside is not None and self.support is not None:
            config["support"], own = self.support.to_dict()
            arrays |= {f"outside.{k}": np.asarray(v) for k, v in self._outside.items()}
            arrays |= {f"support.{k}": v for k, v in own.items()}
        return config, arrays

    @classmethod
    def from_dict(cls, config: Mapping[str, Any], arrays: Mapping[str, FloatArray]) -> Self:
        """Restore a process from what ``to_dict`` returned."""

        def own(part: str) -> dict[str, FloatArray]:
            start = f"{part}."
            return {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}

        held = config["support"]
        return cls(
            own("inside"),
            CovariateCoding.from_dict(config["coding"]),
            form=config["form"],
            clock=config["clock"],
            outside=None if held is None else own("outside"),
            support=None if held is None else Support.from_dict(held, own("support")),
        )

    def __repr__(self) -> str:
        return f"CovariateNetwork({self.inside!r} at {', '.join(self.coding.variables)})"
