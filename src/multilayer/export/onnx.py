"""to_onnx: a fitted model, including its encoder, as one file for ONNX runtimes."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.activations import LEAK, SELU_ALPHA, SELU_SCALE
from multilayer.embedding import Embedding, numbers_of
from multilayer.estimators.targets import ClassTargets
from multilayer.export.graph import Graph
from multilayer.export.onnx_encoder import encode, encoder_inputs
from multilayer.export.parts import Member, ModelParts, RegressionTarget, check_text, take_apart
from multilayer.extras import require
from multilayer.outputs import Output, Softmax
from multilayer.outputs import parts as groups_of
from multilayer.persistence import FilePath, write_whole

__all__ = ["onnx_inputs", "to_onnx"]

Unit = Callable[[Graph, str, Any], str]


def to_onnx(model: Any, path: FilePath | None = None) -> Any:
    """Export a fitted model to ONNX.

    Parameters
    ----------
    model : Network, MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor
        Fitted; or a pipeline that ends with one, after a `TableEncoder` or scikit-learn's scalers;
        or a search, whose best estimator is exported.
    path : path-like, optional
        A file to write.

    Returns
    -------
    onnx.ModelProto
        The input is "X" (rows, columns) of the dtype that the model computes in. For a raw table,
        there is an input (rows, 1) with the name of each column that the encoder uses: float64 for
        numbers (gaps are NaN, booleans 0 and 1, dates seconds since 1970), strings for categories
        (a gap is "␀", U+2400, or the empty text unless that was a category in fit). `onnx_inputs`
        makes them. The outputs are "label" and "probabilities" for a classifier, "prediction" for a
        regressor, and "output" for a `Network`; several class targets have "probabilities_0",
        "probabilities_1" and so on.

    Raises
    ------
    TypeError
        If the model is of another kind, has activation functions defined by the user, or has labels
        of several types.
    ValueError
        If a weight is NaN or infinite; if a column has no name; if a class, a category or the name
        of a column holds a character that a file cannot, or a label is 2⁶³ or more.
    NotFittedError
    ImportError
        If the extra `onnx` is not installed.

    Examples
    --------
    >>> from multilayer import MLPClassifier
    >>> from multilayer.export import to_onnx
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(solver="lbfgs", max_iter=1000, random_state=0).fit(X, y)
    >>> [output.name for output in to_onnx(model).graph.output]
    ['label', 'probabilities']
    """
    require("to_onnx", "onnx")
    parts = take_apart(model)
    graph = Graph(parts.encoder.column_names if parts.encoder else ())
    if parts.encoder is None:
        rows = graph.input("X", parts.dtype, parts.members[0].n_columns)
    else:
        rows = graph.cast(encode(graph, parts.encoder), parts.dtype)
    outputs = [_tempered(graph, _network(graph, m, rows), parts) for m in parts.members]
    if isinstance(parts.target, RegressionTarget) and not parts.target.plain:
        outputs = [graph.cast(h, np.float64) for h in outputs]
    h = _mean(graph, outputs)
    if isinstance(parts.target, ClassTargets):
        _classes(graph, parts, parts.target, h)
    else:
        _numbers(graph, parts, parts.target, h)
    proto = graph.model(version("multilayer"))
    if path is not None:
        write_whole(path, proto.SerializeToString(deterministic=True))
    return proto


def onnx_inputs(model: Any, X: Any) -> dict[str, NDArray[Any]]:
    """Return rows as the inputs of an exported model.

    Parameters
    ----------
    model : as for `to_onnx`
    X : dataframe or array-like, shape (m, n_features)
        As for `predict` of the model.

    Returns
    -------
    dict of ndarray
        The inputs for ``onnxruntime.InferenceSession.run(None, …)``.

    Raises
    ------
    ValueError
        If columns are missing, or a column of numbers holds something else.
    """
    parts = take_apart(model)
    if parts.encoder is not None:
        return encoder_inputs(parts.encoder, X)
    rows, n = np.asarray(X, parts.dtype), parts.members[0].n_columns
    if rows.ndim != 2 or rows.shape[1] != n:
        raise ValueError(f"X must have {n} columns, but has shape {rows.shape}")
    return {"X": rows}


def _mean(graph: Graph, values: list[str]) -> str:
    """Add the mean as sums of two, since runtimes have "Mean" for float32 only."""
    if len(values) == 1:
        return values[0]
    total = reduce(lambda a, b: graph.add("Add", a, b), values)
    return graph.add("Div", total, graph.add("CastLike", np.array(float(len(values))), total))


def _network(graph: Graph, member: Member, rows: str) -> str:
    """Add the forward pass of a member: its outputs h, (m, K)."""
    dtype = member.thetas[0].dtype
    embedding, mixes = member.extra.embedding, member.extra.mixes
    a = rows if embedding is None else _embed(graph, embedding, rows, dtype)
    for layer, theta in enumerate(member.thetas):
        z = graph.add("Gemm", a, theta[:, 1:], theta[:, 0], transB=1)
        if layer == len(member.hidden):
            break
        a = _UNITS[member.hidden[layer]](graph, z, dtype)
        if mixes:  # a = z + α (g(z) − z)
            share = graph.add("Mul", graph.add("Sub", a, z), mixes[layer])
            a = graph.add("Add", z, share)
    return _output_unit(graph, z, member.output, member.n_outputs)


def _embed(graph: Graph, embedding: Embedding, rows: str, dtype: Any) -> str:
    """a⁽¹⁾ = s ⊙ [x, W₂ cos(2π w x + b) + b₂ of each number, E[code] of each category]."""
    add, inputs = graph.add, []
    if embedding.n_plain:
        inputs.append(graph.columns(rows, np.arange(embedding.n_plain)))
    if n := embedding.n_numbers:
        p = numbers_of(embedding)
        # A large angle needs float64.
        x = add("Unsqueeze", graph.columns(rows, np.arange(n)), np.array([2]))
        turns = add("Mul", graph.cast(x, np.float64), 2 * math.pi * p.w.astype(np.float64))
        waves = graph.cast(add("Cos", add("Add", turns, p.b.astype(np.float64))), dtype)
        features = add("Einsum", waves, p.W2, equation="mnk,ndk->mnd")
        features = add("Add", features, p.b2)
        inputs.append(add("Reshape", features, np.array([-1, n * embedding.n_dimensions])))
    if embedding.n_codes:
        places = np.arange(embedding.n_plain, embedding.n_columns)
        codes = graph.cast(graph.columns(rows, places), np.int64)
        codes = add("Add", codes, np.array(embedding.first_rows[:-1]))
        width = embedding.tables.shape[1] * len(embedding.n_codes)
        looked_up = add("Gather", embedding.tables, codes)
        inputs.append(add("Reshape", looked_up, np.array([-1, width])))
    return add("Mul", graph.join(*inputs), embedding.scale)


def _selu(graph: Graph, z: str, dtype: Any) -> str:
    # In elementary operations: the attributes of "Selu" have the precision of float32 only.
    below = graph.add("Min", graph.add("Elu", z), np.zeros((), dtype))
    below = graph.add("Mul", below, np.array(SELU_ALPHA, dtype))
    both = graph.add("Add", graph.add("Relu", z), below)
    return graph.add("Mul", both, np.array(SELU_SCALE, dtype))


def _leaky_relu(graph: Graph, z: str, dtype: Any) -> str:
    return graph.add("Max", z, graph.add("Mul", z, np.array(LEAK, dtype)))


def _softplus(graph: Graph, z: str, dtype: Any) -> str:
    """g(z) = log(1 + eᶻ) = max(z, 0) + log(1 + e^−|z|)."""
    tail = graph.add("Exp", graph.add("Neg", graph.add("Abs", z)))
    return graph.add(
        "Add", graph.add("Relu", z), graph.add("Log", graph.add("Add", tail, np.ones((), dtype)))
    )


def _gelu(graph: Graph, z: str, dtype: Any) -> str:
    """g(z) = z (1 + erf(z/√2)) / 2."""
    x = graph.add("Mul", z, np.array(math.sqrt(0.5), dtype))
    # Runtimes have "Erf" for float32 only.
    erf = graph.cast(graph.add("Erf", graph.cast(x, np.float32)), dtype)
    half = graph.add("Mul", z, np.array(0.5, dtype))
    return graph.add("Mul", half, graph.add("Add", erf, np.ones((), dtype)))


def _silu(graph: Graph, z: str, dtype: Any) -> str:
    return graph.add("Mul", z, graph.add("Sigmoid", z))


def _mish(graph: Graph, z: str, dtype: Any) -> str:
    return graph.add("Mul", z, graph.add("Tanh", _softplus(graph, z, dtype)))


_UNITS: dict[str, Unit] = {
    "identity": lambda graph, z, dtype: z,
    "logistic": lambda graph, z, dtype: graph.add("Sigmoid", z),
    "tanh": lambda graph, z, dtype: graph.add("Tanh", z),
    "relu": lambda graph, z, dtype: graph.add("Relu", z),
    "leaky_relu": _leaky_relu,
    "elu": lambda graph, z, dtype: graph.add("Elu", z),
    "selu": _selu,
    "softplus": _softplus,
    "gelu": _gelu,
    "silu": _silu,
    "mish": _mish,
}


def _output_unit(graph: Graph, z: str, output: Output, K: int) -> str:
    if isinstance(output, Softmax):
        groups = [graph.columns(z, np.arange(p.start, p.stop)) for p in groups_of(output, K)]
        return graph.join(*(graph.add("Softmax", group, axis=1) for group in groups))
    if output == "softmax":
        return graph.add("Softmax", z, axis=1)
    ops = {"logistic": "Sigmoid", "exp": "Exp"}
    return z if output == "identity" else graph.add(ops[output], z)


def _tempered(graph: Graph, h: str, parts: ModelParts) -> str:
    """Add softmax(log(h) / T), as in `multilayer.tabular.calibration.tempered`."""
    if parts.temperature == 1:
        return h
    least = np.array(np.finfo(parts.dtype).tiny)
    z = graph.add("Log", graph.add("Max", h, least))
    z = graph.add("Div", z, np.array(parts.temperature, parts.dtype))
    return graph.add("Softmax", z, axis=1)


def _classes(graph: Graph, parts: ModelParts, targets: ClassTargets, h: str) -> None:
    add, K = graph.add, parts.members[0].n_outputs
    half = np.array(0.5, parts.dtype)
    if targets.kind == "multilabel-indicator":
        above = graph.cast(add("Greater", h, half), np.int64)
        graph.output("label", above, np.int64, K)
        graph.output("probabilities", h, parts.dtype, K)
        return
    if targets.kind == "multiclass-multioutput":
        chosen = []
        for k, group in enumerate(groups_of(parts.members[0].output, K)):
            share = graph.columns(h, np.arange(group.start, group.stop))
            graph.output(f"probabilities_{k}", share, parts.dtype, group.stop - group.start)
            chosen.append(_labels(graph, targets.classes[k], add("ArgMax", share, axis=1)))
        kinds = {_plain(classes).dtype.kind for classes in targets.classes}
        if len(kinds) > 1:
            raise TypeError(f"labels of several targets must be of one type: {targets.classes}")
        graph.output("label", graph.join(*chosen), _dtype(targets.classes[0]), len(chosen))
        return
    classes = targets.classes
    if K == 1:
        place = graph.cast(add("Greater", h, half), np.int64)
        place = add("Min", place, np.array(len(classes) - 1))  # the only class, if there is one
        one = np.ones((), parts.dtype)
        h = graph.join(add("Sub", one, h), h) if len(classes) > 1 else add("Exp", add("Sub", h, h))
    else:
        place = add("ArgMax", h, axis=1)
        if parts.members[0].output == "logistic":
            total = add("ReduceSum", h, np.array([1]))
            none = add("LessOrEqual", total, np.zeros((), parts.dtype))
            even = np.full((1, K), 1 / K, parts.dtype)
            h = add("Where", none, even, add("Div", h, total))
    label = add("Squeeze", _labels(graph, classes, place), np.array([1]))
    graph.output("label", label, _dtype(classes))
    graph.output("probabilities", h, parts.dtype, len(classes))


def _labels(graph: Graph, classes: NDArray[Any], place: str) -> str:
    return graph.add("Gather", _plain(classes), place)


def _plain(classes: NDArray[Any]) -> NDArray[Any]:
    """Return labels of a type of ONNX: strings, booleans, int64 or float64."""
    if all(isinstance(label, str) for label in classes.tolist()):
        return np.array([check_text("a class", label) for label in classes.tolist()], str)
    dtypes = {"b": bool, "i": np.int64, "u": np.int64, "f": np.float64}
    if classes.dtype.kind not in dtypes:
        raise TypeError(f"labels must be of one type, texts or numbers, but are {classes}")
    if classes.dtype.kind == "u" and classes.max() > np.iinfo(np.int64).max:
        raise ValueError(f"labels must be less than 2⁶³ to be exported, but one is {classes.max()}")
    return classes.astype(dtypes[classes.dtype.kind])


def _dtype(classes: NDArray[Any]) -> Any:
    plain = _plain(classes)
    return object if plain.dtype.kind == "U" else plain.dtype


def _numbers(graph: Graph, parts: ModelParts, target: RegressionTarget, h: str) -> None:
    K, dtype = parts.members[0].n_outputs, parts.dtype
    if not target.plain:
        dtype = np.dtype(np.float64)
        y = graph.add("Mul", h, np.array(target.scale))
        y = graph.add("Add", y, np.array(target.mean))
        h = graph.add("Clip", y, np.array(target.low), np.array(target.high))
    if target.flat and K == 1:
        graph.output("prediction", graph.add("Squeeze", h, np.array([1])), dtype)
    else:
        graph.output("output" if parts.raw else "prediction", h, dtype, K)
