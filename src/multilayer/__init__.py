"""Feed-forward neural networks for tables."""

from importlib.metadata import version as _version

from multilayer import equations, plots
from multilayer.callbacks import EarlyStop, LossPlot
from multilayer.checkpoint import Checkpoint
from multilayer.classifier import MLPClassifier
from multilayer.endings import DivergenceWarning
from multilayer.files import ModelFileError, load, save
from multilayer.network import Network
from multilayer.regressor import MLPRegressor
from multilayer.tabular import TableEncoder, TabularClassifier, TabularRegressor

__all__ = [
    "Checkpoint",
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
    "load",
    "plots",
    "save",
]

__version__ = _version("multilayer")
