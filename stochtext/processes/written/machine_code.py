"""Machine code of functions that the user wrote: traced if possible, else as numba takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.compiled.coefficients import CompiledCoefficients
from stochtext.processes.compiled.source import CoefficientSource
from stochtext.processes.compiled.tracing.evaluation import evaluated
from stochtext.processes.compiled.tracing.expression import Untraceable
from stochtext.processes.compiled.tracing.source import TracedCoefficients, flat_parameters
from stochtext.processes.compiled.user_functions import keep_user_function
from stochtext.processes.written.user_function import UserFunction, probe_states

__all__ = ["NoMachineCode", "machine_code_of"]

_DISAGREES = "the machine code disagrees with the functions as they are now"


class NoMachineCode(Exception):
    """Neither way leads to machine code; the message is one line."""


def machine_code_of(
    drift: UserFunction,
    diffusion: UserFunction,
    params: Mapping[str, Any],
    noise_dim: int,
    prefix: str,
) -> CoefficientSource:
    """Return the functions as source text.

    Parameters
    ----------
    drift, diffusion : UserFunction
        Probed, so that the shapes that they return are known.
    params : mapping
        Values of all parameters.
    noise_dim : int
        Number of noise sources.
    prefix : str
        What all names in the text begin with.

    Raises
    ------
    NoMachineCode
        With the reason in one line.
    """
    diagonal = len(diffusion.row_shape or ()) < 2
    try:
        traced = TracedCoefficients(
            drift.traceable(), diffusion.traceable(), drift.dim, params, diagonal=diagonal
        )
        _check(
            (drift, diffusion),
            params,
            [
                lambda t, x: evaluated(traced.drift, t, x, traced.theta),
                lambda t, x: evaluated(traced.diffusion, t, x, traced.theta),
            ],
        )
        return traced.source(prefix)
    except (Untraceable, NoMachineCode) as untraceable:
        try:
            return _jitted(drift, diffusion, params, noise_dim, prefix)
        except NoMachineCode as error:
            reason = str(error) if str(error) == _DISAGREES else f"{error}; and {untraceable}"
            raise NoMachineCode(reason) from None


def _check(
    functions: Sequence[UserFunction],
    params: Mapping[str, Any],
    codes: Sequence[Callable[[FloatArray, FloatArray], FloatArray]],
) -> None:
    """Compare with Python: a trace sees no state outside, numba has its own integers."""
    x = probe_states(functions[0].dim)
    for function, code in zip(functions, codes, strict=True):
        for t in (0.0, 0.7):
            times = np.full(len(x), t)
            found = code(times, x)
            expected = function.evaluate(x, times, params).reshape(len(x), -1)
            expected = np.broadcast_to(expected, found.shape)
            known = np.isfinite(expected)
            # Differences of large terms may round to another small number.
            size = np.max(np.abs(expected[known]), initial=0.0)
            if not np.allclose(found[known], expected[known], rtol=1e-9, atol=1e-14 * size):
                raise NoMachineCode(_DISAGREES)


# -- functions as numba takes them -----------------------------------------------------------


def _jitted(
    drift: UserFunction,
    diffusion: UserFunction,
    params: Mapping[str, Any],
    noise_dim: int,
    prefix: str,
) -> CoefficientSource:
    dim, diagonal = drift.dim, len(diffusion.row_shape or ()) < 2
    places = [keep_user_function(function.function) for function in (drift, diffusion)]

    def source(prefix: str) -> CoefficientSource:
        parts = [_IMPORT]
        for function, place, rows in zip(
            (drift, diffusion), places, (dim, dim * (1 if diagonal else noise_dim)), strict=True
        ):
            parts.append(_loop(function, place, params, rows, prefix))
        return CoefficientSource(
            text="\n\n".join(parts),
            sources=(),
            theta=flat_parameters(params),
            dim=dim,
            noise_dim=noise_dim,
            diagonal=diagonal,
        )

    plain = source("")
    try:
        compiled = CompiledCoefficients(plain, "float64")
        codes = [_rows(compiled.drift, compiled.theta, dim)]
        codes.append(_rows(compiled.diffusion, compiled.theta, compiled.diffusion_rows))
    except Exception as error:
        # numba raises whatever its passes raise; the answer is the same for all.
        raise NoMachineCode(_first_line(error)) from error
    _check((drift, diffusion), params, codes)
    return source(prefix) if prefix else plain


def _first_line(error: Exception) -> str:
    said = [line for line in str(error).splitlines() if line.strip()]
    said = [line for line in said if not line.startswith("Failed in")]
    return (said or [type(error).__name__])[0].strip()


def _rows(code: Any, theta: FloatArray, rows: int) -> Callable[..., FloatArray]:
    def call(t: FloatArray, x: FloatArray) -> FloatArray:
        out = np.empty((rows, len(x)))
        code(float(t[0]), np.ascontiguousarray(x.T), theta, out)
        return out.T

    return call


_IMPORT = "from stochtext.processes.compiled.user_functions import user_function"


def _loop(
    function: UserFunction, place: int, params: Mapping[str, Any], rows: int, prefix: str
) -> str:
    """Return the text that calls a function of one state for each state.

    It is never kept on disk: the text does not say what the user's function computes.
    """
    starts: dict[str, tuple[int, tuple[int, ...]]] = {}
    start = 0
    for name, value in params.items():
        starts[name] = (start, np.shape(value))
        start += int(np.size(value))
    shape = function.row_shape or ()
    entry = {
        0: "row",
        1: "row[0]" if shape == (1,) else "row[j]",
        2: f"row[j // {shape[-1] if shape else 1}][j % {shape[-1] if shape else 1}]",
    }[len(shape)]
    state = "np.float64(x[0, i])" if function.dim == 1 else "x[:, i].astype(np.float64)"
    name = f"{prefix}{function.role}"
    return "\n".join(
        [
            f"{name}_of_one_state = user_function({place})",
            "",
            "",
            "@routine",
            f"def {name}(t, x, theta, out):",
            "    theta = theta.astype(np.float64)",
            "    for i in range(x.shape[1]):",
            f"        row = {name}_of_one_state(t, {state}{function.arguments(starts)})",
            f"        for j in range({rows}):",
            f"            out[j, i] = {entry}",
            "",
        ]
    )
