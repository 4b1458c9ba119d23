"""The estimators: scikit-learn's contract, its results, and an answer to wrong input."""

import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from comparisons import assert_arrays_equal
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_diabetes, load_iris, make_moons
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from multilayer import DivergenceWarning, MLPClassifier, MLPRegressor, Network, load
from multilayer.losses import Quantile
from multilayer.optimizers import Adam, Lion, RMSprop
from multilayer.schedules import SCHEDULES, Cosine

X_IRIS, Y_IRIS = load_iris(return_X_y=True)
X_DIABETES, Y_DIABETES = load_diabetes(return_X_y=True)
X_MOONS, Y_MOONS = make_moons(n_samples=200, noise=0.1, random_state=0)
SOLVERS = ["gd", "sgd", "adam", "adamw", "nadam", "rmsprop", "rprop", "lion", "lbfgs"]

not_converged = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def settings():
    for solver in SOLVERS:
        rate = {"learning_rate_init": 0.5} if solver == "gd" else {"learning_rate_init": 0.01}
        for output in ("auto", "logistic", "softmax"):
            yield MLPClassifier(
                (10,), solver=solver, output_activation=output, max_iter=100, **rate
            )
        yield MLPRegressor(
            hidden_layer_sizes=(10,), solver=solver, max_iter=500, learning_rate_init=0.01
        )


@not_converged
@parametrize_with_checks(list(settings()))
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_labels_of_any_kind():
    for labels in (np.array(["setosa", "versicolor", "virginica"]), np.array([5, -1, 7])):
        clf = MLPClassifier(solver="lbfgs", random_state=0, max_iter=1000).fit(
            X_IRIS, labels[Y_IRIS]
        )
        assert clf.classes_.tolist() == sorted(labels.tolist())
        assert clf.score(X_IRIS, labels[Y_IRIS]) > 0.95
        assert clf.predict(X_IRIS[:3]).dtype == labels.dtype


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_frames(frame):
    X = frame({"a": X_MOONS[:, 0], "b": X_MOONS[:, 1]})
    y = pd.Series(Y_MOONS) if frame is pd.DataFrame else pl.Series(Y_MOONS)
    clf = MLPClassifier(solver="lbfgs", random_state=0, max_iter=1000).fit(X, y)
    assert clf.feature_names_in_.tolist() == ["a", "b"]
    assert clf.score(X, y) > 0.95


@not_converged
@pytest.mark.parametrize("output", ["auto", "logistic", "softmax"])
@pytest.mark.parametrize("n_classes", [1, 2, 3])
def test_probabilities_add_up(n_classes, output):
    y = np.minimum(Y_IRIS, n_classes - 1)
    clf = MLPClassifier((5,), output_activation=output, max_iter=30, random_state=0)
    clf.fit(X_IRIS, y)
    probabilities = clf.predict_proba(X_IRIS)
    assert probabilities.shape == (150, n_classes)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(clf.predict(X_IRIS), probabilities.argmax(axis=1))
    np.testing.assert_allclose(np.exp(clf.predict_log_proba(X_IRIS)), probabilities, atol=1e-12)


@not_converged
def test_float32_stays_float32():
    clf = MLPClassifier((5,), max_iter=3).fit(X_IRIS.astype(np.float32), Y_IRIS)
    assert clf.predict_proba(X_IRIS).dtype == np.float32
    assert clf.coefs_[0].dtype == np.float32
    reg = MLPRegressor(hidden_layer_sizes=(5,), max_iter=3).fit(
        X_DIABETES.astype(np.float32), Y_DIABETES
    )
    assert reg.predict(X_DIABETES).dtype == np.float32


def test_several_outputs():
    X = np.random.RandomState(0).randn(100, 3)
    y = X @ [[1.0, 2.0], [0.0, 1.0], [-1.0, 3.0]]
    reg = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=0).fit(X, y)
    assert reg.n_outputs_ == 2
    np.testing.assert_allclose(reg.predict(X), y, atol=1e-3)


def test_counts():
    rng = np.random.RandomState(0)
    X = rng.randn(2000, 2)
    y = rng.poisson(np.exp(0.5 + X @ [0.3, -0.7]))
    reg = MLPRegressor("poisson", (), solver="lbfgs", alpha=0).fit(X, y)
    np.testing.assert_allclose(reg.coefs_[0][:, 0], [0.3, -0.7], atol=0.05)
    assert (reg.predict(X) > 0).all()


@not_converged
def test_warm_start_goes_on():
    whole = MLPClassifier((5,), solver="gd", learning_rate_init=0.5, max_iter=60, random_state=0)
    whole.fit(X_MOONS, Y_MOONS)
    half = MLPClassifier(
        (5,), solver="gd", learning_rate_init=0.5, max_iter=30, random_state=0, warm_start=True
    )
    half.fit(X_MOONS, Y_MOONS).fit(X_MOONS, Y_MOONS)
    assert half.loss_curve_ == whole.loss_curve_
    assert half.n_iter_ == 30


@not_converged
def test_warm_start_keeps_its_shape():
    clf = MLPClassifier((5,), max_iter=3, warm_start=True).fit(X_IRIS, Y_IRIS)
    before = [coef.copy() for coef in clf.coefs_]
    clf.set_params(hidden_layer_sizes=(6,))
    with pytest.raises(ValueError, match=r"layers \(4, 5, 3\), .* ask for \(4, 6, 3\)"):
        clf.fit(X_IRIS, Y_IRIS)
    clf.set_params(hidden_layer_sizes=(5,))
    with pytest.raises(ValueError, match=r"same classes .* \[0 1 2\], `y` has \[1 2 3\]"):
        clf.fit(X_IRIS, Y_IRIS + 1)
    assert_arrays_equal(clf.coefs_, before)


def test_lbfgs_stops_early_too():
    clf = MLPClassifier(solver="lbfgs", early_stopping=True, random_state=0, max_iter=10**4)
    clf.fit(X_MOONS, Y_MOONS)
    assert len(clf.validation_scores_) == len(clf.loss_curve_) == clf.n_iter_ < 10**4
    assert clf.best_validation_score_ == max(clf.validation_scores_)


@not_converged
def test_warm_start_keeps_its_dtype():
    clf = MLPClassifier((5,), max_iter=3, warm_start=True).fit(X_IRIS, Y_IRIS)
    assert clf.fit(X_IRIS.astype(np.float32), Y_IRIS).coefs_[0].dtype == np.float64


def test_given_validation_rows():
    clf = MLPClassifier(early_stopping=True, learning_rate_init=0.01, random_state=0)
    clf.fit(X_MOONS[:100], Y_MOONS[:100], X_val=X_MOONS[100:], y_val=Y_MOONS[100:])
    assert clf.score(X_MOONS[100:], Y_MOONS[100:]) == clf.best_validation_score_
    with pytest.raises(ValueError, match="X_val and y_val go together"):
        clf.fit(X_MOONS, Y_MOONS, X_val=X_MOONS)
    with pytest.raises(ValueError, match=r"`y` has classes not in .* \[9\]"):
        clf.fit(X_MOONS, Y_MOONS, X_val=X_MOONS, y_val=np.full(200, 9))


FRAME = pd.DataFrame(X_MOONS.astype(np.float32), columns=["a", "b"])


@not_converged
@pytest.mark.parametrize(
    ("estimator", "X", "y"),
    [
        (MLPClassifier((4,), "gelu", solver="lbfgs"), X_IRIS, Y_IRIS),
        (MLPClassifier(4, solver="lbfgs"), X_IRIS, np.array(["a", "b", "é"])[Y_IRIS]),
        (MLPClassifier((3, 4), early_stopping=True, n_iter_no_change=np.inf), FRAME, Y_MOONS > 0),
        (MLPRegressor(hidden_layer_sizes=(), solver="lbfgs"), X_DIABETES, Y_DIABETES),
    ],
    ids=["ints", "strings", "float32", "regressor"],
)
def test_saved_pickled_and_dumped(estimator, X, y, tmp_path):
    fitted = estimator.fit(X, y)
    fitted.save(tmp_path / "m.mlp")
    joblib.dump(fitted, tmp_path / "m.joblib")
    for twin in (
        load(tmp_path / "m.mlp"),
        pickle.loads(pickle.dumps(fitted)),
        joblib.load(tmp_path / "m.joblib"),
    ):
        np.testing.assert_array_equal(twin.predict(X), fitted.predict(X))
        assert repr(twin) == repr(fitted)
        assert vars(twin).keys() == vars(fitted).keys()
        assert twin.loss_curve_ == fitted.loss_curve_
        assert twin.validation_scores_ == fitted.validation_scores_


def test_unfitted_cannot_be_saved(tmp_path):
    with pytest.raises(NotFittedError):
        MLPClassifier().save(tmp_path / "m.mlp")
    assert not list(tmp_path.iterdir())


def test_divergence_warns_and_keeps_finite_weights():
    reg = MLPRegressor(solver="sgd", batch_size=442, learning_rate_init=1e90, random_state=0)
    with pytest.warns(DivergenceWarning, match=r"smaller learning_rate_init \(now 1e\+90\)"):
        reg.fit(X_DIABETES, Y_DIABETES)
    assert all(np.isfinite(coef).all() for coef in reg.coefs_)


def test_convergence_warning():
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached"):
        MLPClassifier(max_iter=2).fit(X_IRIS, Y_IRIS)


def test_verbose_prints_each_epoch(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        MLPClassifier(max_iter=2, verbose=True, early_stopping=True).fit(X_IRIS, Y_IRIS)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines[::2]] == ["Iteration 1", "Iteration 2"]
    assert all(line.startswith("Validation score: ") for line in lines[1::2])


class Recorder:
    """A callback of scikit-learn's protocol that stops after a number of epochs."""

    def __init__(self, last):
        self.last, self.losses, self.ended = last, [], False

    def setup(self, estimator, context):
        assert context.max_subtasks == estimator.max_iter

    def teardown(self, estimator, context):
        self.ended = True

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.parent is None:
            return False
        assert fitted_estimator.predict(X_MOONS).shape == (200,)
        self.losses.append(estimator.loss_curve_[-1])
        return len(self.losses) == self.last


@pytest.mark.parametrize("solver", SOLVERS)
def test_callbacks_see_each_epoch_and_may_stop(solver):
    recorder = Recorder(last=3)
    clf = MLPClassifier(solver=solver, random_state=0).set_callbacks(recorder).fit(X_MOONS, Y_MOONS)
    assert recorder.losses == clf.loss_curve_
    assert len(recorder.losses) == 3
    assert recorder.ended


def test_callbacks_are_torn_down_when_fit_fails():
    recorder = Recorder(last=3)

    def fail(estimator, context):
        raise RuntimeError("enough")

    recorder.on_fit_task_end = fail
    clf = MLPClassifier(random_state=0).set_callbacks(recorder)
    with pytest.raises(RuntimeError, match="enough"):
        clf.fit(X_MOONS, Y_MOONS)
    assert recorder.ended
    assert not hasattr(clf, "network_")


def test_scoring_monitor_of_scikit_learn():
    monitor = ScoringMonitor(scoring="accuracy")
    clf = MLPClassifier(solver="lbfgs", max_iter=500, random_state=0).set_callbacks(monitor)
    clf.fit(X_MOONS, Y_MOONS)
    assert clf.score(X_MOONS, Y_MOONS) == 1.0


@pytest.mark.parametrize(
    ("estimator", "X", "y", "message"),
    [
        (MLPClassifier((5, 0)), X_IRIS, Y_IRIS, r"must be > 0, got \[5, 0\]"),
        (MLPClassifier((5, 2.5)), X_IRIS, Y_IRIS, r"must be > 0, got \[5.0, 2.5\]"),
        (MLPClassifier(activation="cos"), X_IRIS, Y_IRIS, "'activation' parameter"),
        (MLPClassifier(alpha=-1), X_IRIS, Y_IRIS, "'alpha' parameter"),
        (MLPClassifier(output_activation="exp"), X_IRIS, Y_IRIS, "'output_activation' parameter"),
        (MLPClassifier(), X_IRIS, Y_IRIS + 0.5, "Unknown label type: continuous"),
        (MLPClassifier(), X_IRIS * np.nan, Y_IRIS, "Input X contains NaN"),
        (MLPClassifier(), X_IRIS[:0], Y_IRIS[:0], "0 sample"),
        (MLPClassifier(), X_IRIS, Y_IRIS[1:], "inconsistent numbers of samples"),
        (MLPClassifier(early_stopping=True), X_IRIS[:6], Y_IRIS[:6], "of 6 rows sets 1 aside"),
        (MLPRegressor(), X_IRIS, np.array(list("ab"))[Y_IRIS % 2], "could not convert string"),
        (MLPRegressor(loss="poisson"), X_IRIS, -Y_IRIS, "must not be negative .* is -2"),
    ],
)
def test_refuses_wrong_input(estimator, X, y, message):
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, y)


@not_converged
def test_a_failed_fit_leaves_the_old_one():
    clf = MLPClassifier((5,), max_iter=3).fit(X_IRIS, Y_IRIS)
    before = clf.predict_proba(X_IRIS)
    with pytest.raises(ValueError, match="NaN"):
        clf.fit(X_MOONS * np.nan, Y_MOONS)
    with pytest.raises(ValueError, match="Unknown label type"):
        clf.fit(X_MOONS, Y_MOONS + 0.5)
    np.testing.assert_array_equal(clf.predict_proba(X_IRIS), before)
    with pytest.raises(ValueError, match="X has 2 features, but MLPClassifier is expecting 4"):
        clf.predict(X_MOONS)


def test_a_batch_larger_than_the_data_is_all_of_it():
    with pytest.warns(UserWarning, match="batch_size is 1000, but there are only 150 rows"):
        MLPClassifier(batch_size=1000, tol=1.0).fit(X_IRIS, Y_IRIS)


@not_converged
def test_initialize_draws_what_fit_would_start_from():
    clf = MLPClassifier((5,), max_iter=1, random_state=3, shuffle=False, warm_start=True)
    clf.initialize(X_IRIS, Y_IRIS)
    assert clf.predict(X_IRIS).shape == (150,)
    assert (clf.n_iter_, clf.t_, clf.loss_curve_) == (0, 0, [])
    fitted = MLPClassifier((5,), max_iter=1, random_state=3, shuffle=False).fit(X_IRIS, Y_IRIS)
    assert clf.fit(X_IRIS, Y_IRIS).loss_curve_ == fitted.loss_curve_
    reg = MLPRegressor(random_state=0).initialize(X_DIABETES, np.c_[Y_DIABETES, Y_DIABETES])
    assert reg.network_.sizes == (10, 100, 2)


@pytest.mark.parametrize(
    "parameters", [{"l1": 0.1}, {"clip_norm": 1.0}, {"max_norm": 1.0}, {"dropout": 0.5}], ids=str
)
def test_lbfgs_refuses_what_needs_steps(parameters):
    with pytest.raises(ValueError, match="needs a solver of steps"):
        MLPClassifier(solver="lbfgs", **parameters).fit(X_IRIS, Y_IRIS)


@not_converged
def test_another_optimizer_starts_anew():
    clf = MLPClassifier(solver="sgd", random_state=0)
    clf.partial_fit(X_IRIS, Y_IRIS, classes=[0, 1, 2])
    for solver in ("adam", Adam(0.01), RMSprop(0.01), "gd"):
        clf.set_params(solver=solver).partial_fit(X_IRIS, Y_IRIS)
    assert len(clf.loss_curve_) == 5


def test_partial_fit_goes_on_with_another_activation_and_loss():
    clf = MLPClassifier((4,), random_state=0).partial_fit(X_IRIS, Y_IRIS, classes=[0, 1, 2])
    before = clf.network_
    clf.set_params(activation="tanh", loss="focal", learning_rate_init=1e-9)
    clf.partial_fit(X_IRIS, Y_IRIS)
    expected = Network(before.sizes, "tanh", "softmax", thetas=before.thetas).forward(X_IRIS)
    np.testing.assert_allclose(clf.predict_proba(X_IRIS), expected, atol=1e-6)
    assert type(clf.network_.loss).__name__ == "Focal"


@not_converged
@pytest.mark.parametrize("learning_rate", [*SCHEDULES, Cosine(warmup=0.1), lambda step: 0.99**step])
@pytest.mark.parametrize("solver", ["sgd", "adam", "gd"])
def test_every_schedule_trains(solver, learning_rate):
    clf = MLPClassifier(
        (8,),
        solver=solver,
        learning_rate=learning_rate,
        learning_rate_init=0.2,
        max_iter=60,
        power_t=0.1,
        random_state=0,
    )
    assert clf.fit(X_IRIS, Y_IRIS).loss_ < 0.75 * clf.loss_curve_[0]


@not_converged
@pytest.mark.parametrize(
    "option",
    [
        {"dropout": 0.2},
        {"dropout": (0.1, 0.3)},
        {"l1": 0.01},
        {"clip_norm": 0.5},
        {"max_norm": 1.0},
        {"label_smoothing": 0.1},
        {"penalty_scale": "sample", "alpha": 1.0},
        {"loss": "focal"},
        {"initializer": "he"},
        {"solver": Lion(0.01)},
        {"restore_best_weights": True},
    ],
    ids=str,
)
def test_options_train_save_and_are_the_same_twice(option, tmp_path):
    numbers = {"learning_rate_init": 0.02, "max_iter": 80, "random_state": 0, "batch_size": 50}
    plain = MLPClassifier((8,), **numbers).fit(X_IRIS, Y_IRIS)
    clf, twin = (MLPClassifier((8,), **{**numbers, **option}).fit(X_IRIS, Y_IRIS) for _ in "ab")
    assert clf.loss_curve_ == twin.loss_curve_
    if "restore_best_weights" not in option:
        assert clf.loss_curve_ != plain.loss_curve_
    assert clf.score(X_IRIS, Y_IRIS) > 0.9
    clf.save(tmp_path / "m.mlp")
    assert repr(load(tmp_path / "m.mlp")) == repr(clf)


@not_converged
def test_records_and_functions_among_the_parameters(tmp_path):
    reg = MLPRegressor(
        Quantile(0.9),
        solver=Adam(0.05),
        learning_rate=Cosine(final=0.1),
        max_iter=40,
        random_state=0,
    ).fit(X_DIABETES, Y_DIABETES / 100)
    assert 0.8 < (reg.predict(X_DIABETES) > Y_DIABETES / 100).mean() < 0.97
    reg.save(tmp_path / "m.mlp")
    twin = load(tmp_path / "m.mlp")
    assert repr(twin) == repr(reg)
    np.testing.assert_array_equal(twin.predict(X_DIABETES), reg.predict(X_DIABETES))
    for parameters in ({"learning_rate": lambda step: 1.0}, {"scoring": lambda e, X, y: 0.0}):
        with pytest.raises(TypeError, match="must be data to be saved, not code"):
            reg.set_params(**parameters).save(tmp_path / "n.mlp")
        reg.set_params(learning_rate="constant")
    assert not (tmp_path / "n.mlp").exists()


def test_dropout_must_fit_the_layers():
    for dropout in ([0.1], [0.1, 1.0], [0.1, -0.1]):
        with pytest.raises(ValueError, match="dropout must be one share, or 2, for the input and"):
            MLPClassifier((8,), dropout=dropout).fit(X_IRIS, Y_IRIS)
