"""Estimators and a table encoder for data on the workers of a Dask cluster.

See docs/distributed.md.
"""

from multilayer.extras import require
from multilayer.public_names import publish

try:
    from multilayer.dask.encoder import DaskTableEncoder
    from multilayer.dask.estimators import DaskMLPClassifier, DaskMLPRegressor
except ModuleNotFoundError:
    require("multilayer.dask", "dask")
    raise

__all__ = ["DaskMLPClassifier", "DaskMLPRegressor", "DaskTableEncoder"]

publish(__name__, __all__, globals())
