"""Each field of a saved model is checked: what loads can be used, and takes no more memory."""

import json
import time
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from golden_cases import GOLDEN
from model_file_cases import load_parts, saved_parts, write
from sklearn.pipeline import Pipeline

import multilayer as ml
from multilayer.cli.saved_model import read_model
from multilayer.outputs import Softmax, parts
from multilayer.persistence import VERSION, ModelFileError, labels_from_json, labels_to_json

PRESENT = GOLDEN / f"v{VERSION}"
REFUSED = {
    "network": [
        ("hidden", [0]),
        ("hidden", "t"),
        ("hidden", ["tanh", "tanh"]),
        ("sizes", [3, 10**9, 2]),
        ("sizes", [3, 4, True]),
        ("sizes", [3.0, 4.0, 2.0]),
        ("output", {"groups": [1]}),
        ("output", {"groups": "11"}),
        ("loss", {"name": "huber", "delta": "1"}),
        ("loss", {"name": "focal", "gamma": float("nan")}),
    ],
    "classifier": [
        ("n_iter_", "many"),
        ("n_iter_", -1),
        ("n_iter_", 10**6),
        ("n_iter_", 1.5),
        ("n_features_in_", 3.0),
        ("feature_names_in_", ["a"]),
        ("feature_names_in_", ["a", "b", 3]),
        ("feature_names_in_", "abc"),
        ("t_", None),
        ("loss_curve_", "costs"),
        ("loss_curve_", ["0.5"]),
        ("validation_scores_", 0),
        ("validation_loss_curve_", [0.5]),
        ("kind", "multiclass"),
        ("kind", "multilabel-indicator"),
        ("kind", "multiclass-multioutput"),
        ("classes_", []),
        ("classes_", [{"dtype": "<U3", "values": []}]),
        ("classes_", [{"dtype": "<U3", "values": ["yes", "no"]}]),
        ("classes_", [{"dtype": "<U3", "values": ["no", "no"]}]),
        ("params/solver", {"record": "Adam", "numbers": {"pairs": [["learning_rate", "x"]]}}),
        ("params/loss", {"record": "CustomLoss", "numbers": {"pairs": []}}),
        ("params/hidden_layer_sizes", ["4"]),
        ("params/activation", ["tanh", 5]),
        ("params/dropout", ["0.5", 0]),
        ("params/alpha", "x"),
        ("params/max_iter", 10**400),
        ("params/class_weight", {"pairs": [["no", "2"]]}),
        ("params/class_weight", [1, 2]),
        ("params/unknown", 1),
    ],
    "regressor": [("params/loss", "log_loss"), ("network/output", "softmax")],
    "multilabel": [("classes_", [{"dtype": "<i8", "values": [1, 2, 3]}])],
    "multioutput": [("classes_", [{"dtype": "<i8", "values": [0, 1]}] * 2)],
    "encoder": [
        ("n_features_in_", 10**9),
        ("n_features_in_", "3"),
        ("feature_names_in_", ["age", "town"]),
        ("feature_names_in_", ["age", "town", 5]),
        ("categories", []),
        ("categories/0/1", "Bern"),
        ("categories/0/1", []),
        ("categories/0/1", ["Rome", "Bern", "Oslo"]),
        ("categories/0/1", ["Bern", "Bern", "Oslo"]),
        ("categories/0/2", 1),
        ("categories/0/4", "codes "),
        ("numbers/0", [-1]),
        ("numbers/1", ["x"]),
        ("numbers/2", 1),
        ("numbers/2", False),
        ("dropped", {"2": "constant"}),
    ],
    "tabular_classifier": [
        ("values/n_iter_", "4"),
        ("values/best_iterations_", [1]),
        ("values/best_iterations_", [1, 10**9]),
        ("values/validation_score_", None),
        ("values/temperature_", True),
        ("values/temperature_", float("inf")),
        ("classes", {"dtype": "<U3", "values": ["yes", "no"]}),
        ("members/0/layers", "2"),
        ("members/0/n_plain", 10**9),
        ("members/0/n_codes", [10**9]),
        ("members/0/n_codes", "12"),
        ("members/0/activation", ["relu"]),
        ("encoder/params/dtype", "float64"),
        ("params/hidden_layer_sizes", ["5"]),
    ],
    "tabular_regressor": [
        ("values/target_/mean", "0"),
        ("values/target_/scale", 0),
        ("values/target_/low", 10**6),
        ("classes", {"dtype": "<U3", "values": ["no", "yes"]}),
    ],
}


@pytest.fixture(scope="module")
def golden():
    """Return the class, the state and the arrays of each golden model."""
    models = {path.stem: ml.load(path) for path in PRESENT.glob("*.model")}
    return {name: (type(model).__name__, *saved_parts(model)) for name, model in models.items()}


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [(name, *case) for name, cases in REFUSED.items() for case in cases],
    ids=str,
)
def test_wrong_fields(golden, name, place, value):
    kind, state, arrays = golden[name]
    state = inside = json.loads(json.dumps(state))
    *way, last = place.split("/")
    for step in way:
        inside = inside[int(step) if isinstance(inside, list) else step]
    inside[int(last) if isinstance(inside, list) else last] = value
    with pytest.raises(ModelFileError):
        load_parts(kind, state, arrays)


@pytest.mark.parametrize(
    ("name", "array", "change"),
    [
        ("network", "theta2", lambda a: a.astype(np.float32)),
        ("network", "theta1", lambda a: a.astype(int)),
        ("encoder", "scale", np.zeros_like),
        ("encoder", "median", lambda a: a.astype(np.float32)),
        ("encoder", "knots", lambda a: a[:, ::-1]),
        ("tabular_regressor", "residuals_", lambda a: a[::-1]),
        ("tabular_regressor", "member_1/scale", lambda a: a * np.nan),
        ("tabular_classifier", "member_0/theta_1", lambda a: a.astype(float)),
        ("tabular_classifier", "member_0/tables", lambda a: a[:, :-1]),
    ],
)
def test_wrong_arrays(golden, name, array, change):
    kind, state, arrays = golden[name]
    with pytest.raises(ModelFileError):
        load_parts(kind, state, {**arrays, array: change(arrays[array])})


def test_members_must_fit_the_encoder(golden):
    """Codes beyond an embedding would be looked up outside it in other runtimes."""
    kind, state, arrays = golden["tabular_classifier"]
    other = json.loads(json.dumps(state))
    other["encoder"]["categories"][1][1].pop()
    with pytest.raises(ModelFileError, match="but the encoder gives"):
        load_parts(kind, other, arrays)


def test_pipelines_hold_what_can_be_their_steps(tmp_path):
    network, checkpoint = PRESENT / "network.model", PRESENT / "adam.checkpoint"
    for last in (network, checkpoint):
        name, (state, arrays) = type(ml.load(last)).__name__, saved_parts(ml.load(last))
        content = {
            "class": "Pipeline",
            "state": {"a": {"class": name, "state": state}},
        }
        arrays = {f"a/{key}": np.array(array, order="C") for key, array in arrays.items()}
        path = write(tmp_path / "m", {"version": 1, "model": content, "notes": {}}, arrays)
        with pytest.raises(ModelFileError, match="step 'a' of a Pipeline must have fit"):
            ml.load(path)
    with pytest.raises(TypeError, match="must have fit: Network"):
        ml.save(Pipeline([("a", ml.load(network))]), tmp_path / "m")


def peak(call):
    """Return the memory that a call takes at most, and whether it refused its file."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1], False
    except ModelFileError:
        return tracemalloc.get_traced_memory()[1], True
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "labels",
    [
        {"dtype": "<U100000000", "values": ["no", "yes"]},
        {"dtype": "<U1000000", "values": ["no", "yes"]},
        {"dtype": "10000000i4", "values": [[0], [1]]},
        {"dtype": "(1000,1000)f8", "values": [0, 1]},
        {"dtype": "|V100000000", "values": [0, 1]},
    ],
    ids=lambda labels: labels["dtype"],
)
def test_labels_take_no_more_memory_than_the_file(golden, labels):
    kind, state, arrays = golden["classifier"]
    taken, refused = peak(lambda: load_parts(kind, {**state, "classes_": [labels]}, arrays))
    assert refused
    assert taken < 2_000_000


def test_declared_sizes_take_no_more_memory_than_the_file(golden, tmp_path):
    kind, state, arrays = golden["tabular_classifier"]
    state = json.loads(json.dumps(state))
    levels, form = sorted(f"c{k}" for k in range(20_000)), "one-hot"
    state["encoder"]["feature_names_in_"][1] = "x" * 1_000_000
    state["encoder"]["categories"][0][1] = levels
    state["encoder"]["categories"][0][4] = form
    taken, refused = peak(lambda: load_parts(kind, state, arrays))
    assert refused  # 20 GB of names, had they been made to count them
    assert taken < 50_000_000
    header = json.dumps(
        {
            "__metadata__": {"multilayer": json.dumps({"version": 1, "model": {}, "notes": {}})},
            "theta1": {"dtype": "F64", "shape": [0, 10**15], "data_offsets": [0, 0]},
        }
    ).encode()
    path = tmp_path / "empty"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ModelFileError, match="cannot be of shape"):
        ml.load(path)


def test_groups_of_softmax_take_time_in_proportion():
    n, start = 100_000, time.perf_counter()
    assert parts(Softmax((1,) * n), n)[-1] == slice(n - 1, n)
    assert time.perf_counter() - start < 5  # it took half a minute


def test_padded_labels_become_objects():
    labels = np.array(["a" * 2000, *(f"c{k}" for k in range(500))])
    saved = json.loads(json.dumps(labels_to_json(labels)))
    assert saved["dtype"] == "|O"
    np.testing.assert_array_equal(labels_from_json(saved), labels)
    with pytest.raises(ValueError, match="501 class labels of dtype <U2000 are mostly empty"):
        labels_from_json({**saved, "dtype": labels.dtype.str})


X = np.random.RandomState(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)
FAST = {"max_iter": 2, "random_state": 0}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_parameters_set_after_fit(tmp_path):
    """They say how to fit again; the file holds the network that there is."""
    classifier = ml.MLPClassifier((3,), **FAST).fit(X, Y)
    expected = classifier.predict_proba(X)
    classifier.set_params(output_activation="softmax", hidden_layer_sizes=(7, 7))
    regressor = ml.MLPRegressor(hidden_layer_sizes=(3,), **FAST).fit(X, X[:, 0])
    regressor.set_params(loss="poisson")
    for model in (classifier, regressor):
        model.save(tmp_path / "m")
        loaded = ml.load(tmp_path / "m")
        np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
        assert loaded.targets_.units() == (1, model.network_.output)
        loaded.fit(X, Y)
    classifier.save(tmp_path / "m")
    np.testing.assert_array_equal(ml.load(tmp_path / "m").predict_proba(X), expected)
    tabular = ml.TabularClassifier(n_members=1, hidden_layer_sizes=[3], **FAST).fit(X, Y)
    encoder = ml.TableEncoder().fit(pd.DataFrame(X))
    for model, wrong in [(classifier, "max_iter"), (tabular, "max_iter")]:
        with pytest.raises(ValueError, match=f"The '{wrong}' parameter"):
            model.set_params(**{wrong: -1}).save(tmp_path / "m")
    with pytest.raises(ValueError, match="The 'scaling' parameter"):
        encoder.set_params(scaling="none").save(tmp_path / "m")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_class_weights_keep_their_types(tmp_path):
    weights = {0: 1.0, 1: 2.0}
    tabular = ml.TabularClassifier(n_members=1, hidden_layer_sizes=[3], **FAST)
    for model, y, given in [
        (tabular, Y, weights),
        (ml.MLPClassifier((3,), **FAST), np.column_stack([Y, Y]), [weights, weights]),
    ]:
        if y.ndim == 2:
            y[:5, 1] = 2
            given = [weights, {**weights, 2: 1.0}]
        model.set_params(class_weight=given).fit(X, y).save(tmp_path / "m")
        loaded = ml.load(tmp_path / "m")
        assert loaded.class_weight == given
        loaded.fit(X, y)


@pytest.mark.parametrize(
    "notes",
    [
        {"scores": 3},
        {"scores": {"test": {"accuracy": "high"}}, "rows": {"test": 3}},
        {"scores": {"test": {"accuracy": 0.5}}},
        {"seconds": "x"},
        {"table": "x.csv"},
        {"reading": []},
        {"reading": {"names": ["a"], "formats": {"a": ["number", "x"]}}},
        {"reading": {"names": ["a"], "formats": {"a": ["roman", ""]}}},
    ],
)
def test_commands_leave_out_notes_of_another_form(tmp_path, notes):
    ml.save(ml.load(PRESENT / "pipeline.model"), tmp_path / "m", notes)
    assert next(iter(notes)) not in read_model(str(tmp_path / "m")).notes
