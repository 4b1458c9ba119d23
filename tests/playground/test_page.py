"""The playground's page in a real browser: Chromium, where it is installed."""

import re
import time

import numpy as np
import polars as pl
import pytest
from browser_cases import CHROMIUM

from multilayer.playground.server import Server

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")


@pytest.fixture(scope="module")
def server():
    server = Server(port=0)
    server.start()
    yield server
    server.stop()


def is_wrong(said):
    """Whether the console shows more than that a file was refused."""
    return said.type == "error" and "400 (Bad Request)" not in said.text


@pytest.fixture
def opened(browser, server):
    """Open the page at a width; whatever goes wrong in it fails the test."""
    pages, wrong = [], []

    def open_page(fragment="", width=1440, height=900, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if is_wrong(said) else None)
        pages.append(page)
        page.goto(server.address + fragment)
        page.locator("#test-cost", has_text=re.compile(r"\d")).wait_for()
        return page

    yield open_page
    for page in pages:
        page.context.close()
    assert not wrong


def number(page, place):
    """Read a number off the page; 97 % is 0.97."""
    text = page.text_content(place)
    found = re.search(r"-?\d[\d\s,]*\.?\d*(e-?\d+)?", text.replace("−", "-"))
    value = float(found[0].replace(",", "").replace("\u202f", "").replace(" ", ""))
    return value / 100 if "%" in text else value


def wait_for(page, there, seconds=30):
    begun = time.monotonic()
    while not there():
        assert time.monotonic() - begun < seconds
        page.wait_for_timeout(50)


def stands_still(page):
    """Whether no epoch passes for a while."""
    before = number(page, "#epoch")
    page.wait_for_timeout(400)
    return number(page, "#epoch") == before


def test_a_net_that_is_built_learns_the_moons(opened):
    page = opened("#noise=0.1")
    for _ in range(2):
        page.click("#add-layer")
    wait_for(page, lambda: page.locator(".layer .add-unit").count() == 4)
    page.click("#remove-layer")
    wait_for(page, lambda: page.locator(".layer .add-unit").count() == 3)
    units = page.locator('.layer[data-layer="1"] .unit')
    before = units.count()
    page.click('.layer[data-layer="1"] .add-unit')
    # Playwright may fill a field that is being replaced; a hand could not.
    wait_for(page, lambda: units.count() == before + 1)
    page.fill('.layer[data-layer="2"] .units-count', "8")
    page.press('.layer[data-layer="2"] .units-count', "Enter")
    wait_for(page, lambda: page.locator('.layer[data-layer="2"] .unit').count() == 8)
    page.select_option("#speed", "0")
    page.click("#play")
    wait_for(page, lambda: number(page, "#test-score") >= 0.97)
    page.select_option('.layer[data-layer="1"] select.activation', "relu")
    before = number(page, "#epoch")
    wait_for(page, lambda: number(page, "#epoch") > before)  # it goes on without a reset
    page.click("#play")
    wait_for(page, lambda: stands_still(page))  # what was under way may still arrive
    assert stands_still(page)
    assert page.locator("#confusion td, #confusion .cell").count() >= 4


def test_what_is_being_typed_outlives_a_change(opened):
    page = opened()
    place = '.layer[data-layer="1"] .units-count'
    page.focus(place)
    page.keyboard.press("Control+a")
    page.keyboard.type("7")
    columns = page.locator(".column").first.element_handle()
    page.select_option('.layer[data-layer="2"] select.activation', "relu")
    wait_for(page, lambda: not columns.evaluate("column => column.isConnected"))  # built anew
    assert page.input_value(place) == "7"
    page.press(place, "Enter")
    wait_for(page, lambda: page.locator('.layer[data-layer="1"] .unit').count() == 7)


def train_three_epochs(page):
    """Press the button three times; a click before the last one is answered could be lost."""
    for epoch in (1, 2, 3):
        page.click("#epoch-once")
        wait_for(page, lambda epoch=epoch: number(page, "#epoch") == epoch)


def test_the_same_address_gives_the_same(opened):
    page = opened()
    page.select_option("#data", "circles")
    page.fill("#seed", "7")
    page.press("#seed", "Enter")
    wait_for(page, lambda: "seed=7" in page.evaluate("location.hash"))
    train_three_epochs(page)
    cost, fragment = page.text_content("#cost"), page.evaluate("location.hash")
    again = opened(fragment)
    train_three_epochs(again)
    wait_for(again, lambda: again.text_content("#cost") == cost)


def test_an_address_of_tensorflows_playground(opened):
    page = opened(
        "#activation=relu&batchSize=20&dataset=spiral&learningRate=0.01&regularizationRate=0.1"
        "&noise=10&networkShape=6,3&seed=0.5&percTrainData=70&x=true&y=true&xSquared=true"
    )
    wait_for(page, lambda: page.input_value("#data") == "spiral")
    assert page.locator(".layer .add-unit").count() == 2
    assert page.input_value('.layer[data-layer="1"] select.activation') == "relu"
    assert float(page.input_value("#batch-size")) == 20
    assert float(page.input_value("#training-share")) == 0.7


def test_a_table_is_opened(opened, tmp_path):
    rng = np.random.RandomState(0)
    age, fare = rng.uniform(1, 80, 200), rng.uniform(5, 90, 200)
    frame = {"survived": (age < 30).astype(int), "age": age, "fare": fare}
    pl.DataFrame(frame | {"sex": rng.choice(["m", "f"], 200)}).write_csv(tmp_path / "titanic.csv")
    page = opened()
    page.set_input_files("#upload", tmp_path / "titanic.csv")
    wait_for(page, lambda: page.input_value("#data") == "table")
    page.select_option("#target", "survived")
    page.select_option("#speed", "0")
    page.click("#play")
    wait_for(page, lambda: number(page, "#test-score") > 0.9)
    page.click("#play")
    (tmp_path / "no.csv").write_bytes(b"\x00\x01")
    page.set_input_files("#upload", tmp_path / "no.csv")
    wait_for(page, lambda: page.is_visible("#wrong"))


def houses(path, rows=80):
    """Write a table whose columns and target are in units of their own."""
    rng = np.random.RandomState(0)
    area, year = rng.uniform(40, 200, rows), rng.randint(1900, 2020, rows)
    heating = rng.choice(["gas", "district heating of the town", None], rows)
    frame = {"area": area, "year": year, "heating": heating, "distance to the station": area % 7}
    frame["price"] = 250_000 + 3000 * area + 500 * (year - 1900)
    pl.DataFrame(frame).write_csv(path)


def test_a_table_is_shown_in_its_own_units(opened, tmp_path):
    houses(tmp_path / "houses.csv")
    page = opened()
    page.set_input_files("#upload", tmp_path / "houses.csv")
    wait_for(page, lambda: page.input_value("#target") == "price")
    page.select_option("#speed", "0")
    page.click("#play")
    wait_for(page, lambda: number(page, "#test-score") > 0.9)
    page.click("#play")
    wait_for(page, lambda: 1000 < number(page, "#test-rmse") < 90_000)
    assert "the standardised target, (price − " in page.text_content("#units")
    low, high = re.findall(r"[\d,]{7}", page.text_content("#legend"))
    assert 300_000 < int(low.replace(",", "")) < int(high.replace(",", "")) < 950_000
    page.click("#walk")
    page.locator("#walk-panel").wait_for()
    area, truth = page.locator("#walk-body td").first, page.locator("#walk-body b")
    assert 40 <= float(area.text_content()) <= 200
    assert float(truth.text_content().replace(",", "")) > 300_000
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert "Prediction in the units of price" in page.text_content("#walk-body")
    assert float(page.text_content("#walk-body p b").replace(",", "")) > 200_000


def test_inputs_have_whole_names(opened, tmp_path):
    houses(tmp_path / "houses.csv")
    page = opened()
    page.set_input_files("#upload", tmp_path / "houses.csv")
    wait_for(page, lambda: page.input_value("#data") == "table")
    labels = page.locator(".inputs .unit-label")
    wait_for(page, lambda: labels.count() == 6)
    names = [
        "area", "year", "distance to the station", "heating = district heating of the town",
        "heating = gas", "heating is missing",
    ]  # fmt: skip
    assert [one.get_attribute("title") for one in labels.all()] == names
    assert labels.all_text_contents() == names
    page.set_viewport_size({"width": 390, "height": 844})
    wait_for(page, lambda: page.is_visible("#layers"))
    shown = labels.all_text_contents()
    assert shown[:3] == names[:3]
    assert re.fullmatch(r"heating = district.*…", shown[3])
    assert [one.get_attribute("title") for one in labels.all()] == names


def test_another_target_is_chosen_in_place(opened, tmp_path):
    rows = [f"{k},{k * k % 7},{k % 9},{'uv'[k % 2]},n{k}" for k in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,c,kind,name", *rows]))
    page = opened()
    page.set_input_files("#upload", tmp_path / "t.csv")
    page.locator("#target-dialog").wait_for()
    refusal = page.text_content("#target-wrong")
    assert refusal.startswith(
        "The column “name” cannot be the target. A target may have 20 classes"
    )
    columns = page.locator("#target-columns label")
    assert columns.all_text_contents() == ["a", "b", "c", "kind", "name"]
    page.keyboard.press("Escape")
    assert page.input_value("#data") == "moons"
    page.click("#choose-target")
    page.click("#target-columns label >> text=kind")
    page.click("#target-use")
    wait_for(page, lambda: page.input_value("#data") == "table")
    assert page.input_value("#target") == "kind"
    assert page.is_hidden("#target-dialog")
    assert page.is_hidden("#choose-target")
    page.select_option("#target", "name")
    page.locator("#target-dialog").wait_for()
    page.click("#target-columns label >> text=b")
    page.click("#target-use")
    wait_for(page, lambda: page.input_value("#target") == "b")


@pytest.mark.parametrize("width", [390, 1440])
def test_a_refused_file_is_explained(opened, tmp_path, width):
    name = "a_very_long_name_of_a_file_without_a_single_space_in_it" * 3 + ".csv"
    (tmp_path / name).write_text(",".join(f"c{k}" for k in range(1001)) + "\n" + "1," * 1000 + "1")
    page = opened(width=width)
    page.set_input_files("#upload", tmp_path / name)
    wait_for(page, lambda: page.is_visible("#wrong"))
    message = page.text_content("#wrong-text")
    assert message.startswith("A table may have 1,000 columns in the playground, but a_very_long")
    assert message.endswith("multilayer fit.")
    box, text = (page.locator(place).bounding_box() for place in ("#wrong", "#wrong-text"))
    assert 0 <= box["x"] <= box["x"] + box["width"] <= width
    assert 0 <= box["y"] < 800
    assert text["x"] + text["width"] <= page.locator("#wrong-close").bounding_box()["x"]
    page.click("#wrong-close")
    assert page.is_hidden("#wrong")


def strokes(page, touch=False):
    """Draw two classes on the picture, one left and one right."""
    page.click("#draw")
    page.get_by_role("button", name="Start empty").click()
    box = page.locator("#picture").bounding_box()
    for label, x in ((0, 0.3), (1, 0.7)):
        page.locator(f'#pen input[value="{label}"]').check(force=True)
        for y in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7):
            place = box["x"] + x * box["width"], box["y"] + y * box["height"]
            page.touchscreen.tap(*place) if touch else page.mouse.click(*place)
    page.get_by_role("button", name="Done").click()
    wait_for(page, lambda: page.input_value("#data") == "points")


@pytest.mark.parametrize("touch", [False, True], ids=["mouse", "finger"])
def test_points_are_drawn(opened, touch):
    page = opened(width=1024, height=1400, has_touch=touch)
    strokes(page, touch)
    page.select_option("#speed", "0")
    page.click("#play")
    wait_for(page, lambda: number(page, "#score") == 1)
    page.click("#play")
    page.click("#python")
    wait_for(page, lambda: "points=[" in (page.text_content("#python-code") or ""))


def test_a_file_is_dropped_on_the_page(opened):
    page = opened()
    page.evaluate(
        """() => {
            const rows = [...Array(40).keys()].map((k) => `${k},${(k * k) % 7},${k % 2}`);
            const data = new DataTransfer();
            data.items.add(new File([["a,b,y", ...rows].join("\\n")], "\u00fcbung 1.csv"));
            for (const type of ["dragenter", "dragover", "drop"])
                document.body.dispatchEvent(
                    new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
        }"""
    )
    wait_for(page, lambda: page.input_value("#data") == "table")
    assert page.input_value("#target") == "y"
    page.click("#python")
    wait_for(page, lambda: "\u00fcbung 1.csv" in (page.text_content("#python-code") or ""))


PHASES = ["Row", *["Forward"] * 3, "Cost", *["Backward"] * 3, "Check", "Update"]


@pytest.mark.parametrize("width", [390, 1440])
def test_a_row_is_walked_through_step_by_step(opened, width):
    page = opened(width=width)
    page.click("#epoch-once")
    wait_for(page, lambda: number(page, "#epoch") == 1)
    page.click("#walk")
    page.locator("#walk-panel").wait_for()
    assert page.is_visible("#followed")
    phase = page.locator("#walk-phases [aria-current=step]")
    phases = [phase.text_content()]
    for place in range(2, len(PHASES) + 1):
        page.keyboard.press("ArrowRight")
        assert page.text_content("#walk-count") == f"Step {place} of {len(PHASES)}"
        phases.append(phase.text_content())
    assert phases == PHASES
    assert page.is_disabled("#walk-next")
    assert "→" in page.text_content("#walk-body td")  # each weight before and after
    page.click("#walk-back")
    page.keyboard.press("ArrowLeft")
    assert page.text_content("#walk-title") == "Backward: hidden layer 1"
    assert page.get_attribute(".column.lit", "data-column") == "1"
    deltas = page.locator("#walk-body td.strong").all_text_contents()
    beside = page.locator(".column.lit .value").all_text_contents()
    assert len(deltas) == len(beside) == 5
    for delta, value in zip(deltas, beside, strict=True):
        rounded, whole = (float(text.replace("−", "-")) for text in (value, delta))
        assert rounded == pytest.approx(whole, rel=0.06)
    page.click("#walk-phases >> text=Cost")
    assert page.get_attribute(".column.lit", "data-column") == "3"
    for place in ("#walk-close", "#walk-back", "#walk-next"):
        box = page.locator(place).bounding_box()
        assert 0 <= box["x"] <= box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= 900
    page.keyboard.press("Escape")
    assert page.is_hidden("#walk-panel")
    assert page.locator(".walked, .column.lit, #followed:visible").count() == 0
    assert page.evaluate("document.activeElement.id") == "walk"


def test_the_walk_follows_training(opened):
    page = opened("#data=diabetes")
    page.click("#play")
    wait_for(page, lambda: number(page, "#epoch") > 3)
    page.click("#walk")  # which pauses
    wait_for(page, lambda: page.get_attribute("#play", "aria-pressed") == "false")
    page.click("#walk-phases >> text=Forward")
    told, row = page.text_content("#walk-body"), page.text_content("#walk-row")
    page.click("#epoch-once")
    wait_for(page, lambda: page.text_content("#walk-body") != told)
    assert page.text_content("#walk-title") == "Forward: hidden layer 1 (tanh)"
    page.click("#row-after")
    wait_for(page, lambda: page.text_content("#walk-row") != row)
    page.click("#thumbs [data-name=moons]")
    wait_for(page, lambda: page.is_hidden("#walk-panel"))


def test_copied_python_runs(opened, capsys):
    page = opened()
    for _ in range(2):
        page.click("#epoch-once")
    wait_for(page, lambda: number(page, "#epoch") == 2)
    page.click("#python")
    wait_for(page, lambda: "partial_fit" in (page.text_content("#python-code") or ""))
    names = {}
    exec(page.text_content("#python-code"), names)
    assert len(names["model"].loss_curve_) == 2
    shown = number(page, "#test-score")
    said = float(re.search(r"([\d.]+) on the test rows", capsys.readouterr().out)[1])
    assert shown == pytest.approx(said, abs=0.006)


def test_by_the_keyboard_alone(opened):
    page = opened()
    page.keyboard.press(".")
    wait_for(page, lambda: number(page, "#epoch") == 1)
    page.keyboard.press("Space")
    wait_for(page, lambda: number(page, "#epoch") > 3)
    page.keyboard.press("Space")
    page.wait_for_timeout(200)
    page.keyboard.press("r")
    wait_for(page, lambda: number(page, "#epoch") == 0)
    page.keyboard.press(".")
    wait_for(page, lambda: number(page, "#epoch") == 1)
    reached = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {"play", "data", "solver", "learning-rate", "history", "add-layer"} <= reached


@pytest.mark.parametrize("width", [390, 1024, 1440])
def test_no_page_is_wider_than_its_window(opened, width):
    page = opened(width=width, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.click("#epoch-once")
    wait_for(page, lambda: number(page, "#epoch") == 1)


def overlap(one, other):
    across = min(one["x"] + one["width"], other["x"] + other["width"]) - max(one["x"], other["x"])
    down = min(one["y"] + one["height"], other["y"] + other["height"]) - max(one["y"], other["y"])
    return across > 0.5 and down > 0.5


@pytest.mark.parametrize("fragment", ["", "#data=iris&layers=8,8,4", "#layers=3,3,3,3,3,3,3,3"])
@pytest.mark.parametrize("width", [390, 1024, 1440])
def test_nothing_of_the_network_overlaps(opened, fragment, width):
    page = opened(fragment, width=width)
    layers = 2 if not fragment else fragment.partition("layers=")[2].count(",") + 1
    wait_for(page, lambda: page.locator(".controls").count() == layers)
    controls = "#network-card .controls button, .controls input, .controls select, .unit"
    boxes = [one.bounding_box() for one in page.locator(controls).all()]
    assert len(boxes) > 10
    for k, box in enumerate(boxes):
        assert not any(overlap(box, other) for other in boxes[:k])
    for one in page.locator(".controls button, .controls select").all():
        box = one.bounding_box()
        assert 0 <= box["x"] <= box["x"] + box["width"] <= width
    if layers < 8:  # all of the network is seen without scrolling
        for one in page.locator(".outputs .unit, .outputs .unit-label, .inputs .unit-label").all():
            box = one.bounding_box()
            assert 0 <= box["x"] <= box["x"] + box["width"] <= width - 8
    else:
        page.locator("#stage-scroll").evaluate("e => e.scrollBy(9999, 0)")
        box = page.locator(".outputs .unit").last.bounding_box()
        assert box["x"] + box["width"] <= width


def test_settings_are_shared_without_the_address(opened, server):
    page = opened("#data=spiral&layers=6,3&activation=relu,tanh&seed=7&learning_rate_init=0.03")
    wait_for(page, lambda: page.input_value("#data") == "spiral")
    page.click("#share")
    shared = page.input_value("#settings-text")
    assert shared.startswith('multilayer playground --settings "data=spiral&')
    assert server.token not in shared
    assert not re.search("127|localhost|http", shared)
    assert "trained weights" in page.text_content("#not-shared")
    other = Server(port=0)
    other.start()
    there = page.context.new_page()
    there.goto(other.address)
    wait_for(there, lambda: there.input_value("#data") == "moons")
    there.click("#share")
    there.fill("#pasted-settings", "nothing of the kind")
    there.click("#open-settings button")
    assert "holds no settings" in there.text_content("#shared")
    there.fill("#pasted-settings", shared)
    there.click("#open-settings button")
    wait_for(there, lambda: there.input_value("#data") == "spiral")
    assert there.input_value("#seed") == "7"
    assert there.input_value("#learning-rate") == "0.03"
    assert there.locator('.layer[data-layer="1"] .unit').count() == 6
    there.click("#share")
    assert there.input_value("#settings-text") == shared
    other.stop()


def test_a_table_of_your_own_is_not_shared(opened, tmp_path):
    houses(tmp_path / "houses.csv")
    page = opened()
    page.set_input_files("#upload", tmp_path / "houses.csv")
    wait_for(page, lambda: page.input_value("#data") == "table")
    page.click("#share")
    assert "your table houses.csv with its target and axes" in page.text_content("#not-shared")
    shared = page.input_value("#settings-text")
    assert "layers=5%2C5" in shared or "layers=5,5" in shared
    assert not re.search("area|price|table|data=", shared)


def test_a_learning_rate_of_a_million_is_explained(opened):
    page = opened()
    page.select_option("#solver", "sgd")
    page.fill("#learning-rate", "1000000")
    page.press("#learning-rate", "Enter")
    page.click("#play")
    wait_for(page, lambda: "explodes" in page.text_content("#advice"))
    page.locator("#advice button").first.click()
    wait_for(page, lambda: float(page.input_value("#learning-rate")) == 1e5)


def test_pictures_keep_up(opened):
    page = opened("#layers=8,8&rows=2000")
    page.select_option("#speed", "0")
    page.click("#play")
    wait_for(page, lambda: number(page, "#epoch") > 100)
