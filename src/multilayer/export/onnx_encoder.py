"""A `TableEncoder` as nodes of ONNX: an input for each column, float64 or strings."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from multilayer.export.graph import ML, Graph
from multilayer.export.parts import check_text
from multilayer.tables.categories import Category
from multilayer.tables.encoder import TableEncoder
from multilayer.tables.frame import Frame
from multilayer.tables.numbers import Numbers

__all__ = ["GAP", "encode", "encoder_inputs"]

# Represents a missing value in a column of strings; repeated if this is a category itself.
GAP = "\N{SYMBOL FOR NULL}"


def encode(graph: Graph, encoder: TableEncoder) -> str:
    """Add the nodes that encode the columns of a table as rows (m, n_features_out)."""
    names, parts = encoder.column_names, []
    for j in encoder.encoded_columns:
        if not check_text("the name of a column", names[j]):
            raise ValueError(f"column {j} must have a name to be exported, but its name is empty")
    for column in encoder.categories_:
        for level in column.levels:
            check_text(f"a category of column {names[column.column]!r}", level)
    if encoder.numbers_.n_features:
        parts.append(_numbers(graph, encoder.numbers_, _number_columns(graph, encoder)))
    for column in encoder.categories_:
        parts.append(_category(graph, column, graph.input(names[column.column], object, 1)))
    return graph.cast(graph.join(*parts), encoder.dtype)


def encoder_inputs(encoder: TableEncoder, X: Any) -> dict[str, NDArray[Any]]:
    """Return a table as the inputs of the graph."""
    frame, names = Frame(X), encoder.column_names
    at = encoder.positions_in(X, frame)
    places = [at[j] for j in encoder.numbers_.columns]
    numbers = np.empty((len(frame), 0))
    if places:
        numbers = frame.numbers(places, encoder.numbers_.kinds)
    if _one_array(encoder):
        X = np.full((len(frame), encoder.n_features_in_), np.nan)  # the graph reads no others
        X[:, list(encoder.numbers_.columns)] = numbers
        return {"X": X}
    inputs = {
        names[j]: np.ascontiguousarray(numbers[:, [k]])
        for k, j in enumerate(encoder.numbers_.columns)
    }
    for column in encoder.categories_:
        texts = _keys(column, frame.texts(at[column.column]))
        inputs[names[column.column]] = np.array(texts, object)[:, None]
    return inputs


def _keys(column: Category, texts: list[str | None]) -> list[str]:
    """Return texts as the graph finds them: levels as in fit, gaps and others told apart."""
    slots, gap = _slots(column), _unused(column)
    keys = []
    for text, slot in zip(texts, column.codes(texts).tolist(), strict=True):
        if text is None:
            keys.append(gap)
        elif 0 <= slot < len(column.levels):
            keys.append(column.levels[slot])
        else:
            keys.append(_unused(column, gap) if text in slots else text)
    return keys


def _unused(column: Category, *used: str) -> str:
    """Return a text that is neither a category of fit nor used otherwise."""
    text = GAP
    while text in column.levels or text in used:
        text += GAP
    return text


def _slots(column: Category) -> dict[str, int]:
    """Return the slot of each text that the graph knows.

    The empty text is a gap, too, unless it was a category in fit.
    """
    gaps = len(column.levels) if column.gaps else -1
    slots = {level: k for k, level in enumerate(column.levels)} | column.other_texts
    return {"": gaps, _unused(column): gaps} | slots


def _one_array(encoder: TableEncoder) -> bool:
    """Whether the table was an array of numbers, and so comes as one input."""
    return not encoder.categories_ and not hasattr(encoder, "feature_names_in_")


def _number_columns(graph: Graph, encoder: TableEncoder) -> str:
    columns = encoder.numbers_.columns
    if _one_array(encoder):
        whole = graph.input("X", np.float64, encoder.n_features_in_)
        return graph.columns(whole, columns)
    names = encoder.column_names
    return graph.join(*(graph.input(names[j], np.float64, 1) for j in columns))


def _numbers(graph: Graph, numbers: Numbers, values: str) -> str:
    """Add the steps of `Numbers.encode`: fill gaps, scale, indicate gaps."""
    add = graph.add
    missing = add("IsNaN", values)
    filled = add("Where", missing, numbers.median, values)
    many = np.flatnonzero(numbers.continuous)
    two = np.flatnonzero(
        ~numbers.continuous
    )  # with robust scaling, after the columns of many values
    z = add("Div", add("Sub", filled, numbers.mean), numbers.scale)
    if numbers.robust:
        scaled = []
        if len(many):
            quantile = numbers.knots.shape[1] > 0
            own = _by_quantiles(graph, numbers, filled, many) if quantile else _clip(graph, z, many)
            scaled.append(own)
        if len(two):
            ends = np.array(-1.0), np.array(1.0)
            scaled.append(add("Clip", graph.columns(z, two), *ends))
        z = graph.join(*scaled)
    parts = []
    if numbers.varies.any():
        parts.append(graph.columns(z, np.flatnonzero(numbers.varies)))
    if numbers.gaps.any():
        parts.append(graph.cast(graph.columns(missing, np.flatnonzero(numbers.gaps)), np.float64))
    return graph.join(*parts)


def _clip(graph: Graph, z: str, many: NDArray[Any]) -> str:
    """Add z / √(1 + (z/3)²); beyond the bound its square would overflow."""
    add = graph.add
    z = add("Clip", graph.columns(z, many), np.array(-1e100), np.array(1e100))
    third = add("Div", z, np.array(3.0))
    return add("Div", z, add("Sqrt", add("Add", add("Mul", third, third), np.array(1.0))))


def _by_quantiles(graph: Graph, numbers: Numbers, filled: str, many: NDArray[Any]) -> str:
    """Add the linear interpolation of scores between the knots of a column, as `numpy.interp`.

    The last knot not above x is found by bisection, for all columns at once: their knots lie in one
    row, those of each column after those of the one before.
    """
    add = graph.add
    knots, scores = numbers.knots[many], numbers.scores[many]
    n, q = knots.shape
    rise, run = np.diff(scores, axis=1), np.diff(knots, axis=1)
    slopes = np.zeros((n, q))  # zero after the last knot and between equal ones
    np.divide(rise, run, out=slopes[:, :-1], where=run > 0)
    x = add("Max", add("Min", graph.columns(filled, many), knots[:, -1]), knots[:, 0])
    row = graph.constant(knots.ravel())
    at = add("Mul", graph.cast(x, np.int64), np.array(0))  # (m, n) zeros
    at = add("Add", at, np.arange(n) * q)
    last = (np.arange(n) + 1) * q - 1
    step = 1 << max(0, (q - 1).bit_length() - 1)
    while step:
        further = add("Min", add("Add", at, np.array(step)), last)
        reached = add("LessOrEqual", add("Gather", row, further), x)
        at = add("Where", reached, further, at)
        step //= 2
    beyond = add("Sub", x, add("Gather", row, at))
    along = add("Mul", beyond, add("Gather", slopes.ravel(), at))
    return add("Add", add("Gather", scores.ravel(), at), along)


def _category(graph: Graph, column: Category, texts: str) -> str:
    """Add the slot of each text, as one-hot, −1 and +1, or code."""
    slots = _slots(column)
    slot = graph.add(
        "LabelEncoder",
        texts,
        domain=ML,
        keys_strings=list(slots),
        values_int64s=list(slots.values()),
        default_int64=column.n_slots - 1 if column.infrequent else -1,
    )
    if column.form == "codes":
        return graph.cast(graph.add("Add", slot, np.array(1)), np.float64)
    if column.form == "binary":
        known = graph.add("GreaterOrEqual", slot, np.array(0))
        sign = graph.add("Sub", graph.add("Mul", slot, np.array(2)), np.array(1))
        return graph.cast(graph.add("Where", known, sign, np.array(0)), np.float64)
    onehot = graph.cast(graph.add("Equal", slot, np.arange(column.n_slots)), np.float64)
    if not column.ranks:
        return onehot
    others = np.zeros(column.n_slots - len(column.levels))
    return graph.join(onehot, graph.add("MatMul", onehot, np.append(column.ranks, others)[:, None]))
