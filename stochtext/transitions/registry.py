"""Transition densities by name."""

from __future__ import annotations

from typing import Any

from stochtext._shared.validation import check_choice
from stochtext.transitions.base import TransitionDensity
from stochtext.transitions.cubature.density import CubatureDensity
from stochtext.transitions.exact.density import ExactDensity
from stochtext.transitions.expansions.hermite import HermiteDensity
from stochtext.transitions.ito_taylor.elerian import ElerianDensity
from stochtext.transitions.ito_taylor.euler import EulerDensity
from stochtext.transitions.ito_taylor.jump_euler import JumpEulerDensity
from stochtext.transitions.ito_taylor.kessler import KesslerDensity
from stochtext.transitions.linearised.ozaki import OzakiDensity
from stochtext.transitions.linearised.shoji_ozaki import ShojiOzakiDensity
from stochtext.transitions.simulated.density import SimulatedDensity
from stochtext.transitions.spectral.density import SpectralDensity
from stochtext.transitions.splitting.strang import StrangDensity

__all__ = ["DENSITIES", "transition_density"]

#: The densities that a likelihood can be built from.
DENSITIES: dict[str, type[TransitionDensity]] = {
    ExactDensity.name: ExactDensity,
    EulerDensity.name: EulerDensity,
    CubatureDensity.name: CubatureDensity,
    ElerianDensity.name: ElerianDensity,
    KesslerDensity.name: KesslerDensity,
    JumpEulerDensity.name: JumpEulerDensity,
    OzakiDensity.name: OzakiDensity,
    ShojiOzakiDensity.name: ShojiOzakiDensity,
    StrangDensity.name: StrangDensity,
    HermiteDensity.name: HermiteDensity,
    SimulatedDensity.name: SimulatedDensity,
    SpectralDensity.name: SpectralDensity,
}


def transition_density(name: str, **options: Any) -> TransitionDensity:
    """Return the transition density of that name.

    Parameters
    ----------
    name : str
        One of `DENSITIES`.
    **options
        Arguments of its constructor, as its ``options`` holds them.

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
    return DENSITIES[check_choice("density", name, tuple(DENSITIES))](**options)
