"""The parts of a report before they become HTML: sections of texts, tables and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.tables.alerts import Alert
from multilayer.tables.values import moment_of

__all__ = [
    "Bars",
    "Blank",
    "Costs",
    "Figure",
    "Link",
    "Listing",
    "Part",
    "Section",
    "Tile",
    "as_text",
    "counted",
    "counts",
    "number",
    "plain",
]

LONGEST_TEXT = 40
SHORTEST_DATE = 1e8  # seconds; what is shorter is a time of day or a duration


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
class Link:
    """A cell that leads to a place on the page."""

    text: str
    href: str


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
    rows: Sequence[Sequence[str | tuple[str, str] | Bars | Link]]
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
class Tile:
    """A number in large type, with its name and a note."""

    name: str
    value: str
    note: str


@dataclass(frozen=True)
class Costs:
    """Numbers of errors at each threshold; the reader enters what an error of each kind costs.

    Attributes
    ----------
    thresholds : sequence of float
        In ascending order.
    false_positives, false_negatives : sequence of int
    rows : int
        The number of rows that were predicted.
    """

    thresholds: Sequence[float]
    false_positives: Sequence[int]
    false_negatives: Sequence[int]
    rows: int

    WIDTH, HEIGHT = 340, 120  # of the curve

    @property
    def totals(self) -> list[int]:
        """The cost at each threshold if every error costs 1."""
        both = zip(self.false_positives, self.false_negatives, strict=True)
        return [sum(errors) for errors in both]

    @property
    def curve(self) -> list[tuple[float, float]]:
        """The curve of `totals`; the page's script draws others."""
        most = max(*self.totals, 1)
        return [
            (round(self.WIDTH * t, 1), round(self.HEIGHT * (1 - total / most), 1))
            for t, total in zip(self.thresholds, self.totals, strict=True)
        ]

    @property
    def points(self) -> str:
        """The curve as the points of a polyline."""
        return " ".join(f"{x},{y}" for x, y in self.curve)

    @property
    def lowest(self) -> tuple[float, float]:
        """The point of the curve where the cost is lowest."""
        return self.curve[self.totals.index(min(self.totals))]

    @property
    def result(self) -> str:
        """The threshold with the lowest cost if every error costs 1; the script writes others."""
        best = min(self.totals)
        at = self.thresholds[self.totals.index(best)]
        usual = self.totals[self.thresholds.index(0.5)]
        return f"The lowest cost is {best}, at threshold {at:.2f}. At threshold 0.50 it is {usual}."


@dataclass(frozen=True)
class Blank:
    """A field that the reader fills in, and what belongs there."""

    name: str
    hint: str


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
    alerts: Sequence[Alert] = ()
    costs: Costs | None = None
    blanks: Sequence[Blank] = ()
    tiles: Sequence[Tile] = ()


@dataclass(frozen=True)
class Part:
    """Sections of a page with several targets: those of one target, or those about all.

    Attributes
    ----------
    name : str
        The id of the part, with which the ids of its sections begin. "": it has no heading.
    title, summary : str
    sections : sequence of Section
    """

    name: str
    title: str
    summary: str
    sections: Sequence[Section]

    @property
    def prefix(self) -> str:
        """What the ids of the sections begin with."""
        return f"{self.name}-" if self.name else ""


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


def as_text(value: float, kind: str) -> str:
    """Format a value of a column of numbers or dates, which are in seconds."""
    return moment_of(value) if kind == "date" and not np.isnan(value) else number(value)


def counted(n: int, one: str, many: str = "") -> str:
    """Return a number with its noun: 1 row, 2 rows."""
    return f"{n} {one if n == 1 else many or one + 's'}"


def counts(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the distinct values, the most frequent first, and how often each occurs."""
    found, often = np.unique(values, return_counts=True)
    order = np.argsort(-often, kind="stable")
    return found[order], often[order]
