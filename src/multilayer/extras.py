"""The extras of the package: whether their modules are installed, and one message where not."""

from importlib.util import find_spec

__all__ = ["MissingExtraError", "is_installed", "require"]

_MODULES = {  # that the code imports
    "cli": ("polars", "duckdb"),
    "dask": ("dask", "distributed"),
    "notebook": ("anywidget",),
    "onnx": ("onnx",),
    "optuna": ("optuna",),
    "playground": ("polars", "duckdb", "starlette", "uvicorn", "websockets"),
    "plot": ("matplotlib",),
    "report": ("jinja2", "matplotlib"),
}


class MissingExtraError(ModuleNotFoundError):
    """A module that an extra of the package installs is not there; the message names the extra."""


def is_installed(extra: str) -> bool:
    """Whether all modules of an extra are there."""
    return not _missing(extra)


def require(what: str, extra: str) -> None:
    """Check that an extra is installed, before its modules are imported.

    Parameters
    ----------
    what : str
        What needs it, the subject of the message.
    extra : str

    Raises
    ------
    MissingExtraError
        If a module is not there.
    """
    for module in _missing(extra):
        raise MissingExtraError(
            f"{what} needs {module}: pip install 'multilayer[{extra}]'", name=module
        )


def _missing(extra: str) -> list[str]:
    return [module for module in _MODULES[extra] if find_spec(module) is None]
