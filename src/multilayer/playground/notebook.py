"""The playground in a notebook: its page in a frame, by anywidget."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from multilayer.playground.from_estimator import maker
from multilayer.playground.server import Server

__all__ = ["Playground"]


class Playground(anywidget.AnyWidget):
    """The page of a server that ends with the widget.

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
        self.server = Server(maker(estimator, X, y))
        self.server.start()
        super().__init__(address=self.server.address, height=height)

    def close(self) -> None:
        """End the page and its server."""
        self.server.stop()
        super().close()
