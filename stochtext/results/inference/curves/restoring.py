"""Restoring what knows the uncertainty of fitted curves, from a fixed table of kinds."""

from __future__ import annotations

from typing import Any

from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process
from stochtext.results.inference.curves.curve_errors import CurveErrors, NoErrors
from stochtext.results.inference.curves.ensemble_errors import EnsembleErrors
from stochtext.results.inference.curves.local.bin_errors import BinErrors
from stochtext.results.inference.curves.local.kernel_errors import KernelErrors
from stochtext.results.inference.curves.posterior_errors import PosteriorErrors

__all__ = ["curve_errors_from_dict"]

KINDS: dict[str, type[NoErrors | KernelErrors | BinErrors | PosteriorErrors | EnsembleErrors]] = {
    kind.kind: kind for kind in (NoErrors, KernelErrors, BinErrors, PosteriorErrors, EnsembleErrors)
}


def curve_errors_from_dict(
    config: dict[str, Any], arrays: dict[str, FloatArray], process: Process
) -> CurveErrors:
    """Return the object stored by its ``to_dict``."""
    if config["kind"] not in KINDS:
        raise ValueError(f"unknown kind of curve errors {config['kind']!r}")
    return KINDS[config["kind"]].from_dict(config, arrays, process)
