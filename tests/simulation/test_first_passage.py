"""First passage times against closed forms, with honest treatment of paths that never arrive."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erf, erfcx
from scipy.stats import invgauss, kstest
from statsmodels.duration.survfunc import SurvfuncRight

from stochtext._shared.exceptions import InputError, SchemeError, SimulationWarning
from stochtext.processes import (
    SDE,
    BrownianMotion,
    GeometricBrownianMotion,
    OrnsteinUhlenbeck,
    Process,
    TrendingOrnsteinUhlenbeck,
)
from stochtext.simulation import PassageTimes, first_passage, first_passage_times, simulate

OU = OrnsteinUhlenbeck(1.0, 0.0, 1.0)
PLANE = OrnsteinUhlenbeck([[1.0, -0.5], [0.7, 0.8]], [0.5, -0.5], [[0.5, 0.0], [0.2, 0.4]])
DRIFTING = BrownianMotion(mu=1.0, sigma=0.5)


class InNumPy(Process):
    """A process without machine code, as a fitted one would be."""

    def __init__(self, process):
        super().__init__(dim=process.dim, noise=process.noise, noise_dim=process.noise_dim)
        self.process = process

    def _drift(self, x, t):
        return self.process.drift(x, t)

    def _diffusion(self, x, t):
        return self.process.diffusion(x, t)


def inverse_gaussian(distance, mu, sigma):
    shape = (distance / sigma) ** 2
    return invgauss(mu=distance / mu / shape, scale=shape)


def ou_mean_passage(x0, barrier, kappa=1.0, mu=0.0, sigma=1.0):
    """Mean time from x0 up to the barrier (Siegert 1951)."""
    scale = np.sqrt(kappa) / sigma

    # erfcx(-u) = exp(u^2) (1 + erf(u)).
    area = quad(lambda u: erfcx(-u), scale * (x0 - mu), scale * (barrier - mu))[0]
    return np.sqrt(np.pi) / kappa * area


@pytest.mark.parametrize("dt", [0.03, 0.4])
@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["upper", "lower"])
def test_brownian_motion_with_drift_has_inverse_gaussian_passage_times_at_any_step(dt, sign):
    barrier = {"upper": 1.3} if sign > 0 else {"lower": -0.7}
    passages = first_passage_times(
        BrownianMotion(mu=sign, sigma=0.5), 0.3, dt=dt, max_time=40.0, n_paths=20000,
        random_state=1, **barrier,
    )  # fmt: skip
    law = inverse_gaussian(1.0, 1.0, 0.5)
    assert not passages.censored.any()
    assert np.all(passages.side == sign)
    assert kstest(passages.times, law.cdf).pvalue > 0.01
    mean, error = passages.restricted_mean()
    assert abs(mean - 1.0) <= 3.0 * error
    for rate in (0.5, 3.0):
        values = np.exp(-rate * passages.times)
        exact = np.exp((1.0 - np.sqrt(1.0 + 2.0 * 0.25 * rate)) / 0.25)
        assert abs(values.mean() - exact) <= 3.0 * values.std() / np.sqrt(len(values))


def test_passage_against_the_drift_happens_with_the_known_probability():
    passages = first_passage_times(
        BrownianMotion(mu=-1.0, sigma=1.0), 0.0, upper=0.5, dt=0.1, max_time=30.0,
        n_paths=20000, random_state=1,
    )  # fmt: skip
    arrived = 1.0 - passages.censored.mean()
    exact = np.exp(-2.0 * 0.5)
    assert abs(arrived - exact) <= 3.0 * np.sqrt(exact * (1.0 - exact) / 20000)


def test_exit_from_an_interval_has_the_known_side_and_mean_time():
    x, width, sigma = 0.3, 1.0, 0.7
    passages = first_passage_times(
        BrownianMotion(mu=0.0, sigma=sigma), x, lower=0.0, upper=width, dt=0.02, max_time=50.0,
        n_paths=40000, random_state=2,
    )  # fmt: skip
    mean, error = passages.restricted_mean()
    assert not passages.censored.any()
    assert abs(mean - x * (width - x) / sigma**2) <= 3.0 * error
    up = (passages.side == 1).mean()
    assert abs(up - x / width) <= 3.0 * np.sqrt(x * (width - x) / 40000)


def biases(steps, n_paths, correction):
    """Errors of the mean where it is known well: the drift goes to the barrier and beyond."""
    process = OrnsteinUhlenbeck(1.0, 2.0, 0.5)
    means = [
        first_passage_times(
            process, 0.0, upper=1.0, dt=dt, max_time=60.0, n_paths=n_paths, random_state=5,
            correction=correction,
        ).restricted_mean()[0]
        for dt in steps
    ]  # fmt: skip
    return np.array(means) - ou_mean_passage(0.0, 1.0, 1.0, 2.0, 0.5)


@pytest.mark.parametrize(
    ("correction", "steps", "n_paths", "order"),
    [(False, (0.1, 0.05, 0.025, 0.0125), 60000, 0.5), (True, (0.2, 0.1, 0.05), 400000, 1.0)],
    ids=["end of step", "corrected"],
)
def test_bias_of_the_mean_has_the_order_that_gobet_proves(correction, steps, n_paths, order):
    bias = biases(steps, n_paths, correction)
    assert np.all(bias < 0.0) if correction else np.all(bias > 0.0)
    # Monte Carlo moves either slope by about 0.02.
    slope = np.polyfit(np.log(steps), np.log(np.abs(bias)), 1)[0]
    assert slope == pytest.approx(order, abs=0.1)


def test_mean_passage_of_ornstein_uhlenbeck_is_siegerts():
    passages = first_passage_times(
        OU, 0.0, upper=1.0, dt=0.005, max_time=100.0, n_paths=10000, random_state=3
    )
    mean, error = passages.restricted_mean()
    # The bias is about 3.2 dt.
    assert abs(mean - ou_mean_passage(0.0, 1.0)) <= 3.0 * error + 0.016


def test_without_correction_passage_is_the_first_saved_state_beyond_the_barrier():
    options = {"dt": 0.1, "n_paths": 200, "random_state": 7, "t0": 0.5}
    process = SDE(lambda t, x: np.cos(t) - x, lambda t, x: 0.5)
    passages = first_passage_times(
        process, 0.0, lower=-0.4, upper=0.6, max_time=5.0, correction=False, **options
    )
    states = simulate(process, 0.0, n_steps=50, **options).to_array()[:, :, 0]
    beyond = (states >= 0.6) | (states <= -0.4)
    first = np.argmax(beyond, axis=1)
    expected = np.where(beyond.any(axis=1), 0.1 * first, np.nan)
    np.testing.assert_allclose(passages.times, expected, rtol=1e-14)
    side = np.sign(states[np.arange(200), first]) * beyond.any(axis=1)
    np.testing.assert_array_equal(passages.side, side)
    corrected = first_passage_times(process, 0.0, lower=-0.4, upper=0.6, max_time=5.0, **options)
    assert np.all(corrected.followed <= passages.followed)


def test_one_coordinate_of_several_is_watched_with_its_own_variance():
    process = BrownianMotion(mu=[0.0, 1.0], sigma=[[2.0, 0.0], [0.3, 0.4]])
    passages = first_passage_times(
        process, [0.0, 0.0], upper=1.0, component=1, dt=0.3, max_time=40.0, n_paths=20000,
        random_state=1,
    )  # fmt: skip
    assert kstest(passages.times, inverse_gaussian(1.0, 1.0, 0.5).cdf).pvalue > 0.01


@pytest.mark.parametrize(("scheme", "tolerance"), [("euler", 0.02), ("milstein", 0.02)])
def test_multiplicative_noise_passes_when_its_logarithm_does(scheme, tolerance):
    passages = first_passage_times(
        GeometricBrownianMotion(mu=1.0, sigma=0.5), 1.0, upper=2.0, dt=0.01, max_time=60.0,
        n_paths=20000, scheme=scheme, random_state=1,
    )  # fmt: skip
    mean, error = passages.restricted_mean()
    exact = np.log(2.0) / (1.0 - 0.125)
    assert abs(mean - exact) <= 3.0 * error + tolerance * exact


def test_path_without_noise_arrives_where_its_straight_piece_does():
    process = SDE(lambda t, x: 2.0, lambda t, x: 0.0 * x)
    passages = first_passage_times(process, 0.0, upper=1.0, dt=0.3, max_time=2.0, n_paths=3)
    np.testing.assert_allclose(passages.times, 0.5, rtol=1e-12)


# -- censoring -----------------------------------------------------------------------------


def test_paths_that_do_not_arrive_are_censored_and_never_forgotten():
    # Brownian motion arrives for sure, and its mean time is infinite.
    passages = first_passage_times(
        BrownianMotion(mu=0.0, sigma=1.0), 0.0, upper=1.0, dt=0.1, max_time=4.0,
        n_paths=20000, random_state=1,
    )  # fmt: skip

    def exact(t):
        return erf(1.0 / np.sqrt(2.0 * t))

    assert passages.censored.sum() > 5000
    assert np.all(np.isnan(passages.times) == passages.censored)
    assert np.all(passages.followed[passages.censored] == 4.0)
    table = passages.survival([0.5, 1.0, 3.999])
    survival = exact(table.index.to_numpy())
    assert np.all(np.abs(table["survival"] - survival) <= 3.0 * table["se"])
    for until in (1.0, 4.0):
        mean, error = passages.restricted_mean(until)
        assert abs(mean - quad(exact, 0.0, until)[0]) <= 3.0 * error
    assert np.nanmean(passages.times) < 0.8 * passages.restricted_mean()[0]
    assert "of 20000 paths arrived within 4; mean of min(T, 4)" in str(passages)


def mixed(n=300):
    """Times with ties, some of them censored early."""
    rng = np.random.default_rng(4)
    arrival = np.round(rng.exponential(2.0, n), 1) + 0.1
    lost = np.where(rng.random(n) < 0.3, np.round(rng.uniform(0.0, 6.0, n), 1) + 0.05, 5.0)
    followed = np.minimum(np.minimum(arrival, lost), 5.0)
    seen = arrival <= followed
    return PassageTimes(
        np.where(seen, followed, np.nan), seen.astype(np.int64), followed, 5.0,
        int(np.sum(~seen & (followed < 5.0))),
    )  # fmt: skip


def test_survival_and_its_errors_are_those_of_kaplan_meier_and_greenwood():
    passages = mixed()
    table = passages.survival().iloc[1:]
    reference = SurvfuncRight(passages.followed, ~passages.censored)
    events = reference.n_events > 0
    np.testing.assert_allclose(table.index, reference.surv_times[events])
    np.testing.assert_allclose(table["survival"], reference.surv_prob[events])
    np.testing.assert_allclose(table["se"], reference.surv_prob_se[events])
    np.testing.assert_array_equal(table["at_risk"], reference.n_risk[events])
    assert table["arrived"].iloc[-1] == (~passages.censored).sum()


def test_restricted_mean_is_the_area_below_the_survival_curve():
    passages = mixed()
    table = passages.survival()
    for until in (1.77, 5.0):
        knots = np.append(table.index[table.index < until], until)
        area = np.sum(np.diff(knots) * table["survival"].to_numpy()[: len(knots) - 1])
        estimate, error = passages.restricted_mean(until)
        assert estimate == pytest.approx(area)
        assert 0.0 < error < 0.2


def test_restricted_mean_of_paths_followed_to_the_end_is_their_mean_both_ways():
    passages = first_passage_times(
        OU, 0.0, upper=0.5, dt=0.1, max_time=3.0, n_paths=2000, random_state=1
    )
    short = passages.restricted_mean()
    # One lost path too many, said to be lost at the end, changes nothing but the way.
    long = PassageTimes(passages.times, passages.side, passages.followed, 3.0, 1).restricted_mean()
    assert short[0] == pytest.approx(np.minimum(passages.followed, 3.0).mean())
    assert long[0] == pytest.approx(short[0])
    assert long[1] == pytest.approx(short[1], rel=0.01)


def test_max_time_within_a_step_is_where_paths_are_cut():
    options = {"upper": 1.0, "dt": 0.3, "n_paths": 3000, "random_state": 1}
    whole = first_passage_times(DRIFTING, 0.0, max_time=3.0, **options)
    cut = first_passage_times(DRIFTING, 0.0, max_time=1.0, **options)
    late = ~(whole.times <= 1.0)
    np.testing.assert_array_equal(cut.censored, late)
    np.testing.assert_array_equal(cut.times[~late], whole.times[~late])
    assert np.all(cut.followed[late] == 1.0)


def test_path_that_explodes_is_censored_there_and_told():
    process = SDE(lambda t, x: -1e300 * x**3, lambda t, x: 1.0)
    with pytest.warns(SimulationWarning, match="of 40 paths became non-finite"):
        passages = first_passage_times(
            process, 1.0, upper=50.0, dt=0.1, max_time=2.0, n_paths=40, random_state=1
        )
    assert passages.n_lost == 40
    assert passages.censored.all()
    assert np.all(passages.followed < 1.0)


# -- the same numbers whoever computes them ------------------------------------------------

CASES = [
    (OU, 0.0, {"upper": 0.8}),
    (PLANE, [0.0, 0.0], {"upper": 0.9, "lower": -1.0, "component": 1}),
    (
        SDE(lambda t, x: np.cos(t) - x, lambda t, x: 0.3 + 0.1 * x * x, dim=1),
        0.0,
        {"upper": 0.9, "scheme": "milstein"},
    ),
]
NAMES = ["scalar", "plane", "milstein"]


def same(one, other):
    np.testing.assert_array_equal(one.times, other.times)
    np.testing.assert_array_equal(one.side, other.side)


@pytest.mark.parametrize(("process", "x0", "options"), CASES, ids=NAMES)
def test_times_are_bitwise_independent_of_threads_tiles_and_company(
    process, x0, options, monkeypatch
):
    options = {"dt": 0.1, "max_time": 6.0, "random_state": 2, **options}
    whole = first_passage_times(process, x0, n_paths=300, n_threads=1, **options)
    assert 0 < whole.censored.sum() < 300
    part = first_passage_times(process, x0, n_paths=50, first_path=210, **options)
    np.testing.assert_array_equal(part.times, whole.times[210:260])
    longer = first_passage_times(process, x0, n_paths=300, **{**options, "max_time": 9.0})
    np.testing.assert_array_equal(longer.times[~whole.censored], whole.times[~whole.censored])
    monkeypatch.setattr(first_passage, "_LANES", 7)
    monkeypatch.setattr(first_passage, "_TASK", 40)
    same(first_passage_times(process, x0, n_paths=300, n_threads=3, **options), whole)


def test_process_without_machine_code_gives_the_same_times():
    options = {"upper": 0.9, "component": 1, "dt": 0.1, "max_time": 6.0, "random_state": 2}
    fast = first_passage_times(PLANE, [0.0, 0.0], n_paths=100, **options)
    slow = first_passage_times(InNumPy(PLANE), [0.0, 0.0], n_paths=100, **options)
    np.testing.assert_allclose(slow.times, fast.times, rtol=1e-9)


def test_seed_decides():
    options = {"upper": 1.0, "dt": 0.1, "max_time": 9.0, "n_paths": 50}
    one = first_passage_times(DRIFTING, 0.0, random_state=1, **options)
    same(first_passage_times(DRIFTING, 0.0, random_state=1, **options), one)
    other = first_passage_times(DRIFTING, 0.0, random_state=2, **options)
    assert not np.any(other.times == one.times)


# -- refusals ------------------------------------------------------------------------------

GOOD = {"x0": 0.0, "upper": 1.0, "dt": 0.1, "max_time": 1.0, "n_paths": 3}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dt": -0.1}, "`dt`"),
        ({"max_time": 0.0}, "`max_time`"),
        ({"max_time": np.inf}, "`max_time`"),
        ({"n_paths": 0}, "`n_paths`"),
        ({"upper": None}, "Give a barrier"),
        ({"upper": np.nan}, "`upper` must be a finite number"),
        ({"lower": [0.0, 1.0]}, "`lower` must be a finite number"),
        ({"upper": 0.0}, "strictly between the barriers"),
        ({"x0": [0.0, 0.5, 1.5]}, "path 2 starts at 1.5"),
        ({"lower": 2.0}, "strictly between the barriers"),
        ({"component": 1}, "`component` must be below 1"),
        ({"component": -1}, "`component`"),
        ({"scheme": "heun"}, "`scheme`"),
        ({"first_path": 2**32}, "`first_path`"),
        ({"x0": [[0.0, 1.0]]}, "`x0` must be one state"),
        ({"n_threads": 0}, "`n_threads`"),
    ],
)
def test_bad_arguments_are_refused_by_name(change, message):
    with pytest.raises(InputError, match=message):
        first_passage_times(OU, **{**GOOD, **change})


def test_processes_and_schemes_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="clock 'time'"):
        first_passage_times(TrendingOrnsteinUhlenbeck(1.0, [[0.0], [1.0]], 0.5), **GOOD)
    with pytest.raises(SchemeError, match="such as 'euler'"):
        first_passage_times(OU, **GOOD, scheme="exact")
    crossed = SDE(lambda t, x: -x, lambda t, x: 1.0 + 0.1 * x[::-1] ** 2, dim=2)
    with pytest.raises(SchemeError, match="depends on that coordinate only"):
        first_passage_times(crossed, **{**GOOD, "x0": [0.0, 0.0], "scheme": "milstein"})


def test_times_asked_of_the_result_must_lie_within_what_was_followed():
    passages = first_passage_times(OU, **GOOD)
    with pytest.raises(InputError, match="`until` must not exceed"):
        passages.restricted_mean(2.0)
    with pytest.raises(InputError, match="`times` must be"):
        passages.survival([0.5, 2.0])
