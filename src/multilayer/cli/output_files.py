"""The files that a command writes, checked before anything is read."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from multilayer.persistence import check_replaceable

__all__ = ["check_folder", "check_outputs"]


def check_folder(folder: Path) -> None:
    """Check that a file can be written there, before hours of training and not after."""
    if not folder.is_dir():
        raise ValueError(f"{folder} must be a folder that exists, to write to")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"{folder} must be a folder that you may write to")


def check_outputs(
    outputs: Iterable[tuple[str, Path | int | None]], inputs: Iterable[str | Path]
) -> None:
    """Check that the files to write may be replaced, and are neither read nor written twice.

    Parameters
    ----------
    outputs : iterable of (str, Path or int or None)
        What names a file, such as "--report", and the file or the number of an open one; None
        where there is none.
    inputs : iterable of str or Path
        Files, patterns of files, "-" for standard input.

    Raises
    ------
    ValueError
        If an output is an input, under any name, or is another output.
    OSError
        If it is read-only, or no file.
    """
    read = {_identity(file): name for name in inputs for file in _files(name)}
    written: dict[Any, str] = {}
    for option, path in outputs:
        identity = None if path is None else _identity(path)
        if path is None or identity is None:
            continue
        if identity in read:
            source = "standard input" if read[identity] == "-" else read[identity]
            raise ValueError(
                f"{option} must be another file than those that are read, but is the same as "
                f"{source}"
            )
        if identity in written:
            raise ValueError(f"{option} and {written[identity]} must differ, but both are {path}")
        written[identity] = option
        if isinstance(path, Path):
            check_replaceable(path)


def _files(name: str | Path) -> list[Any]:
    """Return the files that are read under a name."""
    if name == "-":
        return [0]
    return [name, *glob.glob(str(name))]


def _identity(file: Any) -> tuple[Any, ...] | None:
    """Return what is the same for all names of a file; None for a device or a pipe."""
    try:
        found = os.stat(file)
    except OSError:
        return (os.path.normcase(os.path.realpath(file)),) if isinstance(file, str | Path) else None
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None
