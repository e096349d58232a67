"""The turns of a conversation, or the outputs of a loop, one after the other.

Law: a turn is kept as it was written; what the service said about its tokens
is kept with it or is absent, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray

__all__ = ["Turn", "as_turn"]

SEPARATOR = "\n\n"


@dataclass(frozen=True, eq=False)
class Turn:
    """One message.

    Parameters
    ----------
    content : str
        What was said.
    role : str
        Who said it, such as ``"user"`` or ``"assistant"``.
    logprobs : ndarray of shape (n,), optional
        Logarithm of the probability of each token, in nats.
    margins : ndarray of shape (n,), optional
        Log probability of the most probable token less that of the second.
    """

    content: str
    role: str = "assistant"
    logprobs: FloatArray | None = None
    margins: FloatArray | None = None


def as_turn(value: Any, where: str) -> Turn:
    """Return a turn given as such, as a string or as a mapping with ``content``.

    Parameters
    ----------
    value : Turn, str or mapping
        The turn.
    where : str
        What it is, for the message.

    Raises
    ------
    InputError
        If it is none of these.
    """
    if isinstance(value, Turn):
        return value
    if isinstance(value, str):
        return Turn(value)
    if isinstance(value, Mapping) and isinstance(value.get("content"), str):
        return Turn(value["content"], str(value.get("role", "assistant")))
    raise InputError(f"{where} is no text but {value!r:.80}; give strings, or messages.")


def joined(turns: Iterable[Turn]) -> str:
    """Return the turns as one text, a blank line between two of them."""
    return SEPARATOR.join(turn.content for turn in turns if turn.content.strip())
