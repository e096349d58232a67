"""The fast tier of the calibration study: size of three tests with estimated parameters."""

from __future__ import annotations

import numpy as np

from stochtext import LinearSDE, Trajectories
from stochtext._shared.random import seed_sequence
from stochtext.diagnostics.battery.compute import Battery
from stochtext.diagnostics.battery.sample import Layout
from stochtext.processes import OrnsteinUhlenbeck
from stochtext.results.inference.calibration.draws import Redrawing
from stochtext.results.inference.refits.replication import replicated_panels

TESTS = ("drift moments", "Hong-Li W(5)", "Anderson-Darling")
REPLICATIONS, STEPS = 250, 150


def test_directed_omnibus_and_marginal_tests_keep_their_level():
    """Warp speed: one redraw a replication, critical values from all.

    With 250 replications and simulated critical values the standard error of a size is 1.95 per
    cent; the band 1.5 to 10 holds sizes of 5 but for one run in 100.
    """
    frame = Trajectories(np.zeros((STEPS + 1, 1)), dt=0.25)
    data = replicated_panels(
        OrnsteinUhlenbeck(1.0, 0.0, 1.0), frame, seed_sequence(20), 0, REPLICATIONS
    )
    battery = Battery(Layout(np.zeros(STEPS, dtype=np.int64)), 1, TESTS)
    observed, redrawn = [], []
    for k, panel in enumerate(data):
        assert panel is not None
        results = LinearSDE().fit(panel).results_
        sample, _ = results.one_step_sample(panel)
        rows = tuple(battery.rows(sample))
        redrawing = Redrawing(results, panel, panel, None, battery, rows, True)
        seed = np.random.SeedSequence([20, k])
        observed.append(battery.statistics(sample, rows))
        redrawn.append(redrawing.piece(seed, 0, 1)[0])
    critical = np.quantile(np.array(redrawn), 0.95, axis=0, method="weibull")
    sizes = 100 * np.mean(np.array(observed) > critical, axis=0)
    assert np.all((sizes >= 1.5) & (sizes <= 10)), dict(zip(TESTS, sizes, strict=True))
    # Tables for known parameters would reject nothing: 2.492 is the 5 % point of A squared.
    assert np.mean(np.array(observed)[:, 2] > 2.492) < 0.01
