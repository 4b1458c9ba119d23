"""Compare the time of an epoch: multilayer, scikit-learn, PyTorch, JAX and plain NumPy.

The libraries alternate on every shape for several rounds, each in a process of its own. The result
is the median of the rounds. The peak of the machine is measured in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from contenders import CONTENDERS
from shapes import SHAPES, Shape

HERE = Path(__file__).parent
PEERS = ("scikit-learn", "PyTorch", "JAX")
LIMITS = [f"{own}_NUM_THREADS" for own in ("MULTILAYER", "OMP", "OPENBLAS", "MKL")]
WITH_THREADS = (
    "scikit-learn",
    "PyTorch",
)  # measured with one thread and with all; the better counts


class Contender:
    """A worker process that measures n epochs of a shape."""

    def __init__(self, name: str) -> None:
        name, _, threads = name.partition(", ")
        environment = dict.fromkeys(LIMITS, threads.removesuffix(" thread")) if threads else {}
        self.process = subprocess.Popen(
            [sys.executable, HERE / "contenders.py", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )

    def seconds(self, shape: Shape, epochs: int) -> float | None:
        """Return the time of n epochs, or None if the library cannot run this shape."""
        try:
            self.process.stdin.write(f"{shape.name}\t{epochs}\n".encode())
            self.process.stdin.flush()
            return float(self.process.stdout.readline())
        except (BrokenPipeError, ValueError):
            return None


def peak() -> dict[str, list[float]]:
    """Measure GFLOP/s of fused multiply-adds for each dtype, with one thread and with all."""
    program = HERE / "results" / "peak"
    program.parent.mkdir(exist_ok=True)
    flags = ["-O3", "-march=native", "-std=gnu++20", "-pthread"]
    subprocess.run(["g++", *flags, HERE / "peak.cpp", "-o", program], check=True)
    rates = json.loads(subprocess.run([program], check=True, capture_output=True).stdout)
    program.unlink()
    return rates


def measure(shapes: list[Shape], rounds: int, budget: float) -> dict[str, dict[str, float]]:
    """Return the median seconds per epoch, by shape and library."""
    results: dict[str, dict[str, float]] = {}
    for shape in shapes:
        names = [n for n in CONTENDERS if shape.full_batch or n != "NumPy (notebook)"]
        # Small networks are faster with one thread.
        names += [f"{name}, 1 thread" for name in ("multilayer", *WITH_THREADS)]
        contenders = {name: Contender(name) for name in names}
        epochs, times = {}, {name: [] for name in names}
        for name, contender in list(contenders.items()):
            n, taken = (100 if shape.full_batch else 1), 0.0
            contender.seconds(shape, n)  # compiles, warms up
            while True:
                taken = contender.seconds(shape, n)
                if taken is None:
                    raise SystemExit(f"{name} failed on {shape.name}")
                if taken > budget / 2:
                    break
                n = int(n * min(10, max(2, budget / taken)))
            epochs[name] = n
        for _ in range(rounds):
            for name, contender in contenders.items():
                times[name].append(contender.seconds(shape, epochs[name]) / epochs[name])
        for contender in contenders.values():
            contender.process.kill()
            contender.process.wait()
        best = {name: statistics.median(values) for name, values in times.items()}
        for peer in WITH_THREADS:
            best[peer] = min(best[peer], best.pop(f"{peer}, 1 thread"))
        if not shape.full_batch:  # JAX leaves the last, smaller batch out
            best["JAX"] *= shape.rows / (shape.rows // shape.batch * shape.batch)
        results[shape.name] = best
        row = "  ".join(f"{name} {seconds * 1e3:.3f}" for name, seconds in best.items())
        print(f"{shape.name}: {row} ms", file=sys.stderr, flush=True)
    return results


def geometric_mean(values: list[float]) -> float:
    return statistics.geometric_mean(values)


def table(results: dict[str, dict[str, float]], peaks: dict[str, list[float]]) -> str:
    """Write Markdown: milliseconds, GFLOP/s, ratios, and the mean and worst of the ratios."""
    lines = [
        "| one epoch of | multilayer | scikit-learn | PyTorch | JAX | GFLOP/s | of the peak "
        "| all threads × one | × scikit-learn | × PyTorch | × JAX |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    shapes = {shape.name: shape for shape in SHAPES}
    ratios: dict[str, list[float]] = {peer: [] for peer in PEERS}
    for name, best in results.items():
        shape, own = shapes[name], best["multilayer"]
        rate = shape.flop / own / 1e9
        for peer in PEERS:
            ratios[peer].append(best[peer] / own)
        cells = [f"{best[n] * 1e3:.3g} ms" for n in ("multilayer", *PEERS)]
        cells += [f"{rate:.0f}", f"{rate / peaks[shape.dtype][1]:.0%}"]
        cells += [f"{best['multilayer, 1 thread'] / own:.2f}"]
        cells += [f"{ratios[peer][-1]:.1f}" for peer in PEERS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    for label, of in (("geometric mean", geometric_mean), ("worst", min)):
        cells = [""] * 7 + [f"{of(ratios[peer]):.1f}" for peer in PEERS]
        lines.append(f"| **{label}** | " + " | ".join(cells) + " |")
    notebooks = [
        f"{name}: {best['NumPy (notebook)'] / best['multilayer']:.0f} times the notebook's NumPy"
        for name, best in results.items()
        if "NumPy (notebook)" in best
    ]
    return "\n".join([*lines, "", "; ".join(notebooks) + "."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each library")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a round")
    parser.add_argument("--only", nargs="*", help="names of shapes")
    options = parser.parse_args()
    shapes = [shape for shape in SHAPES if not options.only or shape.name in options.only]
    start, peaks = time.perf_counter(), peak()
    results = measure(shapes, options.rounds, options.seconds)
    text = table(results, peaks)
    whole = {"peak GFLOP/s (one thread, all)": peaks, "seconds an epoch": results}
    (HERE / "results" / "training.json").write_text(json.dumps(whole, indent=1) + "\n")
    (HERE / "results" / "training.md").write_text(text + "\n")
    print(text)
    print(f"\nPeak: {peaks}; {time.perf_counter() - start:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
