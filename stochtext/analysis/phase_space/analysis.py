"""phase_space_analysis: portraits, fixed points, regimes, recurrence, first passage."""

from __future__ import annotations

from typing import Any

from stochtext._shared.random import generator, seed_sequence
from stochtext._shared.typing import RandomState
from stochtext._shared.validation import check_fraction, check_integer
from stochtext.analysis.clusters import cluster_codes
from stochtext.analysis.fields.curves import fixed_point_quantities
from stochtext.analysis.phase_space.passage import passage_quantities
from stochtext.analysis.phase_space.portrait import portrait_frame
from stochtext.analysis.phase_space.recurrence import recurrence_quantities
from stochtext.analysis.phase_space.regimes import document_regimes, regime_quantities
from stochtext.analysis.phase_space.result import PhaseSpace
from stochtext.analysis.shuffling import shuffled
from stochtext.analysis.simulated_panels import (
    fitted_results,
    read_analysis_panel,
    simulated_panels,
)

__all__ = ["phase_space_analysis"]


def phase_space_analysis(
    results: Any,
    X: Any,
    *,
    u: float = 0.5,
    n_permutations: int = 199,
    n_simulations: int = 99,
    alpha: float = 0.05,
    random_state: RandomState = None,
    dt: Any = None,
    times: Any = None,
) -> PhaseSpace:
    r"""Show where trajectories rest, turn, wander and come back.

    Parameters
    ----------
    results : SDEResults or fitted estimator
    X : Trajectories, list of arrays, 3-D array
    u : float, default 0.5
        Position in the document at which a drift with a relative clock is frozen.
    n_permutations : int, default 199
        Random orders in the tests of single documents.
    n_simulations : int, default 99
        Simulated panels behind first-passage times.
    alpha : float, default 0.05
    random_state : int, Generator, SeedSequence or None
    dt, times : optional
        As in ``fit``, for plain arrays.

    Returns
    -------
    PhaseSpace
        ``to_frame("documents")`` has the regime of each document, ``to_frame("portrait")`` the
        drift on a grid.

    Notes
    -----
    Fixed points and their types are those of the fitted drift. Regimes are tested in each
    document by random orders of its states: contractive (steps shrink), oscillating (a
    two-cycle: states two steps apart are closer than neighbours), exploratory (states move
    away from where they began); a document where none is significant after Holm is
    "undetermined", which most single answers are. Recurrence and first-passage times stand
    beside shuffled documents, the latter beside simulations of the fit too.

    Examples
    --------
    >>> import stochtext as st
    >>> X = st.simulate(
    ...     st.OrnsteinUhlenbeck(0.5, 0.0, 0.5), 0.0, dt=1.0, n_steps=20, n_paths=20, random_state=0
    ... )
    >>> found = st.analysis.phase_space_analysis(st.LinearSDE().fit(X), X, random_state=0)
    >>> found.value("oscillating").estimate
    0.0
    """
    check_fraction("alpha", alpha)
    fit = fitted_results(results)
    panel = read_analysis_panel(fit, X, dt, times)
    root = seed_sequence(random_state)
    copies = check_integer("n_permutations", n_permutations, minimum=19)
    t = u if fit.process.clock == "relative" else 0.0
    copy = shuffled(panel, generator(root, "control"))
    cluster = cluster_codes(panel)
    own = document_regimes(panel, copies, alpha, root, "as written")
    control = document_regimes(copy, copies, alpha, root, "shuffled")
    simulated = simulated_panels(
        fit, panel, check_integer("n_simulations", n_simulations, minimum=19), root
    )
    rows = [
        *fixed_point_quantities(fit, t, alpha),
        *regime_quantities(own, control, alpha),
        *recurrence_quantities(panel, copy, cluster, alpha),
        *passage_quantities(panel, copy, simulated.values, cluster, alpha),
    ]
    curves = {"documents": own, "portrait": portrait_frame(fit, t)}
    return PhaseSpace(
        rows, curves=curves, fit=fit, panel=panel, t=t, simulated=simulated.said, alpha=alpha
    )
