"""The protocol of page and session: JSON texts in, JSON texts out, an error as one line."""

from __future__ import annotations

import json
import logging
from typing import Any

from polars.exceptions import PanicException, PolarsError

__all__ = ["ERRORS", "ProtocolError", "Reply", "encode", "explain", "number", "parse", "wrong"]

Reply = dict[str, Any]
ERRORS = (Exception, PanicException)  # a panic of polars is a BaseException, and no Exception
_LONGEST = 500  # characters of an error that is shown
_log = logging.getLogger(__name__)


class ProtocolError(Exception):
    """A message that the page of the playground would never send."""


def parse(text: Any) -> Reply:
    """Parse a message of the page.

    Raises
    ------
    ProtocolError
        If it is not the JSON of an object whose "do" is a text.
    """
    if not isinstance(text, str):
        raise ProtocolError("a message must be text")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise ProtocolError("a message must be JSON") from None
    if not isinstance(message, dict) or not isinstance(message.get("do"), str):
        raise ProtocolError("a message must be an object whose 'do' names an action")
    return message


def encode(reply: Reply) -> str:
    """Write a reply as JSON."""
    return json.dumps(reply, allow_nan=False)


def wrong(error: BaseException) -> Reply:
    """Return the reply that tells a page about an error."""
    return {"say": "wrong", "message": explain(error)}


def explain(error: BaseException) -> str:
    """Return an error as one line; one that nobody foresaw goes to the log too."""
    line = " ".join(str(error).split())[:_LONGEST]
    if isinstance(error, ValueError | OSError) and line:
        return line
    if isinstance(error, MemoryError):
        return "there is not enough memory for this"
    _log.error("The playground met an error", exc_info=error)
    what = "the table cannot be used" if isinstance(error, PolarsError | PanicException) else ""
    return f"{what or 'this failed by a fault of the program'}: {type(error).__name__}: {line}"


def number(request: Reply, name: str, least: float, most: float) -> float:
    """Return a number of a message; raise ValueError unless it lies in a range."""
    value = request.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(f"{name} must be a number from {least:g} to {most:g}, got {value!r:.80}")
    return value
