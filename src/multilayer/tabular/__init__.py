"""Raw tables: columns of every kind made numbers for a network."""

from multilayer.tabular.encoder import TableEncoder

__all__ = ["TableEncoder"]
