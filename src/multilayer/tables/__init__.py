"""Raw tables encoded as numbers: columns of numbers, dates and categories with missing values."""

from multilayer.tables.alerts import Alert, DataWarning, find_alerts

__all__ = ["Alert", "DataWarning", "find_alerts"]
