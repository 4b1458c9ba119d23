"""The error of a table that cannot be read."""

__all__ = ["TableError"]


class TableError(ValueError):
    """A table cannot be read: the message names the table, the rule and what was found."""
