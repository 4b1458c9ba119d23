"""More data than one machine: the same networks, trained on a Dask cluster.

See docs/distributed.md.
"""

from multilayer.dask.encoder import DaskTableEncoder
from multilayer.dask.estimators import DaskMLPClassifier, DaskMLPRegressor

__all__ = ["DaskMLPClassifier", "DaskMLPRegressor", "DaskTableEncoder"]
