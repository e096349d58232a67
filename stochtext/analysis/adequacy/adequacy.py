"""adequacy: what these trajectories can carry, before anything is fitted to them."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator, seed_sequence
from stochtext._shared.typing import IntArray, RandomState
from stochtext._shared.validation import check_fraction, check_integer
from stochtext.analysis.adequacy.checks import Parts, check_quantities
from stochtext.analysis.adequacy.ladder.ladder import climb
from stochtext.analysis.adequacy.ladder.scores import ladder_quantities
from stochtext.analysis.adequacy.result import Adequacy
from stochtext.analysis.adequacy.single_documents import document_tests
from stochtext.analysis.adequacy.smoothing import smoothing_signs
from stochtext.analysis.adequacy.words import sentences
from stochtext.analysis.clusters import cluster_codes
from stochtext.analysis.order import order_control
from stochtext.analysis.shuffling import shuffled, warn_if_overlapping
from stochtext.comparison.folds import Design, Fold, split
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.reading import as_trajectories

__all__ = ["Adequacy", "adequacy"]

QUICK_COPIES = 39


def adequacy(
    X: Any,
    held_out: Any = None,
    *,
    control: Any = None,
    cv: int = 3,
    n_permutations: int = 199,
    n_controls: int = 1,
    alpha: float = 0.05,
    random_state: RandomState = None,
    n_jobs: int | None = None,
    dt: Any = None,
    times: Any = None,
    groups: Any = None,
) -> Adequacy:
    r"""Say whether there is anything to fit, and what kind of model it asks for.

    Parameters
    ----------
    X : Trajectories, list of arrays, 3-D array
        At least four documents (groups).
    held_out : Trajectories, optional
        Documents that everything is judged on, with ``X`` for fitting only. Without it ``X``
        is split into ``cv`` folds. Give it where the coordinates were chosen by looking at
        the order of ``X`` (:class:`stochtext.TrajectoryTICA`).
    control : Trajectories, optional
        The same documents with their units shuffled *before* they were smoothed or cut into
        overlapping windows (:meth:`stochtext.text.TextTrajectories.shuffled_control`). By
        default the states of each document are shuffled.
    cv : int, default 3
    n_permutations : int, default 199
        Shuffled copies of the permutation tests.
    n_controls : int, default 1
        Shuffled copies for which the whole ladder is fitted again.
    alpha : float, default 0.05
    random_state : int, Generator, SeedSequence or None
    n_jobs : int, optional
    dt, times, groups : optional
        As in ``fit``, for plain arrays.

    Returns
    -------
    Adequacy
        With ``verdict()``, ``summary()``, ``to_frame()``, ``plot()``.

    Raises
    ------
    InputError
        If there are fewer than four documents (groups), or columns differ.

    Warns
    -----
    OverlapWarning
        If the states are marked as smoothed or overlapping, or look so.

    Notes
    -----
    The *ladder* predicts each coordinate of held-out documents by the mean of all; by the
    level of the document (random effects) and noise; by the last state (persistence); by
    the mean of the document so far; by an Ornstein-Uhlenbeck process, alone, with
    observation noise (Kalman filter), with a level of each document's own, and with both; by
    one whose mean moves with the position u; by a linear and by a nonlinear map of all
    coordinates. R2 is against the mean of the training documents; nats are log densities of
    the next unit, more than the mean gives. Intervals leave one document (group) out at a
    time (jackknife, t quantiles); they hold the fits fixed.

    The *control* beside each number is the same number with the states of every document in
    random order.

    Sizes of the permutation tests and coverage of the intervals are measured in
    ``benchmarks/calibration/text_analyses.py``.

    Examples
    --------
    >>> import stochtext as st
    >>> X = st.simulate(
    ...     st.OrnsteinUhlenbeck(0.3, 0.0, 0.5), 0.0, dt=1.0, n_steps=20, n_paths=30, random_state=0
    ... )
    >>> found = st.analysis.adequacy(X, n_permutations=39, random_state=0)
    >>> found.kind
    'diffusive'
    """
    check_fraction("alpha", alpha)
    root = seed_sequence(random_state)
    panel = as_trajectories(X, dt=dt, times=times, groups=groups)
    design, judged = _design(panel, held_out, cv, root)
    cluster = cluster_codes(judged)
    if len(np.unique(cluster)) < 4 and held_out is None:
        raise InputError(
            f"adequacy needs at least four documents (groups) to hold some out; got "
            f"{len(np.unique(cluster))}. Cut a long text into chapters, with `groups=`."
        )
    signs = smoothing_signs(judged, cluster)
    warn_if_overlapping(signs)
    rows = cluster[judged.transitions().trajectory]
    ladder = climb(design)
    controls = _Controls(design, None if control is None else as_trajectories(control), cv, root)
    others = [climb(controls.design(k)) for k in range(check_integer("n_controls", n_controls))]
    order = order_control(
        judged, n_permutations=n_permutations, cv=5, random_state=root, n_jobs=n_jobs
    )
    documents = document_tests(judged, n_permutations, alpha, root, n_jobs)
    quick = [controls.design(k) for k in range(QUICK_COPIES)]
    found = check_quantities(Parts(judged, design, quick, cluster, rows, ladder, others), alpha)
    rungs = ladder_quantities(ladder, others, judged.columns, rows, alpha)
    kind, said = sentences(ladder, order, documents, found, rows, alpha)
    return Adequacy(
        panel=judged, kind=kind, signs=signs, said=said, order=order, documents=documents,
        quantities=[*found, *rungs], held_out=design.kind, alpha=alpha, controlled=control,
    )  # fmt: skip


class _Controls:
    """Splits of shuffled copies, or the splits of the control given."""

    def __init__(
        self, design: Design, given: Trajectories | None, cv: int, root: np.random.SeedSequence
    ) -> None:
        self._design, self._root = design, root
        self._given = None if given is None else split(given, cv, root)

    def design(self, k: int) -> Design:
        """Return the design of copy k."""
        if self._given is not None:
            return self._given if k == 0 else _shuffled_design(self._given, self._root, k)
        return _shuffled_design(self._design, self._root, k)


def _shuffled_design(design: Design, root: np.random.SeedSequence, k: int) -> Design:
    folds = tuple(
        Fold(
            shuffled(fold.train, generator(root, "train", k, j)),
            shuffled(fold.test, generator(root, "test", k, j)),
            fold.rows,
        )  # fmt: skip
        for j, fold in enumerate(design.folds)
    )
    return Design(folds, design.cluster, design.n_clusters, design.kind)


def _design(
    panel: Trajectories, held_out: Any, cv: int, root: np.random.SeedSequence
) -> tuple[Design, Trajectories]:
    """Return the splits and the panel that is judged."""
    if held_out is None:
        if panel.n_trajectories < 2:
            raise InputError("adequacy needs at least four documents (groups); got one.")
        return split(panel, cv, root), panel
    other = as_trajectories(held_out)
    if other.columns != panel.columns:
        raise InputError(
            f"`held_out` has the columns {other.columns}, X has {panel.columns}. Transform both "
            "with the same fitted projection."
        )
    rows: IntArray = np.arange(other.n_transitions)
    kind = f"{other.n_trajectories} documents not among the {panel.n_trajectories} fitted"
    one = Design((Fold(panel, other, rows),), None, other.n_trajectories, kind)
    return one, other
