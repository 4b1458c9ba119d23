"""A builder for ONNX graphs: nodes and constants with unique names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ML", "Graph"]

ML = "ai.onnx.ml"
# Of 2022 and 2023: old enough for every runtime in use.
_OPSETS, _IR_VERSION = {"": 18, ML: 3}, 8


class Graph:
    """A graph under construction; each call adds a node and returns the name of its output.

    Parameters
    ----------
    inputs : iterable of str
        The names of inputs that will be declared, which no node gets.
    """

    def __init__(self, inputs: Iterable[str] = ()) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._names = set(inputs)

    def input(self, name: str, dtype: Any, *shape: int | None) -> str:
        """Declare an input of the graph; the first dimension, rows, is not fixed."""
        from onnx import helper

        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self._inputs.append(helper.make_tensor_value_info(name, kind, ["rows", *shape]))
        self._names.add(name)
        return name

    def output(self, name: str, value: str, dtype: Any, *shape: int | None) -> None:
        """Declare an output of the graph; an underscore is added to a name that an input has."""
        from onnx import helper

        while name in self._names:
            name += "_"
        self._names.add(name)
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self._outputs.append(helper.make_tensor_value_info(name, kind, ["rows", *shape]))

    def constant(self, array: Any) -> str:
        """Add an array as a constant."""
        from onnx import helper, numpy_helper

        name, values = self._new("constant"), np.asarray(array)
        if values.dtype.kind == "U":
            texts = [text.encode() for text in values.ravel().tolist()]
            string = helper.np_dtype_to_tensor_dtype(np.dtype(object))
            tensor = helper.make_tensor(name, string, values.shape, texts)
        else:
            tensor = numpy_helper.from_array(np.asarray(values, order="C"), name)
        self._constants.append(tensor)
        return name

    def add(self, op: str, *inputs: str | NDArray[Any], domain: str = "", **attributes: Any) -> str:
        """Add a node with one output; arrays among its inputs become constants."""
        from onnx import helper

        name = self._new(op)
        names = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        self._nodes.append(helper.make_node(op, names, [name], domain=domain, **attributes))
        return name

    def cast(self, value: str, dtype: Any) -> str:
        """Add a cast to a NumPy dtype."""
        from onnx import helper

        return self.add("Cast", value, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def join(self, *values: str) -> str:
        """Concatenate columns."""
        return values[0] if len(values) == 1 else self.add("Concat", *values, axis=1)

    def columns(self, value: str, places: Any) -> str:
        """Select columns by their indices."""
        return self.add("Gather", value, np.asarray(places, np.int64), axis=1)

    def model(self, version: str) -> Any:
        """Return the graph as a checked `onnx.ModelProto`."""
        import onnx
        from onnx import helper

        graph = helper.make_graph(
            self._nodes, "multilayer", self._inputs, self._outputs, self._constants
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid(name, n) for name, n in _OPSETS.items()],
            ir_version=_IR_VERSION,
            producer_name="multilayer",
            producer_version=version,
        )
        onnx.checker.check_model(model, full_check=True)
        return model

    def _new(self, kind: str) -> str:
        name = f"/{kind}_{len(self._nodes)}_{len(self._constants)}"
        while name in self._names:
            name += "_"
        self._names.add(name)
        return name
