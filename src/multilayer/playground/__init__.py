"""The playground: build a network in the browser and watch this library train it."""

from __future__ import annotations

from typing import Any

from multilayer.extras import require

try:
    from multilayer.playground.data import load_data
except ModuleNotFoundError:
    require("multilayer.playground", "playground")
    raise

__all__ = ["load_data", "open", "widget"]


def open(estimator: Any = None, X: Any = None, y: Any = None, *, port: int = 8765) -> Any:
    """Serve the playground in a thread and open it in the browser.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor, optional
        A fitted estimator: the page starts with its layers, weights and parameters.
    X, y : array-like, shapes (m, n) and (m,), optional
        Rows, in the form that the estimator takes.
    port : int, default=8765
        If another program uses this port, the next free one is taken.

    Returns
    -------
    Server
        The running server, with its `address` and `stop()`.

    Raises
    ------
    ValueError
        If the rows do not fit the estimator.
    NotFittedError
        If the estimator is not fitted.
    ModuleNotFoundError
        If the extra `playground` is not installed.

    Examples
    --------
    >>> from multilayer import playground
    >>> server = playground.open()  # doctest: +SKIP
    >>> server.stop()  # doctest: +SKIP
    """
    import webbrowser

    require("multilayer.playground", "playground")
    from multilayer.playground.from_estimator import session_factory
    from multilayer.playground.server import Server

    server = Server(session_factory(estimator, X, y), port)
    server.start()
    webbrowser.open(server.address)
    return server


def widget(estimator: Any = None, X: Any = None, y: Any = None, *, height: int = 820) -> Any:
    """Show the playground in a notebook (JupyterLab, VS Code, marimo) by anywidget.

    The machine of the kernel serves the page; the browser must run on the same machine.

    Parameters
    ----------
    estimator, X, y
        As for `open`.
    height : int, default=820
        In pixels.

    Returns
    -------
    anywidget.AnyWidget
        The widget, with its `address`; `close()` stops the server.

    Raises
    ------
    ModuleNotFoundError
        If anywidget is not installed.
    """
    require("a widget", "notebook")
    from multilayer.playground.notebook import Playground

    return Playground(estimator, X, y, height=height)
