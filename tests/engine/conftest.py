"""The instruction sets that the tests of the arithmetic run with."""

import pytest
from cases import INSTRUCTION_SETS, instruction_set, use_instruction_set


@pytest.fixture(params=INSTRUCTION_SETS, scope="module")
def isa(request):
    """Each instruction set that this processor has, in use during the tests of a file."""
    before = instruction_set()
    use_instruction_set(request.param)
    yield request.param
    use_instruction_set(before)
