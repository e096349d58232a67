"""The hidden states of a model: which layers, and how much of each.

Law: a model that gives no hidden states is refused in one sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, RandomState
from stochtext._shared.validation import check_integer

__all__ = ["LayerStates", "as_array", "resolve_layers"]


class LayerStates(NamedTuple):
    """Which hidden states are kept, and what of each.

    Attributes
    ----------
    layers : tuple of int
        From 0, the embeddings, on.
    width : int
        Numbers kept of each state.
    project : callable or None
        From (n, d) states to (n, width) numbers.
    names : tuple of str
        Names of the columns, layer after layer.
    """

    layers: tuple[int, ...]
    width: int
    project: Any
    names: tuple[str, ...]

    @classmethod
    def of(cls, model: Any, layers: Any, projection: Any, random_state: RandomState) -> LayerStates:
        """Find out, from one short run of the model, what its states are."""
        import torch

        start = torch.zeros((1, 1), dtype=torch.long, device=getattr(model, "device", None))
        was_training = bool(getattr(model, "training", False))
        with torch.no_grad():
            if was_training:
                model.eval()
            try:
                states = _run(model, start, None).hidden_states
            finally:
                if was_training:
                    model.train()
        chosen = resolve_layers(layers, len(states))
        dimension = int(states[-1].shape[-1])
        project, width = _projector(projection, dimension, random_state)
        prefixes = [""] if len(chosen) == 1 else [f"layer{layer}_" for layer in chosen]
        names = tuple(f"{prefix}h{j + 1}" for prefix in prefixes for j in range(width))
        return cls(chosen, width, project, names)

    def run(self, model: Any, tokens: Any, past: Any) -> Any:
        """Return the output of the model for further tokens."""
        return _run(model, tokens, past)

    def kept(self, states: Sequence[Any]) -> NDArray[np.float32]:
        """Return what is kept at the last position, shape (n, layers, width)."""
        parts = [as_array(states[layer][:, -1]) for layer in self.layers]
        if self.project is not None:
            parts = [self.project(part) for part in parts]
        return np.stack(parts, axis=1).astype(np.float32)


def resolve_layers(layers: Any, n_states: int) -> tuple[int, ...]:
    """Return layers counted from 0.

    Parameters
    ----------
    layers : int, sequence of int or "all"
        Negative ones count from the last.
    n_states : int
        Hidden states of the model, embeddings included.
    """
    if isinstance(layers, str):
        if layers != "all":
            raise InputError(f"`layers` must be integers or 'all'; got {layers!r}.")
        return tuple(range(n_states))
    given = [layers] if isinstance(layers, int | np.integer) else list(layers)
    whole = all(isinstance(k, int | np.integer) and not isinstance(k, bool) for k in given)
    if not given or not whole or any(not -n_states <= k < n_states for k in given):
        raise InputError(
            f"`layers` must be integers from {-n_states} to {n_states - 1} (0 are the embeddings); "
            f"got {layers!r}."
        )
    found = tuple(int(k) % n_states for k in given)
    if len(set(found)) < len(found):
        raise InputError(f"`layers` names a layer twice: {layers!r}.")
    return found


def as_array(tensor: Any) -> Any:
    """Return a tensor, or what is like an array, as an array of numpy."""
    if not hasattr(tensor, "detach"):
        return np.asarray(tensor)
    detached = tensor.detach().cpu()
    return (detached.float() if detached.is_floating_point() and detached.element_size() < 4
            else detached).numpy()  # fmt: skip


def _run(model: Any, tokens: Any, past: Any) -> Any:
    try:
        output = model(
            input_ids=tokens,
            past_key_values=past,
            use_cache=True,
            output_hidden_states=True,
            return_dict=True,
        )
    except TypeError as error:
        raise InputError(
            f"{type(model).__name__} cannot be called as a causal model of transformers is, with "
            f"input_ids, past_key_values and output_hidden_states: {error}."
        ) from error
    missing = [
        name
        for name in ("logits", "hidden_states", "past_key_values")
        if getattr(output, name, None) is None
    ]
    if missing:
        raise InputError(
            f"{type(model).__name__} gives no {' and no '.join(missing)}: a causal language model "
            "of transformers is needed, such as AutoModelForCausalLM.from_pretrained(...) loads. "
            "For a service that gives log probabilities only, use from_logprobs."
        )
    return output


def _projector(projection: Any, dimension: int, random_state: RandomState) -> tuple[Any, int]:
    """Return the map of states and the dimension of what it gives."""
    if projection is None:
        return None, dimension
    if hasattr(projection, "transform"):
        trial = np.asarray(projection.transform(np.zeros((2, dimension))))
        return (lambda states: projection.transform(states.astype(np.float64))), trial.shape[1]
    width = check_integer("projection", projection)
    if width > dimension:
        raise InputError(f"`projection` is {width}, but hidden states have {dimension} dimensions.")
    directions = _directions(dimension, width, random_state)
    return (lambda states: states @ directions), width


def _directions(dimension: int, width: int, random_state: RandomState) -> FloatArray:
    """Return orthonormal directions, drawn uniformly, as columns."""
    rng = generator(random_state, "projection of hidden states")
    rotation, triangle = np.linalg.qr(rng.standard_normal((dimension, width)))
    return rotation * np.sign(np.diagonal(triangle))
