"""Small searches for hidden layers, and the scores of whole fits by scikit-learn."""

import warnings

from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_score

from multilayer import MLPClassifier

SPACE = {"hidden_layer_sizes": [(), (4,), (8, 4)], "learning_rate_init": loguniform(1e-3, 1e-1)}
FAST = {"n_candidates": 6, "cv": 3, "random_state": 0}


def network(**params):
    """Return a classifier whose epochs take no time."""
    return MLPClassifier(**{"max_iter": 27, "random_state": 3, "batch_size": 16} | params)


def score_whole_fits(estimator, params, X, y, **how):
    """Return the scores of whole fits, by scikit-learn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return cross_val_score(clone(estimator).set_params(**params), X, y, **how)
