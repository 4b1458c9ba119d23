"""Parts of a report: scores, cells of any dataframe, numbers as text, progress bars."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import metrics

from multilayer.report import scores
from multilayer.report.sections import Bars, as_text, number
from multilayer.report.table import Table
from multilayer.training.progress import tasks_bar


def columns(rows):
    rng = np.random.default_rng(0)
    day = np.datetime64("2020-01-01") + rng.integers(0, 999, rows)
    kind = rng.choice(["red", "green"], rows)
    return {"x": rng.normal(size=rows), "kind": kind, "gaps": [None, 1.5] * (rows // 2), "day": day}


@pytest.mark.parametrize(
    "kind",
    [pd.DataFrame, pl.DataFrame, lambda data: pl.DataFrame(data).to_arrow()],
    ids=["pandas", "polars", "pyarrow"],
)
def test_cells_from_other_rows(kind):
    table = Table(kind(columns(6)))
    rows, source = np.array([4, 0, 2]), np.array([[1, 4], [0, 0], [5, 2]])
    mixed = Table(table.mix(rows, [1, 0], source))
    assert mixed.kinds == table.kinds
    assert mixed.values(1).tolist() == table.values(1)[[1, 0, 5]].tolist()
    assert mixed.values(0).tolist() == table.values(0)[[4, 0, 2]].tolist()
    assert mixed.values(3).tolist() == table.values(3)[[4, 0, 2]].tolist()


def test_pandas_index_does_not_matter():
    frame = columns(4)
    table = Table(pd.DataFrame(frame, index=[7, 7, 1, 0]))
    mixed = Table(table.mix(np.arange(4), [0], np.arange(4)[::-1, None]))
    assert mixed.values(0).tolist() == frame["x"][::-1].tolist()


@pytest.mark.parametrize("n_classes", [2, 4])
def test_scores_of_classes_are_scikit_learns(n_classes, rng):
    y, H = rng.randint(n_classes, size=60), rng.dirichlet(np.ones(n_classes), 60).round(1) + 1e-3
    H /= H.sum(axis=1, keepdims=True)
    w = rng.randint(3, size=60)
    area = metrics.roc_auc_score(
        y, H[:, 1] if n_classes == 2 else H, multi_class="ovr", sample_weight=w
    )
    expected = {
        "Accuracy": metrics.accuracy_score(y, H.argmax(1), sample_weight=w),
        "Balanced accuracy": metrics.balanced_accuracy_score(y, H.argmax(1), sample_weight=w),
        "ROC AUC": area,
        "Log-loss": metrics.log_loss(y, H, sample_weight=w),
    }
    for name, value in expected.items():
        assert scores.CLASS_SCORES[name][0](y, H)(w) == pytest.approx(value), name


def test_scores_of_numbers_are_scikit_learns(rng):
    y, h, w = rng.normal(size=50), rng.normal(size=50), rng.randint(4, size=50)
    every = np.repeat(np.arange(50), w)
    expected = {
        "R²": metrics.r2_score(y[every], h[every]),
        "RMSE": metrics.root_mean_squared_error(y[every], h[every]),
        "MAE": metrics.mean_absolute_error(y[every], h[every]),
        "Median error": metrics.median_absolute_error(y[every], h[every]),
    }
    for name, value in expected.items():
        assert scores.NUMBER_SCORES[name][0](y, h)(w) == pytest.approx(value), name


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.5"), (-12, "−12"), (73612.4, "73612"), (1e-7, "1e−07"), (np.nan, "–")],
)
def test_numbers(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1.634e9, "2021-10-12 00:53"),
        (1577836800.0, "2020-01-01"),
        (90.0, "1.5 minutes"),
        (1e15, "1.157e+10 days"),
        (np.nan, "–"),
    ],
)
def test_dates_are_dates(seconds, text):
    assert as_text(seconds, "date") == text


def test_bars():
    assert Bars([1, 0, 0.5]).path == "M0 20V0.0h4V20zM5 20V20.0h4V20zM10 20V10.0h4V20z"


def test_bar_after_a_while(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    for patience, shown in ((1e9, False), (1e-9, True), (0, True)):
        with tasks_bar(True, 2, "Report", patience) as advance:
            advance()
        assert ("Report" in capsys.readouterr().err) == shown


@pytest.mark.parametrize(
    ("value", "text"), [(-0.0001, "0.000"), (0.0001, "0.000"), (0.12, "+0.120"), (-0.5, "−0.500")]
)
def test_differences_have_a_sign_and_zero_has_none(value, text):
    assert scores._signed(scores._share, value) == text
