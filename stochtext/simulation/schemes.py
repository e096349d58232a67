"""What each simulation scheme promises: its orders and the noise that it can handle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stochtext._shared.exceptions import SchemeError
from stochtext._shared.validation import check_choice
from stochtext.processes.base import Process

__all__ = ["SCHEMES", "Scheme", "scheme_named"]


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
    """

    name: str
    strong_order: Mapping[str, float]
    weak_order: Mapping[str, float]
    source: str

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


#: The schemes of ``simulate`` by name.
SCHEMES: dict[str, Scheme] = {
    "euler": Scheme(
        "euler",
        strong_order={"additive": 1.0, "diagonal": 0.5, "general": 0.5},
        weak_order={"additive": 1.0, "diagonal": 1.0, "general": 1.0},
        source="Kloeden and Platen (1992), theorems 10.2.2, 10.3.4 and 14.1.5",
    ),
    "milstein": Scheme(
        "milstein",
        strong_order={"additive": 1.0, "diagonal": 1.0, "general": 1.0},
        weak_order={"additive": 1.0, "diagonal": 1.0, "general": 1.0},
        source="Kloeden and Platen (1992), theorem 10.3.5; Wiktorsson (2001)",
    ),
}


def scheme_named(name: str) -> Scheme:
    """Return the scheme of that name, or raise InputError with the names there are."""
    return SCHEMES[check_choice("scheme", name, tuple(SCHEMES))]
