"""Figures as inline SVG, in the colours of the page and always with the same bytes."""

from __future__ import annotations

import html
import io
import re
import warnings
from collections.abc import Callable
from typing import Any

from multilayer.plots.style import COLORS
from multilayer.report.sections import Figure

__all__ = ["draw", "label"]

DARK_PAPER, DARK_INK = "#1b1e22", "#e8e8e6"
MOST_POINTS = 2000  # more points are not drawn


def draw(
    name: str,
    paint: Callable[[Any], None],
    size: tuple[float, float] = (4.6, 3.4),
    caption: str = "",
    pixels: bool = False,
) -> Figure:
    """Draw a figure.

    Parameters
    ----------
    name : str
        A unique name, from which the ids of its elements are made.
    paint : callable
        Draws on the figure that it is passed.
    size : (float, float)
        Width and height in inches.
    caption : str
    pixels : bool
        Whether colours are blended with the background, so that a second figure for a dark
        background is needed.
    """
    svg = _draw(name, paint, size, caption, dark=False)
    dark = _draw(f"{name}-dark", paint, size, caption, dark=True) if pixels else ""
    return Figure(svg, caption, dark)


def label(text: str) -> str:
    """Escape a text for matplotlib, so that a dollar sign does not begin a formula."""
    return text.replace("$", r"\$")


def _draw(
    name: str, paint: Callable[[Any], None], size: tuple[float, float], caption: str, dark: bool
) -> str:
    import matplotlib
    from matplotlib import figure
    from matplotlib.rcsetup import cycler

    ink, paper = (DARK_INK, DARK_PAPER) if dark else ("black", "white")
    style: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "font.size": 9,
        "axes.titlesize": 9.5,
        "axes.titlelocation": "left",
        "axes.labelsize": 9,
        "legend.fontsize": 8,
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.6,
        "axes.prop_cycle": cycler(color=COLORS),
        "axes.axisbelow": True,
        "grid.linewidth": 0.5,
        "grid.alpha": 0.3,
        "savefig.dpi": 150,
    }
    inks = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    style |= dict.fromkeys(inks, ink)
    style |= dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), paper)
    buffer = io.StringIO()
    with matplotlib.rc_context(), warnings.catch_warnings():
        # A font may lack a character of a name; a display may warn about its axes.
        warnings.simplefilter("ignore", UserWarning)
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(style)
        fig = figure.Figure(figsize=size, layout="constrained")
        paint(fig)
        fig.savefig(buffer, format="svg", metadata={"Date": None})
    return _part_of_page(buffer.getvalue(), caption, size)


def _part_of_page(text: str, caption: str, size: tuple[float, float]) -> str:
    """Remove what the page has already, and let the colours follow those of the page."""
    text = text[text.index("<svg") :]
    start, body = text.split(">", 1)
    box = re.search(r'viewBox="[^"]*"', start)
    assert box is not None  # matplotlib always writes it
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*_\d+"', "<g", body)  # such ids occur in every figure
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.DOTALL)
    body = body.replace("#000000", "currentColor").replace("#ffffff", "var(--card)")
    width = f"max-width:{size[0] * 1.25:.2f}in"
    name = html.escape(caption)
    return f'<svg role="img" aria-label="{name}" {box[0]} style="{width}">{body}'.strip()
