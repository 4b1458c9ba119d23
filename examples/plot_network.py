"""
A diagram of a network
======================

The colour and style of a line show the sign of a weight, and its width shows the size.
"""

from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from multilayer import MLPClassifier
from multilayer.plots import NetworkDisplay

iris = load_iris()
X = StandardScaler().fit_transform(iris.data)
model = MLPClassifier(
    (4,), activation="tanh", solver="lbfgs", alpha=1, max_iter=500, random_state=0
)
model.fit(X, iris.target)
NetworkDisplay.from_estimator(model, input_names=iris.feature_names, output_names=iris.target_names)
