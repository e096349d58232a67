"""Covariates and groups: coded as written, held exactly, refused where unknown."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from stochtext._shared.exceptions import DegenerateDataError, InputError
from stochtext.estimators.neural.covariates import coding_of
from stochtext.processes.fitted.networks.covariate_coding import CovariateCoding
from stochtext.processes.fitted.networks.covariate_network import CovariateNetwork, at_covariates
from stochtext.processes.registry import process_from_dict
from stochtext.processes.support import Support
from stochtext.results.covariate_rows import each_combination, row_by_row, rows_of
from stochtext.trajectories.panel import Trajectories

LEVELS = ("a", "b", "c")


def panel() -> Trajectories:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"temperature": [0.0, 1.0, 0.5, 0.5], "model": ["a", "b", "c", "a"], "text": list("wxyz")}
    )
    return Trajectories(rng.standard_normal((4, 5, 1)).cumsum(axis=1), metadata=frame)


def network_arrays(n_extra: int, seen: int) -> dict[str, np.ndarray]:
    """Two members in one dimension, whose drift network sees ``seen`` of the further inputs."""
    rng = np.random.default_rng(1)
    p, units = 1 + n_extra, 3
    return {
        "centre": rng.standard_normal(p), "spread": 1.0 + rng.random(p), "drift_unit": np.ones(1),
        "noise_unit": np.full(1, 0.5), "drift.slope": rng.standard_normal((2, p, 1)),
        "drift.intercept": rng.standard_normal((2, 1, 1)),
        "covariance.log_scale": rng.standard_normal((2, 1, 1)),
        "covariance.lower": np.zeros((2, 1, 0)),
        "drift.layer0.weight": rng.standard_normal((2, 1 + seen, units)),
        "drift.layer0.bias": rng.standard_normal((2, 1, units)),
        "drift.layer1.weight": rng.standard_normal((2, units, 1)),
        "covariance.layer0.weight": rng.standard_normal((2, p, units)),
        "covariance.layer0.bias": rng.standard_normal((2, 1, units)),
        "covariance.layer1.weight": rng.standard_normal((2, units, 1)),
    }  # fmt: skip


def coding() -> CovariateCoding:
    return CovariateCoding(("temperature",), (0.5,), (("model", LEVELS),))


def test_effects_of_groups_add_up_to_zero():
    rows = np.array([coding().row({"model": level})[1:] for level in LEVELS])
    np.testing.assert_array_equal(rows, [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    np.testing.assert_array_equal(coding().row(), [0.5, 0.0, 0.0])


def test_metadata_become_columns_of_each_trajectory():
    found = coding_of(panel(), ("temperature",), ("model",))
    assert found == coding()
    expected = [[0.0, 1, 0], [1.0, 0, 1], [0.5, -1, -1], [0.5, 1, 0]]
    np.testing.assert_array_equal(rows_of(found, panel()), expected)
    assert coding_of(panel(), (), ()) is None


def test_inputs_that_are_held_give_the_network_that_saw_them():
    arrays, row = network_arrays(3, seen=1), np.array([0.3, 1.0, 0.0])
    process = CovariateNetwork(arrays, coding())
    x = np.linspace(-1, 1, 7)[:, None]
    z = np.column_stack([x, np.tile(row, (7, 1))])
    z = (z - arrays["centre"]) / arrays["spread"]
    values = process.at({"temperature": 0.3, "model": "a"})
    drift, rate = 0.0, 0.0
    for m in range(2):
        hidden = np.tanh(
            z[:, :2] @ arrays["drift.layer0.weight"][m] + arrays["drift.layer0.bias"][m]
        )
        drift += 0.5 * (
            arrays["drift.intercept"][m] + z @ arrays["drift.slope"][m]
            + hidden @ arrays["drift.layer1.weight"][m]
        )  # fmt: skip
        unit = np.tanh(
            z @ arrays["covariance.layer0.weight"][m] + arrays["covariance.layer0.bias"][m]
        )
        move = 5 * np.tanh(unit @ arrays["covariance.layer1.weight"][m] / 5)
        rate += 0.5 * (0.5 * np.exp(arrays["covariance.log_scale"][m] + move)) ** 2
    np.testing.assert_allclose(values.drift(x), drift, rtol=1e-12)
    np.testing.assert_allclose(values.covariance(x)[:, 0], rate, rtol=1e-12)


def test_the_process_itself_stands_at_the_reference():
    process = CovariateNetwork(network_arrays(3, seen=1), coding())
    x = [[0.4], [-2.0]]
    np.testing.assert_array_equal(process.drift(x), process.at({}).drift(x))
    assert process.machine_code() is not None
    assert "temperature = 0.5 (the mean)" in process.coding.said()


def test_a_stored_process_has_the_same_numbers():
    arrays = network_arrays(3, seen=1)
    outside = {k: v for k, v in arrays.items() if ".layer" not in k}
    support = Support.from_states(np.linspace(-1, 1, 20)[:, None])
    process = CovariateNetwork(arrays, coding(), outside=outside, support=support)
    config, stored = process.to_dict()
    again = process_from_dict(json.loads(json.dumps(config)), stored)
    x, at = [[0.4], [-2.0], [3.0]], {"temperature": 1.0, "model": "c"}
    np.testing.assert_array_equal(again.at(at).drift(x), process.at(at).drift(x))
    np.testing.assert_array_equal(again.covariance(x), process.covariance(x))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"model": "d"}, "no level 'd'"),
        ({"size": 1.0}, "no covariate 'size'"),
        ({"temperature": np.nan}, "finite"),
        ({"temperature": [1.0, 2.0]}, "one number"),
    ],
)
def test_what_was_not_seen_is_refused(values, words):
    with pytest.raises(InputError, match=words):
        coding().row(values)


@pytest.mark.parametrize(
    ("names", "groups", "words"),
    [
        (("size",), (), "no metadata column 'size'"),
        (("text",), (), "must be numeric"),
        ("temperature", (), "sequence of names"),
        (("temperature",), ("temperature",), "named twice"),
    ],
)
def test_columns_that_cannot_be_read_are_refused(names, groups, words):
    with pytest.raises(InputError, match=words):
        coding_of(panel(), names, groups)


def test_columns_without_variation_are_refused():
    same = panel()[[2, 3]]
    with pytest.raises(DegenerateDataError, match="same value"):
        coding_of(same, ("temperature",), ())
    with pytest.raises(DegenerateDataError, match="one level only"):
        coding_of(panel()[[0, 3]], (), ("model",))


def test_rows_get_the_process_of_their_trajectory():
    process, data = CovariateNetwork(network_arrays(3, seen=1), coding()), panel()
    assert len(list(each_combination(process, data))) == 4
    found = row_by_row(
        process, data, data.trajectory_index, lambda at, rows: at.drift(data.values[rows])
    )
    for k in range(4):
        own = data.metadata.loc[k, ["temperature", "model"]].to_dict()
        rows = np.flatnonzero(data.trajectory_index == k)
        np.testing.assert_array_equal(found[rows], process.at(own).drift(data.values[rows]))


def test_no_columns_leave_the_arrays_alone():
    arrays = network_arrays(0, seen=0)
    for name, array in at_covariates(arrays, np.zeros(0)).items():
        np.testing.assert_array_equal(array, arrays[name])


@pytest.fixture(scope="module")
def fitted():
    """Ornstein-Uhlenbeck paths whose level depends on a temperature and a group."""
    import stochtext as st

    rng = np.random.default_rng(3)
    temperature, model = rng.random(60), np.resize(LEVELS, 60)
    shift = {"a": 0.5, "b": 0.0, "c": -0.5}
    paths = [
        st.simulate(
            st.OrnsteinUhlenbeck(2.0, temperature[k] + shift[model[k]], 0.4), temperature[k],
            dt=0.1, n_steps=40, random_state=k,
        ).values
        for k in range(60)
    ]  # fmt: skip
    frame = pd.DataFrame({"temperature": temperature, "model": model})
    data = Trajectories(paths, dt=0.1, metadata=frame)
    estimator = st.NeuralSDE(
        (6,), (4,), covariates=("temperature",), group_effects=("model",), n_starts=2,
        max_iter=20, random_state=0,
    )  # fmt: skip
    return estimator.fit(data), data


def test_effects_are_found(fitted):
    estimator, _ = fitted
    values = [
        estimator.predict_drift([[0.5]], covariates={"temperature": at, "model": level})[0, 0]
        for at, level in ((0.8, "a"), (0.8, "c"), (0.2, "a"))
    ]
    # slopes 2 of temperature and 2 x (.5 + .5) between groups; standard errors are near .15
    assert values[0] - values[1] == pytest.approx(2.0, abs=0.6)
    assert values[0] - values[2] == pytest.approx(1.2, abs=0.6)


def test_curves_of_a_group_have_errors_of_their_own(fitted):
    estimator, _ = fitted
    at = {"temperature": 0.5, "model": "b"}
    own = estimator.results_.get_drift([[0.5]], covariates=at)
    expected = estimator.predict_drift([[0.5]], covariates=at)
    np.testing.assert_allclose(own.estimate, expected)
    reference = estimator.results_.get_drift([[0.5]])
    assert own.se[0, 0] > reference.se[0, 0] > 0
    with pytest.raises(InputError, match="no level 'd'"):
        estimator.results_.get_drift([[0.5]], covariates={"model": "d"})


def test_the_summary_says_where_curves_stand(fitted):
    said = str(fitted[0].results_.summary())
    assert "the average of the 3 levels of model" in " ".join(said.split())


def test_scores_use_the_values_of_each_trajectory(fitted):
    estimator, data = fitted
    scores = estimator.score_trajectories(data[:4])
    for k in range(4):
        own = data.metadata.loc[k, ["temperature", "model"]].to_dict()
        process = estimator.process_.at(own)
        steps = data[k].transitions()
        density = estimator.transition_.log_density(
            process, steps.x, steps.x_next, steps.t, steps.dt
        )
        assert scores[k] == pytest.approx(density.mean(), rel=1e-12)
    assert estimator.results_.resid.shape == (60 * 40, 1)
    assert abs(estimator.results_.resid.mean()) < 0.1
    total = sum(estimator.score_transitions(data))
    assert estimator.results_.llf == pytest.approx(total, rel=1e-9)
    with pytest.raises(InputError, match="no metadata column"):
        estimator.score(data.values, dt=0.1)


def test_simulation_and_prediction_stand_where_asked(fitted):
    estimator, data = fitted
    cold, warm = (
        estimator.simulate([[0.5]], n_steps=400, random_state=1, covariates={"temperature": at})
        for at in (0.0, 1.0)
    )
    assert warm.values.mean() - cold.values.mean() > 0.5
    assert estimator.predict(data[:2]).shape == (82, 1)
    one, two = (estimator.predict([[0.5]], covariates={"model": level}) for level in ("a", "c"))
    assert one > two


def test_results_are_restored_with_their_covariates(fitted, tmp_path):
    import stochtext as st

    estimator, _ = fitted
    estimator.results_.save(tmp_path / "fit")
    again = st.load(tmp_path / "fit")
    at = {"temperature": 0.1, "model": "c"}
    for which in ("get_drift", "get_covariance"):
        one = getattr(estimator.results_, which)([[0.4], [0.6]], covariates=at)
        two = getattr(again, which)([[0.4], [0.6]], covariates=at)
        np.testing.assert_array_equal(one.estimate, two.estimate)
        np.testing.assert_array_equal(one.se, two.se)


def test_fits_without_covariates_take_none(fitted):
    import stochtext as st

    data = fitted[1][:10]
    plain = st.NeuralSDE((4,), diffusion="constant", n_starts=1, random_state=0).fit(data)
    with pytest.raises(InputError, match="the fit has none"):
        plain.predict_drift([[0.0]], covariates={"temperature": 1.0})
    with pytest.raises(InputError, match="has no covariates"):
        plain.results_.get_drift([[0.0]], covariates={"temperature": 1.0})
