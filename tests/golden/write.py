"""Write the golden files of the present version of the format: `python tests/golden/write.py`.

They are written once, when the version is new, and stay as they are: every later release reads
them, and they answer as they did.
"""

import argparse
import json
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import neural_network
from sklearn.pipeline import Pipeline

sys.path.insert(0, str(Path(__file__).parents[1]))
from checkpoint_cases import Stop
from golden_cases import CHECKPOINTS, GOLDEN, flat

import multilayer as ml
from multilayer.export import from_sklearn, to_onnx
from multilayer.losses import Huber
from multilayer.optimizers import Adam
from multilayer.persistence import VERSION
from multilayer.schedules import Cosine
from multilayer.selection import HiddenLayerSearchCV

RNG = np.random.RandomState(0)
X = RNG.normal(size=(40, 3)).round(2)
Y = (X[:, 0] > 0).astype(int)
TEXTS = np.where(Y == 1, "yes", "no")
THREE = (X[:, 0] > -0.5).astype(int) + (X[:, 1] > 0)
TABLE = pd.DataFrame(
    {
        "age": np.where(RNG.uniform(size=40) < 0.1, np.nan, X[:, 0]),
        "town": RNG.choice(["Bern", "Oslo", "Rome"], 40).astype(object),
        "code": RNG.choice([f"c{k}" for k in range(12)], 40).astype(object),
    }
)
# With gaps, categories that were not in fit, and numbers far outside.
PREDICTED = {
    "age": [0.25, -1.5, None, 3.0, 0.0, 100.0, -0.01],
    "town": ["Bern", "Rome", "Oslo", None, "Paris", "Oslo", "Bern"],
    "code": ["c3", "c11", None, "c0", "c99", "c5", "c3"],
}
SMALL = {"hidden_layer_sizes": (4, 3), "max_iter": 8, "random_state": 0}
TABULAR = {"n_members": 2, "hidden_layer_sizes": [5, 4], "max_iter": 4, "random_state": 0}


def models():
    """Yield each model with its name, and the dtype or table of the rows that it predicts."""
    labels = np.column_stack([X[:, 0] > 0, X[:, 1] > 0, X[:, 2] > 0]).astype(int)
    options = {"loss": Huber(0.5), "solver": Adam(0.01), "learning_rate": Cosine(0.1)}
    theirs = neural_network.MLPClassifier((4,), solver="lbfgs", max_iter=20, random_state=0)
    encoder = ml.TableEncoder(scaling="quantile", max_onehot=4)
    steps = [("encoder", ml.TableEncoder()), ("network", ml.MLPClassifier(**SMALL))]
    search = HiddenLayerSearchCV(ml.MLPClassifier(max_iter=8), n_candidates=2, cv=2, random_state=0)
    x32, classifier = X.astype(np.float32), ml.MLPClassifier
    weights = {"no": 2.0, "yes": 1}
    yield "network", ml.Network((3, 4, 2), "tanh", "softmax", random_state=0), "float64"
    single = ml.Network((3, 4, 2), "gelu", "logistic", random_state=0, dtype=np.float32)
    yield "network32", single, "float32"
    yield "classifier", classifier(class_weight=weights, **SMALL).fit(X, TEXTS), "float64"
    yield "classifier32", classifier(activation="silu", **SMALL).fit(x32, THREE), "float32"
    yield "multilabel", classifier(**SMALL).fit(X, labels), "float64"
    yield "multioutput", classifier(**SMALL).fit(X, np.column_stack([Y, THREE])), "float64"
    yield "stopped", classifier(early_stopping=True, **SMALL).fit(X, Y), "float64"
    yield "regressor", ml.MLPRegressor(**options, **SMALL).fit(X, X[:, :2]), "float64"
    yield "counts32", ml.MLPRegressor("poisson", **SMALL).fit(x32, THREE), "float32"
    yield "sklearn", from_sklearn(theirs.fit(X, Y)), "float64"
    yield "search", search.fit(X, THREE).best_estimator_, "float64"
    yield "encoder", encoder.fit(TABLE), "table"
    yield "pipeline", Pipeline(steps).fit(TABLE, TEXTS), "table"
    yield "tabular_classifier", ml.TabularClassifier(**TABULAR).fit(TABLE, TEXTS), "table"
    yield "tabular_regressor", ml.TabularRegressor(**TABULAR).fit(TABLE, X[:, 0]), "table"
    many = pd.concat([TABLE] * 6, ignore_index=True)
    noise = np.where(many["town"] == "Rome", 3, 0.1) * RNG.normal(size=len(many))
    scaled = ml.TabularRegressor(**TABULAR).fit(many, noise)
    assert scaled.error_scale_ is not None
    yield "scaled_regressor", scaled, "table"


def write(folder):
    """Write all files to a new folder."""
    folder.mkdir(parents=True)
    inputs = {"numbers": (2 * X[:7]).tolist(), "table": PREDICTED, "X": X.tolist(), "y": Y.tolist()}
    (folder / "inputs.json").write_text(json.dumps(inputs), encoding="utf-8")
    for name, model, rows in models():
        ml.save(model, folder / f"{name}.model", {"rows": rows})
        if name in ("classifier", "regressor", "pipeline", "tabular_classifier"):
            to_onnx(model, folder / f"{name}.onnx")
    for name, model in CHECKPOINTS.items():
        checkpoint = ml.Checkpoint(folder / f"{name}.checkpoint", interval=0)
        try:
            model.set_callbacks(checkpoint, Stop(2)).fit(X, Y)
        except Stop.Crash:
            continue
    np.savez_compressed(folder / "answers.npz", **flat(folder))


def main(arguments=None):
    """Write the files, unless they are there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--force", action="store_true", help="replace files that there are")
    force = parser.parse_args(arguments).force
    folder = GOLDEN / f"v{VERSION}"
    if folder.exists() and not force:
        sys.exit(f"{folder.name} is there already, and golden files stay as they are")
    warnings.simplefilter("ignore")
    shutil.rmtree(folder, ignore_errors=True)
    write(folder)


if __name__ == "__main__":
    main()
