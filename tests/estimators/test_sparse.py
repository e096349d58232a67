"""SparseSDE: the right terms, their estimates, and the equation."""

from __future__ import annotations

import numpy as np
import pytest

import stochtext as st
from stochtext.estimators.sparse.centred import shifted
from stochtext.estimators.sparse.selection import eliminate
from stochtext.processes.named.polynomial import monomial_columns


@pytest.fixture(scope="module")
def well():
    truth = st.DoubleWell(1.0, 1.0, 0.7)
    return st.simulate(truth, 1.0, dt=0.01, n_steps=2000, n_paths=20, random_state=1)


def test_the_terms_of_a_double_well_are_found_among_six(well):
    results = st.SparseSDE(degree=5).fit(well).results_
    assert results.free == ["drift[0,1]", "drift[0,3]", "factor[0,0]"]
    for name, value in zip(results.free, (1.0, -1.0, 0.7), strict=True):
        assert abs(results.params[name] - value) < 3 * results.bse[name]


def test_the_fit_is_that_of_the_named_process(well):
    sparse = st.SparseSDE(degree=3).fit(well).results_
    named = st.ParametricSDE(st.DoubleWell(), density="shoji_ozaki").fit(well).results_
    found = sparse.params[sparse.free].to_numpy() * [1, -1, 1]
    np.testing.assert_allclose(found, named.params.to_numpy(), rtol=1e-6)
    np.testing.assert_allclose(sparse.bse[sparse.free].to_numpy(), named.bse.to_numpy(), rtol=1e-4)
    assert abs(sparse.llf - named.llf) < 1e-6 * abs(named.llf)


def test_the_equation_is_one_line(well):
    results = st.SparseSDE(degree=3).fit(well).results_
    p, se = results.params, results.bse
    a, b = (f"{abs(p[k]):.2f} ± {se[k]:.2f}" for k in ("drift[0,1]", "drift[0,3]"))
    sigma = p["factor[0,0]"]
    assert results.equation() == f"dX = ({a}) X − ({b}) X³ dt + {sigma:.2f} dW"
    assert results.equation() in results.summary().as_text().replace("\n", " ")


def test_least_squares_without_a_criterion_is_that_of_numpy():
    rng = np.random.default_rng(0)
    design, response = rng.normal(size=(50, 4)), rng.normal(size=50)
    weight = rng.uniform(0.5, 2.0, 50)
    found = eliminate(design, response, weight, 50, None)
    root = np.sqrt(weight)
    expected = np.linalg.lstsq(design * root[:, None], response * root, rcond=None)[0]
    np.testing.assert_allclose(found.coefficients, expected, rtol=1e-10)


def test_a_column_that_repeats_others_is_left_out():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 50))
    found = eliminate(np.column_stack([a, b, a + b]), 2 * a, np.ones(50), 50, None)
    assert list(found.kept) == [True, True, False]


def test_a_state_dependent_rate_is_found():
    truth = st.processes.PolynomialDiffusion([[0.0, -1.0]], rate=[[0.4, 0.0, 0.3]])
    X = st.simulate(truth, 0.3, dt=0.01, n_steps=4000, n_paths=10, random_state=2)
    results = st.SparseSDE(degree=3, diffusion_degree=2).fit(X).results_
    assert results.free == ["drift[0,1]", "rate[0,0]", "rate[0,2]"]
    for name, value in zip(results.free, (-1.0, 0.4, 0.3), strict=True):
        assert abs(results.params[name] - value) < 3 * results.bse[name]
    assert "√(" in results.equation()


def test_two_coordinates_have_two_lines():
    truth = st.OrnsteinUhlenbeck([[1.0, 0.5], [0.0, 2.0]], [0.0, 0.0], [[0.5, 0.0], [0.2, 0.6]])
    X = st.simulate(truth, [0.0, 0.0], dt=0.02, n_steps=3000, n_paths=10, random_state=3)
    results = st.SparseSDE(degree=2).fit(X).results_
    kappa = -np.asarray(results.process.params["drift"])[:, 1:3]
    assert kappa[1, 0] == 0.0
    np.testing.assert_allclose(kappa, [[1.0, 0.5], [0.0, 2.0]], atol=0.3)
    assert len(results.equation().splitlines()) == 2


def test_results_are_stored_with_their_equation(well, tmp_path):
    results = st.SparseSDE(degree=3).fit(well).results_
    results.save(tmp_path / "sparse.stx")
    assert st.load(tmp_path / "sparse.stx").equation() == results.equation()


@pytest.mark.parametrize(
    "options", [{"degree": 8}, {"degree": -1}, {"selection": "p"}, {"diffusion_degree": 1.5}]
)
def test_options_that_mean_nothing_are_refused(well, options):
    with pytest.raises(st.InputError):
        st.SparseSDE(**options).fit(well)


def test_a_path_without_noise_is_refused():
    x = np.exp(-0.1 * np.arange(100.0))[:, None]
    with pytest.raises(st.DegenerateDataError, match="no variance"):
        st.SparseSDE().fit(x, dt=0.1)


def test_the_summary_says_what_eulers_density_estimates(well):
    said = st.SparseSDE(density="euler").fit(well).results_.summary().as_text()
    assert "those of one sampling interval" in " ".join(said.split())


def test_coefficients_and_errors_follow_a_change_of_origin_and_unit(well):
    near = st.SparseSDE(selection=None).fit(well[:12])
    origin, unit = 40.0, 3.0
    far = st.SparseSDE(selection=None).fit(well[:12].with_values(origin + unit * well[:12].values))
    # b(x) = unit b'((x - origin) / unit): the old coefficients are those of the new polynomial.
    change = np.eye(5)
    change[:4, :4] = shifted(1, 3, np.array([origin]), np.array([unit])) / unit
    change[4, 4] = 1 / unit
    one, other = near.results_, far.results_
    np.testing.assert_allclose(change @ other.params, one.params, rtol=1e-5, atol=1e-8)
    back = change @ other.cov_params() @ change.T
    np.testing.assert_allclose(np.sqrt(np.diag(back)), one.bse, rtol=1e-4)
    n = well[:12].n_transitions
    assert other.llf == pytest.approx(one.llf - n * np.log(unit), rel=1e-9)


def test_states_far_from_zero_have_standard_errors(well):
    path = st.simulate(st.OrnsteinUhlenbeck(1.0, 0.0, 0.7), 0.0, dt=0.05, n_steps=2000,
                       random_state=4)  # fmt: skip
    near = st.SparseSDE(degree=1, selection=None).fit(path).results_
    far = st.SparseSDE(degree=1, selection=None).fit(path.with_values(path.values + 1e5)).results_
    for name in ("drift[0,1]", "factor[0,0]"):
        assert far.bse[name] == pytest.approx(near.bse[name], rel=1e-4)
    assert far.bse["drift[0,0]"] == pytest.approx(1e5 * near.bse["drift[0,1]"], rel=1e-3)


def test_monomials_shift_as_their_values_do():
    rng = np.random.default_rng(0)
    u, centre, spread = rng.normal(size=(7, 2)), np.array([2.0, -3.0]), np.array([0.5, 4.0])
    moved = monomial_columns(u, 10) @ shifted(2, 3, centre, spread)
    np.testing.assert_allclose(moved, monomial_columns(centre + spread * u, 10), rtol=1e-12)
