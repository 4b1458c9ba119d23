"""The report on a model with several targets: an overview, and a part for each target."""

import re

import numpy as np
import pytest
from tabular_cases import SMALL
from target_cases import LABEL, MIXED, NEW, NUMBERS, X, gaps

from multilayer import TabularClassifier, TabularMultiOutput, TabularRegressor, write_report


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    model = TabularMultiOutput(**SMALL).fit(X, gaps(MIXED, "colour", [1, 2]))
    model.report(X, gaps(MIXED, "colour", [1, 2]), path, model_path="flats.mlp", verbose=False)
    return path.read_text(encoding="utf-8")


def test_each_target_has_a_row_and_a_part(page):
    overview = page[page.index('id="targets"') : page.index("</table>")]
    rows = re.findall(r"<tr><td><a href=\"#(.*?)\">(.*?)</a></td><td>(.*?)</td>", overview)
    assert rows == [
        ("target-0", "price", "R²"),
        ("target-1", "colour", "Accuracy"),
        ("target-2", "grade", "Accuracy"),
    ]
    assert re.findall(r'<header class="part" id="(.*?)">', page) == [row[0] for row in rows]
    for kind, n in (("numbers", 120), ("2 classes", 118), ("3 classes", 120)):
        assert re.search(rf'<td>{kind}</td><td class="number">{n}</td>', overview)
    assert "Evaluated on all 118 rows, out of fold" in page
    for place in ("price", "colour", "grade"):
        code = f"model = ml.load(&#39;flats.mlp&#39;).estimators_[&#39;{place}&#39;]"
        assert code in page


def test_the_overview_has_the_scores_of_the_parts(page):
    overview = page[page.index('id="targets"') : page.index("</table>")]
    values = re.findall(r'</td><td>(?:R²|Accuracy)</td><td class="number">(.*?)</td>', overview)
    tiles = re.findall(r"<div>(?:R²|Accuracy)<b>(.*?)</b>", page)
    assert values == tiles
    assert len(values) == 3


def test_ids_are_unique_and_links_lead_somewhere(page):
    ids = re.findall(r'\sid="(.*?)"', page)
    assert len(ids) == len(set(ids))
    links = {*re.findall(r'href="#(.*?)"', page), *re.findall(r"url\(#(.*?)\)", page)}
    assert links <= set(ids)
    assert len(links) > 40


def test_constant_labels_have_a_row_only():
    Y = np.c_[LABEL, 0 * LABEL]
    with pytest.warns(UserWarning, match="1 of 2 labels are the same"):
        model = TabularClassifier(**SMALL).fit(X, Y)
    page = write_report(model, X, Y, title="Labels", verbose=False).html
    assert "TabularClassifier. 2 targets, 120 rows." in page
    assert "<td>a constant label</td>" in page
    assert page.count('<header class="part"') == 1
    assert ".estimators_[0]" in page


def test_what_is_refused():
    model = TabularRegressor(**SMALL).fit(X, NUMBERS)
    for y, given, message in (
        (NUMBERS["price"], {}, "a column for each target, 'price', 'weight', but has 'price'"),
        (NUMBERS[:30], {}, "X has 120 rows, but y has 30"),
        (NUMBERS, {"target": "price"}, "target names one target, but the model has several"),
        (NUMBERS.assign(weight="x"), {}, "target 'weight': y must be numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            write_report(model, X, y, verbose=False, **given)
    with pytest.raises(ValueError, match="takes one target, but y has 2 columns"):
        write_report(model.estimators_[0], NEW, NUMBERS[:30], verbose=False)
