"""The draw of the next token, and what its distribution says.

Law: every number drawn has an address (prompt, setting, replicate, position);
torch's global generator is not touched.
"""

from __future__ import annotations

import hashlib
from typing import Any

from stochtext._shared.random import generator
from stochtext._shared.typing import RandomState
from stochtext.text.generation.settings import Decoding

__all__ = ["draw_tokens", "measure", "uniforms"]


def uniforms(
    random_state: RandomState, prompt: tuple[int, ...], setting: Decoding, replicate: int, n: int
) -> Any:
    """Return the n uniform numbers of one sequence, a tensor.

    Parameters
    ----------
    random_state : int, SeedSequence or None
        Seed.
    prompt : tuple of int
        Tokens of the prompt.
    setting : Decoding
        How tokens are chosen.
    replicate : int
        Number of the sequence among those of the same prompt and setting.
    n : int
        Tokens.
    """
    import torch

    written = hashlib.sha256(" ".join(map(str, prompt)).encode()).digest()
    address = ("generation", int.from_bytes(written[:8], "big"), setting.name, replicate)
    seed = int(generator(random_state, *address).integers(2**63))
    own = torch.Generator().manual_seed(seed)
    return torch.rand(n, generator=own, dtype=torch.float64)


def draw_tokens(logits: Any, settings: list[Decoding], chance: Any) -> Any:
    """Return one token a row.

    Parameters
    ----------
    logits : tensor of shape (n, v)
        Of the next token.
    settings : list of Decoding
        One a row.
    chance : tensor of shape (n,)
        A uniform number a row.
    """
    import torch

    scaled = logits.double() / logits.new_tensor(
        [s.temperature or 1.0 for s in settings], dtype=torch.float64
    ).unsqueeze(1)
    probability, token = torch.softmax(scaled, dim=1).sort(dim=1, descending=True, stable=True)
    before = probability.cumsum(dim=1) - probability
    top_p = probability.new_tensor([s.top_p for s in settings]).unsqueeze(1)
    most = torch.tensor([_width(s, logits.shape[1]) for s in settings], device=logits.device)
    place = torch.arange(logits.shape[1], device=logits.device)
    kept = (before < top_p) & (place < most.unsqueeze(1))
    cumulated = (probability * kept).cumsum(dim=1)
    level = chance.to(logits.device).unsqueeze(1) * cumulated[:, -1:]
    found = torch.searchsorted(cumulated, level, right=True)
    last = kept.sum(dim=1, keepdim=True) - 1  # rounding may lead past the last one
    return token.gather(1, torch.minimum(found, last)).squeeze(1)


def measure(logits: Any, tokens: Any, rank: int) -> Any:
    """Return surprisal, entropy and margin of each row in nats, shape (n, 3).

    Parameters
    ----------
    logits : tensor of shape (n, v)
        Of the next token.
    tokens : tensor of shape (n,)
        The tokens that came.
    rank : int
        The margin is the best token's log probability less that of the token
        ``rank`` places behind it.
    """
    import torch

    log_p = torch.log_softmax(logits.double(), dim=1)
    surprisal = -log_p.gather(1, tokens.unsqueeze(1)).squeeze(1)
    # A token that cannot come has no share in the entropy.
    entropy = torch.special.entr(log_p.exp()).sum(dim=1)
    best = log_p.topk(min(rank + 1, log_p.shape[1]), dim=1).values
    return torch.stack([surprisal, entropy, best[:, 0] - best[:, -1]], dim=1)


def _width(setting: Decoding, vocabulary: int) -> int:
    """Return how many of the best tokens may come."""
    if setting.temperature == 0:
        return 1
    return vocabulary if setting.top_k is None else min(setting.top_k, vocabulary)
