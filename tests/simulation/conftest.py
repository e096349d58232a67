"""The step of a scheme on its own, as it stands in the kernels, with given noise."""

from functools import cache

import numpy as np
import pytest
from numba import types

from stochtext._shared.compilation.generated import compiled_module, machine_function
from stochtext.processes.compiled.coefficients import coefficient_type, compile_coefficients

_TEXT = """
@kernel
def take_step(
    drift, diffusion, third, theta, t, clock_step, h, own, rows, limits, x, z, further, c
):
    d, lanes = x.shape
    b = np.empty((d, lanes))
    s = np.empty((rows, lanes))
    work = workspace(d, z.shape[0], rows, lanes)
    zero = own - own
    step(
        drift, diffusion, third, theta, t, clock_step, h, own, 0, limits, x, z, zero,
        further, zero, further.shape[0], b, s, c, work,
    )
"""


@cache
def _compiled(scheme):
    parts = [f"stochtext.simulation.kernels.{part}" for part in scheme.kernel]
    module = compiled_module(f"one_{scheme.name}", parts, _TEXT, FLOAT="np.float64")
    call, table, number = coefficient_type("float64"), types.float64[:, ::1], types.float64
    signature = types.void(
        call, call, call, types.float64[::1], number, number, number, types.int64, types.int64,
        table, table, table, table, table,
    )  # fmt: skip
    return machine_function(module, "take_step", signature)


@cache
def _coefficients(process, m):
    return compile_coefficients(process, m)


@pytest.fixture(scope="session")
def take_step():
    """Return a function of scheme, process, x (n, d), z (n, m), further (n, k), t and h."""

    def take(scheme, process, x, z, further=None, *, h, t=0.0):
        scheme = scheme.form_for(process)
        n, m = z.shape
        coefficients = _coefficients(process, m)
        third, rows = coefficients.drift, 0
        if scheme.derivative is not None:
            third, rows = coefficients.derivative(scheme.derivative)
        state = np.array(np.broadcast_to(x, (n, process.dim)).T, dtype=float, order="C")
        more = np.empty((n, 0)) if further is None else further
        limits = np.array(np.array(process.domain).T, order="C")
        _compiled(scheme)(
            coefficients.drift, coefficients.diffusion, third, coefficients.theta, t, h, h,
            int(coefficients.diagonal), coefficients.diffusion_rows, limits, state,
            np.array(z.T, order="C"), np.array(more.T, order="C"), np.empty((rows, n)),
        )  # fmt: skip
        return state.T

    return take
