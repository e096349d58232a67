"""Vectorised elementary functions: documented errors, special values, wide vector code."""

import re
from importlib import import_module

import mpmath
import numpy as np
import pytest

from stochtext._shared.compilation.generated import compiled_module
from stochtext.processes.compiled.elementary import sources_of

EXACT = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "tanh": mpmath.tanh,
    "sinh": mpmath.sinh,
    "cosh": mpmath.cosh,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tan": mpmath.tan,
    "arctan": mpmath.atan,
}
FAR = ("sin_far", "cos_far", "tan_far")
NUMPY = {**{name: getattr(np, name) for name in EXACT}}
NUMPY |= {name: getattr(np, name[:3]) for name in FAR}

#: Intervals in which arguments are drawn; and the sizes of small and large ones.
INTERVALS = {
    "exp": [(-745.0, 709.7), (-1.0, 1.0), (-745.0, -708.0)],
    "expm1": [(-50.0, 709.7), (-1.0, 1.0)],
    "tanh": [(-20.0, 20.0), (-1.0, 1.0)],
    "sinh": [(-710.4, 710.4), (-2.0, 2.0)],
    "cosh": [(-710.4, 710.4), (-2.0, 2.0)],
    "log": [(0.0, 3.0), (0.5, 2.0), (0.0, 1e300)],
    "log1p": [(-1.0, 3.0), (-0.5, 1.0), (0.0, 1e10)],
    "sin": [(-10.0, 10.0), (-1e5, 1e5), (-(2.0**35), 2.0**35)],
    "arctan": [(-5.0, 5.0), (-0.5, 0.5), (-1e3, 1e3)],
}
INTERVALS["cos"] = INTERVALS["tan"] = INTERVALS["sin"]
SIZES = {"exp": -700, "log": 700, "log1p": 700, "arctan": 700}


def loops(bits):
    text = ""
    for name in (*EXACT, *FAR):
        text += (
            f"@kernel\ndef loop_{name}(x, out):\n    wide_vectors()\n"
            f"    for i in range(x.size):\n        out[i] = {name}{bits}(x[i])\n\n"
        )
    text += (
        "@kernel\ndef loop_power(x, y, out):\n    wide_vectors()\n"
        f"    for i in range(x.size):\n        out[i] = power{bits}(x[i], y[i])\n\n"
    )
    return compiled_module(f"elementary_{bits}", sources_of([*EXACT, *FAR, "power"]), text)


@pytest.fixture(scope="module")
def modules():
    return {bits: loops(bits) for bits in ("64", "32")}


@pytest.fixture
def call(modules):
    def run(name, bits, *arguments):
        kind = np.dtype(f"float{bits}")
        arguments = [np.ascontiguousarray(a, dtype=kind) for a in arguments]
        out = np.empty_like(arguments[0])
        getattr(modules[bits], f"loop_{name}")(*arguments, out)
        return out

    return run


def documented_bound(name, bits):
    for file in sources_of([name]):
        function = getattr(import_module(file), name + bits, None)
        if function is not None:
            said = re.search(r"Error below (\d+(\.\d+)?) ulp", function.__doc__)
            return float(said.group(1))
    raise AssertionError(name)


def largest_error(found, exact, bits):
    """Return the largest error in units of the last place of the exact result."""
    kind = np.dtype(f"float{bits}").type
    worst = 0.0
    for got, true in zip(found, exact, strict=True):
        rounded = kind(float(true)) if abs(true) < 3e38 or bits == "64" else kind(np.inf)
        if np.isinf(rounded) or np.isinf(got):
            assert got == rounded
            continue
        place = mpmath.mpf(float(np.spacing(np.abs(rounded))))
        worst = max(worst, float(abs(mpmath.mpf(float(got)) - true) / place))
    return worst


def arguments(name, bits, rng, n=250):
    x = [rng.uniform(low, high, n) for low, high in INTERVALS[name]]
    small = np.exp(rng.uniform(-700.0, 0.0, n))
    x += [small, -small[small < 1.0], np.exp(rng.uniform(0.0, max(0, SIZES.get(name, 0)), n))]
    if name in ("sin", "cos", "tan"):
        turns = np.concatenate([np.arange(1, 60), rng.integers(60, 2**34, 60)])
        x.append(np.array([float(mpmath.mpf(int(k)) * mpmath.pi / 2) for k in turns]))
    x = np.concatenate(x)
    if name == "log":
        x = x[x > 0]
    if bits == "32":
        x = x[np.abs(x) < (88 if name in ("exp", "expm1", "sinh", "cosh") else 3e38)]
        x = x[np.abs(x) > 1e-44].astype(np.float32)
    return x[x > -1] if name == "log1p" else x


@pytest.mark.parametrize("bits", ["64", "32"])
@pytest.mark.parametrize("name", EXACT)
def test_error_is_below_the_documented_bound(name, bits, call, rng):
    x = arguments(name, bits, rng)
    with mpmath.workprec(250):
        exact = [EXACT[name](mpmath.mpf(float(v))) for v in x]
        error = largest_error(call(name, bits, x), exact, bits)
    bound = documented_bound(name, bits)
    assert bound / 4 < error <= bound


@pytest.mark.parametrize("bits", ["64", "32"])
def test_error_of_powers_is_below_the_documented_bound(bits, call, rng):
    reach = 700 if bits == "64" else 85
    base = np.concatenate(
        [np.exp(rng.uniform(-20, 20, 400)), np.exp(rng.uniform(-1e-2, 1e-2, 300))]
    ).astype(f"float{bits}")
    with np.errstate(divide="ignore"):
        exponent = rng.uniform(-1, 1, 700) * np.minimum(reach / np.abs(np.log(base)), 1e6)
    exponent = exponent.astype(f"float{bits}")
    with mpmath.workprec(250):
        exact = [
            mpmath.power(mpmath.mpf(float(a)), mpmath.mpf(float(b)))
            for a, b in zip(base, exponent, strict=True)
        ]
        error = largest_error(call("power", bits, base, exponent), exact, bits)
    bound = documented_bound("power", bits)
    assert bound / 4 < error <= bound


def special_values(kind):
    limits = np.finfo(kind)
    sizes = [0.0, limits.smallest_subnormal, limits.tiny, limits.max, np.inf, np.nan]
    sizes += [1e-30, 1e-17, 1e-9, 1e-8, 0.5, 1.0, 2.0, 20.5, 30.0, 88.7, 89.0, 104.0]
    sizes += [709.78, 709.79, 710.47, 710.48, 745.2, 746.0, 1e5, 1e20]
    return np.array([*sizes, *(-size for size in sizes)], dtype=kind)


def assert_same_value(found, expected):
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    same |= np.abs(found - expected) <= 3 * np.spacing(np.abs(expected))
    # The sign of a NaN means nothing.
    same &= (np.signbit(found) == np.signbit(expected)) | np.isnan(expected)
    assert same.all()


@pytest.mark.parametrize("bits", ["64", "32"])
@pytest.mark.parametrize("name", NUMPY)
def test_special_values_are_those_of_the_c_library(name, bits, call):
    x = special_values(f"float{bits}")
    if name in ("sin", "cos", "tan"):
        x = x[~(np.abs(x) > 2.0**35) | np.isinf(x)]
    with np.errstate(all="ignore"):
        expected = NUMPY[name](x.astype(np.float64)).astype(x.dtype)
        assert_same_value(call(name, bits, x), expected)


@pytest.mark.parametrize("bits", ["64", "32"])
def test_special_powers_are_those_of_the_c_library(bits, call):
    bases = [0.0, -0.0, 1, -1, 2, -2, 0.5, 1e-310, -1e-310, 1e300, -1e300, 1 - 1e-15, np.inf]
    exponents = [0.0, -0.0, 1, -1, 0.5, -0.5, 2, 3, -3, 2.5, 1e10, 1e300, 1e-300, 1001, 2.0**53 - 1]
    exponents += [np.inf, -np.inf, np.nan]
    with np.errstate(all="ignore"):
        grid = np.meshgrid([*bases, -np.inf, np.nan], exponents)
        x, y = (side.ravel().astype(f"float{bits}") for side in grid)
        assert_same_value(call("power", bits, x, y), np.power(x, y))


@pytest.mark.parametrize("bits", ["64", "32"])
def test_value_does_not_depend_on_the_place_in_a_batch(bits, call, rng):
    x = rng.normal(size=37)
    for name in EXACT:
        with np.errstate(invalid="ignore"):
            alone = np.concatenate([call(name, bits, x[k : k + 1]) for k in range(37)])
        np.testing.assert_array_equal(call(name, bits, x), alone)


@pytest.mark.parametrize("bits", ["64", "32"])
def test_loops_use_vector_registers_and_call_no_library(bits, tmp_path, monkeypatch):
    # Machine code from a cache cannot be looked at.
    monkeypatch.setenv("STOCHTEXT_CACHE", str(tmp_path))
    module = compiled_module(
        f"looked_at_{bits}",
        sources_of(["exp", "sin", "power"]),
        "def loop(x, out):\n    wide_vectors()\n    for i in range(x.size):\n"
        f"        out[i] = exp{bits}(x[i]) + sin{bits}(x[i]) * power{bits}(abs(x[i]), x[i])\n\n"
        "loop = routine(loop)\n",
    )
    module.loop(np.ones(8, f"float{bits}"), np.ones(8, f"float{bits}"))
    (code,) = module.loop.inspect_llvm().values()
    assert re.search(r"call <\d+ x double> @llvm\.fma", code)
    for name in ("exp", "sin", "pow", "log"):
        assert not re.search(rf"@(llvm\.)?{name}f?[.(]", code)
