"""Feed-forward neural networks for tables."""

from importlib.metadata import version as _version

from multilayer import equations, plots
from multilayer import report as report  # which gives the estimators their method `report`
from multilayer.estimators import (
    Checkpoint,
    DivergenceWarning,
    EarlyStop,
    MLPClassifier,
    MLPRegressor,
)
from multilayer.network import Network
from multilayer.persistence import ModelFileError, load, save
from multilayer.plots.live_loss import LossPlot
from multilayer.public_names import publish as _publish
from multilayer.tables.alerts import Alert, DataWarning, find_alerts
from multilayer.tables.encoder import TableEncoder
from multilayer.tabular import TabularClassifier, TabularRegressor

__all__ = [
    "Alert",
    "Checkpoint",
    "DataWarning",
    "DivergenceWarning",
    "EarlyStop",
    "LossPlot",
    "MLPClassifier",
    "MLPRegressor",
    "ModelFileError",
    "Network",
    "TableEncoder",
    "TabularClassifier",
    "TabularRegressor",
    "equations",
    "find_alerts",
    "load",
    "plots",
    "save",
]

__version__ = _version("multilayer")

_publish(__name__, __all__, globals())
