"""Run a causal language model and keep what it goes through.

Law: the model is left as it was, nothing global is seeded, and what would not
fit in memory is refused before the model runs.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stochtext._shared.exceptions import InputError, ResourceLimitError, StochtextWarning
from stochtext._shared.progress import progress
from stochtext._shared.random import seed_sequence
from stochtext._shared.typing import RandomState
from stochtext._shared.validation import check_choice, check_integer
from stochtext.text.documents import name_some
from stochtext.text.generation.layers import LayerStates, as_array
from stochtext.text.generation.panels import MEASURES, Recorded, layer_panel, token_panel
from stochtext.text.generation.prompts import Prompt, as_prompts
from stochtext.text.generation.sampling import draw_tokens, measure, uniforms
from stochtext.text.generation.settings import Decoding, as_settings
from stochtext.trajectories.panel import Trajectories

__all__ = ["record_generation"]

_BYTES_PER_NUMBER = 12  # in single precision as recorded, in double precision in the panel


class Job(NamedTuple):
    """One sequence to be generated."""

    prompt: Prompt
    setting: Decoding
    replicate: int
    occurrence: int


def record_generation(
    model: Any,
    tokenizer: Any,
    prompts: Any,
    *,
    layers: int | Sequence[int] | str = -1,
    settings: Any = None,
    n_replicates: int = 1,
    max_new_tokens: int = 100,
    over: str = "token",
    projection: Any = None,
    margin_rank: int = 1,
    stop: bool = True,
    batch_size: int = 16,
    max_bytes: int = 2 * 2**30,
    random_state: RandomState = 0,
    show_progress: bool | None = None,
) -> Trajectories:
    """Generate texts and return the trajectories of the model's states.

    Parameters
    ----------
    model : transformers causal language model
        Called with ``output_hidden_states=True``; it runs where it is, in
        evaluation mode, and is put back as it was.
    tokenizer : tokenizer or None
        A Hugging Face tokenizer, or one of ``tokenizers``; None for prompts that
        are lists of tokens.
    prompts : list of str, list of lists of int, mapping from ids to these, or Documents
        What is continued.
    layers : int, sequence of int or "all"
        Hidden states recorded: 0 are the embeddings, -1 those that the logits
        are read from.
    settings : sequence, optional
        Decoding settings: temperatures, mappings with ``temperature``,
        ``top_p`` and ``top_k``, or ``Decoding`` objects, such as
        ``decoding_grid(...)`` gives. By default temperature 1.
    n_replicates : int
        Sequences of each prompt and setting.
    max_new_tokens : int
        Tokens of a sequence, at least 2.
    over : {"token", "layer"}
        What time is: one trajectory a sequence with one state a token, or one
        trajectory a token with one state a layer.
    projection : None, int or fitted transformer
        What is kept of each hidden state: all, so many fixed random orthonormal
        directions, or what ``transform`` of an array of states gives. The way to
        record large models within memory.
    margin_rank : int
        ``margin`` is the log probability of the most probable token less that of
        the token so many places behind it.
    stop : bool
        Whether a sequence ends with the end-of-text token of the model.
    batch_size : int
        Sequences generated side by side; it changes the numbers by rounding only.
    max_bytes : int
        Most memory for what is recorded.
    random_state : int, SeedSequence, Generator or None
        Seed. The draws of a sequence depend on it, its prompt, setting and
        replicate, and on nothing else that is generated.
    show_progress : bool, optional
        Force the progress bar on or off.

    Returns
    -------
    Trajectories
        State t is the hidden state from which token t is drawn, in columns ``h1``,
        ``h2``, ... (``layer3_h1``, ... for several layers), followed for
        ``over="token"`` by ``surprisal`` of the token drawn, ``entropy`` and
        ``margin`` of its distribution, in nats and before the setting is applied.
        The metadata tell ``prompt_id``, ``prompt``, ``replicate``, ``temperature``,
        ``top_p``, ``top_k``, ``n_prompt_tokens``, ``n_tokens``, ``ended``, ``text`` and,
        for ``over="layer"``, ``token``. Groups are the prompts, if there are several.

    Raises
    ------
    InputError
        If a prompt is empty or too long, a layer does not exist, or the model
        gives no hidden states.
    ResourceLimitError
        If the recording would take more than ``max_bytes``.

    Notes
    -----
    What varies within one path is mostly content; what a decoding setting adds is
    seen between replicates of the same prompt.

    Examples
    --------
    >>> from transformers import GPT2Config, GPT2LMHeadModel
    >>> small = GPT2Config(vocab_size=50, n_positions=32, n_embd=8, n_layer=1, n_head=1)
    >>> panel = record_generation(
    ...     GPT2LMHeadModel(small), None, [[1, 2, 3]], settings=(0.5, 1.0), max_new_tokens=4,
    ...     stop=False,
    ... )
    >>> panel.n_trajectories, panel.n_features, panel.metadata["temperature"].tolist()
    (2, 11, [0.5, 1.0])
    """
    check_choice("over", over, ("token", "layer"))
    n_tokens = check_integer("max_new_tokens", max_new_tokens, minimum=2 if over == "token" else 1)
    check_integer("margin_rank", margin_rank)
    chosen = as_settings(settings)
    known = as_prompts(prompts, tokenizer, _longest_prompt(model, n_tokens))
    jobs = _jobs(known, chosen, check_integer("n_replicates", n_replicates))
    root = seed_sequence(random_state)
    states = LayerStates.of(model, "all" if over == "layer" else layers, projection, root)
    _check_memory(len(jobs), n_tokens, states, max_bytes)
    batches = list(_batches(jobs, check_integer("batch_size", batch_size)))
    found: list[Recorded] = []
    with _evaluating(model):
        for batch in progress(batches, label="generating", show=show_progress):
            chance = [
                uniforms(root, (*j.prompt.tokens, -j.occurrence), j.setting, j.replicate, n_tokens)
                for j in batch
            ]
            found += _generate(model, tokenizer, batch, chance, states, n_tokens, margin_rank, stop)
    order = {job: k for k, job in enumerate(jobs)}
    found.sort(key=lambda sequence: order[sequence.job])
    if over == "layer":
        return layer_panel(found, states.names)
    return token_panel(_long_enough(found), states.names)


def _longest_prompt(model: Any, n_tokens: int) -> int | None:
    """Return how many tokens a prompt may have, if the model says so."""
    config = getattr(model, "config", None)
    reads = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    if not isinstance(reads, int):
        return None
    if n_tokens > reads:
        raise InputError(
            f"`max_new_tokens` is {n_tokens}, but the model reads {reads} tokens with the prompt."
        )
    return reads - n_tokens + 1


def _jobs(prompts: list[Prompt], settings: list[Decoding], n_replicates: int) -> list[Job]:
    seen: dict[tuple[int, ...], int] = {}
    jobs = []
    for prompt in prompts:
        occurrence = seen[prompt.tokens] = seen.get(prompt.tokens, 0) + 1
        jobs += [
            Job(prompt, s, replicate, occurrence)
            for s in settings
            for replicate in range(n_replicates)
        ]
    return jobs


def _batches(jobs: list[Job], size: int) -> Iterator[list[Job]]:
    """Yield jobs side by side whose prompts have the same length, so that none is padded."""
    by_length: dict[int, list[Job]] = {}
    for job in jobs:
        by_length.setdefault(len(job.prompt.tokens), []).append(job)
    for length in sorted(by_length):
        alike = by_length[length]
        yield from (alike[start : start + size] for start in range(0, len(alike), size))


def _check_memory(n_jobs: int, n_tokens: int, states: LayerStates, max_bytes: int) -> None:
    width = len(states.layers) * states.width + len(MEASURES)
    needed = n_jobs * n_tokens * width * _BYTES_PER_NUMBER
    if needed > max_bytes:
        raise ResourceLimitError(
            f"{n_jobs} sequences of {n_tokens} tokens with {width} numbers each would take "
            f"{needed / 2**30:.1f} GiB, more than max_bytes={max_bytes / 2**30:.1f} GiB; nothing "
            "was generated. Keep less of each state (projection=32), record fewer layers, or "
            "generate fewer sequences at a time: their random numbers stay the same."
        )


class _evaluating:
    """Put a model in evaluation mode, and back."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.was_training = bool(getattr(model, "training", False))

    def __enter__(self) -> None:
        if self.was_training:
            self.model.eval()

    def __exit__(self, *_: object) -> None:
        if self.was_training:
            self.model.train()


def _generate(
    model: Any,
    tokenizer: Any,
    jobs: list[Job],
    chance: list[Any],
    states: LayerStates,
    n_tokens: int,
    rank: int,
    stop: bool,
) -> list[Recorded]:
    """Generate one batch, and return its sequences."""
    import torch

    settings = [job.setting for job in jobs]
    uniform = torch.stack(chance)
    current = torch.tensor(
        [job.prompt.tokens for job in jobs], device=getattr(model, "device", None)
    )
    tokens = np.zeros((len(jobs), n_tokens), dtype=np.int64)
    hidden = np.empty((len(jobs), n_tokens, len(states.layers), states.width), dtype=np.float32)
    measures = np.empty((len(jobs), n_tokens, len(MEASURES)), dtype=np.float64)
    lengths = np.full(len(jobs), n_tokens)
    endings = _endings(model) if stop else []
    past = None
    with torch.no_grad():
        for t in range(n_tokens):
            output = states.run(model, current, past)
            past, logits = output.past_key_values, output.logits[:, -1]
            drawn = draw_tokens(logits, settings, uniform[:, t])
            hidden[:, t] = states.kept(output.hidden_states)
            measures[:, t] = as_array(measure(logits, drawn, rank))
            tokens[:, t] = as_array(drawn)
            lengths[(lengths == n_tokens) & np.isin(tokens[:, t], endings)] = t + 1
            if (lengths <= t + 1).all():
                break
            current = drawn.unsqueeze(1)
    return [
        Recorded(
            job, hidden[k, :n], measures[k, :n], _written(tokenizer, tokens[k, :n]),
            bool(np.isin(tokens[k, n - 1], endings)),
        )
        for k, (job, n) in enumerate(zip(jobs, lengths, strict=True))
    ]  # fmt: skip


def _endings(model: Any) -> list[int]:
    """Return the tokens that end a text."""
    ending = getattr(getattr(model, "config", None), "eos_token_id", None)
    if ending is None:
        return []
    return list(ending) if isinstance(ending, list | tuple) else [int(ending)]


def _written(tokenizer: Any, tokens: NDArray[np.int64]) -> str | None:
    return None if tokenizer is None else str(tokenizer.decode(tokens.tolist()))


def _long_enough(found: list[Recorded]) -> list[Recorded]:
    """Leave out sequences that ended at once, by name."""
    short = [s.label for s in found if len(s.hidden) < 2]
    kept = [s for s in found if len(s.hidden) >= 2]
    if not kept:
        raise InputError("Every sequence ended with its first token; pass stop=False to go on.")
    if short:
        warnings.warn(
            f"{len(short)} sequences ended with their first token and are left out: "
            f"{name_some(short)}.",
            StochtextWarning,
            stacklevel=3,
        )
    return kept
