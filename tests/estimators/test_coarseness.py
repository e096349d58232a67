import numpy as np
import pytest

import stochtext as st
from stochtext.estimators.coarseness import one_step_rates, white_directions
from stochtext.estimators.sample import transition_sample


def panel(kappa_dt, seed=0):
    rng = np.random.default_rng(seed)
    memory = np.exp(-kappa_dt)
    x = rng.normal(size=(20, 60, 1))
    for k in range(1, 60):
        x[:, k] = memory * x[:, k - 1] + np.sqrt(1 - memory**2) * x[:, k]
    return st.Trajectories(x, dt=2.0)


def test_one_step_rates_are_those_of_the_autoregression():
    X = panel(1.0)
    found = one_step_rates(transition_sample(X))
    # standard error of the coefficient is below 0.03, that of its logarithm below 0.08
    assert found == pytest.approx([1.0 / 2.0], abs=0.12)


def test_a_direction_without_memory_is_white():
    assert "1 of 2 directions" in white_directions(np.array([0.1, np.inf]), 1.0)
    assert white_directions(np.array([0.1, 2.9]), 1.0) is None


@pytest.mark.parametrize(
    "estimator",
    [st.KernelSDE(), st.KramersMoyalSDE(), st.NeuralSDE(hidden=(4,), n_starts=1, random_state=0),
     st.ParametricSDE(st.OrnsteinUhlenbeck(), density="euler")],
    ids=lambda e: type(e).__name__,
)  # fmt: skip
def test_a_sampling_interval_of_many_time_constants_warns_with_the_number(estimator):
    with pytest.warns(st.DiscretizationWarning, match="dt/3 = 0.667"):
        estimator.fit(panel(8.0))


def test_too_few_transitions_say_nothing_about_the_rate():
    X = st.Trajectories(np.random.default_rng(0).normal(size=(20, 1)))
    assert one_step_rates(transition_sample(X)).size == 0
