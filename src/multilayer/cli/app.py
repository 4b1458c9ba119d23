"""The commands together, and what they have in common: one line for every error."""

from __future__ import annotations

import sys
import warnings
from importlib import metadata
from typing import Annotated, Any, TextIO

import typer
from polars.exceptions import PanicException, PolarsError
from typer.core import TyperGroup

from multilayer.cli.compare import compare
from multilayer.cli.cv import cv
from multilayer.cli.demo import demo
from multilayer.cli.export import export
from multilayer.cli.fit import fit
from multilayer.cli.inspect import inspect
from multilayer.cli.messages import write_line
from multilayer.cli.playground import playground
from multilayer.cli.predict import evaluate, predict
from multilayer.cli.read_options import with_read_options
from multilayer.cli.search import search
from multilayer.extras import MissingExtraError

__all__ = ["app"]


class _Commands(TyperGroup):
    """A group of commands in which wrong input ends with one line and exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        result = super().invoke(ctx)
        sys.stdout.flush()
        return result

    def main(self, *args: Any, **extra: Any) -> Any:
        extra["standalone_mode"] = False
        try:
            with warnings.catch_warnings():
                warnings.showwarning = _show_warning
                code = super().main(*args, **extra)
        except (Exception, PanicException) as error:
            message = _message(error)
            if message is None:
                raise
            write_line(message, "error")
            code = 2
        sys.exit(code if isinstance(code, int) else 0)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show a warning as one line, without the place in the code that it comes from."""
    write_line(message, "warning")


def _message(error: BaseException) -> str | None:
    """Describe in one line what is wrong with the input; None if the program is wrong."""
    usage = getattr(error, "format_message", None)  # an unknown option, a number out of range
    if usage is not None:
        text = usage()
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    elif isinstance(error, ValueError | OSError | MissingExtraError):
        text = str(error)
    elif isinstance(error, MemoryError):
        text = f"there is not enough memory: {error}".removesuffix(": ")
    elif isinstance(error, PolarsError | PanicException):
        text = f"polars cannot process the table: {error}"
    else:
        return None
    return str(text)


app = typer.Typer(
    name="multilayer",
    cls=_Commands,
    rich_markup_mode="markdown",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_READ_TABLES = (fit, search, compare, cv, predict, evaluate)
for command in (fit, search, compare, cv, predict, evaluate, inspect, export, demo, playground):
    app.command()(with_read_options(command) if command in _READ_TABLES else command)


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Neural networks for tables: train one on a file, inspect it, predict new rows.

    A table is a file of CSV, Excel, Parquet, Arrow (Feather) or JSON, which may be compressed;
    - for standard input; or one of scikit-learn's data sets: moons, breast_cancer, digits, iris,
    wine, diabetes.

    For example:

    * multilayer fit titanic.csv --target survived -o titanic.mlp

    * multilayer predict titanic.mlp new.csv -o predicted.csv

    * multilayer evaluate titanic.mlp test.csv

    * multilayer compare titanic.csv --target survived

    * multilayer inspect titanic.mlp

    * multilayer export titanic.mlp -o titanic.onnx

    * multilayer demo

    * multilayer playground
    """
    if version:
        print(f"multilayer {metadata.version('multilayer')}")
    elif context.invoked_subcommand is None:
        print(context.get_help(), end="")
