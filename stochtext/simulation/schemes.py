"""What each simulation scheme promises: its orders and the noise that it can handle."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from stochtext._shared.exceptions import SchemeError
from stochtext._shared.validation import check_choice
from stochtext.processes.base import Process

__all__ = ["SCHEMES", "Scheme", "area_terms", "scheme_named"]

Further: TypeAlias = Callable[[Process, int, float], int]

_LARGEST_TERMS = 1000


def area_terms(h: float) -> int:
    """Return the number of terms of the Lévy areas that keeps strong order 1 at the step h.

    With the rest of the series approximated, of order h^(-1/2) terms are enough (Wiktorsson,
    2001). The number must not depend on anything but the step, or a longer run would not
    repeat a shorter one.
    """
    return min(max(4, math.ceil(h**-0.5)), _LARGEST_TERMS)


def _none(process: Process, noise_dim: int, h: float) -> int:
    return 0


def _areas(process: Process, noise_dim: int, h: float) -> int:
    """Return how many normal numbers the Lévy areas of one step take."""
    if process.noise != "general" or noise_dim == 1 or process.commutative:
        return 0
    return 2 * area_terms(h) * noise_dim + noise_dim * (noise_dim - 1) // 2


@dataclass(frozen=True)
class Scheme:
    """A discretisation of an Itô diffusion.

    Parameters
    ----------
    name : str
        Its name in ``simulate(..., scheme=name)``.
    strong_order : mapping of noise type to float
        Order of the mean path error in the step; a noise type that is not a
        key is not supported.
    weak_order : mapping of noise type to float
        Order of the error of expectations.
    source : str
        Where the scheme and its orders are proven.
    kernel : tuple of str
        Files of ``simulation/kernels`` that hold its step, the step last.
    derivative : {"correction", "jacobian"} or None, default None
        What it needs besides drift and diffusion; derived from the formulas of the process
        where they can be traced, else by central differences.
    further_numbers : callable, default none
        How many normal numbers a step takes besides the Brownian increments.
    own_coordinates : bool, default False
        Whether diagonal noise must depend, in each coordinate, on that coordinate only.
    """

    name: str
    strong_order: Mapping[str, float]
    weak_order: Mapping[str, float]
    source: str
    kernel: tuple[str, ...]
    derivative: str | None = None
    further_numbers: Further = _none
    own_coordinates: bool = False

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def noise(self) -> tuple[str, ...]:
        """The noise types that the scheme supports."""
        return tuple(self.strong_order)

    def check(self, process: Process) -> None:
        """Refuse a process with noise that the scheme cannot handle.

        Raises
        ------
        SchemeError
            Naming what the scheme supports and what the process has.
        """
        if process.noise not in self.strong_order:
            raise SchemeError(
                f"The scheme {self.name!r} supports {' and '.join(self.noise)} noise, but the "
                f"process {type(process).__name__} has {process.noise} noise."
            )


_EULER = Scheme(
    "euler",
    strong_order={"additive": 1.0, "diagonal": 0.5, "general": 0.5},
    weak_order={"additive": 1.0, "diagonal": 1.0, "general": 1.0},
    source="Kloeden and Platen (1992), theorems 10.2.2, 10.3.4 and 14.1.5",
    kernel=("euler",),
)
_MILSTEIN = Scheme(
    "milstein",
    strong_order={"additive": 1.0, "diagonal": 1.0, "general": 1.0},
    weak_order={"additive": 1.0, "diagonal": 1.0, "general": 1.0},
    source="Kloeden and Platen (1992), theorem 10.3.5; Wiktorsson (2001)",
    kernel=("iterated_integrals", "milstein"),
    derivative="correction",
    further_numbers=_areas,
    own_coordinates=True,
)

#: The schemes of ``simulate`` by name.
SCHEMES: dict[str, Scheme] = {scheme.name: scheme for scheme in (_EULER, _MILSTEIN)}


def scheme_named(name: str) -> Scheme:
    """Return the scheme of that name, or raise InputError with the names there are."""
    return SCHEMES[check_choice("scheme", name, tuple(SCHEMES))]
