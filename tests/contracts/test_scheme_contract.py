"""Every scheme declares its orders, keeps to its noise types and draws addressed noise."""

from __future__ import annotations

import numpy as np
import pytest

import stochtext as st
from stochtext.simulation import SCHEMES

NOISE = ("additive", "diagonal", "general")


def linear(noise):
    if noise == "additive":
        return st.SDE(lambda t, x: -x, lambda t, x: 0.0 * x + 0.3, dim=1, noise="additive")
    if noise == "diagonal":
        return st.SDE(lambda t, x: -x, lambda t, x: 0.3 * x, dim=1, noise="diagonal")
    return st.SDE(
        lambda t, x: -x,
        lambda t, x: np.array([[0.2 * x[0], 0.0], [0.1 * x[0], 0.2 * x[1]]]),
        dim=2,
        noise="general",
    )


@pytest.fixture(params=sorted(SCHEMES))
def scheme(request):
    return SCHEMES[request.param]


def run(scheme, noise, **options):
    process = linear(noise)
    settings = {"dt": 0.1, "n_steps": 8, "n_paths": 5, "scheme": scheme.name, "random_state": 2}
    return st.simulate(process, np.full(process.dim, 0.5), **{**settings, **options})


def test_orders_are_declared_for_the_same_noise_types_with_their_source(scheme):
    assert set(scheme.strong_order) == set(scheme.weak_order) == set(scheme.noise)
    assert scheme.source
    assert all(0 < order <= 3 for order in (*scheme.strong_order.values(),))
    assert all(
        weak >= strong
        for weak, strong in zip(
            scheme.weak_order.values(), scheme.strong_order.values(), strict=True
        )
    )


@pytest.mark.parametrize("noise", NOISE)
def test_declared_noise_runs_and_other_noise_is_refused(scheme, noise):
    if noise in scheme.noise:
        assert np.isfinite(run(scheme, noise).values).all()
    else:
        with pytest.raises(st.SchemeError, match=f"{scheme.name}.*{noise}"):
            run(scheme, noise)


@pytest.mark.parametrize("noise", NOISE)
def test_numbers_do_not_depend_on_threads_or_company(scheme, noise):
    one = run(scheme, noise, n_threads=1)
    np.testing.assert_array_equal(one.values, run(scheme, noise, n_threads=2).values)
    alone = run(scheme, noise, n_paths=1)
    np.testing.assert_array_equal(one[0].values, alone.values)


@pytest.mark.parametrize("noise", NOISE)
def test_saving_every_second_step_shows_the_same_path(scheme, noise):
    full, half = run(scheme, noise), run(scheme, noise, save_every=2)
    np.testing.assert_array_equal(half[0].values, full[0].values[::2])


def test_without_noise_every_scheme_is_the_explicit_euler_method(scheme):
    process = st.OrnsteinUhlenbeck(2.0, 0.0, 0.0)
    path = st.simulate(process, 1.0, dt=0.1, n_steps=10, scheme=scheme.name, random_state=0)
    np.testing.assert_allclose(path.values[:, 0], 0.8 ** np.arange(11), rtol=1e-12)
