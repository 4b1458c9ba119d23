"""Images of a network over the plane: the values of each unit, and the output."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.equations import forward_propagation
from multilayer.network import Network
from multilayer.playground.rows import Data
from multilayer.playground.training_run import predicted

__all__ = ["Plane", "binary_message"]

Floats = NDArray[np.floating[Any]]
UNIT_SIDE, OUTPUT_SIDE = 40, 100
MAX_DRAWN_UNITS = 64  # units of a layer that are drawn; of a wider layer, the first ones


class Plane:
    """The part of the plane that is drawn, as inputs of the network.

    Parameters
    ----------
    data : Data
    """

    def __init__(self, data: Data) -> None:
        self.data = data
        self._units = data.encode(_grid(data.span, UNIT_SIDE))
        self._output = data.encode(_grid(data.span, OUTPUT_SIDE))

    def draw(self, network: Network, thetas: list[Floats]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Compute the images of all units and of the output.

        Parameters
        ----------
        network : Network
            Used for its shape and activations.
        thetas : list of ndarray
            Θ to draw.

        Returns
        -------
        arrays : dict of ndarray
            "theta1" …, "unit0" …, "output" and "label", in the form the page expects: the first row
            of an image has the smallest x₂.
        facts : dict
            "range", that of the predicted numbers.
        """
        arrays: dict[str, Any] = {
            f"theta{l}": theta.astype("<f4") for l, theta in enumerate(thetas, 1)
        }
        with np.errstate(all="ignore"):
            A = forward_propagation(
                self._units, thetas, hidden=network.hidden, output=network.output
            )[1]
        for l, a in enumerate(A[:-1]):
            arrays[f"unit{l}"] = _bytes(a[:, :MAX_DRAWN_UNITS]).reshape(-1, UNIT_SIDE, UNIT_SIDE)
        output, label, limits = self.output(network, thetas)
        return arrays | {"output": output, "label": label}, {"range": limits}

    def output(
        self, network: Network, thetas: list[Floats]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8], list[float]]:
        """Compute the output image: probabilities or numbers, classes, and the range of numbers."""
        side = OUTPUT_SIDE
        with np.errstate(all="ignore"):
            copy = Network(network.sizes, network.hidden, network.output, thetas=thetas)
            H = np.nan_to_num(np.asarray(copy.forward(self._output)))
        if self.data.classes:
            low, high = 0.0, 1.0
            label = predicted(H).astype(np.uint8).reshape(side, side)
            if H.shape[1] > 1:
                H = H / np.maximum(H.sum(axis=1, keepdims=True), 1e-9)
            if len(self.data.classes) == 2:
                H = H[:, -1:]
        else:
            H = self.data.in_units(H)
            low, high = (float(end) for end in np.percentile(self.data.label, (1, 99)))
            label = np.zeros((side, side), np.uint8)
        scaled = np.clip(255 * (H - low) / ((high - low) or 1.0), 0, 255)
        return scaled.astype(np.uint8).T.reshape(-1, side, side), label, [low, high]


def binary_message(facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> bytes:
    """Pack facts and arrays into one binary message; each array starts at a multiple of 4 bytes."""
    listed = [
        {"name": name, "type": "u1" if a.dtype == np.uint8 else "f4", "shape": a.shape}
        for name, a in arrays.items()
    ]
    head = json.dumps(facts | {"arrays": listed}, allow_nan=False).encode()
    parts = [struct.pack("<I", len(head)), _padded(head, 4)]
    parts += [_padded(np.ascontiguousarray(a).tobytes(), 0) for a in arrays.values()]
    return b"".join(parts)


def _padded(data: bytes, before: int) -> bytes:
    return data + bytes(-(len(data) + before) % 4)


def _grid(span: tuple[float, float, float, float], side: int) -> Floats:
    x1, x2 = np.linspace(*span[:2], side), np.linspace(*span[2:], side)
    return np.column_stack([np.tile(x1, side), np.repeat(x2, side)])


def _bytes(a: Floats) -> NDArray[np.uint8]:
    """Scale each column to 0 … 255, and return the columns as rows."""
    a = np.nan_to_num(a)
    low, high = a.min(axis=0), a.max(axis=0)
    wide = np.where(high > low, high - low, 1.0)
    return np.ascontiguousarray((255 * (a - low) / wide).astype(np.uint8).T)
