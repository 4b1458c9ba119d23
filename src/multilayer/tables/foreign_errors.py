"""Errors of the libraries that hold a table, as one ValueError."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["as_value_errors"]

# "pyo3_runtime" has the panics of polars, which are no Exception.
_LIBRARIES = ("polars", "pyarrow", "narwhals", "pandas", "pyo3_runtime")


@contextmanager
def as_value_errors(what: str) -> Iterator[None]:
    """Raise ValueError for values that a library, or the arithmetic of Python, cannot convert.

    Parameters
    ----------
    what : str
        What holds the values, such as "y".
    """
    try:
        yield
    except (ValueError, TypeError, OSError):
        raise
    except BaseException as error:
        library = type(error).__module__.partition(".")[0]
        if not (library in _LIBRARIES or isinstance(error, ArithmeticError)):
            raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"{what} must hold values that can be converted: {reason}") from error
