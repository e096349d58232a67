"""Binned sums and the regression on them, against direct formulas."""

from __future__ import annotations

import numpy as np
import pytest

from stochtext.processes.fitted.bins.binned_moments import (
    binned_moments_1d,
    binned_moments_2d,
    binned_powers_1d,
    binned_squares_2d,
    read_off_1d,
    smooth_nodes,
)
from stochtext.processes.fitted.bins.curve_table import CurveTable, Nodes, column_limits
from stochtext.processes.fitted.smoothing.binned_regression import binned_sums, fit_nodes
from stochtext.processes.fitted.smoothing.kernels import KERNELS
from stochtext.processes.fitted.smoothing.local_polynomial import LocalPolynomial
from stochtext.processes.fitted.smoothing.smoothed import KernelProcess


def shared_out(x, values, low, step, n_nodes):
    """Share values out to the neighbouring nodes with numpy alone."""
    place = (x - low) / step
    inside = (place >= 0) & (place <= n_nodes - 1)
    cell = np.minimum(place[inside].astype(int), n_nodes - 2)
    share = place[inside] - cell
    sums = np.zeros(n_nodes)
    np.add.at(sums, cell, values[inside] * (1 - share))
    np.add.at(sums, cell + 1, values[inside] * share)
    return sums


@pytest.mark.parametrize("weighted", [False, True])
def test_sums_on_a_line_are_those_of_linear_binning(rng, weighted):
    x, y = rng.normal(size=500), rng.normal(size=(500, 2))
    weight = rng.uniform(0.5, 2, 500) if weighted else None
    w = np.ones(500) if weight is None else weight
    sums = binned_moments_1d(x, y, -2.0, 0.1, 41, weight)
    expected = [shared_out(x, w * column, -2.0, 0.1, 41) for column in (np.ones(500), *y.T)]
    np.testing.assert_allclose(sums, np.array(expected).T, rtol=1e-12, atol=1e-12)


def test_powers_are_the_moments_of_powers(rng):
    x, change, weight = rng.normal(size=(3, 400))
    powers = np.stack([change, change**2, change**3], axis=1)
    direct = binned_moments_1d(x, powers, -5.0, 0.25, 41, weight)
    sums = binned_powers_1d(x, change, -5.0, 0.25, 41, 3, weight)
    np.testing.assert_allclose(sums, direct, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("weighted", [False, True])
def test_squares_are_the_moments_of_products(rng, weighted):
    x, change = rng.normal(size=(2, 400, 2))
    weight = rng.uniform(0.5, 2, 400) if weighted else None
    low, step, shape = np.array([-2.0, -3.0]), np.array([0.25, 0.5]), (17, 13)
    (a, b), powers = change.T, binned_powers_1d(x[:, 0], change[:, 0], -5.0, 0.25, 41, 2, weight)
    products = np.stack([a, b, a * a, a * b, b * b], axis=1)
    direct = binned_moments_2d(x, products, low, step, shape, weight)
    sums = binned_squares_2d(x, change, low, step, shape, weight)
    np.testing.assert_allclose(sums, direct, rtol=1e-11, atol=1e-11)
    line = binned_moments_1d(x[:, 0], products[:, [0, 2]], -5.0, 0.25, 41, weight)
    np.testing.assert_allclose(powers, line, rtol=1e-11, atol=1e-11)


def test_limits_of_columns_are_those_of_each_entry(rng):
    for n in (1, 128, 129, 700):
        x = rng.normal(size=(n, 2))
        low, high = column_limits(x)
        assert (low == x.min(axis=0)).all()
        assert (high == x.max(axis=0)).all()


def test_sums_in_the_plane_keep_totals_and_first_moments(rng):
    x, y = rng.uniform(-1, 1, (300, 2)), rng.normal(size=(300, 1))
    low, step = np.array([-1.0, -1.0]), np.array([0.1, 0.2])
    sums = binned_moments_2d(x, y, low, step, (21, 11))
    np.testing.assert_allclose(sums.sum(axis=(0, 1)), [300, y.sum()], rtol=1e-12)
    first = np.einsum("jkr,j->r", sums, low[0] + step[0] * np.arange(21))
    second = np.einsum("jkr,k->r", sums, low[1] + step[1] * np.arange(11))
    np.testing.assert_allclose(first, [x[:, 0].sum(), (x[:, 0] * y[:, 0]).sum()], atol=1e-10)
    np.testing.assert_allclose(second, [x[:, 1].sum(), (x[:, 1] * y[:, 0]).sum()], atol=1e-10)


def test_points_beyond_the_nodes_are_left_out():
    assert binned_moments_1d(np.array([-1.0, 5.0]), np.ones((2, 1)), 0.0, 1.0, 4).sum() == 0


def test_smoothing_is_a_convolution(rng):
    sums, taps = rng.normal(size=(3, 50)), rng.normal(size=7)
    expected = [np.convolve(row, taps[::-1], mode="same") for row in sums]
    np.testing.assert_allclose(smooth_nodes(sums, taps), expected, rtol=1e-11, atol=1e-12)


def test_reading_off_is_exact_for_cubic_polynomials_and_nan_outside():
    nodes = np.linspace(-1, 1, 21)
    values = (1 + nodes - 2 * nodes**3)[:, None]
    x = np.array([-0.85, 0.0, 0.333, 0.9])
    read = read_off_1d(x, -1.0, 0.1, values)[:, 0]
    np.testing.assert_allclose(read, 1 + x - 2 * x**3, rtol=1e-12)
    assert np.isnan(read_off_1d(np.array([-0.95, 1.0, 9.0]), -1.0, 0.1, values)).all()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("degree", [0, 1, 2])
def test_a_binned_fit_equals_the_direct_one_within_a_hundredth_of_its_error(rng, degree, kernel):
    x = rng.normal(size=(4000, 1))
    y = np.sin(2 * x) + rng.normal(size=(4000, 1))
    h = np.array([0.2 if kernel == "gaussian" else 0.5])
    sd = 0.2
    nodes = Nodes.around(x, 2 * h, np.array([sd / 24]), 8192)
    regression = LocalPolynomial(x, np.ones(4000), np.ones(4000), h, degree, kernel)
    value, count = fit_nodes(binned_sums(regression, y, nodes), nodes, h, degree, kernel)
    at = np.linspace(-1.5, 1.5, 41)[:, None]
    direct = regression.fit(at, y, noise=True)
    se = np.sqrt(direct.noise)
    assert np.max(np.abs(CurveTable(nodes, value)(at) - direct.value)[:, 0] / se) < 0.01
    read = read_off_1d(at[:, 0], nodes.low[0], nodes.step[0], count[:, None])[:, 0]
    np.testing.assert_allclose(read, direct.count, rtol=0.01)


@pytest.mark.parametrize("degree", [0, 1, 2])
def test_a_binned_fit_in_the_plane_equals_the_direct_one(rng, degree):
    x = rng.normal(size=(3000, 2))
    y = x[:, :1] * x[:, 1:] + rng.normal(size=(3000, 1))
    h = np.array([0.4, 0.5])
    nodes = Nodes.around(x, 2 * h, h / 14, 400)
    regression = LocalPolynomial(x, np.ones(3000), np.ones(3000), h, degree)
    value, _ = fit_nodes(binned_sums(regression, y, nodes), nodes, h, degree, "gaussian")
    at = rng.uniform(-1, 1, (30, 2))
    direct = regression.fit(at, y, noise=True)
    error = np.abs(CurveTable(nodes, value)(at) - direct.value)[:, 0]
    assert np.max(error / np.sqrt(direct.noise)) < 0.01


def test_sorted_and_unsorted_points_give_the_same_compact_fit(rng):
    x, y, w = rng.normal(size=(500, 1)), rng.normal(size=(500, 2)), rng.uniform(0.5, 2, 500)
    at, h, order = np.linspace(-1, 1, 9)[:, None], np.array([0.5]), np.argsort(x[:, 0])
    one = LocalPolynomial(x, w, np.ones(500), h, 2, "quartic").fit(at, y, noise=True)
    two = LocalPolynomial(x[order], w[order], np.ones(500), h, 2, "quartic").fit(
        at, y[order], noise=True
    )
    np.testing.assert_allclose(one.value, two.value, rtol=1e-9)
    np.testing.assert_allclose(one.noise, two.noise, rtol=1e-9)


def test_many_transitions_in_the_plane_are_binned_and_stay_positive_definite(rng):
    x, noise = rng.normal(size=(6000, 2)), 0.1 * rng.normal(size=(6000, 2))
    process = KernelProcess(
        x, -0.1 * x + noise, np.full(6000, 0.1), noise, bandwidth=[0.5, 0.5], shrinkage=0
    )
    assert process.is_tabulated
    states = rng.uniform(-1, 1, (20, 2))
    direct = process.drift_regression().fit(states, process.increments / 0.1, noise=True)
    se = np.sqrt(direct.noise * 0.1**2 / 0.1)[:, None]
    assert np.max(np.abs(process.drift(states) - direct.value) / se) < 0.01
    assert np.linalg.eigvalsh(process.covariance(states)).min() > 0
    assert np.isnan(process.drift([[50.0, 0.0]])).all()


def test_read_only_data_are_taken():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=200), rng.normal(size=200)
    expected = binned_powers_1d(x, y, -6.0, 0.1, 121, 2)
    for array in (x, y):
        array.flags.writeable = False
    np.testing.assert_array_equal(binned_powers_1d(x, y, -6.0, 0.1, 121, 2), expected)
