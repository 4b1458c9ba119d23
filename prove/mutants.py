"""Mutation testing: a test should notice when a line of the mathematics is changed.

    python prove/mutants.py [--only MODULE …] [--least 0.9]

mutmut changes the functions of `MUTATED` in thousands of small ways, one at a time, in a copy of
the project below build/mutants, and runs there the tests that reach the function. A change that no
test notices survives. mutants.txt beside this script lists survivors that cannot be noticed: the
function and why, then the lines before and after. The exit status is 1 if fewer than the share
`--least` of the changes of a module are noticed, if one survives that is not listed, or if one is
noticed that is listed: then a test fails for another reason, such as what ran before it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import site
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

ROOT = Path(__file__).parents[1]
WORK = ROOT / "build" / "mutants"
MUTATED = ("equations", "losses", "optimizers", "persistence")
# Quick tests of what is changed; those of random examples find no more, and take most of the time.
TESTS = (
    "tests/mathematics/test_equation_arguments.py",
    "tests/mathematics/test_equations.py",
    "tests/mathematics/test_losses.py",
    "tests/mathematics/test_optimizers.py",
    "tests/persistence/test_damaged_files.py",
    "tests/persistence/test_parts_of_a_file.py",
    "tests/persistence/test_round_trips.py",
    "tests/persistence/test_writing.py",
)
SLOW = (
    "tests/mathematics/test_equations.py::test_any_array_library_and_dtype_kept",
    "tests/mathematics/test_equations.py::test_backpropagation_equals_finite_differences",
    "tests/mathematics/test_losses.py::test_backpropagation_equals_finite_differences",
    "tests/persistence/test_damaged_files.py::test_flipped_bytes",
    "tests/persistence/test_damaged_files.py::test_random_bytes",
    "tests/persistence/test_damaged_files.py::test_every_truncation",
    "tests/persistence/test_round_trips.py::test_round_trip",
)
NOTICED = ("killed", "timeout", "suspicious", "segfault")
SETTINGS = """
[project]
name = "multilayer"
version = "0"

[tool.mutmut]
source_paths = ["src"]
only_mutate = {mutated}
also_copy = ["conftest.py"]
pytest_add_cli_args_test_selection = {tests}
use_git_change_detection = false
track_dependencies = false
timeout_multiplier = 5.0
timeout_constant = 2.0

[tool.pytest.ini_options]
minversion = "9.0"
pythonpath = ["tests"]
addopts = ["--import-mode=importlib", "-p", "no:cacheprovider", "-p", "no:xdist"]
filterwarnings = ["error", "ignore:os.fork:DeprecationWarning"]
"""

# Temporary folders in one place are removed by one process while another does so, or needs them.
CONFTEST = """
import os
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    config.option.basetemp = f"../folders/{os.getpid()}"
"""

Change = tuple[str, str, str]  # the function, its lines before and after


def prepare(modules: Sequence[str]) -> Path:
    """Copy the project, and return a Python that finds the copy and every other package."""
    shutil.rmtree(WORK, ignore_errors=True)
    environment, project = WORK / "venv", WORK / "project"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    packages = next((environment / "lib").glob("python*/site-packages"))
    (packages / "packages.pth").write_text("\n".join(site.getsitepackages()))
    for folder in ("src", "tests"):
        shutil.copytree(
            ROOT / folder, project / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(find_spec("multilayer._native").origin, project / "src" / "multilayer")
    mutated = json.dumps([f"src/multilayer/{module}.py" for module in modules])
    tests = json.dumps([*TESTS, *(f"--deselect={test}" for test in SLOW)])
    (project / "folders").mkdir()
    (project / "conftest.py").write_text(CONFTEST)
    (project / "pyproject.toml").write_text(SETTINGS.format(mutated=mutated, tests=tests))
    return environment / "bin" / "python"


def results(module: str) -> dict[str, str]:
    """Return what became of each mutant of a module, by its name."""
    said = WORK / "project" / "mutants" / "src" / "multilayer" / f"{module}.py.meta"
    if not said.exists():
        return {}
    codes = json.loads(said.read_text())["exit_code_by_key"]
    return {name: status_by_exit_code[code] for name, code in codes.items()}


def change(module: str, name: str) -> Change:
    """Return the change that a mutant is. Unlike its number, it stays when others come or go."""
    with contextlib.chdir(WORK / "project"):
        diff = get_diff_for_mutant(name, path=f"src/multilayer/{module}.py").splitlines()[2:]
    before, after = ("\n".join(x[1:].strip() for x in diff if x[0] == sign) for sign in "-+")
    function = re.sub("^x_?|__mutmut_\\d+$", "", name.rpartition(".")[2]).replace("ǁ", ".")
    return f"{module}.{function.strip('.')}", before, after


def listed() -> Iterator[Change]:
    """Yield the changes that mutants.txt lists."""
    text = (ROOT / "prove" / "mutants.txt").read_text()
    for function, lines in re.findall(r"^([\w.]+):.*\n((?:[-+] .*\n)+)", text, re.MULTILINE):
        before, after = (
            "\n".join(x[2:].strip() for x in lines.splitlines() if x[0] == sign) for sign in "-+"
        )
        yield function, before, after


def main() -> None:
    """Run all, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=MUTATED, default=MUTATED, metavar="MODULE")
    parser.add_argument("--least", type=float, default=0.9, metavar="SHARE")
    given = parser.parse_args()
    begun = time.monotonic()
    python = prepare(given.only)
    log = WORK / "mutmut.log"
    with log.open("w") as said:
        ended = subprocess.run(
            [python, "-m", "mutmut", "run", "--max-children", str(os.cpu_count() or 1)],
            cwd=WORK / "project",
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "MULTILAYER_NUM_THREADS": "1"},
            check=False,
        )
    excused, failed = set(listed()), False
    for module in given.only:
        found = results(module)
        if not found or "not checked" in found.values():
            said = log.read_text()[-300:]
            raise SystemExit(f"mutmut ended with status {ended.returncode} before all:\n{said}")
        survivors = {name: status for name, status in found.items() if status not in NOTICED}
        noticed = len(found) - len(survivors)
        print(f"mutants of {module}: {noticed} of {len(found)} noticed, {noticed / len(found):.1%}")
        failed |= noticed < given.least * len(found)
        changes = {name: change(module, name) for name in found}
        for name, (function, before, after) in changes.items():
            if (name in survivors) != (changes[name] in excused):
                failed = True
                lines = before.replace("\n", "\n- "), after.replace("\n", "\n+ ")
                print(f"{function}: {found[name]}\n- {lines[0]}\n+ {lines[1]}")
    print(f"mutants: {time.monotonic() - begun:.0f} s")
    sys.exit(failed)


if __name__ == "__main__":
    main()
