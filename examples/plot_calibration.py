"""
Calibrated probabilities
========================

Of the rows with a predicted probability of 80 %, do 80 % belong to the class? The tabular model
calibrates its probabilities; a network trained for too long is overconfident.
"""

import warnings

import matplotlib.pyplot as plt
from sklearn.calibration import CalibrationDisplay
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from multilayer import MLPClassifier, TabularClassifier

X, y = make_classification(5000, n_features=12, n_informative=6, flip_y=0.2, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
warnings.filterwarnings("ignore", message=".*hasn't converged")
models = {
    "TabularClassifier": TabularClassifier(n_members=2, random_state=0),
    "MLPClassifier, 300 epochs": MLPClassifier((64, 64), max_iter=300, alpha=1e-5, random_state=0),
}
fig, ax = plt.subplots(figsize=(5, 4.4))
for name, model in models.items():
    model.fit(X_train, y_train)
    CalibrationDisplay.from_estimator(model, X_test, y_test, n_bins=8, ax=ax, name=name)
ax.legend()
