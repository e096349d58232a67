"""Every scheme declares its orders, keeps to its noise types and draws addressed noise."""

from __future__ import annotations

import numpy as np
import pytest

import stochtext as st
from stochtext.processes import (
    BrownianMotion,
    CoxIngersollRoss,
    GeometricBrownianMotion,
    Heston,
    OrnsteinUhlenbeck,
    TrendingOrnsteinUhlenbeck,
)
from stochtext.simulation import SCHEMES
from stochtext.simulation.noise import INCREMENTS, noise_key, normals

NOISE = ("additive", "diagonal", "general")

ADDITIVE = st.SDE(lambda t, x: -x - x**3, lambda t, x: 0.3, dim=1, noise="additive")
DIAGONAL = st.SDE(lambda t, x: -x, lambda t, x: 0.3 * x, dim=1, noise="diagonal")
GENERAL = st.SDE(
    lambda t, x: -x,
    lambda t, x: np.array([[0.2 * x[0], 0.0], [0.1 * x[0], 0.2 * x[1]]]),
    dim=2,
    noise="general",
)
PLAIN = {"additive": ADDITIVE, "diagonal": DIAGONAL, "general": GENERAL}
BOUNDED = {
    "additive": st.SDE(lambda t, x: -x, lambda t, x: 0.3, dim=1, noise="additive"),
    "diagonal": CoxIngersollRoss(2.0, 0.5, 0.7),
    "general": Heston(0.1, 2.0, 0.5, 0.7, -0.5),
}
EXACT = {
    "additive": OrnsteinUhlenbeck(1.0, 0.2, 0.3),
    "diagonal": CoxIngersollRoss(2.0, 0.5, 0.7),
    "general": GeometricBrownianMotion([0.1, 0.2], [[0.3, 0.1], [0.0, 0.2]]),
}


class HalfLine(st.processes.Process):
    """Brownian motion with drift towards zero, declared to live above zero."""

    def __init__(self):
        super().__init__(dim=1, noise="additive", noise_dim=1)

    domain = ((0.0, np.inf),)

    def _drift(self, x, t):
        return -x

    def _diffusion(self, x, t):
        return np.full((len(x), 1, 1), 0.3)


def process_for(scheme, noise):
    if scheme.exact:
        return EXACT[noise]
    if scheme.bounded:
        return HalfLine() if noise == "additive" else BOUNDED[noise]
    return PLAIN[noise]


@pytest.fixture(params=sorted(SCHEMES))
def scheme(request):
    return SCHEMES[request.param]


def run(scheme, noise, x0=None, **options):
    process = process_for(scheme, noise)
    # Nine paths and two substeps: one kernel serves all the runs here.
    settings = {
        "dt": 0.1, "n_steps": 8, "n_paths": 9, "n_substeps": 2, "scheme": scheme.name,
        "random_state": 2,
    }  # fmt: skip
    x0 = np.full(process.dim, 0.5) if x0 is None else x0
    return st.simulate(process, x0, **{**settings, **options})


def test_orders_are_declared_for_the_same_noise_types_with_their_source(scheme):
    assert set(scheme.strong_order) == set(scheme.weak_order) == set(scheme.noise)
    assert scheme.source
    assert all(order > 0 for order in scheme.strong_order.values())
    assert all(scheme.weak_order[noise] >= scheme.strong_order[noise] for noise in scheme.noise)


@pytest.mark.parametrize("noise", NOISE)
def test_declared_noise_runs_and_other_noise_is_refused(scheme, noise):
    if noise in scheme.noise:
        assert np.isfinite(run(scheme, noise).values).all()
    else:
        with pytest.raises(st.SchemeError, match=f"{scheme.name}.*{noise}"):
            run(scheme, noise)


def supported(scheme):
    return [(noise, run(scheme, noise)) for noise in scheme.noise]


def test_numbers_do_not_depend_on_threads_or_company(scheme):
    for noise, one in supported(scheme):
        for other in (run(scheme, noise, n_threads=1), run(scheme, noise, n_threads=3)):
            np.testing.assert_array_equal(one.values, other.values)
        alone = run(scheme, noise, n_paths=1, first_path=4)
        np.testing.assert_array_equal(one[4].values, alone.values)


def test_saving_every_second_step_shows_the_same_path(scheme):
    for noise, full in supported(scheme):
        half = run(scheme, noise, save_every=2)
        np.testing.assert_array_equal(half[3].values, full[3].values[::2])


def test_a_run_may_be_cut_in_two(scheme):
    for noise, full in supported(scheme):
        begin = run(scheme, noise, n_steps=3).to_array()[:, -1]
        if scheme.hidden_state:
            with pytest.raises(st.SchemeError, match="cannot continue a run.*first_step=3"):
                run(scheme, noise, begin, n_steps=5, first_step=3)
        else:
            end = run(scheme, noise, begin, n_steps=5, first_step=3)
            np.testing.assert_array_equal(end.to_array(), full.to_array()[:, 3:])


def test_float32_is_close_to_float64(scheme):
    noise = scheme.noise[-1]
    single, double = run(scheme, noise, dtype="float32"), run(scheme, noise)
    # Sixteen steps, each with a few roundings of 6e-8, and square roots near zero.
    np.testing.assert_allclose(single.values, double.values, rtol=2e-4, atol=2e-5)


def test_antithetic_pairs_have_the_paths_of_opposite_noise(scheme):
    for noise in scheme.noise:
        pairs = run(scheme, noise, antithetic=True, n_paths=8).to_array()
        whole = run(scheme, noise, n_paths=4).to_array()
        np.testing.assert_array_equal(pairs[::2], whole)
        assert not np.array_equal(pairs[1::2], whole)
        half = run(scheme, noise, antithetic=True, n_paths=3, first_path=5).to_array()
        np.testing.assert_array_equal(half, pairs[5:])


@pytest.mark.parametrize("process", [BrownianMotion(0.3, 0.5), EXACT["general"]])
def test_an_exact_path_is_the_strong_solution_on_the_path_of_the_other_schemes(process):
    options = {"dt": 0.05, "n_steps": 4, "n_paths": 8, "random_state": 3}
    x0 = np.ones(process.dim)
    exact = st.simulate(process, x0, scheme="exact", **options).to_array()
    milstein = st.simulate(process, x0, scheme="milstein", n_substeps=512, **options).to_array()
    np.testing.assert_allclose(milstein, exact, atol=2e-3)
    for size in (exact[:, 1:] - 1.0, milstein[:, 1:] - 1.0):
        assert np.abs(size).mean() > 0.05


def test_exact_steps_are_those_of_the_process_on_its_clock():
    process = TrendingOrnsteinUhlenbeck(2.0, [[0.3], [1.0]], 0.5)
    panel = st.simulate(
        process, 1.0, dt=0.5, n_steps=4, n_paths=3, scheme="exact", n_substeps=3, first_path=2,
        random_state=4,
    )  # fmt: skip
    z = normals(noise_key(4), INCREMENTS, 2, 3, 0, 4)
    x = np.ones((3, 1))
    for k in range(4):
        x = process.exact_step(x, 0.25 * k, 0.5, 0.25, z[:, k : k + 1])
        np.testing.assert_array_equal(panel.to_array()[:, k + 1], x)


def test_an_exact_path_that_leaves_the_numbers_is_cut_there():
    process = GeometricBrownianMotion(400.0, 1.0)
    options = {"dt": 1.0, "n_steps": 6, "n_paths": 2, "scheme": "exact", "random_state": 1}
    with pytest.warns(st.SimulationWarning, match="2 of 2 paths became non-finite.*time 2"):
        panel = st.simulate(process, 1.0, n_substeps=3, **options)
    np.testing.assert_array_equal(panel.lengths, [2, 2])
    np.testing.assert_array_equal(panel.metadata["exploded_at"], [2.0, 2.0])
