"""Exported models predict the same: ONNX Runtime, PyTorch, C, plain Python."""

import ctypes
import itertools
import subprocess
import sys
import warnings

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import polars as pl
import pytest
from comparisons import assert_arrays_close
from data_cases import X_IRIS, Y_IRIS
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from typer.testing import CliRunner

from multilayer import (
    MLPClassifier,
    MLPRegressor,
    Network,
    TableEncoder,
    TabularClassifier,
    TabularRegressor,
)
from multilayer.activations import ACTIVATIONS, Activation
from multilayer.cli.app import app
from multilayer.export import onnx_inputs, to_c, to_onnx, to_python, to_torch
from multilayer.losses import Softmax
from multilayer.selection import HiddenLayerSearchCV

CLOSE = {np.dtype(np.float32): 2e-6, np.dtype(np.float64): 1e-12}
IRIS, SPECIES = X_IRIS, Y_IRIS


def run_onnx(model, X):
    session = onnxruntime.InferenceSession(
        to_onnx(model).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, onnx_inputs(model, X)), strict=True))


def run_python(model, X, function="predict"):
    there = {}
    exec(to_python(model), there)
    return np.array([there[function](row) for row in X.tolist()])


def compile_c(model, folder):
    source, library = folder / "network.c", folder / "network.so"
    to_c(model, source)
    strict = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-O1"]
    command = ["gcc", *strict, "-shared", "-fPIC", source, "-o", library, "-lm"]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(library))


def run_c(model, X, folder, function, width):
    dtype = X.dtype
    call = getattr(compile_c(model, folder), f"network_{function}")
    pointer = np.ctypeslib.ndpointer(dtype, flags="C")
    call.argtypes, call.restype = [pointer, pointer], None
    h = np.empty((len(X), width), dtype)
    for x, row in zip(np.ascontiguousarray(X), h, strict=True):
        call(x, row)
    return h


def networks():
    for dtype, (name, output) in itertools.product(
        (np.float64, np.float32),
        [*((name, "softmax") for name in ACTIVATIONS), ("tanh", "logistic"), ("tanh", "exp")],
    ):
        yield pytest.param(
            Network((4, 7, 3, 5), name, output, random_state=1, dtype=dtype, loss="auto"),
            id=f"{name}-{output}-{np.dtype(dtype)}",
        )
    grouped = Network((4, 6, 5), "gelu", Softmax((2, 3)), random_state=0)
    yield pytest.param(grouped, id="groups")
    yield pytest.param(Network((4, 1), output="identity", random_state=0), id="linear")


@pytest.fixture
def rows(rng):
    return rng.normal(size=(33, 4)) * 3


@pytest.mark.parametrize("network", list(networks()))
def test_networks(network, rows, tmp_path):
    X = rows.astype(network.dtype)
    H = network.forward(X)
    tolerance = {"rtol": 10 * CLOSE[network.dtype], "atol": CLOSE[network.dtype]}
    # ONNX Runtime has no erf of float64.
    erf = {"rtol": 0, "atol": 1e-6} if "gelu" in network.hidden else tolerance
    np.testing.assert_allclose(run_onnx(network, X)["output"], H, **erf)
    np.testing.assert_allclose(run_python(network, X, "forward"), H, **tolerance)
    np.testing.assert_allclose(run_c(network, X, tmp_path, "forward", H.shape[1]), H, **tolerance)


@pytest.mark.parametrize("network", list(networks()))
def test_torch_networks(network, rows):
    torch = pytest.importorskip("torch", reason="PyTorch is not here: its modules are not tried")
    X = rows.astype(network.dtype)
    module = to_torch(network)
    H = module(torch.from_numpy(X))
    np.testing.assert_allclose(
        H.detach().numpy(),
        network.forward(X),
        rtol=10 * CLOSE[network.dtype],
        atol=CLOSE[network.dtype],
    )
    before = network.thetas[0].copy()
    H.sum().backward()
    for parameter in module.parameters():
        parameter.data -= parameter.grad
    assert (network.thetas[0] == before).all()


def classifiers():
    some = SPECIES < 2
    several = np.column_stack([SPECIES, SPECIES % 2])
    names = np.array(["setosa", 'versi"color\\', "Veilchen ä??/"])
    for name, X, y, options in [
        ("three", IRIS, SPECIES, {}),
        ("texts", IRIS.astype(np.float32), names[SPECIES], {}),
        ("two", IRIS[some], SPECIES[some] == 1, {}),
        ("floats", IRIS[some], SPECIES[some].astype(float), {"output_activation": "softmax"}),
        ("sigmoids", IRIS, SPECIES, {"output_activation": "logistic"}),
        ("one", IRIS, np.zeros(150, int), {}),
        ("labels", IRIS, np.eye(3, dtype=int)[SPECIES], {}),
        ("columns", IRIS, several, {}),
    ]:
        yield pytest.param(X, y, options, id=name)


@pytest.mark.parametrize(("X", "y", "options"), list(classifiers()))
def test_classifiers(X, y, options, tmp_path):
    model = MLPClassifier(5, solver="lbfgs", max_iter=2000, random_state=0, **options).fit(X, y)
    labels, shares = model.predict(X), model.predict_proba(X)
    there = run_onnx(model, X)
    assert (there["label"] == labels).all()
    assert there["label"].shape == labels.shape
    atol = CLOSE[model.network_.dtype]
    if isinstance(shares, list):
        for k, share in enumerate(shares):
            np.testing.assert_allclose(there[f"probabilities_{k}"], share, atol=atol)
        there = {}
        exec(to_python(model), there)
        for row, *expected in zip(X.tolist(), *shares, strict=True):
            assert_arrays_close(there["predict_proba"](row), expected, atol=atol)
    else:
        np.testing.assert_allclose(there["probabilities"], shares, atol=atol)
        python = run_python(model, X, "predict_proba")
        np.testing.assert_allclose(python, shares, atol=atol)
        C = run_c(model, np.ascontiguousarray(X), tmp_path, "predict_proba", shares.shape[1])
        np.testing.assert_allclose(C, shares, atol=atol)
    assert (run_python(model, X) == labels).all()


def test_c_names_its_classes(tmp_path):
    names = np.array(["setosa", 'versi"color\\', "Veilchen ä??/"])
    model = MLPClassifier(5, solver="lbfgs", max_iter=2000, random_state=0)
    model.fit(IRIS, names[SPECIES])
    library = compile_c(model, tmp_path)
    classes = (ctypes.c_char_p * 3).in_dll(library, "network_classes")
    library.network_predict.argtypes = [np.ctypeslib.ndpointer(float)]
    there = [classes[library.network_predict(x)].decode() for x in IRIS]
    assert there == model.predict(IRIS).tolist()


@pytest.mark.filterwarnings(
    "ignore:L-BFGS could not reduce the cost:sklearn.exceptions.ConvergenceWarning"
)
@pytest.mark.parametrize(
    "scaler", [StandardScaler(), MinMaxScaler(), MaxAbsScaler(), RobustScaler()]
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_scalers_become_part_of_the_first_layer(scaler, dtype, tmp_path):
    X, y = load_diabetes(return_X_y=True, scaled=False)
    X = (X + 100).astype(dtype)
    model = make_pipeline(
        scaler, MLPRegressor(hidden_layer_sizes=5, solver="lbfgs", max_iter=3000, random_state=0)
    )
    model.fit(X, y)
    expected, tolerance = model.predict(X), {"rtol": 1e-4 if dtype == np.float32 else 1e-8}
    np.testing.assert_allclose(run_onnx(model, X)["prediction"], expected, **tolerance)
    np.testing.assert_allclose(run_python(model, X), expected, **tolerance)
    C = run_c(model, X.astype(float), tmp_path, "predict", 1)[:, 0]
    np.testing.assert_allclose(C, expected, **tolerance)


def test_several_numbers_and_counts(rng, tmp_path):
    Y = np.column_stack([IRIS[:, 0], IRIS[:, 1] * 3])
    model = MLPRegressor(hidden_layer_sizes=4, solver="lbfgs", max_iter=2000, random_state=0)
    model.fit(IRIS, Y)
    np.testing.assert_allclose(run_onnx(model, IRIS)["prediction"], model.predict(IRIS))
    np.testing.assert_allclose(run_python(model, IRIS), model.predict(IRIS))
    counts = rng.poisson(np.exp(IRIS[:, 0] / 4))
    model = MLPRegressor("poisson", 4, solver="lbfgs", max_iter=2000, random_state=0)
    model.fit(IRIS, counts)
    np.testing.assert_allclose(run_onnx(model, IRIS)["prediction"], model.predict(IRIS))


def table(rng, m=300):
    """Numbers with gaps and of every size, two values, dates, categories few and many, gaps."""
    town = rng.choice(["Bern", "Rome", "Oslo", None], m)
    many = rng.choice([f"street {k}" for k in range(40)] + [None], m)
    return pd.DataFrame(
        {
            "size": np.where(rng.rand(m) < 0.1, np.nan, rng.lognormal(3, 2, m)),
            "label": rng.choice([1.0, 2.0, np.nan], m),
            "ties": rng.choice([0.0, 0.0, 0.0, 1.0, 5.0], m),
            "member": rng.rand(m) < 0.3,
            "born": pd.Timestamp("1990-01-01") + pd.to_timedelta(rng.randint(9999, size=m), "D"),
            "town": town,
            "sex": rng.choice(["male", "female"], m),
            "street": many,
            "mark": rng.choice(["", "x", "y"], m),  # without gaps, an empty text is one
            "nothing": np.ones(m),
        }
    )


def unseen(X):
    """Rows with what fit never met."""
    new = X.head(20).copy()
    new.loc[0, ["size", "label", "ties"]] = [1e30, 7.0, -3.0]
    new.loc[1, ["town", "sex", "street"]] = ["Atlantis", "other", "nowhere"]
    new.loc[2, ["size", "ties"]] = [np.nan, np.nan]
    new.loc[3, ["sex", "street"]] = None
    return new


@pytest.mark.parametrize("frame", [lambda X: X, pl.from_pandas], ids=["pandas", "polars"])
@pytest.mark.parametrize("signs", [None, {"size": 1}])
def test_tabular_classifier(rng, frame, signs):
    X = table(rng)
    y = np.where((X["size"].fillna(20) > 20) ^ (X["sex"] == "male"), "yes", "no")
    model = TabularClassifier(n_members=3, max_iter=12, random_state=0, monotonic_cst=signs)
    model.fit(frame(X), y)
    for rows in (frame(X), frame(unseen(X))):
        there = run_onnx(model, rows)
        np.testing.assert_allclose(there["probabilities"], model.predict_proba(rows), atol=1e-6)
        assert (there["label_"] == model.predict(rows)).all()


@pytest.mark.parametrize("signs", [None, {"size": 1}])
def test_tabular_regressor(rng, signs):
    X = table(rng)
    y = 1000 + 5 * np.log(X["size"].fillna(20)) + (X["town"] == "Rome")
    model = TabularRegressor(n_members=3, max_iter=12, random_state=0, monotonic_cst=signs)
    model.fit(X, y)
    spread = np.std(y)
    for rows in (X, unseen(X)):
        there = run_onnx(model, rows)["prediction"]
        np.testing.assert_allclose(there, model.predict(rows), rtol=0, atol=1e-6 * spread)


@pytest.mark.parametrize("make", [TabularClassifier, TabularRegressor])
def test_torch_tabular(make, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not here: its modules are not tried")
    X = table(rng)
    y = (X["size"].fillna(20) > 20).astype(int)
    model = make(n_members=2, max_iter=6, random_state=0).fit(X, y)
    there = to_torch(model)(torch.from_numpy(model.encoder_.transform(X))).detach().numpy()
    here = model.predict_proba(X) if make is TabularClassifier else model.predict(X)
    np.testing.assert_allclose(there, here, atol=1e-6)


@pytest.mark.parametrize("scaling", ["standard", "robust", "quantile", "blend"])
@pytest.mark.parametrize("max_onehot", [None, 3])
def test_encoders(scaling, max_onehot, rng):
    X = table(rng)
    encoder = TableEncoder(max_categories=8, scaling=scaling, max_onehot=max_onehot).fit(X)
    width = encoder.transform(X).shape[1]
    # A network that gives back what it is given.
    thetas = [np.column_stack([np.zeros(width), np.eye(width)]).astype(np.float32)]
    network = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", max_iter=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(np.zeros((2, width), np.float32), np.zeros((2, width)))
    network.network_.thetas[0][...] = thetas[0]
    model = make_pipeline(encoder, network)
    for rows in (X, unseen(X)):
        there = run_onnx(model, rows)["prediction"]
        np.testing.assert_allclose(there, encoder.transform(rows), rtol=1e-6, atol=1e-6)


def test_an_array_of_numbers_is_one_input(rng):
    X = rng.normal(size=(100, 5))
    X[rng.rand(100, 5) < 0.1] = np.nan
    y = rng.randint(2, size=100)
    model = TabularClassifier(n_members=1, max_iter=5, random_state=0).fit(X, y)
    assert [i.name for i in to_onnx(model).graph.input] == ["X"]
    there = run_onnx(model, X)["probabilities"]
    np.testing.assert_allclose(there, model.predict_proba(X), atol=1e-6)
    mixed = np.array([[1.0, "a"], [2.0, "b"], [3.0, "a"]] * 9, dtype=object)
    model = TabularClassifier(n_members=1, max_iter=5, random_state=0).fit(mixed, [0, 1, 1] * 9)
    assert [i.name for i in to_onnx(model).graph.input] == ["x0", "x1"]
    there = run_onnx(model, mixed)["probabilities"]
    np.testing.assert_allclose(there, model.predict_proba(mixed), atol=1e-6)


def test_a_search_gives_its_best():
    search = HiddenLayerSearchCV(
        MLPClassifier(max_iter=20, learning_rate_init=0.05, random_state=0),
        n_candidates=2,
        cv=2,
        random_state=0,
    ).fit(IRIS, SPECIES)
    there = run_onnx(search, IRIS)["probabilities"]
    np.testing.assert_allclose(there, search.predict_proba(IRIS), atol=1e-12)


def test_files(tmp_path, rng):
    model = Network((3, 2, 1), random_state=0)
    for name, write in (("n.onnx", to_onnx), ("n.c", to_c), ("n.py", to_python)):
        write(model, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 100
    onnx.checker.check_model(onnx.load(tmp_path / "n.onnx"))
    first = to_onnx(model).SerializeToString(deterministic=True)
    assert first == to_onnx(model).SerializeToString(deterministic=True)
    assert first == (tmp_path / "n.onnx").read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", "import n; print(n.forward([1, 2, 3])[0])"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) == pytest.approx(model.forward([[1, 2, 3]])[0, 0])


def test_wrong_input(rng):
    own = Network((2, 2, 1), Activation(np.tanh, lambda z: 1 - np.tanh(z) ** 2))
    for write in (to_onnx, to_c, to_python, to_torch):
        with pytest.raises(NotFittedError):
            write(MLPClassifier())
        with pytest.raises(TypeError, match=r"sklearn\.linear_model\._logistic\.LogisticRegr"):
            write(LogisticRegression())
        with pytest.raises(TypeError, match="activation functions defined by the user cannot be"):
            write(own)
    model = make_pipeline(MinMaxScaler(clip=True), MLPClassifier(max_iter=2000)).fit(IRIS, SPECIES)
    with pytest.raises(TypeError, match="step 'minmaxscaler' is a sklearn"):
        to_onnx(model)
    with pytest.raises(ValueError, match="X must have 4 columns, but has shape"):
        onnx_inputs(model[-1], IRIS[:, :3])
    X = table(rng, 60)
    tabular = TabularClassifier(n_members=1, max_iter=2).fit(X, X["sex"])
    with pytest.raises(TypeError, match="a model of raw tables cannot be exported as source"):
        to_c(tabular)
    with pytest.raises(ValueError, match="X lacks 'town'"):
        onnx_inputs(tabular, X.drop(columns="town"))
    with pytest.raises(ValueError, match="name must be letters, digits and underscores"):
        to_c(Network((1, 1)), name="a; int b")
    labels = np.array([1, "a"], object)
    mixed = MLPClassifier(2, max_iter=2000, random_state=0).fit(IRIS[::100], [0, 1])
    mixed.targets_ = type(mixed.targets_)("binary", labels)
    with pytest.raises(TypeError, match="labels must be of one type"):
        to_onnx(mixed)


@pytest.mark.parametrize(
    ("module", "write", "message"),
    [("onnx", to_onnx, r"pip install 'multilayer\[onnx\]'"), ("torch", to_torch, "needs PyTorch")],
)
def test_without_the_library(module, write, message, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=message):
        write(Network((1, 1)))


def test_command_line(tmp_path, rng):
    X = table(rng)
    X.assign(y=X["size"].fillna(0) > 20).to_csv(tmp_path / "t.csv", index=False)

    def run(*words):
        return CliRunner().invoke(app, [str(word) for word in words])

    fit = ("fit", tmp_path / "t.csv", "--target", "y", "-o")
    assert run(*fit, tmp_path / "t.mlp", "--fast").exit_code == 0
    result = run("export", tmp_path / "t.mlp", "-o", tmp_path / "t.onnx")
    assert result.exit_code == 0, result.output
    assert "Inputs: size, " in result.output
    assert "Outputs: label_, probabilities" in result.output
    assert run(*fit, tmp_path / "n.mlp", "--layers", "8").exit_code == 0
    assert run("export", tmp_path / "n.mlp", "-o", tmp_path / "n.onnx").exit_code == 0
    for out, message in (
        ("t.c", "cannot be exported as source"),
        ("t.txt", "must end with one of .onnx"),
    ):
        result = run("export", tmp_path / "t.mlp", "-o", tmp_path / out)
        assert result.exit_code == 2
        assert message in " ".join(result.output.split())
        assert not (tmp_path / out).exists()
    Network((2, 1)).save(tmp_path / "plain.mlp")
    assert run("export", tmp_path / "plain.mlp", "-o", tmp_path / "plain.c").exit_code == 0
