"""Raw tables: columns of every kind made numbers, and networks that learn from them."""

from multilayer.tables.encoder import TableEncoder
from multilayer.tabular.classifier import TabularClassifier
from multilayer.tabular.regressor import TabularRegressor

__all__ = ["TableEncoder", "TabularClassifier", "TabularRegressor"]
