"""What commands that save a model share: where it goes, and what is noted with it."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Any

import multilayer

__all__ = ["INTERRUPTED", "check_folder", "make_notes", "parse_layers"]

INTERRUPTED = 130  # what shells expect after Ctrl-C, so that `fit … && predict …` ends there


def make_notes(*, seconds: float, **known: Any) -> dict[str, Any]:
    """Give what is saved beside a model: what is known of its training, version and date."""
    return {
        **known,
        "seconds": round(seconds, 3),
        "version": multilayer.__version__,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def parse_layers(text: str) -> tuple[int, ...]:
    """Read "64,64" as (64, 64), "none" as ()."""
    if text.strip().lower() == "none":
        return ()
    sizes = text.split(",")
    if not all(size.strip().isdecimal() and int(size) > 0 for size in sizes):
        raise ValueError(
            f"--layers must be whole numbers of at least 1 with commas between, such as 64,64, or "
            f"none; got {text!r}"
        )
    return tuple(map(int, sizes))


def check_folder(folder: Path) -> None:
    """See that a file can be written there, before hours of training and not after."""
    if not folder.is_dir():
        raise ValueError(f"{folder} must be a folder that exists, to write to")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"{folder} must be a folder that you may write to")
