"""The colours of all plots: the palette of Okabe and Ito, safe for colour-blind readers.

References
----------
Okabe, M. and Ito, K. (2008). Color universal design: how to make figures and
presentations that are friendly to colorblind people.
"""

from __future__ import annotations

__all__ = ["BAND_ALPHA", "DATA", "GRID", "OKABE_ITO", "REFERENCE", "SEQUENTIAL", "series_colour"]

OKABE_ITO = (
    "#0072B2",  # blue
    "#D55E00",  # vermilion
    "#009E73",  # bluish green
    "#CC79A7",  # reddish purple
    "#E69F00",  # orange
    "#56B4E9",  # sky blue
    "#8C7A00",  # dark yellow: the palette's own yellow vanishes on white paper
    "#000000",  # black
)
REFERENCE = "#000000"
DATA = "#9AA5AD"
GRID = "#E4E7EA"
SEQUENTIAL = "cividis"
BAND_ALPHA = 0.22


def series_colour(k: int) -> str:
    """Return the colour of series ``k``; after the last colour they begin again.

    Parameters
    ----------
    k : int
        Number of the series, from 0.
    """
    return OKABE_ITO[k % len(OKABE_ITO)]
