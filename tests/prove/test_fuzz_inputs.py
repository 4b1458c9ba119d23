"""Every seed of a fuzzer, and every input that once broke something, is harmless now."""

import importlib.util
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[2] / "prove" / "fuzz"
INPUTS = sorted(path for path in FUZZ.glob("inputs/*/*/*") if path.parts[-3] != "engine")


def load(target):
    """Import a target by its path; it is no part of the package."""
    spec = importlib.util.spec_from_file_location(f"fuzz_{target}", FUZZ / f"{target}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=sorted({path.parts[-3] for path in INPUTS}))
def target(request):
    return request.param, load(request.param).one_input


def test_inputs_are_harmless(target):
    name, one_input = target
    inputs = [path for path in INPUTS if path.parts[-3] == name]
    assert {path.parts[-2] for path in inputs} == {"seeds", "found"}
    for path in inputs:
        one_input(path.read_bytes())
