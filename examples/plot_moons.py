"""
A straight line becomes two moons
=================================

The figure shows the same network after 1000 and after 5000 steps of gradient descent. As long as
the weights are small, the boundary is a straight line.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons

from multilayer import MLPClassifier
from multilayer.plots import DecisionBoundaryDisplay

X, y = make_moons(1000, noise=0.1, random_state=0)
warnings.filterwarnings("ignore", message=".*hasn't converged")

fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for ax, steps in zip(axes, (1000, 5000), strict=True):
    model = MLPClassifier(
        (5, 5),
        activation="logistic",
        solver="gd",
        learning_rate_init=1.0,
        max_iter=steps,
        tol=0,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    DecisionBoundaryDisplay.from_estimator(model.fit(X, y), X, y, ax=ax)
    ax.set_title(f"{steps} steps: cost {model.loss_:.2f}")
