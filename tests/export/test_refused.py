"""What a format cannot express is refused with one ValueError, and what it can is right."""

import math

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from multilayer import MLPClassifier, Network, TabularClassifier
from multilayer.export import onnx_inputs, to_c, to_onnx, to_python, to_torch

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.RandomState(0).normal(size=(39, 2))
Y = (X[:, 0] > 0).astype(int)
SMALL = {"max_iter": 20, "random_state": 0}
ODD = ["a\0b", "a\ud800", "a\0"]


def run_onnx(model, rows):
    session = onnxruntime.InferenceSession(to_onnx(model).SerializeToString())
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, onnx_inputs(model, rows)), strict=True))


def labelled(*labels):
    return MLPClassifier((3,), **SMALL).fit(X, np.array(labels, object)[Y])


def tabular(table):
    model = TabularClassifier(n_members=1, hidden_layer_sizes=[4], max_iter=1, random_state=0)
    return model.fit(table, Y)


@pytest.mark.parametrize("write", [to_python, to_c, to_onnx, to_torch])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite(write, value):
    network = Network((2, 3, 1), random_state=0)
    network.thetas[1][0, 2] = value
    classifier = labelled("no", "yes")
    classifier.network_.thetas[0][0, 0] = value
    pipeline = Pipeline([("scaler", StandardScaler().fit(X)), ("network", classifier)])
    for model in (network, classifier, pipeline):
        with pytest.raises(ValueError, match=f"weights must be finite .*, but one is .*{value}"):
            write(model)
    table = tabular(pd.DataFrame(X))
    table.members_[0].extra.arrays[0][0, 0] = value
    if write in (to_onnx, to_torch):
        with pytest.raises(ValueError, match="weights must be finite"):
            write(table)


@pytest.mark.parametrize("text", ODD, ids=ascii)
def test_texts_that_a_format_cannot_hold(text):
    other = "a" if text != "a" else "b"
    model = labelled(*sorted([other, text]))
    for write in (to_c, to_onnx):
        with pytest.raises(ValueError, match="a class must be without the character NUL"):
            write(model)
    there = {}
    exec(to_python(model), there)  # Python can
    assert [there["predict"](row) for row in X.tolist()] == model.predict(X).tolist()
    categories = np.array(["Bern", "Rome", text], object)[np.arange(39) % 3]
    with pytest.raises(ValueError, match="a category of column 'town' must be without"):
        to_onnx(tabular(pd.DataFrame({"n": X[:, 0], "town": pd.Series(categories, dtype=object)})))
    with pytest.raises(ValueError, match="the name of a column must be without"):
        to_onnx(tabular(pd.DataFrame(X, columns=pd.Index([text, "b"], dtype=object))))


def test_a_column_without_a_name():
    with pytest.raises(ValueError, match="column 1 must have a name to be exported"):
        to_onnx(tabular(pd.DataFrame(X, columns=["a", ""])))


def test_labels_beyond_64_bits():
    model = MLPClassifier((3,), **SMALL).fit(X, np.array([3, 2**63 + 5], np.uint64)[Y])
    with pytest.raises(ValueError, match="must be less than 2⁶³ to be exported"):
        to_onnx(model)


@pytest.mark.parametrize("labels", [("", "c"), ("é\u2028", '"\\\n'), ("\x1b[0m", "😀")], ids=ascii)
def test_odd_texts_that_are_right(labels):
    model = labelled(*sorted(labels))
    assert run_onnx(model, X)["label"].tolist() == model.predict(X).tolist()
    assert "network_classes[2]" in to_c(model)


@pytest.mark.parametrize(
    "names",
    [("/constant_0_0", "/Concat_1_1"), ("X", "label"), ("rows", "probabilities"), ("a b/c", "é")],
    ids=str,
)
@pytest.mark.parametrize("texts", [False, True])
def test_columns_named_as_parts_of_the_graph(names, texts):
    table = pd.DataFrame(X, columns=names)
    if texts:
        table[names[1]] = np.where(X[:, 1] > 0, "u", "v")
    model = tabular(table)
    found = run_onnx(model, table)
    shares = next(value for name, value in found.items() if name.startswith("probabilities"))
    np.testing.assert_allclose(shares, model.predict_proba(table), atol=2e-6)


def test_a_column_named_as_a_node():
    node = to_onnx(tabular(pd.DataFrame(X, columns=["a", "b"]))).graph.node[-3].output[0]
    assert node.startswith("/")
    table = pd.DataFrame(X, columns=[node, "b"])
    model = tabular(table)
    shares = run_onnx(model, table)["probabilities"]
    np.testing.assert_allclose(shares, model.predict_proba(table), atol=2e-6)


def test_exp_of_a_large_number():
    """NumPy returns infinity where `math.exp` raises."""
    network = Network((1, 1), output="exp", thetas=[[[0.0, 1.0]]])
    there = {}
    exec(to_python(network), there)
    for x in (-1000.0, 0.0, 709.0, 709.78271289338, 709.7827128934, 1e300):
        with np.errstate(over="ignore"):
            (expected,) = network.forward([[x]])[0]
        (found,) = there["forward"]([x])
        assert found == expected or math.isclose(found, expected, rel_tol=1e-12)
