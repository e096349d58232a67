"""How the next token is chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from stochtext._shared.exceptions import InputError
from stochtext._shared.validation import check_integer, check_positive

__all__ = ["Decoding", "as_settings", "decoding_grid"]


@dataclass(frozen=True)
class Decoding:
    """One decoding setting.

    Parameters
    ----------
    temperature : float
        The logits are divided by it; 0 takes the most probable token.
    top_p : float
        Tokens are drawn from the smallest set with this probability.
    top_k : int or None
        And from the ``top_k`` most probable ones; None from all.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int | None = None

    def __post_init__(self) -> None:
        check_positive("temperature", self.temperature, zero=True)
        if not 0 < check_positive("top_p", self.top_p) <= 1:
            raise InputError(f"`top_p` must lie in (0, 1]; got {self.top_p!r}.")
        if self.top_k is not None:
            check_integer("top_k", self.top_k)

    @property
    def name(self) -> str:
        """The setting in a few characters, the same for equal settings."""
        rest = f" p{float(self.top_p)!r}" if self.top_p < 1 else ""
        return f"T{float(self.temperature)!r}{rest}" + (f" k{self.top_k}" if self.top_k else "")


def decoding_grid(
    temperature: Iterable[float] = (1.0,),
    top_p: Iterable[float] = (1.0,),
    top_k: Iterable[int | None] = (None,),
) -> list[Decoding]:
    """Return every combination of settings.

    Parameters
    ----------
    temperature, top_p, top_k : iterable
        Values of each.

    Examples
    --------
    >>> [s.name for s in decoding_grid(temperature=(0.5, 1.0), top_p=(0.9, 1.0))]
    ['T0.5 p0.9', 'T0.5', 'T1.0 p0.9', 'T1.0']
    """
    return [Decoding(*values) for values in product(temperature, top_p, top_k)]


def as_settings(settings: Any) -> list[Decoding]:
    """Return decoding settings given as such, as temperatures or as mappings.

    Parameters
    ----------
    settings : sequence, Decoding, float or None
        None is temperature 1.

    Raises
    ------
    InputError
        If one is none of these, or two are equal.
    """
    if settings is None or isinstance(settings, Decoding | Mapping | float | int):
        settings = [Decoding() if settings is None else settings]
    found = [_as_setting(value) for value in settings]
    names = [setting.name for setting in found]
    if not found or len(set(names)) < len(names):
        raise InputError(f"`settings` must be different decoding settings; got {names}.")
    return found


def _as_setting(value: Any) -> Decoding:
    if isinstance(value, Decoding):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decoding(float(value))
    if isinstance(value, Mapping):
        unknown = set(value) - {"temperature", "top_p", "top_k"}
        if not unknown:
            return Decoding(**value)
    raise InputError(
        f"`settings` holds {value!r}; give temperatures, mappings with temperature, top_p and "
        "top_k, or Decoding objects."
    )
