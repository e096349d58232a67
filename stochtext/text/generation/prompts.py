"""What generation starts from: prompts as tokens, with names.

Law: a prompt that cannot be continued is refused by its id, before anything runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext.text.documents import Documents, name_some

__all__ = ["Prompt", "as_prompts"]


class Prompt(NamedTuple):
    """A beginning: its id, text (if known) and tokens."""

    id: Any
    text: str | None
    tokens: tuple[int, ...]


def as_prompts(prompts: Any, tokenizer: Any, longest: int | None) -> list[Prompt]:
    """Return prompts as tokens.

    Parameters
    ----------
    prompts : list of str, list of lists of int, mapping from ids to these, or Documents
        The prompts.
    tokenizer : callable or object with ``encode``, or None
        What makes tokens of texts.
    longest : int or None
        Most tokens of a prompt.

    Raises
    ------
    InputError
        If there is none, one is empty or too long, or texts come without a
        tokenizer.
    """
    if isinstance(prompts, str):
        prompts = [prompts]
    if isinstance(prompts, Documents):
        named = dict(zip(prompts.ids.tolist(), prompts.texts, strict=True))
    elif isinstance(prompts, Mapping):
        named = dict(prompts)
    else:
        named = dict(enumerate(prompts))
    found = [_as_prompt(id, value, tokenizer) for id, value in named.items()]
    if not found:
        raise InputError("There is no prompt.")
    empty = [prompt.id for prompt in found if not prompt.tokens]
    if empty:
        raise InputError(f"Prompts without a token: {name_some(empty)}.")
    long = [p.id for p in found if longest is not None and len(p.tokens) > longest]
    if long:
        raise InputError(
            f"Prompts of more than {longest} tokens, which with `max_new_tokens` go beyond what "
            f"the model reads: {name_some(long)}. Shorten them, or ask for fewer tokens."
        )
    return found


def _as_prompt(id: Any, value: Any, tokenizer: Any) -> Prompt:
    if isinstance(value, str):
        return Prompt(id, value, _tokens_of(value, tokenizer))
    if hasattr(value, "tolist"):
        value = value.tolist()
    whole = isinstance(value, list | tuple) and all(
        isinstance(token, int | np.integer) and not isinstance(token, bool) for token in value
    )
    if not whole:
        raise InputError(f"Prompt {id!r} is neither a text nor a list of tokens: {value!r:.80}.")
    return Prompt(id, None, tuple(int(token) for token in value))


def _tokens_of(text: str, tokenizer: Any) -> tuple[int, ...]:
    """Return the tokens of a text, from a Hugging Face tokenizer or one of ``tokenizers``."""
    if tokenizer is None:
        raise InputError("Prompts are texts, but there is no `tokenizer`; pass lists of tokens.")
    if callable(tokenizer):
        return tuple(tokenizer(text)["input_ids"])
    encoded = tokenizer.encode(text)
    return tuple(getattr(encoded, "ids", encoded))
