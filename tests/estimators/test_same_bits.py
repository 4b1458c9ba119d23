"""The same input and seed give the same bits, whatever the threads, BLAS and the processor."""

import json
import os
import platform
import subprocess
import sys

import pytest
from cases import INSTRUCTION_SETS, TESTS
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

# What NumPy chooses by the processor, from the least to the newest.
DISPATCHED = [name for name in __cpu_dispatch__ if __cpu_features__[name]]
AVX512 = "avx512" in INSTRUCTION_SETS
KERNELS = {
    "x86_64": ("Haswell", "SkylakeX" if AVX512 else "Nehalem"),
    "aarch64": ("ARMV8", "NEOVERSEN1"),
}.get(platform.machine(), ("", ""))


def threads(ours, of_blas):
    return {"MULTILAYER_NUM_THREADS": str(ours), "OPENBLAS_NUM_THREADS": str(of_blas)}


BASE = threads(1, 1) | {"OPENBLAS_CORETYPE": KERNELS[0]}
SETTINGS = {
    "threads": threads(2, 4),
    "other numbers of threads": threads(4, 2),
    "NumPy without SIMD": {"NPY_DISABLE_CPU_FEATURES": " ".join(DISPATCHED)},
    "another processor": {  # all but SSE2 have fused multiply-adds
        "NPY_DISABLE_CPU_FEATURES": " ".join(DISPATCHED[1:]),
        "OPENBLAS_CORETYPE": KERNELS[1],
        "MULTILAYER_ISA": "avx2" if AVX512 else INSTRUCTION_SETS[-1],
    },
}
# L-BFGS is SciPy's, whose sums depend on the kernel of BLAS, though not on its threads.
BY_KERNEL = {"classifier lbfgs", "regressor lbfgs", "lbfgs wide"}


def digests(settings):
    """Run the fits under settings of the environment, where nothing else is set."""
    names = ("OPENBLAS_", "NPY_", "MULTILAYER_")
    inherited = {name: x for name, x in os.environ.items() if not name.startswith(names)}
    run = subprocess.run(
        [sys.executable, "same_bits_cases.py"],
        cwd=TESTS,
        env=inherited | BASE | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.fixture(scope="module")
def expected():
    return digests({})


@pytest.mark.parametrize("name", SETTINGS)
def test_same_bits(name, expected):
    found = digests(SETTINGS[name])
    differ = {fit for fit in expected if found[fit] != expected[fit]}
    assert differ <= (BY_KERNEL if "OPENBLAS_CORETYPE" in SETTINGS[name] else set())
