"""The alerts of a report."""

import warnings

import polars as pl

from multilayer import TabularClassifier
from multilayer.report import write_report
from multilayer.report.alerts import MOST_ALERTS, alerts
from multilayer.tables.alerts import Alert

LEAK = Alert("leak", ("alive",), "Column 'alive' determines 'survived'.", "Drop it.")
REMARK = Alert("gaps", ("deck",), "Column 'deck' has gaps.", "Check them.", serious=False)


def test_each_alert_is_told_with_what_to_do():
    section = alerts([LEAK, REMARK])
    assert section.reading.startswith("1 property of the table can make the scores below mislead")
    assert [alert.serious for alert in section.alerts] == [True, False]
    assert section.alerts[0].message == LEAK.message
    assert section.alerts[0].advice == LEAK.advice


def test_no_alerts_are_told_too():
    section = alerts([])
    assert section.reading.startswith("No alerts.")
    assert not section.alerts


def test_remarks_alone_are_no_warning():
    assert alerts([REMARK]).reading.startswith("Nothing was found that makes the scores below mis")


def test_very_many_alerts_are_cut():
    section = alerts([LEAK] * (MOST_ALERTS + 3))
    assert len(section.alerts) == MOST_ALERTS
    assert "3 are left out" in section.reading


def test_a_leak_is_told_before_the_scores(monkeypatch):
    monkeypatch.setattr("multilayer.report.svg._draw", lambda *args, **kwargs: "<svg></svg>")
    monkeypatch.setattr("multilayer.report.scores.RESAMPLES", 10)
    rows = 60
    X = pl.DataFrame({"alive": ["yes", "no"] * (rows // 2), "age": [1.5 * k for k in range(rows)]})
    y = pl.Series("survived", [1, 0] * (rows // 2))
    model = TabularClassifier(n_members=2, max_iter=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # which tells of the leak as well
        model.fit(X, y)
    html = write_report(model, X, y).html
    told = html.index("Column &#39;alive&#39; determines &#39;survived&#39;")
    assert told < html.index('id="scores"')
