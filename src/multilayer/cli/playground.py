"""`multilayer playground`: build a network in the browser and watch it learn."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated

import typer

__all__ = ["playground"]


def playground(
    port: Annotated[
        int,
        typer.Option(metavar="N", min=0, max=65535, help="If it is in use, the next free one."),
    ] = 8765,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
) -> None:
    """Build a network in the browser, press play, and watch it learn.

    The page is served on this machine only, at an address with a token, which is printed. What it
    shows is trained by this library, on its own data or on a table that you open there. Ctrl-C
    ends it.

    For example:

    * multilayer playground

    * multilayer playground --port 9000 --no-browser
    """
    for package in ("starlette", "uvicorn", "websockets"):
        if find_spec(package) is None:
            raise ValueError(
                f"the playground needs {package}: pip install 'multilayer[playground]'"
            )
    from multilayer.playground.server import serve

    serve(port=port, browser=browser)
