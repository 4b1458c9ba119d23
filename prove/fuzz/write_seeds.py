"""Write the seeds of the targets `model_file` and `checkpoint`: a small file of every kind."""

from __future__ import annotations

import warnings
from pathlib import Path

import checkpoint
import numpy as np
from sklearn.pipeline import Pipeline

import multilayer as ml
from multilayer.losses import Huber
from multilayer.optimizers import Adam
from multilayer.schedules import Cosine
from multilayer.selection import HiddenLayerSearchCV

INPUTS = Path(__file__).parent / "inputs"
RNG = np.random.RandomState(0)
X = RNG.normal(size=(40, 3)).round(2)
Y = np.where(X[:, 0] > 0, "yes", "no")
TABLE = X.astype(object)
TABLE[:, 1] = RNG.choice(["Bern", "Oslo", "Rome"], 40)
TABLE[:, 2] = RNG.choice([f"c{k}" for k in range(12)], 40)
TABLE[5, 0] = TABLE[7, 1] = None
SMALL = {"hidden_layer_sizes": (2,), "max_iter": 2, "random_state": 0}
TABULAR = {"n_members": 2, "hidden_layer_sizes": [3], "max_iter": 2, "random_state": 0}


def models() -> dict[str, object]:
    """Return a fitted model of every kind."""
    labels = np.column_stack([X[:, 0] > 0, X[:, 1] > 0, X[:, 2] > 0]).astype(int)
    numbers = {"loss": Huber(0.5), "solver": Adam(0.01), "learning_rate": Cosine(0.1)}
    encoder = ml.TableEncoder(scaling="quantile", max_onehot=4)
    two = Pipeline([("encoder", ml.TableEncoder()), ("network", ml.MLPClassifier(**SMALL))])
    search = HiddenLayerSearchCV(
        ml.MLPClassifier(**SMALL), {"hidden_layer_sizes": [(2,), (3,)]}, cv=2, random_state=0
    )
    return {
        "network": ml.Network((3, 2, 2), "tanh", "softmax", random_state=0),
        "classifier": ml.MLPClassifier(**SMALL, class_weight={"no": 2.0, "yes": 1}).fit(X, Y),
        "classifier32": ml.MLPClassifier(**SMALL).fit(X.astype(np.float32), X[:, 1] > 0),
        "regressor": ml.MLPRegressor(**SMALL, **numbers).fit(X, X[:, :2]),
        "counts": ml.MLPRegressor(loss="poisson", **SMALL).fit(X, np.abs(X[:, 0])),
        "multilabel": ml.MLPClassifier(**SMALL).fit(X, labels),
        "multioutput": ml.MLPClassifier(**SMALL).fit(X, labels[:, :2] + labels[:, 1:]),
        "stopped": ml.MLPClassifier(early_stopping=True, **SMALL).fit(X, Y),
        "encoder": ml.TableEncoder().fit(TABLE),
        "embedding": encoder.fit(TABLE),
        "pipeline": two.fit(TABLE, Y),
        "tabular_classifier": ml.TabularClassifier(**TABULAR).fit(TABLE, Y),
        "tabular_regressor": ml.TabularRegressor(**TABULAR).fit(TABLE, X[:, 0]),
        "search": search.fit(X, Y).best_estimator_,
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for target in ("model_file", "checkpoint"):
        (INPUTS / target / "seeds").mkdir(parents=True, exist_ok=True)
    for name, model in models().items():
        ml.save(model, INPUTS / "model_file" / "seeds" / name, {"target": "y", "seconds": 0.1})
    for name in checkpoint.FITS:
        (INPUTS / "checkpoint" / "seeds" / name).write_bytes(checkpoint.seed(name))
