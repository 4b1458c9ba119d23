"""Command line: `multilayer fit`, `search`, `compare`, `cv`, `predict` and others."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    from multilayer.cli.process import prepare_process

    prepare_process()
    try:
        from multilayer.cli.app import app
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich", "polars"):
            raise
        sys.exit(f"multilayer's commands need {error.name}: pip install 'multilayer[cli]'")
    except KeyboardInterrupt:
        sys.exit(130)
    app(prog_name="multilayer")
