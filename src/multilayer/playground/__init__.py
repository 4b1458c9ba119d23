"""The playground: build a network in the browser and watch it learn, trained by this library."""

from __future__ import annotations

from typing import Any

from multilayer.playground.data import load_data

__all__ = ["load_data", "open", "widget"]


def open(estimator: Any = None, X: Any = None, y: Any = None, *, port: int = 8765) -> Any:
    """Serve the playground in a thread and open it in the browser.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor, optional
        Fitted: the page begins with its layers, weights and parameters.
    X, y : array-like, shapes (m, n) and (m,), optional
        Rows for it, as it takes them.
    port : int, default=8765
        If another program has it, the next that is free.

    Returns
    -------
    Server
        With its `address`, and `stop()`.

    Raises
    ------
    ValueError
        If the rows do not fit the estimator.
    NotFittedError
        If the estimator is not fitted.

    Examples
    --------
    >>> from multilayer import playground
    >>> server = playground.open()  # doctest: +SKIP
    >>> server.stop()  # doctest: +SKIP
    """
    import webbrowser

    from multilayer.playground.from_estimator import maker
    from multilayer.playground.server import Server

    server = Server(maker(estimator, X, y), port)
    server.start()
    webbrowser.open(server.address)
    return server


def widget(estimator: Any = None, X: Any = None, y: Any = None, *, height: int = 820) -> Any:
    """Show the playground in a notebook, by anywidget: JupyterLab, VS Code, marimo.

    The page is served by the machine of the kernel, which must be that of the browser.

    Parameters
    ----------
    estimator, X, y
        As for `open`.
    height : int, default=820
        In pixels.

    Returns
    -------
    anywidget.AnyWidget
        With its `address`; `close()` ends the server.

    Raises
    ------
    ModuleNotFoundError
        If anywidget is not installed.
    """
    from importlib.util import find_spec

    if find_spec("anywidget") is None:
        raise ModuleNotFoundError(
            "a widget needs anywidget: pip install 'multilayer[notebook]'", name="anywidget"
        )
    from multilayer.playground.notebook import Playground

    return Playground(estimator, X, y, height=height)
