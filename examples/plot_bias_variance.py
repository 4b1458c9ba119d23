"""
Bias and variance
=================

Small networks have large errors in training and in validation; large networks memorize the rows.
"""

import warnings

import numpy as np
from sklearn.datasets import make_moons

from multilayer import MLPClassifier
from multilayer.plots import BiasVarianceDisplay, RegularizationPathDisplay

X, y = make_moons(200, noise=0.3, random_state=0)
network = MLPClassifier(
    activation="tanh", solver="lbfgs", alpha=0.001, max_iter=300, random_state=0
)
warnings.filterwarnings("ignore", message=".*hasn't converged|.*TOTAL NO. of")
BiasVarianceDisplay.from_estimator(
    network, X, y, param_range=[(), (1,), (2,), (3,), (4,), (8,), (16,), (32,), (64,)]
)

# %%
# Alternatively, keep the network large and increase the penalty: a larger λ gives a smoother fit.
network.set_params(hidden_layer_sizes=(32,))
RegularizationPathDisplay.from_estimator(network, X, y, param_range=np.logspace(-4, 2, 13))
