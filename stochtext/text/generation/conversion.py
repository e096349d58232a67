"""Trajectories of what others recorded: outputs of ``generate``, hidden states, log probabilities.

Law: what was not recorded is named, never filled in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext._shared.validation import check_choice, check_integer
from stochtext.text.documents import Documents, name_some
from stochtext.text.formats.chat import read_logprobs
from stochtext.text.generation.layers import as_array, resolve_layers
from stochtext.text.generation.sampling import measure
from stochtext.trajectories.panel import Trajectories

__all__ = ["from_generate_output", "from_hidden_states", "from_logprobs"]


def from_generate_output(
    output: Any,
    *,
    layers: int | Sequence[int] | str = -1,
    eos_token_id: int | Sequence[int] | None = None,
    margin_rank: int = 1,
    ids: Any = None,
    groups: Any = None,
    metadata: Any = None,
) -> Trajectories:
    """Return the trajectories of an output of ``model.generate``.

    Parameters
    ----------
    output : output of transformers' ``generate``
        With ``return_dict_in_generate=True, output_hidden_states=True``; with
        ``output_logits=True`` too, the panel has surprisal, entropy and margin. The
        ``scores`` are not used: temperature and truncation have changed them.
    layers : int, sequence of int or "all"
        As in ``record_generation``.
    eos_token_id : int or sequence of int, optional
        Sequences are cut behind the first of these; by default nothing is cut, so
        that padding counts.
    margin_rank : int
        As in ``record_generation``.
    ids, groups, metadata : optional
        One entry a sequence, as in ``Trajectories``.

    Returns
    -------
    Trajectories
        State t is the hidden state from which token t was drawn.

    Raises
    ------
    InputError
        If the hidden states were not recorded, or beams were searched.
    """
    steps = getattr(output, "hidden_states", None)
    if steps is None:
        raise InputError(
            "The output holds no hidden states: call generate(..., return_dict_in_generate=True, "
            "output_hidden_states=True, output_logits=True)."
        )
    if getattr(output, "beam_indices", None) is not None:
        raise InputError("Beam search mixes several sequences in one; use num_beams=1.")
    chosen = resolve_layers(layers, len(steps[0]))
    states = np.stack(
        [np.stack([as_array(step[k][:, -1]) for k in chosen], axis=1) for step in steps], axis=1
    )
    n, n_tokens, _, width = states.shape
    values = states.reshape(n, n_tokens, -1).astype(np.float64)
    names = _names(chosen, width)
    tokens = output.sequences[:, -n_tokens:]
    logits = getattr(output, "logits", None)
    if logits is not None:
        rank = check_integer("margin_rank", margin_rank)
        said = [as_array(measure(row, tokens[:, t], rank)) for t, row in enumerate(logits)]
        values = np.concatenate([values, np.stack(said, axis=1)], axis=2)
        names += ["surprisal", "entropy", "margin"]
    lengths = _lengths(as_array(tokens), eos_token_id)
    return _panel(
        [values[k, :length] for k, length in enumerate(lengths)], names, "token",
        ids=ids, groups=groups, metadata=metadata,
    )  # fmt: skip


def from_hidden_states(
    hidden_states: Any,
    *,
    over: str = "token",
    layers: int | Sequence[int] | str = -1,
    attention_mask: Any = None,
    ids: Any = None,
    groups: Any = None,
    metadata: Any = None,
) -> Trajectories:
    """Return trajectories of the hidden states of texts that a model has read.

    Parameters
    ----------
    hidden_states : sequence of arrays of shape (texts, tokens, d)
        One a layer, as a model of transformers returns them with
        ``output_hidden_states=True``; also an array of four dimensions.
    over : {"token", "layer"}
        One trajectory a text, one state a token; or one trajectory a text, one
        state a layer, at its last token [1]_.
    layers : int, sequence of int or "all"
        Layers used; for ``over="layer"`` all are.
    attention_mask : array of shape (texts, tokens), optional
        Zero where a text is padded.
    ids, groups, metadata : optional
        One entry a text, as in ``Trajectories``.

    References
    ----------
    .. [1] Sarfati, R., Liu, T. J. B., Boullé, N. and Earls, C. J. (2025). Lines of thought
       in large language models. International Conference on Learning Representations.

    Examples
    --------
    >>> import numpy as np
    >>> layers = [np.full((2, 5, 3), float(k)) for k in range(4)]
    >>> from_hidden_states(layers).lengths.tolist()
    [5, 5]
    >>> from_hidden_states(layers, over="layer").lengths.tolist()
    [4, 4]
    """
    check_choice("over", over, ("token", "layer"))
    if hidden_states is None:
        raise InputError("There are no hidden states: call the model with output_hidden_states.")
    found = [as_array(layer).astype(np.float64) for layer in hidden_states]
    shapes = {layer.shape for layer in found}
    if len(shapes) != 1 or found[0].ndim != 3:
        raise InputError(
            "`hidden_states` must be one array of shape (texts, tokens, d) a layer; got "
            f"{[layer.shape for layer in found][:4]}."
        )
    n, n_tokens, width = found[0].shape
    mask = np.ones((n, n_tokens), dtype=bool)
    if attention_mask is not None:
        mask = as_array(attention_mask).astype(bool)
        if mask.shape != (n, n_tokens):
            raise InputError(f"`attention_mask` has shape {mask.shape}, expected {(n, n_tokens)}.")
    _refuse_short(mask.sum(axis=1), ids, "tokens", 2 if over == "token" else 1)
    if over == "layer":
        last = [int(np.flatnonzero(row)[-1]) for row in mask]
        stack = np.stack(found, axis=1)
        parts = [stack[k, :, t] for k, t in enumerate(last)]
        names = [f"h{j + 1}" for j in range(width)]
    else:
        chosen = resolve_layers(layers, len(found))
        stack = np.concatenate([found[k] for k in chosen], axis=2)
        parts = [stack[k, row] for k, row in enumerate(mask)]
        names = _names(chosen, width)
    return _panel(parts, names, over, ids=ids, groups=groups, metadata=metadata)


def from_logprobs(
    logprobs: Any,
    *,
    missing: str = "raise",
    ids: Any = None,
    groups: Any = None,
    metadata: Any = None,
) -> Trajectories:
    """Return trajectories of the surprisal of tokens, as services log it.

    Parameters
    ----------
    logprobs : Documents, or sequence of logs
        Documents with turns whose messages had ``logprobs``: one trajectory a
        turn, grouped by document. Or, one a text: lists of log probabilities in
        nats, or the ``logprobs`` objects of chat and completion services.
    missing : {"raise", "drop"}
        What to do with texts without log probabilities of two tokens. Of
        documents, those without any turn with log probabilities count; other
        turns, such as the user's, are passed over.
    ids, groups, metadata : optional
        One entry a text, as in ``Trajectories``; documents bring their own.

    Returns
    -------
    Trajectories
        ``surprisal`` in nats and, where two alternatives were logged for each
        token, ``margin``: how far the best one is ahead of the second.

    Raises
    ------
    InputError
        If log probabilities are missing, with the ids.

    Examples
    --------
    >>> panel = from_logprobs([[-0.5, -2.0, -0.1], [-1.0, -1.5]])
    >>> panel.columns, panel.arrays()[0].ravel().tolist()
    (('surprisal',), [0.5, 2.0, 0.1])
    """
    check_choice("missing", missing, ("raise", "drop"))
    table: pd.DataFrame | None
    if isinstance(logprobs, Documents):
        labels, owners, found, table = _of_documents(logprobs)
    else:
        given = list(logprobs)
        labels = list(range(len(given))) if ids is None else list(ids)
        if len(labels) != len(given):
            raise InputError(f"`ids` has {len(labels)} entries for {len(given)} texts.")
        found = [
            read_logprobs(value, f"Text {k!r}") for k, value in zip(labels, given, strict=True)
        ]
        owners = groups
        table = None if metadata is None else pd.DataFrame(metadata)
    keep = np.array([pair is not None and len(pair[0]) >= 2 for pair in found], dtype=bool)
    lost = [label for label, kept in zip(labels, keep, strict=True) if not kept]
    if not keep.any() or (lost and missing == "raise"):
        raise InputError(
            f"{len(lost)} of {len(keep)} texts have no log probabilities of two tokens: "
            f"{name_some(lost)}. Ask the service for them (logprobs=True), or pass missing='drop'."
        )
    pairs = [pair for pair in found if pair is not None and len(pair[0]) >= 2]
    known = all(margin is not None for _, margin in pairs)
    parts = [
        np.column_stack([-logs, margin]) if known else -logs[:, None] for logs, margin in pairs
    ]
    return _panel(
        parts, ["surprisal", "margin"] if known else ["surprisal"], "token",
        ids=[label for label, kept in zip(labels, keep, strict=True) if kept],
        groups=None if owners is None else [g for g, k in zip(owners, keep, strict=True) if k],
        metadata=None if table is None else table.loc[keep].reset_index(drop=True),
    )  # fmt: skip


def _of_documents(documents: Documents) -> tuple[list[Any], list[Any], list[Any], pd.DataFrame]:
    """Return labels, documents, log probabilities and metadata of the turns that have any."""
    labels: list[Any] = []
    owners: list[Any] = []
    found: list[Any] = []
    rows: list[int] = []
    for k, label in enumerate(documents.ids):
        turns = () if documents.turns is None else documents.turns[k]
        logged = [(t, turn) for t, turn in enumerate(turns) if turn.logprobs is not None]
        for t, turn in logged:
            labels.append(f"{label}/{t}")
            found.append((turn.logprobs, turn.margins))
        if not logged:
            labels.append(label)
            found.append(None)
        owners += [label] * max(len(logged), 1)
        rows += [k] * max(len(logged), 1)
    return labels, owners, found, documents.metadata.iloc[rows].reset_index(drop=True)


def _names(layers: tuple[int, ...], width: int) -> list[str]:
    prefixes = [""] if len(layers) == 1 else [f"layer{layer}_" for layer in layers]
    return [f"{prefix}h{j + 1}" for prefix in prefixes for j in range(width)]


def _lengths(tokens: Any, endings: Any) -> list[int]:
    """Return the number of tokens of each sequence, its ending included."""
    if endings is None:
        return [tokens.shape[1]] * len(tokens)
    ends = np.isin(tokens, np.atleast_1d(endings))
    return [int(np.argmax(row)) + 1 if row.any() else tokens.shape[1] for row in ends]


def _refuse_short(lengths: Any, ids: Any, what: str, least: int) -> None:
    labels = list(range(len(lengths))) if ids is None else list(ids)
    short = [label for label, n in zip(labels, lengths, strict=True) if n < least]
    if short:
        raise InputError(f"Texts of fewer than {least} {what}: {name_some(short)}. Leave them out.")


def _panel(
    parts: list[FloatArray],
    names: list[str],
    unit: str,
    *,
    ids: Any,
    groups: Any,
    metadata: Any,
) -> Trajectories:
    _refuse_short([len(part) for part in parts], ids, f"{unit}s", 2)
    return Trajectories(
        parts, ids=ids, groups=groups, columns=names, metadata=metadata, time_unit=unit
    )
