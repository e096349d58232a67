"""The table of residual tests: rows, reasons, refusals."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2
from statsmodels.stats.diagnostic import acorr_ljungbox, het_arch
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.stattools import jarque_bera

from stochtext import InputError, ModelFileError
from stochtext.diagnostics import GoodnessOfFit, goodness_of_fit

COLUMNS = ["test", "statistic", "df", "pvalue", "pvalue_holm", "calibration", "n", "meaning"]
TESTS = ["Ljung-Box", "Ljung-Box on squares", "ARCH-LM", "Jarque-Bera"]


@pytest.fixture
def resid() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((240, 2))


@pytest.fixture
def trajectory() -> np.ndarray:
    return np.repeat(np.arange(12), 20)


@pytest.mark.filterwarnings("ignore:.* currently returns a plain tuple:FutureWarning")
def test_a_single_path_gives_what_statsmodels_gives() -> None:
    values = np.random.default_rng(1).standard_t(df=5, size=400)
    frame = goodness_of_fit(values, lags=6).to_frame().set_index("test")
    levels = acorr_ljungbox(values, lags=[6]).iloc[0]
    squares = acorr_ljungbox(values**2, lags=[6]).iloc[0]
    arch, normality = het_arch(values, nlags=6), jarque_bera(values)
    expected = [tuple(levels), tuple(squares), arch[:2], normality[:2]]
    for test, (statistic, pvalue) in zip(TESTS, expected, strict=True):
        assert frame.loc[test, "statistic"] == pytest.approx(statistic, rel=1e-10)
        assert frame.loc[test, "pvalue"] == pytest.approx(pvalue, rel=1e-10)


def test_the_table_has_the_promised_columns_and_rows(
    resid: np.ndarray, trajectory: np.ndarray
) -> None:
    frame = goodness_of_fit(resid, trajectory).to_frame()
    assert frame.columns.tolist() == COLUMNS
    assert frame["test"].tolist() == TESTS
    assert (frame["calibration"] == "asymptotic").all()
    assert frame["n"].tolist() == [240, 240, 180, 240]
    assert frame["meaning"].str.len().min() > 30


def test_components_add_up(resid: np.ndarray, trajectory: np.ndarray) -> None:
    joint = goodness_of_fit(resid, trajectory).to_frame()
    parts = goodness_of_fit(resid, trajectory, by_component=True, names=["u", "v"]).to_frame()
    assert parts["test"].tolist() == [f"{t} [{c}]" for c in "uv" for t in TESTS]
    for column in ("statistic", "df"):
        total = parts[column].to_numpy()[:4] + parts[column].to_numpy()[4:]
        np.testing.assert_allclose(joint[column], total, rtol=1e-12)
    np.testing.assert_allclose(joint["pvalue"], chi2.sf(joint["statistic"], joint["df"]))


def test_regressors_lower_the_degrees_of_freedom_of_ljung_box_only(
    resid: np.ndarray, trajectory: np.ndarray
) -> None:
    state = np.vstack([np.zeros((1, 2)), resid[:-1]])
    with_state = goodness_of_fit(resid, trajectory, regressors=state).to_frame()
    without = goodness_of_fit(resid, trajectory).to_frame()
    assert 17 < with_state["df"][0] < 18.5 < without["df"][0] == 20
    pd.testing.assert_frame_equal(with_state[1:], without[1:])
    assert with_state["statistic"][0] == without["statistic"][0]


def test_a_column_of_regressors_that_repeats_another_changes_nothing(resid: np.ndarray) -> None:
    state = np.vstack([np.zeros((1, 2)), resid[:-1]])
    once = goodness_of_fit(resid, regressors=state).to_frame()["df"][0]
    twice = goodness_of_fit(resid, regressors=np.hstack([state, 2 * state])).to_frame()["df"][0]
    assert once == pytest.approx(twice, rel=1e-10)


def test_shuffling_whole_trajectories_changes_nothing(
    resid: np.ndarray, trajectory: np.ndarray
) -> None:
    order = np.random.default_rng(2).permutation(12)
    rows = np.concatenate([np.flatnonzero(trajectory == k) for k in order])
    before = goodness_of_fit(resid, trajectory).to_frame()
    after = goodness_of_fit(resid[rows], trajectory[rows]).to_frame()
    np.testing.assert_allclose(before["statistic"], after["statistic"], rtol=1e-10)


def test_labels_of_trajectories_may_be_words() -> None:
    values = np.random.default_rng(3).standard_normal(60)
    words = np.repeat(["b", "a", "c"], 20)
    numbers = np.repeat([0, 1, 2], 20)
    first, second = goodness_of_fit(values, words), goodness_of_fit(values, numbers)
    pd.testing.assert_frame_equal(first.to_frame(), second.to_frame())


def test_too_short_trajectories_give_nan_and_the_reason() -> None:
    values = np.random.default_rng(4).standard_normal(40)
    frame = goodness_of_fit(values, np.repeat(np.arange(20), 2), lags=2).to_frame()
    dependence = frame[:3]
    assert dependence[["statistic", "df", "pvalue"]].isna().all().all()
    assert dependence["meaning"].str.startswith("not computed: only 0").all()
    assert (dependence["calibration"] == "none").all()
    assert np.isfinite(frame["pvalue"][3])


def test_a_handful_of_residuals_gives_no_pvalue_at_all() -> None:
    table = goodness_of_fit(np.arange(5.0))
    assert table.to_frame()["pvalue"].isna().all()
    assert table.rejected() == []
    assert "not computed" in repr(table)


def test_residuals_that_do_not_vary_give_nan_and_the_reason() -> None:
    values = np.column_stack([np.random.default_rng(5).standard_normal(100), np.full(100, 0.3)])
    frame = goodness_of_fit(values).to_frame()
    assert frame["pvalue"].isna().all()
    assert frame["meaning"].str.contains("component 1 do not vary").all()


def test_regressors_that_explain_all_lags_give_nan_and_the_reason() -> None:
    values = np.random.default_rng(6).standard_normal(60)
    everything = np.random.default_rng(7).standard_normal((60, 59))
    frame = goodness_of_fit(values, regressors=everything).to_frame()
    assert np.isnan(frame["pvalue"][0])
    assert "degrees of freedom" in frame["meaning"][0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"resid": [[0.0], [np.nan]]}, "row 1, column 0"),
        ({"resid": np.zeros((2, 2, 2))}, "shape"),
        ({"resid": np.zeros(0)}, "n, d >= 1"),
        ({"resid": np.zeros(3), "trajectory": [0, 0]}, "each of the 3 residuals"),
        ({"resid": np.zeros(3), "trajectory": [0, 1, 0]}, "trajectory 0 do not stand together"),
        ({"resid": np.zeros(3), "lags": 0}, "`lags`"),
        ({"resid": np.zeros(3), "alpha": 1.0}, "`alpha`"),
        ({"resid": np.zeros((3, 2)), "names": ["a"]}, "`names`"),
        ({"resid": np.zeros(3), "regressors": np.zeros(2)}, "`regressors`"),
        ({"resid": np.zeros(3), "regressors": [0, np.inf, 0]}, "`regressors` is inf in row 1"),
    ],
)
def test_bad_input_is_refused_by_name(arguments: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        goodness_of_fit(**arguments)


def test_holm_equals_statsmodels(resid: np.ndarray, trajectory: np.ndarray) -> None:
    table = goodness_of_fit(resid, trajectory, by_component=True)
    expected = multipletests(table.to_frame()["pvalue"], method="holm")[1]
    np.testing.assert_allclose(table.pvalue_holm, expected, rtol=1e-12)


def test_holm_counts_only_the_tests_that_were_computed() -> None:
    values = np.random.default_rng(8).standard_exponential(60)
    table = goodness_of_fit(values, np.repeat(np.arange(30), 2), lags=2)
    known = table.to_frame().set_index("test")["pvalue"]["Jarque-Bera"]
    assert table.pvalue_holm["Jarque-Bera"] == known
    assert table.rejected() == ["Jarque-Bera"]


def test_the_table_survives_json() -> None:
    values = np.random.default_rng(9).standard_normal(40)
    table = goodness_of_fit(values, np.repeat(np.arange(20), 2), lags=2, alpha=0.01)
    stored = json.loads(json.dumps(table.to_dict(), allow_nan=False))
    again = GoodnessOfFit.from_dict(stored)
    pd.testing.assert_frame_equal(table.to_frame(), again.to_frame())
    assert (again.alpha, again.pairs, again.n_trajectories) == (0.01, table.pairs, 20)


@pytest.mark.parametrize("stored", [{}, {"tests": [{}]}, {"tests": 3}])
def test_what_is_no_stored_table_is_refused(stored: dict) -> None:
    with pytest.raises(ModelFileError, match="no stored goodness-of-fit table"):
        GoodnessOfFit.from_dict(stored)


def test_the_summary_comes_in_every_form_and_is_the_repr(
    resid: np.ndarray, trajectory: np.ndarray
) -> None:
    table = goodness_of_fit(resid, trajectory)
    summary = table.summary()
    assert repr(table) == summary.as_text()
    for text in (summary.as_text(), summary.as_html(), summary.as_latex(), summary.as_markdown()):
        assert "Ljung-Box on squares" in text
        assert "calibration" in text
    assert "pairs at lag 1: 228, at lag 10: 120" in repr(table)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("autocorrelation", "Ljung-Box"), ("volatility", "ARCH-LM"), ("tails", "Jarque-Bera")],
)
def test_each_departure_is_found_by_its_test(kind: str, expected: str) -> None:
    rng = np.random.default_rng(10)
    noise = rng.standard_normal((40, 25))
    if kind == "autocorrelation":
        noise[:, 1:] += 0.3 * noise[:, :-1]
    elif kind == "volatility":
        for k in range(1, 25):
            noise[:, k] *= np.sqrt(0.5 + 0.5 * noise[:, k - 1] ** 2)
    else:
        noise = rng.standard_t(df=4, size=noise.shape)
    table = goodness_of_fit(noise.ravel(), np.repeat(np.arange(40), 25))
    assert expected in table.rejected()


@pytest.mark.parametrize("d", [1, 2])
def test_size_on_short_panels_with_an_estimated_model(d: int) -> None:
    rng = np.random.default_rng(11)
    trajectory = np.repeat(np.arange(30), 12)
    rejections, samples = np.zeros(4), 200
    for _ in range(samples):
        state = rng.standard_normal((30, 13, d))
        for k in range(12):
            state[:, k + 1] += 0.7 * state[:, k]
        x, y = state[:, :-1].reshape(-1, d), state[:, 1:].reshape(-1, d)
        design = np.column_stack([np.ones(len(x)), x])
        error = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
        white = np.linalg.solve(np.linalg.cholesky(error.T @ error / len(error)), error.T).T
        frame = goodness_of_fit(white, trajectory, regressors=x).to_frame()
        rejections += frame["pvalue"].to_numpy() <= 0.05
    # Binomial(200, 0.05): 0 to 22 has probability 0.999; the study in benchmarks/ is sharper.
    assert (rejections <= 22).all()
    assert (rejections >= 1).all()
