"""Every seed of a fuzzer, and every input that once broke something, is harmless now."""

import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[2] / "prove" / "fuzz"
TARGETS = sorted(path.name for path in (FUZZ / "inputs").iterdir())


@pytest.mark.parametrize("target", [target for target in TARGETS if target != "engine"])
def test_inputs_are_harmless(target):
    # In a process of its own: a target may set limits, and reads whatever the inputs are.
    words = [sys.executable, "-W", "ignore", str(FUZZ / "run.py"), "--replay", target]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr  # which polars writes to when it panics
    assert int(done.stdout.split()[1]) >= 10
