"""`multilayer export`: a saved model in a format of other programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from multilayer.cli.messages import visible
from multilayer.cli.options import ModelPath
from multilayer.cli.output_files import check_outputs
from multilayer.export import to_c, to_onnx, to_python
from multilayer.persistence import load
from multilayer.tabular.several_targets import fitted_targets

__all__ = ["export"]

_WRITERS: dict[str, Callable[[Any, Path], Any]] = {
    ".onnx": to_onnx,
    ".c": to_c,
    ".py": to_python,
}


def export(
    model: ModelPath,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="File to write: .onnx for ONNX Runtime, including the encoding of raw columns; "
            ".c or .py for source code without dependencies, of a network without raw columns.",
            show_default=False,
        ),
    ],
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            metavar="NAME",
            help="The target to export, of a model that has several.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a saved model for other programs.

    For example:

    * multilayer export titanic.mlp -o titanic.onnx

    * multilayer export network.mlp -o network.c

    * multilayer export flats.mlp --target rent -o rent.onnx
    """
    writer = _WRITERS.get(output.suffix.lower())
    if writer is None:
        raise ValueError(f"{output} must end with one of {', '.join(_WRITERS)}")
    check_outputs([("--output", output)], [model])
    try:
        written = writer(_of_target(load(model), target), output)
    except TypeError as error:
        raise ValueError(f"{model}: {error}") from error
    if output.suffix.lower() == ".onnx":
        for what, values in (("Inputs", written.graph.input), ("Outputs", written.graph.output)):
            typer.echo(f"{what}: {visible(', '.join(value.name for value in values))}")
    typer.echo(f"Written: {visible(str(output))}")


def _of_target(model: Any, target: str | None) -> Any:
    """Return the estimator of a target, or the model itself if it has one target only."""
    targets = fitted_targets(model)
    known = ", ".join(map(repr, targets))
    if targets and target not in targets:
        got = "none was given" if target is None else f"got {target!r}"
        raise ValueError(f"--target must name one of the targets, {known}, to be exported; {got}")
    if target is not None and not targets:
        raise ValueError(
            f"--target is for models of several targets, which this is not: {target!r}"
        )
    return targets[target] if target is not None else model
