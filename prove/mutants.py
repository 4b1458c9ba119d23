"""Mutation testing: is there a test that notices when a line of the mathematics is changed?

    python prove/mutants.py [--least 0.9]

mutmut changes the functions of `MUTATED` in thousands of small ways, one at a time, in a copy of the
project below build/mutants, and runs there the tests that reach the function. A change that no test
notices survives. mutants.txt beside this script lists survivors that cannot be noticed, and why.
The exit status is 1 if fewer than the share `--least` of the changes are noticed, or if one survives
that is not listed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import site
import subprocess
import sys
import time
from pathlib import Path

import multilayer._native

ROOT = Path(__file__).parents[1]
WORK = ROOT / "build" / "mutants"
MUTATED = ("equations", "losses", "optimizers", "persistence")
TESTS = ("tests/mathematics", "tests/persistence", "tests/engine/test_losses.py")
SETTINGS = f"""
[project]
name = "multilayer"
version = "0"

[tool.mutmut]
source_paths = ["src"]
only_mutate = {[f"src/multilayer/{module}.py" for module in MUTATED]}
pytest_add_cli_args_test_selection = {list(TESTS)}
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


def prepare() -> Path:
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
    shutil.copy(multilayer._native.__file__, project / "src" / "multilayer")
    (project / "pyproject.toml").write_text(SETTINGS)
    return environment / "bin" / "python"


def results(python: Path) -> dict[str, str]:
    """Return what became of each mutant, by its name."""
    listed = subprocess.run(
        [python, "-m", "mutmut", "results", "--all", "true"],
        cwd=WORK / "project",
        capture_output=True,
        text=True,
        check=True,
    )
    lines = (line.strip().rsplit(": ", 1) for line in listed.stdout.splitlines() if ": " in line)
    return {name: status for name, status in lines}


def excused() -> set[str]:
    """Return the names of the mutants that mutants.txt lists."""
    lines = (ROOT / "prove" / "mutants.txt").read_text().splitlines()
    return {line.split()[0] for line in lines if line.startswith("multilayer.")}


def main() -> None:
    """Run all, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--least", type=float, default=0.9, metavar="SHARE")
    given = parser.parse_args()
    begun = time.monotonic()
    python = prepare()
    log = WORK / "mutmut.log"
    with log.open("w") as said:
        subprocess.run(
            [python, "-m", "mutmut", "run", "--max-children", str(os.cpu_count() or 1)],
            cwd=WORK / "project",
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "MULTILAYER_NUM_THREADS": "1"},
            check=False,
        )
    found = results(python)
    if not found:
        raise SystemExit(f"mutmut did not run:\n{log.read_text()[-3000:]}")
    survivors = sorted(name for name, status in found.items() if status not in NOTICED)
    for module in MUTATED:
        of_module = {n: s for n, s in found.items() if n.startswith(f"multilayer.{module}.")}
        noticed = sum(status in NOTICED for status in of_module.values())
        print(f"mutants of {module}: {noticed} of {len(of_module)} noticed")
    share = 1 - len(survivors) / len(found)
    seconds = time.monotonic() - begun
    print(f"mutants: {share:.1%} of {len(found)} noticed in {seconds:.0f} s")
    new = [name for name in survivors if name not in excused()]
    print(*(f"  survived: {name} ({found[name]})" for name in new), sep="\n")
    sys.exit(share < given.least or bool(new))


NOTICED = ("killed", "timeout", "suspicious", "segfault", "caught by type check")

if __name__ == "__main__":
    main()
