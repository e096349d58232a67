"""analyze: the five analyses of one fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import seed_sequence
from stochtext._shared.tables import Summary
from stochtext._shared.typing import RandomState
from stochtext.analysis.fields.analysis import drift_diffusion_analysis
from stochtext.analysis.moments.analysis import moment_analysis
from stochtext.analysis.phase_space.analysis import phase_space_analysis
from stochtext.analysis.process.analysis import process_analysis
from stochtext.analysis.result import AnalysisResult
from stochtext.analysis.simulated_panels import fitted_results, read_analysis_panel
from stochtext.analysis.trajectories.analysis import trajectory_analysis

__all__ = ["Analyses", "analyze"]

ANALYSES: dict[str, Callable[..., AnalysisResult]] = {
    "moments": moment_analysis,
    "trajectories": trajectory_analysis,
    "drift_diffusion": drift_diffusion_analysis,
    "process": process_analysis,
    "phase_space": phase_space_analysis,
}


class Analyses(Mapping[str, AnalysisResult]):
    """The five analyses by name: a mapping that :func:`stochtext.report` takes as it is.

    Parameters
    ----------
    found : mapping of str to AnalysisResult
    """

    def __init__(self, found: Mapping[str, AnalysisResult]) -> None:
        self._found = dict(found)

    def __getitem__(self, name: str) -> AnalysisResult:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def verdict(self) -> str:
        """Return the verdicts, one line an analysis."""
        return "\n".join(f"{name}: {one.verdict()}" for name, one in self._found.items())

    def to_frame(self) -> pd.DataFrame:
        """Return all quantities, with the analysis as the first level of the index."""
        return pd.concat({name: one.to_frame() for name, one in self._found.items()},
                         names=["analysis"])  # fmt: skip

    def summary(self) -> Summary:
        """Return all tables, with the notes of every analysis."""
        parts = [one.summary() for one in self._found.values()]
        notes = [f"{one.title}: {one.verdict()}" for one in self._found.values()]
        return Summary([table for part in parts for table in part.tables], notes)

    def plot(self) -> dict[str, Any]:
        """Draw every analysis; return the figures (axes for the portrait) by name."""
        return {name: one.plot() for name, one in self._found.items()}

    def __repr__(self) -> str:
        return self.summary().as_text()

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def analyze(
    results: Any,
    X: Any,
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    alpha: float = 0.05,
    random_state: RandomState = None,
    dt: Any = None,
    times: Any = None,
) -> Analyses:
    """Run the five analyses of a fit.

    Parameters
    ----------
    results : SDEResults or fitted estimator
    X : Trajectories, list of arrays, 3-D array
        Documents, best others than those fitted to.
    options : mapping, optional
        Further arguments by analysis, such as ``{"trajectories": {"texts": texts}}``; the names
        are ``moments, trajectories, drift_diffusion, process, phase_space``.
    alpha : float, default 0.05
    random_state : int, Generator, SeedSequence or None
    dt, times : optional
        As in ``fit``, for plain arrays.

    Returns
    -------
    Analyses
        A mapping of the five; read :func:`adequacy` before.

    Examples
    --------
    >>> import stochtext as st
    >>> X = st.simulate(
    ...     st.OrnsteinUhlenbeck(0.3, 0.0, 0.5), 0.0, dt=1.0, n_steps=20, n_paths=20, random_state=0
    ... )
    >>> list(st.analysis.analyze(st.LinearSDE().fit(X), X, random_state=0))
    ['moments', 'trajectories', 'drift_diffusion', 'process', 'phase_space']
    """
    given = dict(options or {})
    unknown = sorted(set(given) - set(ANALYSES))
    if unknown:
        raise InputError(
            f"`options` names no analysis: {', '.join(map(repr, unknown))}. The names are "
            f"{', '.join(ANALYSES)}."
        )
    fit = fitted_results(results)
    panel = read_analysis_panel(fit, X, dt, times)
    root = seed_sequence(random_state)
    return Analyses({
        name: one(fit, panel, alpha=alpha, random_state=root, **given.get(name, {}))
        for name, one in ANALYSES.items()
    })  # fmt: skip
