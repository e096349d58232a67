"""Statistics of the battery against closed forms, quadrature and other implementations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import integrate, stats
from scipy.special import ndtr
from scipy.stats import norm

from stochtext._shared.exceptions import InputError
from stochtext.diagnostics import TESTS, bootstrap_pvalue
from stochtext.diagnostics.battery import hong_li
from stochtext.diagnostics.battery.catalogue import STANDARD, chosen_tests, reason_against
from stochtext.diagnostics.battery.compute import ASYMPTOTIC, Battery
from stochtext.diagnostics.battery.conditional_moments import moment_statistics, nugget_statistic
from stochtext.diagnostics.battery.jumps import (
    bipower_statistic,
    largest_residual,
    largest_residual_pvalue,
)
from stochtext.diagnostics.battery.sample import Layout, OneStepSample
from stochtext.diagnostics.battery.uniformity import uniformity_statistics
from stochtext.diagnostics.battery.whole_states import (
    energy_statistic,
    marginal_density_statistic,
)

LENGTHS = (70, 40, 90)
CODES = np.repeat(np.arange(3), LENGTHS)


def sample_of(seed: int, d: int = 1, scores: bool = False) -> OneStepSample:
    """Return a sample under the null, with the scores of a regression on request."""
    rng = np.random.default_rng(seed)
    z, x = rng.standard_normal((2, len(CODES), d))
    columns = np.hstack([z, z * x, z**2 - 1]) if scores else None
    return OneStepSample(z, ndtr(z), x, columns)


def quartic(u: np.ndarray) -> np.ndarray:
    return np.where(np.abs(u) < 1, 15 / 16 * (1 - u**2) ** 2, 0.0)


def test_constants_of_hong_and_li_are_the_integrals_of_the_kernel():
    square = integrate.quad(lambda u: float(quartic(u)) ** 2, -1, 1)[0]
    assert pytest.approx(square, rel=1e-10) == hong_li.SQUARE

    def cut(b: float) -> float:
        mass = integrate.quad(lambda u: float(quartic(u)), -1, b)[0]
        return integrate.quad(lambda u: float(quartic(u)) ** 2, -1, b)[0] / mass**2

    assert pytest.approx(integrate.quad(cut, 0, 1)[0], abs=1e-9) == hong_li.BOUNDARY
    u = np.linspace(-1, 1, 4001)
    convolution = np.convolve(quartic(u), quartic(u)) * (u[1] - u[0])
    whole = np.sum(convolution**2) * (u[1] - u[0])  # over the support [-2, 2]
    assert pytest.approx(2 * whole**2, rel=1e-5) == hong_li.VARIANCE


def test_surfaces_are_the_integrated_squares_of_the_joint_density():
    pit, layout = ndtr(np.random.default_rng(2).standard_normal((len(CODES), 1))), Layout(CODES)
    h = pit.std(ddof=1) * pit.size ** (-1 / 6)
    grid = (np.arange(1200) + 0.5) / 1200
    kernel = quartic((grid[:, None] - pit[:, 0]) / h) / h
    for k in np.flatnonzero((grid < h) | (grid > 1 - h)):
        low, high = max(-1, -grid[k] / h), min(1, (1 - grid[k]) / h)
        kernel[k] /= integrate.quad(lambda u: float(quartic(u)), low, high)[0]
    for lag, found in enumerate(hong_li.hong_li_surfaces(pit, layout, 3), start=1):
        pairs = [(t, t - lag) for t in range(lag, len(CODES)) if CODES[t] == CODES[t - lag]]
        later, earlier = np.array(pairs).T
        density = kernel[:, later] @ kernel[:, earlier].T / len(pairs)
        distance = np.mean((density - 1) ** 2)
        centre = ((1 / h - 2) * 5 / 7 + 2 * 0.9198592727) ** 2 - 1
        expected = h * (len(pairs) * distance - centre) / math.sqrt(0.533367)
        assert found == pytest.approx(expected, abs=0.01)


def test_moment_statistics_of_hong_and_li_are_the_weighted_correlations():
    pit, layout = sample_of(3).pit, Layout(CODES)
    found = hong_li.hong_li_moments(pit, layout, 4)
    for value, (m, k) in zip(found, hong_li.MOMENT_PAIRS, strict=True):
        a, b = (pit[:, 0] ** power for power in (m, k))
        a, b = (a - a.mean()) / a.std(), (b - b.mean()) / b.std()
        total = centre = fourth = 0.0
        for j in range(1, 5):
            same = CODES[j:] == CODES[:-j]
            w, n = 1 - j / 5, same.sum()
            total += w**2 * n * np.mean((a[j:] * b[:-j])[same]) ** 2
            centre, fourth = centre + w**2, fourth + w**4
        assert value == pytest.approx((total - centre) / math.sqrt(2 * fourth), rel=1e-10)


def test_many_rows_are_summed_in_parts(monkeypatch):
    pit, layout = sample_of(4, d=2).pit, Layout(CODES)
    whole = hong_li.hong_li_surfaces(pit, layout, 5)
    monkeypatch.setattr(hong_li, "ROWS_AT_ONCE", 17)
    np.testing.assert_allclose(hong_li.hong_li_surfaces(pit, layout, 5), whole, rtol=1e-9)


def test_distances_from_uniform_are_those_of_scipy_and_of_the_definition():
    u = np.random.default_rng(5).uniform(size=60) ** 1.2
    anderson, cramer, kolmogorov = uniformity_statistics(u)
    assert kolmogorov == pytest.approx(stats.kstest(u, "uniform").statistic, rel=1e-12)
    assert cramer == pytest.approx(stats.cramervonmises(u, "uniform").statistic, rel=1e-12)
    s = np.sort(u)
    empirical = np.searchsorted(s, grid := (np.arange(200_000) + 0.5) / 200_000, side="right") / 60
    integral = 60 * np.mean((empirical - grid) ** 2 / (grid * (1 - grid)))
    assert anderson == pytest.approx(integral, rel=1e-3)


def test_directed_statistics_are_n_r_squared_of_one_on_moments_and_scores():
    sample, layout = sample_of(6, scores=True), Layout(CODES)
    z, x = sample.resid[:, 0], sample.x[:, 0]
    # At the maximum the scores sum to zero; here they are made to.
    scores = sample.scores - sample.scores.mean(axis=0)
    s = (x - x.mean()) / x.std()
    before = np.r_[0.0, np.where(CODES[1:] == CODES[:-1], z[:-1], 0.0)]
    square = np.r_[0.0, np.where(CODES[1:] == CODES[:-1], z[:-1] ** 2 - 1, 0.0)]
    moments = {
        "drift": [z * (s**2 - 1), z * (s**3 - 3 * s)],
        "diffusion": [(z**2 - 1) * s, (z**2 - 1) * (s**2 - 1)],
        "gaussianity": [z**3 - 3 * z, z**4 - 6 * z**2 + 3],
        "markov": [z * before, (z**2 - 1) * square],
    }
    found = moment_statistics(sample, layout, scores)
    for (value, df), columns in zip(found, moments.values(), strict=True):
        regressors = np.column_stack([*columns, scores])
        fit = sm.OLS(np.ones(len(z)), regressors).fit()
        assert value == pytest.approx(len(z) * fit.rsquared, rel=1e-6)
        assert df == 2


def test_moments_that_the_scores_span_do_not_count():
    sample, layout = sample_of(7), Layout(CODES)
    z, s = sample.resid[:, 0], (sample.x[:, 0] - sample.x.mean()) / sample.x.std()
    spanned = np.column_stack([z * s, z * (s**3 - 3 * s)])
    assert moment_statistics(sample, layout, spanned)[0][1] == 1
    both = np.column_stack([spanned, z * (s**2 - 1)])
    value, df = moment_statistics(sample, layout, both)[0]
    assert df == 0
    assert math.isnan(value)


def test_the_nugget_is_one_sided():
    rng, layout = np.random.default_rng(8), Layout(CODES)
    noise = rng.standard_normal((len(CODES) + 1, 1))
    alternating = (noise[1:] - 0.5 * noise[:-1]) / math.sqrt(1.25)
    smooth = (noise[1:] + 0.5 * noise[:-1]) / math.sqrt(1.25)
    x = np.zeros_like(alternating)
    up, down = (
        nugget_statistic(OneStepSample(z, ndtr(z), x), layout, None) for z in (alternating, smooth)
    )
    assert up > 3
    assert down < -3


def test_bipower_statistic_is_that_of_huang_and_tauchen():
    z = np.random.default_rng(9).standard_normal(300)
    n, a = len(z), np.abs(z)
    realised = np.sum(z**2)
    bipower = math.pi / 2 * n / (n - 1) * np.sum(a[1:] * a[:-1])
    mu = 2 ** (2 / 3) * math.gamma(7 / 6) / math.gamma(0.5)
    tripower = n * mu**-3 * n / (n - 2) * np.sum((a[2:] * a[1:-1] * a[:-2]) ** (4 / 3))
    spread = max(1, tripower / bipower**2) * (math.pi**2 / 4 + math.pi - 5) / n
    expected = (1 - bipower / realised) / math.sqrt(spread)
    found = bipower_statistic(z[:, None], Layout(np.zeros(n, dtype=np.int64)))
    assert found == pytest.approx(expected, rel=1e-12)


def test_the_largest_of_normal_numbers_has_its_exact_law():
    assert largest_residual(np.array([[0.3], [-2.0]])) == 2.0
    for m, n in ((0.5, 3), (3.0, 250), (6.0, 1000)):
        exact = 1 - (1 - 2 * norm.sf(m)) ** n
        assert largest_residual_pvalue(m, n) == pytest.approx(exact, rel=1e-6)


def test_generalised_residuals_are_normal_scores_and_keep_far_residuals():
    resid = np.array([[0.5], [30.0], [-9.0], [1.0]])
    pit = np.array([[0.8], [1.0], [0.0], [ndtr(1.0)]])
    normal = OneStepSample(resid, pit, np.zeros((4, 1))).normal[:, 0]
    np.testing.assert_allclose(normal, [norm.ppf(0.8), 30.0, -9.0, 1.0], rtol=1e-12)


@pytest.mark.parametrize("d", [1, 2])
def test_the_order_of_trajectories_does_not_matter(d):
    sample = sample_of(10, d)
    order = np.concatenate([np.flatnonzero(k == CODES) for k in (2, 0, 1)])
    other = OneStepSample(sample.resid[order], sample.pit[order], sample.x[order])
    values = []
    for one, codes in ((sample, CODES), (other, CODES[order])):
        battery = Battery(Layout(codes), d, "all")
        values.append(battery.statistics(one, battery.rows(one)))
    np.testing.assert_allclose(values[0], values[1], rtol=1e-9)


def test_coordinates_have_rows_of_their_own_when_asked():
    sample = sample_of(11, d=2)
    tests = ("drift moments", "Hong-Li Q(1)", "Anderson-Darling", "Ljung-Box")
    battery = Battery(Layout(CODES), 2, tests, by_component=True, columns=("u", "v"))
    rows = battery.rows(sample)
    assert [row.label for row in rows[4:6]] == ["drift moments [u]", "Hong-Li Q(1) [u]"]
    alone = Battery(Layout(CODES), 1, tests)
    second = sample.component(1)
    np.testing.assert_allclose(
        battery.statistics(sample, rows)[8:], alone.statistics(second, alone.rows(second))
    )


def test_too_few_rows_have_a_reason_and_a_count():
    few = Layout(np.zeros(15, dtype=np.int64))
    for test in TESTS:
        assert (
            "only 15" in reason_against(test, few, 1, 0)
            or "pairs" in reason_against(test, few, 1, 0)
            or "before them" in reason_against(test, few, 1, 0)
        )
    assert not any(reason_against(test, Layout(CODES), 2, 8) for test in TESTS)


def test_tests_are_chosen_by_name():
    assert chosen_tests("standard") == STANDARD
    assert chosen_tests("all") == tuple(TESTS)
    assert chosen_tests(["Ljung-Box"]) == ("Ljung-Box",)
    assert set(ASYMPTOTIC) <= set(TESTS)
    with pytest.raises(InputError, match="'standard', 'all' or names among"):
        chosen_tests(["Durbin-Watson"])


def test_pvalues_are_ranks_within_the_draws_and_fall_beyond_them():
    draws = np.random.default_rng(12).chisquare(2, 199)
    ordered = np.sort(draws)
    assert bootstrap_pvalue(ordered[0] - 1, draws) == 1.0
    assert bootstrap_pvalue(ordered[-10], draws) == pytest.approx(11 / 200)
    edge = bootstrap_pvalue(ordered[-1] * (1 + 1e-9), draws)
    assert edge == pytest.approx(1 / 200, rel=1e-6)
    far = [bootstrap_pvalue(ordered[-1] * c, draws) for c in (1.2, 2.0, 5.0)]
    assert edge > far[0] > far[1] > far[2] > 0
    assert math.isnan(bootstrap_pvalue(1.0, draws[:10]))
    assert math.isnan(bootstrap_pvalue(math.nan, draws))


@pytest.mark.parametrize("law", [stats.chi2(2), stats.norm(), stats.chi2(10)])
def test_continued_tails_are_conservative_for_light_tails(law):
    """How often the p-value is below 1/2000, of 40000: at most 1/2000 and three errors."""
    rng = np.random.default_rng(13)
    small = [
        np.mean(
            [bootstrap_pvalue(value, draws) <= 0.0005 for value in law.rvs(200, random_state=rng)]
        )
        for draws in (law.rvs(199, random_state=rng) for _ in range(200))
    ]
    assert np.mean(small) < 0.0005 + 3 * np.std(small) / math.sqrt(len(small))


def test_equal_samples_have_no_energy_and_others_have():
    rng = np.random.default_rng(14)
    a, b = rng.standard_normal((2, 200, 2))
    assert energy_statistic(a, a) == pytest.approx(0.0, abs=1e-9)
    assert energy_statistic(a, b + 1.0) > 5 * energy_statistic(a, b)


def test_marginal_statistic_is_the_one_of_direct_sums():
    x = np.random.default_rng(15).standard_normal(300)
    density = norm.pdf(x)
    h = 1.06 * x.std() * 300**-0.22
    kernel = norm.pdf((x[:, None] - x) / h).mean(axis=1) / h
    centre = kernel.mean() / (2 * math.sqrt(math.pi))
    spread = math.sqrt(h * 2 * np.mean(kernel**3) / (2 * math.sqrt(2 * math.pi)))
    expected = (h * np.sum((density - kernel) ** 2) - centre) / spread
    # Linear binning in 512 cells.
    assert marginal_density_statistic(x, density) == pytest.approx(expected, abs=0.02)
