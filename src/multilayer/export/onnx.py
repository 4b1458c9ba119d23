"""to_onnx: a fitted model, its encoder included, as one file that ONNX runtimes read."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.activations import LEAK, SELU_ALPHA, SELU_SCALE
from multilayer.embedding import Embedding
from multilayer.estimators.targets import ClassTargets
from multilayer.export.graph import Graph
from multilayer.export.onnx_encoder import encode, encoder_inputs
from multilayer.export.parts import Member, Numbers, Parts, take_apart
from multilayer.outputs import Output, Softmax, parts
from multilayer.persistence import FilePath, write_whole

__all__ = ["onnx_inputs", "to_onnx"]

Unit = Callable[[Graph, str, Any], str]


def to_onnx(model: Any, path: FilePath | None = None) -> Any:
    """Write a fitted model for ONNX Runtime and its kin.

    Parameters
    ----------
    model : Network, MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor
        Fitted; or a pipeline that ends with one, behind a `TableEncoder` or scikit-learn's
        scalers; or a search, whose best estimator is taken.
    path : path-like, optional
        A file to write.

    Returns
    -------
    onnx.ModelProto
        Input "X" (rows, columns) of the dtype that the model computes in; of a raw table an input
        (rows, 1) for each column that says something, by its name: float64 for numbers (gaps NaN,
        booleans 0 and 1, dates in seconds since 1970), strings for categories (gaps empty).
        `onnx_inputs` makes them. Outputs "label" and "probabilities" of a classifier, "prediction"
        of a regressor, "output" of a `Network`; of several class targets "probabilities_0" ….

    Raises
    ------
    TypeError
        If the model is of another kind, computes with functions of one's own, or its labels are of
        several types.
    NotFittedError
    ImportError
        Without the extra `onnx`.

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
    taken = take_apart(model)
    _need_onnx()
    graph = Graph()
    if taken.encoder is None:
        rows = graph.input("X", taken.dtype, taken.members[0].n_columns)
    else:
        rows = graph.cast(encode(graph, taken.encoder), taken.dtype)
    said = [_tempered(graph, _network(graph, m, rows), taken) for m in taken.members]
    if isinstance(taken.answer, Numbers) and not taken.answer.plain:
        said = [graph.cast(h, np.float64) for h in said]
    h = _mean(graph, said)
    if isinstance(taken.answer, ClassTargets):
        _classes(graph, taken, taken.answer, h)
    else:
        _numbers(graph, taken, taken.answer, h)
    proto = graph.model(version("multilayer"))
    if path is not None:
        write_whole(path, proto.SerializeToString(deterministic=True))
    return proto


def onnx_inputs(model: Any, X: Any) -> dict[str, NDArray[Any]]:
    """Give rows as the inputs of what `to_onnx` makes of a model.

    Parameters
    ----------
    model : as for `to_onnx`
    X : dataframe or array-like, shape (m, n_features)
        As `predict` takes it.

    Returns
    -------
    dict of ndarray
        For ``onnxruntime.InferenceSession.run(None, …)``.

    Raises
    ------
    ValueError
        If columns are missing, or a column of numbers holds something else.
    """
    taken = take_apart(model)
    if taken.encoder is not None:
        return encoder_inputs(taken.encoder, X)
    rows, n = np.asarray(X, taken.dtype), taken.members[0].n_columns
    if rows.ndim != 2 or rows.shape[1] != n:
        raise ValueError(f"X must have {n} columns, but has shape {rows.shape}")
    return {"X": rows}


def _mean(graph: Graph, said: list[str]) -> str:
    """Give the mean by sums of two, since runtimes know "Mean" of float32 only."""
    if len(said) == 1:
        return said[0]
    total = reduce(lambda a, b: graph.add("Add", a, b), said)
    return graph.add("Div", total, graph.add("CastLike", np.array(float(len(said))), total))


def _need_onnx() -> None:
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise ImportError("to_onnx needs onnx: pip install 'multilayer[onnx]'") from error


def _network(graph: Graph, member: Member, rows: str) -> str:
    """Carry rows through a member: what its output units say, (m, K)."""
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
    return _say(graph, z, member.output, member.n_outputs)


def _embed(graph: Graph, embedding: Embedding, rows: str, dtype: Any) -> str:
    """a⁽¹⁾ = s ⊙ [x, W₂ cos(2π w x + b) + b₂ of each number, E[code] of each category]."""
    from multilayer.embedding import numbers_of

    add, inputs = graph.add, []
    if embedding.n_plain:
        inputs.append(graph.columns(rows, np.arange(embedding.n_plain)))
    if n := embedding.n_numbers:
        p = numbers_of(embedding)
        # In float64, which a large angle needs.
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
    # In the graph's own arithmetic: the attributes of "Selu" have the digits of float32 only.
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
    erf = graph.cast(graph.add("Erf", graph.cast(x, np.float32)), dtype)  # runtimes know no other
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


def _say(graph: Graph, z: str, output: Output, K: int) -> str:
    if isinstance(output, Softmax):
        groups = [graph.columns(z, np.arange(p.start, p.stop)) for p in parts(output, K)]
        return graph.join(*(graph.add("Softmax", group, axis=1) for group in groups))
    if output == "softmax":
        return graph.add("Softmax", z, axis=1)
    ops = {"logistic": "Sigmoid", "exp": "Exp"}
    return z if output == "identity" else graph.add(ops[output], z)


def _tempered(graph: Graph, h: str, taken: Parts) -> str:
    """Softmax of log(h) / T, as `multilayer.tabular.calibration.tempered`."""
    if taken.temperature == 1:
        return h
    least = np.array(np.finfo(taken.dtype).tiny)
    z = graph.add("Log", graph.add("Max", h, least))
    z = graph.add("Div", z, np.array(taken.temperature, taken.dtype))
    return graph.add("Softmax", z, axis=1)


def _classes(graph: Graph, taken: Parts, targets: ClassTargets, h: str) -> None:
    add, K = graph.add, taken.members[0].n_outputs
    half = np.array(0.5, taken.dtype)
    if targets.kind == "multilabel-indicator":
        above = graph.cast(add("Greater", h, half), np.int64)
        graph.output("label", above, np.int64, K)
        graph.output("probabilities", h, taken.dtype, K)
        return
    if targets.kind == "multiclass-multioutput":
        chosen = []
        for k, part in enumerate(parts(taken.members[0].output, K)):
            share = graph.columns(h, np.arange(part.start, part.stop))
            graph.output(f"probabilities_{k}", share, taken.dtype, part.stop - part.start)
            chosen.append(_labels(graph, targets.classes[k], add("ArgMax", share, axis=1)))
        kinds = {_plain(classes).dtype.kind for classes in targets.classes}
        if len(kinds) > 1:
            raise TypeError(f"labels of several targets must be of one type: {targets.classes}")
        graph.output("label", graph.join(*chosen), _dtype(targets.classes[0]), len(chosen))
        return
    classes = targets.classes
    if K == 1:
        place = graph.cast(add("Greater", h, half), np.int64)
        place = add("Min", place, np.array(len(classes) - 1))  # one class is always right
        one = np.ones((), taken.dtype)
        h = graph.join(add("Sub", one, h), h) if len(classes) > 1 else add("Exp", add("Sub", h, h))
    else:
        place = add("ArgMax", h, axis=1)
        if taken.members[0].output == "logistic":
            total = add("ReduceSum", h, np.array([1]))
            none = add("LessOrEqual", total, np.zeros((), taken.dtype))
            even = np.full((1, K), 1 / K, taken.dtype)
            h = add("Where", none, even, add("Div", h, total))
    label = add("Squeeze", _labels(graph, classes, place), np.array([1]))
    graph.output("label", label, _dtype(classes))
    graph.output("probabilities", h, taken.dtype, len(classes))


def _labels(graph: Graph, classes: NDArray[Any], place: str) -> str:
    return graph.add("Gather", _plain(classes), place)


def _plain(classes: NDArray[Any]) -> NDArray[Any]:
    """Give labels as ONNX holds them: strings, booleans, int64 or float64."""
    if classes.dtype == object and all(isinstance(label, str) for label in classes):
        return classes.astype(str)
    wanted = {"U": None, "b": bool, "i": np.int64, "u": np.int64, "f": np.float64}
    if classes.dtype.kind not in wanted:
        raise TypeError(f"labels must be of one type, texts or numbers, but are {classes}")
    return classes.astype(wanted[classes.dtype.kind] or classes.dtype)


def _dtype(classes: NDArray[Any]) -> Any:
    plain = _plain(classes)
    return object if plain.dtype.kind == "U" else plain.dtype


def _numbers(graph: Graph, taken: Parts, answer: Numbers, h: str) -> None:
    K, dtype = taken.members[0].n_outputs, taken.dtype
    if not answer.plain:
        dtype = np.dtype(np.float64)
        y = graph.add("Mul", h, np.array(answer.scale))
        y = graph.add("Add", y, np.array(answer.mean))
        h = graph.add("Clip", y, np.array(answer.low), np.array(answer.high))
    if answer.flat and K == 1:
        graph.output("prediction", graph.add("Squeeze", h, np.array([1])), dtype)
    else:
        graph.output("output" if taken.raw else "prediction", h, dtype, K)
