"""`multilayer playground`: build a network in the browser and watch it learn."""

from __future__ import annotations

from typing import Annotated

import typer

from multilayer.extras import require

__all__ = ["playground"]


def playground(
    port: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            max=65535,
            help="Port of the server; if it is in use, the next free one.",
        ),
    ] = 8765,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
    settings: Annotated[
        str, typer.Option(metavar="TEXT", help="Start with settings that a page has shared.")
    ] = "",
) -> None:
    """Build a network in the browser, press play, and watch it learn.

    The page is served on this machine only. Its address, which contains a token, is printed. The
    networks are trained by this library, on its own data or on a table that you open in the page.
    Ctrl-C ends the server.

    For example:

    * multilayer playground

    * multilayer playground --port 9000 --no-browser

    * multilayer playground --settings "data=spiral&layers=8,8"
    """
    require("the playground", "playground")
    from multilayer.playground.server import serve

    serve(port=port, browser=browser, settings=settings)
