"""Do neighbouring states share material? Then every text looks like a diffusion.

Law: overlap is looked for in the units themselves, whoever cut them; it is
warned of, and noted in the metadata.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError, OverlapWarning
from stochtext._shared.typing import FloatArray
from stochtext._shared.validation import check_positive

__all__ = ["Marks", "check_overlap", "shared_part", "smoothed"]

_PAIRS = 400
_WORDS = 400
_LEAST = 0.2


class Marks(NamedTuple):
    """What neighbouring states share.

    Attributes
    ----------
    overlap : float
        Part of a unit that its neighbour repeats.
    smoothing : float or None
        Weight of the new unit in a moving average.
    """

    overlap: float = 0.0
    smoothing: float | None = None

    @classmethod
    def of(cls, units: list[list[str]], *, share: float, smoothing: float | None) -> Marks:
        """Return the marks of units, of which ``share`` is known to overlap."""
        if smoothing is not None and not 0 < check_positive("smoothing", smoothing) < 1:
            raise InputError(f"`smoothing` must lie strictly between 0 and 1; got {smoothing!r}.")
        return cls(share if share > 0 else shared_part(units), smoothing)

    def noted(self, metadata: pd.DataFrame) -> pd.DataFrame:
        """Return the metadata with columns for what is shared, if anything is."""
        notes = {"overlap": self.overlap or None, "smoothing": self.smoothing}
        return metadata.assign(**{name: v for name, v in notes.items() if v is not None})


def check_overlap(marks: Marks, *, stacklevel: int) -> None:
    """Warn of what neighbouring states share."""
    how = []
    if marks.overlap > 0:
        how.append(f"neighbouring units overlap by {100 * marks.overlap:.0f} %")
    if marks.smoothing is not None:
        how.append(f"states are moving averages (weight {marks.smoothing:g})")
    if how:
        said = " and ".join(how)
        warnings.warn(
            f"{said[0].upper()}{said[1:]}: neighbouring states share material, which makes even "
            "shuffled text look like a diffusion. Compare with `shuffled_control(documents)`, or "
            "use units that neither overlap nor are smoothed.",
            OverlapWarning,
            stacklevel=stacklevel,
        )


def smoothed(values: FloatArray, lengths: list[int], weight: float | None) -> FloatArray:
    """Return exponential moving averages within each document, or the values themselves."""
    if weight is None:
        return values
    from scipy.signal import lfilter

    parts = np.split(values, np.cumsum(lengths)[:-1])
    turned = [
        lfilter([weight], [1.0, weight - 1.0], part, axis=0, zi=(1.0 - weight) * part[:1])[0]
        for part in parts
    ]
    return np.concatenate(turned)


def shared_part(units: list[list[str]]) -> float:
    """Return the part of a unit that its neighbour repeats; 0 where there is no overlap.

    Parameters
    ----------
    units : list of list of str
        The units of each document.

    Notes
    -----
    The end of one unit that is the beginning of the next, as in windows that
    overlap, or a unit that begins with all of the one before, as in cumulative
    texts. The median over up to 400 neighbours counts, from a fifth of a unit
    on: sentences that share a word or are repeated whole are no overlap.

    Examples
    --------
    >>> shared_part([["a b c d", "c d e f", "e f g h"]])
    0.5
    """
    pairs = [(a, b) for part in units for a, b in zip(part, part[1:], strict=False)]
    if not pairs:
        return 0.0
    chosen = pairs[:: max(1, len(pairs) // _PAIRS)]
    share = float(np.median([_share(a.split(), b.split()) for a, b in chosen]))
    return share if share >= _LEAST else 0.0


def _share(first: list[str], second: list[str]) -> float:
    """Return the share of the second unit that continues the first unit's end."""
    if not second or first == second:
        return 0.0
    if len(first) < len(second) and second[: len(first)] == first:
        return len(first) / len(second)
    longest = min(len(first), len(second) - 1, _WORDS)
    for k in range(longest, 1, -1):
        if first[-1] == second[k - 1] and first[-k:] == second[:k]:
            return k / len(second)
    return 0.0
