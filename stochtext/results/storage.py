"""Restoring saved results: no data, no pickle, no torch."""

from __future__ import annotations

import os
from os import PathLike
from typing import Any

from stochtext._shared.exceptions import ModelFileError
from stochtext._shared.typing import FloatArray
from stochtext.results.archive import read_archive
from stochtext.results.base import SDEResults
from stochtext.results.functional import FunctionalResults
from stochtext.results.jump_diffusion import JumpDiffusionResults
from stochtext.results.kramers_moyal import KramersMoyalResults
from stochtext.results.linear import LinearResults
from stochtext.results.neural import NeuralResults
from stochtext.results.parametric import ParametricResults
from stochtext.results.sparse import SparseResults

__all__ = ["load"]

KINDS: dict[str, type[SDEResults]] = {
    ParametricResults.kind: ParametricResults,
    LinearResults.kind: LinearResults,
    FunctionalResults.kind: FunctionalResults,
    KramersMoyalResults.kind: KramersMoyalResults,
    JumpDiffusionResults.kind: JumpDiffusionResults,
    SparseResults.kind: SparseResults,
    NeuralResults.kind: NeuralResults,
}


def load(path: str | PathLike[str]) -> SDEResults:
    """Restore results saved by ``results.save(path)``.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    SDEResults
        Everything but the data: summary, curves, tests on data passed again,
        simulation. Class names come from fixed tables; nothing in the file is
        executed or imported.

    Raises
    ------
    ModelFileError
        If the file is damaged, of another format, or fails its checksum.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import stochtext as st
    >>> X = st.datasets.load_ornstein_uhlenbeck(random_state=0)
    >>> results = st.LinearSDE().fit(X).results_
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "ou.stx"
    ...     results.save(path)
    ...     same = st.load(path).summary().as_text() == results.summary().as_text()
    >>> same
    True
    """
    config, arrays = read_archive(path)
    try:
        return _restore(config, arrays)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise ModelFileError(
            f"{os.fspath(path)!r} does not hold valid results: {type(error).__name__}: {error}. "
            "Save the fit again."
        ) from error


def _restore(config: dict[str, Any], arrays: dict[str, FloatArray]) -> SDEResults:
    kind = config["kind"]
    if kind not in KINDS:
        raise ModelFileError(f"the results are of the unknown kind {kind!r}")
    return KINDS[kind].from_dict(config, arrays)
