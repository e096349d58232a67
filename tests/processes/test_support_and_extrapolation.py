"""Where data were seen, and what a process does elsewhere."""

import json

import numpy as np
import pytest

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext.processes import (
    DoubleWell,
    ExtrapolatedProcess,
    OrnsteinUhlenbeck,
    Support,
    TrendingOrnsteinUhlenbeck,
    process_from_dict,
)


def cloud(n=200, d=2):
    return generator(3, "cloud").standard_normal((n, d)) @ np.array([[1.0, 0.8], [0.0, 0.3]])


def test_every_observed_state_is_inside():
    x = cloud()
    assert Support.from_states(x).contains(x).all()


def test_corner_of_the_box_beyond_the_ellipsoid_is_outside():
    support = Support.from_states(cloud())
    corner = np.array([[support.lower[0], support.upper[1]]])
    assert not support.contains(corner)[0]
    assert support.contains(support.center)[0]


def test_level_trims_the_edges():
    x = cloud(1000)
    inside = Support.from_states(x, level=0.1).contains(x).mean()
    assert 0.7 < inside < 0.9


def test_constant_coordinate_and_nan_are_handled():
    x = np.column_stack([np.linspace(0, 1, 5), np.full(5, 2.0)])
    support = Support.from_states(x)
    assert support.contains(x).all()
    np.testing.assert_array_equal(support.contains([[0.5, 2.1], [np.nan, 2.0]]), [False, False])


def test_line_runs_from_face_to_face():
    support = Support.from_states(cloud())
    line = support.line(1, n=5)
    assert line.shape == (5, 2)
    np.testing.assert_allclose(line[[0, -1], 1], [support.lower[1], support.upper[1]])
    np.testing.assert_array_equal(line[:, 0], support.center[0])
    with pytest.raises(InputError, match="component"):
        support.line(2)


@pytest.mark.parametrize("states", [np.zeros((1, 2)), np.array([[0.0], [np.inf]])])
def test_support_needs_two_finite_states(states):
    with pytest.raises(InputError, match="two finite states"):
        Support.from_states(states)


def extrapolated():
    support = Support.from_states(np.array([[-1.5], [1.5]]))
    return ExtrapolatedProcess(DoubleWell(1.0, 1.0, 0.7), OrnsteinUhlenbeck(2.0, 0.0, 0.5), support)


def test_each_state_follows_the_rule_of_its_place():
    process = extrapolated()
    np.testing.assert_allclose(process.drift([0.5, 3.0])[:, 0], [0.5 - 0.125, -6.0])
    np.testing.assert_allclose(process.covariance([0.5, 3.0])[:, 0, 0], [0.49, 0.25])
    np.testing.assert_allclose(process.diffusion([0.5, 3.0])[:, 0, 0], [0.7, 0.5])
    assert process.autonomous
    assert process.is_specified


def test_parts_must_fit_together():
    support = Support.from_states(np.array([[-1.5], [1.5]]))
    flat = OrnsteinUhlenbeck(np.eye(2), [0.0, 0.0], np.eye(2))
    with pytest.raises(InputError, match="dimension"):
        ExtrapolatedProcess(flat, OrnsteinUhlenbeck(1.0, 0.0, 1.0), support)
    with pytest.raises(InputError, match="one clock"):
        ExtrapolatedProcess(
            TrendingOrnsteinUhlenbeck(1.0, [0.0, 1.0], 1.0),
            TrendingOrnsteinUhlenbeck(1.0, [0.0, 1.0], 1.0, clock="time"),
            support,
        )
    mixed = ExtrapolatedProcess(
        TrendingOrnsteinUhlenbeck(1.0, [0.0, 1.0], 1.0), OrnsteinUhlenbeck(1.0, 0.0, 1.0), support
    )
    assert mixed.clock == "relative"


@pytest.mark.parametrize(
    "process",
    [
        OrnsteinUhlenbeck(1.0, 0.5, 0.6),
        OrnsteinUhlenbeck(kappa=1.0),
        OrnsteinUhlenbeck(dim=3),
        OrnsteinUhlenbeck(np.eye(2), [0.0, 1.0], [[1.0, 0.0], [0.2, 0.5]]),
        TrendingOrnsteinUhlenbeck(np.eye(2), np.ones((3, 2)), np.eye(2), clock="time"),
        TrendingOrnsteinUhlenbeck(degree=2),
        DoubleWell(1.0, 1.0, 0.7),
        extrapolated(),
    ],
    ids=str,
)
def test_storage_round_trip_through_json(process):
    config, arrays = process.to_dict()
    again = process_from_dict(json.loads(json.dumps(config)), arrays)
    assert repr(again) == repr(process)
    assert (again.dim, again.clock, again.free_parameters) == (
        process.dim, process.clock, process.free_parameters,
    )  # fmt: skip
    if process.is_specified:
        x = np.linspace(-3, 3, 4)[:, None] * np.ones(process.dim)
        np.testing.assert_array_equal(again.drift(x, 0.3), process.drift(x, 0.3))


def test_damaged_or_unknown_descriptions_are_refused():
    from stochtext._shared.exceptions import ModelFileError

    with pytest.raises(ModelFileError, match="unknown type 'wavelet'"):
        process_from_dict({"type": "wavelet"}, {})
    with pytest.raises(ModelFileError, match="damaged"):
        process_from_dict({"type": "double_well"}, {})
