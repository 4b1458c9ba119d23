"""The options by which every command that reads a table is told how the file is written."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, Literal, get_type_hints

import typer

from multilayer.reading.table import ReadOptions

__all__ = ["with_read_options"]

_PANEL = "How the file is written (found out by default)"


def _option(*names: str, **settings: Any) -> Any:
    return typer.Option(*names, show_default=False, rich_help_panel=_PANEL, **settings)


_OPTIONS: dict[str, Any] = {
    "header": Annotated[
        bool | None,
        _option(
            "--header/--no-header",
            help="Whether the first line of a CSV file names the columns. Columns without names "
            "are called 0, 1, 2 …",
        ),
    ],
    "delimiter": Annotated[
        str | None, _option(metavar="CHAR", help="The character between cells; tab for a tab.")
    ],
    "encoding": Annotated[
        str | None, _option(metavar="NAME", help="The encoding of a text file, such as cp1252.")
    ],
    "decimal": Annotated[
        Literal[".", ","] | None, _option(metavar="MARK", help="The decimal mark: . or ,")
    ],
    "dates": Annotated[
        Literal["dmy", "mdy"] | None,
        _option(metavar="ORDER", help="Day first (dmy) or month first (mdy), as in 03/04/2026."),
    ],
    "sheet": Annotated[
        str | None, _option(metavar="SHEET", help="The sheet of a workbook: its name or number.")
    ],
    "drop": Annotated[
        list[str] | None,
        _option(metavar="COLUMN", help="A column to leave out; may be repeated."),
    ],
}


def with_read_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with the options of `ReadOptions`, passed on as its parameter `read`."""
    signature, kinds = inspect.signature(command), get_type_hints(command, include_extras=True)
    own = [
        p.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=kinds[name])
        for name, p in signature.parameters.items()
        if name != "read"
    ]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in _OPTIONS.items()
    ]

    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        options = {name: given.pop(name) for name in _OPTIONS}
        if options["delimiter"] in ("tab", "\\t"):
            options["delimiter"] = "\t"
        options["drop"] = tuple(options["drop"] or ())
        command(**given, read=ReadOptions(**options))

    with_options.__annotations__ = {p.name: p.annotation for p in (*own, *added)}
    with_options.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*own, *added]
    )
    return with_options
