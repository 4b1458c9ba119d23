"""A short test of an installed multilayer without extras: fit, save, load, predict, validate."""

import tempfile
from pathlib import Path

from sklearn.datasets import load_iris

import multilayer as ml

X, y = load_iris(return_X_y=True)
model = ml.MLPClassifier(solver="lbfgs", max_iter=1000, random_state=0).fit(X, y)
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "iris.mlp"
    model.save(path)
    predicted = ml.load(path).predict(X)
assert (predicted == model.predict(X)).all()
assert (predicted == y).mean() > 0.95
assert ml.cross_validate_network(model, X, y, random_state=0).mean > 0.9
assert "DaskMLPClassifier" not in dir(ml)  # without its extra
print(f"multilayer {ml.__version__}: {(predicted == y).mean():.1%} of the irises are right")
