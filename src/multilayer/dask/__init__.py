"""Estimators and a table encoder for data on the workers of a Dask cluster.

See docs/distributed.md.
"""

from multilayer.dask.encoder import DaskTableEncoder
from multilayer.dask.estimators import DaskMLPClassifier, DaskMLPRegressor

__all__ = ["DaskMLPClassifier", "DaskMLPRegressor", "DaskTableEncoder"]
