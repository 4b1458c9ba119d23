"""An instruction set can be chosen, for a process or within it."""

import numpy as np
import pytest
from cases import INSTRUCTION_SETS, instruction_set, run_python, use_instruction_set

from multilayer import Network


def test_the_most_capable_one_is_the_default():
    assert instruction_set() == INSTRUCTION_SETS[-1]


@pytest.mark.parametrize("name", INSTRUCTION_SETS)
def test_forced_by_the_environment(name):
    run = run_python("from cases import instruction_set as i; print(i())", MULTILAYER_ISA=name)
    assert run.stdout.strip() == name


def test_the_one_in_use_computes(isa):
    """SSE2 rounds products before it adds them; all others fuse, and compute the same bits."""
    assert instruction_set() == isa
    X = np.random.RandomState(0).randn(500, 70)
    network = Network((70, 130, 3), "gelu", random_state=0)
    used = network.gradient(X, np.arange(500) % 3)
    for other in INSTRUCTION_SETS:
        use_instruction_set(other)
        gradient = network.gradient(X, np.arange(500) % 3)
        use_instruction_set(isa)
        same = all((a == b).all() for a, b in zip(used, gradient, strict=True))
        assert same == ((other == "sse2") == (isa == "sse2"))


def test_unknown_instruction_set():
    run = run_python("import multilayer", MULTILAYER_ISA="mmx")
    assert run.returncode != 0
    assert "MULTILAYER_ISA must be one of" in run.stderr
    before = instruction_set()
    with pytest.raises(ValueError, match="must be one of"):
        use_instruction_set("mmx")
    assert instruction_set() == before
