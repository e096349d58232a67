"""What each simulation scheme promises: its orders and the noise that it can handle."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

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
    repeat a shorter one. It depends on the unit of time, and stops at 1000: with steps below
    1e-6 the areas are too rough for order 1.
    """
    return min(max(4, math.ceil(h**-0.5)), _LARGEST_TERMS)


def _none(process: Process, noise_dim: int, h: float) -> int:
    return 0


def _areas(process: Process, noise_dim: int, h: float) -> int:
    """Return how many normal numbers the Lévy areas of one step take."""
    if process.noise != "general" or noise_dim == 1 or process.commutative:
        return 0
    return 2 * area_terms(h) * noise_dim + noise_dim * (noise_dim - 1) // 2


def _integrals(process: Process, noise_dim: int, h: float) -> int:
    """Return one number for the time integral of each noise source."""
    return noise_dim


def _signs(process: Process, noise_dim: int, h: float) -> int:
    """Return one number for each pair of noise sources that enter the same coordinates."""
    return noise_dim * (noise_dim - 1) // 2 if process.noise == "general" else 0


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
    kernel : tuple of str, default ()
        Files of ``simulation/kernels`` that hold its step, the step last; none for exact steps.
    derivative : {"correction", "jacobian"} or None, default None
        What it needs besides drift and diffusion; derived from the formulas of the process
        where they can be traced, else by central differences.
    further_numbers : callable, default none
        How many normal numbers a step takes besides the Brownian increments.
    own_coordinates : bool, default False
        Whether diagonal noise must depend, in each coordinate, on that coordinate only.
    time_integrals : bool, default False
        Whether the further numbers belong to integrals of the Brownian path over time, which
        substeps must refine together with it.
    bounded : bool, default False
        Whether it is for processes whose domain has an end, which its states never leave.
    hidden_state : bool, default False
        Whether the path goes on from a state that is not the one shown.
    order_is_bound : bool, default False
        Whether the strong orders are bounds, proven for the processes that the source names;
        many exceed them, and others may fall short.
    for_additive : Scheme or None, default None
        What it is for additive noise, where that is simpler.
    """

    name: str
    strong_order: Mapping[str, float]
    weak_order: Mapping[str, float]
    source: str
    kernel: tuple[str, ...] = ()
    derivative: str | None = None
    further_numbers: Further = _none
    own_coordinates: bool = False
    time_integrals: bool = False
    bounded: bool = False
    hidden_state: bool = False
    order_is_bound: bool = False
    for_additive: Scheme | None = None

    def __hash__(self) -> int:
        return hash((self.name, self.kernel))

    @property
    def noise(self) -> tuple[str, ...]:
        """The noise types that the scheme supports."""
        return tuple(self.strong_order)

    @property
    def exact(self) -> bool:
        """Whether steps come from the law of the process, not from its coefficients."""
        return not self.kernel

    def form_for(self, process: Process) -> Scheme:
        """Return the scheme itself, or what it is for the noise of this process."""
        if process.noise == "additive" and self.for_additive is not None:
            return self.for_additive
        return self

    def check(self, process: Process, first_step: int = 0) -> None:
        """Refuse a process that the scheme cannot handle.

        Parameters
        ----------
        process : Process
        first_step : int, default 0
            Steps that lie before the start.

        Raises
        ------
        SchemeError
            Naming what the scheme supports and what the process has.
        """
        what = f"{type(process).__name__}"
        if process.noise not in self.strong_order:
            raise SchemeError(
                f"The scheme {self.name!r} supports {' and '.join(self.noise)} noise, but the "
                f"process {what} has {process.noise} noise."
            )
        if self.bounded and not np.any(np.isfinite(np.array(process.domain))):
            raise SchemeError(
                f"The scheme {self.name!r} is for processes whose `domain` has a finite end, but "
                f"{what} lives on the whole line; use 'euler', or another scheme without a domain."
            )
        if self.exact and not takes_exact_steps(process):
            raise SchemeError(
                f"The scheme {self.name!r} supports processes with an exact step, but {what} has "
                "none; use one of the other schemes with a small step."
            )
        if self.hidden_state and first_step:
            raise SchemeError(
                f"The scheme {self.name!r} cannot continue a run: its paths go on from states "
                f"beyond the end of the domain, which are not shown. Got first_step={first_step}; "
                "simulate in one run, or use 'reflected_euler'."
            )


def takes_exact_steps(process: Process) -> bool:
    """Say whether a process can draw its next state from the exact law."""
    if process.exact_normals is not None:
        return True
    return getattr(process, "has_exact_step_uniform", False)


def _same(order: float) -> dict[str, float]:
    return dict.fromkeys(("additive", "diagonal", "general"), order)


_EULER = Scheme(
    "euler",
    strong_order={"additive": 1.0, "diagonal": 0.5, "general": 0.5},
    weak_order=_same(1.0),
    source="Kloeden and Platen (1992), theorems 10.2.2, 10.3.5 and 14.1.5",
    kernel=("euler",),
)
_MILSTEIN = Scheme(
    "milstein",
    strong_order=_same(1.0),
    weak_order=_same(1.0),
    source="Kloeden and Platen (1992), theorem 10.3.5; Wiktorsson (2001)",
    kernel=("iterated_integrals", "milstein"),
    derivative="correction",
    further_numbers=_areas,
    own_coordinates=True,
    # All its corrections are zero.
    for_additive=_EULER,
)
_TAMED = Scheme(
    "tamed_euler",
    strong_order={"additive": 1.0, "diagonal": 0.5, "general": 0.5},
    weak_order=_same(1.0),
    source=(
        "Hutzenthaler, Jentzen and Kloeden (2012), theorem 1.1; for additive noise Wang and Gan "
        "(2013), theorem 3.2; weak order for Lipschitz coefficients"
    ),
    kernel=("tamed_euler",),
    order_is_bound=True,
)
_IMPLICIT = Scheme(
    "implicit_euler",
    strong_order={"additive": 1.0, "diagonal": 0.5, "general": 0.5},
    weak_order=_same(1.0),
    source=(
        "Kloeden and Platen (1992), sections 12.2 and 15.4; Higham, Mao and Stuart (2002), "
        "theorem 5.3"
    ),
    kernel=("implicit_euler",),
    derivative="jacobian",
    order_is_bound=True,
)
_SRA = Scheme(
    "srk",
    strong_order={"additive": 1.5},
    weak_order={"additive": 2.0},
    source=(
        "Rößler (2010), SIAM Journal on Numerical Analysis 48, scheme SRA1; weak order by matching "
        "moments, Milstein and Tretyakov (2004), section 2.2"
    ),
    kernel=("sra",),
    further_numbers=_integrals,
    time_integrals=True,
)
_SRK = Scheme(
    "srk",
    strong_order={"additive": 1.5, "diagonal": 1.5},
    weak_order={"additive": 2.0, "diagonal": 2.0},
    source=(
        "Rößler (2010), SIAM Journal on Numerical Analysis 48, schemes SRA1 and SRI1W1; weak order "
        "by matching moments, Milstein and Tretyakov (2004), section 2.2"
    ),
    kernel=("sri",),
    further_numbers=_integrals,
    own_coordinates=True,
    time_integrals=True,
    for_additive=_SRA,
)
_WEAK_2 = Scheme(
    "weak2",
    strong_order={"additive": 1.0, "diagonal": 1.0, "general": 0.5},
    weak_order=_same(2.0),
    source=(
        "Kloeden and Platen (1992), section 15.1, equations 15.1.1 and 15.1.3; strong orders by "
        "the mean-square theorem, Milstein and Tretyakov (2004), section 1.1"
    ),
    kernel=("weak2",),
    further_numbers=_signs,
    own_coordinates=True,
    order_is_bound=True,
)
_TRUNCATED = Scheme(
    "truncated_euler",
    strong_order=_same(0.5),
    weak_order=_same(0.5),
    source=(
        "Lord, Koekkoek and van Dijk (2010); Cozma and Reisinger (2020), IMA Journal of Numerical "
        "Analysis 40, for square-root processes with 2 kappa mu > 3 sigma^2; not proven for others"
    ),
    kernel=("truncated_euler",),
    bounded=True,
    hidden_state=True,
    order_is_bound=True,
)
_REFLECTED = Scheme(
    "reflected_euler",
    strong_order=_same(0.5),
    weak_order=_same(1.0),
    source=(
        "Berkaoui, Bossy and Diop (2008), theorem 2.2, and Bossy and Diop (2007), theorem 2.3, "
        "for square-root processes far from zero; not proven for others"
    ),
    kernel=("reflected_euler",),
    bounded=True,
    order_is_bound=True,
)
_EXACT = Scheme(
    "exact",
    strong_order=_same(np.inf),
    weak_order=_same(np.inf),
    source=(
        "The transition law of the process. Its path is the strong solution on the Brownian path "
        "of the other schemes where the process says so"
    ),
)

#: The schemes of ``simulate`` by name.
SCHEMES: dict[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        _EULER,
        _MILSTEIN,
        _TAMED,
        _IMPLICIT,
        _SRK,
        _WEAK_2,
        _TRUNCATED,
        _REFLECTED,
        _EXACT,
    )
}


def scheme_named(name: str) -> Scheme:
    """Return the scheme of that name, or raise InputError with the names there are."""
    return SCHEMES[check_choice("scheme", name, tuple(SCHEMES))]
