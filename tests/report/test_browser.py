"""The page in a real browser: Chromium, where it is installed."""

import numpy as np
import pytest
from browser_cases import CHROMIUM

from multilayer import MLPClassifier
from multilayer.report import explanations, scores, write_report

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(80, 3)), rng.randint(2, size=80)
    model = MLPClassifier((), solver="lbfgs", max_iter=9, tol=0.1, random_state=0).fit(X, y)
    path = tmp_path_factory.mktemp("report") / "r.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scores, "RESAMPLES", 10)
        patch.setattr(explanations, "N_ORDERS", 4)
        patch.setattr("multilayer.report.svg._draw", lambda *args, **kwargs: "<svg></svg>")
        write_report(model, X, y, path)
    return path


@pytest.fixture
def opened(browser, path):
    """Open the page at a width; whatever goes wrong in it fails the test."""
    pages, wrong = [], []

    def open_page(width=1440, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text))
        page.on("request", lambda request: wrong.extend([request.url] * ("http" in request.url)))
        pages.append(page)
        page.goto(path.as_uri())
        return page

    yield open_page
    for page in pages:
        page.context.close()
    assert not wrong


def listed(page):
    """Return the numbers of false positives and negatives, and the costs, of the table."""
    rows = page.locator("#thresholds tbody tr").all()
    return np.array(
        [[float(text) for text in row.locator("td").all_inner_texts()[-3:]] for row in rows]
    )


def test_costs_are_calculated_when_they_are_entered(opened):
    page = opened()
    before = listed(page)
    assert before[:, 2].tolist() == (before[:, 0] + before[:, 1]).tolist()
    told, points = (page.locator("#thresholds .result"), page.locator("#thresholds polyline"))
    drawn = points.get_attribute("points")
    page.get_by_label("Cost of a false negative").fill("7.5")
    after = listed(page)
    assert after[:, 2].tolist() == (before[:, 0] + 7.5 * before[:, 1]).tolist()
    assert points.get_attribute("points") != drawn
    (at_half,) = after[[row[0] == "0.50" for row in texts(page)], 2]
    assert told.inner_text().endswith(f"At threshold 0.50 it is {at_half:g}.")
    best = float(told.inner_text().split("The lowest cost is ")[1].split(",")[0])
    assert best <= after[:, 2].min()


def texts(page):
    rows = page.locator("#thresholds tbody tr").all()
    return [row.locator("td").all_inner_texts() for row in rows]


def test_a_cost_that_is_no_number_counts_as_zero(opened):
    page = opened()
    page.get_by_label("Cost of a false positive").fill("-3")
    found = listed(page)
    assert found[:, 2].tolist() == found[:, 1].tolist()


def test_without_the_script_every_error_costs_one(opened):
    with_script, without = opened(), opened(java_script_enabled=False)
    assert listed(without).tolist() == listed(with_script).tolist()
    shown = [page.locator("#thresholds .result").inner_text() for page in (with_script, without)]
    assert shown[0] == shown[1]


def test_a_saved_page_holds_the_notes_and_works(opened, browser, tmp_path):
    page = opened()
    page.get_by_role("textbox", name="Intended use").fill("For <advice> only.")
    page.get_by_label("Cost of a false positive").fill("4")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the page").click()
    assert download.value.suggested_filename == "MLPClassifier.html"
    download.value.save_as(tmp_path / "saved.html")
    again = opened()
    again.goto((tmp_path / "saved.html").as_uri())
    assert again.get_by_role("textbox", name="Intended use").inner_text() == "For <advice> only."
    found = listed(again)
    assert found[:, 2].tolist() == (4 * found[:, 0] + found[:, 1]).tolist()


@pytest.mark.parametrize(("width", "scrolls"), [(390, True), (1440, False)])
def test_tables_that_scroll_say_so(opened, width, scrolls):
    page = opened(width)
    table = page.locator("#thresholds .wide")
    hint = table.evaluate("box => getComputedStyle(box, '::before').content")
    assert ("Scroll sideways" in hint) == scrolls
    assert (table.get_attribute("tabindex") == "0") == scrolls
    assert page.evaluate("document.documentElement.scrollWidth") == width
