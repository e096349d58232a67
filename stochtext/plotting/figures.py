"""Figures without a global state: made for one plot, written the same way every time."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import TYPE_CHECKING

from stochtext.plotting.palette import GRID

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["figure_to_png_base64", "figure_to_svg", "new_axes", "new_figure", "tidy"]


def new_figure(width: float = 6.4, height: float = 4.2) -> Figure:
    """Return a figure that no global state knows, sized in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def new_axes(ax: Axes | None, width: float = 6.4, height: float = 4.2) -> Axes:
    """Return ``ax``, or the axes of a new figure of that size in inches."""
    if ax is not None:
        return ax
    return tidy(new_figure(width, height).add_subplot())


def tidy(ax: Axes) -> Axes:
    """Remove the frame's upper and right side and draw a faint grid."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    return ax


def figure_to_svg(fig: Figure | SubFigure, *, title: str | None = None) -> str:
    """Return a figure as an ``<svg>`` element for a page of HTML.

    Parameters
    ----------
    fig : Figure
        The figure.
    title : str, optional
        What the picture shows, for readers who do not see it.

    Returns
    -------
    str
        The element, without XML prologue. The same figure gives the same
        characters: no date, no random identifiers.

    Examples
    --------
    >>> from stochtext.plotting import figure_to_svg, plot_drift
    >>> svg = figure_to_svg(plot_drift([0.0, 1.0], [0.0, -1.0]).figure, title="drift")
    >>> svg[:4], "<title>drift</title>" in svg
    ('<svg', True)
    """
    import matplotlib

    nothing = {key: None for key in ("Creator", "Date", "Format", "Type")}
    stream = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "stochtext", "svg.fonttype": "none"}):
        _whole(fig).savefig(stream, format="svg", metadata=nothing)
    document = stream.getvalue()
    element = document[document.index("<svg") :].strip()
    if title is None:
        return element
    end = element.index(">")
    label = escape(title, quote=True)
    head = f'{element[:end]} role="img" aria-label="{label}">'
    return f"{head}<title>{label}</title>{element[end + 1 :]}"


def figure_to_png_base64(fig: Figure | SubFigure, *, dpi: float = 110) -> str:
    """Return a figure as PNG in base 64, ready for a ``data:image/png;base64,`` address.

    Parameters
    ----------
    fig : Figure
        The figure.
    dpi : float, default 110
        Resolution in dots per inch.

    Examples
    --------
    >>> from stochtext.plotting import figure_to_png_base64, plot_drift
    >>> figure_to_png_base64(plot_drift([0.0, 1.0], [0.0, -1.0]).figure)[:8]
    'iVBORw0K'
    """
    stream = io.BytesIO()
    _whole(fig).savefig(stream, format="png", dpi=dpi, metadata={"Software": None})
    return base64.b64encode(stream.getvalue()).decode("ascii")


def _whole(fig: Figure | SubFigure) -> Figure:
    whole = fig.get_figure(root=True)
    if whole is None:
        raise ValueError("The axes belong to no figure any more.")
    return whole
