"""Likelihood ratios whose law is simulated: unit roots, reproducibility, agreement with theory."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import stochtext as st
from stochtext.estimators import ckls_tests
from stochtext.results.inference.nested.bootstrapped_ratio import bootstrapped_ratios


def rates(model, seed, **law):
    """Return monthly rates of one CKLS model."""
    truth = st.CKLS(**law)
    return st.simulate(
        truth, 0.06, dt=1 / 12, n_steps=200, n_substeps=10, scheme="milstein", random_state=seed
    )


def pair(data, full, fixed, **held):
    """Return the results of a full and of a restricted fit."""
    large = st.ParametricSDE(full, "euler").fit(data).results_
    start = full.with_params(**{**large.params.to_dict(), **held})
    return large, st.ParametricSDE(start, "euler", fixed=fixed).fit(data).results_


@pytest.fixture(scope="module")
def unit_root():
    data = rates("Dothan", 1, alpha=0.0, beta=0.0, sigma=0.2, gamma=1.0)
    held = {"alpha": 0.0, "beta": 0.0, "gamma": 1.0}
    return pair(data, st.CKLS(), tuple(held), **held)


@pytest.fixture(scope="module")
def reverting():
    law = st.OrnsteinUhlenbeck(2.0, 0.5, 0.6)
    data = st.simulate(law, 0.5, dt=0.25, n_steps=200, scheme="exact", random_state=2)
    return pair(data, st.OrnsteinUhlenbeck(), ("mu",), mu=0.5)


def test_a_drift_without_return_has_no_chi_square_p_value(unit_root):
    full, restricted = unit_root
    test = full.lr_test(restricted)
    assert np.isnan(test.pvalue)
    assert test.statistic > 0
    assert "does not return to a level" in test.reason
    assert "n_boot=199" in test.reason


def test_few_relaxation_times_have_no_chi_square_p_value():
    law = st.OrnsteinUhlenbeck(0.5, 0.0, 1.0)
    data = st.simulate(law, 0.0, dt=0.1, n_steps=60, random_state=4)
    full, restricted = pair(data, st.OrnsteinUhlenbeck(), ("kappa",), kappa=0.5)
    assert "3 relaxation times were observed" in full.lr_test(restricted).reason


def test_the_level_of_a_process_that_hardly_returns_has_no_chi_square_p_value():
    law = st.OrnsteinUhlenbeck(0.5, 0.0, 1.0)
    data = st.simulate(law, 0.0, dt=0.1, n_steps=60, random_state=4)
    full, restricted = pair(data, st.OrnsteinUhlenbeck(), ("mu",), mu=0.0)
    assert "no chi-square law there" in full.lr_test(restricted).reason


def test_a_restriction_of_the_diffusion_keeps_its_chi_square_law_under_a_unit_root():
    data = rates("CEV", 3, alpha=0.0, beta=0.02, sigma=0.2, gamma=1.0)
    full, restricted = pair(data, st.CKLS(alpha=0.0), ("gamma",), gamma=1.0)
    test = full.lr_test(restricted)
    assert test.pvalue == pytest.approx(stats.chi2.sf(test.statistic, 1), rel=1e-12)


@pytest.mark.parametrize(
    ("truth", "family", "fixed", "start"),
    [
        (st.BrownianMotion(0.5, 0.2), st.BrownianMotion(), {"mu": 0.5}, 0.0),
        (st.GeometricBrownianMotion(0.08, 0.2), st.GeometricBrownianMotion(), {"mu": 0.08}, 1.0),
    ],
)
def test_a_drift_known_equally_well_everywhere_keeps_its_chi_square_law(
    truth, family, fixed, start
):
    data = st.simulate(truth, start, dt=0.1, n_steps=100, scheme="exact", random_state=3)
    full, restricted = pair(data, family, tuple(fixed), **fixed)
    assert np.isfinite(full.lr_test(restricted).pvalue)


def test_the_bootstrap_gives_a_p_value_where_chi_square_does_not(unit_root):
    full, restricted = unit_root
    test = full.lr_test(restricted, n_boot=99, random_state=0)
    ratios = bootstrapped_ratios(full, restricted, n_boot=99, random_state=0)
    assert test.pvalue == (1 + np.sum(ratios >= test.statistic)) / 100
    assert test.n_boot == 99
    assert "by 99 replicates" in repr(test)
    # The ratio of a unit root is larger than chi-square with as many degrees of freedom.
    assert np.median(ratios) > stats.chi2.median(test.df)


def test_bootstrapped_ratios_of_a_regular_restriction_are_chi_square(reverting):
    ratios = bootstrapped_ratios(*reverting, n_boot=300, random_state=1)
    assert np.isfinite(ratios).all()
    assert stats.kstest(ratios, stats.chi2(1).cdf).pvalue > 0.01


def test_bootstrapped_ratios_do_not_depend_on_the_number_of_jobs(reverting):
    alone = bootstrapped_ratios(*reverting, n_boot=70, random_state=5, n_jobs=1)
    together = bootstrapped_ratios(*reverting, n_boot=70, random_state=5, n_jobs=2)
    np.testing.assert_array_equal(alone, together)


def test_a_name_and_restricted_results_have_the_same_bootstrap(reverting):
    full, restricted = reverting
    by_results = full.lr_test(restricted, n_boot=39, random_state=2)
    by_name = full.lr_test("mu = 0.5", n_boot=39, random_state=2)
    assert by_name.pvalue == pytest.approx(by_results.pvalue, abs=1e-12)


def test_too_few_replicates_are_refused(reverting):
    with pytest.raises(st.InputError, match="`n_boot` must be an integer >= 19; got 5"):
        reverting[0].lr_test(reverting[1], n_boot=5)


def test_restored_results_cannot_be_bootstrapped(reverting, tmp_path):
    full, restricted = reverting
    restricted.save(tmp_path / "fit.stx")
    with pytest.raises(st.InputError, match="needs the data of both fits"):
        full.lr_test(st.load(tmp_path / "fit.stx"), n_boot=19)


def test_every_model_of_the_ckls_family_has_a_p_value_by_the_bootstrap():
    data = rates("CIR", 6, alpha=0.06, beta=-1.0, sigma=0.1, gamma=0.5)
    table = ckls_tests(data, n_boot=19, random_state=0)
    assert table["pvalue"].drop("unrestricted").between(0.05, 1.0).all()
