"""Displays that follow the convention of scikit-learn: they take an estimator and an `ax`.

matplotlib is imported when something is drawn, not before.
"""

from multilayer.plots.architecture_grid import ArchitectureGridDisplay
from multilayer.plots.bias_variance import BiasVarianceDisplay
from multilayer.plots.comparison import ComparisonDisplay
from multilayer.plots.cross_validation import CrossValidationDisplay
from multilayer.plots.decision_boundary import DecisionBoundaryDisplay
from multilayer.plots.live_loss import LossPlot
from multilayer.plots.loss_curve import LossCurveDisplay
from multilayer.plots.network import NetworkDisplay
from multilayer.plots.regularization_path import RegularizationPathDisplay
from multilayer.plots.search import SearchDisplay
from multilayer.public_names import publish

__all__ = [
    "ArchitectureGridDisplay",
    "BiasVarianceDisplay",
    "ComparisonDisplay",
    "CrossValidationDisplay",
    "DecisionBoundaryDisplay",
    "LossCurveDisplay",
    "LossPlot",
    "NetworkDisplay",
    "RegularizationPathDisplay",
    "SearchDisplay",
]

publish(__name__, __all__, globals())
