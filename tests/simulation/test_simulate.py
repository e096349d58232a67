"""simulate: the same numbers whoever computes them, and refusals that say why."""

import math
import subprocess
import sys

import numpy as np
import pytest

from stochtext._shared.exceptions import (
    InputError,
    PerformanceWarning,
    ResourceLimitError,
    SimulationError,
    SimulationWarning,
    UnspecifiedParameterError,
)
from stochtext.processes import (
    SDE,
    CoxIngersollRoss,
    DoubleWell,
    ExtrapolatedProcess,
    OrnsteinUhlenbeck,
    Process,
    Support,
    TrendingOrnsteinUhlenbeck,
)
from stochtext.simulation import long_paths, simulate, tiles

OU = OrnsteinUhlenbeck(1.0, 0.5, 0.6)
PLANE = OrnsteinUhlenbeck([[1.0, -0.5], [0.7, 0.8]], [1.0, -1.0], [[0.5, 0.0], [0.2, 0.4]])
GENERAL = SDE(
    lambda t, x: -x,
    lambda t, x: np.array([[0.5, 0.2 * x[1], 0.0], [0.1 * x[0], 0.4, 0.3]]),
    dim=2,
    noise="general",
)
DIAGONAL = SDE(lambda t, x: np.cos(t) - x, lambda t, x: 0.1 + 0.2 * x * x, dim=2)


class InNumPy(Process):
    """The same process without its machine code, as a fitted one would be."""

    def __init__(self, process):
        super().__init__(
            dim=process.dim, noise=process.noise, noise_dim=process.noise_dim, clock=process.clock
        )
        self.process = process

    def _drift(self, x, t):
        return self.process.drift(x, t)

    def _diffusion(self, x, t):
        return self.process.diffusion(x, t)


ALL = [
    (OU, 0.0, "euler"),
    (PLANE, [0.0, 1.0], "euler"),
    (DIAGONAL, [0.5, 1.0], "milstein"),
    (GENERAL, [0.5, 1.0], "euler"),
    (GENERAL, [0.5, 1.0], "milstein"),
]
NAMES = ["scalar", "plane", "diagonal milstein", "general euler", "general milstein"]


@pytest.mark.parametrize(("process", "x0", "scheme"), ALL, ids=NAMES)
def test_result_is_bitwise_independent_of_threads_and_tiles(process, x0, scheme, monkeypatch):
    options = {"dt": 0.1, "n_steps": 30, "n_paths": 300, "scheme": scheme, "random_state": 2}
    one = simulate(process, x0, n_threads=1, **options)
    assert simulate(process, x0, n_threads=2, **options) == one
    assert simulate(process, x0, n_threads=7, **options) == one
    monkeypatch.setattr(tiles, "_LANES", 24)
    monkeypatch.setattr(tiles, "_TASK", 24 * 30 * 2)
    assert simulate(process, x0, n_threads=2, **options) == one


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("process", "x0", "scheme"), ALL[:2], ids=NAMES[:2])
def test_states_written_past_the_caches_are_the_same_wherever_they_lie(
    process, x0, scheme, dtype, monkeypatch
):
    shape = (37, 302, process.dim)
    options = {"dt": 0.01, "n_steps": 301, "n_paths": 37, "scheme": scheme, "dtype": dtype}
    usual = simulate(process, x0, random_state=2, **options).to_array()
    monkeypatch.setattr(tiles, "_CACHES", 0)
    for skipped in (0, 1, 5):
        memory = np.full(np.prod(shape) + skipped + 1, 7.0, dtype)
        out = memory[skipped:-1].reshape(shape)
        simulate(process, x0, random_state=2, out=out, **options)
        np.testing.assert_array_equal(out, usual)
        assert (memory[:skipped] == 7.0).all()
        assert memory[-1] == 7.0


@pytest.mark.parametrize(("process", "x0", "scheme"), ALL, ids=NAMES)
def test_any_path_alone_is_the_path_in_the_batch(process, x0, scheme):
    options = {"dt": 0.1, "n_steps": 30, "scheme": scheme, "random_state": 2}
    batch = simulate(process, x0, n_paths=12, **options)
    for path in (0, 11):
        alone = simulate(process, x0, first_path=path, **options)
        np.testing.assert_array_equal(alone.values, batch.arrays()[path])


@pytest.mark.parametrize(("process", "x0", "scheme"), ALL, ids=NAMES)
def test_run_in_pieces_is_the_run_in_one(process, x0, scheme):
    options = {"dt": 0.1, "scheme": scheme, "random_state": 2, "t0": 3.0, "n_substeps": 2}
    whole = simulate(process, x0, n_steps=21, n_paths=9, **options)
    first = simulate(process, x0, n_steps=8, n_paths=9, **options).to_array()
    rest = simulate(process, first[:, -1], n_steps=13, first_step=8, **options)
    np.testing.assert_array_equal(rest.to_array(), whole.to_array()[:, 8:])
    np.testing.assert_allclose(rest[0].times, whole[0].times[8:], rtol=1e-15)


@pytest.mark.parametrize(("process", "x0", "scheme"), ALL, ids=NAMES)
def test_long_path_in_its_own_loop_is_the_same_path(process, x0, scheme, monkeypatch):
    options = {"dt": 0.01, "n_steps": 700, "n_paths": 2, "save_every": 7, "scheme": scheme}
    options |= {"random_state": 2, "first_step": 3, "antithetic": True}
    in_tiles = simulate(process, x0, **options)
    monkeypatch.setattr(long_paths, "_LONG", 1)
    monkeypatch.setattr(long_paths, "_BLOCK", 111)
    assert simulate(process, x0, **options) == in_tiles


def test_long_path_that_explodes_is_cut_where_the_tile_cuts_it(monkeypatch):
    options = {"dt": 0.05, "n_steps": 40, "random_state": 1}
    with pytest.warns(SimulationWarning, match="1 of 2"):
        in_tiles = simulate(EXPLOSIVE, [0.0, 3.0], **options)
    monkeypatch.setattr(long_paths, "_LONG", 1)
    with pytest.warns(SimulationWarning, match="1 of 2"):
        assert simulate(EXPLOSIVE, [0.0, 3.0], **options) == in_tiles


def test_longer_run_begins_with_the_shorter_one():
    short = simulate(GENERAL, [0.5, 1.0], dt=0.1, n_steps=10, scheme="milstein", random_state=2)
    long = simulate(GENERAL, [0.5, 1.0], dt=0.1, n_steps=25, scheme="milstein", random_state=2)
    np.testing.assert_array_equal(long.values[:11], short.values)


@pytest.mark.parametrize(("process", "x0", "scheme"), ALL, ids=NAMES)
def test_process_asked_in_python_gives_the_compiled_path(process, x0, scheme):
    options = {"dt": 0.05, "n_steps": 40, "n_paths": 6, "scheme": scheme, "random_state": 2}
    compiled = simulate(process, x0, save_every=2, n_substeps=2, **options)
    stepped = simulate(InNumPy(process), x0, save_every=2, n_substeps=2, **options)
    # Sums in another order; in the corrections, differences divided by 1e-6.
    np.testing.assert_allclose(stepped.values, compiled.values, rtol=1e-7, atol=1e-8)


def test_same_seed_same_paths_and_other_seed_other_paths():
    def paths(seed):
        return simulate(OU, 0.0, dt=0.1, n_steps=5, n_paths=2, random_state=seed).values

    np.testing.assert_array_equal(paths(1), paths(1))
    assert not np.any(paths(1)[1:6] == paths(2)[1:6])
    rng = np.random.default_rng(0)
    assert not np.array_equal(paths(rng), paths(rng))


def test_saved_states_are_those_of_the_finer_run():
    full = simulate(OU, 0.0, dt=0.01, n_steps=60, n_paths=3, random_state=1).to_array()
    thin = simulate(OU, 0.0, dt=0.01, n_steps=60, n_paths=3, save_every=6, random_state=1)
    np.testing.assert_array_equal(thin.to_array(), full[:, ::6])
    assert thin.dt == pytest.approx(0.06)


@pytest.mark.parametrize("parts", [2, 3, 8, 12])
def test_substeps_refine_one_brownian_path(parts):
    path = SDE(lambda t, x: 0.0, lambda t, x: 1.0, noise="additive")
    options = {"dt": 0.5, "n_steps": 7, "n_paths": 9, "random_state": 1}
    coarse = simulate(path, 0.0, **options).values
    fine = simulate(path, 0.0, n_substeps=parts, **options).values
    np.testing.assert_allclose(fine, coarse, atol=1e-13)


def test_twice_as_many_substeps_see_the_same_path_within_the_step():
    # X = int W ds by left end points, so that the path within the step counts.
    area = SDE(
        lambda t, x: np.array([x[1], 0.0]),
        lambda t, x: np.array([[0.0], [1.0]]),
        dim=2,
        noise="additive",
    )
    options = {"dt": 1.0, "n_steps": 1, "n_paths": 4000, "random_state": 1}
    found = {
        n: simulate(area, [0.0, 0.0], n_substeps=n, **options).to_array()[:, 1, 0]
        for n in (1, 4, 8, 256)
    }
    # E (int W - sum)^2 = h^2 / 3 over the unit interval, for a sum with step h.
    for n in (1, 4, 8):
        error = np.mean((found[n] - found[256]) ** 2)
        assert error == pytest.approx(1 / (3 * n**2), rel=0.15)


def test_antithetic_paths_mirror_one_another_and_the_first_is_the_ordinary_one():
    options = {"dt": 0.1, "n_steps": 20, "random_state": 1}
    pairs = simulate(OU, 0.5, n_paths=10, antithetic=True, **options).to_array()
    np.testing.assert_allclose(pairs[0::2] - 0.5, 0.5 - pairs[1::2], atol=1e-14)
    plain = simulate(OU, 0.5, n_paths=5, **options).to_array()
    np.testing.assert_array_equal(pairs[0::2], plain)


def test_single_precision_follows_the_double_precision_path():
    options = {"dt": 0.05, "n_steps": 40, "n_paths": 9, "random_state": 1}
    out = np.empty((9, 41, 2), dtype=np.float32)
    double = simulate(PLANE, [0.0, 1.0], **options)
    single = simulate(PLANE, [0.0, 1.0], dtype="float32", out=out, **options)
    np.testing.assert_allclose(single.values, double.values, atol=1e-5)
    np.testing.assert_array_equal(out, single.to_array())
    assert single.values.dtype == np.float64


def test_start_outside_the_domain_is_refused():
    with pytest.raises(InputError, match=r"domain of CoxIngersollRoss.*path 1"):
        simulate(CoxIngersollRoss(1.0, 0.5, 0.3), [0.5, -0.1], dt=0.1, n_steps=3)


def test_error_of_a_process_asked_in_python_reaches_the_caller():
    class Failing(InNumPy):
        def _drift(self, x, t):
            if np.any(t > 0.25):
                raise ZeroDivisionError("no answer here")
            return super()._drift(x, t)

    with pytest.raises(ZeroDivisionError, match="no answer here"):
        simulate(Failing(OU), 0.0, dt=0.1, n_steps=9)


def test_starts_are_one_state_or_one_per_path():
    assert simulate(OU, 2.0, dt=0.1, n_steps=2).values[0, 0] == 2.0
    many = simulate(OU, [1.0, 2.0, 3.0], dt=0.1, n_steps=2)
    np.testing.assert_array_equal(many.to_array()[:, 0, 0], [1.0, 2.0, 3.0])
    one = simulate(PLANE, [1.0, 2.0], dt=0.1, n_steps=2, n_paths=4)
    np.testing.assert_array_equal(one.to_array()[:, 0], np.tile([1.0, 2.0], (4, 1)))
    assert one.n_features == 2


def test_time_and_relative_clock_reach_the_functions():
    def ramp(clock):
        return SDE(lambda t, x: t, lambda t, x: 0.0, clock=clock)

    timed = simulate(ramp("time"), 0.0, dt=0.5, n_steps=4, t0=10.0)
    np.testing.assert_allclose(timed.times, [10.0, 10.5, 11.0, 11.5, 12.0])
    np.testing.assert_allclose(np.diff(timed.values[:, 0]), 0.5 * timed.times[:4])
    relative = simulate(ramp("relative"), 0.0, dt=0.5, n_steps=4, t0=10.0)
    np.testing.assert_allclose(np.diff(relative.values[:, 0]), 0.5 * np.array([0, 0.25, 0.5, 0.75]))
    np.testing.assert_allclose(relative.times, timed.times)


def test_moving_mean_is_followed_over_the_whole_path():
    process = TrendingOrnsteinUhlenbeck(2.0, [0.0, 3.0], 0.0)
    panel = simulate(process, 0.0, dt=0.1, n_steps=50, n_substeps=50)
    exact = np.zeros((1, 1))
    for k in range(50):
        exact, _ = process.transition_moments(exact, 0.1, k / 50, clock_dt=1 / 50)
    # Euler without noise has an error of order of the substep.
    assert panel.values[-1, 0] == pytest.approx(exact[0, 0], abs=5e-3)


def test_no_noise_is_an_ordinary_differential_equation():
    panel = simulate(OrnsteinUhlenbeck(1.0, 0.0, 0.0), 1.0, dt=0.1, n_steps=10)
    np.testing.assert_allclose(panel.values[:, 0], 0.9 ** np.arange(11))


def test_out_receives_the_states_and_the_result_views_it_read_only():
    out = np.empty((3, 11, 2))
    panel = simulate(PLANE, [0.0, 0.0], dt=0.1, n_steps=10, n_paths=3, random_state=1, out=out)
    assert np.shares_memory(panel.values, out)
    assert not panel.values.flags.writeable
    assert out.flags.writeable
    again = simulate(PLANE, [0.0, 0.0], dt=0.1, n_steps=10, n_paths=3, random_state=1)
    np.testing.assert_array_equal(out, again.to_array())


EXPLOSIVE = DoubleWell(1.0, -1.0, 0.1)


def test_exploded_path_is_cut_and_reported():
    out = np.empty((2, 41, 1))
    with pytest.warns(SimulationWarning, match="1 of 2 paths"):
        panel = simulate(EXPLOSIVE, [0.0, 3.0], dt=0.05, n_steps=40, random_state=1, out=out)
    at = panel.metadata["exploded_at"].to_numpy()
    assert np.isnan(at[0])
    last = panel.lengths[1]
    assert panel.lengths[0] == 41
    assert 2 <= last < 41
    assert at[1] == pytest.approx(0.05 * last)
    assert np.isfinite(out[1, :last]).all()
    assert np.isnan(out[1, last:]).all()
    np.testing.assert_array_equal(np.isnan(panel.to_array(fill=np.nan)), np.isnan(out))


def test_path_that_leaves_its_half_line_is_told_of_the_schemes_that_stay():
    rate = CoxIngersollRoss(1.0, 0.02, 0.8)
    options = {"dt": 0.1, "n_steps": 50, "n_paths": 4, "random_state": 1}
    with pytest.warns(SimulationWarning, match="'truncated_euler' and 'reflected_euler'"):
        simulate(rate, 0.02, **options)


def test_explosion_in_numpy_stepping_is_cut_alike():
    options = {"dt": 0.05, "n_steps": 40, "random_state": 1}
    with pytest.warns(SimulationWarning, match="1 of 2"):
        stepped = simulate(InNumPy(EXPLOSIVE), [0.0, 3.0], **options)
    with pytest.warns(SimulationWarning, match="1 of 2"):
        compiled = simulate(EXPLOSIVE, [0.0, 3.0], **options)
    np.testing.assert_array_equal(stepped.lengths, compiled.lengths)


def test_exploded_path_stays_lost_if_a_function_maps_nan_to_a_number():
    process = SDE(lambda t, x: x**3 if x > 0 else 0.0, lambda t, x: 0.0)
    out = np.empty((1, 61, 1))
    with pytest.warns(SimulationWarning):
        simulate(process, 3.0, dt=0.05, n_steps=60, out=out)
    lost = np.flatnonzero(np.isnan(out[0, :, 0]))
    assert np.isnan(out[0, lost[0] :]).all()


def test_explosion_can_raise_and_does_when_nothing_is_left():
    with pytest.raises(SimulationError, match="path 1 at time"):
        simulate(EXPLOSIVE, [0.0, 3.0], dt=0.05, n_steps=40, on_explosion="raise", random_state=1)
    with pytest.raises(SimulationError, match="no second state"):
        simulate(EXPLOSIVE, 3.0, dt=0.05, n_steps=40, save_every=40, random_state=1)


def test_python_functions_are_stepped_with_a_warning_and_fitted_ones_silently():
    table = {True: -1.0, False: 1.0}
    process = SDE(lambda t, x: table.get(x > 0), lambda t, x: 0.5)
    with pytest.warns(PerformanceWarning, match="evaluated in Python"):
        simulate(process, 0.0, dt=0.1, n_steps=3)
    simulate(InNumPy(OU), 0.0, dt=0.1, n_steps=3)


def test_extrapolated_process_simulates():
    support = Support.from_states(np.array([[-1.0], [1.0]]))
    process = ExtrapolatedProcess(DoubleWell(1.0, 1.0, 0.7), OU, support)
    panel = simulate(process, 0.0, dt=0.1, n_steps=20, n_paths=4, random_state=1)
    assert panel.n_transitions == 80


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dt": 0.0}, "dt"),
        ({"dt": -0.1}, "dt"),
        ({"dt": math.inf}, "dt"),
        ({"n_steps": 0}, "n_steps"),
        ({"n_steps": 2.5}, "n_steps"),
        ({"n_paths": 0}, "n_paths"),
        ({"n_substeps": 0}, "n_substeps"),
        ({"save_every": 3}, "multiple of `save_every`"),
        ({"scheme": "heun"}, "'euler'.*'milstein'"),
        ({"on_explosion": "ignore"}, "on_explosion"),
        ({"n_threads": 0}, "n_threads"),
        ({"t0": np.nan}, "t0"),
        ({"first_path": -1}, "first_path"),
        ({"first_path": 2**32}, "first_path"),
        ({"first_step": 0.5}, "first_step"),
        ({"dtype": "float16"}, "dtype"),
        ({"x0": [[1.0, 2.0]]}, "x0"),
        ({"x0": np.nan}, r"finite.*path 0"),
        ({"x0": [1.0, 2.0], "n_paths": 3}, "2 states"),
        ({"x0": "left"}, "numbers"),
        ({"random_state": -1}, "random_state"),
        ({"out": np.empty((1, 5, 1))}, r"shape \(1, 11, 1\)"),
        ({"out": np.empty((1, 11, 1), dtype=np.float32)}, "float32"),
        ({"out": np.empty((1, 1, 11)).T}, "C-contiguous"),
        ({"out": [0.0]}, "got list"),
        ({"process": "ou"}, "must be a Process"),
    ],
)
def test_bad_requests_are_refused(change, said):
    arguments = {"process": OU, "x0": 0.0, "dt": 0.1, "n_steps": 10, **change}
    with pytest.raises(InputError, match=said):
        simulate(**arguments)


def test_part_of_a_run_on_the_relative_clock_is_refused():
    process = TrendingOrnsteinUhlenbeck(2.0, [0.0, 3.0], 0.1)
    with pytest.raises(InputError, match="relative clock"):
        simulate(process, 0.0, dt=0.1, n_steps=3, first_step=2)


def test_family_cannot_be_simulated():
    with pytest.raises(UnspecifiedParameterError, match="mu, sigma"):
        simulate(OrnsteinUhlenbeck(kappa=1.0), 0.0, dt=0.1, n_steps=10)


def test_request_beyond_memory_is_refused_before_it_is_allocated():
    with pytest.raises(ResourceLimitError, match="bytes"):
        simulate(OU, 0.0, dt=0.1, n_steps=10**9, n_paths=10**6)
    with pytest.raises(ResourceLimitError, match="fewer paths"):
        simulate(OU, 0.0, dt=0.1, n_steps=1, n_paths=10**14)


def test_numba_is_not_loaded_before_something_is_simulated():
    code = (
        "import sys; from stochtext.processes import OrnsteinUhlenbeck as P, SDE;"
        "from stochtext.simulation import simulate;"
        "P(1.0, 0.0, 1.0).drift([0.0]); SDE(lambda t, x: -x, lambda t, x: 1.0).drift([0.0]);"
        "print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
