"""Conversations as chat services log them: messages, and what they say of their tokens.

Law: log probabilities are taken as logged; one that is impossible is refused
with its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.text.formats.decoding import TextSource
from stochtext.text.turns import Turn

__all__ = ["conversation", "read_logprobs"]

# What services write for a token outside the ones that they report.
_NOT_REPORTED = -9000.0


def conversation(
    record: Mapping[str, Any], where: str, source: TextSource, role: str | None = None
) -> tuple[Turn, ...]:
    """Return the turns of a record with ``messages``, ``choices`` or both.

    Parameters
    ----------
    record : mapping
        ``messages`` are the conversation; the first of ``choices``, where there
        is one, is the answer to it.
    where : str
        Where the record was found.
    source : TextSource
        Limits.
    role : str, optional
        The role whose turns are kept; by default all.
    """
    messages = _listed(record, "messages", where)
    for choice in _listed(record, "choices", where)[:1]:
        messages.append(_answer(choice, where))
    turns = [_turn(m, f"{where}, message {k}", source) for k, m in enumerate(messages)]
    return tuple(t for t in turns if t is not None and (role is None or t.role == role))


def read_logprobs(value: Any, where: str) -> tuple[FloatArray, FloatArray | None] | None:
    """Return log probabilities and margins of tokens, however a service writes them.

    Parameters
    ----------
    value : mapping, sequence or None
        ``{"content": [{"logprob": ..., "top_logprobs": [...]}, ...]}``, the same
        list alone, ``{"token_logprobs": [...], "top_logprobs": [...]}``, or a list
        of numbers.
    where : str
        Where it was found.

    Raises
    ------
    InputError
        If a value is no log probability.
    """
    if isinstance(value, Mapping):
        if "token_logprobs" in value:
            return _completion(value, where)
        value = value.get("content")
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, list | tuple | np.ndarray):
        raise InputError(f"{where}: `logprobs` is {value!r:.80}; a list of tokens was expected.")
    if len(value) == 0:
        return None
    if not isinstance(value[0], Mapping):
        return _checked(list(value), where), None
    if any(not isinstance(token, Mapping) or "logprob" not in token for token in value):
        raise InputError(f"{where}: a token of `logprobs` has no 'logprob'.")
    tops = [
        [t.get("logprob") for t in _listed(token, "top_logprobs", where) if isinstance(t, Mapping)]
        for token in value
    ]
    return _checked([token["logprob"] for token in value], where), _margins(tops, where)


def _completion(value: Mapping[str, Any], where: str) -> tuple[FloatArray, FloatArray | None]:
    """Read the form of text completions, whose first token may have no probability."""
    numbers = _listed(value, "token_logprobs", where)
    tops = [
        list(top.values()) if isinstance(top, Mapping) else []
        for top in _listed(value, "top_logprobs", where)
    ]
    first = 1 if numbers and numbers[0] is None else 0
    return _checked(numbers[first:], where), _margins(tops[first:], where)


def _listed(record: Mapping[str, Any], name: str, where: str) -> list[Any]:
    """Return the list in a field, empty if there is none."""
    value = record.get(name)
    if value is None or isinstance(value, list | tuple):
        return list(value or [])
    raise InputError(f"{where}: {name!r} is of type {type(value).__name__}, not a list.")


def _checked(numbers: list[Any], where: str) -> FloatArray:
    try:
        array = np.asarray(numbers, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{where}: `logprobs` holds something that is no number.") from None
    bad = ~np.isfinite(array) | (array > 1e-6) | (array <= _NOT_REPORTED)
    if array.ndim != 1 or bad.any():
        token = int(np.argmax(bad)) if array.ndim == 1 else 0
        raise InputError(
            f"{where}, token {token}: {numbers[token]!r} is no log probability (a finite number "
            "<= 0, in nats; services write -9999 for what they do not report)."
        )
    return np.minimum(array, 0.0)


def _margins(tops: list[list[Any]], where: str) -> FloatArray | None:
    """Return how far the best token is ahead, if two were reported at every place."""
    if not tops or min(map(len, tops)) < 2:
        return None
    try:
        best = [sorted(map(float, top), reverse=True)[:2] for top in tops]
    except (TypeError, ValueError):
        raise InputError(f"{where}: `top_logprobs` holds something that is no number.") from None
    margins = np.array([first - second for first, second in best])
    return margins if np.isfinite(margins).all() else None


def _answer(choice: Any, where: str) -> dict[str, Any]:
    if not isinstance(choice, Mapping):
        raise InputError(f"{where}: `choices` holds {choice!r:.80}, which is no answer.")
    message = choice.get("message") or {"role": "assistant", "content": choice.get("text")}
    return {**message, "logprobs": choice.get("logprobs")}


def _turn(message: Any, where: str, source: TextSource) -> Turn | None:
    """Return a message as a turn; None for one without text, such as a tool call."""
    if not isinstance(message, Mapping) or "role" not in message:
        raise InputError(f"{where}: expected an object with 'role' and 'content'.")
    content = message.get("content")
    if isinstance(content, list):
        content = "\n".join(
            part["text"]
            for part in content
            if isinstance(part, Mapping) and isinstance(part.get("text"), str)
        )
    if content is None or content == "":
        return None
    if not isinstance(content, str):
        raise InputError(f"{where}: `content` is of type {type(content).__name__}, not a string.")
    found = read_logprobs(message.get("logprobs"), where)
    logprobs, margins = (None, None) if found is None else found
    return Turn(source.check_surrogates(content, where), str(message["role"]), logprobs, margins)
