"""Choosing hidden layers: search and cross-validation, many networks side by side."""

from multilayer.selection.results import simplest_within_one_standard_error
from multilayer.selection.search import HiddenLayerSearchCV
from multilayer.selection.space import HiddenLayers

__all__ = ["HiddenLayerSearchCV", "HiddenLayers", "simplest_within_one_standard_error"]
