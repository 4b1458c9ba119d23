"""What the commands write to a terminal: lines without control characters of foreign origin."""

from __future__ import annotations

import re
import sys
from typing import Any

from rich.markup import escape

__all__ = ["shown", "visible", "write_line"]

# C0 and C1 controls, which a terminal obeys; ends of lines and directions of Unicode, which make
# one line look like another; surrogates, which no encoding has.
_CONTROLS = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def visible(text: str) -> str:
    r"""Return a text with its control characters written out, such as \x1b for an escape."""
    return _CONTROLS.sub(lambda met: ascii(met[0])[1:-1], text)


def shown(value: Any) -> str:
    """Return a name or value from a file as text to print by rich: no control, no markup."""
    return escape(visible(str(value)))


def write_line(text: Any, kind: str = "") -> None:
    """Write a message to standard error, in one line.

    Parameters
    ----------
    text : object
        The message, or a warning.
    kind : str
        Such as "error".
    """
    prefix = f"{kind}: " if kind else ""
    sys.stderr.write(f"multilayer: {prefix}{visible(' '.join(str(text).split()))}\n")
