"""A coefficient written by the user for one state, evaluated at many."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process

__all__ = ["UserFunction", "probe_states"]

# Far enough apart, and of both signs, that a function whose value for one state depends on
# the other states of a batch does not agree with itself by accident.
_PROBES = (0.5, 1.0, -0.7, 2.3, 0.1, -3.0, 12.0, 0.03, 140.0)


def probe_states(dim: int) -> FloatArray:
    """Return states at which user functions are tried, shape (n, dim) with n != dim."""
    n = len(_PROBES) - (len(_PROBES) == dim)
    places = (np.arange(n)[:, None] + 3 * np.arange(dim)) % len(_PROBES)
    return np.array(_PROBES)[places] * (1.0 + 0.1 * np.arange(dim))


class UserFunction:
    """``function(t, x, parameters...)`` for one state, with its checks.

    Parameters
    ----------
    role : {"drift", "diffusion"}
        The argument's name, for messages.
    function : callable
        What the user wrote.
    dim : int
        Number of coordinates of the state.
    """

    def __init__(self, role: str, function: Callable[..., Any], dim: int) -> None:
        self.role = role
        self.function = function
        self.dim = dim
        self._positional, self._keywords, self.defaults = self._read_signature()
        self.row_shape: tuple[int, ...] | None = None
        self._vectorised = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in the order of the signature."""
        return (*self._positional, *self._keywords)

    def _read_signature(self) -> tuple[tuple[str, ...], tuple[str, ...], dict[str, Any]]:
        self._refuse_what_is_no_plain_function()
        try:
            signature = inspect.signature(getattr(self.function, "py_func", self.function))
        except (TypeError, ValueError):
            raise InputError(
                f"The signature of `{self.role}` cannot be read; wrap it in a plain function "
                f"def {self.role}(t, x, ...)."
            ) from None
        kinds = list(signature.parameters.values())
        if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in kinds):
            raise InputError(
                f"`{self.role}` takes *args or **kwargs; name its parameters instead, "
                f"as in def {self.role}(t, x, kappa, mu)."
            )
        first = [p.name for p in kinds[:2] if p.kind != p.KEYWORD_ONLY]
        if len(first) < 2 or first == ["x", "t"]:
            raise InputError(
                f"`{self.role}` must take t first and x second, as in "
                f"def {self.role}(t, x, ...); its signature is {self.role}{signature}."
            )
        rest = kinds[2:]
        return (
            tuple(p.name for p in rest if p.kind != p.KEYWORD_ONLY),
            tuple(p.name for p in rest if p.kind == p.KEYWORD_ONLY),
            {p.name: p.default for p in rest if p.default is not p.empty},
        )

    def _refuse_what_is_no_plain_function(self) -> None:
        if isinstance(getattr(self.function, "__self__", None), Process):
            raise InputError(
                f"`{self.role}` is the method of a process. Methods take x first and many "
                "states; here a plain function of one state is needed, "
                f"def {self.role}(t, x, ...). A process can be used as it is."
            )
        if not callable(self.function):
            raise InputError(
                f"`{self.role}` must be a function {self.role}(t, x, ...); "
                f"got {type(self.function).__name__}."
            )

    # -- evaluation ------------------------------------------------------------------------

    def _call(self, t: Any, x: Any, params: Mapping[str, Any]) -> Any:
        positional = [params[name] for name in self._positional]
        return self.function(t, x, *positional, **{n: params[n] for n in self._keywords})

    def evaluate(self, x: FloatArray, t: FloatArray, params: Mapping[str, Any]) -> FloatArray:
        """Return one row per state, shape (n, *row_shape)."""
        with np.errstate(all="ignore"):
            if self._vectorised:
                return self._at_once(x, t, params)
            shape = self.row_shape or ()
            rows = np.empty((len(x), *shape))
            for i in range(len(x)):
                rows[i] = self._row(x[i], float(t[i]), params)
        return rows

    def _row(self, x: FloatArray, t: float, params: Mapping[str, Any]) -> FloatArray:
        """Return the value at one state; NaN where the arithmetic has no answer."""
        state = float(x[0]) if self.dim == 1 else x.copy()
        try:
            value = self._call(t, state, params)
        except (ArithmeticError, ValueError) as error:
            if not _undefined_here(error):
                raise
            return np.full(self.row_shape or (), np.nan)
        row = self._as_row(value)
        if self.row_shape is not None and row.shape != self.row_shape:
            raise InputError(
                f"`{self.role}` returned shape {row.shape} at t={t:.6g}, x={x.tolist()}, but "
                f"{self.row_shape} before; it must always return the same shape."
            )
        return row

    def _as_row(self, value: Any) -> FloatArray:
        try:
            array = np.asarray(value)
        except ValueError:
            array = np.empty((), dtype=object)
        if array.dtype.kind == "c" and self.row_shape is not None:
            # It is real elsewhere: (-1.0) ** 0.5 is how Python says that there is no root.
            return np.where(array.imag == 0, array.real, np.nan)
        if array.dtype.kind not in "fiub":
            raise InputError(
                f"`{self.role}` must return real numbers; it returned {value!r} "
                f"of type {type(value).__name__}."
            )
        return array.astype(np.float64)

    def _at_once(self, x: FloatArray, t: FloatArray, params: Mapping[str, Any]) -> FloatArray:
        states = x[:, 0].copy() if self.dim == 1 else x.T.copy()
        value = self._as_row(self._call(t, states, params))
        shape = self.row_shape or ()
        if value.shape == shape:
            return np.broadcast_to(value, (len(x), *shape)).copy()
        if value.shape != (*shape, len(x)):
            raise ValueError("not one value per state")
        return np.ascontiguousarray(np.moveaxis(value, -1, 0))

    # -- probing ---------------------------------------------------------------------------

    def probe(self, params: Mapping[str, Any], allowed: Mapping[tuple[int, ...], str]) -> None:
        """Try the function: learn the shape it returns and whether it takes many states at once.

        Parameters
        ----------
        params : mapping
            Values of all parameters.
        allowed : mapping of shape to description
            Shapes it may return; -1 stands for any length.
        """
        x = probe_states(self.dim)
        t = np.linspace(0.0, 1.0, len(x))
        self.row_shape = None
        with np.errstate(all="ignore"):
            self.row_shape = self._first_shape(x, t, params)
        if not any(_matches(self.row_shape, shape) for shape in allowed):
            expected = " or ".join(allowed.values())
            raise InputError(
                f"`{self.role}` must return {expected} for one state of {self.dim} "
                f"coordinate(s); it returned shape {self.row_shape}."
            )
        self._vectorised = False
        rows = self.evaluate(x, t, params)
        self._vectorised = self._agrees_at_once(x, t, params, rows)

    def _first_shape(
        self, x: FloatArray, t: FloatArray, params: Mapping[str, Any]
    ) -> tuple[int, ...]:
        last: Exception | None = None
        for i in range(len(x)):
            state = float(x[i, 0]) if self.dim == 1 else x[i].copy()
            try:
                return self._as_row(self._call(float(t[i]), state, params)).shape
            except InputError:
                raise
            except Exception as error:
                last = error
                if not _undefined_here(error):
                    break
        seen = "a float" if self.dim == 1 else f"an array of shape ({self.dim},)"
        arguments = ", ".join(("t", "x", *self.names))
        raise InputError(
            f"`{self.role}` failed when it was tried as {self.role}({arguments}) with x "
            f"{seen}: {type(last).__name__}: {last}"
        ) from last

    def _agrees_at_once(
        self, x: FloatArray, t: FloatArray, params: Mapping[str, Any], rows: FloatArray
    ) -> bool:
        try:
            with np.errstate(all="ignore"):
                at_once = self._at_once(x, t, params)
                half = self._at_once(x[1::2], t[1::2], params)
        except Exception:
            # Whatever went wrong with many states does not matter: one at a time works.
            return False
        return bool(
            np.allclose(at_once, rows, rtol=1e-12, atol=1e-300, equal_nan=True)
            and np.allclose(half, rows[1::2], rtol=1e-12, atol=1e-300, equal_nan=True)
        )

    # -- machine code ----------------------------------------------------------------------

    def traceable(self) -> Callable[[Any, Any, Mapping[str, Any]], Any]:
        """Return the function as ``function(t, x, params)``, x with d coordinates."""
        function, positional, keywords = self.function, self._positional, self._keywords
        scalar = self.dim == 1

        def call(t: Any, x: Any, params: Mapping[str, Any]) -> Any:
            named = {name: params[name] for name in keywords}
            return function(t, x[0] if scalar else x, *[params[n] for n in positional], **named)

        return call

    def arguments(self, places: Mapping[str, tuple[int, tuple[int, ...]]]) -> str:
        """Return the source of the arguments after t and x, read from flat ``theta``."""
        parts = [_from_theta(*places[name]) for name in self._positional]
        parts += [f"{name}={_from_theta(*places[name])}" for name in self._keywords]
        return "".join(f", {part}" for part in parts)


def _undefined_here(error: Exception) -> bool:
    """Whether an exception means that the formula has no value at this state."""
    if isinstance(error, ArithmeticError):
        return True
    said = str(error)
    return isinstance(error, ValueError) and ("math domain" in said or "expected a" in said)


def _matches(shape: tuple[int, ...], pattern: tuple[int, ...]) -> bool:
    return len(shape) == len(pattern) and all(
        p in (-1, s) and s > 0 for s, p in zip(shape, pattern, strict=True)
    )


def _from_theta(start: int, shape: tuple[int, ...]) -> str:
    if shape == ():
        return f"theta[{start}]"
    stop = start + int(np.prod(shape))
    piece = f"theta[{start}:{stop}]"
    return piece if len(shape) == 1 else f"{piece}.reshape({shape})"
