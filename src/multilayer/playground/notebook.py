"""The playground in a notebook: an anywidget that shows the page in a frame."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from multilayer.playground.from_estimator import session_factory
from multilayer.playground.server import Server

__all__ = ["Playground"]


class Playground(anywidget.AnyWidget):
    """The page of a server that stops when the widget is closed.

    Parameters
    ----------
    estimator, X, y
        As for `multilayer.playground.open`.
    height : int, default=820
        In pixels.
    """

    _esm = """
    export default {
      render({ model, el }) {
        const frame = document.createElement("iframe");
        frame.src = model.get("address");
        frame.title = "multilayer playground";
        frame.style.cssText = `width: 100%; height: ${model.get("height")}px; border: 0`;
        frame.allow = "clipboard-write";
        el.append(frame);
      },
    };
    """
    address = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(820).tag(sync=True)

    def __init__(
        self, estimator: Any = None, X: Any = None, y: Any = None, *, height: int = 820
    ) -> None:
        self.server = Server(session_factory(estimator, X, y))
        self.server.start()
        super().__init__(address=self.server.address, height=height)

    def close(self) -> None:
        """Close the page and stop its server."""
        self.server.stop()
        super().close()
