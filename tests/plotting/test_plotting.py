"""What the plots show: artists, limits, labels; and that nothing global is touched."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy.stats import norm

from stochtext import DegenerateDataError, InputError, Trajectories
from stochtext.plotting import (
    figure_to_png_base64,
    figure_to_svg,
    plot_comparison,
    plot_covariance,
    plot_drift,
    plot_field,
    plot_group_scores,
    plot_order_control,
    plot_residual_diagnostics,
    plot_trajectories,
)
from stochtext.plotting.diagnostics import within_autocorrelation
from stochtext.plotting.palette import OKABE_ITO
from stochtext.processes import OrnsteinUhlenbeck
from stochtext.processes.support import Support

X = np.linspace(-1.0, 1.0, 21)


@pytest.fixture
def panel() -> Trajectories:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((n, 3)).cumsum(axis=0) for n in (5, 8, 13)]
    metadata = pd.DataFrame({"kind": ["a", "b", "a"]})
    return Trajectories(arrays, dt=0.5, metadata=metadata, columns=["u", "v", "w"])


@pytest.fixture
def scores() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "rank": [2, 1],
            "score": [-1.5, -1.25],
            "diff": [-0.25, 0.0],
            "ci_lower": [-0.4, np.nan],
            "ci_upper": [-0.1, np.nan],
        },
        index=["linear", "neural"],
    )


def all_axes(panel: Trajectories, scores: pd.DataFrame) -> dict:
    return {
        "trajectories": lambda ax: plot_trajectories(panel, ax=ax),
        "drift": lambda ax: plot_drift(X, -X, ax=ax),
        "covariance": lambda ax: plot_covariance(X, 1 + X**2, ax=ax),
        "field": lambda ax: plot_field(lambda x: -x, panel, ax=ax),
        "comparison": lambda ax: plot_comparison(scores, ax=ax),
        "order": lambda ax: plot_order_control(0.3, [0.1, 0.2], ax=ax),
        "groups": lambda ax: plot_group_scores(scores.reset_index(), "index", "score", ax=ax),
    }


@pytest.mark.parametrize(
    "name", ["trajectories", "drift", "covariance", "field", "comparison", "order", "groups"]
)
def test_every_plot_draws_where_it_is_told_or_on_a_figure_of_its_own(
    name: str, panel: Trajectories, scores: pd.DataFrame
) -> None:
    draw = all_axes(panel, scores)[name]
    given = Figure().add_subplot()
    assert draw(given) is given
    own = draw(None)
    assert own.figure is not given.figure
    assert own.has_data()
    assert "<svg" in figure_to_svg(own.figure)


def test_no_plot_loads_pyplot_or_changes_a_setting() -> None:
    code = (
        "import sys, matplotlib\n"
        "before = dict(matplotlib.rcParams)\n"
        "from stochtext.plotting import plot_drift, figure_to_svg\n"
        "figure_to_svg(plot_drift([0, 1], [1, 0], [0, 0], [1, 1], [0, .5], [1, 0], 'a').figure)\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert dict(matplotlib.rcParams) == before\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


def test_importing_the_room_does_not_load_matplotlib() -> None:
    code = (
        "import sys\n"
        "from stochtext.plotting import plot_drift, plot_field, plot_trajectories\n"
        "from stochtext.plotting import plot_residual_diagnostics, plot_comparison\n"
        "assert 'matplotlib' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


def test_trajectories_are_drawn_separately_and_by_group(panel: Trajectories) -> None:
    ax = plot_trajectories(panel, components=(0, 2), by_group="kind")
    segments = [line for group in ax.collections for line in group.get_segments()]
    assert sorted(len(segment) for segment in segments) == [5, 8, 13]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("u", "w")


def test_one_component_is_drawn_against_time(panel: Trajectories) -> None:
    ax = plot_trajectories(panel, components=(1,))
    longest = max(ax.collections[0].get_segments(), key=len)
    np.testing.assert_allclose(longest[:, 0], 0.5 * np.arange(13))
    np.testing.assert_allclose(longest[:, 1], panel[2].values[:, 1])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time", "v")
    assert ax.get_xlim()[1] >= 6.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"components": (0, 3)}, "coordinates 0..2"),
        ({"components": (0, 1, 2)}, "one or two"),
        ({"by_group": "colour"}, "No metadata column 'colour'; there are: 'kind'"),
        ({"by_group": ["a"]}, "each of the 3 trajectories"),
        ({"by_group": True}, "no `groups`"),
    ],
)
def test_what_a_panel_does_not_have_is_refused(
    panel: Trajectories, options: dict, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        plot_trajectories(panel, **options)


def test_more_groups_than_colours_are_refused() -> None:
    many = Trajectories([np.zeros((2, 1))] * 9)
    with pytest.raises(InputError, match="at most 8"):
        plot_trajectories(many, by_group=list(range(9)))


def test_a_drift_is_sorted_and_keeps_its_gap_its_band_and_its_truth() -> None:
    order = np.random.default_rng(1).permutation(len(X))
    estimate = np.where(X > 0.85, np.nan, -X)
    ax = plot_drift(
        X[order], estimate[order], (estimate - 1)[order], (estimate + 1)[order],
        truth=-X[order], label="kernel",
    )  # fmt: skip
    curve, truth = ax.lines[0], ax.lines[1]
    np.testing.assert_array_equal(curve.get_xdata(), X)
    assert np.isnan(curve.get_ydata()).sum() == 2
    np.testing.assert_array_equal(truth.get_ydata(), -X)
    assert len(ax.collections) == 1
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["kernel", "truth"]


def test_the_histogram_of_states_does_not_change_the_scale_of_the_drift() -> None:
    states = np.random.default_rng(2).standard_normal(500) * 0.3
    plain = plot_drift(X, -X)
    behind = plot_drift(X, -X, states=states)
    assert behind.get_ylim() == plain.get_ylim()
    assert len(behind.patches) == 1


def test_curves_on_the_same_axes_get_different_colours() -> None:
    ax = plot_drift(X, -X, label="one")
    plot_drift(X, -2 * X, label="two", ax=ax)
    curves = [line for line in ax.lines if line.get_label() in ("one", "two")]
    assert [line.get_color() for line in curves] == list(OKABE_ITO[:2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"estimate": X[1:]}, "`estimate` must have shape"),
        ({"estimate": X, "lower": X}, "both `lower` and `upper`"),
        ({"estimate": np.outer(X, X)}, "`estimate` must have shape"),
    ],
)
def test_curves_of_wrong_shape_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        plot_drift(X, **arguments)


def test_streamlines_stay_inside_the_support() -> None:
    states = np.random.default_rng(3).standard_normal((300, 2))
    ax = plot_field(lambda x: -x, states)
    streams = next(c for c in ax.collections if hasattr(c, "get_segments"))
    points = np.concatenate(streams.get_segments())
    radius = np.linalg.norm(states, axis=1).max()
    assert np.linalg.norm(points, axis=1).max() < 1.15 * radius
    assert ax.figure.axes[1].get_ylabel() == "speed $|b(x)|$"


def test_a_field_takes_a_process_a_panel_and_a_support(panel: Trajectories) -> None:
    process = OrnsteinUhlenbeck(np.eye(3), np.zeros(3), np.eye(3))
    ax = plot_field(process, panel, components=(2, 0))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("w", "u")
    support = Support.from_states(panel.values)
    assert plot_field(process.drift, support).has_data()


def test_a_plane_that_does_not_exist_is_refused(panel: Trajectories) -> None:
    with pytest.raises(InputError, match="two different coordinates"):
        plot_field(lambda x: -x, panel, components=(1, 1))
    with pytest.raises(InputError, match="must have the shape"):
        plot_field(lambda x: x[:, 0], panel)
    with pytest.raises(InputError, match="a process or a callable"):
        plot_field(3.0, panel)
    flat = np.column_stack([np.arange(5.0), np.ones(5)])
    with pytest.raises(DegenerateDataError, match="component 1"):
        plot_field(lambda x: -x, flat)


def test_residual_diagnostics_have_four_panels_with_bands() -> None:
    resid = np.random.default_rng(4).standard_normal((1000, 2))
    trajectory = np.repeat(np.arange(50), 20)
    figure = plot_residual_diagnostics(resid, norm.cdf(resid), trajectory, lags=7)
    assert len(figure.axes) == 4
    counts = [patch.get_height() for patch in figure.axes[0].patches[1:]]
    assert sum(counts) == 2000
    assert all(ax.get_title() for ax in figure.axes)
    assert list(figure.axes[2].lines[-1].get_xdata()) == list(range(1, 8))
    assert len(figure.axes[1].lines[-1].get_xdata()) <= 600
    given = Figure()
    assert plot_residual_diagnostics(resid, norm.cdf(resid), trajectory, fig=given) is given


def test_lags_without_pairs_are_left_out() -> None:
    resid = np.random.default_rng(5).standard_normal(40)
    figure = plot_residual_diagnostics(resid, norm.cdf(resid), np.repeat(np.arange(10), 4))
    assert list(figure.axes[2].lines[-1].get_xdata()) == [1, 2, 3]


def test_autocorrelation_uses_pairs_within_trajectories() -> None:
    # Alternating signs inside; across the seam the pattern would break.
    values = np.tile([1.0, -1.0, 1.0, -1.0], 6)[:, None]
    correlation, pairs = within_autocorrelation(values, np.repeat(np.arange(6), 4), 4)
    np.testing.assert_allclose(correlation[:3], [-1.0, 1.0, -1.0])
    assert np.isnan(correlation[3])
    assert pairs.tolist() == [18, 12, 6, 0]


@pytest.mark.parametrize(
    ("resid", "pit", "message"),
    [
        (np.zeros(4), np.zeros(3), "same shape"),
        (np.array([0.0, np.nan, 0.0, 0.0]), np.full(4, 0.5), "`resid` is nan in row 1"),
        (np.zeros(4), np.full(4, 1.5), r"`pit` must lie in \[0, 1\]"),
        (np.zeros(4), np.full(4, np.inf), "`pit` is inf in row 0"),
    ],
)
def test_bad_residuals_are_refused(resid: np.ndarray, pit: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        plot_residual_diagnostics(resid, pit, np.zeros(4))


def test_the_best_model_stands_on_top(scores: pd.DataFrame) -> None:
    ax = plot_comparison(scores)
    labels = [tick.get_text().split("\n")[0] for tick in ax.get_yticklabels()]
    assert labels == ["neural", "linear"]
    low, high = ax.get_ylim()
    assert low > high
    with pytest.raises(InputError, match="missing: ci_upper"):
        plot_comparison(scores.drop(columns="ci_upper"))


def test_order_control_refuses_numbers_that_are_none() -> None:
    with pytest.raises(InputError, match="finite"):
        plot_order_control(np.nan, [0.1])
    with pytest.raises(InputError, match="at least one shuffled copy"):
        plot_order_control(0.1, [])


def test_group_scores_count_what_has_no_score() -> None:
    frame = pd.DataFrame({"group": list("aab"), "score": [1.0, np.nan, np.nan]})
    ax = plot_group_scores(frame, "group", "score")
    labels = [tick.get_text() for tick in ax.get_yticklabels()]
    assert labels == ["a (n = 2, 1 without score)", "b (n = 1, 1 without score)"]
    with pytest.raises(InputError, match="missing: kind"):
        plot_group_scores(frame, "kind", "score")


def test_the_same_plot_gives_the_same_characters_and_bytes(panel: Trajectories) -> None:
    first, second = (plot_field(lambda x: -x, panel).figure for _ in range(2))
    assert figure_to_svg(first) == figure_to_svg(second)
    assert figure_to_png_base64(first) == figure_to_png_base64(second)


def test_svg_is_one_escaped_element_without_date_or_script() -> None:
    svg = figure_to_svg(plot_drift(X, -X).figure, title='drift <b> & "more"')
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    assert root.attrib["aria-label"] == 'drift <b> & "more"'
    for forbidden in (
        "<script",
        "<b>",
        "<?xml",
        "<!DOCTYPE",
        "<dc:date",
        str(matplotlib.__version__),
    ):
        assert forbidden not in svg


def test_labels_from_data_are_escaped_in_svg() -> None:
    frame = pd.DataFrame({"group": ["<script>alert(1)</script>"], "score": [1.0]})
    svg = figure_to_svg(plot_group_scores(frame, "group", "score").figure)
    assert "<script" not in svg
    assert "&lt;script&gt;" in svg
