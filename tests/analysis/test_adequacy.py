"""The adequacy page tells noise, level and dynamics apart, and names smoothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from stochtext import Trajectories
from stochtext._shared.exceptions import InputError, OverlapWarning
from stochtext.analysis import adequacy
from stochtext.analysis.adequacy.ladder.nonlinear_rung import smooth_map
from stochtext.analysis.adequacy.ladder.plain_rungs import document_level
from stochtext.analysis.adequacy.single_documents import document_tests
from stochtext.analysis.adequacy.smoothing import smoothing_signs
from stochtext.analysis.adequacy.structure import lags_for, structure_function
from stochtext.analysis.clusters import cluster_sums, jackknife


def autoregressions(rng, m=60, n=24, rho=0.8, noise=0.0, level=0.0, d=1):
    """Return stationary autoregressions of unit variance, seen with noise, around levels."""
    x = rng.standard_normal((m, n, d))
    for t in range(1, n):
        x[:, t] = rho * x[:, t - 1] + np.sqrt(1 - rho**2) * x[:, t]
    return x + noise * rng.standard_normal(x.shape) + level * rng.standard_normal((m, 1, d))


def page(panel, **options):
    return adequacy(panel, n_permutations=39, random_state=0, **{"cv": 2, **options})


def judged(values):
    """Fit to the first half of the documents, judge the others: one fit a rung."""
    half = len(values) // 2
    return page(Trajectories(values[:half]), held_out=Trajectories(values[half:]))


def test_structure_function_of_an_autoregression_is_one_minus_its_correlation(rng):
    panel = Trajectories(autoregressions(rng, m=300, rho=0.7))
    found = structure_function(panel, lags_for(panel), np.arange(300), 0.01).values
    truth = [1 - 0.7**k for k in (1, 2, 4, 8, 12, 16)] + [(1 - 0.7) ** 2]
    assert np.all((found.lower < truth) & (truth < found.upper))


def test_jackknife_of_a_mean_is_its_standard_error(rng):
    x = rng.standard_normal(40)
    sums = cluster_sums(np.stack([x, np.ones(40)], axis=1), np.arange(40))
    found = jackknife(sums, lambda s: (s[..., 0] / s[..., 1])[..., None], 0.05)
    assert found.se[0] == pytest.approx(x.std(ddof=1) / np.sqrt(40))
    low, high = stats.t.interval(0.95, 39, x.mean(), stats.sem(x))
    assert (found.lower[0], found.upper[0]) == pytest.approx((low, high))


def test_document_level_is_the_conditional_law_of_exchangeable_normals(rng):
    train = Trajectories(autoregressions(rng, m=50, n=10, rho=0.0, level=1.0))
    x = rng.standard_normal((2, 5, 1))
    found = document_level(train, Trajectories(x))
    level = train.values.reshape(50, 10)
    within = level.var(axis=1, ddof=1).mean()
    between = level.mean(axis=1).var(ddof=1) - within / 10
    cov = within * np.eye(5) + between
    centre = train.values.mean()
    for row, path in enumerate(x[:, :, 0]):
        for t in range(1, 5):
            gain = cov[t, :t] @ np.linalg.inv(cov[:t, :t])
            mean, var = centre + gain @ (path[:t] - centre), cov[t, t] - gain @ cov[:t, t]
            k = row * 4 + t - 1
            assert found.mean[k] == pytest.approx(mean)
            assert found.log_density[k] == pytest.approx(stats.norm.logpdf(path[t], mean, var**0.5))


def test_smooth_map_follows_a_curve_that_a_line_does_not(rng):
    x = rng.uniform(-2, 2, (30, 1, 1))
    paths = np.concatenate([x, np.sin(3 * x) + 0.1 * rng.standard_normal(x.shape)], axis=1)
    train, test = Trajectories(np.tile(paths, (10, 1, 1))), Trajectories(paths)
    found = smooth_map(train, test)[0]
    assert np.mean((found.mean - np.sin(3 * x[:, 0, 0])) ** 2) < 0.02


def test_autoregression_is_diffusive_and_its_r2_is_the_squared_correlation(rng):
    found = judged(autoregressions(rng, m=160))
    assert found.kind == "diffusive"
    r2 = found.value("R2", "OU")
    assert r2.lower < 0.64 < r2.upper
    assert r2.control < 0.15
    assert found.detected()
    assert found.facts["Documents"] == len(found.documents) == 80
    assert list(found.to_frame()) == [
        "estimate", "ci_lower", "ci_upper", "control", "pvalue", "note"
    ]  # fmt: skip
    assert len(found.plot().axes) == 2
    assert "Structure function" in found.summary().as_text()
    with pytest.raises(InputError, match="has no table"):
        found.to_frame("nothing")


def test_noise_on_a_slow_process_is_found_and_whitens_the_innovations(rng):
    found = judged(autoregressions(rng, m=200, rho=0.95, noise=0.7))
    assert found.kind == "noise + slow OU"
    assert found.value("OU + noise - OU").lower > 0
    name = "correlation of innovations at lag 1"
    assert found.value(name, "OU, x0").upper < 0
    assert abs(found.value(name, "OU + noise, x0").estimate) < 0.06


def test_levels_in_random_order_are_no_dynamics(rng):
    found = judged(autoregressions(rng, m=100, n=16, rho=0.0, level=1.0))
    assert found.kind == "no detectable dynamics"
    assert found.verdict().startswith("No detectable dynamics")
    assert not found.detected()
    own = found.value("R2", "document level + noise")
    assert own.estimate == pytest.approx(own.control, abs=0.05)
    assert found.value("R2 beyond the level of the document").estimate < 0.1


def test_held_out_documents_must_have_the_same_coordinates(rng):
    panel = Trajectories(autoregressions(rng, m=4, d=2))
    with pytest.raises(InputError, match="same fitted projection"):
        page(panel, held_out=panel.with_columns(["a", "b"]))


def smoothed(values, weight):
    found = values.copy()
    for t in range(1, values.shape[1]):
        found[:, t] = weight * values[:, t] + (1 - weight) * found[:, t - 1]
    return found


@pytest.mark.parametrize("how", ["average", "windows", "cumulative"])
def test_smoothing_leaves_signs(rng, how):
    raw = autoregressions(rng, m=60, n=30, rho=0.6, noise=0.5)
    values = {
        "average": smoothed(raw, 0.3),
        "windows": np.stack([raw[:, k : k + 27] for k in range(4)]).mean(axis=0),
        "cumulative": np.cumsum(raw, axis=1) / np.arange(1, 31)[:, None],
    }[how]
    assert smoothing_signs(Trajectories(values), np.arange(60))


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_plain_processes_leave_no_sign_of_smoothing(rng, noise):
    panel = Trajectories(autoregressions(rng, m=80, noise=noise, d=2))
    assert smoothing_signs(panel, np.arange(80)) == []


def test_marked_panel_warns_and_shows_the_control_smoothed_too(rng):
    raw = autoregressions(rng, m=40, n=20, rho=0.0)
    panel = Trajectories(smoothed(raw, 0.3), metadata={"smoothing": [0.3] * 40})
    control = Trajectories(smoothed(rng.permuted(raw, axis=1), 0.3))
    with pytest.warns(OverlapWarning, match="marked as made with smoothing"):
        found = page(panel, control=control)
    row = found.value("R2", "OU")
    assert row.estimate > 0.4
    assert row.control == pytest.approx(row.estimate, abs=0.15)
    assert "Only the difference is the text's" in found.verdict()


def test_single_documents_are_tested_exactly(rng):
    values = [rng.standard_normal((12, 3)) for _ in range(200)]
    root = np.random.SeedSequence(0)
    found = document_tests(Trajectories(values), 39, 0.05, root)
    assert stats.binomtest(round(found.share * 200), 200, 0.05).pvalue > 0.01
    line = document_tests(Trajectories([np.linspace(0, 1, 12)]), 199, 0.05, root)
    assert line.frame["pvalue"].item() == pytest.approx(0.005)
    short = document_tests(Trajectories([np.zeros((3, 1)) + np.arange(3)[:, None]]), 39, 0.05, root)
    assert short.n == 0
    assert np.isnan(short.share)


def test_too_few_documents_are_refused(rng):
    with pytest.raises(InputError, match="at least four documents"):
        page(Trajectories(autoregressions(rng, m=3)))
