"""The public names of a module: where its classes say they are from, and names found when used.

Pickles name a class by its module, so they remain valid when a file is moved.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from multilayer.extras import is_installed

__all__ = ["find_when_used", "publish"]


def publish(module: str, names: Sequence[str], namespace: Mapping[str, Any]) -> None:
    """Set `__module__` of the classes that a module exports to this module.

    A class that two modules export belongs to the one higher up: `multilayer` before
    `multilayer.tabular`. Names that `multilayer` finds when they are used remain members of their
    own module, so that a pickle does not depend on how a class was reached.

    Parameters
    ----------
    module : str
        The exporting module, its `__name__`.
    names : sequence of str
        What it exports, its `__all__`; names found when used are left out.
    namespace : mapping
        Its `globals()`.
    """
    package = module.partition(".")[0]
    for value in (namespace[name] for name in names if name in namespace):
        if isinstance(value, type) and value.__module__.startswith(f"{package}."):
            value.__module__ = min(value.__module__, module, key=lambda name: name.count("."))


def find_when_used(
    package: str,
    rooms: Mapping[str, Sequence[str]],
    extras: Mapping[str, str],
    names: Sequence[str],
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make `__getattr__` and `__dir__` of a package that imports modules when they are used.

    Source: PEP 562.

    Parameters
    ----------
    package : str
        Its `__name__`.
    rooms : mapping of str to sequence of str
        For each module of the package, the names that the package takes from it.
    extras : mapping of str to str
        The extras that modules need. `dir` lists names of installed extras only, since `help`
        looks up all that it lists.
    names : sequence of str
        The other public names of the package.

    Returns
    -------
    __getattr__, __dir__ : callable
    """
    homes = {name: room for room, taken in rooms.items() for name in taken}

    def find(name: str) -> Any:
        if name in rooms:
            return import_module(f"{package}.{name}")
        if name in homes:
            return getattr(import_module(f"{package}.{homes[name]}"), name)
        raise AttributeError(
            f"module {package!r} has no attribute {name!r}", name=name, obj=sys.modules[package]
        )

    def public() -> list[str]:
        there = [room for room in rooms if room not in extras or is_installed(extras[room])]
        return sorted({*names, *there, *(name for room in there for name in rooms[room])})

    return find, public
