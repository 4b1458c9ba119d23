"""
Cross-validation by epoch
=========================

The figure shows the cost of each fold after each epoch, on its training rows and on its validation
rows.
"""

import warnings

from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from multilayer import MLPClassifier
from multilayer.plots import CrossValidationDisplay

X, y = load_breast_cancer(return_X_y=True)
warnings.filterwarnings("ignore", message=".*hasn't converged")
network = MLPClassifier((32,), max_iter=60, learning_rate_init=0.005, alpha=1e-5, random_state=0)
CrossValidationDisplay.from_estimator(network, StandardScaler().fit_transform(X), y, cv=5)
