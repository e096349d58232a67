"""Transition densities by name."""

from __future__ import annotations

from stochtext._shared.validation import check_choice
from stochtext.transitions.base import TransitionDensity
from stochtext.transitions.euler import EulerDensity
from stochtext.transitions.exact import ExactDensity

__all__ = ["DENSITIES", "transition_density"]

#: The densities that a likelihood can be built from.
DENSITIES: dict[str, type[TransitionDensity]] = {
    EulerDensity.name: EulerDensity,
    ExactDensity.name: ExactDensity,
}


def transition_density(name: str) -> TransitionDensity:
    """Return the transition density of that name.

    Parameters
    ----------
    name : {"euler", "exact"}

    Raises
    ------
    InputError
        If there is no such density.

    Examples
    --------
    >>> from stochtext.transitions import transition_density
    >>> transition_density("euler")
    EulerDensity()
    """
    return DENSITIES[check_choice("density", name, tuple(DENSITIES))]()
