"""Run small fits under valgrind's memcheck: native code reads what was written, where it may.

    python prove/memory.py

Valgrind translates AVX2, not AVX-512, so the fits run with MULTILAYER_ISA=avx2. CPython, NumPy and
SciPy have findings of their own under it; only those count that have the native engine in their
stack. The exit status is 1 if there is one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

import multilayer._native

FITS = """
import numpy as np
from scipy import sparse
from multilayer import MLPClassifier, MLPRegressor, TabularClassifier

rng = np.random.RandomState(0)
X = rng.randn(37, 3)
y = (X[:, 0] > 0).astype(int)
for solver in "sgd", "adam", "rmsprop", "rprop", "lion", "nadam", "adamw", "lbfgs":
    clf = MLPClassifier((5, 3), solver=solver, max_iter=3, early_stopping=solver == "adam")
    clf.fit(X, y).predict(X[:1])
Z = X.astype(np.float32)
MLPRegressor(hidden_layer_sizes=5, max_iter=3, dropout=0.5, clip_norm=1.0).fit(Z, Z)
MLPClassifier(5, max_iter=3).fit(sparse.csr_array(np.maximum(X, 0)), y)
TabularClassifier(hidden_layer_sizes=8, max_iter=2, n_members=1).fit(X, y).predict_proba(X)
"""


def found_by_valgrind() -> tuple[list[str], int]:
    """Return what valgrind says of the native engine, and how much it found elsewhere."""
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        words = [
            "valgrind",
            "--xml=yes",
            f"--xml-file={report}",
            "--num-callers=30",
        ]
        environment = {
            **os.environ,
            "PYTHONMALLOC": "malloc",  # else small objects share what valgrind watches
            "MULTILAYER_ISA": "avx2",
            "MULTILAYER_NUM_THREADS": "2",
            "OPENBLAS_NUM_THREADS": "1",
            "OPENBLAS_CORETYPE": "Haswell",
        }
        code = [sys.executable, "-W", "ignore", "-c", FITS]
        subprocess.run([*words, *code], env=environment, check=True)
        errors = [
            error
            for error in ElementTree.parse(report).getroot().findall("error")
            # Its XML always lists what is alive when Python ends, which nobody frees.
            if not (error.findtext("kind") or "").startswith("Leak_")
        ]
    ours, native = [], Path(multilayer._native.__file__).name
    for error in errors:
        frames = list(error.iter("frame"))
        if any((frame.findtext("obj") or "").endswith(native) for frame in frames):
            what = error.findtext("what") or error.findtext("xwhat/text") or "an error"
            where = " < ".join(frame.findtext("fn") or "?" for frame in frames[:6])
            ours.append(f"{what}: {where}")
    return ours, len(errors) - len(ours)


def main() -> None:
    """Run the fits under valgrind, and say what it found."""
    begun = time.monotonic()
    ours, others = found_by_valgrind()
    seconds = time.monotonic() - begun
    print(f"valgrind: {len(ours)} of the engine, {others} of other libraries, in {seconds:.0f} s")
    print(*(f"  {error}" for error in ours), sep="\n", end="\n" if ours else "")
    sys.exit(bool(ours))


if __name__ == "__main__":
    main()
