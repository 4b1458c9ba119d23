"""Parameters, errors and methods of estimators of several targets."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, PredefinedSplit, cross_val_score
from tabular_cases import SMALL
from target_cases import CLASSES, LABEL, MIXED, NEW, NUMBERS, X, gaps, same

import multilayer as ml
from multilayer import TabularClassifier, TabularMultiOutput, TabularRegressor
from multilayer.tables import DataWarning

# Parameters


def test_weights_of_classes():
    Y = CLASSES
    model = TabularClassifier(class_weight="balanced", **SMALL).fit(X, Y)
    one = TabularClassifier(class_weight="balanced", **SMALL).fit(X, Y["colour"])
    same(model.predict_proba(NEW)[0], one.predict_proba(NEW))
    weights = {"red": 3.0, "blue": 1.0}
    model.set_params(class_weight=[weights, None]).fit(X, Y)
    one.set_params(class_weight=weights).fit(X, Y["colour"])
    same(model.predict_proba(NEW)[0], one.predict_proba(NEW))
    same(
        model.predict_proba(NEW)[1],
        TabularClassifier(**SMALL).fit(X, Y["grade"]).predict_proba(NEW),
    )
    with pytest.raises(ValueError, match="a list with an element for each of 2 targets, but is a"):
        model.set_params(class_weight=weights).fit(X, Y)
    with pytest.raises(ValueError, match="an element for each of 2 targets, but has 1"):
        model.set_params(class_weight=[weights]).fit(X, Y)
    with pytest.raises(ValueError, match="for one target, but is a list"):
        model.set_params(class_weight=[weights]).fit(X, Y["colour"])


def test_parameters_of_mixtures():
    given = {
        "task": {"grade": "regression"},
        "class_weight": {"colour": "balanced"},
        "scoring": {"colour": "roc_auc"},
    }
    model = TabularMultiOutput(**SMALL, **given).fit(X, MIXED)
    assert isinstance(model.estimators_["grade"], TabularRegressor)
    colour = TabularClassifier(**SMALL, class_weight="balanced", scoring="roc_auc")
    same(model.predict_proba(NEW)["colour"], colour.fit(X, MIXED["colour"]).predict_proba(NEW))
    for wrong, message in (
        ({"task": {"shape": "auto"}}, "task must be a dict from names of targets, price, colour"),
        ({"task": {"grade": "ranking"}}, "task must be auto, classification or regression, got"),
        ({"scoring": {"shape": "r2"}}, "scoring must be a dict from names of targets"),
    ):
        with pytest.raises(ValueError, match=message):
            clone(model).set_params(**wrong).fit(X, MIXED)


def test_a_seed_is_drawn_once():
    model = TabularRegressor(**SMALL | {"random_state": np.random.RandomState(3)}).fit(X, NUMBERS)
    seeds = {one.random_state for one in model.estimators_}
    assert len(seeds) == 1
    one = TabularRegressor(**SMALL | {"random_state": seeds.pop()}).fit(X, NUMBERS["weight"])
    same(model.predict(NEW)[:, 1], one.predict(NEW))
    first = TabularRegressor(**SMALL | {"random_state": None}).fit(X, NUMBERS)
    assert first.estimators_[0].random_state != one.random_state


def test_the_time_limit_is_that_of_all_targets(monkeypatch):
    times = iter([100.0, 100.0, 101.0, 102.5])  # at the beginning, and before each target
    clock = SimpleNamespace(perf_counter=lambda: next(times))
    monkeypatch.setattr("multilayer.tabular.fit_targets.clock", clock)
    Y = np.c_[NUMBERS, NUMBERS["price"] * 2]
    model = TabularRegressor(**SMALL, time_limit=6.0).fit(X, Y)
    assert [one.time_limit for one in model.estimators_] == [6.0 / 3, 5.0 / 2, 3.5]
    assert model.time_limit == 6.0


@pytest.mark.parametrize("model", [TabularRegressor, TabularMultiOutput])
def test_an_interruption_ends_the_training_of_all_targets(model, monkeypatch):
    from multilayer.tabular import stages

    train, calls = stages.train_members, []

    def interrupted(*args, **kwargs):
        calls.append(kwargs["seconds"])
        members, _ = train(*args, **kwargs)
        return members, len(calls) == 1

    monkeypatch.setattr(stages, "train_members", interrupted)
    Y = NUMBERS.assign(length=NUMBERS["price"])
    with pytest.warns(ConvergenceWarning) as caught:
        fitted = model(**SMALL | {"max_iter": 10**6, "time_limit": 3}).fit(X, Y)
    said = [str(w.message) for w in caught]
    assert "Training interrupted by user." in said
    assert any(m.endswith("trained for one epoch only: weight, length") for m in said)
    assert calls[0] > 0.5 > 0.01 > max(calls[1:])
    assert fitted.n_outputs_ == 3


# What is wrong


WRONG_TARGETS = {
    "text": (TabularRegressor, MIXED[["price", "colour"]], "target 'colour': y must be numbers"),
    "hint": (TabularRegressor, MIXED[["price", "colour"]], "TabularMultiOutput takes numbers and"),
    "continuous": (TabularClassifier, MIXED[["colour", "price"]], "target 'price': Unknown label"),
    "one class": (
        TabularClassifier,
        CLASSES.assign(grade="x"),
        "target 'grade': y must have at least two classes",
    ),
    "one class of a mixture": (
        TabularMultiOutput,
        MIXED.assign(grade="x"),
        "target 'grade': y must have at least two classes",
    ),
    "infinite": (
        TabularRegressor,
        NUMBERS.assign(weight=[*[0.0] * 119, np.inf]),
        r"target 'weight': .*y\[119\] is inf",
    ),
    "rows": (TabularRegressor, NUMBERS[:100], "X has 120 rows, but y has 100"),
    "3-D": (TabularRegressor, np.ones((120, 2, 2)), r"but has the shape \(120, 2, 2\)"),
    "ragged": (TabularRegressor, [[1, 2], [1]] * 60, r"the same number of targets, got \[1, 2\]"),
    "names": (
        TabularRegressor,
        NUMBERS.set_axis(["a", "a"], axis=1),
        "unique|[Dd]uplicate",
    ),
}


@pytest.mark.parametrize("case", WRONG_TARGETS)
def test_wrong_targets_change_nothing(case, monkeypatch):
    kind, Y, message = WRONG_TARGETS[case]
    right = CLASSES if kind is TabularClassifier else NUMBERS
    model = kind(**SMALL).fit(X, right)
    before = dict(vars(model))
    from multilayer.tabular import stages

    monkeypatch.setattr(stages, "train_members", None)  # nothing is trained before it is checked
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y)
    assert vars(model) == before


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sample_weight": np.ones(3)}, "X has 120 rows, but sample_weight has 3"),
        ({"groups": np.ones(3)}, "X has 120 rows, but groups has 3"),
        ({"groups": "none"}, "groups must be a column of the table"),
        ({"X_val": NEW}, "X_val and y_val go together"),
        ({"X_val": NEW, "y_val": NUMBERS}, "X_val has 30 rows, but y_val has 120"),
        (
            {"X_val": X, "y_val": NUMBERS["price"]},
            "y_val must have the targets of y, price, weight",
        ),
        (
            {"X_val": X, "y_val": NUMBERS.assign(weight="a")},
            "target 'weight': y_val must be numbers",
        ),
    ],
    ids=["weights", "groups", "no groups", "no y_val", "rows", "targets", "kind"],
)
def test_what_goes_with_the_rows_is_checked(given, message):
    with pytest.raises(ValueError, match=message):
        TabularRegressor(**SMALL).fit(X, gaps(NUMBERS, "weight", [0]), **given)


def test_an_error_of_training_names_the_target(monkeypatch):
    from multilayer.tabular import stages

    keep, calls = stages.without_diverged, []

    def diverging(members, learning_rate):
        calls.append(0)
        if len(calls) == 2:
            raise ValueError("training diverged in its first epoch")
        return keep(members, learning_rate)

    model = TabularRegressor(**SMALL).fit(X, NUMBERS)
    before = dict(vars(model))
    monkeypatch.setattr(stages, "without_diverged", diverging)
    with pytest.raises(ValueError, match="target 'weight': training diverged"):
        model.fit(X, NUMBERS)
    assert vars(model) == before


def test_targets_of_scores():
    model = TabularRegressor(**SMALL).fit(X, NUMBERS)
    score = model.score(X, NUMBERS)
    assert model.score(X, NUMBERS[["weight", "price"]].assign(more="text")) == score
    assert model.score(X, NUMBERS.to_numpy()) == score
    with pytest.raises(
        ValueError, match="a column for each target, 'price', 'weight', but has 'pr"
    ):
        model.score(X, NUMBERS.rename(columns={"weight": "mass"}))
    with pytest.raises(ValueError, match="a column for each target"):
        model.score(X, NUMBERS["price"])
    with pytest.raises(ValueError, match="X has 30 rows, but y has 120"):
        model.score(NEW, NUMBERS)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.crps(X, NUMBERS, np.ones(3))
    classifier = TabularClassifier(**SMALL).fit(X, CLASSES)
    nothing = gaps(gaps(CLASSES, "colour", np.arange(60)), "grade", np.arange(60, 120))
    with pytest.raises(ValueError, match="a row with a value of every target, but has none"):
        classifier.score(X, nothing)


# One target, then several


def test_one_column_is_one_target():
    from sklearn.exceptions import DataConversionWarning

    one = TabularRegressor(**SMALL).fit(X, NUMBERS["price"])
    with pytest.warns(DataConversionWarning):
        column = TabularRegressor(**SMALL).fit(X, NUMBERS[["price"]].to_numpy())
    assert not hasattr(column, "estimators_")
    same(column.predict(NEW), one.predict(NEW))
    alone = TabularMultiOutput(**SMALL).fit(X, NUMBERS["price"])
    assert list(alone.predict(NEW)) == ["price"]
    same(alone.predict(NEW)["price"], one.predict(NEW))


def test_a_refit_leaves_nothing_of_the_fit_before():
    model = TabularRegressor(**SMALL).fit(X, NUMBERS["price"])
    one = set(vars(model))
    model.fit(X, NUMBERS)
    several = set(vars(model))
    assert "members_" not in several
    model.fit(X, NUMBERS["price"])
    assert set(vars(model)) == one
    model.fit(X, NUMBERS)
    assert set(vars(model)) == several


def test_methods_of_one_target_say_so():
    model = TabularRegressor(**SMALL).fit(X, NUMBERS)
    for method in ("summary", "gradient_importances"):
        with pytest.raises(AttributeError, match=rf"use model.estimators_\[k\].{method}, where k"):
            getattr(model, method)(*[X] * (method != "summary"))
    assert not hasattr(model, "feature_importances_")
    with pytest.raises(AttributeError, match="feature_importances_ is of one target"):
        _ = model.feature_importances_
    for draw in (ml.plots.LossCurveDisplay, ml.plots.NetworkDisplay):
        with pytest.raises(ValueError, match="a figure takes a model of one target"):
            draw.from_estimator(model)


@pytest.mark.parametrize("kind", [TabularRegressor, TabularMultiOutput])
def test_exports_are_of_one_target(kind, tmp_path):
    model = kind(**SMALL).fit(X, NUMBERS)
    place = r"\['price'\]" if kind is TabularMultiOutput else r"\[k\]"
    for write in (ml.export.to_onnx, ml.export.to_c):
        message = f"takes a model of one target, but this one has 2: pass model.estimators_{place}"
        with pytest.raises(ValueError, match=message):
            write(model, tmp_path / "file")
    price = model.estimators_[0 if kind is TabularRegressor else "price"]
    ml.export.to_onnx(price, tmp_path / "price.onnx")


# scikit-learn


@pytest.mark.parametrize(
    ("model", "Y"),
    [(TabularRegressor, NUMBERS), (TabularClassifier, CLASSES), (TabularMultiOutput, MIXED)],
)
def test_scores_of_folds(model, Y):
    estimator = model(**SMALL)
    assert clone(estimator).get_params() == estimator.get_params()
    found = cross_val_score(estimator, X, Y, cv=PredefinedSplit(np.arange(120) % 2))
    even, odd = np.arange(0, 120, 2), np.arange(1, 120, 2)
    first = clone(estimator).fit(X.iloc[odd], Y.iloc[odd])
    assert found[0] == first.score(X.iloc[even], Y.iloc[even])


def test_scorers():
    Y = np.c_[LABEL, 1 - LABEL]
    found = cross_val_score(TabularClassifier(**SMALL), X, Y, cv=2, scoring="roc_auc")
    first = TabularClassifier(**SMALL).fit(X[60:], Y[60:])
    assert found[0] == pytest.approx(roc_auc_score(Y[:60], first.predict_proba(X[:60])))
    search = GridSearchCV(TabularRegressor(**SMALL), {"dropout": [0.0, 0.3]}, cv=2, scoring="r2")
    assert search.fit(X, NUMBERS).predict(NEW).shape == (30, 2)


# What the table is alerted about


def test_alerts_are_one_warning_and_shared_ones_are_said_once():
    leaks = X.assign(paint=CLASSES["colour"])
    with pytest.warns(DataWarning) as caught:
        TabularClassifier(**SMALL).fit(leaks[:45], CLASSES[:45])
    (message,) = [str(w.message) for w in caught]
    assert "Column 'paint' determines 'colour'" in message
    assert message.count("only 45 rows") == 1
    assert "Of target" not in message
    repeated = np.append(np.arange(100), np.arange(20))
    colour = CLASSES["colour"].to_numpy()[repeated]
    Y = CLASSES.assign(colour=colour, grade=np.append(np.zeros(100, int), np.ones(20, int)))
    with pytest.warns(DataWarning, match=r"Of target 'colour': 20 of 120 rows repeat"):
        TabularClassifier(**SMALL).fit(X.iloc[repeated], Y)


def test_cross_validation_of_mixtures_says_what_to_use():
    with pytest.raises(ValueError, match="a TabularMultiOutput is both: scikit-learn's cross_val_"):
        ml.cross_validate_network(TabularMultiOutput(**SMALL), X, MIXED)
    result = ml.cross_validate_network(TabularRegressor(**SMALL), X, NUMBERS, cv=2, verbose=False)
    assert result.oof_prediction.shape == (120, 2)
