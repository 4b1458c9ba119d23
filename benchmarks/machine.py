"""The machine: its peak, and the state it is in while something is measured.

The cores of a virtual machine may be neighbours at one time and far from each other at another: it
moves without notice, often within a minute. A cache line then takes eight times as long from one
core to the other and back, and whatever runs on several threads takes another time. Figures of
several threads can be compared only if they were taken in the same state; those of one thread do
not depend on it.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

HERE = Path(__file__).parent
BUILT = tempfile.TemporaryDirectory(prefix="multilayer-")  # deleted when Python ends
FAR = 150.0  # ns; measured on virtual machines: 45 to 55 near, 350 to 450 far
TRIES = 5

Result = TypeVar("Result")


class State(NamedTuple):
    name: str  # "near", "far" or "one core"; what two figures that are compared must share
    nanoseconds: float | None


@functools.cache
def program(name: str) -> Path:
    """Compile a program of this folder."""
    path = Path(BUILT.name) / name
    flags = ["-O3", "-march=native", "-std=gnu++20", "-pthread"]
    compiler = os.environ.get("CXX", "c++")
    subprocess.run([compiler, *flags, HERE / f"{name}.cpp", "-o", path], check=True)
    return path


def output(name: str) -> str:
    return subprocess.run([program(name)], check=True, capture_output=True, text=True).stdout


def peak() -> dict[str, list[float]]:
    """Measure GFLOP/s of multiply-adds for each dtype, with one thread and with all."""
    return json.loads(output("peak"))


def state() -> State:
    """Measure how far the cores are from each other now, in some milliseconds."""
    text = output("round_trip").strip()
    if text == "one core":
        return State(text, None)
    return State("near" if float(text) < FAR else "far", float(text))


def in_one_state(measure: Callable[[], Result]) -> tuple[Result | None, State, int]:
    """Measure; if the state has changed meanwhile, discard the result and measure again.

    Returns
    -------
    result : None if the state changed every time
    state : State
        The state of the result, with the mean of the round trips before and after it.
    discarded : int
    """
    before = state()
    for discarded in range(TRIES):
        result, after = measure(), state()
        if after.name == before.name:
            if after.nanoseconds is not None:
                after = State(after.name, (before.nanoseconds + after.nanoseconds) / 2)
            return result, after, discarded
        before = after
    return None, before, TRIES


def cores() -> int:
    """Return the number of cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def processor() -> str:
    """Return the processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
