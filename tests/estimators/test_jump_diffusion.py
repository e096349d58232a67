"""JumpDiffusionSDE, its process, density and simulation on cases with a known answer."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import stochtext as st
from stochtext.processes import BrownianMotion, JumpDiffusion, OrnsteinUhlenbeck, process_from_dict
from stochtext.simulation import simulate_jumps
from stochtext.transitions import EulerDensity, JumpEulerDensity

OU = OrnsteinUhlenbeck(0.5, 0.0, 0.75)
JUMPY = JumpDiffusion(OU, 1.75, [0.3], [[1.58]])


def panel(n_paths=20, n_steps=4000, dt=0.005, seed=1, process=JUMPY):
    return simulate_jumps(process, 0.0, dt=dt, n_steps=n_steps, n_paths=n_paths, random_state=seed)


@pytest.fixture(scope="module")
def observed():
    return panel()


def test_the_density_integrates_to_one_with_many_jumps_in_a_step():
    process = JumpDiffusion(BrownianMotion(0.2, 0.5), 50.0, [0.1], [[0.3]])
    # The narrowest normal has a standard deviation of .16: sums on this grid are integrals.
    places = np.linspace(-15, 15, 1201)[:, None]
    value = JumpEulerDensity().log_density(process, np.zeros_like(places), places, 0.0, 0.1)
    assert np.exp(value).sum() * 0.025 == pytest.approx(1, abs=1e-9)


def test_the_density_in_the_plane_integrates_to_one_and_has_its_moments():
    process = JumpDiffusion(
        BrownianMotion([0.1, -0.2], [[0.5, 0.0], [0.2, 0.4]]), 3.0, [0.2, 0.1],
        [[0.4, 0.0], [-0.3, 0.3]],
    )  # fmt: skip
    axis = np.linspace(-6, 6, 161)
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    x = np.zeros_like(points)
    weight = np.exp(JumpEulerDensity().log_density(process, x, points, 0.0, 0.5))
    weight *= (axis[1] - axis[0]) ** 2
    mean, covariance = JumpEulerDensity().moments(process, [[0.0, 0.0]], 0.0, 0.5)
    assert weight.sum() == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(weight @ points, mean[0], atol=1e-6)
    centred = points - mean[0]
    np.testing.assert_allclose((weight * centred.T) @ centred, covariance[0], atol=1e-5)


def test_without_jumps_the_density_is_eulers():
    process = JumpDiffusion(OU, 0.0, [0.0], [[1.0]])
    x, y = np.linspace(-1, 1, 7)[:, None], np.linspace(1, -1, 7)[:, None]
    for name in ("log_density", "residuals", "pit"):
        np.testing.assert_allclose(
            getattr(JumpEulerDensity(), name)(process, x, y, 0.0, 0.3),
            getattr(EulerDensity(), name)(OU, x, y, 0.0, 0.3), rtol=1e-9,
        )  # fmt: skip


def test_a_process_without_jumps_is_refused_by_the_density():
    with pytest.raises(st.InputError, match="no jumps"):
        JumpEulerDensity().log_density(OU, [[0.0]], [[0.0]], 0.0, 0.1)


def test_residuals_of_the_truth_are_standard_normal(observed):
    s = observed.transitions()
    z = JumpEulerDensity().residuals(JUMPY, s.x, s.x_next, s.t, s.dt)[:, 0]
    assert stats.kstest(z, "norm").pvalue > 0.01
    assert np.abs(z).max() < 6


def test_several_jumps_in_one_step_add_up():
    # A peer's simulator is wrong here, with a bias that grows with the rate.
    process = JumpDiffusion(BrownianMotion(0.0, 0.1), 50.0, [0.4], [[0.2]])
    ends = simulate_jumps(
        process, 0.0, dt=0.1, n_steps=10, n_paths=20_000, random_state=3
    ).to_array()[:, -1, 0]
    assert ends.mean() == pytest.approx(20.0, abs=4 * np.sqrt(10.0 / 20_000))
    assert ends.var() == pytest.approx(50 * (0.04 + 0.16) + 0.01, rel=0.05)


def test_schemes_for_diffusions_refuse_jumps():
    with pytest.raises(st.SchemeError, match="jump noise"):
        st.simulate(JUMPY, 0.0, dt=0.1, n_steps=3)


def test_the_process_survives_storage():
    config, arrays = JUMPY.to_dict()
    again = process_from_dict(config, arrays)
    np.testing.assert_array_equal(again.to_vector(), JUMPY.to_vector())
    assert repr(again) == repr(JUMPY)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((OrnsteinUhlenbeck(), 1.0, [0.0], [[1.0]]), "continuous"),
        ((OU, -1.0, [0.0], [[1.0]]), "jump_rate"),
        ((OU, 1.0, [0.0, 1.0], [[1.0]]), "jump_mean"),
    ],
)
def test_wrong_parts_of_a_process_are_named(arguments, message):
    with pytest.raises(st.InputError, match=message):
        JumpDiffusion(*arguments)


def within(results, truth, multiple=3.5):
    for name, true in truth.items():
        error = abs(results.params[name] - true) / results.bse[name]
        assert error < multiple, (name, results.params[name], results.bse[name])


def test_the_threshold_method_recovers_every_parameter(observed):
    results = st.JumpDiffusionSDE().fit(observed).results_
    truth = {"drift[0,0]": 0.0, "drift[0,1]": -0.5, "factor[0,0]": 0.75, "jump_rate": 1.75,
             "jump_mean[0]": 0.3, "jump_factor[0,0]": 1.58}  # fmt: skip
    within(results, truth)
    assert results.bse["jump_rate"] < 0.15


def test_the_moment_method_recovers_centred_jumps():
    X = panel(process=JumpDiffusion(OU, 2.0, [0.0], [[1.2]]), seed=5)
    results = st.JumpDiffusionSDE(method="moments").fit(X).results_
    within(results, {"drift[0,1]": -0.5})
    # About 800 jumps: a relative standard error of sqrt(38 / 800) of the rate.
    assert results.params["jump_rate"] == pytest.approx(2.0, rel=0.6)
    assert results.params["jump_factor[0,0]"] == pytest.approx(1.2, rel=0.25)
    assert np.isnan(results.bse["jump_rate"])


def test_a_polynomial_drift_with_jumps():
    well = st.processes.PolynomialDiffusion([[0.0, 1.0, 0.0, -1.0]], factor=[[0.7]])
    X = panel(process=JumpDiffusion(well, 0.5, [0.0], [[0.8]]), dt=0.01, seed=6)
    results = st.JumpDiffusionSDE(degree=3).fit(X).results_
    within(results, {"drift[0,1]": 1.0, "drift[0,3]": -1.0, "jump_rate": 0.5})
    assert results.get_drift([[0.5]]).estimate[0, 0] == pytest.approx(0.375, abs=0.2)


def test_two_coordinates_jump_together():
    process = JumpDiffusion(
        OrnsteinUhlenbeck(np.eye(2), np.zeros(2), np.diag([0.5, 0.4])), 1.0, [0.0, 0.0],
        [[1.5, 0.0], [1.0, 1.2]],
    )  # fmt: skip
    X = simulate_jumps(process, [0.0, 0.0], dt=0.01, n_steps=2000, n_paths=20, random_state=7)
    results = st.JumpDiffusionSDE().fit(X).results_
    within(results, {"jump_rate": 1.0, "factor[0,0]": 0.5, "jump_factor[1,0]": 1.0})
    assert "visible jumps" in results.summary().as_text()


def test_a_diffusion_has_no_jumps():
    X = st.simulate(OU, 0.0, dt=0.01, n_steps=4000, random_state=8)
    model = st.JumpDiffusionSDE().fit(X)
    assert model.results_.params["jump_rate"] == 0
    assert np.isnan(model.results_.bse["jump_rate"])
    assert "no jumps are seen" in model.results_.summary().as_text()
    reference = EulerDensity().log_density(
        model.process_.continuous, *X.transitions()[:2], 0.0, 0.01
    )
    assert model.score(X) == pytest.approx(reference.mean())


def test_units_of_state_rescale_the_estimate(observed):
    one = st.JumpDiffusionSDE().fit(observed[:12])
    other = st.JumpDiffusionSDE().fit([100 * x for x in observed[:12].arrays()], dt=0.005)
    assert other.results_.params["jump_rate"] == pytest.approx(
        one.results_.params["jump_rate"], rel=1e-5
    )
    for name in ("factor[0,0]", "jump_factor[0,0]", "jump_mean[0]"):
        assert other.results_.params[name] == pytest.approx(
            100 * one.results_.params[name], rel=1e-4
        )


def test_a_trajectory_of_weight_two_is_the_trajectory_twice(observed):
    pieces = observed[:12].arrays()
    weight = np.ones(12)
    weight[3] = 2
    model = st.JumpDiffusionSDE()
    weighted = model.fit(pieces, dt=0.005, sample_weight=weight).results_.params
    twice = model.fit([*pieces, pieces[3]], dt=0.005).results_.params
    np.testing.assert_allclose(weighted, twice, rtol=1e-4)


def test_the_fit_simulates_its_jumps(observed):
    model = st.JumpDiffusionSDE().fit(observed)
    path = model.simulate(n_paths=3, n_steps=2000, random_state=1)
    assert np.abs(np.diff(path.values[:2001, 0])).max() > 0.5
    assert model.results_.simulate(0.0, dt=0.1, n_steps=4, random_state=1).n_transitions == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "guess"}, "method"),
        ({"degree": -1}, "degree"),
        ({"degree": 12}, "degree"),
        ({"threshold": 0.0}, "threshold"),
        ({"cov_type": "nonrobust"}, "cov_type"),
    ],
)
def test_wrong_options_are_named(observed, options, message):
    with pytest.raises(st.InputError, match=message):
        st.JumpDiffusionSDE(**options).fit(observed[:2])


def test_the_moment_method_is_for_one_coordinate():
    x = np.random.default_rng(0).standard_normal((100, 2))
    with pytest.raises(st.InputError, match="one coordinate"):
        st.JumpDiffusionSDE(method="moments").fit(x)


def test_the_error_of_the_slope_does_not_depend_on_the_origin(observed):
    moved = observed.with_values(observed.values + 1e5)
    slope = list(st.JumpDiffusionSDE().fit(observed).results_.params.index)[1]
    errors = [st.JumpDiffusionSDE().fit(panel).results_.bse[slope] for panel in (observed, moved)]
    np.testing.assert_allclose(errors[1], errors[0], rtol=1e-3)


def test_terms_that_repeat_others_are_named_and_left_out():
    # On two states the square is a combination of one and the state itself.
    rng = np.random.default_rng(3)
    x = np.cumsum(rng.random(800) < 0.1) % 2.0
    results = st.JumpDiffusionSDE(degree=2).fit(x[:, None]).results_
    assert results.params["drift[0,2]"] == 0
    assert np.isnan(results.bse["drift[0,2]"])
    assert np.isfinite(results.bse["drift[0,1]"])
    assert "do not identify drift[0,2]" in " ".join(results.summary().as_text().split())
