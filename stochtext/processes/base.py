"""What every process has: dX = b(t, X) dt + sigma(t, X) dW, whoever wrote, named or fitted it.

Law of the room: a process is an immutable value. It knows no data, no scheme and no estimator.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from stochtext._shared.exceptions import InputError, SchemeError, UnspecifiedParameterError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_states, check_choice, per_state
from stochtext.processes.parameters import ParameterVector, shown

if TYPE_CHECKING:
    from typing_extensions import Self

    from stochtext.processes.compiled.source import CoefficientSource
    from stochtext.processes.compiled.tracing.formulas import TracedFormulas

__all__ = ["CLOCKS", "NOISE_TYPES", "Process", "per_state"]

NOISE_TYPES = ("additive", "diagonal", "general")
CLOCKS = ("time", "relative")


class Process(ABC):
    """An Itô diffusion dX = b(t, X) dt + sigma(t, X) dW in d dimensions with m noise sources.

    Parameters
    ----------
    dim : int or None
        Number of coordinates d; None while it is not known.
    noise : {"additive", "diagonal", "general"}
        How sigma depends on the state: not at all; as a diagonal matrix; in any way.
    noise_dim : int or None
        Number of noise sources m.
    params : mapping of str to float, ndarray or None, optional
        Values by name; None marks a value that is still to be estimated.
    clock : {"time", "relative"}, default "time"
        What the argument t is: the trajectory's own time, or the position
        u = (t - t_first) / (t_last - t_first) within the trajectory.

    Notes
    -----
    b is the *drift*, sigma the *diffusion*, a = sigma sigma^T the *covariance rate*.
    The Kramers-Moyal coefficients are D1 = b and D2 = a / 2.

    Subclasses implement ``_drift(x, t) -> (n, d)`` and ``_diffusion(x, t) -> (n, d, m)``
    for checked arrays x of shape (n, d) and t of shape (n,), or the public ``drift``,
    ``diffusion`` and ``covariance`` themselves.
    """

    type_name: ClassVar[str] = ""
    #: Matrix parameters that count only through their lower Cholesky factor.
    _cholesky_parameters: ClassVar[tuple[str, ...]] = ()

    _dim: int | None = None
    _noise: str = "general"
    _noise_dim: int | None = None
    _clock: str = "time"
    _params: Mapping[str, Any] = MappingProxyType({})

    def __init__(
        self,
        *,
        dim: int | None,
        noise: str,
        noise_dim: int | None,
        params: Mapping[str, Any] | None = None,
        clock: str = "time",
    ) -> None:
        self._dim = dim
        self._noise = check_choice("noise", noise, NOISE_TYPES)
        self._noise_dim = noise_dim
        self._clock = check_choice("clock", clock, CLOCKS)
        self._params = dict(params or {})

    # -- what the process is ---------------------------------------------------------------

    @property
    def dim(self) -> int | None:
        """Number of coordinates d, or None while it is not known."""
        return self._dim

    @property
    def noise(self) -> str:
        """How the diffusion depends on the state: "additive", "diagonal" or "general"."""
        return self._noise

    @property
    def noise_dim(self) -> int | None:
        """Number of independent noise sources m, or None while it is not known."""
        return self._noise_dim

    @property
    def clock(self) -> str:
        """What t means: "time", or "relative" for the position in [0, 1] in a trajectory."""
        return self._clock

    @property
    def autonomous(self) -> bool:
        """Whether the coefficients are known not to depend on t."""
        return False

    @property
    def domain(self) -> tuple[tuple[float, float], ...]:
        """Interval in which each coordinate lives: (low, high) pairs, empty while d is unknown."""
        return ((-np.inf, np.inf),) * (self.dim or 0)

    @property
    def commutative(self) -> bool:
        """Whether (sigma_p grad) sigma_q = (sigma_q grad) sigma_p is known to hold.

        Milstein's scheme then needs no Lévy areas.
        """
        return self._noise != "general" or self.noise_dim == 1

    @property
    def params(self) -> Mapping[str, Any]:
        """Parameter values by name, read-only; None for a value not given yet."""
        return MappingProxyType(self._params)

    @property
    def is_specified(self) -> bool:
        """Whether every parameter has a value."""
        return all(value is not None for value in self.params.values())

    # -- coefficients ----------------------------------------------------------------------

    def drift(self, x: ArrayLike, t: ArrayLike = 0.0) -> FloatArray:
        """Return the drift b(t, x).

        Parameters
        ----------
        x : array_like of shape (n, d)
            States. One state may be a scalar (d = 1) or have shape (d,).
        t : float or array_like of shape (n,), default 0.0
            Time on the clock of the process.

        Returns
        -------
        ndarray of shape (n, d)
            Expected change per unit of time.

        Raises
        ------
        UnspecifiedParameterError
            If some parameter has no value.
        InputError
            If shapes do not match.
        """
        states, times = self._checked(x, t)
        return self._drift(states, times)

    def diffusion(self, x: ArrayLike, t: ArrayLike = 0.0) -> FloatArray:
        """Return the diffusion sigma(t, x), an array of shape (n, d, m).

        Parameters
        ----------
        x : array_like of shape (n, d)
            States.
        t : float or array_like of shape (n,), default 0.0
            Time on the clock of the process.
        """
        states, times = self._checked(x, t)
        return self._diffusion(states, times)

    def covariance(self, x: ArrayLike, t: ArrayLike = 0.0) -> FloatArray:
        """Return the covariance rate a = sigma sigma^T, an array of shape (n, d, d).

        Parameters
        ----------
        x : array_like of shape (n, d)
            States.
        t : float or array_like of shape (n,), default 0.0
            Time on the clock of the process.
        """
        sigma = self.diffusion(x, t)
        return np.einsum("nik,njk->nij", sigma, sigma)

    @abstractmethod
    def _drift(self, x: FloatArray, t: FloatArray) -> FloatArray:
        """Return the drift at checked states and times."""

    @abstractmethod
    def _diffusion(self, x: FloatArray, t: FloatArray) -> FloatArray:
        """Return the diffusion at checked states and times."""

    def transition_moments(
        self,
        x: ArrayLike,
        dt: ArrayLike,
        t: ArrayLike = 0.0,
        clock_dt: ArrayLike | None = None,
    ) -> tuple[FloatArray, FloatArray] | None:
        """Return mean and covariance of the exact Gaussian transition, or None.

        Parameters
        ----------
        x : array_like of shape (n, d)
            States at the start of the step.
        dt : float or array_like of shape (n,)
            Length of the step in units of time.
        t : float or array_like of shape (n,), default 0.0
            Start of the step on the clock of the process.
        clock_dt : float or array_like of shape (n,), optional
            Length of the step on the clock of the process; for ``clock="time"``
            it equals ``dt`` and may be left out.

        Returns
        -------
        mean : ndarray of shape (n, d)
        covariance : ndarray of shape (n, d, d)
            None instead of the pair if the transition is not Gaussian or not known.
        """
        return None

    @property
    def exact_normals(self) -> int | None:
        """How many standard normals an exact step takes; None if there is no exact step."""
        return None

    def exact_step(
        self,
        x: FloatArray,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None,
        normals: FloatArray,
    ) -> FloatArray:
        """Return X(t + dt) given X(t) = x, drawn from its exact law with the normals given.

        Parameters
        ----------
        x : ndarray of shape (n, d)
            States at the start of the step.
        t, clock_dt : float or ndarray of shape (n,)
            Start and length of the step on the clock of the process; None: as long as ``dt``.
        dt : float or ndarray of shape (n,)
            Length of the step in units of time.
        normals : ndarray of shape (n, exact_normals)
            Independent standard normal numbers.

        Returns
        -------
        ndarray of shape (n, d)
            A row depends on no other row. Without an exact step a SchemeError is raised.
        """
        raise SchemeError(f"{type(self).__name__} has no exact step: `exact_normals` is None.")

    def machine_code(self, prefix: str = "") -> CoefficientSource | None:
        """Return the coefficients as source text for the compiler, or None.

        The names of its functions begin with ``prefix``, where one process is a part of
        another. With None, NumPy code only, simulation asks the process once a step.
        """
        return None

    def formulas(self) -> TracedFormulas | None:
        """Return drift and diffusion as expressions of the free parameters, or None."""
        return None

    @property
    def formulas_key(self) -> Hashable:
        """What decides about `formulas`: equal keys, equal formulas; None: not known."""
        return None

    # -- parameters ------------------------------------------------------------------------

    def with_params(self, **values: Any) -> Self:
        """Return the same process with some parameter values replaced (None: unspecified)."""
        unknown = sorted(set(values) - set(self._params))
        if unknown:
            raise InputError(
                f"{type(self).__name__} has no parameter {', '.join(map(repr, unknown))}; "
                f"its parameters are {', '.join(self._params) or 'none'}."
            )
        return self._replace({**self._params, **values})

    def with_dim(self, dim: int) -> Self:
        """Return the same family in ``dim`` dimensions; a fixed dimension must agree."""
        if self.dim != dim:
            raise InputError(
                f"{type(self).__name__} has {self.dim} dimension(s), the data have {dim}."
            )
        return self

    def _replace(self, params: Mapping[str, Any]) -> Self:
        """Return the same process with other parameter values."""
        return type(self)(**params)

    @property
    def _parameter_vector(self) -> ParameterVector:
        shapes = {name: self._parameter_shape(name) for name in self._params}
        return ParameterVector(shapes, self._cholesky_parameters)

    def _parameter_shape(self, name: str) -> tuple[int, ...]:
        value = self._params[name]
        return () if value is None else np.shape(value)

    @property
    def free_parameters(self) -> tuple[str, ...]:
        """Names of the free numbers: ``"kappa"``, or ``"kappa[0,1]"`` for an entry.

        A diffusion matrix counts through the lower Cholesky factor of its
        covariance rate, which is all that the law of the process determines.
        """
        return self._parameter_vector.names

    def to_vector(self) -> FloatArray:
        """Return the free parameters as a vector, NaN for a value not given."""
        return self._parameter_vector.pack(self._params)

    def from_vector(self, vector: ArrayLike) -> Self:
        """Return the same process with the values of ``vector``, ordered as ``free_parameters``."""
        return self._replace(self._parameter_vector.unpack(vector))

    def bounds(self) -> tuple[tuple[float, float], ...]:
        """Return an open interval of allowed values for each free parameter."""
        own = self._parameter_bounds()
        return self._parameter_vector.bounds(own)

    def _parameter_bounds(self) -> Mapping[str, tuple[float, float]]:
        """Return the bounds of whole parameters; a Cholesky factor's diagonal is positive."""
        return {}

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return rough parameter values from transitions, where a search may start.

        Parameters
        ----------
        x, x_next : ndarray of shape (n, d)
        dt : ndarray of shape (n,)

        Returns
        -------
        dict
            By parameter name; empty if this process knows no rule.
        """
        return {}

    def require_specified(self) -> None:
        """Raise UnspecifiedParameterError naming the parameters without a value."""
        missing = [name for name, value in self.params.items() if value is None]
        if missing:
            raise UnspecifiedParameterError(
                f"{type(self).__name__} has no value for {', '.join(missing)}. Give values with "
                f".with_params({', '.join(f'{name}=...' for name in missing)}), or estimate them."
            )

    def _checked(self, x: ArrayLike, t: ArrayLike) -> tuple[FloatArray, FloatArray]:
        self.require_specified()
        states = as_states("x", x, self.dim)
        return states, per_state("t", t, states.shape[0])

    # -- storage ---------------------------------------------------------------------------

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return a JSON-able description and the arrays it refers to.

        ``stochtext.processes.process_from_dict`` restores the process.
        """
        scalars: dict[str, float | None] = {}
        arrays: dict[str, FloatArray] = {}
        for name, value in self._params.items():
            if value is None or np.ndim(value) == 0:
                scalars[name] = None if value is None else float(value)
            else:
                arrays[name] = np.asarray(value, dtype=np.float64)
        config: dict[str, Any] = {
            "type": self.type_name,
            "order": list(self._params),
            "params": scalars,
        }
        config.update(self._settings())
        return config, arrays

    @classmethod
    def from_dict(cls, config: Mapping[str, Any], arrays: Mapping[str, FloatArray]) -> Self:
        """Restore a process from what ``to_dict`` returned."""
        known = {"type", "order", "params"}
        params = {name: arrays.get(name, config["params"].get(name)) for name in config["order"]}
        return cls(**params, **{k: v for k, v in config.items() if k not in known})

    def _settings(self) -> dict[str, Any]:
        """Return JSON-able constructor arguments that are not parameters."""
        return {}

    def __repr__(self) -> str:
        parts = [f"{name}={shown(value)}" for name, value in self._params.items()]
        parts += [f"{name}={value!r}" for name, value in self._settings().items()]
        return f"{type(self).__name__}({', '.join(parts)})"
