"""Choosing hidden layers: search and cross-validation, many networks side by side."""

from multilayer.selection.crossval import CrossValidation, cross_validate_network
from multilayer.selection.results import simplest_within_one_standard_error
from multilayer.selection.search import HiddenLayerSearchCV
from multilayer.selection.space import HiddenLayers

__all__ = [
    "CrossValidation",
    "HiddenLayerSearchCV",
    "HiddenLayers",
    "cross_validate_network",
    "simplest_within_one_standard_error",
]
