"""to_python, to_c: a small network as source code without dependencies."""

from __future__ import annotations

import textwrap
from importlib.metadata import version
from typing import Any

import numpy as np

from multilayer.activations import LEAK, SELU_ALPHA, SELU_SCALE
from multilayer.estimators.targets import ClassTargets
from multilayer.export.parts import Member, ModelParts, RegressionTarget, check_text, take_apart
from multilayer.outputs import parts as groups_of
from multilayer.persistence import FilePath, write_whole

__all__ = ["to_c", "to_python"]

# g(z) as an expression of z, in Python and, with the functions of <tgmath.h>, in C.
_PYTHON = {
    "identity": "z",
    "logistic": "1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))",
    "tanh": "math.tanh(z)",
    "relu": "max(z, 0.0)",
    "leaky_relu": f"z if z > 0 else {LEAK} * z",
    "elu": "z if z > 0 else math.expm1(z)",
    "selu": f"{SELU_SCALE} * (z if z > 0 else {SELU_ALPHA} * math.expm1(z))",
    "softplus": "max(z, 0.0) + math.log1p(math.exp(-abs(z)))",
    "gelu": "0.5 * z * (1 + math.erf(z * math.sqrt(0.5)))",
    "silu": "z * logistic(z)",
    "mish": "z * math.tanh(softplus(z))",
    "exp": "math.exp(z) if z < 709.782712893384 else math.inf",  # where Python would raise
}
_C = {
    "identity": "z",
    "logistic": "1 / (1 + exp(-z))",
    "tanh": "tanh(z)",
    "relu": "z > 0 ? z : 0",
    "leaky_relu": f"z > 0 ? z : (real){LEAK} * z",
    "elu": "z > 0 ? z : expm1(z)",
    "selu": f"(real){SELU_SCALE} * (z > 0 ? z : (real){SELU_ALPHA} * expm1(z))",
    "softplus": "(z > 0 ? z : 0) + log1p(exp(-fabs(z)))",
    "gelu": "z / 2 * (1 + erf(z * (real)0.7071067811865476))",
    "silu": "z * g_logistic(z)",
    "mish": "z * tanh(g_softplus(z))",
    "exp": "exp(z)",
}
_NEEDS = {"silu": ("logistic",), "mish": ("softplus",)}


def to_python(model: Any, path: FilePath | None = None) -> str:
    """Export a network as a Python module that imports nothing but `math`.

    Parameters
    ----------
    model : Network, MLPClassifier or MLPRegressor
        Fitted; or a pipeline that ends with one, after scikit-learn's scalers.
    path : path-like, optional
        A file to write.

    Returns
    -------
    str
        The source code: ``forward(x)`` for a `Network`, ``predict(x)`` and for classes
        ``predict_proba(x)``, where x is one row, a sequence of numbers. It computes in float64.

    Raises
    ------
    TypeError
        If the model is of another kind: raw tables and embeddings need more than a few lines.
    ValueError
        If a weight is NaN or infinite.
    NotFittedError

    Examples
    --------
    >>> from multilayer import Network
    >>> from multilayer.export import to_python
    >>> module = {}
    >>> exec(to_python(Network((2, 1), thetas=[[[0.0, 1.0, 1.0]]])), module)
    >>> module["forward"]([0.0, 0.0])
    [0.5]
    """
    parts, member = _single_network(model)
    lines = [f'"""{_title(parts, member)}"""', "", "import math"]
    for name in _units(member):
        lines += ["", "", f"def {name}(z):", f"    return {_PYTHON[name]}"]
    lines += [
        "",
        "",
        "# For each layer the activation function, and a row for each unit: bias, weights.",
    ]
    lines += ["LAYERS = ["]
    for theta, name in zip(member.thetas, _functions(member), strict=True):
        rows = ",\n        ".join(_row(row, "[]") for row in theta)
        lines.append(f"    ({name}, [\n        {rows},\n    ]),")
    lines += ["]", "", "", "def forward(x):", "    a = [float(v) for v in x]"]
    lines += ["    for g, theta in LAYERS:"]
    lines += ["        a = [g(row[0] + sum(w * v for w, v in zip(row[1:], a))) for row in theta]"]
    lines += [*_python_softmax(member), "    return a", *_python_target(parts, member), ""]
    return _write("\n".join(lines), path)


def to_c(model: Any, path: FilePath | None = None, *, name: str = "network") -> str:
    """Export a network as a C file (C99) that needs only the mathematics library.

    Parameters
    ----------
    model : as for `to_python`
    path : path-like, optional
        A file to write.
    name : str, default="network"
        The prefix of the names of its functions.

    Returns
    -------
    str
        The source code: ``network_forward(x, h)`` for a `Network`; ``network_predict(x, y)`` for a
        regressor; ``network_predict_proba(x, p)`` for a classifier and, if a row has one label,
        ``network_predict(x)``, which returns the index of the class in ``network_classes``. x is
        one row. Numbers are float or double, the type in which the model computes.

    Raises
    ------
    ValueError
        If the name cannot be part of an identifier in C, a weight is NaN or infinite, or a class
        is a text that C cannot hold.
    TypeError
        As for `to_python`.
    NotFittedError
    """
    if not (name.isascii() and name.isidentifier()):
        raise ValueError(f"name must be letters, digits and underscores, but is {name!r}")
    parts, member = _single_network(model)
    real = "float" if parts.dtype == np.float32 else "double"
    n, K = member.n_columns, member.n_outputs
    lines = [
        f"/* {_title(parts, member)}",
        "   Compile with -lm. */",
        "",
        "#include <tgmath.h>",
        "",
    ]
    lines += [f"typedef {real} real;"]
    for unit in _units(member):
        lines += ["", f"static real g_{unit}(real z) {{ return {_C[unit]}; }}"]
    lines += ["", "/* A row for each unit: bias, weights. */"]
    for l, theta in enumerate(member.thetas, start=1):
        rows = ",\n    ".join(_row(row, "{}") for row in theta)
        shape = f"[{len(theta)}][{theta.shape[1]}]"
        lines.append(f"static const real theta{l}{shape} = {{\n    {rows}}};")
    lines += [
        "",
        f"void {name}_forward(const real x[{n}], real h[{K}]) {{",
        "    const real *a = x;",
    ]
    for l, (theta, unit) in enumerate(zip(member.thetas, _functions(member), strict=True), start=1):
        rows, width = theta.shape
        last = l == len(member.thetas)
        into = "h" if last else f"a{l + 1}"
        lines += [] if last else [f"    real {into}[{rows}];"]
        lines += [f"    for (int j = 0; j < {rows}; j++) {{", f"        real z = theta{l}[j][0];"]
        lines += [f"        for (int i = 1; i < {width}; i++) z += theta{l}[j][i] * a[i - 1];"]
        lines += [f"        {into}[j] = g_{unit}(z);", "    }"]
        lines += [] if last else [f"    a = {into};"]
    lines += [*_c_softmax(member), "}", *_c_target(parts, member, name), ""]
    return _write("\n".join(lines), path)


def _single_network(model: Any) -> tuple[ModelParts, Member]:
    parts = take_apart(model)
    if parts.encoder is not None:
        raise TypeError(
            "a model of raw tables cannot be exported as source code: use to_onnx, which includes "
            "the encoder, or export only the network after the encoder"
        )
    (member,) = parts.members
    return parts, member


def _title(parts: ModelParts, member: Member) -> str:
    sizes = "-".join(str(theta.shape[1] - 1) for theta in member.thetas)
    return f"A network {sizes}-{member.n_outputs}, written by multilayer {version('multilayer')}."


def _functions(member: Member) -> list[str]:
    """Return the name of each layer's function; softmax comes after its layer."""
    output = member.output
    return [*member.hidden, output if output in ("logistic", "exp") else "identity"]


def _units(member: Member) -> list[str]:
    """Return the names of the functions needed, each after those that it calls."""
    names: dict[str, None] = {}
    for name in _functions(member):
        names |= dict.fromkeys((*_NEEDS.get(name, ()), name))
    return list(names)


def _row(numbers: Any, brackets: str) -> str:
    """Format numbers so that they are read back to the last bit."""
    text = ", ".join(repr(float(v)) if v.dtype == float else f"{v:.9g}" for v in numbers)
    wrapped = "\n         ".join(textwrap.wrap(text, 88))
    return f"{brackets[0]}{wrapped}{brackets[1]}"


def _groups(member: Member) -> list[slice]:
    """Return the groups of units that share a softmax."""
    if member.output in ("logistic", "identity", "exp"):
        return []
    return groups_of(member.output, member.n_outputs)


def _python_softmax(member: Member) -> list[str]:
    lines = []
    for group in _groups(member):
        part = f"a[{group.start}:{group.stop}]"
        lines += [f"    t = [math.exp(z - max({part})) for z in {part}]"]
        lines += [f"    {part} = [v / sum(t) for v in t]"]
    return lines


def _python_target(parts: ModelParts, member: Member) -> list[str]:
    target = parts.target
    if parts.raw:
        return []
    if isinstance(target, RegressionTarget):
        one = "[0]" * (member.n_outputs == 1)
        return ["", "", "def predict(x):", f"    return forward(x){one}"]
    lines = ["", "", f"CLASSES = {[labels.tolist() for labels in target.columns]!r}"]
    lines += ["", "", "def predict_proba(x):", "    h = forward(x)"]
    lines += [f"    return {_python_probabilities(target, member)}", "", "", "def predict(x):"]
    if target.kind == "multilabel-indicator":
        return [*lines, "    return [int(p > 0.5) for p in forward(x)]"]
    if target.kind == "multiclass-multioutput":
        chosen = "classes[p.index(max(p))] for classes, p in zip(CLASSES, predict_proba(x))"
        return [*lines, f"    return [{chosen}]"]
    if member.n_outputs == 1:
        place = "int(forward(x)[0] > 0.5)" if len(target.classes) > 1 else "0"
        return [*lines, f"    return CLASSES[0][{place}]"]
    return [*lines, "    h = forward(x)", "    return CLASSES[0][h.index(max(h))]"]


def _python_probabilities(target: ClassTargets, member: Member) -> str:
    if target.kind == "multiclass-multioutput":
        return "[" + ", ".join(f"h[{g.start}:{g.stop}]" for g in _groups(member)) + "]"
    if target.kind == "multilabel-indicator" or member.output == "softmax":
        return "h"
    if member.n_outputs == 1:
        return "[1 - h[0], h[0]]" if len(target.classes) > 1 else "[1.0]"
    return "[p / sum(h) if sum(h) > 0 else 1 / len(h) for p in h]"


def _c_softmax(member: Member) -> list[str]:
    lines = []
    for group in _groups(member):
        loop = f"for (int k = {group.start}; k < {group.stop}; k++)"
        lines += ["    {", f"        real most = h[{group.start}], sum = 0;"]
        lines += [f"        {loop} if (h[k] > most) most = h[k];"]
        lines += [f"        {loop} sum += h[k] = exp(h[k] - most);"]
        lines += [f"        {loop} h[k] /= sum;", "    }"]
    return lines


def _c_target(parts: ModelParts, member: Member, name: str) -> list[str]:
    n, K, target = member.n_columns, member.n_outputs, parts.target
    if parts.raw:
        return []
    if isinstance(target, RegressionTarget):
        head = f"void {name}_predict(const real x[{n}], real y[{K}])"
        return ["", f"{head} {{ {name}_forward(x, y); }}"]
    width = len(target.classes) if target.one_label else K
    lines = ["", f"void {name}_predict_proba(const real x[{n}], real p[{width}]) {{"]
    if target.one_label and K == 1:
        one = ["    p[1] = h[0];", "    p[0] = 1 - p[1];"] if width > 1 else ["    p[0] = 1;"]
        lines += ["    real h[1];", f"    {name}_forward(x, h);", *one, "}"]
    else:
        lines += [f"    {name}_forward(x, p);"]
        if target.one_label and member.output == "logistic":
            loop = f"for (int k = 0; k < {K}; k++)"
            lines += ["    real sum = 0;", f"    {loop} sum += p[k];"]
            lines += [f"    {loop} p[k] = sum > 0 ? p[k] / sum : (real)1 / {K};"]
        lines += ["}"]
    if not target.one_label:
        return lines
    labels = ", ".join(
        _c_text(check_text("a class", str(label))) for label in target.classes.tolist()
    )
    lines += ["", f"const char *const {name}_classes[{width}] = {{{labels}}};"]
    lines += ["", f"int {name}_predict(const real x[{n}]) {{", f"    real p[{width}];"]
    lines += [f"    {name}_predict_proba(x, p);", "    int best = 0;"]
    lines += [f"    for (int k = 1; k < {width}; k++) if (p[k] > p[best]) best = k;"]
    return [*lines, "    return best;", "}"]


def _c_text(text: str) -> str:
    """Return a text as a string literal of C, whatever it holds."""
    plain = [
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in text.encode()
    ]
    return '"' + "".join(plain) + '"'


def _write(text: str, path: FilePath | None) -> str:
    if path is not None:
        write_whole(path, text.encode())
    return text
