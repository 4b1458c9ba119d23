"""Temporary files and folders, which a later process removes if theirs was killed.

Each is locked as long as its process lives: the system releases the lock when the process ends, in
whatever way. Files that carry the name of this machine and can be locked belong to no process any
more.
"""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import IO

if sys.platform != "win32":
    import fcntl

__all__ = ["remove_own", "temporary_file", "temporary_folder"]

# A file system may lock within one machine only: files of other machines are left alone.
_PREFIX = f".multilayer-{blake2b(platform.node().encode(), digest_size=4).hexdigest()}-"
_UNLOCKED = ".multilayer-unlocked-"  # where a file system has no locks: nobody removes these
_DAY = 86400.0  # seconds
_own: dict[Path, int] = {}  # what exists now, with the process that made it


@contextmanager
def temporary_file(folder: str | os.PathLike[str], mode: int = 0o600) -> Iterator[IO[bytes]]:
    """Provide a new file to write to, which is removed at the end unless it was renamed.

    Parameters
    ----------
    folder : path-like
    mode : int
        The permissions, which are restricted by the umask.

    Raises
    ------
    OSError
        If no file can be created there.
    """

    def make(path: Path) -> int:
        binary = getattr(os, "O_BINARY", 0)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | binary, mode)

    path, descriptor = _locked(Path(folder), ".tmp", make, os.unlink)
    try:
        with open(path, "r+b", opener=lambda *_: descriptor) as file:
            yield file
    finally:
        path.unlink(missing_ok=True)
        _own.pop(path)


@contextmanager
def temporary_folder(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Provide a new folder, which is removed at the end with its content.

    Raises
    ------
    OSError
        If no folder can be created there.
    """

    def make(path: Path) -> int:
        path.mkdir(0o700)
        return -1 if sys.platform == "win32" else os.open(path, os.O_RDONLY)

    path, descriptor = _locked(Path(folder), "", make, os.rmdir)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        _own.pop(path)
        if descriptor >= 0:
            os.close(descriptor)


def remove_own() -> None:
    """Remove all temporary files and folders of this process, which is about to end."""
    for path, process in list(_own.items()):
        if process == os.getpid():  # a fork knows those of its parent too
            shutil.rmtree(path, ignore_errors=True)
            with contextlib.suppress(OSError):
                path.unlink()


@cache  # once per process, at its first file there, because listing a large folder takes time
def _remove_leftovers(folder: Path) -> None:
    """Remove the temporary files and folders of processes that were killed; leave all others."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX):
                with contextlib.suppress(OSError):
                    _remove_if_left(entry.path)


def _remove_if_left(path: str) -> None:
    """Remove a file or folder of this user if nobody holds it; OSError if somebody does."""
    if sys.platform == "win32":  # where an open file cannot be removed
        if time.time() - os.stat(path).st_mtime > _DAY:
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid():
            return
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if stat.S_ISDIR(found.st_mode):
            shutil.rmtree(path)
        elif stat.S_ISREG(found.st_mode):
            os.unlink(path)
    finally:
        os.close(descriptor)


def _locked(
    folder: Path, suffix: str, make: Callable[[Path], int], remove: Callable[[Path], None]
) -> tuple[Path, int]:
    """Create a file or folder with a new name and lock it; return its path and descriptor."""
    _remove_leftovers(folder.resolve())
    prefix = _PREFIX
    while True:
        path = folder / f"{prefix}{secrets.token_hex(8)}{suffix}"
        descriptor = make(path)
        _own[path] = os.getpid()
        if sys.platform == "win32" or prefix == _UNLOCKED:
            return path, descriptor
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Another process may have mistaken it for a leftover before it was locked.
            if os.fstat(descriptor).st_ino == os.stat(path).st_ino:
                return path, descriptor
        except FileNotFoundError:
            pass
        except OSError:  # a file system without locks
            prefix = _UNLOCKED
            remove(path)
        del _own[path]
        os.close(descriptor)
