"""The parts of a page, before they become HTML or Markdown.

Law: a section holds words, tables and pictures, and no markup.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stochtext._shared.tables import Summary

__all__ = ["Picture", "Section", "Sketch", "draw"]

DPI = 90


@dataclass(frozen=True)
class Sketch:
    """A figure that is not drawn yet.

    Attributes
    ----------
    alt : str
        What it shows, for readers who do not see it.
    plot : callable
        Returns axes or a figure.
    dense : bool
        Whether it has so many marks that a bitmap is the shorter form.
    """

    alt: str
    plot: Callable[[], Any]
    dense: bool = False


@dataclass(frozen=True)
class Picture:
    """A figure as text of a page.

    Attributes
    ----------
    alt : str
        What it shows, for readers who do not see it.
    svg : str
        An ``<svg>`` element; empty if there is none.
    png : str
        PNG in base 64; empty if there is none.
    missing : str
        Why there is neither.
    """

    alt: str
    svg: str = ""
    png: str = ""
    missing: str = ""

    @property
    def size(self) -> int:
        """Number of characters."""
        return len(self.svg) + len(self.png)


@dataclass(frozen=True)
class Section:
    """One part of the page.

    Attributes
    ----------
    title : str
    verdicts : tuple of str
        What was found, in words.
    paragraphs : tuple of str
        Further text.
    tables : tuple of Summary
    sketches : tuple of Sketch
    warnings : tuple of str
        Reasons for doubt.
    passed : bool or None
        Whether the checks of the section passed; None if it has none.
    """

    title: str
    verdicts: tuple[str, ...] = ()
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Summary, ...] = ()
    sketches: tuple[Sketch, ...] = ()
    warnings: tuple[str, ...] = ()
    passed: bool | None = None


def draw(sketch: Sketch) -> Picture:
    """Draw a figure; one that cannot be drawn says why."""
    from stochtext.plotting.figures import figure_to_png_base64, figure_to_svg

    try:
        drawn = sketch.plot()
        figure = drawn if hasattr(drawn, "savefig") else drawn.get_figure()
        if sketch.dense:
            return Picture(sketch.alt, png=figure_to_png_base64(figure, dpi=DPI))
        return Picture(sketch.alt, svg=figure_to_svg(figure, title=sketch.alt))
    except ValueError as error:
        # A column name that is no valid mathematics (one with a dollar sign), or results
        # without their data, must not cost the reader the rest of the page.
        return Picture(sketch.alt, missing=f"could not be drawn: {error}")
