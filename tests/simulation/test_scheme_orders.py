"""Strong orders of the schemes as `simulate` runs them, on one Brownian path for all steps.

One step of the grid is cut into more and more substeps, which see the same path. The reference is
the solution in closed form, on the same path, or a step that is very much smaller.
"""

import numpy as np
import pytest

from stochtext._shared.exceptions import SchemeError
from stochtext.processes import (
    SDE,
    CoxIngersollRoss,
    DoubleWell,
    GeometricBrownianMotion,
    Jacobi,
    KesslerSorensen,
    OrnsteinUhlenbeck,
)
from stochtext.simulation import SCHEMES, Scheme, simulate
from stochtext.simulation.noise import INCREMENTS, noise_key, normals

PATHS, SEED = 1024, 11

GEOMETRIC = GeometricBrownianMotion(0.3, 0.8)
# Noise that commutes: Milstein's scheme needs no Lévy areas.
PLANE = GeometricBrownianMotion([0.1, 0.2], [[0.5, 0.2], [-0.1, 0.4]])
# A bent drift: without it order 1.5 shows as 2.
SEASONAL = SDE(
    lambda t, x: np.cos(2.0 * t) - x + np.sin(3.0 * x),
    lambda t, x: 0.7 + 0.3 * np.sin(3.0 * t),
    noise="additive",
)
# X = sinh(W + arsinh x), Kloeden and Platen (1992), section 4.4.
HYPERBOLIC_SINE = SDE(lambda t, x: 0.5 * x, lambda t, x: np.sqrt(1.0 + x * x))
TWISTED = SDE(
    lambda t, x: np.array([-0.2 * x[0], 0.2 * x[0] - 0.1 * x[1]]),
    lambda t, x: np.array([[0.3, 0.8 * x[1]], [0.9 * x[0], 0.3]]),
    dim=2,
    noise="general",
)
SQUARE_ROOT = CoxIngersollRoss(2.0, 0.5, 0.5)


def last(process, x0, scheme, substeps):
    panel = simulate(
        process, x0, dt=1.0, n_steps=1, n_paths=PATHS, scheme=scheme, n_substeps=substeps,
        random_state=SEED, n_threads=1,
    )  # fmt: skip
    return panel.to_array()[:, -1]


def closed_form(process, x0, scheme):
    return last(process, x0, "exact", 1)


def sine_solution(process, x0, scheme):
    w = normals(noise_key(SEED), INCREMENTS, 0, PATHS, 0, 1)
    return np.sinh(w + np.arcsinh(x0))


def fine(process, x0, scheme):
    # Schemes whose substeps see the same path share Euler's scheme as reference.
    own = SCHEMES[scheme].time_integrals or SCHEMES[scheme].bounded
    return last(process, x0, scheme if own else "euler", 2**11 if own else 2**13)


LOW, HIGH, HIGHER = (4, 8, 16, 32), (16, 32, 64, 128), (64, 128, 256, 512)
ROWS = [
    # scheme, noise, process, start, reference, numbers of steps
    ("euler", "additive", SEASONAL, 0.5, fine, HIGH),
    ("euler", "diagonal", GEOMETRIC, 1.0, closed_form, HIGH),
    ("euler", "general", PLANE, [1.0, 1.0], closed_form, HIGH),
    ("euler", "general", TWISTED, [1.0, 0.5], fine, HIGH),
    ("milstein", "additive", SEASONAL, 0.5, fine, HIGH),
    ("milstein", "diagonal", GEOMETRIC, 1.0, closed_form, HIGH),
    ("milstein", "diagonal", HYPERBOLIC_SINE, 0.5, sine_solution, HIGH),
    ("milstein", "general", PLANE, [1.0, 1.0], closed_form, HIGH),
    ("tamed_euler", "additive", SEASONAL, 0.5, fine, HIGH),
    ("tamed_euler", "diagonal", GEOMETRIC, 1.0, closed_form, HIGH),
    ("tamed_euler", "general", TWISTED, [1.0, 0.5], fine, HIGH),
    ("implicit_euler", "additive", SEASONAL, 0.5, fine, HIGH),
    ("implicit_euler", "diagonal", GEOMETRIC, 1.0, closed_form, HIGH),
    ("implicit_euler", "general", TWISTED, [1.0, 0.5], fine, HIGH),
    ("srk", "additive", SEASONAL, 0.5, fine, HIGH),
    ("srk", "diagonal", GEOMETRIC, 1.0, closed_form, HIGHER),
    ("srk", "diagonal", HYPERBOLIC_SINE, 0.5, sine_solution, HIGHER),
    ("weak2", "additive", SEASONAL, 0.5, fine, HIGH),
    ("weak2", "diagonal", GEOMETRIC, 1.0, closed_form, HIGH),
    ("weak2", "general", TWISTED, [1.0, 0.5], fine, HIGH),
    ("truncated_euler", "diagonal", SQUARE_ROOT, 0.3, fine, LOW),
    ("reflected_euler", "diagonal", SQUARE_ROOT, 0.3, fine, LOW),
]


def slope(counts, errors):
    return -np.polyfit(np.log(counts), np.log(errors), 1)[0]


@pytest.mark.parametrize(
    ("scheme", "noise", "process", "x0", "reference", "counts"),
    ROWS,
    ids=[f"{row[0]}-{row[1]}-{type(row[2]).__name__}" for row in ROWS],
)
def test_strong_order_is_the_declared_one(scheme, noise, process, x0, reference, counts):
    assert process.noise == noise
    solution = reference(process, x0, scheme)
    errors = [np.abs(last(process, x0, scheme, n) - solution).mean() for n in counts]
    found, declared = slope(counts, errors), SCHEMES[scheme].strong_order[noise]
    if SCHEMES[scheme].order_is_bound:
        assert found >= declared - 0.1
    else:
        assert found == pytest.approx(declared, abs=0.1)


# Weak orders where the mean of a step is no polynomial: the same noise for scheme and reference
# leaves of the difference of means little more than the error of discretisation.
@pytest.mark.parametrize(
    ("scheme", "process", "x0", "reference"),
    [
        ("tamed_euler", GeometricBrownianMotion(0.5, 0.3), 1.0, closed_form),
        ("truncated_euler", SQUARE_ROOT, 0.3, fine),
        ("reflected_euler", SQUARE_ROOT, 0.3, fine),
    ],
)
def test_weak_order_is_at_least_the_declared_one(scheme, process, x0, reference, monkeypatch):
    monkeypatch.setitem(globals(), "PATHS", 2**15)
    solution, counts = reference(process, x0, scheme) ** 2, HIGH
    differences = [last(process, x0, scheme, n) ** 2 - solution for n in counts]
    errors = [abs(difference.mean()) for difference in differences]
    noise = [difference.std() / np.sqrt(PATHS) for difference in differences]
    assert all(np.array(noise) < 0.1 * np.array(errors))
    assert slope(counts, errors) >= SCHEMES[scheme].weak_order[process.noise] - 0.15


WELL = DoubleWell(1.0, 1.0, 0.7)
LONG_RUNS = [
    *[(name, OrnsteinUhlenbeck(1.0, 0.5, 0.6), 0.5) for name in ("euler", "exact")],
    *[(name, WELL, 0.0) for name in ("tamed_euler", "implicit_euler", "srk", "weak2")],
    *[(name, SQUARE_ROOT, 0.5) for name in ("truncated_euler", "reflected_euler", "exact")],
    *[(name, Jacobi(1.0, 0.4, 0.6), 0.4) for name in ("truncated_euler", "reflected_euler")],
]


@pytest.mark.parametrize(
    ("scheme", "process", "x0"),
    LONG_RUNS,
    ids=[f"{row[0]}-{type(row[1]).__name__}" for row in LONG_RUNS],
)
def test_long_runs_reach_the_stationary_moments(scheme, process, x0):
    n, n_steps = 2000, 16 if scheme == "exact" else 400
    panel = simulate(
        process, x0, dt=8.0 / n_steps, n_steps=n_steps, n_paths=n, scheme=scheme, n_substeps=2,
        save_every=n_steps, random_state=5, antithetic=process is WELL, n_threads=1,
    )  # fmt: skip
    x = panel.to_array()[:, -1, 0]
    mean, variance = stationary_moments(process)
    # Pairs of opposite paths have the same square each: half as many independent numbers.
    free = n / 2 if process is WELL else n
    assert abs(x.mean() - mean) < 3 * np.sqrt(variance / n)
    squares = (x - mean) ** 2
    assert abs(squares.mean() - variance) < 3 * squares.std() / np.sqrt(free)


def stationary_moments(process):
    if isinstance(process, DoubleWell):
        # Density exp(2 / sigma^2 (x^2 / 2 - x^4 / 4)) for alpha = beta = 1.
        x = np.linspace(-5.0, 5.0, 20001)
        density = np.exp(2.0 / 0.7**2 * (x**2 / 2 - x**4 / 4))
        return 0.0, float((x**2 * density).sum() / density.sum())
    mean, covariance = process.stationary_mean(), process.stationary_covariance()
    return float(np.ravel(mean)[0]), float(np.ravel(covariance)[0])


def test_a_scheme_refuses_what_it_does_not_support_naming_both_sides():
    narrow = Scheme("narrow", {"additive": 1.0}, {"additive": 1.0}, "nowhere", ("euler",))
    with pytest.raises(SchemeError, match="'narrow' supports additive noise.*diagonal noise"):
        narrow.check(HYPERBOLIC_SINE)
    with pytest.raises(SchemeError, match="'srk' supports additive and diagonal.*general noise"):
        simulate(TWISTED, [1.0, 0.5], dt=0.1, n_steps=2, scheme="srk")
    for name in ("truncated_euler", "reflected_euler"):
        with pytest.raises(SchemeError, match=f"'{name}' is for.*DoubleWell lives on the whole"):
            simulate(WELL, 0.0, dt=0.1, n_steps=2, scheme=name)
    with pytest.raises(SchemeError, match="'exact' supports.*exact step.*DoubleWell has none"):
        simulate(WELL, 0.0, dt=0.1, n_steps=2, scheme="exact")


@pytest.mark.parametrize("scheme", ["milstein", "srk", "weak2"])
def test_diagonal_noise_across_coordinates_is_refused(scheme):
    process = SDE(lambda t, x: -x, lambda t, x: np.array([x[1], 1.0]), dim=2)
    with pytest.raises(SchemeError, match=f"'{scheme}' supports diagonal noise.*coordinate 1"):
        simulate(process, [1.0, 1.0], dt=0.1, n_steps=2, scheme=scheme)


def test_milstein_equals_euler_for_additive_noise():
    euler, milstein = (last(WELL, 0.5, name, 16) for name in ("euler", "milstein"))
    np.testing.assert_array_equal(euler, milstein)


@pytest.mark.parametrize("process", [SQUARE_ROOT, Jacobi(1.0, 0.4, 0.6)])
@pytest.mark.parametrize("scheme", ["truncated_euler", "reflected_euler"])
def test_states_never_leave_the_domain(scheme, process):
    panel = simulate(
        process, 0.5, dt=0.8, n_steps=50, n_paths=64, scheme=scheme, n_substeps=2, random_state=1
    )
    low, high = process.domain[0]
    assert low <= panel.values.min() < 0.05
    assert panel.values.max() <= high


def test_stiff_and_superlinear_drifts_stay_finite_where_euler_explodes():
    start = np.array([1e6, -50.0, 3.0, 0.0] * 4)
    options = {"dt": 1.0, "n_steps": 20, "n_substeps": 2, "random_state": 3, "n_threads": 1}
    for name in ("implicit_euler", "tamed_euler"):
        panel = simulate(WELL, start, scheme=name, **options)
        assert np.all(np.isnan(panel.metadata["exploded_at"]))
    with pytest.warns(match="14 of 16 paths became non-finite"):
        simulate(WELL, start, scheme="euler", **options)


def test_truncation_refuses_coefficients_that_are_infinite_at_an_end():
    process = KesslerSorensen(1.0, 1.0)
    with pytest.raises(SchemeError, match="'truncated_euler' needs drift and diffusion"):
        simulate(process, 0.1, dt=0.02, n_steps=2, scheme="truncated_euler")


def test_coordinate_of_another_ones_noise_is_found_where_it_vanishes_at_the_start():
    product = SDE(lambda t, x: -x, lambda t, x: np.array([0.5 * x[0] * x[1], 0.3]), dim=2)
    later = SDE(lambda t, x: -x, lambda t, x: np.array([0.5 + t * x[1], 0.3]), dim=2)
    for process in (product, later):
        with pytest.raises(SchemeError, match="coordinate 1"):
            simulate(process, [0.0, 0.0], dt=0.1, n_steps=2, scheme="milstein")


def test_correlated_geometric_motion_takes_no_areas():
    process = GeometricBrownianMotion([0.1, 0.2], [[0.3, 0.0], [0.1, 0.2]])
    assert SCHEMES["milstein"].further_numbers(process, 2, 0.01) == 0
