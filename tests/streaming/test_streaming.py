"""Training from files, block by block, is training from memory for any size of the blocks."""

import numpy as np
import polars as pl
import pytest
from cases import shards_train, train, training_state
from comparisons import assert_arrays_close
from sklearn.datasets import make_classification

import multilayer
from multilayer import DivergenceWarning, MLPClassifier, MLPRegressor, TableEncoder
from multilayer.optimizers import Adam
from multilayer.reading.files import TableFiles, parse_memory
from multilayer.streaming import fit_files
from multilayer.streaming.blocks import Blocks, Dealer
from multilayer.streaming.engine import _runs
from multilayer.training.state import Examples

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def table(rng):
    sex, age = rng.choice(["male", "female"], 6000), rng.uniform(1, 80, 6000)
    survived = np.where((sex == "female") ^ (rng.rand(6000) < 0.1), "yes", "no")
    frame = pl.DataFrame(
        {
            "sex": sex,
            "age": np.where(age > 75, np.nan, age),
            "weight": rng.randint(0, 3, 6000),
            "fare": 100 + 2 * age + 30 * (sex == "male") + rng.randn(6000),
            "survived": survived,
        }
    )
    return frame.sort("survived").with_columns(pl.col("age").fill_nan(None))


def written(folder, table, kind="parquet", files=3):
    size = -(-len(table) // files)
    for k in range(files):
        part = table[k * size : (k + 1) * size]
        path = folder / f"part-{k}.{kind}"
        part.write_parquet(path) if kind == "parquet" else part.write_csv(path)
    return f"{folder}/part-*.{kind}"


@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize("memory", ["500kB", "1GB"])
def test_classes(tmp_path, table, kind, memory):
    files = written(tmp_path, table, kind)
    clf = MLPClassifier(8, learning_rate_init=0.01, max_iter=8, random_state=0)
    model = fit_files(clf, files, "survived", memory=memory)
    X = table.drop("survived")
    assert model.score(X, table["survived"].to_numpy()) > 0.88
    assert model[0].get_feature_names_out().tolist()[:2] == ["age", "weight"]
    assert model[1].classes_.tolist() == ["no", "yes"]
    assert model[1].t_ == 8 * 6000
    assert training_state(model[1]).steps == 8 * 30
    multilayer.save(model, tmp_path / "model.mlp")
    again = multilayer.load(tmp_path / "model.mlp")
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert not hasattr(clf, "network_")


@pytest.mark.parametrize("memory", ["500kB", "1GB"])
def test_full_batch_is_that_of_memory(tmp_path, table, memory):
    files = written(tmp_path, table)
    options = {"hidden_layer_sizes": 6, "solver": "lbfgs", "max_iter": 8, "random_state": 0}
    options |= {"class_weight": "balanced"}
    encoder = TableEncoder(dtype="float64")
    model = fit_files(MLPClassifier(**options), files, "survived", memory=memory, encoder=encoder)
    X = TableEncoder(dtype="float64").fit_transform(table.drop("survived"))
    whole = MLPClassifier(**options).fit(X, table["survived"].to_numpy())
    assert_arrays_close(model[1].network_.thetas, whole.network_.thetas, rtol=1e-6, atol=1e-6)


def test_numbers_weights_and_validation(tmp_path, table):
    files = written(tmp_path, table)
    reg = MLPRegressor(
        hidden_layer_sizes=8,
        learning_rate_init=0.01,
        early_stopping=True,
        max_iter=20,
        random_state=0,
    )
    model = fit_files(reg, files, "fare", sample_weight="weight", memory="500kB")
    assert model[1].best_validation_score_ > 0.99
    predicted = model.predict(table.drop("fare", "weight"))
    assert np.corrcoef(predicted, table["fare"])[0, 1] > 0.995
    assert abs(predicted.mean() - table["fare"].mean()) < 3  # in its own units


def test_same_seed_same_bits(tmp_path, table):
    files = written(tmp_path, table)
    fits = [
        fit_files(MLPClassifier(4, max_iter=2, random_state=3), files, "survived", memory="500kB")
        for _ in range(2)
    ]
    for a, b in zip(*(fit[1].network_.thetas for fit in fits), strict=True):
        assert (a == b).all()


def blocks_of(folder, X, y, n, weights=None):
    dealer = Dealer(folder, "rows", n, np.random.RandomState(0))
    for start in range(0, len(X), 100):
        part = slice(start, start + 100)
        dealer.deal(Examples(X[part], y[part], None if weights is None else weights[part]))
    return dealer.blocks()


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("batch_size", [1, 40, 503])
def test_steps_are_those_of_the_engine(tmp_path, n, batch_size):
    """On the rows in the order in which the blocks give them."""
    X, y = make_classification(503, 7, random_state=0)
    weights = np.random.RandomState(1).uniform(size=503)
    blocks = blocks_of(tmp_path, X, y, n, weights)
    thetas, optimizer = [np.random.RandomState(0).randn(1, 8) * 0.3], Adam(learning_rate=0.01)
    ours, theirs = ([theta.copy() for theta in thetas] for _ in range(2))
    names = {"batch_size": batch_size, "lambda_": 0.1, "epochs": 2}
    report = shards_train(
        blocks, ours, y, (), "logistic", optimizer, optimizer.start(ours), **names
    )
    lying = [shard.examples for shard in blocks.read()]
    X, y, weights = (np.concatenate(parts) for parts in zip(*lying, strict=True))
    native = train(
        theirs,
        X,
        y,
        (),
        "logistic",
        optimizer,
        optimizer.start(theirs),
        weights=weights,
        **names,
    )
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-9)
    np.testing.assert_allclose(report.costs, native.costs)
    assert report.steps == native.steps


def test_every_row_is_learned_from_once(tmp_path):
    X, y = np.arange(503.0)[:, None], np.arange(503)
    blocks = blocks_of(tmp_path, X, y, 7)
    for seed in (None, 3):
        runs = [e.Y[rows] for e, rows in _runs(blocks.read([3, 1, 0, 2, 6, 5, 4]), seed, 50)]
        assert sorted(np.concatenate(runs)) == list(range(503))
        assert [len(run) % 50 for run in runs] == [0] * (len(runs) - 1) + [3]
    targets = [block.examples.Y for block in blocks.read()]
    assert np.corrcoef(targets[0], range(blocks.lengths[0]))[0, 1] > 0.9
    assert all(abs(Y.mean() - 251) < 80 for Y in targets)


def test_interrupted_and_diverged(tmp_path, table, monkeypatch):
    files = written(tmp_path, table)
    reg = MLPRegressor(solver="sgd", learning_rate_init=1e9, max_iter=3, random_state=0)
    with pytest.raises(ValueError, match="no longer finite"):
        fit_files(reg, files, "fare", memory="500kB")
    reg = MLPRegressor(learning_rate_init=1e5, max_iter=1, random_state=0)
    with pytest.warns(DivergenceWarning, match=r"Training diverged: the cost is .*e\+"):
        fit_files(reg, files, "fare", memory="500kB")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    loads = []

    def read(self, order=None, read=Blocks.read):
        for block in read(self, order):
            loads.append(block)
            if len(loads) > 5 * len(self.lengths):
                raise KeyboardInterrupt
            yield block

    monkeypatch.setattr(Blocks, "read", read)
    clf = MLPClassifier(4, random_state=0, tol=0)
    with pytest.warns(UserWarning, match="interrupted by user"):
        model = fit_files(clf, files, "survived", memory="500kB", folder=scratch)
    assert 3 <= model[1].n_iter_ < 6
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "size"), [("2GB", 2 * 10**9), ("1.5 MiB", 3 * 2**19), (500e3, 500_000), ("9kB", 9000)]
)
def test_memory(given, size):
    assert parse_memory(given) == size


def test_wrong_input(tmp_path, table):
    files, clf = written(tmp_path, table), MLPClassifier(4, max_iter=1)
    for memory in ("much", "2 XB", 0, -1, "1.2.3GB"):
        with pytest.raises(ValueError, match="memory must be a size"):
            fit_files(clf, files, "survived", memory=memory)
    with pytest.raises(ValueError, match="memory must hold some thousand rows"):
        fit_files(clf, files, "survived", memory="10kB")
    with pytest.raises(FileNotFoundError, match="nothing is there"):
        fit_files(clf, f"{tmp_path}/*.csv", "survived")
    with pytest.raises(ValueError, match="has no column 'dead': it has sex, age"):
        fit_files(clf, files, "dead")
    with pytest.raises(ValueError, match="target 'fare' must be texts or whole numbers"):
        fit_files(clf, files, "fare")
    with pytest.raises(ValueError, match="target 'survived' must be numbers for a regressor"):
        fit_files(MLPRegressor(), files, "survived")
    with pytest.raises(TypeError, match="estimator must be an MLPClassifier"):
        fit_files(TableEncoder(), files, "survived")
    with pytest.raises(ValueError, match=r"every row must have as many cells as most"):
        TableFiles(__file__)
    table.rename({"age": "years"}).write_parquet(tmp_path / "part-9.parquet")
    with pytest.raises(ValueError, match=r"part-9.parquet lacks \['age'\] and has \['years'\]"):
        fit_files(clf, files, "survived")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(ValueError, match="cannot be read as a table"):
        fit_files(clf, tmp_path / "broken.parquet", "survived")
    empty = pl.DataFrame({"x": [1.0, 2.0], "y": [None, None]}, schema={"x": float, "y": str})
    empty.write_parquet(tmp_path / "empty.parquet")
    with pytest.raises(ValueError, match="target 'y' must have values, but all are missing"):
        fit_files(clf, tmp_path / "empty.parquet", "y")
