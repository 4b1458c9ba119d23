"""
Losses and outliers
===================

The squared error is pulled towards outliers; Huber's loss and the absolute error are robust against
them. Quantiles give a band.
"""

import matplotlib.pyplot as plt
import numpy as np

from multilayer import MLPRegressor
from multilayer.losses import Quantile

rng = np.random.default_rng(0)
x = np.sort(rng.uniform(-3, 3, 300))
y = np.sin(x) + rng.normal(0, 0.15, 300)
y[rng.random(300) < 0.12] += 4  # outliers, all on one side

fig, axes = plt.subplots(1, 2, figsize=(9.5, 3.6), sharey=True, layout="constrained")
panels = [
    {"squared error": "squared_error", "Huber": "huber", "absolute error": "absolute_error"},
    {"10 %": Quantile(0.1), "median": Quantile(0.5), "80 %": Quantile(0.8)},
]
for ax, losses in zip(axes, panels, strict=True):
    ax.plot(x, y, ".", ms=3, color="gray")
    for name, loss in losses.items():
        model = MLPRegressor(
            loss, (16,), activation="tanh", solver="lbfgs", alpha=0.1, max_iter=2000, random_state=0
        )
        ax.plot(x, model.fit(x[:, None], y).predict(x[:, None]), label=name)
    ax.set_xlabel("x")
    ax.legend()
