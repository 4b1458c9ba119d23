"""Feed-forward neural networks for tables."""

from importlib.metadata import version as _version
from typing import TYPE_CHECKING

from multilayer import (
    activations,
    equations,
    losses,
    optimizers,
    report,  # which gives the estimators their method `report`
    schedules,
)
from multilayer.estimators import (
    Checkpoint,
    DivergenceWarning,
    EarlyStop,
    MLPClassifier,
    MLPRegressor,
)
from multilayer.network import Network
from multilayer.persistence import ModelFileError, load, save
from multilayer.public_names import find_when_used as _find_when_used
from multilayer.public_names import publish as _publish
from multilayer.report import Report, write_report
from multilayer.tables.alerts import Alert, DataWarning, find_alerts
from multilayer.tables.encoder import TableEncoder
from multilayer.tabular import TabularClassifier, TabularMultiOutput, TabularRegressor

if TYPE_CHECKING:
    from multilayer import dask as dask
    from multilayer import export, plots, selection
    from multilayer import playground as playground
    from multilayer import streaming as streaming
    from multilayer.dask import DaskMLPClassifier as DaskMLPClassifier
    from multilayer.dask import DaskMLPRegressor as DaskMLPRegressor
    from multilayer.dask import DaskTableEncoder as DaskTableEncoder
    from multilayer.plots import LossPlot
    from multilayer.selection import (
        Comparison,
        CrossValidation,
        HiddenLayers,
        HiddenLayerSearchCV,
        Rival,
        compare_baselines,
        cross_validate_network,
        simplest_within_one_standard_error,
    )
    from multilayer.streaming import fit_files as fit_files

# Without the names that need an extra: `from multilayer import *` works where none is installed.
__all__ = [
    "Alert",
    "Checkpoint",
    "Comparison",
    "CrossValidation",
    "DataWarning",
    "DivergenceWarning",
    "EarlyStop",
    "HiddenLayerSearchCV",
    "HiddenLayers",
    "LossPlot",
    "MLPClassifier",
    "MLPRegressor",
    "ModelFileError",
    "Network",
    "Report",
    "Rival",
    "TableEncoder",
    "TabularClassifier",
    "TabularMultiOutput",
    "TabularRegressor",
    "activations",
    "compare_baselines",
    "cross_validate_network",
    "equations",
    "export",
    "find_alerts",
    "load",
    "losses",
    "optimizers",
    "plots",
    "report",
    "save",
    "schedules",
    "selection",
    "simplest_within_one_standard_error",
    "write_report",
]

__version__ = _version("multilayer")

if not TYPE_CHECKING:  # for which any name would be there
    __getattr__, __dir__ = _find_when_used(
        __name__,
        {
            "dask": ["DaskMLPClassifier", "DaskMLPRegressor", "DaskTableEncoder"],
            "export": [],
            "playground": [],
            "plots": ["LossPlot"],
            "selection": [
                "Comparison",
                "CrossValidation",
                "HiddenLayerSearchCV",
                "HiddenLayers",
                "Rival",
                "compare_baselines",
                "cross_validate_network",
                "simplest_within_one_standard_error",
            ],
            "streaming": ["fit_files"],
        },
        extras={"dask": "dask", "playground": "playground", "streaming": "cli"},
        names=[*__all__, "__version__"],
    )

_publish(__name__, __all__, globals())
