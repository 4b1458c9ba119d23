"""Raw tables turned into numbers: columns of numbers, dates, categories and gaps."""

from multilayer.tables.alerts import Alert, DataWarning, find_alerts

__all__ = ["Alert", "DataWarning", "find_alerts"]
