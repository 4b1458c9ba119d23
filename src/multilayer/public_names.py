"""The public module of each class: the one that users import it from, not the one that defines it.

Pickles name a class by its module, so they remain valid when a file is moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["publish"]


def publish(module: str, names: Sequence[str], namespace: Mapping[str, Any]) -> None:
    """Set `__module__` of the classes that a module exports to this module.

    A class that two modules export belongs to the one higher up: `multilayer` before
    `multilayer.tabular`.

    Parameters
    ----------
    module : str
        The exporting module, its `__name__`.
    names : sequence of str
        What it exports, its `__all__`.
    namespace : mapping
        Its `globals()`.
    """
    package = module.partition(".")[0]
    for value in map(namespace.__getitem__, names):
        if isinstance(value, type) and value.__module__.startswith(f"{package}."):
            value.__module__ = min(value.__module__, module, key=lambda name: name.count("."))
