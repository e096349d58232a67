"""Diffusion bridges: both ends are hit, and the weights give the transition density."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from stochtext._shared.exceptions import (
    InputError,
    ResourceLimitError,
    SchemeError,
    SimulationError,
    UnspecifiedParameterError,
)
from stochtext.processes import (
    SDE,
    BrownianMotion,
    CoxIngersollRoss,
    GeometricBrownianMotion,
    OrnsteinUhlenbeck,
    Process,
    TrendingOrnsteinUhlenbeck,
    VanDerPol,
)
from stochtext.simulation import bridge_weights, simulate_bridge
from stochtext.simulation.bridge_weights import bridge_log_weights, log_mean_weights
from stochtext.simulation.noise import noise_key

OU = OrnsteinUhlenbeck(1.0, 0.5, 0.6)
PLANE = OrnsteinUhlenbeck([[1.0, -0.5], [0.7, 0.8]], [1.0, -1.0], [[0.5, 0.0], [0.2, 0.4]])
TRENDING = TrendingOrnsteinUhlenbeck(2.0, [[0.0], [3.0]], 0.7)
KEY = noise_key(3)


class InNumPy(Process):
    """A process without machine code, as a fitted one would be."""

    def __init__(self, process):
        super().__init__(
            dim=process.dim, noise=process.noise, noise_dim=process.noise_dim, clock=process.clock
        )
        self.process = process

    def _drift(self, x, t):
        return self.process.drift(x, t)

    def _diffusion(self, x, t):
        return self.process.diffusion(x, t)


def euler_log_density(process, x0, x1, duration, n_steps, t0=0.0, clock_duration=None):
    """Log density of the Euler scheme for linear drift and constant diffusion: it is Gaussian."""
    h, clock = duration / n_steps, (clock_duration or duration) / n_steps
    d = len(x0)
    mean, covariance = np.array(x0, dtype=float), np.zeros((d, d))
    a = process.covariance(mean[None])[0]
    for k in range(n_steps):
        t = t0 + k * clock
        at_zero = process.drift(np.zeros((1, d)), t)[0]
        slope = (process.drift(np.eye(d), t) - at_zero).T
        flow = np.eye(d) + slope * h
        mean = flow @ mean + at_zero * h
        covariance = flow @ covariance @ flow.T + a * h
    return multivariate_normal.logpdf(x1, mean, covariance)


def weights(process, x0, x1, duration=0.8, n_inner=8, n_draws=1000, t=0.0, **options):
    """Log weights of one transition."""
    return bridge_log_weights(
        process,
        np.atleast_2d(np.asarray(x0, dtype=float)),
        np.atleast_2d(np.asarray(x1, dtype=float)),
        np.array([t]),
        np.array([duration]),
        n_inner=n_inner,
        n_draws=n_draws,
        key=KEY,
        **options,
    )


@pytest.mark.parametrize("proposal", ["modified", "residual"])
@pytest.mark.parametrize(
    ("process", "x0", "x1"),
    [(OU, [0.0], [1.3]), (PLANE, [0.0, 1.0], [0.5, -0.5]), (TRENDING, [0.2], [1.0])],
    ids=["scalar", "plane", "relative clock"],
)
def test_every_bridge_starts_and_ends_exactly_where_it_should(process, x0, x1, proposal):
    bridges = simulate_bridge(
        process, x0, x1, duration=0.7, n_steps=9, n_paths=50, t0=2.0, proposal=proposal,
        random_state=1,
    )  # fmt: skip
    states = bridges.paths.to_array()
    assert states.shape == (50, 10, len(x0))
    assert np.all(states[:, 0] == x0)
    assert np.all(states[:, -1] == x1)
    assert np.isfinite(states).all()
    assert bridges.n_lost == 0
    np.testing.assert_allclose(bridges.paths.times[:10], 2.0 + 0.7 * np.arange(10) / 9)
    np.testing.assert_array_equal(bridges.paths.metadata["log_weight"], bridges.log_weights)


@pytest.mark.parametrize("proposal", ["modified", "residual"])
def test_bridges_of_brownian_motion_with_drift_have_one_weight_the_exact_density(proposal):
    process = BrownianMotion(mu=[1.5, -0.3], sigma=[[0.5, 0.0], [0.3, 0.8]])
    x0, x1 = [0.2, 0.1], [1.0, -1.0]
    bridges = simulate_bridge(
        process, x0, x1, duration=0.8, n_steps=7, n_paths=64, proposal=proposal, random_state=1
    )
    mean, covariance = process.transition_moments([x0], 0.8)
    exact = multivariate_normal.logpdf(x1, mean[0], covariance[0])
    np.testing.assert_allclose(bridges.log_weights, exact, rtol=0, atol=1e-12)
    assert bridges.log_density == pytest.approx(exact, abs=1e-12)
    assert bridges.effective_sample_size == pytest.approx(64)


@pytest.mark.parametrize("proposal", ["modified", "residual"])
@pytest.mark.parametrize("n_steps", [1, 2, 5, 16])
@pytest.mark.parametrize(
    ("process", "x0", "x1"),
    [(OU, [-0.5], [1.0]), (PLANE, [0.0, 1.0], [0.8, 0.0])],
    ids=["scalar", "plane"],
)
def test_density_is_that_of_the_euler_scheme_within_three_errors(
    process, x0, x1, n_steps, proposal
):
    lw = weights(process, x0, x1, n_inner=n_steps, n_draws=20000, proposal=proposal)
    estimate, error = log_mean_weights(lw)
    exact = euler_log_density(process, x0, x1, 0.8, n_steps)
    assert abs(estimate[0] - exact) <= 3.0 * error[0] + 1e-12
    assert error[0] < 0.02


def test_density_tends_to_that_of_the_process():
    x0, x1 = [0.0, 1.0], [0.8, 0.0]
    mean, covariance = PLANE.transition_moments([x0], 0.8)
    exact = multivariate_normal.logpdf(x1, mean[0], covariance[0])
    errors = []
    for n_steps in (4, 16, 64):
        estimate, error = log_mean_weights(
            weights(PLANE, x0, x1, n_inner=n_steps, n_draws=20000, antithetic=True), True
        )
        errors.append(abs(estimate[0] - exact))
    # The bias is of order 1 / n_steps, and much larger than the Monte Carlo error at first.
    assert errors[1] < 0.4 * errors[0]
    assert errors[2] < 0.4 * errors[1] + 3.0 * error[0]


@pytest.mark.parametrize("t0", [0.0, 0.7])
def test_time_dependent_drift_is_read_at_the_time_of_the_step(t0):
    process = SDE(lambda t, x: 4.0 * np.cos(3.0 * t) - x, lambda t, x: 0.5)
    bridges = simulate_bridge(
        process, 0.3, 1.0, duration=0.9, n_steps=12, n_paths=20000, t0=t0, random_state=5
    )
    exact = euler_log_density(process, [0.3], [1.0], 0.9, 12, t0)
    assert abs(bridges.log_density - exact) <= 3.0 * bridges.log_density_se


def test_relative_clock_runs_once_over_the_bridge():
    bridges = simulate_bridge(
        TRENDING, 0.3, 1.0, duration=0.9, n_steps=12, n_paths=20000, t0=5.0, random_state=5
    )
    exact = euler_log_density(TRENDING, [0.3], [1.0], 0.9, 12, 0.0, 1.0)
    assert abs(bridges.log_density - exact) <= 3.0 * bridges.log_density_se


def test_state_dependent_noise_gives_the_known_density():
    # The Euler scheme at 64 steps is within 0.02 of the log-normal law.
    process = GeometricBrownianMotion(mu=0.4, sigma=0.5)
    bridges = simulate_bridge(
        process, 1.0, 1.5, duration=0.5, n_steps=64, n_paths=20000, random_state=2
    )
    exact = process.transition_log_density([[1.0]], [[1.5]], 0.5)[0]
    assert abs(bridges.log_density - exact) <= 0.02 + 3.0 * bridges.log_density_se


def test_noise_with_more_sources_than_coordinates_counts_through_its_covariance():
    wide = np.array([[0.5, 0.2, 0.1], [0.0, 0.4, 0.3]])
    square = np.linalg.cholesky(wide @ wide.T)

    def drift(t, x):
        return np.array([1.0 - x[0] + 0.5 * x[1], -x[1]])

    many = SDE(drift, lambda t, x: wide, dim=2, noise="general")
    few = SDE(drift, lambda t, x: square, dim=2, noise="general")
    x0, x1 = [0.0, 1.0], [0.4, 0.2]
    np.testing.assert_allclose(weights(many, x0, x1), weights(few, x0, x1), rtol=0, atol=1e-11)


def test_weighted_bridges_have_the_law_of_the_process_given_both_ends():
    process = OrnsteinUhlenbeck(1.5, 0.0, 1.0)
    x0, x1, half = 2.0, 1.0, 0.5
    bridges = simulate_bridge(
        process, x0, x1, duration=2 * half, n_steps=50, n_paths=20000, random_state=4
    )
    middle = bridges.paths.to_array()[:, 25, 0]
    phi = np.exp(-1.5 * half)
    variance = (1.0 - phi**2) / 3.0
    precision = (1.0 + phi**2) / variance
    mean = phi * (x0 + x1) / variance / precision
    weighted = bridges.weights @ middle
    error = np.sqrt(bridges.weights**2 @ (middle - weighted) ** 2)
    assert abs(weighted - mean) <= 3.0 * error + 2e-3
    assert abs(middle.mean() - mean) > 0.05
    spread = bridges.weights @ (middle - weighted) ** 2
    assert spread == pytest.approx(1.0 / precision, rel=0.05)
    assert 0.1 * 20000 < bridges.effective_sample_size < 20000


def test_residual_bridge_is_better_where_the_drift_bends_the_way():
    process = OrnsteinUhlenbeck(4.0, 0.0, 0.5)
    options = {"duration": 1.0, "n_steps": 40, "n_paths": 2000, "random_state": 1}
    size = {
        proposal: simulate_bridge(
            process, 4.0, 0.1, proposal=proposal, **options
        ).effective_sample_size
        for proposal in ("modified", "residual")
    }
    assert size["residual"] > 10.0 * size["modified"]


def test_standard_error_is_the_spread_of_repeated_estimates():
    n = 400
    x, x_next = np.zeros((n, 1)), np.full((n, 1), 1.0)
    for antithetic in (False, True):
        lw = bridge_log_weights(
            OU, x, x_next, np.zeros(n), np.full(n, 0.8), n_inner=8, n_draws=200, key=KEY,
            antithetic=antithetic,
        )  # fmt: skip
        estimate, error = log_mean_weights(lw, antithetic)
        # The spread of 400 estimates is known to 3.5 percent.
        assert error.mean() == pytest.approx(estimate.std(ddof=1), rel=0.12)


def test_antithetic_bridges_mirror_one_another_and_save_variance():
    # Far from the mean the log weight is nearly linear in the noise.
    options = {"duration": 0.8, "n_steps": 8, "n_paths": 200, "random_state": 1}
    bridges = simulate_bridge(OU, 3.0, 2.0, antithetic=True, **options)
    states = bridges.paths.to_array()
    straight = np.linspace(3.0, 2.0, 9)[None, :, None]
    np.testing.assert_allclose(0.5 * (states[0::2] + states[1::2]) - straight, 0.0, atol=1e-14)
    alone = simulate_bridge(OU, 3.0, 2.0, **options)
    assert bridges.log_density_se < 0.7 * alone.log_density_se


@pytest.mark.parametrize("process", [OU, PLANE, TRENDING], ids=["scalar", "plane", "relative"])
def test_numbers_are_bitwise_independent_of_threads_tiles_and_company(process, monkeypatch):
    d = process.dim
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, d))
    x_next = x + 0.3 * rng.normal(size=(30, d))
    t, dt = np.repeat([0.0, 0.2, 0.5], 10), rng.uniform(0.1, 0.5, 30)
    options = {"n_inner": 5, "n_draws": 14, "key": KEY, "clock_dt": 0.1 + 0.1 * t}
    whole = bridge_log_weights(process, x, x_next, t, dt, **options)
    threads = bridge_log_weights(process, x, x_next, t, dt, n_threads=3, **options)
    np.testing.assert_array_equal(threads, whole)
    row = 17
    one = slice(row, row + 1)
    options["clock_dt"] = options["clock_dt"][one]
    alone = bridge_log_weights(
        process, x[one], x_next[one], t[one], dt[one], first_path=row * 14, **options
    )
    np.testing.assert_array_equal(alone[0], whole[row])
    monkeypatch.setattr(bridge_weights, "_LANES", 9)
    monkeypatch.setattr(bridge_weights, "_TASK", 100)
    options["clock_dt"] = 0.1 + 0.1 * t
    np.testing.assert_array_equal(
        bridge_log_weights(process, x, x_next, t, dt, n_threads=2, **options), whole
    )


def test_seed_and_first_path_address_the_noise():
    options = {"duration": 0.8, "n_steps": 6}
    whole = simulate_bridge(OU, 0.0, 1.0, n_paths=30, random_state=9, **options)
    part = simulate_bridge(OU, 0.0, 1.0, n_paths=10, first_path=20, random_state=9, **options)
    np.testing.assert_array_equal(part.log_weights, whole.log_weights[20:])
    np.testing.assert_array_equal(part.paths.to_array(), whole.paths.to_array()[20:])
    other = simulate_bridge(OU, 0.0, 1.0, n_paths=30, random_state=10, **options)
    assert not np.any(other.log_weights == whole.log_weights)


@pytest.mark.parametrize("process", [PLANE, TRENDING], ids=["plane", "relative"])
def test_process_without_machine_code_gives_the_same_weights(process):
    n, d = 5, process.dim
    x, x_next = np.zeros((n, d)), np.full((n, d), 0.4)
    t, dt = np.linspace(0.0, 0.8, n), np.full(n, 0.3)
    options = {"n_inner": 6, "n_draws": 20, "key": KEY, "clock_dt": np.full(n, 0.2)}
    np.testing.assert_allclose(
        bridge_log_weights(InNumPy(process), x, x_next, t, dt, **options),
        bridge_log_weights(process, x, x_next, t, dt, **options),
        rtol=0,
        atol=1e-11,
    )


def test_bridges_that_leave_the_domain_have_no_weight_and_are_counted():
    process = CoxIngersollRoss(kappa=1.0, mu=0.2, sigma=0.6)
    bridges = simulate_bridge(
        process, 0.05, 0.06, duration=0.5, n_steps=30, n_paths=4000, random_state=1
    )
    assert 0 < bridges.n_lost < 3000
    assert np.isneginf(bridges.log_weights).sum() == bridges.n_lost
    assert len(bridges.paths) == 4000 - bridges.n_lost
    assert np.all(bridges.paths.values >= 0.0)
    assert np.all(bridges.weights[np.isneginf(bridges.log_weights)] == 0.0)
    assert not np.any(np.isin(bridges.paths.ids, np.flatnonzero(bridges.weights == 0.0)))


def test_explosion_of_all_bridges_is_an_error():
    process = SDE(lambda t, x: np.where(t > 0.3, np.nan, -x), lambda t, x: 0.5)
    with pytest.raises(SimulationError, match="None of the 10 bridges"):
        simulate_bridge(process, 0.0, 1.0, duration=1.0, n_steps=8, n_paths=10)


def test_log_mean_of_weights_survives_zero_and_tiny_ones():
    lw = np.array([[-np.inf, -np.inf], [-1000.0, -1000.0], [-np.inf, 0.0]])
    estimate, error = log_mean_weights(lw)
    np.testing.assert_allclose(estimate, [-np.inf, -1000.0, np.log(0.5)])
    np.testing.assert_allclose(error, [np.nan, 0.0, 1.0])
    assert np.isnan(log_mean_weights(lw[:, :1])[1]).all()


GOOD = {"duration": 1.0, "n_steps": 4, "n_paths": 4}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"duration": 0.0}, "`duration`"),
        ({"duration": np.inf}, "`duration`"),
        ({"n_steps": 0}, "`n_steps`"),
        ({"n_paths": 0}, "`n_paths`"),
        ({"t0": np.nan}, "`t0`"),
        ({"proposal": "straight"}, "'modified', 'residual'"),
        ({"antithetic": True, "n_paths": 3}, "must be even"),
        ({"antithetic": True, "first_path": 1}, "must be even"),
        ({"first_path": 2**32}, "addresses"),
        ({"x0": [0.0, 1.0]}, "`x0` must be one finite state"),
        ({"x1": np.nan}, "`x1` must be one finite state"),
        ({"x1": [[0.0, 1.0]]}, "`x1` must have shape"),
        ({"n_threads": 0}, "`n_threads`"),
    ],
)
def test_bad_arguments_are_refused_by_name(change, message):
    arguments = {"x0": 0.0, "x1": 1.0, **GOOD, **change}
    with pytest.raises(InputError, match=message):
        simulate_bridge(OU, **arguments)


def test_processes_without_bridges_are_refused():
    with pytest.raises(SchemeError, match="noise in every direction"):
        simulate_bridge(VanDerPol(1.0, 1.0, 0.5), [0.0, 1.0], [0.5, 0.5], **GOOD)
    with pytest.raises(UnspecifiedParameterError, match="sigma"):
        simulate_bridge(OrnsteinUhlenbeck(1.0, 0.0), 0.0, 1.0, **GOOD)
    with pytest.raises(InputError, match="must be a Process"):
        simulate_bridge("ou", 0.0, 1.0, **GOOD)
    with pytest.raises(InputError, match="`x1` must lie in the domain"):
        simulate_bridge(CoxIngersollRoss(1.0, 1.0, 0.5), 0.5, -1.0, **GOOD)


def test_request_larger_than_memory_is_refused_before_anything_is_allocated():
    with pytest.raises(ResourceLimitError, match="bytes"):
        simulate_bridge(OU, 0.0, 1.0, duration=1.0, n_steps=10**7, n_paths=10**7)
