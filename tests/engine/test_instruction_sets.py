"""Every instruction set passes the same tests, and an environment variable chooses one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cases import ISA, ISAS, run_python

HERE = Path(__file__).parent
# The tests of the arithmetic: files, and which of their tests.
ARITHMETIC = {
    "functions": (["test_math.py"], "float"),
    "dense": (["test_gradient.py", "test_training.py"], "test_gradient or step_by_step or bits"),
    "sparse": (["test_sparse.py"], "not interrupt and not bad_input and not divergence"),
    "losses": (["test_losses.py"], "not bad_input"),
    "dropout": (["test_dropout.py"], "not bad_input"),
    "embedding": (["test_embedding.py"], "gradient_equals or forward or training_equals"),
}


@pytest.mark.parametrize("isa", [isa for isa in ISAS if isa != ISA])
@pytest.mark.parametrize("name", ARITHMETIC)
def test_every_instruction_set(isa, name):
    """These tests again, in a process made to use another instruction set."""
    files, which = ARITHMETIC[name]
    paths = [str(HERE / file) for file in files]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths, "-k", which],
        env=os.environ | {"MULTILAYER_ISA": isa},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout


def test_forced_instruction_set():
    for isa in ISAS:
        run = run_python("from cases import ISA; print(ISA)", MULTILAYER_ISA=isa)
        assert run.stdout.strip() == isa


def test_unknown_instruction_set():
    run = run_python("import multilayer", MULTILAYER_ISA="mmx")
    assert run.returncode != 0
    assert "MULTILAYER_ISA must be one of" in run.stderr
