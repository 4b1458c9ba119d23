"""Model selection: searches for hidden layers, cross-validation and comparison with baselines."""

from multilayer.public_names import publish
from multilayer.selection.baselines import compare_baselines
from multilayer.selection.comparison import Comparison, Rival
from multilayer.selection.cross_validation import CrossValidation, cross_validate_network
from multilayer.selection.results import simplest_within_one_standard_error
from multilayer.selection.search import HiddenLayerSearchCV
from multilayer.selection.space import HiddenLayers

__all__ = [
    "Comparison",
    "CrossValidation",
    "HiddenLayerSearchCV",
    "HiddenLayers",
    "Rival",
    "compare_baselines",
    "cross_validate_network",
    "simplest_within_one_standard_error",
]

publish(__name__, __all__, globals())
