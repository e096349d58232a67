"""Which transition density a fit uses."""

from __future__ import annotations

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.validation import check_choice
from stochtext.processes.base import Process
from stochtext.transitions.base import TransitionDensity
from stochtext.transitions.registry import DENSITIES, transition_density

__all__ = ["chosen_density"]


def chosen_density(density: str | TransitionDensity, family: Process) -> TransitionDensity:
    """Return the density named or given; ``"auto"`` is the best that is safe for this process.

    Parameters
    ----------
    density : str or TransitionDensity
    family : Process
        With a value for every parameter.
    """
    if isinstance(density, TransitionDensity):
        return density
    if isinstance(density, type) and issubclass(density, TransitionDensity):
        raise InputError(f"`density` must be an instance: {density.__name__}(), not the class.")
    name = check_choice("density", density, ("auto", *DENSITIES))
    if name == "auto":
        name = _best(family)
    return transition_density(name)


def _best(family: Process) -> str:
    """Return the exact density, else the local linearisation, else Euler's.

    The local linearisation needs derivatives of the drift, which are exact where the formulas
    are known; like Euler's step it is defined wherever the diffusion is not zero.
    """
    if _has_exact(family):
        return "exact"
    return "shoji_ozaki" if family.dim == 1 and family.formulas() is not None else "euler"


def _has_exact(family: Process) -> bool:
    if hasattr(family, "transition_log_density"):
        return True
    probe = family.transition_moments(np.zeros((1, family.dim or 1)), 1.0, 0.0, 1.0)
    return probe is not None
