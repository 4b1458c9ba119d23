"""
A search for hidden layers
==========================

Each point is a network, evaluated on three folds. The panels show its error against its size and
against its training time.
"""

from sklearn.datasets import load_digits

from multilayer import MLPClassifier
from multilayer.plots import SearchDisplay
from multilayer.selection import HiddenLayerSearchCV

X, y = load_digits(return_X_y=True)
search = HiddenLayerSearchCV(
    MLPClassifier(max_iter=30, random_state=0), n_candidates=30, cv=3, random_state=0
)
search.fit((X / 16).astype("float32"), y)
print(search.best_params_)
SearchDisplay.from_estimator(search)
