"""Single steps: weak orders by exact recursion of moments, published formulas, Lévy areas.

For a linear equation a step maps X to A X + B with random A and B. Their means and products over
the noise are quadratures that are exact for polynomials, so the moments of the scheme follow from
a recursion without any sampling error.
"""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from stochtext._shared.random import generator
from stochtext.processes import SDE, CoxIngersollRoss, DoubleWell, Jacobi, OrnsteinUhlenbeck
from stochtext.simulation import SCHEMES

COUNTS = np.array([8, 16, 32, 64])


def slope(errors):
    return -np.polyfit(np.log(COUNTS), np.log(errors), 1)[0]


def nodes(dimensions):
    """Return nodes (n, dimensions) and weights (n,) for independent standard normal numbers."""
    x, w = np.polynomial.hermite_e.hermegauss(8)
    grid = np.stack(np.meshgrid(*[x] * dimensions, indexing="ij"), axis=-1)
    weights = np.stack(np.meshgrid(*[w / w.sum()] * dimensions, indexing="ij"), axis=-1)
    return grid.reshape(-1, dimensions), weights.reshape(-1, dimensions).prod(axis=1)


def noise_of(scheme, process, m):
    """Return nodes for z and for the further numbers of a step, and weights."""
    more = scheme.form_for(process).further_numbers(process, m, 0.1)
    # Of Lévy areas only the last part, which is linear in one number a pair, is needed here.
    more = m * (m - 1) // 2 if more and scheme.name == "milstein" else more
    grid, weights = nodes(m + more)
    return grid[:, :m], grid[:, m:], weights


SEASONAL = SDE(
    lambda t, x: math.cos(2.0 * t) - 1.5 * x, lambda t, x: 0.6 + 0.3 * math.sin(3.0 * t),
    noise="additive",
)  # fmt: skip
LINEAR = SDE(lambda t, x: math.cos(2.0 * t) - 0.8 * x, lambda t, x: 0.4 + 0.5 * x)
RATES = np.array([[-0.6, 0.5], [0.3, -0.4]])
FACTORS = np.array([[[0.3, 0.5], [0.0, 0.2]], [[0.2, 0.0], [0.5, -0.3]]])
PLANE = SDE(
    lambda t, x: np.array([-0.6 * x[0] + 0.5 * x[1], 0.3 * x[0] - 0.4 * x[1]]),
    lambda t, x: np.array(
        [[0.3 * x[0] + 0.5 * x[1], 0.2 * x[0]], [0.2 * x[1], 0.5 * x[0] - 0.3 * x[1]]]
    ),
    dim=2,
    noise="general",
)


def scalar_errors(take, scheme, process):
    """Return the errors of E X and E X^2 at time 1 from X(0) = 1.2."""
    z, further, weights = noise_of(scheme, process, 1)
    factor = 0.0 if process.noise == "additive" else 0.5

    def rates(t, moments):
        level = float(process.drift([[0.0]], t)[0, 0])
        rate = float(process.drift([[1.0]], t)[0, 0]) - level
        sigma = float(process.diffusion([[0.0]], t)[0, 0, 0])
        one, two = moments
        noise = sigma**2 + 2 * sigma * factor * one + factor**2 * two
        return [level + rate * one, 2 * (level * one + rate * two) + noise]

    exact = solve_ivp(rates, (0, 1), [1.2, 1.44], rtol=1e-11, atol=1e-13).y[:, -1]
    errors = []
    for n in COUNTS:
        one, two = 1.2, 1.44
        for k in range(n):
            step = {"h": 1 / n, "t": k / n}
            b = take(scheme, process, [0.0], z, further, **step)[:, 0]
            a = take(scheme, process, [1.0], z, further, **step)[:, 0] - b
            two = weights @ (a * a) * two + 2 * (weights @ (a * b)) * one + weights @ (b * b)
            one = weights @ a * one + weights @ b
        errors.append([abs(one - exact[0]), abs(two - exact[1])])
    return np.array(errors).T


def plane_errors(take, scheme, process):
    """Return the errors of all E X_i and of all E X_i X_j at time 1 from X(0) = (1, 0.5)."""
    z, further, weights = noise_of(scheme, process, 2)
    start, each = np.array([1.0, 0.5]), np.eye(2)
    square = np.kron(RATES, each) + np.kron(each, RATES)
    square += sum(np.kron(factor, factor) for factor in FACTORS)
    exact = expm(RATES) @ start, expm(square) @ np.kron(start, start)
    errors = []
    for n in COUNTS:
        columns = [take(scheme, process, unit, z, further, h=1 / n) for unit in each]
        a = np.stack(columns, axis=-1)
        mean = np.einsum("n,nij->ij", weights, a)
        product = np.einsum("n,nij,nkl->ikjl", weights, a, a).reshape(4, 4)
        found = (
            np.linalg.matrix_power(mean, n) @ start,
            np.linalg.matrix_power(product, n) @ np.kron(start, start),
        )
        errors.append([np.abs(f - e).sum() for f, e in zip(found, exact, strict=True)])
    return np.array(errors).T


@pytest.mark.parametrize("noise", ["additive", "diagonal", "general"])
@pytest.mark.parametrize("name", ["euler", "milstein", "implicit_euler", "srk", "weak2"])
def test_weak_order_is_the_declared_one(name, noise, take_step):
    scheme = SCHEMES[name]
    if noise not in scheme.noise:
        assert name == "srk"
        return
    process = {"additive": SEASONAL, "diagonal": LINEAR, "general": PLANE}[noise]
    errors = (plane_errors if noise == "general" else scalar_errors)(take_step, scheme, process)
    for moment in errors:
        assert slope(moment) == pytest.approx(scheme.weak_order[noise], abs=0.15)


def test_a_step_is_the_published_formula(take_step):
    rng = generator(3, "steps")
    x, z, h = rng.standard_normal((50, 1)), rng.standard_normal((50, 1)), 0.1
    dw, root = math.sqrt(h) * z, math.sqrt(h)
    process = SDE(lambda t, x: x - x**3, lambda t, x: 0.5 + 0.2 * np.sin(x))

    def b(x):
        return x - x**3

    def s(x):
        return 0.5 + 0.2 * np.sin(x)

    euler = x + b(x) * h + s(x) * dw
    middle = x + b(x) * h
    up, down = s(middle + s(x) * root), s(middle - s(x) * root)
    expected = {
        "euler": euler,
        "tamed_euler": x + b(x) * h / (1 + h * np.abs(b(x))) + s(x) * dw,
        "milstein": euler + 0.5 * s(x) * 0.2 * np.cos(x) * (dw**2 - h),
        # Kloeden and Platen (1992), equation 15.1.1.
        "weak2": x + 0.5 * h * (b(x) + b(euler)) + 0.25 * (up + down + 2 * s(x)) * dw
        + 0.25 * (up - down) * (dw**2 - h) / root,
    }  # fmt: skip
    for name, value in expected.items():
        found = take_step(SCHEMES[name], process, x, z, h=h)
        np.testing.assert_allclose(found, value, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("h", [0.1, 0.9, 50.0])
def test_an_implicit_step_solves_its_equation_from_anywhere(h, take_step):
    x = np.array([[1e8], [-1e5], [-30.0], [2.0], [0.3], [0.0], [-1e-9]])
    z = generator(4, "implicit").standard_normal((7, 1))
    process = SDE(lambda t, x: -x - x**3 + t, lambda t, x: 0.7, noise="additive")
    found = take_step(SCHEMES["implicit_euler"], process, x, z, h=h, t=1.0)
    right = x + 0.7 * math.sqrt(h) * z
    left = found - h * (-found - found**3 + 1.0 + h)
    np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-9 * (1 + h) ** 2)


def test_an_implicit_step_solves_systems_and_marks_what_has_no_solution(take_step):
    scheme = SCHEMES["implicit_euler"]
    kappa = np.array([[0.0, 40.0, 1.0], [-40.0, 0.1, 0.0], [1.0, 0.0, 900.0]])
    process = OrnsteinUhlenbeck(kappa, [1.0, 2.0, 3.0], np.eye(3))
    rng = generator(5, "system")
    x, z = rng.standard_normal((9, 3)), rng.standard_normal((9, 3))
    found = take_step(scheme, process, x, z, h=0.5)
    matrix = np.eye(3) + 0.5 * kappa
    right = x + math.sqrt(0.5) * z + 0.5 * kappa @ [1.0, 2.0, 3.0]
    np.testing.assert_allclose(found, np.linalg.solve(matrix, right.T).T, rtol=1e-9)
    # x' = 3 + 1 + x'^2 has no real root; x' = -3 + 1 + x'^2 has -1 and 2.
    process = SDE(lambda t, x: 1.0 + x * x, lambda t, x: 0.0, noise="additive")
    found = take_step(scheme, process, [[3.0], [-3.0]], np.zeros((2, 1)), h=1.0)
    assert np.isnan(found[0, 0])
    assert found[1, 0] == pytest.approx(-1.0, rel=1e-12)


def test_steps_at_the_ends_of_a_domain_reflect_or_truncate(take_step):
    z = np.array([[-6.0], [-1.0], [1.0], [6.0], [40.0]])
    process = CoxIngersollRoss(2.0, 0.5, 0.5)
    free = 0.01 + 2.0 * 0.49 * 0.1 + 0.5 * math.sqrt(0.01 * 0.1) * z
    found = take_step(SCHEMES["reflected_euler"], process, [0.01], z, h=0.1)
    np.testing.assert_allclose(found, np.abs(free), rtol=1e-12)
    hidden = take_step(SCHEMES["truncated_euler"], process, [0.01], z, h=0.1)
    np.testing.assert_allclose(hidden, free, rtol=1e-12)
    below = take_step(SCHEMES["truncated_euler"], process, [-0.2], z, h=0.1)
    np.testing.assert_allclose(below, np.full((5, 1), -0.2 + 2.0 * 0.5 * 0.1), rtol=1e-12)
    process = Jacobi(1.0, 0.4, 2.0)
    moved = process.drift([[0.5]])[0, 0] * 1.0, process.diffusion([[0.5]])[0, 0, 0]
    free = 0.5 + moved[0] + moved[1] * z
    found = take_step(SCHEMES["reflected_euler"], process, [0.5], z, h=1.0)
    # A triangle wave of period 2.
    np.testing.assert_allclose(found, np.abs((free + 1) % 2 - 1), rtol=1e-12, atol=1e-13)


TWISTED = SDE(
    lambda t, x: np.array([-x[0], x[0] - x[1]]),
    lambda t, x: np.array([[0.3, 0.4 * x[1]], [0.5 * x[0], 0.3]]),
    dim=2,
    noise="general",
)


def test_milstein_has_strong_order_one_with_areas_of_one_path(take_step):
    paths, finest = 400, 2**11
    fine = generator(6, "areas").standard_normal((paths, finest, 2)) / math.sqrt(finest)

    def end(steps):
        each, h = finest // steps, 1 / steps
        x = np.tile([1.0, 0.5], (paths, 1))
        for k in range(steps):
            dw = fine[:, k * each : (k + 1) * each]
            before = dw.cumsum(axis=1) - dw
            # Chen's relation; areas within the finest steps are left out everywhere.
            area = 0.5 * np.einsum("nk,nk->n", before[:, :, 0], dw[:, :, 1])
            area -= 0.5 * np.einsum("nk,nk->n", before[:, :, 1], dw[:, :, 0])
            z = dw.sum(axis=1) / math.sqrt(h)
            # The last part of the area is the further number times this.
            scale = h / math.sqrt(12) * np.sqrt(1 + (z**2).sum(axis=1))
            x = take_step(SCHEMES["milstein"], TWISTED, x, z, (area / scale)[:, None], h=h)
        return x

    reference = end(finest)
    errors = [np.abs(end(n) - reference).sum(axis=1).mean() for n in COUNTS]
    assert slope(errors) == pytest.approx(SCHEMES["milstein"].strong_order["general"], abs=0.1)


def test_without_noise_the_steps_are_known_methods(take_step):
    process, x, z, h = DoubleWell(1.0, 1.0, 0.0), np.array([[0.7]]), np.zeros((1, 1)), 0.2

    def b(x):
        return x - x**3

    euler = 0.7 + h * b(0.7)
    expected = {
        "euler": euler,
        "milstein": euler,
        "tamed_euler": 0.7 + h * b(0.7) / (1 + h * b(0.7)),
        # Ralston's method of order 2, and Heun's.
        "srk": 0.7 + h / 3 * (b(0.7) + 2 * b(0.7 + 0.75 * h * b(0.7))),
        "weak2": 0.7 + h / 2 * (b(0.7) + b(euler)),
    }
    for name, value in expected.items():
        found = take_step(SCHEMES[name], process, x, z, z, h=h)[0, 0]
        assert found == pytest.approx(value, rel=1e-13)
