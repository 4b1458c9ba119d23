"""Training on a Dask cluster: real processes, equal results, wrong input."""

import runpy
import time
from pathlib import Path

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from comparisons import assert_thetas_close
from dask_cases import QUIET, parted
from distributed import Client
from sklearn.base import clone, is_classifier
from sklearn.datasets import make_regression
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline

import multilayer
from multilayer import Checkpoint, MLPClassifier, MLPRegressor, TableEncoder
from multilayer.dask import DaskMLPClassifier, DaskMLPRegressor, DaskTableEncoder

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::ResourceWarning"
)


@pytest.mark.parametrize("solver", ["lbfgs", "gd"])
def test_full_batch_is_that_of_one_machine(client, labelled, solver):
    options = {"solver": solver, "max_iter": 8, "random_state": 0, "class_weight": "balanced"}
    whole = MLPClassifier((6, 3), **options).fit(*labelled)
    spread = DaskMLPClassifier((6, 3), **options).fit(*parted(*labelled))
    assert_thetas_close(whole, spread, 1e-9)
    np.testing.assert_allclose(spread.loss_curve_, whole.loss_curve_)
    assert spread.classes_.tolist() == ["blue", "green", "red"]
    assert (spread.n_iter_, spread.sync_every_) == (8, 1)
    assert spread.score(*parted(*labelled)) == pytest.approx(whole.score(*labelled))


@pytest.mark.parametrize("sync_every", [1, 4])
def test_same_bits_for_any_number_of_workers(client, labelled, sync_every):
    options = {"batch_size": 50, "max_iter": 3, "random_state": 0, "sync_every": sync_every}
    X, y = parted(*labelled)
    several = DaskMLPClassifier(6, client=client, **options).fit(X, y)
    with Client(n_workers=1, processes=False, set_as_default=False, **QUIET) as one:
        alone = DaskMLPClassifier(6, client=one, **options).fit(X, y)
    assert_thetas_close(several, alone, 0)
    assert several.loss_curve_ == alone.loss_curve_
    assert several.sync_every_ == sync_every


def test_numbers_weights_and_validation(client):
    X, y = make_regression(503, 5, n_targets=2, random_state=0)
    y, weights = y / y.std(), np.random.RandomState(0).randint(0, 3, 503).astype(float)
    options = {"hidden_layer_sizes": 6, "solver": "lbfgs", "max_iter": 9, "random_state": 0}
    whole = MLPRegressor(**options).fit(X, y, weights, X_val=X[:99], y_val=y[:99])
    chunks = (100, 200, 203)
    dX, dy = parted(X, y, chunks)
    dw = da.from_array(weights, chunks=(chunks,))
    validation = parted(X[:99], y[:99], (50, 49))
    spread = DaskMLPRegressor(**options).fit(dX, dy, dw, eval_set=[validation])
    assert_thetas_close(whole, spread, 1e-8)
    np.testing.assert_allclose(spread.validation_scores_, whole.validation_scores_)
    assert spread.score(dX, dy, dw) == pytest.approx(whole.score(X, y, weights))
    np.testing.assert_allclose(spread.predict(dX).compute(), whole.predict(X), rtol=1e-6)


def test_auto_chooses_an_interval_and_reports_it(client, labelled):
    X, y = parted(*labelled)
    clf = DaskMLPClassifier(6, batch_size=10, max_iter=2, random_state=0).fit(X, y)
    assert isinstance(clf.sync_every_, int)
    again = DaskMLPClassifier(6, batch_size=500, max_iter=2, random_state=0).fit(X, y)
    assert again.sync_every_ == 1  # an epoch has too few steps to choose by


def test_early_stopping_and_dropout(client, labelled):
    clf = DaskMLPClassifier(
        32,
        batch_size=25,
        dropout=0.1,
        early_stopping=True,
        learning_rate_init=0.01,
        n_iter_no_change=3,
        random_state=0,
        sync_every=8,
    ).fit(*parted(*labelled))
    assert 3 < clf.n_iter_ < 100
    assert clf.score(*parted(*labelled)) > 0.8
    assert clf.best_validation_score_ == max(clf.validation_scores_) > 0.7


def test_dataframes(client, labelled):
    frame = pd.DataFrame(labelled[0], columns=list("abcdefg")).astype(np.float32)
    frame.index += 100
    y = pd.Series(labelled[1], index=frame.index)
    X = dd.from_pandas(frame, npartitions=3)
    clf = DaskMLPClassifier(6, solver="lbfgs", max_iter=9, random_state=0)
    clf.fit(X, dd.from_pandas(y, npartitions=3))
    assert clf.feature_names_in_.tolist() == list("abcdefg")
    assert clf.network_.dtype == np.float32
    local = clf.to_local()
    assert type(local) is MLPClassifier
    predicted, shares = clf.predict(X), clf.predict_proba(X)
    assert isinstance(predicted, dd.Series)
    assert isinstance(shares, dd.DataFrame)
    assert predicted.compute().tolist() == local.predict(frame).tolist()
    assert shares.compute().index.equals(frame.index)
    assert list(shares.columns) == ["blue", "green", "red"]
    np.testing.assert_allclose(shares.compute(), local.predict_proba(frame), rtol=1e-6)


def test_lazy_arrays(client, labelled):
    X, y = parted(*labelled)
    clf = DaskMLPClassifier(6, solver="lbfgs", max_iter=9, random_state=0).fit(X, y)
    shares = clf.predict_proba(X[labelled[0][:, 0] > 0])  # chunks of unknown sizes
    assert isinstance(shares, da.Array)
    local = clf.to_local().predict_proba(labelled[0][labelled[0][:, 0] > 0])
    np.testing.assert_allclose(shares.compute(), local)
    np.testing.assert_allclose(clf.predict_log_proba(X).compute(), np.log(clf.predict_proba(X)))
    assert clf.predict(labelled[0]).tolist() == clf.predict(X).compute().tolist()
    assert 0 < log_loss(labelled[1], clf.predict_proba(X).compute()) < 1


def test_estimator_conventions(client, labelled):
    clf = DaskMLPClassifier(6, client=client, alpha=0.1, sync_every=2)
    copied = clone(clf)
    assert copied.client is client
    assert copied.get_params() == clf.get_params()
    assert copied.set_params(alpha=0.2).alpha == 0.2
    assert set(clf.get_params()) - set(MLPClassifier().get_params()) == {
        "client",
        "sync_every",
        "timeout",
    }
    assert is_classifier(clf)
    assert not is_classifier(DaskMLPRegressor())
    with pytest.raises(NotFittedError):
        clf.predict(labelled[0])
    with pytest.raises(TypeError, match="hidden_layer"):
        DaskMLPClassifier(hidden_layers=3)


def test_several_labels(client, labelled):
    X, y = labelled[0], np.stack([labelled[1] == c for c in ("red", "blue")], axis=1).astype(int)
    options = {"hidden_layer_sizes": 6, "solver": "lbfgs", "max_iter": 9, "random_state": 0}
    whole, spread = MLPClassifier(**options).fit(X, y), DaskMLPClassifier(**options)
    spread.fit(*parted(X, y))
    assert_thetas_close(whole, spread, 1e-9)
    assert (spread.predict(parted(X, y)[0]).compute() == whole.predict(X)).all()


def test_checkpoint(client, labelled, tmp_path):
    X, y = parted(*labelled)
    options = {"batch_size": 100, "random_state": 0, "sync_every": 2, "tol": 0.0}
    whole = DaskMLPClassifier(6, max_iter=6, **options).fit(X, y)
    for max_iter in (3, 6):
        clf = DaskMLPClassifier(6, max_iter=max_iter, **options)
        clf.set_callbacks(Checkpoint(tmp_path / "training", interval=0)).fit(X, y)
    assert_thetas_close(whole, clf, 0)
    assert clf.loss_curve_ == whole.loss_curve_


def test_warm_start(client, labelled):
    X, y = parted(*labelled)
    clf = DaskMLPClassifier(6, solver="gd", max_iter=3, warm_start=True, random_state=0)
    clf.fit(X, y).fit(X, y)
    whole = DaskMLPClassifier(6, solver="gd", max_iter=6, random_state=0).fit(X, y)
    assert_thetas_close(clf, whole, 1e-12)


def test_no_client(labelled, monkeypatch):
    def none_active():
        raise ValueError("No clients found")

    monkeypatch.setattr("multilayer.dask.cluster.get_client", none_active)
    with pytest.raises(ValueError, match="there must be a Dask client"):
        DaskMLPClassifier().fit(*parted(*labelled))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda X, y: (X.compute(), y), TypeError, "X must be a Dask array or dataframe, got nd"),
        (lambda X, y: (X, y.compute()), TypeError, "y must be a Dask array or dataframe, got nd"),
        (lambda X, y: (X, y[:-1]), ValueError, "y must have as many rows as X, 1003, got 1002"),
        (lambda X, y: (X[:, 0], y), ValueError, "X must have two dimensions"),
        (lambda X, y: (X[X[:, 0] > 99], y[X[:, 0] > 99]), ValueError, r"its 4 partition\(s\) have"),
        (lambda X, y: (X[X[:, 0] > 0], y), ValueError, r"y has \d+ rows in partition \d of X"),
        (lambda X, y: (da.where(X > 3, np.nan, X), y), ValueError, r"partition \d of X: .*NaN"),
        (lambda X, y: (X, X[:, 0]), ValueError, "Unknown label type: continuous"),
    ],
)
def test_wrong_rows(client, labelled, change, error, message):
    X, y = change(*parted(*labelled))
    with pytest.raises(error, match=message):
        DaskMLPClassifier(6, max_iter=1).fit(X, y)


def test_columns_that_differ(client, labelled):
    frame = pd.DataFrame(labelled[0], columns=list("abcdefg"))
    X = dd.from_delayed([dask.delayed(frame[:500]), dask.delayed(frame[500:])])
    y = dd.from_delayed(
        [dask.delayed(pd.Series(labelled[1])[part]) for part in (slice(500), slice(500, None))]
    )
    parts = [dask.delayed(frame[:500]), dask.delayed(frame[500:].rename(columns={"a": "z"}))]
    odd = dd.from_delayed(parts, meta=frame[:0], verify_meta=False)
    with pytest.raises(ValueError, match="partition 1 of X must have the columns"):
        DaskMLPClassifier(6, max_iter=1).fit(odd, y)
    with pytest.raises(ValueError, match="cut into partitions as X is, 2, but has 3"):
        DaskMLPClassifier(6).fit(X, dd.from_pandas(y.compute(), npartitions=3))
    texts = X.assign(town="Bern")
    with pytest.raises(ValueError, match="columns of X must be numbers, but 'town'"):
        DaskMLPClassifier(6).fit(texts, y)
    clf = DaskMLPClassifier(6, max_iter=1).fit(X, y)
    with pytest.raises(ValueError, match="X must have 7 features"):
        clf.predict(texts)


def test_a_source_that_fails(client, labelled, tmp_path):
    load = dask.delayed(np.load)
    X = da.from_delayed(load(tmp_path / "rows.npy"), shape=(9, 2), dtype=float)
    began = time.monotonic()
    with pytest.raises(FileNotFoundError, match=r"rows\.npy"):
        DaskMLPClassifier(6, timeout=60).fit(X, da.zeros(9, dtype=int))
    assert time.monotonic() - began < 30


def test_too_many_rows_for_the_workers(client):
    X = da.zeros((10**9, 1000), chunks=(10**6, 1000))
    with pytest.raises(MemoryError, match=r"rows must fit the memory of the workers, .* GB"):
        DaskMLPClassifier(6).fit(X, X[:, 0])


@pytest.mark.parametrize(
    "parameters",
    [
        {"sync_every": 0},
        {"sync_every": "often"},
        {"timeout": 0},
        {"alpha": -1.0},
        {"scoring": "roc_auc"},
        {"dropout": 0.5, "sync_every": 1},
    ],
    ids=str,
)
def test_wrong_parameters(client, labelled, parameters):
    clf = DaskMLPClassifier(6, max_iter=1, **parameters)
    with pytest.raises(ValueError, match=next(iter(parameters))):
        clf.fit(*parted(*labelled))
    assert not hasattr(clf, "estimator_")


def test_raw_tables(client, rng, tmp_path):
    sex, age = rng.choice(["male", "female"], 900), rng.uniform(1, 80, 900)
    table = pd.DataFrame({"sex": sex, "age": np.where(age > 75, np.nan, age), "id": np.arange(900)})
    y = pd.Series(np.where((sex == "female") ^ (rng.rand(900) < 0.1), "yes", "no"))
    X, answers = dd.from_pandas(table, npartitions=5), dd.from_pandas(y, npartitions=5)
    options = {"solver": "lbfgs", "max_iter": 8, "random_state": 0}
    spread = make_pipeline(DaskTableEncoder(), DaskMLPClassifier(6, **options)).fit(X, answers)
    whole = make_pipeline(TableEncoder(), MLPClassifier(6, **options)).fit(table, y)
    assert spread[0].get_feature_names_out().tolist() == [
        "age",
        "id",
        "missingindicator_age",
        "sex_female",
        "sex_male",
    ]
    assert_thetas_close(whole[-1], spread[-1], 1e-3)  # float32
    probability = spread.predict_proba(X).compute()
    np.testing.assert_allclose(probability, whole.predict_proba(table), atol=1e-3)
    local = make_pipeline(*(step.to_local() for _, step in spread.steps))
    multilayer.save(local, tmp_path / "model.mlp")
    again = multilayer.load(tmp_path / "model.mlp")
    np.testing.assert_array_equal(again.predict_proba(table), local.predict_proba(table))
    with pytest.raises(TypeError, match="X must be a Dask dataframe, got DataFrame"):
        DaskTableEncoder().fit(table)
    with pytest.raises(ValueError, match="a row or more"):
        DaskTableEncoder().fit(X[X.age > 99])


def test_example(client, capsys):
    path = Path(__file__).parents[2] / "examples" / "dask_cluster.py"
    main = runpy.run_path(str(path))["main"]
    local = main(rows=4000, parts=4)
    assert type(local) is MLPClassifier
    assert capsys.readouterr().out.count("accuracy") == 2
