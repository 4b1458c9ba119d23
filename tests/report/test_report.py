"""The report: its contents, the escaping of names and values, and that its bytes are the same."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import matplotlib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import make_moons
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from typer.testing import CliRunner

from multilayer import (
    MLPClassifier,
    MLPRegressor,
    TableEncoder,
    TabularClassifier,
    TabularRegressor,
    load,
)
from multilayer.cli.app import app
from multilayer.report import effects, explanations, importance, scores, write_report
from multilayer.report.evaluation import evaluate
from multilayer.report.importance import importance_of
from multilayer.report.svg import draw
from multilayer.selection import HiddenLayerSearchCV

HOSTILE = '$\\frac{$<script>alert("x")</script>'
VOID = {"meta", "br", "path", "use", "input", "line", "polyline", "circle"}


@pytest.fixture(autouse=True, scope="module")
def _few():
    """Few resamples and small grids: it is the page that is tested."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scores, "RESAMPLES", 100)
        patch.setattr(importance, "SHUFFLED_ROWS", 60)
        patch.setattr(effects, "AVERAGED_ROWS", 20)
        patch.setattr(explanations, "N_ORDERS", 4)
        patch.setenv("SOURCE_DATE_EPOCH", "1600000000")
        yield


@pytest.fixture
def no_figures(monkeypatch):
    monkeypatch.setattr("multilayer.report.svg._draw", lambda *args, **kwargs: "<svg></svg>")


class Page(HTMLParser):
    """Checks that elements are closed in their order; keeps what a test asks for."""

    def __init__(self, html):
        super().__init__()
        self.open, self.sections, self.ids, self.tags, self.texts = [], [], [], [], []
        self.links, self.policy = [], ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        if attrs.get("http-equiv") == "Content-Security-Policy":
            self.policy = attrs["content"]
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.links += [v for k, v in attrs.items() if k in ("href", "src", "xlink:href")]
        self.sections += [attrs["id"]] if tag == "section" else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def moons():
    X, y = make_moons(120, noise=0.1, random_state=0)
    model = MLPClassifier((4,), solver="lbfgs", max_iter=40, tol=0.1, random_state=0).fit(X, y)
    return model, X, y


@pytest.fixture(scope="module")
def moons_page(moons):
    return write_report(*moons).html


def raw(rows=80, seed=0):
    rng = np.random.default_rng(seed)
    x, kind = rng.normal(size=rows), rng.choice(["red", "green"], rows)
    gaps = np.where(rng.random(rows) < 0.2, np.nan, rng.normal(size=rows))
    day = np.datetime64("2020-01-01") + rng.integers(0, 999, rows)
    frame = {HOSTILE: x, "kind": kind, "gaps": gaps, "day": day, "flag": x > 1}
    return frame, 2 * x + (kind == "red")


@pytest.fixture(scope="module")
def colours():
    """A classifier of a raw table whose names and values are hostile."""
    frame, z = raw()
    frame["kind"] = np.where(frame["kind"] == "red", "</svg><img src=x onerror=alert(1)>", "&lt;")
    y = np.where(z > 1, "<b>yes</b>", np.where(z < -1, "no", "$"))
    X = pl.DataFrame(frame)
    return TabularClassifier(n_members=2, max_iter=2, random_state=0).fit(X, y), X, y


@pytest.fixture(scope="module")
def colours_page(colours):
    return write_report(*colours).html


@pytest.fixture(scope="module")
def amounts():
    frame, z = raw(120)
    X = pd.DataFrame(frame)
    return TabularRegressor(fast=True, max_iter=2, random_state=0).fit(X, z), X, z


def test_page_of_a_network(moons_page):
    page = Page(moons_page)
    assert page.sections == [
        "alerts", "scores", "target", "confusions", "calibration", "importance", "thresholds",
        "curves", "gains", "effects", "boundary", "subgroups", "worst", "rows", "data",
        "correlations", "network", "training", "card", "use",
    ]  # fmt: skip
    assert "not known whether the model was trained" in page.text
    assert "has the layers 2-4-1" in page.text
    assert "and 17 parameters" in page.text
    assert page.text.count("1 (AUC = ") == 1


def test_page_of_a_raw_table(colours_page):
    page = Page(colours_page)
    assert {"boundary", "thresholds"}.isdisjoint(page.sections)
    assert {"training", "curves", "gains", "effects"} <= set(page.sections)
    assert "Evaluated on all 80 rows, out of fold: each row is predicted by the" in page.text
    assert "median 2021-" in page.text
    assert "−1 for False, +1 for True" in page.text
    assert "1.6e+09" not in page.text


def test_page_of_numbers(amounts):
    model, X, y = amounts
    page = Page(model.report(X, y, unseen=True).html)
    assert {"errors", "calibration"} <= set(page.sections)
    assert {"confusions", "curves", "thresholds", "gains"}.isdisjoint(page.sections)
    assert "Evaluated on 120 rows that the model was not trained on." in page.text
    assert "predict_interval" in page.text


def test_one_network_is_evaluated_on_its_validation_rows(amounts):
    model, X, y = amounts
    evaluation = evaluate(model, X, y, None)
    left = np.flatnonzero(~np.isnan(model.oof_prediction_))
    assert evaluation.rows.tolist() == left.tolist()
    assert len(left) == 24
    assert evaluation.H.tolist() == model.oof_prediction_[left].tolist()
    assert evaluate(model, X[:-1], y[:-1], None).rows.tolist() == list(range(119))


def test_hostile_names_stay_text(colours_page):
    page = Page(colours_page)
    assert set(page.tags).isdisjoint({"img", "iframe", "link", "object"})
    assert page.tags.count("script") == colours_page.count("<script") == 1
    assert HOSTILE[:20] in page.text
    assert "<b>yes</b>" in page.text
    assert "<b>yes" not in colours_page


@pytest.mark.parametrize("page", ["moons_page", "colours_page"])
def test_the_policy_permits_the_script_of_the_page_only(page, request):
    html = request.getfixturevalue(page)
    (script,) = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in Page(html).policy
    assert not re.search(r"\son[a-z]+=", re.sub(r"&lt;.*?&gt;", "", html))


@pytest.mark.parametrize("page", ["moons_page", "colours_page"])
def test_nothing_is_fetched(page, request):
    html = request.getfixturevalue(page)
    links = Page(html).links
    assert links
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in links)
    assert not re.search(r"https?:|@import|//[a-z]", re.sub(r"base64,[^\"]*", "", html))
    assert all(address.startswith("#") for address in re.findall(r"url\(([^)]*)\)", html))
    assert Page(html).policy.startswith("default-src 'none';")


def test_ids_are_unique_and_there(moons_page):
    page = Page(moons_page)
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    used = set(re.findall(r"url\(#([^)]*)\)", moons_page))
    assert used
    assert used <= set(page.ids)


def test_same_bytes(moons, moons_page, tmp_path):
    model, X, y = moons
    with matplotlib.rc_context({"xtick.major.size": 20, "axes.facecolor": "red"}):
        report = model.report(X, y, tmp_path / "moons.html")
    assert report.html == moons_page
    assert (tmp_path / "moons.html").read_text(encoding="utf-8") == moons_page
    assert "&lt;html" in report._repr_html_()
    assert 'sandbox="allow-scripts"' in report._repr_html_()
    assert "2020-09-13" in report.html


def test_dark_pictures_where_pixels_mix_with_the_paper(moons_page):
    assert moons_page.count('<div class="dark">') == 1
    assert "#000000" not in moons_page.replace('class="dark"', "")


def test_pipeline(moons, no_figures):
    _, X, y = moons
    labels = np.where(y == 1, "upper", "lower")
    X = pd.DataFrame(X, columns=["a", "b"])
    model = make_pipeline(StandardScaler(), MLPClassifier((3,), solver="lbfgs", max_iter=5, tol=9))
    page = Page(write_report(model.fit(X, labels), X, labels, unseen=False).html)
    assert "rows that the model was trained on: expect worse scores" in page.text
    assert "ml.save(model, 'model.mlp')" in page.text


def test_a_search_tells_what_was_tried(moons, no_figures):
    _, X, y = moons
    space = {"hidden_layer_sizes": [(), (3,), (5,)], "learning_rate_init": [1e-3, 1e5]}
    search = HiddenLayerSearchCV(MLPClassifier(max_iter=27), space, n_candidates=6, random_state=0)
    with pytest.raises(NotFittedError):
        search.report(X, y)
    page = Page(search.fit(X, y).report(X, y).html)
    assert page.sections[-5:] == ["search", "network", "training", "card", "use"]
    n = int(np.isfinite(search.cv_results_["mean_test_score"]).sum())
    assert f"{n} candidates were scored by cross-validation on 5 folds" in page.text
    assert "Evaluated on all 120 rows, out of fold: the best candidate of the search" in page.text
    assert f"{search.best_score_:.3f} ± " in page.text
    assert "chosen" in page.text
    search.set_params(refit=False).fit(X, y)
    del search.best_estimator_
    with pytest.raises(AttributeError, match="refit is False"):
        search.report(X, y)


def test_regressor_of_one_column():
    X = np.linspace(-1, 1, 50)[:, None]
    model = MLPRegressor(
        hidden_layer_sizes=(3,), solver="lbfgs", max_iter=20, tol=1, random_state=0
    ).fit(X, X[:, 0])
    assert "errors" in Page(model.report(X, X[:, 0]).html).sections


def test_numbers_over_two_columns(rng):
    X = rng.normal(size=(40, 2))
    model = MLPRegressor(hidden_layer_sizes=(3,), solver="lbfgs", max_iter=5, tol=9, random_state=0)
    page = Page(model.fit(X, X[:, 0]).report(X, X[:, 0]).html)
    assert "Predictions over both columns" in page.text


def test_of_wide_tables_the_columns_that_matter_are_shuffled(monkeypatch, rng):
    monkeypatch.setattr(importance, "WIDE", 5)
    monkeypatch.setattr(importance, "OF_WIDE", 2)
    X = rng.normal(size=(60, 8))
    y = (X[:, 3] + 2 * X[:, 6] > 0).astype(int)
    plain = MLPClassifier((), solver="lbfgs", max_iter=50, tol=0.1, random_state=0).fit(X, y)
    piped = make_pipeline(
        TableEncoder(), MLPClassifier((), solver="lbfgs", tol=0.1, random_state=0)
    ).fit(X, y)
    tabular = TabularClassifier(fast=True, max_iter=20, random_state=0).fit(X, y)
    for model in (plain, piped, tabular):
        found = importance_of(evaluate(model, X, y, None))
        assert found.columns.tolist() == [6, 3], model


def test_what_a_file_does_not_hold_is_left_out(amounts, tmp_path, no_figures):
    model, X, y = amounts
    model.save(tmp_path / "m.mlp")
    page = Page(load(tmp_path / "m.mlp").report(X, y).html)
    assert "training" not in page.sections
    assert "It is not known whether" in page.text


def test_a_mean_beyond_nine_rows_of_ten(amounts):
    H = np.zeros((2, 20, 1))
    H[:, 0] = 100.0
    curve = effects._curve(evaluate(*amounts, None), 1, np.array(["red", "green"]), H, (0, 10))
    assert "red" in draw("effect", curve).svg


def test_one_row(colours):
    model, X, y = colours
    page = Page(model.report(X[:1], y[:1]).html)
    assert "Evaluated on 1 row. It is not known" in page.text


BAD = {
    "no y": ({"y": None}, ValueError, "needs y"),
    "short y": ({"y": [0, 1]}, ValueError, "X has 120 rows, but y has 2"),
    "gap in y": ({"y": [np.nan] * 120}, ValueError, "y must be without gaps"),
    "unknown class": ({"y": [7] * 120}, ValueError, "the model knows, 0, 1, but holds 7"),
    "two targets": ({"y": np.zeros((120, 2))}, ValueError, "one target, but y has 2 columns"),
    "columns": ({"X": np.zeros((120, 3))}, ValueError, "3 features"),
    "folder": ({"path": "none/report.html"}, FileNotFoundError, "No such folder"),
    "a folder": ({"path": "."}, IsADirectoryError, "Is a directory"),
    "another library": ({"model": Ridge().fit([[0]], [0])}, TypeError, "got a Ridge"),
    "not fitted": ({"model": MLPClassifier()}, NotFittedError, "not fitted"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_before_the_work(case, moons, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("multilayer.report.contents.alerts", None)
    given, error, message = BAD[case]
    model, X, y = moons
    given = {"model": model, "X": X, "y": y, "path": "report.html"} | given
    with pytest.raises(error, match=message):
        write_report(**given)
    assert not list(tmp_path.iterdir())


def test_missing_column(colours):
    model, X, y = colours
    with pytest.raises(ValueError, match="X lacks 'gaps'"):
        model.report(X.drop("gaps"), y)


def test_no_right_to_write(moons, monkeypatch, tmp_path):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="No right to write"):
        write_report(*moons, tmp_path / "report.html")


def test_without_jinja2(moons, monkeypatch):
    monkeypatch.setattr("multilayer.extras.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"multilayer\[report\]"):
        write_report(*moons)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda command: CliRunner().invoke(app, command.split())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            "--fast --max-iter 1",
            "each row is predicted by the network, which was not trained on it",
        ),
        ("--layers 4 --max-iter 2", "Evaluated on 200 rows that the model was not trained on."),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_command_line(run, options, told, tmp_path, no_figures):
    result = run(f"fit moons --report r.html {options}")
    assert result.exit_code == 0, result.output
    assert "Report in r.html" in result.output
    page = Page((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert told in page.text
    assert "target in moons" in page.text
    assert "ml.load('moons.mlp')" in page.text


def test_evaluation(run, tmp_path, no_figures):
    run("fit moons --fast --max-iter 1 -q")
    result = run("evaluate moons.mlp moons --report r.html")
    assert result.exit_code == 0, result.output
    page = Page((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert "target in moons" in page.text
    assert "1000 rows and 2 columns" in page.text
    assert "SHA-256 of the model file" in page.text


def test_command_line_sees_to_the_folder_first(run, tmp_path):
    result = run("fit moons --report none/r.html")
    assert result.exit_code == 2
    assert result.stderr == "multilayer: error: none/r.html: No such folder\n"
    assert not list(tmp_path.iterdir())
