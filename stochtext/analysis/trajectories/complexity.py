"""How complex a text is: length, readability, proxies of syntax, all countable without a model.

Law of this file: one row a document; nothing here looks at embeddings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext.text.segmentation import segment

__all__ = ["text_complexity"]

WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
VOWELS = re.compile(r"[aeiouyàâäéèêëîïôöùûü]+", re.IGNORECASE)
SUBORDINATORS = {
    "after", "although", "as", "because", "before", "if", "since", "than", "that", "though",
    "unless", "until", "when", "whenever", "where", "whereas", "whether", "which", "while",
    "who", "whom", "whose",
}  # fmt: skip
WINDOW = 50


def text_complexity(texts: Sequence[Any], language: str = "en") -> pd.DataFrame:
    r"""Return measures of the complexity of texts.

    Parameters
    ----------
    texts : sequence of str, or of lists of units
        Documents.
    language : str, default "en"
        Of the sentence splitter; subordinators and syllables are counted as in English.

    Returns
    -------
    DataFrame
        One row a document: ``units``; ``words_per_unit``; ``reading_ease`` (Flesch 1948;
        large is easy); ``clause_marks_per_unit`` (commas, semicolons, colons, dashes);
        ``subordinators_per_unit``; ``distinct_words`` (share of distinct words in windows of
        fifty, mean over windows).

    Notes
    -----
    Reading ease is 206.835 - 1.015 words per unit - 84.6 syllables per word, a syllable
    being a run of vowels without a final silent e. These are proxies: long sentences can be
    simple, and none of the measures knows grammar.

    References
    ----------
    Flesch, R. (1948). A new readability yardstick. Journal of Applied Psychology 32, 221-233.
    Covington, M. A. and McFall, J. D. (2010). Cutting the Gordian knot: the moving-average
    type-token ratio. Journal of Quantitative Linguistics 17, 94-100.

    Examples
    --------
    >>> from stochtext.analysis import text_complexity
    >>> frame = text_complexity(["The cat sat. It ran.", "Although it rained, they went on."])
    >>> frame["words_per_unit"].tolist()
    [2.5, 6.0]
    """
    if isinstance(texts, str):
        raise InputError("`texts` is a single string; pass a list of documents.")
    return pd.DataFrame([_measures(text, language) for text in texts])


def _measures(text: Any, language: str) -> dict[str, float]:
    units = segment(text, "sentence", language=language) if isinstance(text, str) else list(text)
    whole = " ".join(units)
    words = [word.lower() for word in WORD.findall(whole)]
    n, k = max(len(units), 1), max(len(words), 1)
    syllables = sum(_syllables(word) for word in words)
    return {
        "units": float(len(units)),
        "words_per_unit": len(words) / n,
        "reading_ease": 206.835 - 1.015 * len(words) / n - 84.6 * syllables / k,
        "clause_marks_per_unit": sum(whole.count(mark) for mark in ",;:–—") / n,
        "subordinators_per_unit": sum(word in SUBORDINATORS for word in words) / n,
        "distinct_words": _distinct(words),
    }


def _syllables(word: str) -> int:
    found = len(VOWELS.findall(word))
    silent = word.endswith("e") and not word.endswith(("le", "ee")) and found > 1
    return max(found - silent, 1)


def _distinct(words: list[str]) -> float:
    if not words:
        return float("nan")
    width = min(WINDOW, len(words))
    shares = [len(set(words[k : k + width])) / width for k in range(len(words) - width + 1)]
    return float(np.mean(shares))
