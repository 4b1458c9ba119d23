"""Estimators that follow scikit-learn's conventions: MLPClassifier and MLPRegressor."""

from multilayer.estimators.checkpoint import Checkpoint
from multilayer.estimators.classifier import MLPClassifier
from multilayer.estimators.convergence import DivergenceWarning
from multilayer.estimators.early_stop import EarlyStop
from multilayer.estimators.regressor import MLPRegressor

__all__ = ["Checkpoint", "DivergenceWarning", "EarlyStop", "MLPClassifier", "MLPRegressor"]
