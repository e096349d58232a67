"""drift_diffusion_analysis: what moves the text, how strongly, and where it rests."""

from __future__ import annotations

from typing import Any

from stochtext._shared.random import generator, seed_sequence
from stochtext._shared.typing import RandomState
from stochtext._shared.validation import check_fraction, check_integer
from stochtext.analysis.clusters import cluster_codes
from stochtext.analysis.fields.curves import (
    field_curves,
    fixed_point_quantities,
    potential_curve,
)
from stochtext.analysis.fields.result import DriftDiffusion
from stochtext.analysis.fields.rotation import rotation_quantities
from stochtext.analysis.fields.state_dependence import state_dependence
from stochtext.analysis.fields.time_constants import time_constant_quantities
from stochtext.analysis.one_step import one_step_errors
from stochtext.analysis.shuffling import shuffled
from stochtext.analysis.simulated_panels import fitted_results, read_analysis_panel
from stochtext.results.inference.derived.spread import spread_of

__all__ = ["drift_diffusion_analysis"]


def drift_diffusion_analysis(
    results: Any,
    X: Any,
    *,
    u: float = 0.5,
    n_permutations: int = 199,
    n_draws: int = 200,
    alpha: float = 0.05,
    random_state: RandomState = None,
    dt: Any = None,
    times: Any = None,
) -> DriftDiffusion:
    r"""Show drift and diffusion with bands, fixed points, time constants and rotation.

    Parameters
    ----------
    results : SDEResults or fitted estimator
    X : Trajectories, list of arrays, 3-D array
        The documents; time constants and the state dependence of the noise are theirs.
    u : float, default 0.5
        Position in the document at which a drift with a relative clock is frozen.
    n_permutations : int, default 199
    n_draws : int, default 200
        Draws of the process for intervals of what follows from it; at least 100.
    alpha : float, default 0.05
    random_state : int, Generator, SeedSequence or None
    dt, times : optional
        As in ``fit``, for plain arrays.

    Returns
    -------
    DriftDiffusion
        ``to_frame("fields")`` holds both fields with pointwise bands, NaN outside the support;
        ``to_frame("potential")`` that of one coordinate.

    Notes
    -----
    Fixed points, potential and rotation are functions of the fitted process, with intervals
    from draws of it (``results.fixed_points``); where the fit has no joint law of its errors
    they are NaN and say so. Time constants are those of linear models of each coordinate,
    with and without observation noise and a level of each document's own, beside the same
    for shuffled states: noise left out makes return look fast, a level left out slow.

    The drift of two coordinates is split into the gradient of a potential and a rotation,
    orthogonal in the mean over the states of ``X``.

    Examples
    --------
    >>> import stochtext as st
    >>> X = st.simulate(
    ...     st.OrnsteinUhlenbeck(0.3, 0.0, 0.5), 0.0, dt=1.0, n_steps=20, n_paths=30, random_state=0
    ... )
    >>> found = st.analysis.drift_diffusion_analysis(st.LinearSDE().fit(X), X, random_state=0)
    >>> found.value("point 0", "x0").note
    'stable node'
    """
    check_fraction("alpha", alpha)
    fit = fitted_results(results)
    panel = read_analysis_panel(fit, X, dt, times)
    root = seed_sequence(random_state)
    t = u if fit.process.clock == "relative" else 0.0
    spread = spread_of(fit, check_integer("n_draws", n_draws, minimum=100), root, None)
    copy = shuffled(panel, generator(root, "control"))
    steps = panel.transitions()
    noise = state_dependence(
        steps.x, one_step_errors(fit, panel), steps.trajectory,
        cluster_codes(panel)[steps.trajectory],
        check_integer("n_permutations", n_permutations, minimum=19), alpha,
        generator(root, "permutation"),
    )  # fmt: skip
    rows = [
        *fixed_point_quantities(fit, t, alpha),
        *time_constant_quantities(panel, copy, alpha),
        noise,
        *rotation_quantities(fit, panel.values, t, spread, alpha),
    ]
    curves = {"fields": field_curves(fit, t, alpha), "potential": potential_curve(fit, t, alpha)}
    return DriftDiffusion(
        rows, curves=curves, fit=fit, panel=panel, t=t, intervals=spread.describe(), alpha=alpha
    )
