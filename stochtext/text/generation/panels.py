"""Recorded sequences to panels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stochtext._shared.typing import FloatArray
from stochtext.trajectories.panel import Trajectories

__all__ = ["MEASURES", "Recorded", "layer_panel", "token_panel"]

MEASURES = ("surprisal", "entropy", "margin")


class Recorded(NamedTuple):
    """What was recorded of one sequence."""

    job: Any
    hidden: NDArray[np.float32]
    measures: FloatArray
    text: str | None
    ended: bool

    @property
    def label(self) -> str:
        """Prompt, setting and replicate in one word."""
        return f"{self.job.prompt.id}/{self.job.setting.name}/{self.job.replicate}"


def token_panel(found: list[Recorded], names: tuple[str, ...]) -> Trajectories:
    """Return one trajectory a sequence, one state a token.

    Parameters
    ----------
    found : list of Recorded
        At least two tokens each.
    names : tuple of str
        Names of the recorded numbers.
    """
    values = np.concatenate(
        [np.column_stack([s.hidden.reshape(len(s.hidden), -1), s.measures]) for s in found]
    )
    return Trajectories.from_flat(
        values.astype(np.float64, copy=False),
        [len(s.hidden) for s in found],
        ids=[s.label for s in found],
        groups=_groups(found),
        columns=[*names, *MEASURES],
        metadata=pd.DataFrame([_about(s) for s in found]),
        time_unit="token",
        copy=False,
    )


def layer_panel(found: list[Recorded], names: tuple[str, ...]) -> Trajectories:
    """Return one trajectory a token, one state a layer.

    Parameters
    ----------
    found : list of Recorded
        The sequences, with all layers.
    names : tuple of str
        Names of the recorded numbers, of which those of one layer are used.
    """
    tokens = [(s, t) for s in found for t in range(len(s.hidden))]
    depth, width = found[0].hidden.shape[1:]
    columns = [name.partition("_")[2] or name for name in names[:width]]
    return Trajectories.from_flat(
        np.concatenate([s.hidden[t] for s, t in tokens]).astype(np.float64),
        np.full(len(tokens), depth),
        ids=[f"{s.label}/{t}" for s, t in tokens],
        groups=[s.label for s, _ in tokens] if len(found) > 1 else None,
        columns=columns,
        metadata=pd.DataFrame(
            [
                {**_about(s), "token": t, **dict(zip(MEASURES, s.measures[t], strict=True))}
                for s, t in tokens
            ]
        ),
        time_unit="layer",
        copy=False,
    )


def _groups(found: list[Recorded]) -> list[Any] | None:
    """Return the prompts as groups; of one prompt the sequences stand for themselves."""
    prompts = [s.job.prompt.id for s in found]
    return prompts if len(set(prompts)) > 1 else None


def _about(sequence: Recorded) -> dict[str, Any]:
    prompt, setting = sequence.job.prompt, sequence.job.setting
    return {
        "prompt_id": prompt.id,
        "prompt": prompt.text,
        "replicate": sequence.job.replicate,
        "temperature": float(setting.temperature),
        "top_p": float(setting.top_p),
        "top_k": setting.top_k,
        "n_prompt_tokens": len(prompt.tokens),
        "n_tokens": len(sequence.hidden),
        "ended": sequence.ended,
        "text": sequence.text,
    }
