"""
The effect of layers and penalty
================================

From left to right the network becomes more flexible; from top to bottom the penalty restricts it
more.
"""

from sklearn.datasets import make_moons

from multilayer.plots import ArchitectureGridDisplay

X, y = make_moons(300, noise=0.25, random_state=0)
ArchitectureGridDisplay.from_data(
    X, y, hidden_layer_sizes=[(), (4,), (16,), (16, 16)], alpha=[0.001, 0.1, 3]
)
