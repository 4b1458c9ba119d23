"""Estimators for raw tables: columns of every kind are encoded for ensembles of networks."""

from multilayer.tables.encoder import TableEncoder
from multilayer.tabular.classifier import TabularClassifier
from multilayer.tabular.multi_output import TabularMultiOutput
from multilayer.tabular.regressor import TabularRegressor

__all__ = ["TableEncoder", "TabularClassifier", "TabularMultiOutput", "TabularRegressor"]
