"""Processes written by the user as two plain functions of one state."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from stochtext._shared.exceptions import InputError, PerformanceWarning
from stochtext._shared.typing import FloatArray
from stochtext._shared.validation import check_choice, check_integer
from stochtext.processes.base import NOISE_TYPES, Process
from stochtext.processes.parameters import parameter_value
from stochtext.processes.written.user_function import UserFunction, probe_states

if TYPE_CHECKING:
    from stochtext.processes.compiled.compilation import CompiledCoefficients

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
    Simulation compiles the functions with numba where it can, and otherwise evaluates them
    in Python and warns. Write formulas with ``math`` or ``numpy`` and they compile.
    The derivatives that the Milstein scheme needs are central differences of ``diffusion``.

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

    def compiled(self) -> CompiledCoefficients | None:
        """Return the functions as machine code, or None with a warning if numba cannot.

        Warns
        -----
        PerformanceWarning
            If the functions do not compile, or their machine code does not give
            the same numbers.
        """
        self.require_specified()
        try:
            coefficients = self._compile()
            same = self._same_numbers(coefficients)
            reason = "" if same else "the machine code disagrees with the functions as they are now"
        except Exception as error:
            # numba raises whatever its passes raise; the answer is the same for all.
            said = [line for line in str(error).splitlines() if line.strip()]
            said = [line for line in said if not line.startswith("Failed in")]
            reason = (said or [type(error).__name__])[0].strip()
        if not reason:
            return coefficients
        warnings.warn(
            "The functions of this SDE are evaluated in Python, which is slow, because numba "
            f"cannot compile them ({reason}). Use plain arithmetic, `math` and `numpy` in them.",
            PerformanceWarning,
            stacklevel=4,
        )
        return None

    def _compile(self) -> CompiledCoefficients:
        from stochtext.processes.compiled.compilation import (
            CompiledCoefficients,
            compile_user_function,
        )

        places: dict[str, tuple[int, tuple[int, ...]]] = {}
        flat: list[FloatArray] = [np.zeros(0)]
        for name, value in self._params.items():
            places[name] = (sum(map(len, flat)), np.shape(value))
            flat.append(np.ravel(np.asarray(value, dtype=np.float64)))
        compiled = [
            compile_user_function(
                f.function, f.arguments(places), self._dim or 1, f.row_shape or ()
            )
            for f in self._functions
        ]
        diagonal = len(self._functions[1].row_shape or ()) < 2
        return CompiledCoefficients(compiled[0], compiled[1], np.concatenate(flat), diagonal)

    def _same_numbers(self, compiled: CompiledCoefficients) -> bool:
        """Compare with Python: numba freezes globals and has its own integer arithmetic."""
        x = probe_states(self._dim or 1)
        widths = (x.shape[1], x.shape[1] * (1 if compiled.diagonal else self._noise_dim or 1))
        for function, code, width in zip(self._functions, compiled[:2], widths, strict=True):
            for t in (0.0, 0.7):
                expected = function.evaluate(x, np.full(len(x), t), self._params)
                expected = np.broadcast_to(expected.reshape(len(x), -1), (len(x), width))
                found = np.empty((len(x), width))
                code(t, x, compiled.theta, found)
                known = np.isfinite(expected)
                if not np.allclose(found[known], expected[known], rtol=1e-9, atol=1e-300):
                    return False
        return True

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Refuse: Python functions cannot be stored safely."""
        raise InputError(
            "An SDE made of user functions cannot be stored: that would store code. Keep the "
            "functions in your own module, store `params`, and make the SDE again."
        )

    def __repr__(self) -> str:
        base = super().__repr__()
        return f"{base[:-1]}{', ' if self._params else ''}dim={self._dim}, noise={self._noise!r})"
