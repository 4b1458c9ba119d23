"""Fuzz with coverage as the guide: targets in Python by atheris, the native engine by libFuzzer.

    python prove/fuzz/run.py [TARGET ...] [--seconds N]

A target is a module beside this one with `one_input(bytes)`, and perhaps `mutate`; or "engine":
native/tests/fuzz.cpp, built before. Each begins with its seeds and what was found before, and
with the inputs that earlier runs on this machine kept below build/fuzz/. Two run at a time.
The exit status is 1 if an input broke something; it then lies where the last line says.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

HERE = Path(__file__).parent
WORK = HERE.parents[1] / "build" / "fuzz"
ENGINE = WORK / "engine" / "engine_fuzz"
TARGETS = ("engine", "model_file", "checkpoint", "table", "messages")
MEMORY = 2000  # MB: what reading any input may take, the interpreter included
SLOW = 30  # seconds: what one input may take
# Sizes and numbers fit into few bytes; choosing by rarity what to change takes most of the time.
OPTIONS = {"engine": ["-max_len=600", "-entropic=0"]}


class Outcome(NamedTuple):
    """The result of fuzzing one target; `found` are the inputs that broke it."""

    target: str
    executions: int
    seconds: int
    found: list[Path]

    def __str__(self) -> str:
        """Say it in a line."""
        what = f"{self.executions:,} executions in {self.seconds} s, {len(self.found)} found"
        return f"fuzzing {self.target}: {what}" + "".join(f"\n  {path}" for path in self.found)


def fuzz(target: str, seconds: int) -> Outcome:
    """Fuzz one target in a process of its own; start again after each input that broke it."""
    corpus, artifacts = WORK / "corpus" / target, WORK / "found" / target
    for folder in (corpus, artifacts):
        folder.mkdir(parents=True, exist_ok=True)
    known = [HERE / "inputs" / target / kind for kind in ("seeds", "found")]
    executions = spent = 0
    before = set(artifacts.iterdir())
    while spent < seconds:
        words = [
            *([str(ENGINE)] if target == "engine" else [sys.executable, __file__, "--one", target]),
            f"-max_total_time={seconds - spent}",
            f"-rss_limit_mb={MEMORY}",
            f"-timeout={SLOW}",
            f"-artifact_prefix={artifacts}/",
            "-print_final_stats=1",
            *OPTIONS.get(target, ["-max_len=100000"]),
            str(corpus),
            *(str(folder) for folder in known if folder.is_dir()),
        ]
        run = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        said = run.stdout.decode(errors="replace")
        counted = re.findall(r"stat::number_of_executed_units:\s*(\d+)", said)
        if not counted:
            raise SystemExit(f"fuzzing {target} did not start:\n{said[-3000:]}")
        executions += int(counted[-1])
        took = re.findall(r"Done \d+ runs in (\d+) second", said)
        spent = seconds if took and run.returncode == 0 else spent + max(1, seconds // 10)
        if run.returncode != 0:
            sys.stderr.write(said[-3000:])
    return Outcome(target, executions, spent, sorted(set(artifacts.iterdir()) - before))


def load(target: str) -> ModuleType:
    """Import a target by its path; it is no part of the package."""
    spec = importlib.util.spec_from_file_location(target, HERE / f"{target}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def drive(target: str, words: list[str]) -> None:
    """Hand a target in Python to atheris, in this process."""
    import atheris

    with atheris.instrument_imports(include=["multilayer"], enable_loader_override=False):
        module = load(target)
    mutate = getattr(module, "mutate", None)
    options = {"custom_mutator": mutate} if mutate else {}
    atheris.Setup([target, *words], module.one_input, **options)
    atheris.Fuzz()


def replay(target: str) -> None:
    """Run a target in Python on its seeds and on what was found before, in this process."""
    one_input = load(target).one_input
    inputs = sorted(HERE.glob(f"inputs/{target}/*/*"))
    for path in inputs:
        one_input(path.read_bytes())
    print(f"{target}: {len(inputs)} inputs are harmless")


def main() -> None:
    """Read the command line; fuzz, and say what came of it."""
    if sys.argv[1:2] == ["--one"]:
        return drive(sys.argv[2], sys.argv[3:])
    if sys.argv[1:2] == ["--replay"]:
        return replay(sys.argv[2])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", default=TARGETS, metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=120, help="for each target (default: 120)")
    given = parser.parse_args()
    with ThreadPoolExecutor(2) as two:
        outcomes = list(two.map(lambda target: fuzz(target, given.seconds), given.targets))
    print(*outcomes, sep="\n")
    print(f"fuzzing: {sum(outcome.executions for outcome in outcomes):,} executions in all")
    sys.exit(any(outcome.found for outcome in outcomes))


if __name__ == "__main__":
    main()
