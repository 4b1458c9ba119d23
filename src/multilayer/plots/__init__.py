"""Displays in scikit-learn's convention: an estimator and an `ax` in, a display out.

matplotlib is imported when something is drawn, not before.
"""

from multilayer.plots.architecture_grid import ArchitectureGridDisplay
from multilayer.plots.comparison import ComparisonDisplay
from multilayer.plots.cross_validation import CrossValidationDisplay
from multilayer.plots.decision_boundary import DecisionBoundaryDisplay
from multilayer.plots.loss_curve import LossCurveDisplay
from multilayer.plots.network import NetworkDisplay
from multilayer.plots.search import SearchDisplay

__all__ = [
    "ArchitectureGridDisplay",
    "ComparisonDisplay",
    "CrossValidationDisplay",
    "DecisionBoundaryDisplay",
    "LossCurveDisplay",
    "NetworkDisplay",
    "SearchDisplay",
]
