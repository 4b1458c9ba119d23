"""Compare prediction of one row and of a million rows, the time of import, the memory of a fit."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
SIZES = (20, 64, 64, 2)

MEMORY = r"""
import re, numpy as np
from multilayer import MLPClassifier
def memory(what):
    with open("/proc/self/status") as status:
        return int(re.search(what + r":\s+(\d+)", status.read())[1]) / 1024
X = np.random.default_rng(0).standard_normal((1_000_000, 50), dtype=np.float32)
y = (X[:, 0] > 0).astype(np.int64)
MLPClassifier((4,), max_iter=1).fit(X[:1000], y[:1000])
with open("/proc/self/clear_refs", "w") as peak:
    peak.write("5")  # resets the peak
before = memory("VmRSS")
MLPClassifier((64, 64), solver={solver!r}, max_iter=2, n_iter_no_change=9).fit(X, y)
print(memory("VmHWM") - before)
"""


def median_seconds(call: Callable[[], object], rounds: int = 7, budget: float = 0.2) -> float:
    """Return the median over rounds of the mean time of a call."""
    call()
    start = time.perf_counter()
    call()
    repeats = max(1, int(budget / (time.perf_counter() - start)))
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        times.append((time.perf_counter() - start) / repeats)
    return statistics.median(times)


def onnx_model(coefs: list[np.ndarray], intercepts: list[np.ndarray]) -> bytes:
    """Write the network as ONNX: Gemm and Relu, then Softmax."""
    from onnx import TensorProto, checker, helper, numpy_helper

    nodes, constants, value = [], [], "X"
    for layer, (W, b) in enumerate(zip(coefs, intercepts, strict=True)):
        constants += [numpy_helper.from_array(np.ascontiguousarray(W), f"W{layer}")]
        constants += [numpy_helper.from_array(np.ascontiguousarray(b), f"b{layer}")]
        last = layer == len(coefs) - 1
        nodes.append(helper.make_node("Gemm", [value, f"W{layer}", f"b{layer}"], [f"z{layer}"]))
        value = "H" if last else f"a{layer}"
        nodes.append(helper.make_node("Softmax" if last else "Relu", [f"z{layer}"], [value]))
    shape = {"X": [None, coefs[0].shape[0]], "H": [None, coefs[-1].shape[1]]}
    X, H = (helper.make_tensor_value_info(n, TensorProto.FLOAT, shape[n]) for n in "XH")
    graph = helper.make_graph(nodes, "mlp", [X], [H], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    checker.check_model(model)
    return model.SerializeToString()


def contenders(X: np.ndarray, y: np.ndarray) -> dict[str, Callable[[np.ndarray], object]]:
    import onnxruntime
    import sklearn.neural_network
    import torch

    import multilayer

    settings = {"hidden_layer_sizes": SIZES[1:-1], "max_iter": 1, "random_state": 0}
    ours = multilayer.MLPClassifier(output_activation="softmax", **settings).fit(X, y)
    theirs = sklearn.neural_network.MLPClassifier(**settings).fit(X, y)
    layers = []
    for W, b in zip(ours.coefs_, ours.intercepts_, strict=True):
        linear = torch.nn.Linear(*W.shape)
        linear.weight.data, linear.bias.data = torch.tensor(W.T), torch.tensor(b)
        layers += [linear, torch.nn.ReLU()]
    module = torch.nn.Sequential(*layers[:-1], torch.nn.Softmax(dim=1)).eval()
    session = onnxruntime.InferenceSession(onnx_model(ours.coefs_, ours.intercepts_))

    def by_torch(X: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return module(torch.from_numpy(X)).numpy()

    return {
        "Network.forward": ours.network_.forward,
        "MLPClassifier.predict_proba": ours.predict_proba,
        "scikit-learn's predict_proba": theirs.predict_proba,
        "PyTorch": by_torch,
        "ONNX Runtime": lambda X: session.run(None, {"X": X}),
    }


def import_seconds(module: str) -> float:
    command = [sys.executable, "-c", f"import {module}"]
    times = []
    for _ in range(7):
        start = time.perf_counter()
        subprocess.run(command, check=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    warnings.simplefilter("ignore")
    rng = np.random.RandomState(0)
    X = rng.randn(1_000_000, SIZES[0]).astype(np.float32)
    y = (X[:, 0] + X[:, 1] > 0).astype(np.int64)
    results: dict[str, dict[str, float]] = {}
    lines = ["| 20-64-64-2, float32 | one row | a million rows |", "|---|--:|--:|"]
    for name, predict in contenders(X[:1000], y[:1000]).items():
        one, million = median_seconds(lambda p=predict: p(X[:1])), 0.0
        million = median_seconds(lambda p=predict: p(X), rounds=5)
        results[name] = {"one row": one, "a million rows": million}
        lines.append(f"| {name} | {one * 1e6:.1f} µs | {million * 1e3:.0f} ms |")
    imports = {m: import_seconds(m) for m in ("multilayer", "sklearn.neural_network")}
    lines += ["", "Import: " + ", ".join(f"{m} {s:.2f} s" for m, s in imports.items()) + "."]
    memory = {}
    for solver in ("gd", "adam"):
        with tempfile.TemporaryDirectory() as elsewhere:
            command = [sys.executable, "-W", "ignore", "-c", MEMORY.format(solver=solver)]
            done = subprocess.run(command, check=True, capture_output=True, cwd=elsewhere)
        memory[solver] = float(done.stdout)
    cells = ", ".join(f"{solver} {megabytes:.0f} MB" for solver, megabytes in memory.items())
    lines += [f"Memory of a fit on a million rows × 50, in addition to the data: {cells}."]
    (HERE / "results").mkdir(exist_ok=True)
    whole = {"seconds": results, "import": imports, "fit memory, MB": memory}
    (HERE / "results" / "prediction.json").write_text(json.dumps(whole, indent=1) + "\n")
    (HERE / "results" / "prediction.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
