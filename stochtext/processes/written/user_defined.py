"""Processes written by the user as two plain functions of one state."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from stochtext._shared.exceptions import InputError, PerformanceWarning
from stochtext._shared.typing import FloatArray
from stochtext._shared.validation import check_choice, check_integer
from stochtext.processes.base import NOISE_TYPES, Process
from stochtext.processes.parameters import parameter_value
from stochtext.processes.written.function_key import function_key
from stochtext.processes.written.user_function import UserFunction, probe_states

if TYPE_CHECKING:
    from stochtext.processes.compiled.source import CoefficientSource
    from stochtext.processes.compiled.tracing.formulas import TracedFormulas

__all__ = ["SDE"]


class SDE(Process):
    """dX = drift(t, X) dt + diffusion(t, X) dW with functions written by the user.

    Parameters
    ----------
    drift : callable
        ``drift(t, x, kappa, mu)``: t first, x second, then parameters by name. The function
        sees one state: x is a float if ``dim`` is 1, else an array of shape (d,). It returns
        a float, or (d,) numbers.
    diffusion : callable
        ``diffusion(t, x, sigma)``, likewise. It returns a float; (d,) numbers, the diagonal;
        or for additive and general noise a (d, m) matrix.
    params : mapping of str to float or array_like, optional
        Values of parameters. A default in a signature counts as a value; without a value a
        parameter is left to be estimated.
    bounds : mapping of str to (float, float), optional
        Interval in which each parameter may be estimated.
    dim : int, default 1
        Number of coordinates d.
    noise : {"diagonal", "additive", "general"}, default "diagonal"
        How the diffusion depends on the state. Additive noise does not depend on it.
    clock : {"time", "relative"}, default "time"
        What t means, see `Process`.

    Raises
    ------
    InputError
        If a signature or a returned shape does not fit. The functions are tried when the
        process is made, as soon as all parameters have values.

    Notes
    -----
    Simulation runs each function once on symbols and compiles what it computes for many states
    at a time. Plain arithmetic, ``math``, ``numpy``, branches, loops over numbers and calls of
    other Python functions can be recorded like this. A function that cannot is compiled by
    numba for one state at a time; where that fails too, it is evaluated in Python with a
    `PerformanceWarning`.

    The derivatives that some schemes need (Milstein: of ``diffusion``; implicit ones: of
    ``drift``) are exact for functions that were recorded, at a kink the derivative of the side
    on which the state lies. For all others they are central differences.

    Examples
    --------
    >>> from stochtext.processes import SDE
    >>> process = SDE(
    ...     lambda t, x, kappa, mu: kappa * (mu - x),
    ...     lambda t, x, sigma: sigma * x,
    ...     params={"kappa": 1.0, "mu": 0.5, "sigma": 0.3},
    ... )
    >>> process.drift([[0.0], [2.0]])
    array([[ 0.5],
           [-1.5]])
    """

    def __init__(
        self,
        drift: Callable[..., Any],
        diffusion: Callable[..., Any],
        *,
        params: Mapping[str, Any] | None = None,
        bounds: Mapping[str, tuple[float, float]] | None = None,
        dim: int = 1,
        noise: str = "diagonal",
        clock: str = "time",
    ) -> None:
        dim = check_integer("dim", dim)
        self._functions = (
            UserFunction("drift", drift, dim),
            UserFunction("diffusion", diffusion, dim),
        )
        super().__init__(
            dim=dim,
            noise=check_choice("noise", noise, NOISE_TYPES),
            noise_dim=None if noise == "general" else dim,
            params=self._values(params),
            clock=clock,
        )
        self._bounds = self._checked_bounds(bounds)
        if self.is_specified:
            self._probe()

    # -- construction ----------------------------------------------------------------------

    def _values(self, given: Mapping[str, Any] | None) -> dict[str, Any]:
        if given is not None and not isinstance(given, Mapping):
            raise InputError(
                f"`params` must map names to values, as in {{'kappa': 1.0}}; got {given!r}."
            )
        values: dict[str, Any] = {}
        for function in self._functions:
            for name in function.names:
                if values.get(name) is None:
                    values[name] = function.defaults.get(name)
        unknown = sorted(set(given or {}) - set(values))
        if unknown:
            raise InputError(
                f"`params` gives {', '.join(unknown)}, which neither function takes; they take "
                f"{', '.join(values) or 'no parameters'}."
            )
        values.update(given or {})
        return {name: parameter_value(name, value) for name, value in values.items()}

    def _checked_bounds(
        self, bounds: Mapping[str, tuple[float, float]] | None
    ) -> dict[str, tuple[float, float]]:
        checked: dict[str, tuple[float, float]] = {}
        for name, pair in (bounds or {}).items():
            valid = name in self._params and len(pair) == 2 and float(pair[0]) < float(pair[1])
            if not valid:
                raise InputError(
                    f"`bounds` must map parameters ({', '.join(self._params)}) to pairs "
                    f"(low, high) with low < high; got {name!r}: {pair!r}."
                )
            checked[name] = (float(pair[0]), float(pair[1]))
        return checked

    def _probe(self) -> None:
        drift, diffusion = self._functions
        d = self._dim or 1
        vector: dict[tuple[int, ...], str]
        vector = {(): "a float", (1,): "one number"} if d == 1 else {(d,): f"({d},) numbers"}
        drift.probe(self._params, vector)
        allowed: dict[tuple[int, ...], str] = {(): "a float", (d,): f"({d},) numbers"}
        if self._noise == "general" and d > 1:
            allowed = {}
        if self._noise != "diagonal":
            allowed[(d, -1)] = f"a ({d}, m) matrix"
        diffusion.probe(self._params, allowed)
        shape = diffusion.row_shape or ()
        self._noise_dim = shape[1] if len(shape) == 2 else d
        if self._noise == "additive":
            self._check_additive()

    def _check_additive(self) -> None:
        x = probe_states(self._dim or 1)
        rows = self._functions[1].evaluate(x, np.zeros(len(x)), self._params)
        if not np.allclose(rows, rows[:1], rtol=1e-12, equal_nan=True):
            raise InputError(
                "`noise` is 'additive', but `diffusion` depends on the state; use 'diagonal' "
                "or 'general'."
            )

    def with_bounds(self, bounds: Mapping[str, tuple[float, float]]) -> SDE:
        """Return the same process with other bounds of the parameters named."""
        other = self._replace(self._params)
        other._bounds = {**self._bounds, **self._checked_bounds(bounds)}
        return other

    def _replace(self, params: Mapping[str, Any]) -> SDE:
        drift, diffusion = self._functions
        return type(self)(
            drift.function,
            diffusion.function,
            params=params,
            bounds=self._bounds,
            dim=self._dim or 1,
            noise=self._noise,
            clock=self._clock,
        )

    def _parameter_bounds(self) -> Mapping[str, tuple[float, float]]:
        return self._bounds

    # -- coefficients ----------------------------------------------------------------------

    def _drift(self, x: FloatArray, t: FloatArray) -> FloatArray:
        return self._functions[0].evaluate(x, t, self._params).reshape(x.shape)

    def _diffusion(self, x: FloatArray, t: FloatArray) -> FloatArray:
        rows = self._functions[1].evaluate(x, t, self._params)
        if rows.ndim == 3:
            return rows
        diagonal = np.broadcast_to(rows.reshape(len(x), -1), x.shape)
        return diagonal[:, :, None] * np.eye(x.shape[1])

    def machine_code(self, prefix: str = "") -> CoefficientSource | None:
        """Return the functions as source text, or None with a warning if there is no way.

        Parameters
        ----------
        prefix : str, default ""
            What the names in the text begin with.

        Warns
        -----
        PerformanceWarning
            If the functions can neither be traced nor compiled by numba, or give other
            numbers then.
        """
        from stochtext.processes.written.machine_code import NoMachineCode, machine_code_of

        self.require_specified()
        try:
            return machine_code_of(*self._functions, self._params, self._noise_dim or 1, prefix)
        except NoMachineCode as error:
            warnings.warn(
                "The functions of this SDE are evaluated in Python, which is slow, because numba "
                f"cannot compile them ({error}). Use plain arithmetic, `math` and `numpy` in them.",
                PerformanceWarning,
                stacklevel=4,
            )
        return None

    def formulas(self) -> TracedFormulas | None:
        """Return the functions as expressions of t, x and the parameters, or None.

        A trace sees no state outside of the functions, and is therefore compared with them.
        """
        from stochtext.processes.written.formulas import formulas_of_functions

        return formulas_of_functions(self, *(f.traceable() for f in self._functions))

    @property
    def formulas_key(self) -> Hashable:
        """The functions with all that they read, and the shapes that they are traced with.

        None where a function reads something that may change unseen, see `function_key`.
        """
        keys = [function_key(f.function) for f in self._functions]
        if None in keys:
            return None
        vector = self._parameter_vector
        shapes = (self.dim, self.noise, tuple(vector.shapes.items()))
        return (type(self), *keys, *shapes, vector.places, self.clock)

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Refuse: Python functions cannot be stored safely."""
        raise InputError(
            "An SDE made of user functions cannot be stored: that would store code. Keep the "
            "functions in your own module, store `params`, and make the SDE again."
        )

    def __repr__(self) -> str:
        base = super().__repr__()
        return f"{base[:-1]}{', ' if self._params else ''}dim={self._dim}, noise={self._noise!r})"
