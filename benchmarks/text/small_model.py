"""A small language model, trained on the spot: GPT-2's architecture on a few thousand sentences.

What it writes is poor, but its sampling noise is that of a real language model.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel


class SmallModel(NamedTuple):
    """Model, tokenizer and the tokens that were held back from training."""

    model: GPT2LMHeadModel
    tokenizer: Tokenizer
    held_out: np.ndarray
    loss: float


def train(
    texts: list[str],
    *,
    steps: int = 300,
    vocabulary: int = 1000,
    width: int = 96,
    depth: int = 3,
    length: int = 96,
    batch: int = 16,
    context: int = 256,
    seed: int = 0,
) -> SmallModel:
    """Train a tokenizer and a model on texts; the last twentieth is held back."""
    tokenizer = _tokenizer(texts, vocabulary)
    tokens = np.concatenate([tokenizer.encode(text).ids for text in texts])
    cut = int(0.95 * len(tokens))
    model = _new_model(tokenizer.get_vocab_size(), width, depth, context, seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    rng = np.random.default_rng(seed)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * min(1.0, (step + 1) / 30)
        loss = _loss(model, tokens[:cut], rng.integers(0, cut - length, batch), length)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    model.eval()
    with torch.no_grad():
        starts = np.arange(cut, len(tokens) - length, length)
        held = float(_loss(model, tokens, starts, length)) if len(starts) else float("nan")
    return SmallModel(model, tokenizer, tokens[cut:], held)


def beginnings(small: SmallModel, n: int, length: int = 16, seed: int = 0) -> list[list[int]]:
    """Return n pieces of the held-back text, to be continued."""
    starts = np.random.default_rng(seed).integers(0, len(small.held_out) - length, n)
    return [small.held_out[k : k + length].tolist() for k in starts]


def _loss(model: Any, tokens: np.ndarray, starts: np.ndarray, length: int) -> Any:
    rows = torch.tensor(np.stack([tokens[k : k + length] for k in starts]))
    return model(rows, labels=rows).loss


def _tokenizer(texts: list[str], size: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    letters = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=["<s>"], initial_alphabet=letters, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _new_model(vocabulary: int, width: int, depth: int, context: int, seed: int) -> GPT2LMHeadModel:
    config = GPT2Config(
        vocab_size=vocabulary, n_positions=context, n_embd=width, n_layer=depth, n_head=4,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return GPT2LMHeadModel(config)
