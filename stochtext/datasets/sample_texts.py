"""The bundled corpus: fifty short English texts in three groups.

Law: the texts are read as they are in the package; nothing is cut or cleaned.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pandas as pd

from stochtext.text.documents import Documents

__all__ = ["load_sample_texts"]

GROUPS = ("steady", "drifting", "looping")


def load_sample_texts() -> Documents:
    """Return the bundled texts.

    Returns
    -------
    Documents
        Fifty texts of 16 to 27 sentences, with the metadata columns ``group`` and
        ``title`` and ids such as ``"steady-01"``:

        - *steady* (24): articles on different crafts and works that follow a common
          plan, from the place and its history through the making, the people, the
          money and the seasons to the troubles and the future, so that the position
          in the text carries information;
        - *drifting* (14): texts that lose their subject, each sentence taking up a
          word of the one before and going elsewhere;
        - *looping* (12): texts that circle in near-repeats, as degenerate machine
          generations do.

    Notes
    -----
    The texts were written for this package and are distributed under its licence.
    Places, persons and figures in them are invented. The groups differ in style and
    length too, so they show what a method reacts to; they do not measure how good it is.

    Examples
    --------
    >>> from stochtext.datasets import load_sample_texts
    >>> documents = load_sample_texts()
    >>> len(documents), documents.metadata["group"].value_counts().to_dict()
    (50, {'steady': 24, 'drifting': 14, 'looping': 12})
    """
    folder = resources.files("stochtext.datasets").joinpath("data")
    rows: list[dict[str, Any]] = []
    for group in GROUPS:
        lines = folder.joinpath(f"{group}.jsonl").read_text(encoding="utf-8").splitlines()
        rows.extend(json.loads(line) for line in lines)
    frame = pd.DataFrame(rows)
    return Documents(
        frame["text"].tolist(), metadata=frame[["group", "title"]], ids=frame["id"].tolist()
    )
