"""The parts of a report before they become HTML: sections of texts, tables and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bars", "Figure", "Listing", "Section", "counts", "number", "plain"]

LONGEST_TEXT = 40


@dataclass(frozen=True)
class Bars:
    """A cell with a small bar chart of counts, each from 0 to 1."""

    heights: Sequence[float]

    @property
    def path(self) -> str:
        """The bars as an SVG path, 5 wide and up to 20 high."""
        return "".join(
            f"M{5 * k} 20V{20 - max(20 * height, height > 0):.1f}h4V20z"
            for k, height in enumerate(self.heights)
        )


@dataclass(frozen=True)
class Listing:
    """A table of texts.

    Attributes
    ----------
    head : sequence of str
    rows : sequence of sequences of str
        A cell may be a pair: its text, and a note in small print below it.
    numbers : sequence of int
        Columns of numbers, aligned to the right.
    caption : str
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str | tuple[str, str] | Bars]]
    numbers: Sequence[int] = ()
    caption: str = ""


@dataclass(frozen=True)
class Figure:
    """A picture.

    Attributes
    ----------
    svg : str
        An `<svg>` element; its colours are `currentColor` and the variable of the background.
    caption : str
    dark : str
        Another one for a dark background, where the first cannot adapt.
    """

    svg: str
    caption: str = ""
    dark: str = ""


@dataclass(frozen=True)
class Section:
    """A heading, a paragraph on how to read the section, and its contents.

    Two sections are side by side where there is room; a wide one has the whole width.
    """

    name: str
    title: str
    reading: str
    listings: Sequence[Listing] = ()
    figures: Sequence[Figure] = ()
    code: str = ""
    wide: bool = False


def plain(value: Any, longest: int = LONGEST_TEXT) -> str:
    """Format any value as one line of text, shortened."""
    if isinstance(value, float | np.floating):
        return "–" if np.isnan(value) else number(float(value))
    text = " ".join(str(value).split())
    text = "".join(c if c.isprintable() else "�" for c in text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def number(value: float) -> str:
    """Format a number with four significant digits, an integer of up to nine digits in full."""
    if np.isnan(value):
        return "–"
    if value == round(value) and abs(value) < 1e9:
        return f"{value:.0f}".replace("-", "−")
    text = f"{value:.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"
    return text.replace("-", "−")


def counts(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the distinct values, the most frequent first, and how often each occurs."""
    found, often = np.unique(values, return_counts=True)
    order = np.argsort(-often, kind="stable")
    return found[order], often[order]
