"""A process whose drift and covariance rate are averages of small networks, in plain NumPy.

It evaluates what was learned; learning happens elsewhere, and nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import check_choice
from stochtext.processes.base import Process
from stochtext.processes.compiled.network_source import network_source

if TYPE_CHECKING:
    from typing_extensions import Self

    from stochtext.processes.compiled.source import CoefficientSource

__all__ = ["COVARIANCE_FORMS", "LOG_SCALE_BOUND", "NetworkProcess"]

COVARIANCE_FORMS = ("full", "constant-correlation", "diagonal")
LOG_SCALE_BOUND = 5.0
# Bounds the memory of hidden layers when many states are evaluated at once.
_CHUNK = 16_384
_SCALING = ("centre", "spread", "drift_unit", "noise_unit")
_LINEAR = ("drift.slope", "drift.intercept", "covariance.log_scale", "covariance.lower")


class NetworkProcess(Process):
    """Drift and covariance rate of an ensemble of M networks with a linear part.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Units: ``centre``, ``spread`` of shape (p,) for the inputs, ``drift_unit``,
        ``noise_unit`` of shape (d,). Linear part, with the M members first:
        ``drift.slope`` (M, p, d), ``drift.intercept`` (M, 1, d),
        ``covariance.log_scale`` (M, 1, d), ``covariance.lower`` (M, 1, d (d - 1) / 2).
        Hidden layers: ``drift.layer0.weight`` (M, p, h), ``drift.layer0.bias`` (M, 1, h)
        and so on; the last layer of a network has a weight and no bias. The same for
        ``covariance``; a network without layers is left out. Further names are ignored.
    form : {"full", "constant-correlation", "diagonal"}, default "full"
        What of the covariance rate the network moves.
    clock : {"time", "relative"}, default "time"
        What t is, for networks with p = d + 1 inputs, of which the last is t.

    Notes
    -----
    With z the standardised inputs and averages over the members m,

    ``b(x, t) = drift_unit * mean_m [intercept_m + z slope_m + f_m(z)]``,
    ``a(x, t) = N mean_m [L_m L_m'] N`` with ``N = diag(noise_unit)`` and
    ``L_m = diag(exp(log_scale_m + 5 tanh(g_m(z) / 5))) (I + lower_m + h_m(z))``,

    where h is the strictly lower triangle by rows and is present for the form "full".

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.processes.fitted.networks.network import NetworkProcess
    >>> one = np.ones(1)
    >>> process = NetworkProcess({
    ...     "centre": 0 * one, "spread": one, "drift_unit": one, "noise_unit": 0.5 * one,
    ...     "drift.slope": -np.ones((1, 1, 1)), "drift.intercept": np.zeros((1, 1, 1)),
    ...     "covariance.log_scale": np.zeros((1, 1, 1)),
    ...     "covariance.lower": np.zeros((1, 1, 0)),
    ... })
    >>> process.drift([[2.0]]), process.covariance([[2.0]])
    (array([[-2.]]), array([[[0.25]]]))
    """

    type_name = "network"

    def __init__(
        self, arrays: Mapping[str, ArrayLike], *, form: str = "full", clock: str = "time"
    ) -> None:
        own = {k: np.array(v, dtype=np.float64) for k, v in arrays.items() if _is_known(k)}
        _check_arrays(own)
        for array in own.values():
            array.flags.writeable = False
        self._arrays = own
        self._form = check_choice("form", form, COVARIANCE_FORMS)
        dim = len(own["drift_unit"])
        varies = "covariance.layer0.weight" in own
        noise = "additive" if not varies else "diagonal" if form == "diagonal" else "general"
        super().__init__(dim=dim, noise=noise, noise_dim=dim, clock=clock)

    @property
    def arrays(self) -> Mapping[str, FloatArray]:
        """Units and parameters by name, read-only."""
        return dict(self._arrays)

    @property
    def form(self) -> str:
        """What of the covariance rate the network moves."""
        return self._form

    @property
    def n_members(self) -> int:
        """Number of networks that are averaged."""
        return len(self._arrays["drift.intercept"])

    @property
    def autonomous(self) -> bool:
        """Whether t is not among the inputs."""
        return len(self._arrays["centre"]) == len(self._arrays["drift_unit"])

    def members(self) -> list[Self]:
        """Return the members of the ensemble as processes of their own."""
        parts = [
            {k: v if k in _SCALING else v[m : m + 1] for k, v in self._arrays.items()}
            for m in range(self.n_members)
        ]
        return [type(self)(part, form=self._form, clock=self.clock) for part in parts]

    def covariance(self, x: ArrayLike, t: ArrayLike = 0.0) -> FloatArray:
        """Return the covariance rate a(t, x), an array of shape (n, d, d).

        Parameters
        ----------
        x : array_like of shape (n, d)
            States.
        t : float or array_like of shape (n,), default 0.0
            Time on the clock of the process.
        """
        states, times = self._checked(x, t)
        return self._by_chunks(self._covariance, states, times)

    def machine_code(self, prefix: str = "") -> CoefficientSource:
        """Return the coefficients as source text for the compiler."""
        constant = None
        if self.noise == "additive":
            constant = self.diffusion(np.zeros((1, len(self._arrays["drift_unit"]))))[0]
        return network_source(prefix, self._arrays, self._form, constant)

    def _drift(self, x: FloatArray, t: FloatArray) -> FloatArray:
        return self._by_chunks(self._mean_drift, x, t)

    def _diffusion(self, x: FloatArray, t: FloatArray) -> FloatArray:
        factor = np.linalg.cholesky(self._by_chunks(self._covariance, x, t))
        return np.asarray(factor, dtype=np.float64)

    def _by_chunks(self, evaluate: Any, x: FloatArray, t: FloatArray) -> FloatArray:
        inputs = x if self.autonomous else np.column_stack([x, t])
        z = (inputs - self._arrays["centre"]) / self._arrays["spread"]
        parts = [evaluate(z[k : k + _CHUNK]) for k in range(0, max(len(z), 1), _CHUNK)]
        return np.concatenate(parts)

    def _mean_drift(self, z: FloatArray) -> FloatArray:
        a = self._arrays
        drift = a["drift.intercept"] + z @ a["drift.slope"] + self._network("drift", z)
        return a["drift_unit"] * drift.mean(axis=0)

    def _covariance(self, z: FloatArray) -> FloatArray:
        a, dim = self._arrays, len(self._arrays["noise_unit"])
        out = self._network("covariance", z)
        moved = LOG_SCALE_BOUND * np.tanh(out[..., :dim] / LOG_SCALE_BOUND)
        scale = np.exp(a["covariance.log_scale"] + moved) * a["noise_unit"]
        factor = np.zeros((self.n_members, len(z), dim, dim))
        factor[..., range(dim), range(dim)] = 1.0
        if self._form != "diagonal":
            rows, columns = np.tril_indices(dim, -1)
            lower = a["covariance.lower"]
            factor[..., rows, columns] = lower + out[..., dim:] if self._form == "full" else lower
        factor *= scale[..., None]
        return np.einsum("mnik,mnjk->nij", factor, factor) / self.n_members

    def _network(self, room: str, z: FloatArray) -> FloatArray:
        """Return the outputs of one network of every member, (M, n, outputs), or zeros."""
        depth = sum(1 for name in self._arrays if name.startswith(f"{room}.layer")) // 2
        if f"{room}.layer0.weight" not in self._arrays:
            low = self._arrays["covariance.lower"].shape[2] if room == "covariance" else 0
            return np.zeros((self.n_members, len(z), len(self._arrays["drift_unit"]) + low))
        hidden = np.broadcast_to(z, (self.n_members, *z.shape))
        for k in range(depth):
            weight = self._arrays[f"{room}.layer{k}.weight"]
            hidden = np.tanh(hidden @ weight + self._arrays[f"{room}.layer{k}.bias"])
        return hidden @ self._arrays[f"{room}.layer{depth}.weight"]

    def _settings(self) -> dict[str, Any]:
        return {"form": self._form, "clock": self.clock}

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return a JSON-able description and the arrays it refers to."""
        return {"type": self.type_name, **self._settings()}, dict(self._arrays)

    @classmethod
    def from_dict(cls, config: Mapping[str, Any], arrays: Mapping[str, FloatArray]) -> Self:
        """Restore a process from what ``to_dict`` returned."""
        return cls(arrays, form=config["form"], clock=config["clock"])

    def __repr__(self) -> str:
        inputs = "x" if self.autonomous else "x, t"
        parts = [
            f"{room}: {self._shape_of(room) or simple}"
            for room, simple in (("drift", "linear"), ("covariance", "constant"))
        ]
        return (
            f"NetworkProcess({self.dim} coordinate(s), inputs {inputs}, "
            f"{self.n_members} member(s), {', '.join(parts)})"
        )

    def _shape_of(self, room: str) -> str:
        start, end = f"{room}.layer", ".bias"
        biases = [v for k, v in self._arrays.items() if k.startswith(start) and k.endswith(end)]
        return "network " + "x".join(str(b.shape[2]) for b in biases) if biases else ""


def _is_known(name: str) -> bool:
    return name in _SCALING or name in _LINEAR or ".layer" in name


def _check_arrays(arrays: Mapping[str, FloatArray]) -> None:
    missing = [name for name in (*_SCALING, *_LINEAR) if name not in arrays]
    if missing:
        raise InputError(f"A NetworkProcess needs the arrays {', '.join(missing)}.")
    bad = [name for name, array in arrays.items() if not np.all(np.isfinite(array))]
    if bad:
        raise InputError(f"The arrays {', '.join(bad)} of a NetworkProcess must be finite.")
    if not len(arrays["drift_unit"]) <= len(arrays["centre"]) <= len(arrays["drift_unit"]) + 1:
        raise InputError(
            f"A NetworkProcess in {len(arrays['drift_unit'])} dimension(s) takes the state and at "
            f"most the time as inputs; `centre` has {len(arrays['centre'])} entries."
        )
